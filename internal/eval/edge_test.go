package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/qa"
)

// A cut below one holds nothing, and grades at the ends of int are in order.
func TestMeasuresAtTheEdge(t *testing.T) {
	ranked, grades := []string{"a", "b"}, map[string]int{"a": 1, "b": math.MinInt}
	for _, k := range []int{0, -1, math.MinInt} {
		if n, r, m := NDCG(ranked, grades, k), Recall(ranked, grades, k), MRR(ranked, grades, k); n != 0 || r != 0 || m != 0 {
			t.Errorf("at %d: %v, %v, %v", k, n, r, m)
		}
	}
	if n := NDCG([]string{"a"}, map[string]int{"a": math.MaxInt, "b": -2, "c": math.MinInt}, 1); n != 1 {
		t.Errorf("nDCG %v, want 1", n)
	}
}

func TestCorrelationAtTheEdge(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	up := []float64{1, 2, 3, 4, 5, 6}
	for _, x := range [][]float64{
		{0.1, 0.1, 0.1, 0.1, 0.1, 0.1}, // the mean is not quite 0.1
		{1, 2, nan, 4, 5, 6},
		{nan, nan, nan, nan, nan, nan},
		{1, 2, 3},
	} {
		if p, q, s := Pearson(x, up), Pearson(up, x), Spearman(x, up); !math.IsNaN(p) || !math.IsNaN(q) || !math.IsNaN(s) {
			t.Errorf("%v: %v, %v, %v, want NaN", x, p, q, s)
		}
	}
	if p, s := Pearson([]float64{1, 2, inf, 4, 5, 6}, up), Spearman([]float64{1, 2, inf, 4, 5, 6}, up); !math.IsNaN(p) || !(s > 0.5 && s < 1) {
		t.Errorf("with infinity: %v, %v", p, s)
	}
	big := []float64{-1e300, 0, 1e300, 2e300, 3e300, 4e300}
	if p := Pearson(big, up); !near(p, 1) {
		t.Errorf("large values: %v, want 1", p)
	}
	third := []float64{1. / 3, 2. / 3, 1, 4. / 3, 5. / 3, 2}
	if p := Pearson(third, third); p > 1 {
		t.Errorf("%v is above 1", p)
	}
}

func TestBootstrapAtTheEdge(t *testing.T) {
	values := []float64{1, 2, 3, 4}
	for _, bca := range []bool{false, true} {
		of := func(values []float64, level float64, resamples int) Interval {
			return Bootstrap(values, &BootstrapOptions{Level: level, Resamples: resamples, BCa: bca})
		}
		for _, level := range []float64{-0.1, 1.1, math.NaN(), math.Inf(1)} {
			if in := of(values, level, 50); in != (Interval{}) {
				t.Errorf("level %v: %v", level, in)
			}
		}
		if in := of(values, 0.95, -1); in != (Interval{}) {
			t.Errorf("no resamples: %v", in)
		}
		if in := of([]float64{7, 7}, 0.95, 50); in != (Interval{7, 7}) {
			t.Errorf("one value: %v", in)
		}
		if in := of([]float64{7}, 0.95, 50); in != (Interval{7, 7}) {
			t.Errorf("a single value: %v", in)
		}
		if in := of(nil, 0.95, 50); in != (Interval{}) {
			t.Errorf("no values: %v", in)
		}
		if in := of(values, 1, 5000); in != (Interval{1, 4}) {
			t.Errorf("level 1: %v, want the least and the largest mean", in)
		}
		narrow, wide := of(values, 0.5, 5000), of(values, 0.95, 5000)
		if !(wide.Low < narrow.Low && narrow.Low < 2.5 && 2.5 < narrow.High && narrow.High < wide.High) {
			t.Errorf("%v is not inside %v around 2.5", narrow, wide)
		}
		if of(values, 0.95, 100) != of(values, 0.95, 100) {
			t.Error("two intervals of the same values")
		}
	}
	a := Bootstrap(values, &BootstrapOptions{Seed: 1, Resamples: 101})
	if a != Bootstrap(values, &BootstrapOptions{Resamples: 101}) || a == Bootstrap(values, &BootstrapOptions{Seed: 2, Resamples: 101}) {
		t.Error("the seed is not used")
	}
	if Bootstrap(values, nil) != Bootstrap(values, &BootstrapOptions{Level: 0.95, Resamples: 2000, Seed: 1}) {
		t.Error("the defaults are others")
	}
	nan := math.NaN()
	for _, in := range []Interval{
		BootstrapSpearman([]float64{1, 1, 1}, values[:3], nil), BootstrapPearson([]float64{1, 1, 1}, values[:3], nil),
		BootstrapSpearman([]float64{1, nan, 1}, values[:3], nil), BootstrapPearson([]float64{1, nan, 1}, values[:3], nil),
		BootstrapSpearman(values[:2], values[:3], nil), BootstrapPearson(values[:2], values[:3], nil),
	} {
		if !math.IsNaN(in.Low) || !math.IsNaN(in.High) {
			t.Errorf("interval %v of no correlation", in)
		}
	}
	if in := BootstrapSpearman(values, values, nil); in != (Interval{1, 1}) {
		t.Errorf("perfect correlation: %v", in)
	}
}

