package eval

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
	"github.com/semsearch/semsearch/qa"
)

// The halves of a set share nothing and are all of it; corpus and contexts
// stay whole.
func TestHalves(t *testing.T) {
	set := &RetrievalSet{Docs: make([]Doc, 3), Queries: []Query{{ID: "q0"}, {ID: "q1"}, {ID: "q2"}, {ID: "q7"}}}
	tune, report := set.Half(Tune), set.Half(Report)
	if len(tune.Queries)+len(report.Queries) != 4 || len(tune.Queries) == 0 || len(report.Queries) == 0 || len(tune.Docs) != 3 || len(report.Docs) != 3 {
		t.Errorf("%v and %v", tune, report)
	}
	for _, q := range tune.Queries {
		if slices.Contains(report.Queries, q) {
			t.Errorf("query %q is in both halves", q.ID)
		}
	}
	if whole := set.Half(Whole); !slices.Equal(whole.Queries, set.Queries) || len(set.Queries) != 4 {
		t.Errorf("whole %v", whole)
	}

	// An article has one half, however its title is written.
	var squad SQuAD
	for i, title := range []string{"The_Bronx", "The Bronx", "Hunting", "Hunting"} {
		squad.Contexts = append(squad.Contexts, Context{Title: title})
		squad.Questions = append(squad.Questions, Question{Context: i})
	}
	for _, h := range []Half{Tune, Report} {
		s := squad.Half(h)
		if len(s.Questions)%2 != 0 || len(s.Contexts) != 4 {
			t.Errorf("%v: %+v", h, s)
		}
		for _, q := range s.Questions {
			if HalfOf(s.article(&q)) != h {
				t.Errorf("%v holds %+v", h, q)
			}
		}
	}
	pairs, err := ReadSTS("s", strings.NewReader(strings.Repeat("{\"a\":\"x\",\"b\":\"y\",\"score\":1}\n", 20)))
	if err != nil {
		t.Fatal(err)
	}
	a, b := HalfOfPairs(pairs, Tune), HalfOfPairs(pairs, Report)
	if len(a) == 0 || len(b) == 0 || len(a)+len(b) != 20 || len(pairs) != 20 || pairs[19].ID != "20" {
		t.Errorf("%d and %d pairs", len(a), len(b))
	}
	if s := Half(9).String() + Whole.String() + Tune.String() + Report.String(); s != "Half(9)wholetunereport" {
		t.Error(s)
	}
}

func TestRecallCurve(t *testing.T) {
	qrels := Qrels{"1": {"a": 1, "b": 1}, "2": {"c": 2}}
	r := &RetrievalReport{PerQuery: []QueryResult{{ID: "1", Ranked: []string{"x", "a", "b"}}, {ID: "2", Ranked: []string{"c"}}}}
	got := RecallCurve(r, qrels, []int{1, 2, 3, 100}, nil)
	for i, want := range []float64{0.5, 0.75, 1, 1} {
		if p := got[i]; p.Recall != want || p.Low > want || p.High < want {
			t.Errorf("%+v, want %v", p, want)
		}
	}
	if got[0].K != 1 || got[0].Low != 0 || got[0].High != 1 || got[3].K != 100 {
		t.Errorf("%+v", got)
	}
}

