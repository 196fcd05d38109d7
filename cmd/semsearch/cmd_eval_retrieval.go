package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/eval"
)

type evalRetrievalOptions struct {
	model, mode, fusion         string
	set, corpus, queries, qrels string
	curve                       bool
	evalOptions
}

func newEvalRetrieval(a *app) *cobra.Command {
	var o evalRetrievalOptions
	cmd := &cobra.Command{
		Use:   "retrieval [flags] {--set FOLDER | --corpus FILE --queries FILE --qrels FILE}",
		Short: "Measure retrieval on a corpus with judged queries",
		Long: `Add a corpus to a temporary database, put every query to it and measure the ranking of documents:
ndcg@10, recall@10, recall@100 and mrr@10, 0 to 1, means over the queries that have a relevant document.
With --mode all, the corpus is added once and measured in each mode; names of figures then begin with
lexical_, dense_ and hybrid_.

The files are those of BEIR: the corpus has lines of {"_id", "title", "text"}, the queries lines of
{"_id", "text"}, and the judgements (qrels) lines of query, document and grade, or the four columns of
TREC. A folder holds corpus.jsonl, queries.jsonl and one of qrels.tsv, qrels.trec, qrels.txt and
qrels/test.tsv.

A query lies in the half that its id says. The corpus is whole in both.`,
		Example: `  semsearch eval retrieval --corpus corpus.jsonl --queries queries.jsonl --qrels qrels.tsv
  semsearch eval retrieval --set scifact --mode all --curve --json
  semsearch eval retrieval --mode lexical --limit 100 --json ...`,
		Annotations: exitCodes("done", "", "an error"),
		Args:        noArgs,
		RunE:        func(cmd *cobra.Command, args []string) error { return a.runEvalRetrieval(cmd.Context(), o) },
	}
	modelFlag(cmd, &o.model)
	cmd.Flags().StringVar(&o.mode, "mode", "hybrid", "how to look: hybrid, dense (by meaning) or lexical (by words); all measures each")
	fusionFlag(cmd, &o.fusion)
	cmd.Flags().Var(&folderFlag{fileFlag{&o.set}}, "set", "folder of the three files")
	cmd.Flags().Var(&fileFlag{&o.corpus}, "corpus", "file of documents (JSON lines)")
	cmd.Flags().Var(&fileFlag{&o.queries}, "queries", "file of queries (JSON lines)")
	cmd.Flags().Var(&fileFlag{&o.qrels}, "qrels", "file of judgements (TSV or TREC)")
	cmd.Flags().BoolVar(&o.curve, "curve", false, "also measure recall at 1, 2, 5, 10, 20, 50 and 100; with --json as an array, curve")
	evalFlags(cmd, &o.evalOptions, "queries")
	return cmd
}

// curveCuts are the cuts of --curve. Not more than the largest are asked for.
var curveCuts = []int{1, 2, 5, 10, 20, 50, 100}

// jsonRecall is a point of the curve in --json. The ends of the interval are left out without one.
type jsonRecall struct {
	Mode   string   `json:"mode"`
	K      int      `json:"k"`
	Recall float64  `json:"recall"`
	Low    *float64 `json:"low,omitempty"`
	High   *float64 `json:"high,omitempty"`
}

