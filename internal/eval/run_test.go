package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/qa"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

// fixed answers each query with given documents.
type fixed map[string][]string

func (f fixed) Query(_ context.Context, q string, o *db.QueryOptions) ([]db.Hit, error) {
	if o.PerDocument != 1 || o.K != 100 {
		return nil, fmt.Errorf("asked for %d hits, %d a document", o.K, o.PerDocument)
	}
	var hits []db.Hit
	for _, id := range f[q] {
		hits = append(hits, db.Hit{ID: id})
	}
	return hits, nil
}

func TestRetrieval(t *testing.T) {
	set := &RetrievalSet{
		Queries: []Query{{"1", "first"}, {"2", "second"}, {"3", "unjudged"}, {"4", "nothing relevant"}},
		Qrels:   Qrels{"1": {"a": 1, "b": 1}, "2": {"c": 2}, "4": {"a": 0}},
	}
	s := fixed{"first": {"x", "a", "a"}, "second": {"c"}}
	r, err := Retrieval(context.Background(), s, set, nil)
	if err != nil {
		t.Fatal(err)
	}
	ndcg := (1 / math.Log2(3)) / (1 + 1/math.Log2(3))
	if r.Queries != 2 || r.Skipped != 2 || !near(r.NDCG, (ndcg+1)/2) || !near(r.Recall, 0.75) || !near(r.MRR, 0.75) {
		t.Errorf("%+v", r)
	}
	broken := errors.New("broken")
	if _, err := Retrieval(context.Background(), failing{broken}, set, nil); !errors.Is(err, broken) || !strings.Contains(err.Error(), `"1"`) {
		t.Errorf("failing searcher: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Query(context.Context, string, *db.QueryOptions) ([]db.Hit, error) {
	return nil, f.err
}
func (f failing) EncodePassages(context.Context, []string) ([][]float32, error) { return nil, f.err }

// script reads a fixed span for each question.
type script map[string]qa.Span

func (s script) Read(_ context.Context, question string, passages []string, _ *qa.ReadOptions) ([]qa.Reading, error) {
	out := make([]qa.Reading, len(passages))
	if sp, ok := s[question]; ok {
		out[0].Spans = []qa.Span{sp}
	}
	return out, nil
}

func TestQA(t *testing.T) {
	set := &SQuAD{V2: true, Contexts: []Context{{ID: "c", Text: "the red fox and the dog"}}, Questions: []Question{
		{ID: "1", Text: "who", Answers: []Gold{{Text: "red fox"}}},
		{ID: "2", Text: "what", Answers: []Gold{{Text: "red fox"}}},
		{ID: "3", Text: "why"},
		{ID: "4", Text: "when"},
	}}
	rd := script{"who": {Text: "The red fox", Score: 3}, "what": {Text: "fox", Score: 1}, "why": {Text: "dog", Score: -1}, "when": {Text: "dog", Score: 2}}
	r, err := QA(context.Background(), rd, set, &QAOptions{Threshold: 0})
	if err != nil {
		t.Fatal(err)
	}
	f := 100 * (1 + 2.0/3) / 2
	if !near(r.Exact, 50) || !near(r.HasAnsExact, 50) || !near(r.HasAnsF1, f) || !near(r.NoAnsAcc, 50) || !near(r.F1, (f+50)/2) ||
		r.Questions != 4 || r.HasAns != 2 || r.NoAns != 2 || r.Answered != 3 || r.Predictions["3"] != "" || r.Predictions["4"] != "dog" {
		t.Errorf("%+v", r)
	}
	// Under the rules of 1.1 every question is answered, whatever the score.
	set.V2 = false
	if r, err = QA(context.Background(), rd, set, &QAOptions{Limit: 3}); err != nil || r.Questions != 3 || r.Answered != 3 || !near(r.Exact, 100.0/3) {
		t.Errorf("1.1: %+v, %v", r, err)
	}
}

func TestAskAll(t *testing.T) {
	set := &SQuAD{Contexts: []Context{{ID: "c1"}, {ID: "c2"}}, Questions: []Question{
		{ID: "1", Text: "who", Context: 1, Answers: []Gold{{Text: "fox"}}},
		{ID: "2", Text: "what", Context: 0, Answers: []Gold{{Text: "dog"}}},
	}}
	ask := func(_ context.Context, q string) ([]qa.Answer, error) {
		if q == "who" {
			return []qa.Answer{{Text: "fox", ID: "c2"}, {Text: "x", ID: "c1"}}, nil
		}
		return []qa.Answer{{Text: "cat", ID: "c2"}, {Text: "dog", ID: "c1"}}, nil
	}
	calls := 0
	r, err := AskAll(context.Background(), ask, set, 0, func(int, int) { calls++ })
	if err != nil || !near(r.Exact, 50) || !near(r.RightDocument, 50) || !near(r.AnyExact, 100) || calls != 2 {
		t.Errorf("%+v, %v, %d calls", r, err, calls)
	}
}

// letters embeds a text as counts of its letters.
type letters struct{}

func (letters) EncodePassages(_ context.Context, ps []string) ([][]float32, error) {
	out := make([][]float32, len(ps))
	for i, p := range ps {
		out[i] = make([]float32, 26)
		for _, r := range p {
			if r >= 'a' && r <= 'z' {
				out[i][r-'a']++
			}
		}
	}
	return out, nil
}

func TestSTS(t *testing.T) {
	var pairs []Pair
	for i := range 600 { // more than a batch
		pairs = append(pairs, Pair{A: strings.Repeat("a", 10), B: strings.Repeat("a", i%11) + "b", Score: float64(i % 11)})
	}
	r, err := STS(context.Background(), letters{}, pairs)
	if err != nil || r.Pairs != 600 || !near(r.Spearman, 1) || r.Pearson <= 0.5 || r.Pearson >= 1 {
		t.Errorf("%+v, %v", r, err)
	}
	broken := errors.New("broken")
	if _, err := STS(context.Background(), failing{broken}, pairs); !errors.Is(err, broken) {
		t.Errorf("failing encoder: %v", err)
	}
}

func ExampleNDCG() {
	ranked := []string{"d3", "d1", "d2"}
	grades := map[string]int{"d1": 2, "d2": 1}
	fmt.Printf("%.3f\n", NDCG(ranked, grades, 10))
	// Output: 0.670
}

func ExampleF1() {
	fmt.Println(F1("the Eiffel Tower", "Eiffel tower in Paris"))
	// Output: 0.6666666666666666
}
