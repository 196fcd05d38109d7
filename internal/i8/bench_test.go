package i8

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/semsearch/semsearch/internal/f32"
)

// gops reports the speed of a loop that did ops operations each time.
func gops(b *testing.B, ops int) {
	b.ReportMetric(float64(ops)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GOP/s")
}

func benchEach(b *testing.B, name string, f func(b *testing.B, im impl)) {
	for _, im := range available() {
		b.Run(fmt.Sprintf("%s/%s", name, im), func(b *testing.B) { f(b, im) })
	}
}

var linearSizes = []struct{ rows, in, out int }{
	{512, 384, 384}, {512, 384, 1152}, {512, 384, 1536}, {512, 1536, 384}, {512, 768, 3072}, {512, 3072, 768},
	{1, 384, 1536}, {16, 384, 1536}, {32, 384, 384}, {128, 384, 1536},
}

// BenchmarkLinear is the product with its inputs quantised already; the last lines of each size are the
// float32 layer of the same shape.
func BenchmarkLinear(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range linearSizes {
		name := fmt.Sprintf("%dx%dx%d", s.rows, s.in, s.out)
		l := randomLayer(r, s.out, s.in)
		x, dst := floats(r, s.rows*s.in, 0).x, make([]float32, s.rows*s.out)
		benchEach(b, name, func(b *testing.B, im impl) {
			lin, q := l.linear(im), quantized(im, x, s.rows, s.in)
			for b.Loop() {
				lin.Apply(dst, s.out, q, 0, s.rows)
			}
			gops(b, 2*s.rows*s.in*s.out)
		})
		b.Run(name+"/f32-"+f32.Impl(), func(b *testing.B) {
			lin := f32.NewLinear(floats(r, s.in*s.out, 0).x, nil, s.out, s.in)
			for b.Loop() {
				lin.Apply(dst, x, s.rows)
			}
			gops(b, 2*s.rows*s.in*s.out)
		})
	}
}

// BenchmarkApplyQuantize is the up projection of a feed-forward block.
func BenchmarkApplyQuantize(b *testing.B) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, s := range []struct{ rows, in, out int }{{84, 384, 1536}, {84, 768, 3072}, {16, 384, 1536}} {
		l := randomLayer(r, s.out, s.in)
		x := floats(r, s.rows*s.in, 0).x
		for _, act := range []Activation{Identity, GELU, ReLU} {
			name := fmt.Sprintf("%dx%dx%d/%s", s.rows, s.in, s.out, map[Activation]string{Identity: "identity", GELU: "gelu", ReLU: "relu"}[act])
			benchEach(b, name, func(b *testing.B, im impl) {
				lin, q := l.linear(im), quantized(im, x, s.rows, s.in)
				var mid Rows
				mid.reset(im, s.rows, s.out)
				for b.Loop() {
					lin.ApplyQuantize(&mid, 0, q, 0, s.rows, act)
				}
				gops(b, 2*s.rows*s.in*s.out)
			})
		}
	}
}

// benchRow runs a function of one row of n floats.
func benchRow(b *testing.B, n int, f func(im impl, q *Rows, x []float32)) {
	benchEach(b, fmt.Sprint(n), func(b *testing.B, im impl) {
		x := floats(rand.New(rand.NewPCG(5, 6)), n, 0).x
		var q Rows
		q.reset(im, 1, n)
		b.SetBytes(int64(4 * n))
		for b.Loop() {
			f(im, &q, x)
		}
		b.ReportMetric(float64(n)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "Gelem/s")
	})
}

func BenchmarkQuantize(b *testing.B) {
	for _, n := range []int{384, 1536} {
		benchRow(b, n, func(im impl, q *Rows, x []float32) { q.Quantize(0, x, 1, n) })
	}
}

func BenchmarkLayerNormQuantize(b *testing.B) {
	one, zero := make([]float32, 768), make([]float32, 768)
	for i := range one {
		one[i] = 1
	}
	for _, n := range []int{384, 768} {
		benchRow(b, n, func(im impl, q *Rows, x []float32) {
			q.LayerNormQuantize(0, x, n, zero, n, one[:n], zero[:n], 1e-12, 1)
		})
	}
}

func BenchmarkActivation(b *testing.B) {
	for act, name := range map[Activation]string{GELU: "gelu", ReLU: "relu"} {
		b.Run(name, func(b *testing.B) {
			benchRow(b, 1536, func(im impl, q *Rows, x []float32) { im.activate(act, x) })
		})
	}
}

func BenchmarkDot(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, n := range []int{32, 384, 1024} {
		benchEach(b, fmt.Sprint(n), func(b *testing.B, im impl) {
			x, y := int8s(r, n, 0).x, int8s(r, n, 0).x
			b.SetBytes(int64(2 * n))
			for b.Loop() {
				im.dot(x, y)
			}
			gops(b, 2*n)
		})
	}
}

func BenchmarkDotRows(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, s := range []struct{ count, dim int }{{32, 384}, {1024, 384}, {32, 768}} {
		benchEach(b, fmt.Sprintf("%dx%d", s.count, s.dim), func(b *testing.B, im impl) {
			q, rows, dst := int8s(r, s.dim, 0).x, int8s(r, s.count*s.dim, 0).x, make([]int32, s.count)
			b.SetBytes(int64(s.count * s.dim))
			for b.Loop() {
				im.dotRows(dst, q, rows, s.dim)
			}
			gops(b, 2*s.count*s.dim)
		})
	}
}

func BenchmarkNewLinear(b *testing.B) {
	benchEach(b, "384x1536", func(b *testing.B, im impl) {
		l := randomLayer(rand.New(rand.NewPCG(11, 12)), 1536, 384)
		b.SetBytes(int64(len(l.w)))
		for b.Loop() {
			l.linear(im)
		}
	})
}