func (a *app) runEvalRetrieval(ctx context.Context, o evalRetrievalOptions) error {
	if o.set != "" {
		if o.corpus != "" || o.queries != "" || o.qrels != "" {
			return usage("--set stands for --corpus, --queries and --qrels: want it or them")
		}
	} else if err := required([2]string{"corpus", o.corpus}, [2]string{"queries", o.queries}, [2]string{"qrels", o.qrels}); err != nil {
		return err
	}
	half, err := o.check()
	if err != nil {
		return err
	}
	modes := []db.Mode{db.Lexical, db.Dense, db.Hybrid}
	if o.mode != "all" {
		mode, err := parseMode(o.mode)
		if err != nil {
			return usage("--mode %s: want hybrid, dense, lexical or all", quote(o.mode))
		}
		modes = []db.Mode{mode}
	}
	fusion, err := parseFusion(o.fusion)
	if err != nil {
		return err
	}
	set, err := readRetrieval(o, half)
	if err != nil {
		return err
	}
	inputs := []string{o.corpus, o.queries, o.qrels}
	if o.set != "" {
		inputs, err = filepath.Glob(filepath.Join(o.set, "*"))
		if err != nil {
			inputs = nil // the name is a bad pattern
		}
	}
	out, err := createResults(o.perQuery, inputs...)
	if err != nil {
		return err
	}
	defer out.close()
	// The encoder is loaded for every mode: nothing can be added without one.
	enc, err := a.models.encoder(o.model)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "semsearch-eval-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d, err := db.Open(filepath.Join(dir, "eval.db"), enc, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := a.addBatches(ctx, d, set.Documents()); err != nil {
		return err
	}
	var ms []measure
	var results []eval.Result
	points := []jsonRecall{}
	queries := 0
	for i, mode := range modes {
		prefix := ""
		if o.mode == "all" {
			prefix = mode.String() + "_"
		}
		show, clear := a.meter("queries, " + mode.String())
		rep, err := eval.Retrieval(ctx, d, set, &eval.RetrievalOptions{Query: &db.QueryOptions{Mode: mode, Fusion: fusion}, Progress: show})
		clear()
		if err != nil {
			return err
		}
		queries = rep.Queries
		if i == 0 {
			results = make([]eval.Result, queries)
		}
		for _, c := range []struct {
			name string
			of   func(*eval.QueryResult) float64
		}{
			{"ndcg@10", func(q *eval.QueryResult) float64 { return q.NDCG }},
			{"recall@10", func(q *eval.QueryResult) float64 { return eval.Recall(q.Ranked, set.Qrels[q.ID], 10) }},
			{"recall@100", func(q *eval.QueryResult) float64 { return q.Recall }},
			{"mrr@10", func(q *eval.QueryResult) float64 { return q.MRR }},
		} {
			values := rep.Values(c.of)
			ms = append(ms, o.mean(prefix+c.name, values))
			for j, q := range rep.PerQuery {
				if results[j].Measures == nil {
					results[j] = eval.Result{ID: q.ID, Measures: map[string]float64{}}
				}
				results[j].Measures[prefix+c.name] = values[j]
			}
		}
		if !o.curve {
			continue
		}
		for _, p := range eval.RecallCurve(rep, set.Qrels, curveCuts, o.bootstrap()) {
			point := jsonRecall{Mode: mode.String(), K: p.K, Recall: p.Recall}
			m := measure{name: fmt.Sprintf("%srecall@%d", prefix, p.K), value: p.Recall}
			if o.level > 0 {
				point.Low, point.High, m.in = &p.Low, &p.High, &p.Interval
			}
			points = append(points, point)
			if !o.json && p.K != 10 && p.K != 100 { // these are there
				ms = append(ms, m)
			}
		}
	}
	ms = append(ms, measure{name: "queries", value: queries})
	if err := out.write(results); err != nil {
		return err
	}
	var more map[string]any
	if o.curve {
		more = map[string]any{"curve": points}
	}
	return a.printMeasures(o.json, ms, more)
}

// addBatches adds documents with a meter.
func (a *app) addBatches(ctx context.Context, d *db.DB, docs []db.Document) error {
	show, clear := a.meter("documents")
	defer clear()
	for from := 0; from < len(docs); {
		to, bytes := from, 0
		for to < len(docs) && to-from < batchDocuments && (to == from || bytes < batchBytes) {
			bytes += len(docs[to].Text)
			to++
		}
		if _, err := d.Add(ctx, docs[from:to]...); err != nil {
			return err
		}
		from = to
		show(from, len(docs))
	}
	return nil
}

// readRetrieval reads the three files and keeps the queries of a half that have a relevant document, at most
// o.limit.
func readRetrieval(o evalRetrievalOptions, half eval.Half) (*eval.RetrievalSet, error) {
	var set *eval.RetrievalSet
	var err error
	queries, qrels := o.queries, o.qrels
	if o.set != "" {
		queries, qrels = o.set, "its judgements"
		set, err = eval.OpenRetrieval(o.set)
	} else {
		set = &eval.RetrievalSet{Name: o.corpus}
		if set.Docs, err = readWith(o.corpus, eval.ReadCorpus); err != nil {
			return nil, err
		}
		if set.Queries, err = readWith(o.queries, eval.ReadQueries); err != nil {
			return nil, err
		}
		set.Qrels, err = readWith(o.qrels, eval.ReadQrels)
	}
	if err != nil {
		return nil, err
	}
	kept := []eval.Query{}
	for _, q := range set.Half(half).Queries {
		if (o.limit == 0 || len(kept) < o.limit) && judged(set.Qrels[q.ID]) {
			kept = append(kept, q)
		}
	}
	set.Queries = kept
	if len(kept) == 0 {
		return nil, nothingIn(queries, half, "query has a relevant document in "+qrels)
	}
	return set, nil
}

// judged reports whether a query has a relevant document.
func judged(grades map[string]int) bool {
	for _, g := range grades {
		if g > 0 {
			return true
		}
	}
	return false
}

// readWith opens a file for one of the readers of eval.
func readWith[T any](path string, read func(name string, r io.Reader) (T, error)) (v T, err error) {
	f, err := os.Open(path)
	if err != nil {
		return v, err
	}
	defer f.Close()
	return read(path, f)
}
