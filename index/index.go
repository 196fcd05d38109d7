package index

import (
	"context"
	"fmt"
)

// Index finds near vectors. [Flat] and [HNSW] are indexes. An Index is safe for concurrent use.
type Index interface {
	// Len is the number of vectors.
	Len() int
	// Dim is the number of components of each vector.
	Dim() int
	// Search returns at most o.K results, nearest first, equal distances by ascending id.
	// A q of another length gives ErrDimension, other bad arguments ErrInvalid, a cancelled ctx
	// its error. q is not kept or changed.
	Search(ctx context.Context, q []float32, o SearchOptions) ([]Result, error)
}

// Result is a vector found by a search.
type Result struct {
	ID       uint64
	Distance float32 // smaller is nearer; see Metric
}

// SearchOptions says what to look for.
type SearchOptions struct {
	// K is the number of results wanted, at least 1. Fewer come back only when fewer vectors
	// are stored or accepted by Filter.
	K int
	// EfSearch is the number of nodes a walk keeps in view: 0 means max(64, 2*K), and a value
	// below K is taken as K. Larger finds more of the true neighbors and takes longer.
	EfSearch int
	// Exact compares with every vector instead of walking the graph.
	Exact bool
	// Filter, when not nil, says which ids may be results. It is called from the goroutine
	// of the search, perhaps more than once for an id, and must not wait for a batch.
	Filter func(id uint64) bool
}

// ef is the effective beam width.
func (o SearchOptions) ef() int {
	ef := o.EfSearch
	if ef == 0 {
		ef = max(64, 2*o.K)
	}
	return max(ef, o.K)
}

// Validate gives ErrInvalid when K is below 1 or EfSearch below 0.
func (o SearchOptions) Validate() error {
	if o.K < 1 {
		return fmt.Errorf("search: K is %d, want at least 1: %w", o.K, ErrInvalid)
	}
	if o.EfSearch < 0 {
		return fmt.Errorf("search: EfSearch is %d: %w", o.EfSearch, ErrInvalid)
	}
	return nil
}
