package f32

import (
	"fmt"
	"testing"
)

// gflops reports the speed of a loop that did flops operations each time.
func gflops(b *testing.B, flops int) {
	b.ReportMetric(float64(flops)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
}

func benchEach(b *testing.B, name string, f func(b *testing.B, im impl)) {
	for _, im := range available() {
		b.Run(fmt.Sprintf("%s/%s", name, im), func(b *testing.B) { f(b, im) })
	}
}

func filled(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i%17)/8 - 1
	}
	return x
}

func BenchmarkLinear(b *testing.B) {
	for _, s := range []struct{ rows, in, out int }{
		{512, 384, 384}, {512, 384, 1536}, {512, 1536, 384}, {4096, 384, 1536}, {512, 768, 3072}, {512, 3072, 768}, {512, 1024, 1024},
		{1, 384, 1536}, {16, 384, 1536}, {32, 384, 384}, {128, 384, 1536},
	} {
		benchEach(b, fmt.Sprintf("%dx%dx%d", s.rows, s.in, s.out), func(b *testing.B, im impl) {
			l := newLinear(im, filled(s.in*s.out), nil, s.out, s.in)
			x, dst := filled(s.rows*s.in), make([]float32, s.rows*s.out)
			for b.Loop() {
				l.Apply(dst, x, s.rows)
			}
			gflops(b, 2*s.rows*s.in*s.out)
		})
	}
}

func BenchmarkNewLinear(b *testing.B) {
	benchEach(b, "384x1536", func(b *testing.B, im impl) {
		w := filled(384 * 1536)
		b.SetBytes(int64(4 * len(w)))
		for b.Loop() {
			newLinear(im, w, nil, 1536, 384)
		}
	})
}

var attentionSizes = []struct{ length, dim int }{{32, 32}, {128, 32}, {128, 64}, {512, 32}, {512, 64}}

// The rows of q, k and v stand three times a hidden size of 384 apart, as
// after one matrix product for the three.
const attentionStride = 3 * 384

func BenchmarkMatMulT(b *testing.B) {
	for _, s := range attentionSizes {
		benchEach(b, fmt.Sprintf("%dx%dx%d", s.length, s.length, s.dim), func(b *testing.B, im impl) {
			q, k := filled(s.length*attentionStride), filled(s.length*attentionStride)
			c := make([]float32, s.length*s.length)
			for b.Loop() {
				im.matMulT(s.length, s.length, s.dim, 0.125, q, attentionStride, k, attentionStride, c, s.length)
			}
			gflops(b, 2*s.length*s.length*s.dim)
		})
	}
}

func BenchmarkMatMul(b *testing.B) {
	for _, s := range attentionSizes {
		benchEach(b, fmt.Sprintf("%dx%dx%d", s.length, s.dim, s.length), func(b *testing.B, im impl) {
			p, v := filled(s.length*s.length), filled(s.length*attentionStride)
			c := make([]float32, s.length*384)
			for b.Loop() {
				im.matMul(s.length, s.dim, s.length, p, s.length, v, attentionStride, c, 384)
			}
			gflops(b, 2*s.length*s.length*s.dim)
		})
	}
}

var vectorSizes = []int{32, 384, 1024}

func BenchmarkDot(b *testing.B) {
	for _, n := range vectorSizes {
		benchEach(b, fmt.Sprint(n), func(b *testing.B, im impl) {
			x, y := filled(n), filled(n)
			b.SetBytes(int64(8 * n))
			for b.Loop() {
				im.dot(x, y)
			}
			gflops(b, 2*n)
		})
	}
}

func BenchmarkSquaredL2(b *testing.B) {
	for _, n := range vectorSizes {
		benchEach(b, fmt.Sprint(n), func(b *testing.B, im impl) {
			x, y := filled(n), filled(n)
			b.SetBytes(int64(8 * n))
			for b.Loop() {
				im.squaredL2(x, y)
			}
			gflops(b, 3*n)
		})
	}
}

// benchRow runs a function of one row of n floats.
func benchRow(b *testing.B, n int, f func(im impl, x []float32)) {
	benchEach(b, fmt.Sprint(n), func(b *testing.B, im impl) {
		x := filled(n)
		b.SetBytes(int64(4 * n))
		for b.Loop() {
			f(im, x)
		}
		b.ReportMetric(float64(n)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "Gelem/s")
	})
}

func BenchmarkSoftmax(b *testing.B) {
	for _, n := range []int{32, 128, 512} {
		benchRow(b, n, impl.softmax)
	}
}

func BenchmarkGELU(b *testing.B)     { benchRow(b, 1536, impl.gelu) }
func BenchmarkGELUTanh(b *testing.B) { benchRow(b, 1536, impl.geluTanh) }

func BenchmarkLayerNorm(b *testing.B) {
	gamma, beta := filled(384), filled(384)
	benchRow(b, 384, func(im impl, x []float32) { im.layerNorm(x, x, gamma, beta, 1e-12) })
}

func BenchmarkAxpy(b *testing.B) {
	y := filled(384)
	benchRow(b, 384, func(im impl, x []float32) { im.axpy(0, x, y) })
}

func BenchmarkAdd(b *testing.B) {
	y := make([]float32, 384)
	benchRow(b, 384, func(im impl, x []float32) { im.add(y, x) })
}

func BenchmarkNorm(b *testing.B) {
	benchRow(b, 384, func(im impl, x []float32) { im.sumSquares(x) })
}
