// Package train_test holds exported checkpoints against what PyTorch computes with them.
package train_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/semsearch/semsearch/encoder"
	"github.com/semsearch/semsearch/encoder/checkpoint"
	"github.com/semsearch/semsearch/encoder/transformer"
)

// The largest difference between a number here and in PyTorch.
const tolerance = 1e-3

type fixtures struct {
	Encoder []struct {
		Text   string
		IDs    []int32
		Vector []float32
	}
	Reader []struct {
		Question, Passage string
		IDs, Types        []int32
		Start, End        []float32
	}
}

// TestExported compares a folder that train.py exported with the fixtures.json beside its models. test_train.py runs
// it on models it has just trained; SEMSEARCH_EXPORTED names another folder.
func TestExported(t *testing.T) {
	dir := os.Getenv("SEMSEARCH_EXPORTED")
	if dir == "" {
		t.Skip("SEMSEARCH_EXPORTED is not set; python3 -m unittest test_train sets it")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "fixtures.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want fixtures
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	if len(want.Encoder) == 0 && len(want.Reader) == 0 {
		t.Fatal("fixtures.json holds nothing to compare")
	}
	if len(want.Encoder) > 0 {
		testEncoder(t, filepath.Join(dir, "encoder"), &want)
	}
	if len(want.Reader) > 0 {
		testReader(t, filepath.Join(dir, "reader"), &want)
	}
}

func testEncoder(t *testing.T, dir string, want *fixtures) {
	ck, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	enc, err := encoder.New(ck, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range want.Encoder {
		if got := ck.Tokenizer.Encode(f.Text, ck.MaxTokens).IDs; !slices.Equal(got, f.IDs) {
			t.Errorf("%q: ids %v, want %v", f.Text, got, f.IDs)
		}
		got, err := enc.EncodePassages(context.Background(), []string{f.Text})
		if err != nil {
			t.Fatal(err)
		}
		near(t, f.Text, got[0], f.Vector)
	}
}

func testReader(t *testing.T, dir string, want *fixtures) {
	ck, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	h := ck.Config.HiddenSize
	head, err := ck.Linear("qa_outputs", 2, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range want.Reader {
		pair := ck.Tokenizer.BuildPair(ck.Tokenizer.Tokens(f.Question), ck.Tokenizer.Tokens(f.Passage))
		if !slices.Equal(pair.IDs, f.IDs) {
			t.Errorf("%q: ids %v, want %v", f.Question, pair.IDs, f.IDs)
			continue
		}
		n := len(f.IDs)
		hidden, logits := make([]float32, n*h), make([]float32, n*2)
		b := transformer.Batch{IDs: f.IDs, TypeIDs: f.Types, Starts: []int{0, n}}
		if err := ck.Model.Forward(context.Background(), b, hidden); err != nil {
			t.Fatal(err)
		}
		head.Apply(logits, hidden, n)
		start, end := make([]float32, n), make([]float32, n)
		for i := range n {
			start[i], end[i] = logits[2*i], logits[2*i+1]
		}
		near(t, f.Question+" start", start, f.Start)
		near(t, f.Question+" end", end, f.End)
	}
}

func near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d numbers, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if d := math.Abs(float64(got[i] - want[i])); !(d <= tolerance) {
			t.Errorf("%s: [%d] is %v, want %v", what, i, got[i], want[i])
			return
		}
	}
}
