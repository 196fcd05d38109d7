package f32

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// TestAgainstTorch compares with testdata/torch.json, made by make_torch.py beside it.
func TestAgainstTorch(t *testing.T) {
	data, err := os.ReadFile("testdata/torch.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Rows []struct {
			X, Gamma, Beta, Softmax, Gelu []float32
			Eps                           float32
			GeluTanh                      []float32 `json:"gelu_tanh"`
			LayerNorm                     []float32 `json:"layer_norm"`
		}
		Products struct{ Q, K, V, W, B, Linear, Scores, Attention []float32 }
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	if len(want.Rows) == 0 || len(want.Products.Attention) == 0 {
		t.Fatal("testdata/torch.json is empty")
	}
	each(t, func(t *testing.T, im impl) {
		check := func(what string, got, want []float32) {
			t.Helper()
			if len(got) != len(want) || len(got) == 0 {
				t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
			}
			for i := range got {
				near(t, got[i], float64(want[i]), 2e-6*(1+math.Abs(float64(want[i]))), "%s %d of %d", what, i, len(want))
			}
		}
		row := func(x []float32, f func(x []float32)) []float32 {
			y := append([]float32(nil), x...)
			f(y)
			return y
		}
		for _, r := range want.Rows {
			check("softmax", row(r.X, im.softmax), r.Softmax)
			check("gelu", row(r.X, im.gelu), r.Gelu)
			check("gelu tanh", row(r.X, im.geluTanh), r.GeluTanh)
			check("layer norm", row(r.X, func(x []float32) { im.layerNorm(x, x, r.Gamma, r.Beta, r.Eps) }), r.LayerNorm)
		}

		const m, n, k = 11, 13, 32
		p := want.Products
		linear := make([]float32, len(p.Linear))
		newLinear(im, p.W, p.B, 40, k).Apply(linear, p.Q, m)
		check("linear", linear, p.Linear)
		scores := make([]float32, m*n)
		im.matMulT(m, n, k, float32(1/math.Sqrt(k)), p.Q, k, p.K, k, scores, n)
		check("scores", scores, p.Scores)
		for i := range m {
			im.softmax(scores[i*n : (i+1)*n])
		}
		attention := make([]float32, m*k)
		im.matMul(m, k, n, scores, n, p.V, k, attention, k)
		check("attention", attention, p.Attention)
	})
}
