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
	model, mode, fusion    string
	corpus, queries, qrels string
	limit                  int
	json                   bool
}

func newEvalRetrieval(a *app) *cobra.Command {
	var o evalRetrievalOptions
	cmd := &cobra.Command{
		Use:   "retrieval [flags] --corpus FILE --queries FILE --qrels FILE",
		Short: "Measure retrieval on a corpus with judged queries",
		Long: `Add a corpus to a temporary database, put every query to it and measure the ranking of documents:
ndcg@10, recall@10, recall@100 and mrr@10, 0 to 1, means over the queries that have a relevant document.

The files are those of BEIR: the corpus has lines of {"_id", "title", "text"}, the queries lines of
{"_id", "text"}, and the judgements (qrels) lines of query, document and grade.`,
		Example: `  semsearch eval retrieval --corpus corpus.jsonl --queries queries.jsonl --qrels qrels.tsv
  semsearch eval retrieval --mode lexical --limit 100 --json ...`,
		Annotations: exitCodes("done", "", "an error"),
		Args:        noArgs,
		RunE:        func(cmd *cobra.Command, args []string) error { return a.runEvalRetrieval(cmd.Context(), o) },
	}
	modelFlag(cmd, &o.model)
	modeFlag(cmd, &o.mode)
	fusionFlag(cmd, &o.fusion)
	cmd.Flags().Var(&fileFlag{&o.corpus}, "corpus", "file of documents (JSON lines)")
	cmd.Flags().Var(&fileFlag{&o.queries}, "queries", "file of queries (JSON lines)")
	cmd.Flags().Var(&fileFlag{&o.qrels}, "qrels", "file of judgements (TSV)")
	limitFlag(cmd, &o.limit, "queries")
	jsonFlag(cmd, &o.json)
	return cmd
}

func (a *app) runEvalRetrieval(ctx context.Context, o evalRetrievalOptions) error {
	if err := required([2]string{"corpus", o.corpus}, [2]string{"queries", o.queries}, [2]string{"qrels", o.qrels}); err != nil {
		return err
	}
	if err := checkLimit(o.limit); err != nil {
		return err
	}
	mode, err := parseMode(o.mode)
	if err != nil {
		return err
	}
	fusion, err := parseFusion(o.fusion)
	if err != nil {
		return err
	}
	set, err := readRetrieval(o)
	if err != nil {
		return err
	}
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
	show, clear := a.meter("queries")
	defer clear()
	rep, err := eval.Retrieval(ctx, d, set, &eval.RetrievalOptions{Query: &db.QueryOptions{Mode: mode, Fusion: fusion}, Progress: show})
	if err != nil {
		return err
	}
	if rep.Queries == 0 {
		return fmt.Errorf("%s: no query has a relevant document in %s", o.queries, o.qrels)
	}
	at10 := 0.0
	for _, q := range rep.PerQuery {
		at10 += eval.Recall(q.Ranked, set.Qrels[q.ID], 10)
	}
	clear()
	return a.printMeasures(o.json, []measure{
		{name: "ndcg@10", value: rep.NDCG}, {name: "recall@10", value: at10 / float64(rep.Queries)},
		{name: "recall@100", value: rep.Recall}, {name: "mrr@10", value: rep.MRR}, {name: "queries", value: rep.Queries},
	})
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

// readRetrieval reads the three files and keeps at most o.limit queries that have a relevant document.
func readRetrieval(o evalRetrievalOptions) (*eval.RetrievalSet, error) {
	set := &eval.RetrievalSet{Name: o.corpus}
	var err error
	if set.Docs, err = readWith(o.corpus, eval.ReadCorpus); err != nil {
		return nil, err
	}
	if set.Queries, err = readWith(o.queries, eval.ReadQueries); err != nil {
		return nil, err
	}
	if set.Qrels, err = readWith(o.qrels, eval.ReadQrels); err != nil {
		return nil, err
	}
	if o.limit > 0 {
		var kept []eval.Query
		for _, q := range set.Queries {
			if len(kept) < o.limit && judged(set.Qrels[q.ID]) {
				kept = append(kept, q)
			}
		}
		set.Queries = kept
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
