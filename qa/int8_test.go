package qa

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"github.com/semsearch/semsearch/encoder/checkpoint"
)

// TestReaderInt8 reads with an int8 copy of a reader: scores lie near those of the original.
func TestReaderInt8(t *testing.T) {
	ctx := context.Background()
	out := filepath.Join(t.TempDir(), "int8")
	if _, err := checkpoint.Quantize(ctx, "testdata/tiny-reader", out, nil); err != nil {
		t.Fatal(err)
	}
	float, err := Open("testdata/tiny-reader")
	if err != nil {
		t.Fatal(err)
	}
	rd, err := Open(out)
	if err != nil {
		t.Fatal(err)
	}
	if !rd.Checkpoint().Quantized() || rd.Threshold() != float.Threshold() {
		t.Errorf("quantized %v, threshold %v", rd.Checkpoint().Quantized(), rd.Threshold())
	}
	passages := []string{"Green tea is steeped below boiling water.", "", "The river bank is cold in the long winter of the north."}
	want, err := float.Read(ctx, "How is tea steeped?", passages, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := rd.Read(ctx, "How is tea steeped?", passages, nil)
	if err != nil {
		t.Fatal(err)
	}
	differ := false
	for i := range want {
		if d := math.Abs(got[i].Null - want[i].Null); !(d < 0.1) {
			t.Errorf("passage %d: null score %v, in float %v", i, got[i].Null, want[i].Null)
		}
		if len(want[i].Spans) == 0 {
			continue
		}
		d := math.Abs(got[i].Spans[0].Score - want[i].Spans[0].Score)
		differ = differ || d > 0
		if !(d < 0.1) {
			t.Errorf("passage %d: %+v, in float %+v", i, got[i].Spans[0], want[i].Spans[0])
		}
	}
	if !differ {
		t.Error("int8 makes no difference at all")
	}
}
