package index

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

var (
	modelSeed  = flag.Uint64("index.seed", 0, "run the model test with this seed only")
	modelSeeds = flag.Int("index.seeds", 12, "run the model test with so many seeds")
)

// TestModel does random things to an HNSW and to a map beside it, and compares them after each
// batch: what is there, the stored bytes, a graph loaded from them, and what searches find.
func TestModel(t *testing.T) {
	seeds := []uint64{*modelSeed}
	if *modelSeed == 0 {
		seeds = seeds[:0]
		for s := range uint64(*modelSeeds) {
			seeds = append(seeds, s+1)
		}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			runModel(t, seed)
		})
	}
}

func runModel(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 2))
	o := Options{
		Dim:            1 + rng.IntN(8),
		Metric:         Metric(rng.IntN(3)),
		M:              2 + rng.IntN(7),
		EfConstruction: 8 + rng.IntN(60),
		Seed:           seed,
		ExactBelow:     -1,
		KeepPruned:     rng.IntN(2) == 0,
	}
	grid := rng.IntN(3) == 0 // few different vectors, many of them equal
	vector := func() []float32 {
		v := make([]float32, o.Dim)
		for i := range v {
			if grid {
				v[i] = float32(rng.IntN(3) - 1)
			} else {
				v[i] = float32(rng.NormFloat64())
			}
		}
		return v
	}
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	st := newStore()
	st.meta = appendMeta(nil, &h.o, h.state.Load())
	model := map[uint64][]float32{}
	hits, want, unreachable, nodes := 0, 0, 0, 0

	for step := range 120 {
		before := maps.Clone(model)
		b := h.Begin()
		id := func() uint64 { return sparse(rng.IntN(300)) }
		var del, ins int
		switch rng.IntN(10) {
		case 0: // everything
			del = len(model)
		case 1, 2:
			del, ins = rng.IntN(40), rng.IntN(10)
		case 3, 4, 5:
			del, ins = rng.IntN(10), rng.IntN(80)
		default:
			del, ins = rng.IntN(3), rng.IntN(3)
		}
		have := slices.Sorted(maps.Keys(model))
		rng.Shuffle(len(have), func(i, j int) { have[i], have[j] = have[j], have[i] })
		for _, id := range have[:min(del, len(have))] {
			if err := b.Delete(id); err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
			delete(model, id)
		}
		for range ins {
			id, v := id(), vector()
			if err := b.Insert(id, v); err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
			model[id] = v
		}
		if id := id(); model[id] == nil {
			if err := b.Delete(id); !errors.Is(err, ErrNotFound) {
				t.Fatalf("step %d: deleting %d, which is not there: %v", step, id, err)
			}
		}
		if b.Len() != len(model) || h.Len() != len(before) {
			t.Fatalf("step %d: %d staged and %d committed, want %d and %d", step, b.Len(), h.Len(), len(model), len(before))
		}
		for _, r := range search(t, h, vector(), SearchOptions{K: 5}) {
			if before[r.ID] == nil {
				t.Fatalf("step %d: found %d, which is only staged", step, r.ID)
			}
		}
		if rng.IntN(4) == 0 {
			for range b.Changes() { // must change nothing
			}
			b.Discard()
			model = before
			same(t, fmt.Sprintf("step %d: after discard", step), dump(h), st)
		} else {
			st.write(t, b)
			b.Commit()
			same(t, fmt.Sprintf("step %d: what was handed out", step), st, dump(h))
		}
		st.vecs = model
		if err := h.Check(); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		if rng.IntN(5) == 0 {
			loaded, err := st.load(Options{Metric: o.Metric, ExactBelow: -1})
			if err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
			same(t, fmt.Sprintf("step %d: loaded", step), dump(loaded), dump(h))
			if err := loaded.Check(); err != nil {
				t.Fatalf("step %d: loaded: %v", step, err)
			}
			if rng.IntN(2) == 0 {
				h = loaded
			}
		}

		if h.Len() != len(model) {
			t.Fatalf("step %d: %d vectors, want %d", step, h.Len(), len(model))
		}
		flat, _ := NewFlat(o.Dim, o.Metric)
		for id, v := range model {
			if err := flat.Insert(id, v); err != nil {
				t.Fatal(err)
			}
			if _, ok := h.Vector(id); !ok {
				t.Fatalf("step %d: vector of %d is not there", step, id)
			}
		}
		q := vector()
		exact := search(t, flat, q, SearchOptions{K: 10})
		if got := search(t, h, q, SearchOptions{K: 10, Exact: true}); !slices.Equal(got, exact) {
			t.Fatalf("step %d: scan found %v, want %v", step, got, exact)
		}
		got := search(t, h, q, SearchOptions{K: 10, EfSearch: 40})
		if len(got) != len(exact) {
			t.Fatalf("step %d: %d results, want %d", step, len(got), len(exact))
		}
		for i, r := range got {
			if r.Distance <= exact[len(exact)-1].Distance {
				hits++
			}
			if v := model[r.ID]; v == nil {
				t.Fatalf("step %d: found %d, which is not there", step, r.ID)
			}
			if i > 0 && !farther(r, got[i-1]) {
				t.Fatalf("step %d: results out of order: %v", step, got)
			}
		}
		want += len(exact)
		odd := func(id uint64) bool { return id%2 == 1 }
		for _, r := range search(t, h, q, SearchOptions{K: 3, Filter: odd}) {
			if !odd(r.ID) {
				t.Fatalf("step %d: %d was not accepted", step, r.ID)
			}
		}
		if len(model) > 0 {
			s := h.Stats()
			unreachable += s.Unreachable
			nodes += s.Len
		}
	}
	r := float64(hits) / float64(want)
	t.Logf("%+v grid=%v: recall %.4f, %d of %d unreachable", o, grid, r, unreachable, nodes)
	floor := 0.99
	if o.M < 5 || o.Metric == Dot {
		floor = 0.92
	}
	if r < floor {
		t.Errorf("recall is %.4f, want %v", r, floor)
	}
	if unreachable > 0 {
		t.Errorf("%d of %d nodes unreachable", unreachable, nodes)
	}
}
