package qa

import (
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/encoder/transformer"
)

// TestAttribute: what an occluded word adds is the score less that of reading the passage
// with the word hidden, worked out with one Read a word.
func TestAttribute(t *testing.T) {
	ctx := context.Background()
	rd := tinyReader(t)
	const question, passage = "Who built the tower?", "the tall tower of Paris was built in 1889 by the king"
	rs, err := rd.Read(ctx, question, []string{passage}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range rs[0].Spans {
		at, err := rd.Attribute(ctx, question, "", passage, s)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(at.Score-s.Score) > 1e-5 {
			t.Errorf("score %v, the span has %v", at.Score, s.Score)
		}
		if len(at.Question) != 4 || at.Question[3].Text != "tower" {
			t.Errorf("question words %+v", at.Question)
		}
		words := 0
		for _, w := range at.Passage {
			if passage[w.Start:w.End] != w.Text || w.Start < s.End && s.Start < w.End {
				t.Errorf("word %+v is not one of the passage beside %q", w, s.Text)
			}
			words++
		}
		if all := len(strings.Fields(passage)); words != all-len(strings.Fields(s.Text)) {
			t.Errorf("%d words beside %q, %d in all", words, s.Text, all)
		}
	}
}

// hearing is a model that likes a span by the words of the question alone.
type hearing struct {
	wordModel
	question wordModel
}

func (h *hearing) score(ctx context.Context, b transformer.Batch, start, end []float32) error {
	if err := h.wordModel.score(ctx, b, start, end); err != nil {
		return err
	}
	for k := range len(b.Starts) - 1 {
		var bonus float32
		for i := b.Starts[k]; i < b.Starts[k+1]; i++ {
			if b.TypeIDs[i] == 0 {
				bonus += h.question[b.IDs[i]]
			}
		}
		for i := b.Starts[k]; i < b.Starts[k+1]; i++ {
			if b.TypeIDs[i] == 1 {
				start[i] += bonus
			}
		}
	}
	return nil
}

func TestAttributeFindsTheWord(t *testing.T) {
	model := &hearing{like(map[string]float32{"Paris": 4}), like(map[string]float32{"capital": 3, "big": -1})}
	rd := testReader(t, pieces{99}, model, nil)
	ctx := context.Background()
	const passage = "In France the largest town is Paris today"
	rs, err := rd.Read(ctx, "which big capital", []string{passage}, nil)
	if err != nil {
		t.Fatal(err)
	}
	at, err := rd.Attribute(ctx, "which big capital", "", passage, rs[0].Spans[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(at.Question) != 3 || at.Question[0].Weight != 0 || at.Question[1].Weight != -1 || at.Question[2].Weight != 3 {
		t.Errorf("%+v", at.Question)
	}
	for _, w := range at.Passage {
		if w.Weight != 0 {
			t.Errorf("%+v, want 0", w)
		}
	}
}

func TestAttributeErrors(t *testing.T) {
	ctx := context.Background()
	rd := testReader(t, pieces{3}, &noise{}, nil)
	good := Span{Start: 0, End: 3, Text: "one"}
	var none *Reader
	for name, f := range map[string]func() error{
		"no reader": func() error { _, err := none.Attribute(ctx, "who", "", "one two", good); return err },
		"question":  func() error { _, err := rd.Attribute(ctx, " ", "", "one two", good); return err },
		"outside":   func() error { _, err := rd.Attribute(ctx, "who", "", "one two", Span{Start: 3, End: 99}); return err },
		"no span":   func() error { _, err := rd.Attribute(ctx, "who", "", "one two", Span{Start: 1, End: 2}); return err },
		"no text":   func() error { _, err := rd.Attribute(ctx, "who", "", " ", Span{Start: 0, End: 1}); return err },
	} {
		if err := f(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := rd.Attribute(done, "who", "", "one two", good); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// TestTitles: a title is read and holds no span, and spans keep their places.
func TestTitles(t *testing.T) {
	ctx := context.Background()
	words := like(map[string]float32{"Paris": 9, "1889": 5})
	rd := testReader(t, pieces{99}, words, nil)
	passages := []string{"It was built in 1889.", "Not here.", "", "1889 Paris"}
	rs, err := rd.Read(ctx, "when", passages, &ReadOptions{Titles: []string{"Paris, do not", "  ", "Paris", ""}})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rs {
		checkSpans(t, passages[i], r.Spans)
	}
	if s := rs[0].Spans[0]; s.Text != "1889" || passages[0][s.Start:s.End] != "1889" {
		t.Errorf("%+v", s)
	}
	if len(rs[2].Spans) != 0 || rs[2].Windows != 0 {
		t.Errorf("a passage of a title alone: %+v", rs[2])
	}
	bare, err := rd.Read(ctx, "when", passages, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{1, 3} {
		if !reflect.DeepEqual(rs[i], bare[i]) {
			t.Errorf("an empty title changes %+v to %+v", bare[i], rs[i])
		}
	}
	tiny := tinyReader(t)
	long := strings.Repeat("the old mill stands near the river ", 12)
	with, err := tiny.Read(ctx, "Who built it?", []string{long}, &ReadOptions{Titles: []string{strings.Repeat("London ü ", 99)}})
	if err != nil {
		t.Fatal(err)
	}
	checkSpans(t, long, with[0].Spans)
	if _, err := rd.Read(ctx, "when", passages, &ReadOptions{Titles: []string{"one"}}); !errors.Is(err, ErrInvalid) {
		t.Errorf("too few titles: %v", err)
	}
}
