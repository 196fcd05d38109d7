package qa

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/encoder/transformer"
)

func TestSupport(t *testing.T) {
	ctx := context.Background()
	s := &shelf{hits: []db.Hit{
		hit(t, "a", docA, "Der Turm", "Paris."),
		hit(t, "b", docB, "In 1889", "tall."),
		hit(t, "c", docC, "The", "fair."),
	}}
	rd := testReader(t, pieces{99}, like(map[string]float32{"1889": 5, "330": 3}), nil)
	got, err := Ask(ctx, s, rd, "when?", nil)
	if err != nil || len(got) < 2 || got[0].Text != "1889" {
		t.Fatalf("%+v, %v", got, err)
	}
	if len(got[0].Support) != 2 || got[0].Support[0].ID != "b" || got[0].Support[1].ID != "c" {
		t.Fatalf("support %+v", got[0].Support)
	}
	for _, p := range got[0].Support {
		doc := map[string]string{"b": docB, "c": docC}[p.ID]
		line, col := lineColumn(doc, p.Start)
		if doc[p.Start:p.End] != p.Text || p.Line != line || p.Col != col || p.Hit.Text[p.Span.Start:p.Span.End] != p.Text {
			t.Errorf("%+v does not stand in its document", p)
		}
	}
}

// TestMinusIsNoSupport: what differs by a sign or unit is another answer.
func TestMinusIsNoSupport(t *testing.T) {
	hits := []db.Hit{{ID: "a", Text: "-5"}, {ID: "b", Text: "5"}, {ID: "c", Text: "5 %"}}
	var readings []Reading
	for i, h := range hits {
		readings = append(readings, Reading{Windows: 1, Spans: []Span{{End: len(h.Text), Text: h.Text, Score: 9 - float64(i)}}})
	}
	threshold, weight := 0.0, 0.0
	tr := &trace{question: "which", hits: hits, readings: readings, opt: AskOptions{K: 9, Threshold: &threshold, RankWeight: &weight}}
	tr.weigh()
	if got := tr.answers(); len(got) != 3 {
		t.Errorf("%d answers, want 3: %+v", len(got), got)
	}
}

// TestStreamEndsWithAnswer: the last answer of a stream is the first of Ask.
func TestStreamEndsWithAnswer(t *testing.T) {
	ctx := context.Background()
	s := &shelf{hits: []db.Hit{
		hit(t, "b", docB, "The Eiffel", "tall."),
		hit(t, "a", docA, "Der Turm", "Paris."),
		hit(t, "c", docC, "The", "fair."),
	}}
	rd := testReader(t, pieces{99}, like(map[string]float32{"330": 2, "1889": 5, "fair": 1}), nil)
	a, err := NewAnswerer(s, rd, nil)
	if err != nil {
		t.Fatal(err)
	}
	want, err := a.Ask(ctx, "when?", nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []Answer
	for an, err := range a.Stream(ctx, "when?", nil) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, an)
	}
	if len(got) < 2 || got[0].Text != "330" || !reflect.DeepEqual(got[len(got)-1], want[0]) {
		t.Errorf("stream %+v, want to end with %+v", got, want[0])
	}
	n := 0
	for range a.Stream(ctx, "when?", nil) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d answers after a break", n)
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	for _, err := range a.Stream(done, "when?", nil) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: %v", err)
		}
	}
	for _, err := range a.Stream(ctx, " ", nil) {
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("empty question: %v", err)
		}
	}
	// A stream whose answer is declined later says so.
	declined := testReader(t, pieces{99}, like(nil), nil)
	if a, err = NewAnswerer(s, declined, nil); err != nil {
		t.Fatal(err)
	}
	for an, err := range a.Stream(ctx, "when?", nil) {
		if err != nil || an.Text != "" {
			t.Errorf("%+v, %v", an, err)
		}
	}
}

// slow is a model that takes its time.
type slow struct {
	noise
	d time.Duration
}

func (s *slow) score(ctx context.Context, b transformer.Batch, start, end []float32) error {
	time.Sleep(s.d)
	return s.noise.score(ctx, b, start, end)
}

