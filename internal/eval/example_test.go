package eval_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/eval"
	"github.com/semsearch/semsearch/qa"
)

// shelf is a Searcher; a *db.DB is one too.
type shelf []string

func (s shelf) Query(_ context.Context, _ string, _ *db.QueryOptions) ([]db.Hit, error) {
	var hits []db.Hit
	for _, id := range s {
		hits = append(hits, db.Hit{ID: id})
	}
	return hits, nil
}

func ExampleRetrieval() {
	set := &eval.RetrievalSet{
		Queries: []eval.Query{{ID: "q1", Text: "green tea"}, {ID: "q2", Text: "never judged"}},
		Qrels:   eval.Qrels{"q1": {"tea.txt": 2, "cups.txt": 1}},
	}
	r, err := eval.Retrieval(context.Background(), shelf{"coffee.txt", "tea.txt"}, set, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d measured, %d skipped\n", r.Queries, r.Skipped)
	fmt.Printf("nDCG@%d %.3f, recall@%d %.3f, MRR@%d %.3f\n", r.K, r.NDCG, r.RecallK, r.Recall, r.K, r.MRR)
	// Output:
	// 1 measured, 1 skipped
	// nDCG@10 0.480, recall@100 0.500, MRR@10 0.500
}

func ExampleOpenRetrieval() {
	set, err := eval.OpenRetrieval("testdata/beir")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %d documents, %d queries\n", set.Name, len(set.Docs), len(set.Queries))
	// Output: beir: 33 documents, 25 queries
}

func ExampleReadQrels() {
	_, err := eval.ReadQrels("qrels.tsv", strings.NewReader("query-id\tcorpus-id\tscore\nq1\td1\tgood\n"))
	fmt.Println(err)
	// Output: qrels.tsv:2: grade "good" is not a whole number: malformed evaluation data
}

const squad = `{"version": "v2.0", "data": [{"title": "The_mill", "paragraphs": [{
  "context": "Die Mühle steht seit 1812 am Fluss.",
  "qas": [
    {"id": "1", "question": "Since when?", "answers": [{"text": "1812", "answer_start": 21}], "is_impossible": false},
    {"id": "2", "question": "By whom?", "answers": [], "is_impossible": true}]}]}]}`

func ExampleReadSQuAD() {
	set, err := eval.ReadSQuAD("mill.json", strings.NewReader(squad))
	if err != nil {
		log.Fatal(err)
	}
	for _, q := range set.Questions {
		for _, a := range q.Answers {
			fmt.Printf("%s %q at byte %d\n", q.Text, a.Text, a.Start)
		}
	}
	// Output: Since when? "1812" at byte 22
}

// years is a Reader that takes any four digits for the answer; a *qa.Reader is
// one too.
type years struct{}

func (years) Read(_ context.Context, _ string, passages []string, _ *qa.ReadOptions) ([]qa.Reading, error) {
	readings := make([]qa.Reading, len(passages))
	for i, p := range passages {
		if at := strings.Index(p, "1812"); at >= 0 {
			readings[i].Spans = []qa.Span{{Start: at, End: at + 4, Text: p[at : at+4], Score: 1}}
		}
	}
	return readings, nil
}

func ExampleQA() {
	set, err := eval.ReadSQuAD("mill.json", strings.NewReader(squad))
	if err != nil {
		log.Fatal(err)
	}
	r, err := eval.QA(context.Background(), years{}, set, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("exact %.0f, F1 %.0f; F1 of those with an answer %.0f; %.0f%% of the others left unanswered\n",
		r.Exact, r.F1, r.HasAnsF1, r.NoAnsAcc)
	// Output: exact 50, F1 50; F1 of those with an answer 100; 0% of the others left unanswered
}

func ExampleAskAll() {
	set, err := eval.ReadSQuAD("mill.json", strings.NewReader(squad))
	if err != nil {
		log.Fatal(err)
	}
	ask := func(_ context.Context, question string) ([]qa.Answer, error) {
		if question == "By whom?" {
			return nil, nil // no answer
		}
		return []qa.Answer{{Text: "since 1812", ID: set.Contexts[0].ID}}, nil
	}
	r, err := eval.AskAll(context.Background(), ask, set, 0, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("exact %.0f, F1 %.1f, right document %.0f\n", r.Exact, r.F1, r.RightDocument)
	// Output: exact 50, F1 83.3, right document 50
}

func ExampleEndToEnd() {
	set := &eval.SQuAD{
		Contexts:  []eval.Context{{ID: "mill", Text: "The old mill stands near the river."}},
		Questions: []eval.Question{{ID: "1", Text: "Where is the old mill?", Answers: []eval.Gold{{Text: "near the river"}}}},
	}
	rd, err := qa.Open("../../qa/testdata/tiny-reader") // random weights: it answers nonsense
	if err != nil {
		log.Fatal(err)
	}
	r, err := eval.EndToEnd(context.Background(), ones{}, rd, set, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Questions, len(r.Predictions))
	// Output: 1 1
}

// ones is an encoder that tells no text from another.
type ones struct{}

func (ones) EncodeQuery(context.Context, string) ([]float32, error) { return []float32{1, 0}, nil }
func (ones) EncodePassages(_ context.Context, ps []string) ([][]float32, error) {
	out := make([][]float32, len(ps))
	for i := range out {
		out[i] = []float32{1, 0}
	}
	return out, nil
}
func (ones) Dim() int            { return 2 }
func (ones) Fingerprint() string { return "ones@1" }

// lengths is an Embedder; an *encoder.Encoder is one too.
type lengths struct{}

func (lengths) EncodePassages(_ context.Context, ps []string) ([][]float32, error) {
	out := make([][]float32, len(ps))
	for i, p := range ps {
		out[i] = []float32{1, float32(len(p))}
	}
	return out, nil
}

func ExampleSTS() {
	pairs, err := eval.ReadSTS("pairs.jsonl", strings.NewReader(`{"a": "a cat", "b": "my cat", "score": 5}
{"a": "a cat", "b": "it", "score": 2}
{"a": "a cat", "b": "", "score": 0}
`))
	if err != nil {
		log.Fatal(err)
	}
	r, err := eval.STS(context.Background(), lengths{}, pairs)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d pairs, Spearman %.2f\n", r.Pairs, r.Spearman)
	// Output: 3 pairs, Spearman 1.00
}

func ExampleSpearman() {
	// Equal values share a rank: the ranks are 1, 2.5, 2.5, 4.
	fmt.Printf("%.3f\n", eval.Spearman([]float64{1, 2, 2, 9}, []float64{10, 20, 30, 40}))
	// Output: 0.949
}

func ExampleNormalize() {
	fmt.Println(eval.Normalize("The  U.S.A.'s an-answer!"))
	// Output: usas ananswer
}

func ExampleQuestion_Score() {
	q := eval.Question{Answers: []eval.Gold{{Text: "the old mill"}, {Text: "mill"}}}
	exact, f1 := q.Score("A mill by the river", true)
	fmt.Println(exact, f1)
	// Output: 0 0.5
}

func ExampleBootstrap() {
	in := eval.Bootstrap([]float64{0, 1, 1, 1, 0, 1, 1, 0, 1, 1}, nil)
	fmt.Println(in.Low < 0.7 && 0.7 < in.High)
	// Output: true
}

func ExampleBootstrapSpearman() {
	human := []float64{1, 2, 3, 4, 5, 5, 3, 1}
	cosine := []float64{0.1, 0.2, 0.5, 0.4, 0.9, 0.8, 0.3, 0.2}
	in := eval.BootstrapSpearman(human, cosine, &eval.BootstrapOptions{Level: 0.9, BCa: true})
	fmt.Println(in.Low < eval.Spearman(human, cosine) && in.High <= 1)
	// Output: true
}

func ExampleCompare() {
	read := func(lines string) []eval.Result {
		rs, err := eval.ReadResults("results.jsonl", strings.NewReader(lines))
		if err != nil {
			log.Fatal(err)
		}
		return rs
	}
	float32s := read(`{"id": "q1", "ndcg@10": 0.5}
{"id": "q2", "ndcg@10": 1}
{"id": "q3", "ndcg@10": 0.25}`)
	int8s := read(`{"id": "q1", "ndcg@10": 0.5}
{"id": "q2", "ndcg@10": 0.5}
{"id": "q3", "ndcg@10": 0.5}`)
	c, err := eval.Compare(float32s, int8s, "ndcg@10", "ndcg@10", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("difference %.3f, p %.2f; %d won, %d lost, %d tied; worst: %s\n", c.Diff, c.P, c.Wins, c.Losses, c.Ties, c.Worst[0].ID)
	// Output: difference -0.083, p 1.00; 1 won, 1 lost, 1 tied; worst: q2
}

func ExampleHalfOf() {
	fmt.Println(eval.HalfOf("Hunting"), eval.HalfOf("Tea"))
	// Output: tune report
}

func ExampleRecallCurve() {
	qrels := eval.Qrels{"q1": {"tea.txt": 2, "cups.txt": 1}}
	r := &eval.RetrievalReport{PerQuery: []eval.QueryResult{{ID: "q1", Ranked: []string{"coffee.txt", "tea.txt", "cups.txt"}}}}
	for _, p := range eval.RecallCurve(r, qrels, []int{1, 2, 3}, nil) {
		fmt.Printf("recall@%d %.1f\n", p.K, p.Recall)
	}
	// Output:
	// recall@1 0.0
	// recall@2 0.5
	// recall@3 1.0
}

func ExampleEndToEndFunc() {
	set, err := eval.ReadSQuAD("two.json", strings.NewReader(`{"version": "1.1", "data": [
 {"title": "Mill", "paragraphs": [{"context": "The mill stands near the river.",
  "qas": [{"id": "1", "question": "mill", "answers": [{"text": "near the river", "answer_start": 16}]}]}]},
 {"title": "Tea", "paragraphs": [{"context": "Green tea is steeped below boiling.", "qas": []}]}]}`))
	if err != nil {
		log.Fatal(err)
	}
	// Answers when a passage holds the word; qa.Ask reads the passages instead.
	ask := func(ctx context.Context, r qa.Retriever, question string) ([]qa.Answer, error) {
		hits, err := r.Query(ctx, question, &db.QueryOptions{Mode: db.Lexical})
		if err != nil || len(hits) == 0 {
			return nil, err
		}
		return []qa.Answer{{Text: "near the river", ID: hits[0].ID}}, nil
	}
	r, err := eval.EndToEndFunc(context.Background(), ones{}, ask, set, &eval.EndToEndOptions{WithoutArticle: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("F1 %.0f, declined %.0f; without the article declined %.0f\n", r.F1, r.Declined, r.WithoutDeclined)
	// Output: F1 100, declined 0; without the article declined 100
}

func ExampleBootstrapGroups() {
	right := []float64{100, 100, 100, 0, 0, 0, 100, 100, 0, 0}
	article := []string{"tea", "tea", "tea", "mill", "mill", "mill", "river", "river", "bread", "bread"}
	byQuestion, byArticle := eval.Bootstrap(right, nil), eval.BootstrapGroups(right, article, nil)
	fmt.Println(byArticle.High-byArticle.Low > byQuestion.High-byQuestion.Low)
	// Output: true
}
