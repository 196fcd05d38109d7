package i8

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/semsearch/semsearch/internal/f32"
)

// best runs the functions in turn, b.N rounds, and returns the shortest time of each in nanoseconds: on a
// machine with other work, a piece well below a time slice of the scheduler is now and then undisturbed.
func best(b *testing.B, f ...func()) []float64 {
	t := make([]float64, len(f))
	for i := range t {
		t[i] = math.Inf(1)
	}
	for b.Loop() {
		for i, run := range f {
			start := time.Now()
			run()
			t[i] = min(t[i], float64(time.Since(start).Nanoseconds()))
		}
	}
	return t
}

// BenchmarkShare holds Linear against its ceiling, a loop of its multiply-adds that touches no memory, and
// against the float32 layer, all in one run.
func BenchmarkShare(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range []struct{ rows, in, out int }{
		{16, 384, 384}, {84, 384, 384}, {84, 384, 1536}, {84, 1536, 384}, {84, 768, 768}, {84, 768, 3072}, {84, 3072, 768}, {1, 384, 1536}, {3, 384, 1536}, {5, 384, 1536},
	} {
		l := randomLayer(r, s.out, s.in)
		x, dst := floats(r, s.rows*s.in, 0).x, make([]float32, s.rows*s.out)
		float := f32.NewLinear(floats(r, s.in*s.out, 0).x, nil, s.out, s.in)
		for _, im := range available() {
			b.Run(fmt.Sprintf("%dx%dx%d/%s", s.rows, s.in, s.out, im), func(b *testing.B) {
				peak, ops := peak(im)
				lin, q := l.linear(im), quantized(im, x, s.rows, s.in)
				t := best(b,
					peak,
					func() { lin.Apply(dst, s.out, q, 0, s.rows) },
					func() { float.Apply(dst, x, s.rows) })
				work := float64(2 * s.rows * s.in * s.out)
				b.ReportMetric(work/t[1], "GOP/s")
				if ops > 0 {
					b.ReportMetric(ops/t[0], "peak-GOP/s")
					b.ReportMetric(work/t[1]/(ops/t[0]), "of-peak")
				}
				b.ReportMetric(t[2]/t[1], "times-f32")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkShareRows tells what the row functions take beside the product they go with, a row at a time: the
// best nanoseconds a row.
func BenchmarkShareRows(b *testing.B) {
	r := rand.New(rand.NewPCG(3, 4))
	const rows, hidden, mid = 42, 384, 1536
	up := randomLayer(r, mid, hidden)
	x, add, y := floats(r, rows*hidden, 0).x, make([]float32, rows*hidden), floats(r, rows*mid, 0).x
	gamma, beta := floats(r, hidden, 0).x, floats(r, hidden, 0).x
	for _, im := range available() {
		b.Run(im.String(), func(b *testing.B) {
			lin, q := up.linear(im), quantized(im, x, rows, hidden)
			var m Rows
			m.reset(im, rows, mid)
			t := best(b,
				func() { lin.Apply(y, mid, q, 0, rows) },
				func() { lin.ApplyQuantize(&m, 0, q, 0, rows, Identity) },
				func() { lin.ApplyQuantize(&m, 0, q, 0, rows, GELU) },
				func() { m.Quantize(0, y, rows, mid) },
				func() { q.LayerNormQuantize(0, x, hidden, add, hidden, gamma, beta, 1e-12, rows) })
			for i, name := range []string{"up", "up+quantize", "up+gelu+quantize", "quantize1536", "add+norm+quantize384"} {
				b.ReportMetric(t[i]/rows, name+"-ns/row")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
