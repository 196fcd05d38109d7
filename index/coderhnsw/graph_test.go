//go:build !windows

package coderhnsw

import (
	"bytes"
	"context"
	"errors"
	"math/rand"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/coder/hnsw"

	"github.com/semsearch/semsearch/index"
)

func search(t testing.TB, ix index.Index, q []float32, o index.SearchOptions) []index.Result {
	t.Helper()
	r, err := ix.Search(context.Background(), q, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRecall has the library find through our links what a scan finds.
func TestRecall(t *testing.T) {
	for _, metric := range []index.Metric{index.Cosine, index.L2, index.Dot} {
		t.Run(metric.String(), func(t *testing.T) {
			t.Parallel()
			all := vectors(3, 5050, 32)
			if metric != index.Cosine {
				all = all[:2050]
			}
			vecs, queries := all[50:], all[:50]
			vecs[11], vecs[12] = vecs[10], vecs[10]
			ix := build(t, index.Options{Dim: 32, Metric: metric}, vecs)
			a, err := New(ix)
			if err != nil {
				t.Fatal(err)
			}
			if a.Len() != len(vecs) || a.Dim() != 32 {
				t.Fatalf("%d vectors of %d", a.Len(), a.Dim())
			}
			odd := func(id uint64) bool { return id>>20%2 == 1 }
			var wg sync.WaitGroup
			for _, filter := range []func(uint64) bool{nil, odd} {
				wg.Add(1)
				go func() {
					defer wg.Done()
					hits := 0
					for _, q := range queries {
						want, _ := ix.Search(context.Background(), q, index.SearchOptions{K: 10, Exact: true, Filter: filter})
						got, err := a.Search(context.Background(), q, index.SearchOptions{K: 10, Filter: filter})
						if err != nil || len(got) != 10 {
							t.Errorf("%d results, %v", len(got), err)
							return
						}
						for i, r := range got {
							if i > 0 && got[i-1].Distance > r.Distance {
								t.Errorf("out of order: %v", got)
							}
							if r.Distance <= want[9].Distance {
								hits++
							}
						}
					}
					r := float64(hits) / float64(10*len(queries))
					t.Logf("recall %.4f, filter %v", r, filter != nil)
					if r < 0.95 {
						t.Errorf("recall is %.4f", r)
					}
				}()
			}
			wg.Wait()
			for _, o := range []index.SearchOptions{
				{K: 20, Exact: true},
				{K: len(vecs)},
				{K: 3, Filter: func(id uint64) bool { return id == 77<<20 }},
			} {
				e := o
				e.Exact = true
				if got, want := search(t, a, queries[0], o), search(t, ix, queries[0], e); !slices.Equal(got, want) {
					t.Errorf("K %d: differs from the scan", o.K)
				}
			}
			if got := search(t, a, vecs[10], index.SearchOptions{K: 3}); metric == index.L2 &&
				(got[0].ID != 10<<20 || got[1].ID != 11<<20 || got[2].ID != 12<<20) {
				t.Errorf("equal vectors: found %v", got)
			}
		})
	}
}

func TestSearchErrors(t *testing.T) {
	ix := build(t, index.Options{Dim: 3}, vectors(4, 20, 3))
	a, err := New(ix)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if _, err := a.Search(ctx, []float32{1, 2}, index.SearchOptions{K: 1}); !errors.Is(err, index.ErrDimension) {
		t.Errorf("short query: %v", err)
	}
	if _, err := a.Search(ctx, []float32{1, 2, 3}, index.SearchOptions{}); !errors.Is(err, index.ErrInvalid) {
		t.Errorf("K 0: %v", err)
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := a.Search(done, []float32{1, 2, 3}, index.SearchOptions{K: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if got := search(t, a, []float32{0, 0, 0}, index.SearchOptions{K: 20}); len(got) != 20 || got[0].Distance != 1 {
		t.Errorf("zero vector: %v", got)
	}
	if err := safely(func() error { panic("boom") }); !errors.Is(err, ErrPanic) {
		t.Errorf("panic: %v", err)
	}
	empty, err := New(build(t, index.Options{Dim: 3}, nil))
	if err != nil {
		t.Fatal(err)
	}
	if got := search(t, empty, []float32{1, 2, 3}, index.SearchOptions{K: 5}); len(got) != 0 {
		t.Errorf("empty graph: %v", got)
	}
}

// TestLibraryReads has the library load what we wrote and search it.
func TestLibraryReads(t *testing.T) {
	vecs := vectors(5, 1000, 16)
	vecs[300], vecs[301] = vecs[299], vecs[299]
	ix := build(t, index.Options{Dim: 16}, vecs)
	name := filepath.Join(t.TempDir(), "graph")
	if err := WriteFile(name, ix); err != nil {
		t.Fatal(err)
	}
	g, err := hnsw.LoadSavedGraph[uint64](name)
	if err != nil {
		t.Fatal(err)
	}
	if g.Len() != len(vecs) || g.Dims() != 16 {
		t.Fatalf("%d vectors of %d", g.Len(), g.Dims())
	}
	found := 0
	for i := 0; i < len(vecs); i += 10 {
		r := g.SearchWithDistance(vecs[i], Fetch)
		if slices.ContainsFunc(r, func(r hnsw.SearchResult[uint64]) bool { return r.Key == uint64(i)<<20 }) {
			found++
		}
	}
	if found < 95 {
		t.Errorf("%d of 100 vectors found", found)
	}
	for _, i := range []int{299, 300, 301} {
		if _, ok := g.Lookup(uint64(i) << 20); !ok {
			t.Errorf("equal vector %d is not there", i)
		}
	}
}

// TestReadLibrary reads what the library wrote, of several types of key, also after it deleted.
func TestReadLibrary(t *testing.T) {
	vecs := vectors(6, 120, 9)
	testKeys(t, vecs, func(i int) int { return i*1000 - 5 })
	testKeys(t, vecs, func(i int) int16 { return int16(i) - 60 })
	testKeys(t, vecs, func(i int) uint8 { return uint8(i) })
	testKeys(t, vecs, func(i int) uint64 { return uint64(i) << 40 })
	testKeys(t, vecs, func(i int) float64 { return float64(i) / 3 })
	testKeys(t, vecs, func(i int) string { return string(rune('a'+i)) + "key" })
}

func testKeys[K Key](t *testing.T, vecs [][]float32, key func(int) K) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "graph")
	saved, err := hnsw.LoadSavedGraph[K](name)
	if err != nil {
		t.Fatal(err)
	}
	saved.Rng = rand.New(rand.NewSource(1))
	saved.Distance = hnsw.EuclideanDistance
	for i, v := range vecs {
		saved.Add(hnsw.MakeNode(key(i), v))
	}
	saved.Delete(key(3))
	if err := saved.Save(); err != nil {
		t.Fatal(err)
	}
	f, err := ReadFile[K](name)
	if err != nil {
		t.Fatalf("keys of type %T: %v", key(0), err)
	}
	if f.M != saved.M || f.Ml != saved.Ml || f.EfSearch != saved.EfSearch || f.Distance != "euclidean" {
		t.Errorf("read %+v", *f)
	}
	got := map[K][]float32{}
	for _, v := range f.Vectors {
		got[v.Key] = v.Vector
	}
	if len(got) != saved.Len() {
		t.Errorf("keys of type %T: %d vectors, want %d", key(0), len(got), saved.Len())
	}
	for i, v := range vecs {
		if i != 3 && !slices.Equal(got[key(i)], v) {
			t.Errorf("keys of type %T: vector of %v is %v, want %v", key(0), key(i), got[key(i)], v)
		}
	}

	// Cut off anywhere it is an error, as is reading it as keys of another size.
	var buf bytes.Buffer
	if err := saved.Export(&buf); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < buf.Len(); n += 97 {
		if _, err := Read[K](bytes.NewReader(buf.Bytes()[:n])); !errors.Is(err, ErrFormat) {
			t.Errorf("keys of type %T: cut off at %d: %v", key(0), n, err)
		}
	}
	if _, err := Read[uint32](&buf); err == nil {
		t.Errorf("keys of type %T: could be read as uint32", key(0))
	}
}