// A first line is a header only if a word stands where the grade would: a bad
// grade in the first line is not lost.
func TestQrelsHeader(t *testing.T) {
	for _, c := range []struct {
		in string
		ok bool
	}{
		{"query-id\tcorpus-id\tscore\nq\td\t1", true},
		{"\xef\xbb\xbf\r\nquery-id\titeration\tcorpus-id\tscore\r\nq\t0\td\t1\r\n", true},
		{"qid docid rel\nq d 1", true},
		{"q\td\t1\r\n", true},
		{"q\td\t1.5\nq\td\t1", false},
		{"q\td\t1\t\nq\td\t1", false}, // an empty fourth column
		{"q\td\t99999999999999999999\nq\td\t1", false},
		{"query-id\tcorpus-id\tscore\nquery-id\tcorpus-id\tscore\nq\td\t1", false},
		{"query-id\tcorpus-id\nq\td\t1", false},
	} {
		got, err := ReadQrels("f", strings.NewReader(c.in))
		if c.ok && (err != nil || len(got) != 1 || len(got["q"]) != 1 || got["q"]["d"] != 1) || !c.ok && !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v, %v", c.in, got, err)
		}
	}
}

func TestIDs(t *testing.T) {
	for in, want := range map[string]string{
		`{"_id":"ä","text":""}`:               "ä",
		`{"_id":7,"text":""}`:                 "7",
		`{"_id":12345678901234567,"text":""}`: "12345678901234567",
		`{"_id":null,"id":"x","text":""}`:     "x",
		`{"_id":"a","id":"b","text":""}`:      "a",
		`{"_id":true,"text":""}`:              "",
		`{"_id":{},"text":""}`:                "",
		`{"_id":"","text":""}`:                "",
		`{"_id":"x","text":null}`:             "",
		`["_id"]`:                             "",
	} {
		got, err := ReadQueries("q.jsonl", strings.NewReader(in))
		if want == "" {
			if !errors.Is(err, ErrFormat) || !strings.HasPrefix(err.Error(), "q.jsonl:1: ") || got != nil {
				t.Errorf("%s: %v, %v", in, got, err)
			}
		} else if err != nil || len(got) != 1 || got[0].ID != want {
			t.Errorf("%s: %v, %v, want %q", in, got, err, want)
		}
	}
}

