package e2e

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/defaultmodel"
	"github.com/semsearch/semsearch/encoder"
	"github.com/semsearch/semsearch/internal/eval"
	"github.com/semsearch/semsearch/qa"
)

// TestJoining prints how well retrieval and reading work together: exact match and F1 of the first answer,
// for numbers of passages, weights of the rank, and with titles. All questions get an answer. The figures of
// docs/design/0009-answers.md are made with
//
//	SEMSEARCH_SQUAD=squad_dev.json go test ./internal/e2e -run Joining -v -timeout 2h
//
// SEMSEARCH_QUESTIONS is how many questions are asked, evenly spread; all when it is not set.
func TestJoining(t *testing.T) {
	path := os.Getenv("SEMSEARCH_SQUAD")
	if path == "" {
		t.Skip("SEMSEARCH_SQUAD names no file of questions")
	}
	set, err := eval.OpenSQuAD(path)
	if err != nil {
		t.Fatal(err)
	}
	questions := set.Questions
	if v := os.Getenv("SEMSEARCH_QUESTIONS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			t.Fatalf("SEMSEARCH_QUESTIONS is %q, want a number", v)
		}
		if n < len(questions) {
			for i := range n {
				questions[i] = questions[i*len(set.Questions)/n]
			}
			questions = questions[:n]
		}
	}
	enc, err := defaultmodel.Encoder()
	if err != nil {
		t.Fatal(err)
	}
	rd, err := defaultmodel.Reader()
	if err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(filepath.Join(t.TempDir(), "squad.db"), enc, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Add(t.Context(), set.Documents()...); err != nil {
		t.Fatal(err)
	}
	an, err := qa.NewAnswerer(d, rd, nil)
	if err != nil {
		t.Fatal(err)
	}

	const most = 16
	type way struct {
		titles   bool
		passages int
		weight   float64
	}
	type sum struct{ exact, f1, n float64 }
	sums := map[eval.Half]map[way]*sum{eval.Tune: {}, eval.Report: {}}
	for _, q := range questions {
		half := eval.HalfOf(strings.ReplaceAll(set.Contexts[q.Context].Title, "_", " "))
		for _, titles := range []bool{false, true} {
			all := 0.0
			e, err := an.Explain(t.Context(), q.Text, &qa.AskOptions{Passages: most, Titles: &titles, MinConfidence: &all})
			if err != nil {
				t.Fatal(err)
			}
			for _, passages := range []int{1, 2, 4, 8, 16} {
				for _, weight := range []float64{0, 1, 2, 3, 4} {
					w := way{titles, passages, weight}
					if sums[half][w] == nil {
						sums[half][w] = &sum{}
					}
					exact, f1 := q.Score(firstOf(e.Passages, passages, weight), set.V2)
					s := sums[half][w]
					s.exact, s.f1, s.n = s.exact+100*exact, s.f1+100*f1, s.n+1
				}
			}
		}
	}
	for _, half := range []eval.Half{eval.Tune, eval.Report} {
		t.Logf("%s half", half)
		t.Log("| titles | passages | weight | exact match | F1 | questions |")
		ways := make([]way, 0, len(sums[half]))
		for w := range sums[half] {
			ways = append(ways, w)
		}
		slices.SortFunc(ways, func(a, b way) int {
			if a.titles != b.titles {
				if b.titles {
					return -1
				}
				return 1
			}
			return cmp.Or(cmp.Compare(a.passages, b.passages), cmp.Compare(a.weight, b.weight))
		})
		for _, w := range ways {
			s := sums[half][w]
			t.Logf("| %t | %d | %g | %.1f | %.1f | %.0f |", w.titles, w.passages, w.weight, s.exact/s.n, s.f1/s.n, s.n)
		}
	}
}

// firstOf is the text of the span with most evidence among the first passages.
func firstOf(passages []qa.Passage, n int, weight float64) string {
	best, text := math.Inf(-1), ""
	for i, p := range passages[:min(n, len(passages))] {
		for _, s := range p.Reading.Spans {
			if e := s.Score - weight*math.Log(float64(i+1)); e > best {
				best, text = e, s.Text
			}
		}
	}
	return text
}

// placer is the encoder inside the program for queries. Passages get vectors that are made of a hash, which
// is as good for measuring time and needs no hour.
type placer struct{ *encoder.Encoder }

func (p placer) Fingerprint() string { return "hashed passages" }

func (p placer) EncodePassages(ctx context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, text := range texts {
		h := fnv.New64a()
		h.Write([]byte(text))
		rng := rand.New(rand.NewPCG(h.Sum64(), 1))
		v := make([]float32, p.Dim())
		norm := 0.0
		for j := range v {
			x := rng.NormFloat64()
			v[j] = float32(x)
			norm += x * x
		}
		for j := range v {
			v[j] /= float32(math.Sqrt(norm))
		}
		out[i] = v
	}
	return out, ctx.Err()
}

// BenchmarkAsk asks questions of 10,000 passages of some 150 tokens with the models inside the program:
//
//	go test ./internal/e2e -run '^$' -bench Ask -benchtime 100x
//
// p50-ms is the middle time of a question.
func BenchmarkAsk(b *testing.B) {
	enc, err := defaultmodel.Encoder()
	if err != nil {
		b.Fatal(err)
	}
	rd, err := defaultmodel.Reader()
	if err != nil {
		b.Fatal(err)
	}
	paths, err := filepath.Glob("../../examples/handbook/*.md")
	if err != nil || len(paths) == 0 {
		b.Fatalf("no sample documents: %v", err)
	}
	var sentences []string
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		for s := range strings.SplitSeq(strings.Join(strings.Fields(string(data)), " "), ". ") {
			sentences = append(sentences, s+".")
		}
	}
	d, err := db.Open(filepath.Join(b.TempDir(), "ask.db"), placer{enc}, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	const passages = 10_000
	for at := 0; at < passages; at += 1000 {
		var docs []db.Document
		for i := range 1000 {
			var text []string
			words := 0
			for words < 110 {
				s := sentences[rng.IntN(len(sentences))]
				text, words = append(text, s), words+len(strings.Fields(s))
			}
			docs = append(docs, db.Document{ID: fmt.Sprint(at + i), Text: strings.Join(text, " "), Format: "text"})
		}
		if _, err := d.Add(b.Context(), docs...); err != nil {
			b.Fatal(err)
		}
	}
	questions := []string{"How long should a burn be cooled?", "When can tomatoes be planted outside?", "How many grams of coffee does a cup take?",
		"What is a chain cleaned with?", "How often is a smoke alarm tested?", "Which flowers are poisonous for cats?"}
	for _, n := range []int{1, 4, qa.DefaultPassages} {
		b.Run(fmt.Sprintf("passages=%d", n), func(b *testing.B) {
			var times []float64
			for b.Loop() {
				begun := time.Now()
				if _, err := qa.Ask(b.Context(), d, rd, questions[len(times)%len(questions)], &qa.AskOptions{Passages: n}); err != nil {
					b.Fatal(err)
				}
				times = append(times, float64(time.Since(begun))/1e6)
			}
			slices.Sort(times)
			b.ReportMetric(times[len(times)/2], "p50-ms")
		})
	}
}