// The question is asked again of a database without its article: neither its
// paragraphs nor their words are there, and afterwards they are.
func TestWithoutArticle(t *testing.T) {
	set := &SQuAD{Contexts: []Context{
		{ID: "c1", Title: "Tea_leaves", Text: "Green tea is steeped below boiling."},
		{ID: "c2", Title: "Mill", Text: "The old mill stands near the river."},
		{ID: "c3", Title: "Tea leaves", Text: "Black tea is steeped at boiling."},
	}, Questions: []Question{
		{ID: "1", Text: "mill river", Context: 1, Answers: []Gold{{Text: "near"}}},
		{ID: "2", Text: "green tea", Context: 0, Answers: []Gold{{Text: "below"}}},
		{ID: "3", Text: "boiling river", Context: 2, Answers: []Gold{{Text: "at"}}},
	}}
	calls := map[string][][]string{}
	ask := func(ctx context.Context, r qa.Retriever, question string) ([]qa.Answer, error) {
		hits, err := r.Query(ctx, question, &db.QueryOptions{Mode: db.Lexical})
		if err != nil {
			return nil, err
		}
		ids := documents(hits)
		slices.Sort(ids)
		calls[question] = append(calls[question], ids)
		if len(hits) == 0 {
			return nil, nil
		}
		return []qa.Answer{{Text: "x", ID: hits[0].ID}}, nil
	}
	var progress []int
	o := &EndToEndOptions{WithoutArticle: true, Dir: t.TempDir(), Progress: func(done, total int) {
		if total != 6 {
			t.Errorf("progress of %d", total)
		}
		progress = append(progress, done)
	}}
	r, err := EndToEndFunc(t.Context(), dbtest.HashEncoder(32), ask, set, o)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][][]string{
		"mill river":    {{"c2"}, nil},
		"green tea":     {{"c1", "c3"}, nil},
		"boiling river": {{"c1", "c2", "c3"}, {"c2"}},
	}
	for q, ids := range want {
		if len(calls[q]) != 2 || !slices.Equal(calls[q][0], ids[0]) || !slices.Equal(calls[q][1], ids[1]) {
			t.Errorf("%q found %q, want %q", q, calls[q], ids)
		}
	}
	if !slices.Equal(progress, []int{1, 2, 3, 4, 5, 6}) {
		t.Errorf("progress %v", progress)
	}
	if r.Declined != 0 || !near(r.WithoutDeclined, 200./3) || r.PerQuestion[0].WithoutAnswered || !r.PerQuestion[2].WithoutAnswered || len(r.PerQuestion) != 3 {
		t.Errorf("%+v", r)
	}
	o.Limit, o.Progress = 1, nil
	if r, err = EndToEndFunc(t.Context(), dbtest.HashEncoder(32), ask, set, o); err != nil || len(r.PerQuestion) != 1 || r.WithoutDeclined != 100 {
		t.Errorf("the first only: %+v, %v", r, err)
	}

	// Scores and ranks are those of a database that never held the article.
	fresh, err := db.Open(filepath.Join(t.TempDir(), "fresh.db"), dbtest.HashEncoder(32), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	if _, err := fresh.Add(t.Context(), set.Documents()[:2]...); err != nil {
		t.Fatal(err)
	}
	extra := *set
	extra.Contexts = append(slices.Clone(set.Contexts[:2]), Context{ID: "c3", Title: "River", Text: "A river of boiling tea, and a mill beside it."})
	extra.Questions = []Question{{ID: "1", Text: "green tea at the mill", Context: 2}}
	var seen [][]db.Hit
	hits := func(ctx context.Context, r qa.Retriever, question string) ([]qa.Answer, error) {
		found, err := r.Query(ctx, question, nil)
		seen = append(seen, found)
		return nil, err
	}
	if _, err := EndToEndFunc(t.Context(), dbtest.HashEncoder(32), hits, &extra, &EndToEndOptions{WithoutArticle: true}); err != nil {
		t.Fatal(err)
	}
	never, err := fresh.Query(t.Context(), extra.Questions[0].Text, nil)
	if err != nil || len(seen) != 2 || len(never) != 2 || !slices.Equal(seen[1], never) || len(seen[0]) != 3 {
		t.Errorf("found %+v, want %+v, %v", seen, never, err)
	}

	// What goes wrong.
	broken := errors.New("broken")
	n := 0
	fails := func(ctx context.Context, r qa.Retriever, question string) ([]qa.Answer, error) {
		if n++; n == 3 {
			return nil, broken
		}
		return nil, nil
	}
	o.Limit = 2
	if _, err := EndToEndFunc(t.Context(), dbtest.HashEncoder(32), fails, set, o); !errors.Is(err, broken) || !strings.Contains(err.Error(), `"1"`) && !strings.Contains(err.Error(), `"2"`) {
		t.Errorf("failing asker: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = func(done, total int) {
		if done == 3 {
			cancel()
		}
	}
	if _, err := EndToEndFunc(ctx, dbtest.HashEncoder(32), ask, set, o); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	set.Contexts[1].Title = "Tea leaves"
	if _, err := EndToEndFunc(t.Context(), dbtest.HashEncoder(32), ask, set, o); !errors.Is(err, ErrFormat) {
		t.Errorf("one article: %v", err)
	}
	if left, err := os.ReadDir(o.Dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Each form in which sets come is read, and what is wrong names file and line.
func TestOpenRetrievalForms(t *testing.T) {
	write := func(t *testing.T, dir, name, text string) {
		t.Helper()
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	folder := func(t *testing.T) string {
		dir := t.TempDir()
		write(t, dir, "corpus.jsonl", `{"_id":"d","text":"x"}`)
		write(t, dir, "queries.jsonl", `{"_id":"q","text":"x"}`)
		return dir
	}
	for name, text := range map[string]string{
		"qrels.tsv":      "query-id\tcorpus-id\tscore\nq\td\t2\n",
		"qrels.trec":     "q 0 d 2\n",
		"qrels.txt":      "q Q0 d 2",
		"qrels/test.tsv": "q\td\t2",
	} {
		dir := folder(t)
		write(t, dir, name, text)
		write(t, dir, "qrels/train.tsv", "q\tx\t1") // not this one
		set, err := OpenRetrieval(dir)
		if err != nil || set.Qrels["q"]["d"] != 2 || len(set.Qrels["q"]) != 1 {
			t.Errorf("%s: %v, %v", name, set, err)
		}
		write(t, dir, name, text+"\nq\n")
		line := 2 + strings.Count(text, "\n")
		if _, err := OpenRetrieval(dir); !errors.Is(err, ErrFormat) || !strings.HasPrefix(err.Error(), filepath.Join(dir, filepath.FromSlash(name))+":") {
			t.Errorf("%s, damaged in line %d: %v", name, line, err)
		}
	}
	dir := folder(t)
	if _, err := OpenRetrieval(dir); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "qrels.trec") {
		t.Errorf("no judgements: %v", err)
	}
	write(t, dir, "qrels.tsv", "q\td\t1")
	write(t, dir, "qrels.trec", "q 0 d 1")
	if _, err := OpenRetrieval(dir); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "beside qrels.tsv") {
		t.Errorf("two files of judgements: %v", err)
	}
	if _, err := OpenRetrieval(filepath.Join(dir, "corpus.jsonl")); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "not a folder") {
		t.Errorf("a file: %v", err)
	}
	if _, err := OpenRetrieval(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
	if _, err := ReadQrels("f", strings.NewReader("q d 1\nq 0 d 1\n")); !errors.Is(err, ErrFormat) || !strings.HasPrefix(err.Error(), "f:2: 4 columns, the lines before have 3") {
		t.Errorf("both forms in one file: %v", err)
	}
}

// A question that comes again is one question, unless something about it is
// another.
func TestRepeatedQuestion(t *testing.T) {
	const q = `{"id": "1", "question": "Where?", "answers": [{"text": "here", "answer_start": 0}]}`
	file := func(a, b string) string {
		return `{"data": [{"title": "T", "paragraphs": [{"context": "here", "qas": [` + a + `]}, {"context": "here", "qas": [` + b + `]}, {"context": "there", "qas": []}]}]}`
	}
	set, err := ReadSQuAD("f", strings.NewReader(file(q, q+`, {"id": "2", "question": "Where?", "answers": []}`)))
	if err != nil || len(set.Questions) != 2 || set.Questions[1].ID != "2" {
		t.Errorf("%+v, %v", set, err)
	}
	for _, other := range []string{
		strings.Replace(q, "Where", "When", 1), strings.Replace(q, `"text": "here"`, `"text": "her"`, 1), strings.Replace(q, "}]}", "}], \"is_impossible\": true}", 1),
	} {
		if _, err := ReadSQuAD("f", strings.NewReader(file(q, other))); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), `"1" twice`) {
			t.Errorf("%s: %v", other, err)
		}
	}
	elsewhere := strings.Replace(file(q, ""), `"there", "qas": []}]}]}`, `"there", "qas": [`+q+`]}]}]}`, 1)
	if _, err := ReadSQuAD("f", strings.NewReader(elsewhere)); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), `"1" twice`) {
		t.Errorf("in another paragraph: %v", err)
	}
}