// TestTimeLimit: the best passage is always read, and nothing is begun when time is over.
func TestTimeLimit(t *testing.T) {
	s := &shelf{hits: []db.Hit{{ID: "a", Text: "one two"}, {ID: "b", Text: "three four"}, {ID: "c", Text: "five six"}}}
	model := &slow{d: 3 * time.Millisecond}
	rd := testReader(t, pieces{9}, model, nil)
	a, err := NewAnswerer(s, rd, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := a.Explain(context.Background(), "who", &AskOptions{Time: time.Nanosecond})
	if err != nil || len(e.Passages) != 1 || model.calls != 1 {
		t.Errorf("%d passages read in %d calls, %v", len(e.Passages), model.calls, err)
	}
	if e, err = a.Explain(context.Background(), "who", &AskOptions{Time: time.Hour}); err != nil || len(e.Passages) != 3 {
		t.Errorf("%d passages read, %v", len(e.Passages), err)
	}
}

// TestAnswersDoNotDependOnThreads: the same bits whatever the batches and the number of
// cores.
func TestAnswersDoNotDependOnThreads(t *testing.T) {
	ck := tinyReader(t).Checkpoint()
	long := strings.Repeat("the tall tower of Paris was built in 1889 by the king, ", 12)
	s := &shelf{hits: []db.Hit{
		{ID: "a", Text: "the old mill stands near the river"}, {ID: "b", Text: long}, {ID: "c", Text: "London"},
	}}
	var want []Answer
	for _, procs := range []int{1, 2, 5} {
		old := runtime.GOMAXPROCS(procs)
		for _, budget := range []int{1, 100, 0} {
			rd, err := NewReader(ck, &ReaderOptions{MaxTokens: 40, Overlap: 10, BatchTokens: budget})
			if err != nil {
				t.Fatal(err)
			}
			for _, limit := range []time.Duration{0, time.Hour} {
				got, err := Ask(context.Background(), s, rd, "Who built the tower?", &AskOptions{Time: limit, MinConfidence: new(float64)})
				if err != nil || len(got) == 0 {
					t.Fatalf("%v, %v", got, err)
				}
				if want == nil {
					want = got
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%d cores, %d tokens a batch, limit %v: other answers", procs, budget, limit)
				}
			}
		}
		runtime.GOMAXPROCS(old)
	}
}

// TestAnswersStandInDocuments: whatever the texts, passages and titles, answers and their support are bytes of
// their documents, at the line and column they say, and none overlaps another.
func TestAnswersStandInDocuments(t *testing.T) {
	tiny := tinyReader(t)
	rapid.Check(t, func(t *rapid.T) {
		docs := map[string]string{}
		s := &shelf{}
		for _, id := range []string{"a", "b"} {
			doc := drawText(t)
			docs[id] = doc
			for range rapid.IntRange(0, 4).Draw(t, "passages") {
				start := rapid.IntRange(0, len(doc)).Draw(t, "start")
				end := rapid.IntRange(start, len(doc)).Draw(t, "end")
				for start < len(doc) && !utf8.RuneStart(doc[start]) {
					start++
				}
				for end < len(doc) && !utf8.RuneStart(doc[end]) {
					end++
				}
				end = max(start, end)
				line, col := lineColumn(doc, start)
				s.hits = append(s.hits, db.Hit{ID: id, Title: rapid.SampledFrom([]string{"", "Paris", "do not"}).Draw(t, "title"),
					Text: doc[start:end], Start: start, End: end, Line: line, Col: col, DenseRank: 1, Cosine: rapid.Float64Range(-1, 1).Draw(t, "cosine")})
			}
		}
		rd := newTestReader(t, pieces{rapid.IntRange(1, 4).Draw(t, "piece")}, &noise{}, &ReaderOptions{MaxTokens: rapid.IntRange(12, 60).Draw(t, "max")})
		a := &Answerer{r: s, rd: rd, cal: calibrated(tiny, 0)}
		got, err := a.Ask(context.Background(), "who is it", &AskOptions{
			K: rapid.IntRange(1, 9).Draw(t, "k"), Titles: ptr(rapid.Bool().Draw(t, "titles")), MinConfidence: new(float64),
		})
		if err != nil {
			t.Fatal(err)
		}
		type place struct {
			id         string
			start, end int
		}
		var all []place
		check := func(id, text string, start, end, line, col int, hit db.Hit, span Span) {
			doc := docs[id]
			if doc[start:end] != text || hit.Text[span.Start:span.End] != text || hit.ID != id {
				t.Fatalf("%q is not %q[%d:%d]", text, doc, start, end)
			}
			if l, c := lineColumn(doc, start); l != line || c != col {
				t.Fatalf("%q at %d:%d, want %d:%d", text, line, col, l, c)
			}
			for _, p := range all {
				if p.id == id && p.start < end && start < p.end {
					t.Fatalf("%q overlaps another answer", text)
				}
			}
			all = append(all, place{id, start, end})
		}
		for _, an := range got {
			if !(an.Confidence >= 0 && an.Confidence <= 1 && an.Score >= 0 && an.Score <= 1) {
				t.Fatalf("confidence %v, score %v", an.Confidence, an.Score)
			}
			check(an.ID, an.Text, an.Start, an.End, an.Line, an.Col, an.Hit, an.Span)
			for _, p := range an.Support {
				if answerKey(p.Text) != answerKey(an.Text) {
					t.Fatalf("%q supports %q", p.Text, an.Text)
				}
				check(p.ID, p.Text, p.Start, p.End, p.Line, p.Col, p.Hit, p.Span)
			}
		}
	})
}

func TestNewAnswererErrors(t *testing.T) {
	rd := testReader(t, pieces{3}, &noise{}, nil)
	if _, err := NewAnswerer(nil, rd, nil); !errors.Is(err, ErrInvalid) {
		t.Errorf("no retriever: %v", err)
	}
	if _, err := NewAnswerer(&shelf{}, nil, nil); !errors.Is(err, ErrInvalid) {
		t.Errorf("no reader: %v", err)
	}
	if a, err := NewAnswerer(&shelf{}, rd, &AnswererOptions{NoCalibration: true}); err != nil || a.Calibration() != nil {
		t.Errorf("%v, %v", a, err)
	}
}

// BenchmarkWeigh is all that follows the reading of eight passages: spans joined, features, probabilities.
func BenchmarkWeigh(b *testing.B) {
	rd := testReader(b, pieces{99}, &noise{}, nil)
	text := strings.Repeat("the tall tower of Paris was built in 1889 by the king, ", 15)
	s := &shelf{}
	for range 8 {
		s.hits = append(s.hits, db.Hit{ID: "a", Text: text, DenseRank: 1, Cosine: 0.5, LexicalRank: 1, BM25: 3})
	}
	a, err := NewAnswerer(s, rd, nil)
	if err != nil {
		b.Fatal(err)
	}
	t, err := a.ask(context.Background(), "who built the tall tower", nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		t.weigh()
	}
}
