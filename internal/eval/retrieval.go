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
	Queries, Skipped  int // measured, and left out for want of a relevant document
	K, RecallK        int
	NDCG, Recall, MRR float64
	PerQuery          []QueryResult
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
		if opt.Progress != nil {
			opt.Progress(i+1, len(set.Queries))
		}
	}
	rep.Queries = len(rep.PerQuery)
	rep.NDCG = mean(rep.Values(func(r *QueryResult) float64 { return r.NDCG }))
	rep.Recall = mean(rep.Values(func(r *QueryResult) float64 { return r.Recall }))
	rep.MRR = mean(rep.Values(func(r *QueryResult) float64 { return r.MRR }))
	return rep, nil
}

// Values returns one number of each query measured, in order, for [Mean] and
// [Bootstrap].
func (r *RetrievalReport) Values(of func(*QueryResult) float64) []float64 {
	out := make([]float64, len(r.PerQuery))
	for i := range r.PerQuery {
		out[i] = of(&r.PerQuery[i])
	}
	return out
}

// RecallPoint is a point of a curve of recall over cuts.
type RecallPoint struct {
	K      int     // cut
	Recall float64 // mean over the queries, 0..1
	Interval
}

// RecallCurve measures recall at each of the cuts in ks, from the rankings of
// r. A cut that is larger than those r was measured with sees only the
// documents that were asked for. o is for the intervals.
func RecallCurve(r *RetrievalReport, qrels Qrels, ks []int, o *BootstrapOptions) []RecallPoint {
	out := make([]RecallPoint, len(ks))
	for i, k := range ks {
		values := r.Values(func(q *QueryResult) float64 { return Recall(q.Ranked, qrels[q.ID], k) })
		out[i] = RecallPoint{K: k, Recall: mean(values), Interval: Bootstrap(values, o)}
	}
	return out
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
