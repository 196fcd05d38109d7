package index

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// TestConcurrent searches beside a writer. Each batch deletes the vectors of one generation and
// inserts those of the next, so a search that sees two generations saw half a batch.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	const dim, size, rounds = 16, 150, 15
	m := newMixture(14, dim, 6, 10)
	h, err := New(Options{Dim: dim, M: 6, EfConstruction: 30, ExactBelow: -1})
	if err != nil {
		t.Fatal(err)
	}
	id := func(generation, i int) uint64 { return uint64(generation)<<24 | uint64(i) }
	queries := m.vectors(20)
	write := func(generation int, commit bool) {
		b := h.Begin()
		defer b.Discard()
		for i := range size {
			if generation > 1 {
				if err := b.Delete(id(generation-1, i)); err != nil {
					t.Error(err)
				}
			}
			if err := b.Insert(id(generation, i), m.from(i%10)); err != nil {
				t.Error(err)
			}
		}
		for range b.Changes() {
		}
		b.Meta()
		if commit {
			b.Commit()
		}
	}
	write(1, true)
	var stop atomic.Bool
	var searches atomic.Int64
	var readers, writer sync.WaitGroup
	for r := range 4 {
		readers.Add(1)
		go func() {
			defer readers.Done()
			rng := rand.New(rand.NewPCG(uint64(r), 3))
			for !stop.Load() {
				o := SearchOptions{K: 20, EfSearch: 40, Exact: rng.IntN(4) == 0}
				if rng.IntN(4) == 0 {
					o.Filter = func(id uint64) bool { return id%3 != 0 }
				}
				got, err := h.Search(context.Background(), queries[rng.IntN(len(queries))], o)
				if err != nil || len(got) != 20 {
					t.Errorf("%d results, %v", len(got), err)
					return
				}
				for _, r := range got {
					if r.ID>>24 != got[0].ID>>24 {
						t.Errorf("found generations %d and %d together", got[0].ID>>24, r.ID>>24)
						return
					}
				}
				if v, ok := h.Vector(got[0].ID); ok && len(v) != dim {
					t.Errorf("vector of %d components", len(v))
				}
				if h.Len() != size {
					t.Errorf("%d vectors", h.Len())
				}
				if rng.IntN(50) == 0 {
					for n := range h.Nodes() {
						if n.ID>>24 == 0 {
							t.Error("node of no generation")
						}
					}
				}
				searches.Add(1)
			}
		}()
	}
	writer.Add(1)
	go func() {
		defer writer.Done()
		for g := 2; g <= rounds; g++ {
			write(g, false)
			write(g, true)
			if err := h.Check(); err != nil {
				t.Error(err)
			}
			if s := h.Stats(); s.Len != size {
				t.Errorf("%d vectors", s.Len)
			}
		}
	}()
	writer.Wait()
	stop.Store(true)
	readers.Wait()
	if searches.Load() == 0 {
		t.Error("no search ran")
	}
	t.Logf("%d searches", searches.Load())
}

// TestWriters has several goroutines write, one after the other as Begin lets them.
func TestWriters(t *testing.T) {
	t.Parallel()
	h, err := New(Options{Dim: 4, M: 4, EfConstruction: 20})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			rng := rand.New(rand.NewPCG(uint64(w), 4))
			for i := range 25 {
				b := h.Begin()
				if err := b.Insert(uint64(w*1000+i), []float32{rng.Float32(), rng.Float32(), rng.Float32(), 1}); err != nil {
					t.Error(err)
				}
				b.Commit()
			}
		}()
	}
	wg.Wait()
	if h.Len() != 100 {
		t.Errorf("%d vectors, want 100", h.Len())
	}
	if err := h.Check(); err != nil {
		t.Error(err)
	}
}

// TestCommitCost compares what one insert allocates in a small and in a five times larger graph: the
// page tables grow, the rest must not. It runs while no other test does.
func TestCommitCost(t *testing.T) {
	const dim = 8
	cost := func(size int) float64 {
		m := newMixture(15, dim, 4, 10)
		h, err := New(Options{Dim: dim, M: 4, EfConstruction: 16})
		if err != nil {
			t.Fatal(err)
		}
		insertAll(t, h, m.vectors(size))
		next := size
		const inserts = 100
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range inserts {
			b := h.Begin()
			if err := b.Insert(sparse(next), m.from(next%10)); err != nil {
				t.Fatal(err)
			}
			next++
			b.Commit()
		}
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc-before.TotalAlloc) / inserts
	}
	if testing.Short() || raced {
		t.Skip("measures memory")
	}
	small, large := cost(2000), cost(10000)
	t.Logf("%.0f bytes at 2,000 vectors, %.0f at 10,000", small, large)
	if large > 2*small {
		t.Errorf("one insert takes %.0f bytes at 2,000 vectors and %.0f at 10,000", small, large)
	}
}
