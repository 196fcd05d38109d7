package i8

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestSkeleton(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const rows, in, out = 7, 33, 21
	w, scale, bias := make([]int8, out*in), make([]float32, out), make([]float32, out)
	for i := range w {
		w[i] = int8(r.IntN(256) - 128)
	}
	for i := range scale {
		scale[i], bias[i] = r.Float32(), r.Float32()
	}
	x := make([]float32, rows*in)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	var q, mid Rows
	Quantize(&q, x, rows, in, in)
	l := NewLinear(w, scale, bias, out, in)
	y := make([]float32, rows*out)
	l.Apply(y, out, &q, 0, rows)
	mid.Reset(rows, out)
	l.ApplyQuantize(&mid, 0, &q, 0, rows, GELU)
	for i := range rows {
		for o := range out {
			var sum float64
			for k := range in {
				sum += float64(q.At(i, k)) * float64(w[o*in+k])
			}
			want := sum*float64(q.Scale(i))*float64(scale[o]) + float64(bias[o])
			if math.Abs(want-float64(y[i*out+o])) > 1e-4*(1+math.Abs(want)) {
				t.Fatalf("(%d,%d) is %v, want %v", i, o, y[i*out+o], want)
			}
			g := want * 0.5 * math.Erfc(-want/math.Sqrt2)
			if got := float64(mid.At(i, o)) * float64(mid.Scale(i)); math.Abs(got-g) > 0.51*float64(mid.Scale(i)) {
				t.Fatalf("gelu (%d,%d) is %v, want %v", i, o, got, g)
			}
		}
	}
}
