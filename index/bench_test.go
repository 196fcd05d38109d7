package index

import (
	"context"
	"fmt"
	"sync"
	"testing"
)

const benchSize = 10_000

type benchData struct {
	h       *HNSW
	m       *mixture
	queries [][]float32
}

// benchGraph is built once: 10,000 clustered vectors of 384 dimensions.
var benchGraph = sync.OnceValue(func() benchData {
	m := newMixture(2, 384, 30, 200)
	h, err := New(Options{Dim: 384})
	if err != nil {
		panic(err)
	}
	b := h.Begin()
	defer b.Discard()
	for i, v := range m.vectors(benchSize) {
		if err := b.Insert(sparse(i), v); err != nil {
			panic(err)
		}
	}
	b.Commit()
	return benchData{h, m, m.vectors(256)}
})

func BenchmarkSearch(b *testing.B) {
	g := benchGraph()
	run := func(name string, o SearchOptions) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				if _, err := g.h.Search(context.Background(), g.queries[i%len(g.queries)], o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for _, ef := range []int{16, 64, 256} {
		run(fmt.Sprintf("ef=%d", ef), SearchOptions{K: 10, EfSearch: ef})
	}
	run("ef=64/half", SearchOptions{K: 10, EfSearch: 64, Filter: func(id uint64) bool { return id>>24%2 == 0 }})
	run("exact", SearchOptions{K: 10, Exact: true})
}

// BenchmarkInsert stages inserts in one batch, on top of the graph.
func BenchmarkInsert(b *testing.B) {
	g := benchGraph()
	vecs := g.m.vectors(1000)
	batch := g.h.Begin()
	defer batch.Discard()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if err := batch.Insert(sparse(benchSize+i%len(vecs)), vecs[i*7%len(vecs)]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCommit has batches of one insert, with what a database stores of them.
func BenchmarkCommit(b *testing.B) {
	g := benchGraph()
	vecs := g.m.vectors(500)
	b.ReportAllocs()
	b.ResetTimer()
	changes, size := 0, 0
	for i := range b.N {
		if i%len(vecs) == 0 && i > 0 {
			b.StopTimer()
			batch := g.h.Begin()
			for j := range vecs {
				if err := batch.Delete(sparse(2*benchSize + j)); err != nil {
					b.Fatal(err)
				}
			}
			batch.Commit()
			b.StartTimer()
		}
		batch := g.h.Begin()
		if err := batch.Insert(sparse(2*benchSize+i%len(vecs)), vecs[i%len(vecs)]); err != nil {
			b.Fatal(err)
		}
		for _, rec := range batch.Changes() {
			changes++
			size += len(rec)
		}
		batch.Meta()
		batch.Commit()
	}
	b.ReportMetric(float64(changes)/float64(b.N), "records/op")
	b.ReportMetric(float64(size)/float64(max(changes, 1)), "B/record")
}

// BenchmarkDelete deletes and inserts again; the time is of both.
func BenchmarkDelete(b *testing.B) {
	g := benchGraph()
	batch := g.h.Begin()
	defer batch.Discard()
	b.ResetTimer()
	for i := range b.N {
		id := sparse(i % benchSize)
		slot, _ := batch.slot(id)
		v := batch.s.vec(slot)
		if err := batch.Delete(id); err != nil {
			b.Fatal(err)
		}
		if err := batch.Insert(id, v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	st := dump(benchGraph().h)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if _, err := st.load(Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