// The lines are those of the paragraph or the question that is wrong.
func TestSQuADErrorLines(t *testing.T) {
	const form = `{"version": "1.1",
"data": [
 {"title": "A", "paragraphs": []},
 {"title": "B", "extra": {"data": [1, {"paragraphs": 2}]}, "paragraphs": [
  {"context": "a",
   "qas": [{"id": "q1", "question": "?", "answers": [{"text": "a", "answer_start": 0}]},
           {"id": "q2", "question": "q3",
            "answers": []},
           %s]},
  %s
 ]}
]}`
	const good, par = `{"id": "q3", "question": "?"}`, `{"context": "b"}`
	if s, err := ReadSQuAD("f", strings.NewReader(fmt.Sprintf("\xef\xbb\xbf"+strings.ReplaceAll(form, "\n", "\r\n"), good, par))); err != nil || len(s.Questions) != 3 {
		t.Fatalf("%+v, %v", s, err)
	}
	for _, c := range []struct{ question, paragraph, want string }{
		{`{"question": "?"}`, par, `f:9: article 2 (B), paragraph 1: question without "id"`},
		{`{"id": null, "question": "?"}`, par, `f:9: article 2 (B), paragraph 1: question without "id"`},
		{`{"id": [1], "question": "?"}`, par, `f:9: article 2 (B), paragraph 1: question with "id": neither a string nor a number`},
		{`{"id": "q2", "question": "?"}`, par, `f:9: question id "q2" twice`},
		{`{"id": "q3"}`, par, `f:9: question "q3": no "question"`},
		{`{"id": "q3", "question": "?", "answers": [{"answer_start": 0}]}`, par, `f:9: question "q3": answer without "text"`},
		{`{"id": "q3", "question": "?", "answers": [{"text": "a", "answer_start": "0"}]}`, par, `f:9: json: `},
		{good, `{"qas": []}`, `f:10: article 2 (B), paragraph 2: no "context"`},
		{good, `{"context": 3}`, `f:10: json: `},
		{good, `{"context": "` + "\xff" + `"}`, `f:10: invalid UTF-8`},
		{good, `{"context": "x"]`, `f:10: `},
		{good, `{"context": "x"`, `f:11: `},
	} {
		_, err := ReadSQuAD("f", strings.NewReader(fmt.Sprintf(form, c.question, c.paragraph)))
		if !errors.Is(err, ErrFormat) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s, %s:\n%v, want\n%s", c.question, c.paragraph, err, c.want)
		}
	}
	if _, err := ReadSQuAD("f", strings.NewReader("{\"data\": [],\n\"version\":\n{}}")); !errors.Is(err, ErrFormat) || !strings.HasPrefix(err.Error(), "f:3: version: ") {
		t.Errorf("version: %v", err)
	}
}

func TestSQuADVersion(t *testing.T) {
	for version, v2 := range map[string]bool{`"1.1"`: false, `"v1.0"`: false, `"2.0"`: true, `"v2.0"`: true, `"v2"`: true, `2.0`: true, `2`: true,
		`null`: false, `"2021"`: false, `"made 2024"`: false} {
		s, err := ReadSQuAD("f", strings.NewReader(`{"version":`+version+`,"data":[]}`))
		if err != nil || s.V2 != v2 || version == "null" && s.Version != "" {
			t.Errorf("%s: %+v, %v", version, s, err)
		}
	}
	s, err := ReadSQuAD("f", strings.NewReader(`{"data":[{"paragraphs":[{"context":"x","qas":[{"id":"1","question":"?","is_impossible":false}]}]}]}`))
	if err != nil || !s.V2 || s.Questions[0].Impossible {
		t.Errorf("is_impossible: %+v, %v", s, err)
	}
}

// What went wrong in reading is passed on, and is not ErrFormat.
func TestReadFailure(t *testing.T) {
	broken := errors.New("broken")
	in := iotest.ErrReader(broken)
	_, e1 := ReadCorpus("f", in)
	_, e2 := ReadQueries("f", in)
	_, e3 := ReadQrels("f", in)
	_, e4 := ReadSTS("f", in)
	_, e5 := ReadSQuAD("f", in)
	for i, err := range []error{e1, e2, e3, e4, e5} {
		if !errors.Is(err, broken) || errors.Is(err, ErrFormat) || !strings.HasPrefix(err.Error(), "f:") {
			t.Errorf("reader %d: %v", i+1, err)
		}
	}
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := OpenSQuAD(missing); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := OpenSTS(missing); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("missing file: %v", err)
	}
}

