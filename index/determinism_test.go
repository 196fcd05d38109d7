package index

import (
	"math/rand/v2"
	"testing"
)

// TestDeterminism does the same to three graphs: one kept in memory, one stored and loaded after
// each batch, and one with discarded batches in between. All have the same bytes.
func TestDeterminism(t *testing.T) {
	t.Parallel()
	const dim = 24
	var graphs [3]*HNSW
	for i := range graphs {
		var err error
		if graphs[i], err = New(Options{Dim: dim, M: 8, EfConstruction: 60}); err != nil {
			t.Fatal(err)
		}
	}
	m := newMixture(11, dim, 8, 20)
	rng := rand.New(rand.NewPCG(12, 12))
	var have []uint64
	next := 0
	for range 25 {
		type op struct {
			id  uint64
			vec []float32
		}
		var ops []op
		for range rng.IntN(40) {
			id := sparse(next)
			next++
			v := m.from(rng.IntN(20))
			if rng.IntN(8) == 0 && len(ops) > 0 && ops[0].vec != nil {
				v = ops[0].vec // a twin
			}
			have = append(have, id)
			ops = append(ops, op{id, v})
		}
		for range rng.IntN(15) {
			if len(have) > 0 {
				i := rng.IntN(len(have))
				ops = append(ops, op{have[i], nil})
				have[i] = have[len(have)-1]
				have = have[:len(have)-1]
			}
		}
		for i, h := range graphs {
			do := func(commit bool) {
				b := h.Begin()
				defer b.Discard()
				for _, o := range ops {
					var err error
					if o.vec != nil {
						err = b.Insert(o.id, o.vec)
					} else {
						err = b.Delete(o.id)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				if commit {
					b.Commit()
				}
			}
			if i == 2 {
				do(false)
			}
			do(true)
			if i == 1 {
				loaded, err := dump(h).load(Options{})
				if err != nil {
					t.Fatal(err)
				}
				graphs[i] = loaded
			}
		}
		same(t, "loaded each time", dump(graphs[1]), dump(graphs[0]))
		same(t, "with discarded batches", dump(graphs[2]), dump(graphs[0]))
	}
	if graphs[0].Len() < 100 {
		t.Fatalf("only %d vectors at the end", graphs[0].Len())
	}
	other, err := New(Options{Dim: dim, Seed: 99})
	if err != nil {
		t.Fatal(err)
	}
	levels := func(h *HNSW) (s string) {
		for i := range 2000 {
			s += string(rune('0' + h.o.level(sparse(i))))
		}
		return s
	}
	if levels(other) == levels(graphs[0]) {
		t.Error("another seed gives the same levels")
	}
}

// TestLevels compares the levels of many ids with the geometric distribution they are to have.
func TestLevels(t *testing.T) {
	o, err := Options{Dim: 1, M: 16}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	const n = 1 << 18
	count := make([]int, maxLevel+1)
	for i := range n {
		for l := range o.level(sparse(i)) + 1 {
			count[l]++
		}
	}
	for l, want := 0, n; l < 4; l, want = l+1, want/16 {
		if got := count[l]; got < want*9/10-10 || got > want*11/10+10 {
			t.Errorf("%d nodes on level %d, want about %d", got, l, want)
		}
	}
}
