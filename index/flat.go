package index

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Flat is an exact index: a search compares with every vector. Make one with [NewFlat]. All methods
// are safe for concurrent use; a search sees the vectors there were when it began.
type Flat struct {
	dim    int
	metric Metric

	mu   sync.RWMutex
	at   map[uint64]int
	ids  []uint64
	vecs [][]float32
}

// NewFlat returns an empty Flat for vectors of dim components. It gives ErrInvalid when dim is not
// 1 to MaxDim or the metric is unknown.
func NewFlat(dim int, m Metric) (*Flat, error) {
	if dim < 1 || dim > MaxDim {
		return nil, fmt.Errorf("flat index: dimension is %d, want 1 to %d: %w", dim, MaxDim, ErrInvalid)
	}
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("flat index: %w", err)
	}
	return &Flat{dim: dim, metric: m, at: map[uint64]int{}}, nil
}

// Insert adds the vector of id; an earlier one is replaced. vec is copied. Errors are those of
// [Batch.Insert].
func (f *Flat) Insert(id uint64, vec []float32) error {
	v, err := f.metric.Prepare(vec, f.dim)
	if err != nil {
		return fmt.Errorf("insert %d: %w", id, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if i, ok := f.at[id]; ok {
		f.vecs[i] = v
		return nil
	}
	f.at[id] = len(f.ids)
	f.ids = append(f.ids, id)
	f.vecs = append(f.vecs, v)
	return nil
}

// Delete removes id, or gives ErrNotFound.
func (f *Flat) Delete(id uint64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, ok := f.at[id]
	if !ok {
		return fmt.Errorf("delete %d: %w", id, ErrNotFound)
	}
	last := len(f.ids) - 1
	f.ids[i], f.vecs[i] = f.ids[last], f.vecs[last]
	f.at[f.ids[i]] = i
	delete(f.at, id)
	f.vecs[last] = nil
	f.ids, f.vecs = f.ids[:last], f.vecs[:last]
	return nil
}

// Len is the number of vectors.
func (f *Flat) Len() int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return len(f.ids)
}

// Dim is the number of components of each vector.
func (f *Flat) Dim() int { return f.dim }

// Vector returns a copy of the vector of id as it is compared: under Cosine it has length 1.
func (f *Flat) Vector(id uint64) ([]float32, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	i, ok := f.at[id]
	if !ok {
		return nil, false
	}
	return slices.Clone(f.vecs[i]), true
}

// Search implements Index. EfSearch and Exact change nothing. A Filter must not insert or delete.
func (f *Flat) Search(ctx context.Context, q []float32, o SearchOptions) ([]Result, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	v, err := f.metric.Prepare(q, f.dim)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	best := nearest{k: o.K}
	for i, id := range f.ids {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, fmt.Errorf("search: %w", ctx.Err())
		}
		best.add(Result{id, f.metric.Distance(v, f.vecs[i])}, o.Filter)
	}
	return best.sorted(), nil
}
