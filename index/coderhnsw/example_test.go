//go:build !windows

package coderhnsw_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"

	"github.com/coder/hnsw"

	"github.com/semsearch/semsearch/index"
	"github.com/semsearch/semsearch/index/coderhnsw"
)

// Vectors saved by coder/hnsw move into an index of ours.
func ExampleRead() {
	old := hnsw.NewGraph[uint64]()
	old.Rng = rand.New(rand.NewSource(1))
	old.Add(
		hnsw.MakeNode(uint64(1), []float32{1, 0}),
		hnsw.MakeNode(uint64(2), []float32{0, 1}),
		hnsw.MakeNode(uint64(3), []float32{1, 1}),
	)
	var buf bytes.Buffer
	if err := old.Export(&buf); err != nil {
		panic(err)
	}

	f, err := coderhnsw.Read[uint64](&buf)
	if err != nil {
		panic(err)
	}
	metric, err := f.Metric()
	if err != nil {
		panic(err)
	}
	ix, err := index.New(index.Options{Dim: f.Dim(), Metric: metric})
	if err != nil {
		panic(err)
	}
	b := ix.Begin()
	defer b.Discard()
	for _, v := range f.Vectors {
		if err := b.Insert(v.Key, v.Vector); err != nil {
			panic(err)
		}
	}
	b.Commit()
	fmt.Println(f.Distance, ix.Len())
	// Output: cosine 3
}

// The library searches links made here.
func ExampleNew() {
	ix, err := index.New(index.Options{Dim: 2})
	if err != nil {
		panic(err)
	}
	b := ix.Begin()
	defer b.Discard()
	for id, v := range [][]float32{{1, 0}, {0, 1}, {1, 1}} {
		if err := b.Insert(uint64(id), v); err != nil {
			panic(err)
		}
	}
	b.Commit()

	a, err := coderhnsw.New(ix)
	if err != nil {
		panic(err)
	}
	r, err := a.Search(context.Background(), []float32{1, 0.1}, index.SearchOptions{K: 2})
	if err != nil {
		panic(err)
	}
	fmt.Println(r[0].ID, r[1].ID)
	// Output: 0 2
}

// A file for programs that use the library.
func ExampleWriteFile() {
	ix, err := index.New(index.Options{Dim: 2})
	if err != nil {
		panic(err)
	}
	b := ix.Begin()
	defer b.Discard()
	if err := b.Insert(7, []float32{3, 4}); err != nil {
		panic(err)
	}
	b.Commit()

	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "graph")
	if err := coderhnsw.WriteFile(name, ix); err != nil {
		panic(err)
	}
	g, err := hnsw.LoadSavedGraph[uint64](name)
	if err != nil {
		panic(err)
	}
	v, ok := g.Lookup(7)
	fmt.Println(v, ok)
	// Output: [0.6 0.8] true
}
