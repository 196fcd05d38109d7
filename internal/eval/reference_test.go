package eval

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
	"github.com/semsearch/semsearch/qa"
)

// The tests of this file read whole files, run whole evaluations and compare
// with what testdata/reference.py computed from the same files.

func loadJSON(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// replay is a Searcher that knows the ranking of each query text, passage by
// passage: documents come again.
type replay struct {
	t    *testing.T
	k    int
	mode db.Mode
	runs map[string][]string
}

func (s replay) Query(_ context.Context, q string, o *db.QueryOptions) ([]db.Hit, error) {
	if o.K != s.k || o.PerDocument != 1 || o.Mode != s.mode {
		s.t.Errorf("query %q: options %+v", q, o)
	}
	id := strings.TrimSuffix(strings.TrimPrefix(q, "What is "), "?")
	run, ok := s.runs[id]
	if !ok {
		return nil, fmt.Errorf("no run for %q", id)
	}
	hits := make([]db.Hit, len(run))
	for i, d := range run {
		hits[i] = db.Hit{ID: d, Passage: i}
	}
	return hits, nil
}

func TestRetrievalReference(t *testing.T) {
	type figures struct{ NDCG, Recall, MRR float64 }
	var want struct {
		Docs, Queries, Used []string
		Qrels               Qrels
		Runs                map[string][]string
		PerQuery            map[string]map[string]figures `json:"per_query"`
		Means               map[string]figures
	}
	loadJSON(t, "retrieval.json", &want)
	set, err := OpenRetrieval(filepath.Join("testdata", "beir"))
	if err != nil {
		t.Fatal(err)
	}

	// What was read.
	if set.Name != "beir" || !reflect.DeepEqual(set.Qrels, want.Qrels) {
		t.Errorf("set %q: judgements differ:\n%v\n%v", set.Name, set.Qrels, want.Qrels)
	}
	trec, err := readFile(filepath.Join("testdata", "qrels.trec"), ReadQrels)
	if err != nil || !reflect.DeepEqual(trec, want.Qrels) {
		t.Errorf("TREC judgements: %v, %v", trec, err)
	}
	var ids []string
	for i, d := range set.Docs {
		ids = append(ids, d.ID)
		text, title := "Text of "+d.ID+".", "Title of "+d.ID
		switch i {
		case 7:
			text, title = "no title", ""
		case 8:
			text = ""
		case len(want.Docs):
			text, title = " \t", ""
		}
		if d.Text != text || d.Title != title {
			t.Errorf("document %d: %+v", i, d)
		}
	}
	if !slices.Equal(ids, append(slices.Clone(want.Docs), "empty")) {
		t.Errorf("documents %q", ids)
	}
	docs := set.Documents()
	if len(docs) != len(want.Docs) || docs[8].Text != "Title of d8" {
		t.Errorf("%d documents for a database, number 8 is %+v", len(docs), docs[8])
	}
	ids = nil
	for _, q := range set.Queries {
		ids = append(ids, q.ID)
		if q.Text != "What is "+q.ID+"?" {
			t.Errorf("query %+v", q)
		}
	}
	if !slices.Equal(ids, want.Queries) {
		t.Errorf("queries %q", ids)
	}

	// Each ranking at each cut.
	n := 0
	for q, cuts := range want.PerQuery {
		ranked := documents(replayHits(want.Runs[q]))
		for cut, w := range cuts {
			var k int
			if _, err := fmt.Sscan(cut, &k); err != nil {
				t.Fatal(err)
			}
			n++
			got := figures{NDCG(ranked, set.Qrels[q], k), Recall(ranked, set.Qrels[q], k), MRR(ranked, set.Qrels[q], k)}
			if !near(got.NDCG, w.NDCG) || !near(got.Recall, w.Recall) || !near(got.MRR, w.MRR) {
				t.Errorf("%s at %d: %+v, want %+v", q, k, got, w)
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d rankings compared", n)
	}

	// The means: queries without relevant judged documents are left out.
	for cut, w := range want.Means {
		o := &RetrievalOptions{Query: &db.QueryOptions{Mode: db.Lexical, K: 5, PerDocument: 3}}
		if _, err := fmt.Sscanf(cut, "%d/%d", &o.K, &o.RecallK); err != nil {
			t.Fatal(err)
		}
		var done []int
		o.Progress = func(i, total int) {
			if total != len(want.Queries) {
				t.Errorf("progress of %d", total)
			}
			done = append(done, i)
		}
		s := replay{t, max(o.K, o.RecallK), db.Lexical, want.Runs}
		r, err := Retrieval(t.Context(), s, set, o)
		if err != nil {
			t.Fatal(err)
		}
		if !near(r.NDCG, w.NDCG) || !near(r.Recall, w.Recall) || !near(r.MRR, w.MRR) {
			t.Errorf("means at %s: %v %v %v, want %+v", cut, r.NDCG, r.Recall, r.MRR, w)
		}
		if r.K != o.K || r.RecallK != o.RecallK || r.Queries != len(want.Used) || r.Skipped != len(want.Queries)-len(want.Used) {
			t.Errorf("at %s: K %d, RecallK %d, %d queries, %d skipped", cut, r.K, r.RecallK, r.Queries, r.Skipped)
		}
		for i, q := range r.PerQuery {
			if q.ID != want.Used[i] || !slices.Equal(q.Ranked, documents(replayHits(want.Runs[q.ID]))) {
				t.Errorf("query %d is %+v, want %s", i, q, want.Used[i])
			}
		}
		if len(done) != len(want.Queries) || done[len(done)-1] != len(want.Queries) || !slices.IsSorted(done) {
			t.Errorf("progress %v", done)
		}
		if o.Query.K != 5 || o.Query.PerDocument != 3 {
			t.Errorf("the caller's options were changed: %+v", o.Query)
		}
	}
}

func replayHits(run []string) []db.Hit {
	hits := make([]db.Hit, len(run))
	for i, d := range run {
		hits[i].ID = d
	}
	return hits
}

func TestAnswersReference(t *testing.T) {
	var want struct {
		Normalize [][2]string
		Pairs     [][5]any
	}
	loadJSON(t, "answers.json", &want)
	if len(want.Normalize) < 300 || len(want.Pairs) < 500 {
		t.Fatal("the fixture is too small")
	}
	for _, c := range want.Normalize {
		if got := Normalize(c[0]); got != c[1] {
			t.Errorf("Normalize(%q) = %q, want %q", c[0], got, c[1])
		}
	}
	for _, c := range want.Pairs {
		a, b := c[0].(string), c[1].(string)
		if e, f, f2 := Exact(a, b), F1(a, b), f1NoAnswer(a, b); e != c[2].(float64) || !near(f, c[3].(float64)) || !near(f2, c[4].(float64)) {
			t.Errorf("%q for %q: exact %v, f1 %v, f1 of 2.0 %v, want %v", a, b, e, f, f2, c[2:])
		}
	}
}

type squadFigures struct {
	Questions   int
	Predictions map[string]string
	Starts      map[string][]int
	ExactOf     map[string]float64 `json:"exact_of"`
	F1Of        map[string]float64 `json:"f1_of"`
	Exact, F1   float64
	HasAns      int     `json:"has_ans"`
	HasAnsExact float64 `json:"has_ans_exact"`
	HasAnsF1    float64 `json:"has_ans_f1"`
	NoAns       int     `json:"no_ans"`
	NoAnsAcc    float64 `json:"no_ans_accuracy"`
	Answered    int
}

func (w *squadFigures) compare(t *testing.T, r *QAReport) {
	t.Helper()
	if r.Questions != w.Questions || r.HasAns != w.HasAns || r.NoAns != w.NoAns || r.Answered != w.Answered {
		t.Errorf("%d questions, %d with, %d without, %d answered; want %+v", r.Questions, r.HasAns, r.NoAns, r.Answered, w)
	}
	if !near(r.Exact, w.Exact) || !near(r.F1, w.F1) || !near(r.HasAnsExact, w.HasAnsExact) || !near(r.HasAnsF1, w.HasAnsF1) || !near(r.NoAnsAcc, w.NoAnsAcc) {
		t.Errorf("exact %v, f1 %v, with answer %v, %v, without %v; want %v, %v, %v, %v, %v",
			r.Exact, r.F1, r.HasAnsExact, r.HasAnsF1, r.NoAnsAcc, w.Exact, w.F1, w.HasAnsExact, w.HasAnsF1, w.NoAnsAcc)
	}
	if !reflect.DeepEqual(r.Predictions, w.Predictions) {
		t.Errorf("predictions %q, want %q", r.Predictions, w.Predictions)
	}
	if d := 100 - 100*float64(w.Answered)/float64(w.Questions); !near(r.Declined, d) {
		t.Errorf("declined %v, want %v", r.Declined, d)
	}
	for id, q := range r.PerQuestion {
		if q.Exact != 100*w.ExactOf[q.ID] || !near(q.F1, 100*w.F1Of[q.ID]) || q.Answered != (w.Predictions[q.ID] != "") {
			t.Errorf("question %d: %+v", id, q)
		}
	}
}

// predicts reads what the fixture predicts. An empty prediction is told by a
// span below the threshold, or by none at all.
type predicts struct {
	t    *testing.T
	set  *SQuAD
	want map[string]string
}

func (p predicts) Read(_ context.Context, question string, passages []string, o *qa.ReadOptions) ([]qa.Reading, error) {
	i := slices.IndexFunc(p.set.Questions, func(q Question) bool { return q.Text == question })
	q := p.set.Questions[i]
	if len(passages) != 1 || passages[0] != p.set.Contexts[q.Context].Text || o.Spans != 1 || o.MaxAnswerTokens != 7 {
		p.t.Errorf("question %q: read %q with %+v", q.ID, passages, o)
	}
	switch text := p.want[q.ID]; {
	case text != "":
		return []qa.Reading{{Spans: []qa.Span{{Text: text, Score: -2}}}}, nil // at the threshold: an answer
	case p.set.V2 && i%2 == 0:
		return []qa.Reading{{Spans: []qa.Span{{Text: "below", Score: -2.001}}}}, nil
	}
	return []qa.Reading{{}}, nil
}

func TestSQuADReference(t *testing.T) {
	var all map[string]*squadFigures
	loadJSON(t, "squad.json", &all)
	for version, w := range all {
		t.Run(version, func(t *testing.T) {
			set, err := OpenSQuAD(filepath.Join("testdata", "squad"+version[1:]+".json"))
			if err != nil {
				t.Fatal(err)
			}
			if set.V2 != (version == "v2") || set.Version != map[string]string{"v1": "1.1", "v2": "v2.0"}[version] {
				t.Errorf("version %q, V2 %v", set.Version, set.V2)
			}
			if len(set.Contexts) != 8 || len(set.Questions) != w.Questions || set.Questions[len(set.Questions)-1].Context != 6 {
				t.Errorf("%d contexts, %d questions, last %+v", len(set.Contexts), len(set.Questions), set.Questions[len(set.Questions)-1])
			}
			for _, q := range set.Questions {
				var starts []int
				for _, a := range q.Answers {
					starts = append(starts, a.Start)
				}
				if !slices.Equal(starts, w.Starts[q.ID]) {
					t.Errorf("%s: starts %v, want %v", q.ID, starts, w.Starts[q.ID])
				}
				if q.Impossible != (set.V2 && len(q.Answers) == 0) {
					t.Errorf("%s: impossible %v", q.ID, q.Impossible)
				}
				e, f := q.Score(w.Predictions[q.ID], set.V2)
				if e != w.ExactOf[q.ID] || !near(f, w.F1Of[q.ID]) {
					t.Errorf("%s: %v, %v, want %v, %v", q.ID, e, f, w.ExactOf[q.ID], w.F1Of[q.ID])
				}
			}

			var done []int
			progress := func(i, total int) {
				if total != w.Questions {
					t.Errorf("progress of %d", total)
				}
				done = append(done, i)
			}
			r, err := QA(t.Context(), predicts{t, set, w.Predictions}, set,
				&QAOptions{Read: &qa.ReadOptions{Spans: 4, MaxAnswerTokens: 7}, Threshold: 2, Progress: progress})
			if err != nil {
				t.Fatal(err)
			}
			w.compare(t, r)
			if len(done) != w.Questions || done[0] != 1 || done[len(done)-1] != w.Questions {
				t.Errorf("progress %v", done)
			}

			// The same end to end: a right document for every third question,
			// and a perfect second answer for every other one.
			right, any := 0, 0.0
			var anyF1 float64
			i := -1
			ask := func(_ context.Context, question string) ([]qa.Answer, error) {
				i++
				q := set.Questions[i]
				if q.Text != question {
					return nil, fmt.Errorf("question %q out of order", question)
				}
				text := w.Predictions[q.ID]
				e, f := w.ExactOf[q.ID], w.F1Of[q.ID]
				if text == "" {
					any, anyF1 = any+e, anyF1+f
					return nil, nil
				}
				answers := []qa.Answer{{Text: text, ID: "other"}}
				if i%3 == 0 {
					right++
					answers[0].ID = set.Contexts[q.Context].ID
				}
				if i%2 == 0 && len(q.Answers) > 0 && Normalize(q.Answers[0].Text) != "" {
					answers = append(answers, qa.Answer{Text: q.Answers[0].Text, ID: set.Contexts[q.Context].ID})
					e, f = 1, 1
				}
				any, anyF1 = any+e, anyF1+f
				return answers, nil
			}
			if r, err = AskAll(t.Context(), ask, set, 0, nil); err != nil {
				t.Fatal(err)
			}
			w.compare(t, r)
			n := float64(w.Questions)
			if !near(r.RightDocument, 100*float64(right)/n) || !near(r.AnyExact, 100*any/n) || !near(r.AnyF1, 100*anyF1/n) || r.AnyExact <= r.Exact {
				t.Errorf("right document %v, any %v %v; want %v, %v, %v", r.RightDocument, r.AnyExact, r.AnyF1, right, any, anyF1)
			}
		})
	}
}

// The reader has random weights, so only what holds for any answer is checked.
func TestEndToEnd(t *testing.T) {
	rd, err := qa.Open(filepath.Join("..", "..", "qa", "testdata", "tiny-reader"))
	if err != nil {
		t.Fatal(err)
	}
	set := &SQuAD{Contexts: []Context{
		{ID: "c1", Title: "The_mill", Text: "The old mill stands near the river."},
		{ID: "c2", Title: "Tea", Text: "Green tea is steeped below boiling."},
		{ID: "c3", Text: " "},
	}, Questions: []Question{
		{ID: "1", Text: "Where is the old mill?", Answers: []Gold{{Text: "near the river"}}},
		{ID: "2", Text: "How is green tea steeped?", Context: 1, Answers: []Gold{{Text: "below boiling"}}},
		{ID: "3", Text: "Not asked?", Context: 2},
	}}
	dir := t.TempDir()
	calls, always := 0, 1e9
	r, err := EndToEnd(t.Context(), dbtest.HashEncoder(64), rd, set, &EndToEndOptions{
		Ask: &qa.AskOptions{Passages: 1, Threshold: &always}, Dir: dir, Limit: 2, Progress: func(int, int) { calls++ }})
	if err != nil {
		t.Fatal(err)
	}
	// With one passage read, the first answer lies in the document found first.
	if r.Questions != 2 || r.Answered != 2 || r.RightDocument != 100 || calls != 2 || len(r.Predictions) != 2 {
		t.Errorf("%d calls, %+v", calls, r)
	}
	for id, p := range r.Predictions {
		if p == "" || !strings.Contains(set.Contexts[0].Text+set.Contexts[1].Text, p) {
			t.Errorf("question %s: %q is in no context", id, p)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := EndToEnd(t.Context(), dbtest.HashEncoder(64), rd, set, &EndToEndOptions{Dir: filepath.Join(dir, "missing")}); err == nil {
		t.Error("no error for a missing folder")
	}
}

func TestCorrelationReference(t *testing.T) {
	var cases []struct {
		X, Y              []float64
		RanksX            []float64 `json:"ranks_x"`
		Pearson, Spearman float64
	}
	loadJSON(t, "correlation.json", &cases)
	if len(cases) < 10 {
		t.Fatal("the fixture is too small")
	}
	for i, c := range cases {
		if got := ranks(c.X); !slices.Equal(got, c.RanksX) {
			t.Errorf("case %d: ranks %v, want %v", i, got, c.RanksX)
		}
		if p, s := Pearson(c.X, c.Y), Spearman(c.X, c.Y); !near(p, c.Pearson) || !near(s, c.Spearman) {
			t.Errorf("case %d: %v, %v, want %v, %v", i, p, s, c.Pearson, c.Spearman)
		}
	}
}

func TestBootstrapReference(t *testing.T) {
	var want struct {
		Values []float64
		Mean   float64
		Levels []struct{ Level, Low, High float64 }
		Sorted []float64

		Quantiles [][2]float64
	}
	loadJSON(t, "bootstrap.json", &want)
	if !near(mean(want.Values), want.Mean) {
		t.Errorf("mean %v, want %v", mean(want.Values), want.Mean)
	}
	for _, q := range want.Quantiles {
		if got := quantile(want.Sorted, q[0]); !near(got, q[1]) {
			t.Errorf("quantile %v is %v, want %v", q[0], got, q[1])
		}
	}
	// The draws are not NumPy's: with 20000 rounds the ends are within a
	// fraction of the standard error (0.03) of those of 40000.
	for _, l := range want.Levels {
		in := Bootstrap(want.Values, &BootstrapOptions{Resamples: 20000, Level: l.Level, Seed: 3})
		if d := max(in.Low-l.Low, l.Low-in.Low, in.High-l.High, l.High-in.High); d > 0.0025 {
			t.Errorf("level %v: %v, want %v", l.Level, in, l)
		}
		if !(in.Low < want.Mean && want.Mean < in.High) {
			t.Errorf("level %v: mean %v outside %v", l.Level, want.Mean, in)
		}
	}
}

// vocab embeds a text as the sum of the vectors of its words.
type vocab map[string][]float32

func (v vocab) EncodePassages(_ context.Context, ps []string) ([][]float32, error) {
	out := make([][]float32, len(ps))
	for i, p := range ps {
		out[i] = make([]float32, 8)
		for _, w := range strings.Fields(p) {
			for j, x := range v[w] {
				out[i][j] += x
			}
		}
	}
	return out, nil
}

func TestSTSReference(t *testing.T) {
	var want struct {
		Vocab             vocab
		Cosines           []float64
		Pairs             int
		Pearson, Spearman float64
	}
	loadJSON(t, "sts.json", &want)
	pairs, err := OpenSTS(filepath.Join("testdata", "sts.jsonl"))
	if err != nil || len(pairs) != want.Pairs {
		t.Fatalf("%d pairs, %v", len(pairs), err)
	}
	for i, p := range pairs {
		vecs, _ := want.Vocab.EncodePassages(t.Context(), []string{p.A, p.B})
		if got := cosine(vecs[0], vecs[1]); !near(got, want.Cosines[i]) {
			t.Errorf("pair %d: cosine %v, want %v", i, got, want.Cosines[i])
		}
	}
	r, err := STS(t.Context(), want.Vocab, pairs)
	if err != nil || r.Pairs != want.Pairs || !near(r.Pearson, want.Pearson) || !near(r.Spearman, want.Spearman) {
		t.Errorf("%+v, %v, want %v, %v", r, err, want.Pearson, want.Spearman)
	}
}
