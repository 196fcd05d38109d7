package qa

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/db"
)

// shelf is a Retriever that gives the same hits for every question.
type shelf struct {
	hits []db.Hit
	got  *db.QueryOptions
	q    string
	err  error
}

func (s *shelf) Query(ctx context.Context, q string, o *db.QueryOptions) ([]db.Hit, error) {
	s.q, s.got = q, o
	return s.hits, s.err
}

// hit is the passage of doc that begins with from and ends with to.
func hit(t testing.TB, id, doc, from, to string) db.Hit {
	t.Helper()
	start := strings.Index(doc, from)
	end := strings.Index(doc[start:], to) + start + len(to)
	lines := strings.Split(doc[:start], "\n")
	return db.Hit{ID: id, Title: "T " + id, Start: start, End: end, Text: doc[start:end],
		Line: len(lines), Col: len([]rune(lines[len(lines)-1])) + 1}
}

const (
	docA = "Straße nach Köln.\n\nDer Turm öffnete\r\nim Jahr 1889 in Paris. Weiter."
	docB = "In 1889 it opened. The Eiffel Tower is 330 metres tall."
	docC = "The paris, 1889 fair."
)

func TestAsk(t *testing.T) {
	ctx := context.Background()
	docs := map[string]string{"a": docA, "b": docB, "c": docC}
	s := &shelf{hits: []db.Hit{
		hit(t, "a", docA, "Der Turm", "Paris."),
		hit(t, "a", docA, "im Jahr", "Weiter."), // overlaps the first
		hit(t, "b", docB, "In 1889", "tall."),
		hit(t, "c", docC, "The", "fair."),
	}}
	rd := testReader(t, pieces{99}, like(map[string]float32{"1889": 5, "Paris": 4, "330": 3, "fair": 1}), nil)
	got, err := Ask(ctx, s, rd, "when?", &AskOptions{K: 10, Query: &db.QueryOptions{Mode: db.Lexical, K: 77}})
	if err != nil {
		t.Fatal(err)
	}
	if s.q != "when?" || s.got.K != 8 || s.got.Mode != db.Lexical {
		t.Errorf("retrieved %q with %+v", s.q, s.got)
	}
	var texts []string
	sum := 0.0
	for i, a := range got {
		texts = append(texts, a.Text)
		doc := docs[a.ID]
		if doc[a.Start:a.End] != a.Text {
			t.Errorf("%q is not document[%d:%d] = %q", a.Text, a.Start, a.End, doc[a.Start:a.End])
		}
		line, col := lineColumn(doc, a.Start)
		if a.Line != line || a.Col != col {
			t.Errorf("%q at %d:%d, want %d:%d", a.Text, a.Line, a.Col, line, col)
		}
		if a.Passage != a.Hit.Text || a.Hit.ID != a.ID || a.Passage[a.Span.Start:a.Span.End] != a.Text {
			t.Errorf("answer %q does not fit its hit %+v", a.Text, a.Hit)
		}
		if a.Score <= 0 || a.Score > 1 || i > 0 && a.Score > got[i-1].Score {
			t.Errorf("answer %d scores %v", i, a.Score)
		}
		sum += a.Score
	}
	// 1889 (score 10) to Paris (9 at best) would be one span of both: "1889 in Paris".
	if sum > 1 {
		t.Errorf("scores add up to %v", sum)
	}
	if texts[0] != "1889" || got[0].ID != "a" || got[0].Hit.Start != s.hits[0].Start {
		t.Errorf("answers %q from %s, want 1889 of the first passage first", texts, got[0].ID)
	}
	for i, x := range texts {
		for _, y := range texts[:i] {
			if answerKey(x) == answerKey(y) {
				t.Errorf("%q and %q are one answer", x, y)
			}
		}
	}
}

// lineColumn counts from the start of the document.
func lineColumn(doc string, at int) (line, col int) {
	line, col = 1, 1
	for _, r := range doc[:at] {
		if col++; r == '\n' {
			line, col = line+1, 1
		}
	}
	return line, col
}

