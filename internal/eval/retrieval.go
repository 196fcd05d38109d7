package eval

import (
	"context"
	"fmt"

	"github.com/semsearch/semsearch/db"
)

// Searcher is what Retrieval measures. *db.DB is one.
type Searcher interface {
	Query(ctx context.Context, q string, o *db.QueryOptions) ([]db.Hit, error)
}

// RetrievalOptions says what is measured. The zero value, and nil, are the
// defaults.
type RetrievalOptions struct {
	K        int                   // cut of nDCG and MRR; 0 means 10
	RecallK  int                   // cut of recall; 0 means 100
	Query    *db.QueryOptions      // how to search, K and PerDocument aside; nil means the defaults
	Progress func(done, total int) // called after each query, skipped ones too, from the calling goroutine
}

// RetrievalReport holds means over the queries, 0..1.
type RetrievalReport struct {
	Queries, Skipped       int // measured, and left out for want of a relevant document
	K, RecallK             int
	NDCG, Recall, MRR      float64
	NDCGRange, RecallRange Interval
	MRRRange               Interval
	PerQuery               []QueryResult
}

// QueryResult is the outcome of one query.
type QueryResult struct {
	ID                string
	Ranked            []string // ids of the documents found, best first
	NDCG, Recall, MRR float64
}

// Retrieval puts each query of the set to s, which holds the documents of the
// set, and measures the ranking of documents. A document ranks where its best
// passage ranks. A query without a relevant document in the judgements is left
// out of the means, as trec_eval leaves it out. Errors are those of s.
func Retrieval(ctx context.Context, s Searcher, set *RetrievalSet, o *RetrievalOptions) (*RetrievalReport, error) {
	var opt RetrievalOptions
	if o != nil {
		opt = *o
	}
	if opt.K <= 0 {
		opt.K = 10
	}
	if opt.RecallK <= 0 {
		opt.RecallK = 100
	}
	var query db.QueryOptions
	if opt.Query != nil {
		query = *opt.Query
	}
	query.K = max(opt.K, opt.RecallK)
	query.PerDocument = 1

	rep := &RetrievalReport{K: opt.K, RecallK: opt.RecallK}
	var ndcg, recall, mrr []float64
	for i, q := range set.Queries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		grades := set.Qrels[q.ID]
		if relevant(grades) == 0 {
			rep.Skipped++
			if opt.Progress != nil {
				opt.Progress(i+1, len(set.Queries))
			}
			continue
		}
		hits, err := s.Query(ctx, q.Text, &query)
		if err != nil {
			return nil, fmt.Errorf("query %q: %w", q.ID, err)
		}
		ranked := documents(hits)
		r := QueryResult{
			ID:     q.ID,
			Ranked: ranked,
			NDCG:   NDCG(ranked, grades, opt.K),
			Recall: Recall(ranked, grades, opt.RecallK),
			MRR:    MRR(ranked, grades, opt.K),
		}
		rep.PerQuery = append(rep.PerQuery, r)
		ndcg, recall, mrr = append(ndcg, r.NDCG), append(recall, r.Recall), append(mrr, r.MRR)
		if opt.Progress != nil {
			opt.Progress(i+1, len(set.Queries))
		}
	}
	rep.Queries = len(rep.PerQuery)
	rep.NDCG, rep.NDCGRange = mean(ndcg), interval(ndcg)
	rep.Recall, rep.RecallRange = mean(recall), interval(recall)
	rep.MRR, rep.MRRRange = mean(mrr), interval(mrr)
	return rep, nil
}

// documents is the ids of the hits' documents, each once.
func documents(hits []db.Hit) []string {
	seen := make(map[string]bool, len(hits))
	var out []string
	for _, h := range hits {
		if !seen[h.ID] {
			seen[h.ID] = true
			out = append(out, h.ID)
		}
	}
	return out
}
