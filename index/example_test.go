package index_test

import (
	"context"
	"fmt"
	"maps"

	"github.com/semsearch/semsearch/index"
)

// An index that is filled and searched.
func Example() {
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

	near, err := ix.Search(context.Background(), []float32{2, 0.5}, index.SearchOptions{K: 2})
	if err != nil {
		panic(err)
	}
	for _, r := range near {
		fmt.Printf("%d at %.3f\n", r.ID, r.Distance)
	}
	// Output:
	// 0 at 0.030
	// 2 at 0.143
}

// Changes are stored before they are published, and loaded again.
func ExampleLoad() {
	vecs := map[uint64][]float32{7: {1, 0}, 8: {0, 1}, 9: {1, 1}}
	vec := func(id uint64) ([]float32, error) { return vecs[id], nil }
	recs := map[uint64][]byte{}

	ix, err := index.New(index.Options{Dim: 2})
	if err != nil {
		panic(err)
	}
	b := ix.Begin()
	defer b.Discard()
	for id, v := range vecs {
		if err := b.Insert(id, v); err != nil {
			panic(err)
		}
	}
	if err := b.Delete(8); err != nil {
		panic(err)
	}
	for id, rec := range b.Changes() {
		if rec == nil {
			delete(recs, id)
		} else {
			recs[id] = rec
		}
	}
	meta := b.Meta()
	b.Commit() // once what was written is safe

	again, err := index.Load(index.Options{Dim: 2}, meta, maps.All(recs), vec)
	if err != nil {
		panic(err)
	}
	fmt.Println(again.Len(), again.Check())
	// Output: 2 <nil>
}

// Only some ids may be results.
func ExampleSearchOptions() {
	ix, err := index.NewFlat(1, index.L2)
	if err != nil {
		panic(err)
	}
	for id := range uint64(10) {
		if err := ix.Insert(id, []float32{float32(id)}); err != nil {
			panic(err)
		}
	}
	even := func(id uint64) bool { return id%2 == 0 }
	near, err := ix.Search(context.Background(), []float32{4.9}, index.SearchOptions{K: 3, Filter: even})
	if err != nil {
		panic(err)
	}
	for _, r := range near {
		fmt.Print(r.ID, " ")
	}
	// Output: 4 6 2
}

func ExampleFlat() {
	ix, err := index.NewFlat(2, index.Dot)
	if err != nil {
		panic(err)
	}
	if err := ix.Insert(1, []float32{3, 4}); err != nil {
		panic(err)
	}
	near, err := ix.Search(context.Background(), []float32{1, 1}, index.SearchOptions{K: 1})
	if err != nil {
		panic(err)
	}
	fmt.Println(near)
	// Output: [{1 -7}]
}

// The links of a graph, by id.
func ExampleHNSW_Nodes() {
	ix, err := index.New(index.Options{Dim: 1, Metric: index.L2})
	if err != nil {
		panic(err)
	}
	b := ix.Begin()
	defer b.Discard()
	for id := range uint64(4) {
		if err := b.Insert(id, []float32{float32(id)}); err != nil {
			panic(err)
		}
	}
	b.Commit()
	for n := range ix.Nodes() {
		fmt.Println(n.ID, n.Neighbors[0])
	}
	// Output:
	// 0 [1]
	// 1 [0 2]
	// 2 [1 3]
	// 3 [2]
}

func ExampleHNSW_Stats() {
	ix, err := index.New(index.Options{Dim: 3})
	if err != nil {
		panic(err)
	}
	b := ix.Begin()
	defer b.Discard()
	if err := b.Insert(1, []float32{1, 2, 3}); err != nil {
		panic(err)
	}
	b.Commit()
	s := ix.Stats()
	fmt.Println(s.Len, s.Unreachable)
	// Output: 1 0
}