// readings gives these, whatever is asked.
type readings []qa.Reading

func (r readings) Read(context.Context, string, []string, *qa.ReadOptions) ([]qa.Reading, error) {
	return r, nil
}

// vectors gives these, whatever the texts.
type vectors [][]float32

func (v vectors) EncodePassages(context.Context, []string) ([][]float32, error) { return v, nil }

func TestBrokenCallees(t *testing.T) {
	set := &SQuAD{Contexts: []Context{{}}, Questions: []Question{{ID: "q7"}}}
	for _, r := range []readings{nil, {{}, {}}} {
		if _, err := QA(t.Context(), r, set, nil); err == nil || !strings.Contains(err.Error(), `"q7"`) {
			t.Errorf("%d readings for one passage: %v", len(r), err)
		}
	}
	for _, v := range []vectors{nil, {{1}}, {{1, 2}, {1}}} {
		if _, err := STS(t.Context(), v, []Pair{{}}); err == nil {
			t.Errorf("vectors %v: no error", v)
		}
	}
	broken := errors.New("broken")
	ask := func(context.Context, string) ([]qa.Answer, error) { return nil, broken }
	if _, err := AskAll(t.Context(), ask, set, 0, nil); !errors.Is(err, broken) || !strings.Contains(err.Error(), `"q7"`) {
		t.Errorf("failing asker: %v", err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	set := &SQuAD{Contexts: []Context{{}}, Questions: make([]Question, 5)}
	calls := 0
	stop := func(int, int) {
		if calls++; calls == 2 {
			cancel()
		}
	}
	if _, err := QA(ctx, readings{{}}, set, &QAOptions{Progress: stop}); !errors.Is(err, context.Canceled) || calls != 2 {
		t.Errorf("QA: %v after %d questions", err, calls)
	}
	if _, err := AskAll(ctx, nil, set, 0, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("AskAll: %v", err)
	}
	if _, err := Retrieval(ctx, nil, &RetrievalSet{Queries: make([]Query, 1)}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Retrieval: %v", err)
	}
}

// Nothing to measure is a report of zeros, not of NaN.
func TestEmptySets(t *testing.T) {
	s := failing{errors.New("never asked")}
	if r, err := Retrieval(t.Context(), s, &RetrievalSet{Queries: []Query{{ID: "q"}}}, nil); err != nil || r.Queries != 0 || r.Skipped != 1 || r.NDCG != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	for _, v2 := range []bool{false, true} {
		if r, err := QA(t.Context(), readings(nil), &SQuAD{V2: v2}, nil); err != nil || r.Exact != 0 || r.NoAnsAcc != 0 || r.RightDocument != 0 {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if r, err := STS(t.Context(), s, nil); err != nil || !math.IsNaN(r.Spearman) || r.Pairs != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestScoreWithoutGolds(t *testing.T) {
	for _, c := range []struct {
		answers    []Gold
		prediction string
		v2         bool
		want       float64
	}{
		{nil, "", true, 1},
		{nil, "The...", true, 1}, // nothing is left of it
		{nil, "x", true, 0},
		{[]Gold{{Text: "a"}}, "", true, 1}, // a gold of which nothing is left
		{[]Gold{{Text: "x"}}, "", true, 0},
		{nil, "", false, 0}, // in 1.1 there is no such question
		{nil, "x", false, 0},
	} {
		q := Question{Answers: c.answers}
		if e, f := q.Score(c.prediction, c.v2); e != c.want || f != c.want {
			t.Errorf("%q for %v, v2 %v: %v, %v, want %v", c.prediction, c.answers, c.v2, e, f, c.want)
		}
	}
}

var _ Searcher = (*db.DB)(nil)
var _ Reader = (*qa.Reader)(nil)
