package encoder_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/semsearch/semsearch/encoder"
	"github.com/semsearch/semsearch/encoder/safetensors"
)

const fixtures = "transformer/testdata"

// expected is what make_fixtures.py says an encoder must compute.
type expected struct {
	Texts   []string
	IDs     [][]int32
	vectors map[string][]float32 // "queries" and "passages", (texts, dim)
}

func readExpected(t testing.TB, name string) expected {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(fixtures, name, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var x expected
	if err := json.Unmarshal(data, &x); err != nil {
		t.Fatal(err)
	}
	data, err = os.ReadFile(filepath.Join(fixtures, name, "expected.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	x.vectors = make(map[string][]float32)
	for _, kind := range []string{"queries", "passages"} {
		if x.vectors[kind], err = f.Float32(kind); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

func open(t testing.TB, name string, o *encoder.Options) *encoder.Encoder {
	t.Helper()
	e, err := encoder.Open(filepath.Join(fixtures, name), o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestParity holds whole texts, through tokenizer, model and pooling, against PyTorch in float64.
func TestParity(t *testing.T) {
	ctx := context.Background()
	for name, dim := range map[string]int{"mean": 32, "concat": 4 * 48, "last": 4 * 24} {
		t.Run(name, func(t *testing.T) {
			x := readExpected(t, name)
			e := open(t, name, nil)
			if e.Dim() != dim {
				t.Fatalf("Dim is %d, want %d", e.Dim(), dim)
			}
			passages, err := e.EncodePassages(ctx, x.Texts)
			if err != nil {
				t.Fatal(err)
			}
			queries := make([][]float32, len(x.Texts))
			for i, text := range x.Texts {
				if queries[i], err = e.EncodeQuery(ctx, text); err != nil {
					t.Fatal(err)
				}
			}
			for kind, got := range map[string][][]float32{"queries": queries, "passages": passages} {
				want := x.vectors[kind]
				var worst float64
				for i, v := range got {
					if len(v) != dim {
						t.Fatalf("%s: vector of %d numbers", kind, len(v))
					}
					for j, y := range v {
						if d := math.Abs(float64(y) - float64(want[i*dim+j])); !(d <= worst) {
							worst = d
						}
					}
				}
				t.Logf("%s: max |Δ| = %.2g", kind, worst)
				if !(worst < 2e-6) {
					t.Errorf("%s: max |Δ| = %v", kind, worst)
				}
			}
		})
	}
}
