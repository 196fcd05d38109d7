package index

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
)

// mixture makes vectors as text embeddings are: a mixture of clusters that lie in few directions of
// many. The generator is PCG with the given seed.
type mixture struct {
	rng     *rand.Rand
	dim     int
	basis   [][]float32 // (latent, dim)
	centers [][]float32 // (clusters, latent)
}

func newMixture(seed uint64, dim, latent, clusters int) *mixture {
	m := &mixture{rng: rand.New(rand.NewPCG(seed, 1)), dim: dim}
	for range latent {
		m.basis = append(m.basis, m.normal(dim))
	}
	for range clusters {
		m.centers = append(m.centers, m.normal(latent))
	}
	return m
}

func (m *mixture) normal(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(m.rng.NormFloat64())
	}
	return v
}

// from makes a vector of cluster c.
func (m *mixture) from(c int) []float32 {
	v := make([]float32, m.dim)
	for j, b := range m.basis {
		z := m.centers[c][j] + 0.6*float32(m.rng.NormFloat64())
		for i := range v {
			v[i] += z * b[i]
		}
	}
	for i := range v {
		v[i] += 0.3 * float32(m.rng.NormFloat64())
	}
	return v
}

func (m *mixture) vectors(n int) [][]float32 {
	out := make([][]float32, n)
	for i := range out {
		out[i] = m.from(m.rng.IntN(len(m.centers)))
	}
	return out
}

// sparse is an id as a database makes them: document number and ordinal.
func sparse(i int) uint64 { return uint64(i/7+1)<<24 | uint64(i%7) }

func search(t testing.TB, ix Index, q []float32, o SearchOptions) []Result {
	t.Helper()
	r, err := ix.Search(context.Background(), q, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// recall is the part of the true k nearest that ix finds. A result as near as the k-th true one
// counts, so that ties do not matter.
func recall(t testing.TB, ix, truth Index, queries [][]float32, o SearchOptions) float64 {
	t.Helper()
	hits, want := 0, 0
	for i, q := range queries {
		exact := search(t, truth, q, SearchOptions{K: o.K, Filter: o.Filter, Exact: true})
		got := search(t, ix, q, o)
		if len(got) != len(exact) {
			t.Fatalf("query %d: %d results, want %d", i, len(got), len(exact))
		}
		want += len(exact)
		if len(exact) == 0 {
			continue
		}
		limit := exact[len(exact)-1].Distance
		seen := map[uint64]bool{}
		for j, r := range got {
			if seen[r.ID] {
				t.Fatalf("query %d: %d twice", i, r.ID)
			}
			seen[r.ID] = true
			if o.Filter != nil && !o.Filter(r.ID) {
				t.Fatalf("query %d: %d was not accepted", i, r.ID)
			}
			if j > 0 && farther(got[j-1], r) {
				t.Fatalf("query %d: result %d out of order", i, j)
			}
			if r.Distance <= limit {
				hits++
			}
		}
	}
	if want == 0 {
		t.Fatal("nothing to find")
	}
	return float64(hits) / float64(want)
}

// walked runs do and fails unless every search in it walked the graph of h and none scanned.
func walked(t testing.TB, h *HNSW, searches int, do func()) {
	t.Helper()
	w, s := h.walks.Load(), h.scans.Load()
	do()
	if w, s := h.walks.Load()-w, h.scans.Load()-s; w != uint64(searches) || s != 0 {
		t.Fatalf("%d searches: %d walks and %d scans", searches, w, s)
	}
}

func insertAll(t testing.TB, h *HNSW, vecs [][]float32) {
	t.Helper()
	b := h.Begin()
	defer b.Discard()
	for i, v := range vecs {
		if err := b.Insert(sparse(i), v); err != nil {
			t.Fatal(err)
		}
	}
	b.Commit()
}

func describe(s Stats) string {
	return fmt.Sprintf("levels %v, base links %.1f (%d..%d), unreachable %d, graph %d B/vector",
		s.Levels, float64(s.BaseLinks)/float64(s.Len), s.MinBase, s.MaxBase, s.Unreachable, s.GraphBytes/s.Len)
}
