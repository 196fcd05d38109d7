package encoder_test

import (
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/semsearch/semsearch/encoder"
)

// TestInt8 encodes with int8 checkpoints and with float ones run in int8: near the float vectors, and
// the same alone and in a batch.
func TestInt8(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	float := open(t, "mean", nil)
	texts := randomTexts(rand.New(rand.NewPCG(1, 1)), 40, 12)
	want := passages(t, float, texts...)
	onLoad, err := encoder.Open(filepath.Join(fixtures, "mean"), &encoder.Options{Int8: true})
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]*encoder.Encoder{"int8": open(t, "int8", nil), "on load": onLoad} {
		if e.Fingerprint() == float.Fingerprint() || e.Dim() != float.Dim() {
			t.Errorf("%s: %s, %d", name, e.Fingerprint(), e.Dim())
		}
		got := passages(t, e, texts...)
		worst := 1.0
		for i, v := range got {
			var cos float64
			for j := range v {
				cos += float64(v[j]) * float64(want[i][j])
			}
			worst = min(worst, cos)
		}
		t.Logf("%s: worst cosine %.5f", name, worst)
		if !(worst > 0.99) || worst > 0.9999999 {
			t.Errorf("%s: worst cosine %v", name, worst)
		}
		for _, procs := range []int{1, 4} {
			runtime.GOMAXPROCS(procs)
			for i, text := range texts {
				if alone := passages(t, e, text)[0]; !slices.Equal(alone, got[i]) {
					t.Errorf("%s: %q alone on %d cores differs", name, text, procs)
				}
			}
		}
	}
}
