package transformer_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/encoder/transformer"
)

// someInt8 gives the matrices whose name contains one of only in int8, the rest as float.
type someInt8 struct {
	transformer.Int8Weights
	only []string
}

func (w someInt8) Int8(name string, rows, cols int) (*transformer.Int8Matrix, error) {
	for _, s := range w.only {
		if strings.Contains(name, s) {
			return w.Int8Weights.Int8(name, rows, cols)
		}
	}
	return nil, nil
}

// TestMixedLayers builds models of which some layers are int8: they lie near the float model and are no two the same, and
// a layer with one float matrix is float.
func TestMixedLayers(t *testing.T) {
	s := shape{3, 32, 4, 64, 50, 100}
	b := randomBatch(rand.New(rand.NewPCG(1, 9)), s.config(), 20, 3, 70)
	float := forward(t, modelOf(t, s, nil), b)
	seen := map[string][]float32{}
	for name, tc := range map[string]struct {
		only   []string
		layers int
	}{
		"first":      {[]string{"layer.0."}, 1},
		"middle":     {[]string{"layer.1."}, 1},
		"last":       {[]string{"layer.2."}, 1},
		"two":        {[]string{"layer.0.", "layer.2."}, 2},
		"all":        {[]string{"layer."}, 3},
		"parts only": {[]string{"attention.self.query", "intermediate", "layer.0.output", "layer.1.output"}, 0},
	} {
		m := modelOf(t, s, tc.only)
		if m.Int8Layers() != tc.layers {
			t.Errorf("%s: %d layers in int8, want %d", name, m.Int8Layers(), tc.layers)
		}
		got := forward(t, m, b)
		d := maxDiff(got, float)
		t.Logf("%s: max |Δ| = %.2g", name, d)
		if tc.layers == 0 && d != 0 || tc.layers > 0 && !(d > 0 && d < 0.1) {
			t.Errorf("%s: max |Δ| = %v", name, d)
		}
		for other, x := range seen {
			if tc.layers > 0 && maxDiff(got, x) == 0 {
				t.Errorf("%s and %s are the same", name, other)
			}
		}
		if tc.layers > 0 {
			seen[name] = got
		}
	}
}

// named makes up each tensor from its name, so that it has the same numbers whenever it is asked for.
type named struct{ randomWeights }

func (w named) Tensor(name string, shape ...int) ([]float32, error) {
	seed := uint64(1)
	for _, c := range name {
		seed = seed*31 + uint64(c)
	}
	return randomWeights{rand.New(rand.NewPCG(seed, 2))}.Tensor(name, shape...)
}

func modelOf(t *testing.T, s shape, only []string) *transformer.Model {
	t.Helper()
	w := someInt8{transformer.Quantized(named{}), only}
	m, err := transformer.New(s.config(), w, "")
	if err != nil {
		t.Fatal(err)
	}
	return m
}