// TestFusion works the documented formula out by hand.
func TestFusion(t *testing.T) {
	hits := []db.Hit{{ID: "a", Text: "one"}, {ID: "b", Text: "two"}, {ID: "c", Text: "The One!"}, {ID: "d", Text: "four"}}
	span := func(text string, score float64) []Span { return []Span{{End: len(text), Text: text, Score: score}} }
	readings := []Reading{{Spans: span("one", 1)}, {Spans: span("two", 2)}, {Spans: span("The One!", 3)}, {Spans: span("four", -1)}}
	ask := func(k int, weight, threshold float64) []Answer {
		tr := &trace{question: "which", hits: hits, readings: readings, opt: AskOptions{K: k, RankWeight: &weight, Threshold: &threshold}}
		tr.weigh()
		return tr.answers()
	}
	check := func(name string, got []Answer, ids string, scores ...float64) {
		t.Helper()
		var all string
		for i, a := range got {
			all += a.ID
			if i < len(scores) && math.Abs(a.Score-scores[i]) > 1e-12 {
				t.Errorf("%s: answer %s scores %v, want %v", name, a.ID, a.Score, scores[i])
			}
		}
		if all != ids {
			t.Errorf("%s: answers %s, want %s", name, all, ids)
		}
	}
	e := math.Exp
	check("reader alone", ask(9, 0, 0), "cb", e(3)/(1+e(3)+e(2)+e(-1)), e(2)/(1+e(3)+e(2)+e(-1)))
	// ln 2 = 0.69, ln 3 = 1.10, ln 4 = 1.39: a 1, b 1.31, c 1.90, d -2.39
	total := 1 + e(3)/3 + e(2)/2 + e(-1)/4
	check("with ranks", ask(9, 1, 0), "cb", e(3)/3/total, e(2)/2/total)
	check("ranks heavy", ask(9, 3, 0), "ab") // "The One!" falls behind "one"
	check("first only", ask(1, 1, 0), "c")
	check("high threshold", ask(9, 1, 1.5), "cbd", e(3)/3/(total-1+e(-1.5)))
	check("strict", ask(9, 0, -2.5), "c")
	check("too strict", ask(9, 0, -4), "")
	check("everything", ask(9, 0, math.Inf(1)), "cbd")
	check("nothing", ask(9, 0, math.Inf(-1)), "")
	// A better ranked span that is no answer does not hide the same words that are one.
	readings[0].Spans[0].Score = -0.1
	check("hidden", ask(9, 9, 0), "bc")
}

func TestAskNoAnswer(t *testing.T) {
	ctx := context.Background()
	s := &shelf{hits: []db.Hit{hit(t, "b", docB, "In", "tall.")}}
	rd := testReader(t, pieces{99}, like(nil), nil) // null score 0, every span -10
	for name, c := range map[string]struct {
		o    *AskOptions
		want int
	}{
		"default":   {nil, 0},
		"threshold": {&AskOptions{Threshold: new(float64)}, 0},
		"lenient":   {&AskOptions{Threshold: ptr(10.0), K: 2}, 2},
	} {
		got, err := Ask(ctx, s, rd, "who", c.o)
		if err != nil || len(got) != c.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	s.hits = nil
	if got, err := Ask(ctx, s, rd, "who", nil); err != nil || len(got) != 0 {
		t.Errorf("no hits: %v, %v", got, err)
	}
}

func ptr[T any](v T) *T { return &v }

func TestAskErrors(t *testing.T) {
	ctx := context.Background()
	rd := testReader(t, pieces{3}, &noise{}, nil)
	s := &shelf{hits: []db.Hit{{ID: "x", Text: "some words"}}}
	for name, f := range map[string]func() ([]Answer, error){
		"empty question": func() ([]Answer, error) { return Ask(ctx, s, rd, " ", nil) },
		"no retriever":   func() ([]Answer, error) { return Ask(ctx, nil, rd, "who", nil) },
		"no reader":      func() ([]Answer, error) { return Ask(ctx, s, nil, "who", nil) },
		"K":              func() ([]Answer, error) { return Ask(ctx, s, rd, "who", &AskOptions{K: -1}) },
		"Passages":       func() ([]Answer, error) { return Ask(ctx, s, rd, "who", &AskOptions{Passages: -1}) },
		"tokens":         func() ([]Answer, error) { return Ask(ctx, s, rd, "who", &AskOptions{MaxAnswerTokens: -1}) },
		"threshold":      func() ([]Answer, error) { return Ask(ctx, s, rd, "who", &AskOptions{Threshold: ptr(math.NaN())}) },
		"confidence":     func() ([]Answer, error) { return Ask(ctx, s, rd, "who", &AskOptions{MinConfidence: ptr(1.5)}) },
		"confidence NaN": func() ([]Answer, error) { return Ask(ctx, s, rd, "who", &AskOptions{MinConfidence: ptr(math.NaN())}) },
		"time":           func() ([]Answer, error) { return Ask(ctx, s, rd, "who", &AskOptions{Time: -1}) },
		"weight":         func() ([]Answer, error) { return Ask(ctx, s, rd, "who", &AskOptions{RankWeight: ptr(math.Inf(1))}) },
	} {
		if got, err := f(); !errors.Is(err, ErrInvalid) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	s.err = db.ErrClosed
	if _, err := Ask(ctx, s, rd, "who", nil); !errors.Is(err, db.ErrClosed) {
		t.Errorf("retriever failed: %v", err)
	}
	s.err = nil
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Ask(done, s, rd, "who", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
