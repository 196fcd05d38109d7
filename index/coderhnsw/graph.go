//go:build !windows

package coderhnsw

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/coder/hnsw"

	"github.com/semsearch/semsearch/index"
)

// Graph is a copy of the links of an index.HNSW inside a hnsw.Graph. It does not change. All methods
// are safe for concurrent use.
type Graph struct {
	o     index.Options
	g     hnsw.Graph[uint64] // copied for each search, as EfSearch is a field
	at    map[uint64]int     // key of a node: its place in nodes
	nodes []index.Node
	count int
}

var _ index.Index = (*Graph)(nil)

// New copies the committed graph of ix. It takes about 3 KB of memory a vector beside those of ix,
// at 384 dimensions.
func New(ix *index.HNSW) (*Graph, error) {
	a := &Graph{o: ix.Options(), nodes: slices.Collect(ix.Nodes())}
	a.at = make(map[uint64]int, len(a.nodes))
	for i, n := range a.nodes {
		a.at[n.ID] = i
		a.count += 1 + len(n.Equal)
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(write(w, a.o, a.nodes, "cosine", false)) }()
	g := hnsw.NewGraph[uint64]()
	err := safely(func() error { return g.Import(bufio.NewReaderSize(r, 1<<16)) })
	r.CloseWithError(err)
	if err != nil {
		return nil, fmt.Errorf("import graph: %w", err)
	}
	g.Distance = a.o.Metric.Distance // never NaN, and no root to take
	a.g = *g
	return a, nil
}

// Len is the number of vectors.
func (a *Graph) Len() int { return a.count }

// Dim is the number of components of each vector.
func (a *Graph) Dim() int { return a.o.Dim }

// Search implements index.Index. The library is asked for at least Fetch results, or EfSearch if
// that is more, of which the nearest K come back. It scans when o.Exact is set, and when the library
// gives fewer than K that o.Filter accepts. A search inside the library cannot be cancelled; ctx is
// looked at before and after. A panic of the library gives ErrPanic.
func (a *Graph) Search(ctx context.Context, q []float32, o index.SearchOptions) ([]index.Result, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	v, err := a.o.Metric.Prepare(q, a.o.Dim)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	if a.count == 0 {
		return nil, nil
	}
	if o.Exact {
		return a.scan(ctx, v, o)
	}
	fetch := min(max(Fetch, o.EfSearch, o.K), len(a.nodes))
	var found []hnsw.SearchResult[uint64]
	err = safely(func() error {
		g := a.g
		g.EfSearch = 4 * fetch
		found = g.SearchWithDistance(v, fetch)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	var out []index.Result
	for _, f := range found {
		out = a.accept(out, a.nodes[a.at[f.Key]], f.Distance, o.Filter)
	}
	if len(out) < min(o.K, a.count) {
		return a.scan(ctx, v, o)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	return cut(out, o.K), nil
}

// accept adds the ids of a node that the filter accepts.
func (a *Graph) accept(out []index.Result, n index.Node, d float32, filter func(uint64) bool) []index.Result {
	if filter == nil || filter(n.ID) {
		out = append(out, index.Result{ID: n.ID, Distance: d})
	}
	for _, id := range n.Equal {
		if filter == nil || filter(id) {
			out = append(out, index.Result{ID: id, Distance: d})
		}
	}
	return out
}

// scan compares with every vector.
func (a *Graph) scan(ctx context.Context, q []float32, o index.SearchOptions) ([]index.Result, error) {
	var out []index.Result
	for i, n := range a.nodes {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, fmt.Errorf("search: %w", ctx.Err())
		}
		out = a.accept(out, n, a.o.Metric.Distance(q, n.Vector), o.Filter)
	}
	return cut(out, o.K), nil
}

// cut leaves the k nearest, in order.
func cut(r []index.Result, k int) []index.Result {
	slices.SortFunc(r, func(a, b index.Result) int {
		switch {
		case a.Distance < b.Distance || a.Distance == b.Distance && a.ID < b.ID:
			return -1
		case a == b:
			return 0
		}
		return 1
	})
	return r[:min(k, len(r))]
}

// safely runs do and turns a panic into an error.
func safely(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrPanic, p)
		}
	}()
	return do()
}
