package transformer_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/semsearch/semsearch/encoder/transformer"
)

// TestQuantizeMatrixProperties quantises random rows, also very large and small ones, and compares with the plain
// rounding by the largest magnitude: the error is never larger, and no number is off by more than its clip allows.
func TestQuantizeMatrixProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(1, 5).Draw(t, "rows"), rapid.IntRange(1, 40).Draw(t, "cols")
		magnitude := math.Pow(10, rapid.Float64Range(-44, 38).Draw(t, "magnitude"))
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		w := make([]float32, rows*cols)
		for i := range w {
			w[i] = float32(max(-3, min(3, r.NormFloat64())) * magnitude)
			if r.IntN(8) == 0 {
				w[i] = 0
			}
		}
		m, err := transformer.QuantizeMatrix(w, rows, cols)
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			x, q, s := w[i*cols:(i+1)*cols], m.Q[i*cols:(i+1)*cols], float64(m.Scale[i])
			var top float64
			for _, v := range x {
				top = max(top, math.Abs(float64(v)))
			}
			if !(s > 0) || s > 1 && s > top/127*1.01 {
				t.Fatalf("scale %v of a row up to %v", s, top)
			}
			var got, plain float64
			step := float64(float32(top / 127))
			for j, v := range x {
				d := float64(v) - float64(q[j])*s
				if q[j] == -128 || math.Abs(d) > max(s/2, top*0.2)*1.001 {
					t.Fatalf("%v became %d * %v", v, q[j], s)
				}
				got += d * d
				if step > 0 {
					d := float64(v) - math.RoundToEven(float64(v)/step)*step
					plain += d * d
				}
			}
			if top > 127*0x1p-126 && got > plain*1.000001 {
				t.Fatalf("squared error %v, plain rounding has %v", got, plain)
			}
		}
	})
}

func TestQuantizeMatrixNotFinite(t *testing.T) {
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		w := make([]float32, 64*8)
		w[5*8+7], w[9*8] = bad, bad
		if _, err := transformer.QuantizeMatrix(w, 64, 8); err == nil || !strings.Contains(err.Error(), "row 5 ") {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
