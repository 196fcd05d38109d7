package index

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRecall has a floor for what a walk finds of the true neighbors, after each thing that can
// happen to a graph: clustered vectors in 384 dimensions, ef 64.
func TestRecall(t *testing.T) {
	t.Parallel()
	size := 20_000
	if testing.Short() || raced {
		size = 2_000
	}
	const dim, floor = 384, 0.98
	m := newMixture(1, dim, 30, 200)
	vecs := m.vectors(size)
	queries := m.vectors(100)
	h, err := New(Options{Dim: dim, ExactBelow: -1})
	if err != nil {
		t.Fatal(err)
	}
	flat, err := NewFlat(dim, Cosine)
	if err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		t.Helper()
		if err := h.Check(); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		var r float64
		walked(t, h, len(queries), func() {
			r = recall(t, h, flat, queries, SearchOptions{K: 10, EfSearch: 64})
		})
		s := h.Stats()
		t.Logf("%s: recall %.4f, %s", when, r, describe(s))
		if r < floor {
			t.Errorf("%s: recall is %.4f, want %v", when, r, floor)
		}
		if s.Unreachable > 0 {
			t.Errorf("%s: %d nodes unreachable", when, s.Unreachable)
		}
	}

	b := h.Begin()
	for i, v := range vecs {
		if err := b.Insert(sparse(i), v); err != nil {
			t.Fatal(err)
		}
		if err := flat.Insert(sparse(i), v); err != nil {
			t.Fatal(err)
		}
	}
	b.Commit()
	check("built")

	// A fifth, among them whole documents.
	var some []int
	for i := range vecs {
		if i/7%10 == 0 || i%10 == 3 || i%50 == 7 {
			some = append(some, i)
		}
	}
	b = h.Begin()
	for _, i := range some {
		if err := b.Delete(sparse(i)); err != nil {
			t.Fatal(err)
		}
		if err := flat.Delete(sparse(i)); err != nil {
			t.Fatal(err)
		}
	}
	b.Commit()
	check("a fifth deleted")

	if h, err = dump(h).load(Options{ExactBelow: -1}); err != nil {
		t.Fatal(err)
	}
	check("stored and loaded")

	// Half of them come back, with other vectors.
	b = h.Begin()
	for _, i := range some[:len(some)/2] {
		v := vecs[(i+1)%size]
		w := slices.Clone(v)
		w[i%dim] += 0.5
		if err := b.Insert(sparse(i), w); err != nil {
			t.Fatal(err)
		}
		if err := flat.Insert(sparse(i), w); err != nil {
			t.Fatal(err)
		}
	}
	b.Commit()
	check("half of it added again")
}

// TestRecallMetric is the same for each metric and order of insertion, with fewer vectors.
func TestRecallMetric(t *testing.T) {
	t.Parallel()
	const dim, size = 48, 2000
	for _, c := range []struct {
		name   string
		metric Metric
		sorted bool
		keep   bool
		floor  float64
	}{
		{"cosine", Cosine, false, false, 0.99},
		{"cosine cluster by cluster", Cosine, true, false, 0.99},
		{"cosine keep pruned", Cosine, false, true, 0.99},
		{"l2", L2, false, false, 0.99},
		{"l2 cluster by cluster", L2, true, false, 0.99},
		{"dot", Dot, false, false, 0.95}, // lengths differ by a factor of 4
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMixture(5, dim, 12, 40)
			vecs := m.vectors(size)
			if c.sorted {
				for i := range vecs {
					vecs[i] = m.from(i * 40 / size)
				}
			}
			if c.metric == Dot {
				for _, v := range vecs {
					f := float32(0.5 + 1.5*m.rng.Float64())
					for i := range v {
						v[i] *= f
					}
				}
			}
			h, err := New(Options{Dim: dim, Metric: c.metric, KeepPruned: c.keep, ExactBelow: -1})
			if err != nil {
				t.Fatal(err)
			}
			flat, err := NewFlat(dim, c.metric)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range vecs {
				if err := flat.Insert(sparse(i), v); err != nil {
					t.Fatal(err)
				}
			}
			insertAll(t, h, vecs)
			queries := m.vectors(100)
			var r float64
			walked(t, h, len(queries), func() { r = recall(t, h, flat, queries, SearchOptions{K: 10, EfSearch: 64}) })
			s := h.Stats()
			t.Logf("recall %.4f, %s", r, describe(s))
			if r < c.floor {
				t.Errorf("recall is %.4f, want %v", r, c.floor)
			}
			if s.Unreachable > 0 {
				t.Errorf("%d nodes unreachable", s.Unreachable)
			}
		})
	}
}

// TestRecallEqual has half of the vectors equal to one of three.
func TestRecallEqual(t *testing.T) {
	t.Parallel()
	m := newMixture(6, 48, 12, 40)
	copies := m.vectors(3)
	vecs := m.vectors(2000)
	for i := range vecs {
		if m.rng.IntN(2) == 0 {
			vecs[i] = copies[m.rng.IntN(len(copies))]
		}
	}
	h, err := New(Options{Dim: 48, ExactBelow: -1})
	if err != nil {
		t.Fatal(err)
	}
	flat, err := NewFlat(48, Cosine)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range vecs {
		if err := flat.Insert(sparse(i), v); err != nil {
			t.Fatal(err)
		}
	}
	insertAll(t, h, vecs)
	queries := append(m.vectors(60), copies...)
	check := func(when string) {
		t.Helper()
		if err := h.Check(); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		for _, k := range []int{1, 10, 500} {
			var r float64
			walked(t, h, len(queries), func() { r = recall(t, h, flat, queries, SearchOptions{K: k}) })
			if r < 0.99 {
				t.Errorf("%s: recall at %d is %.4f", when, k, r)
			}
		}
		// A copy finds all copies, by ascending id.
		for i, q := range copies {
			want := search(t, flat, q, SearchOptions{K: 300})
			if got := search(t, h, q, SearchOptions{K: 300}); !slices.Equal(got, want) {
				t.Errorf("%s: copies of vector %d differ from the scan", when, i)
			}
		}
	}
	check("built")
	b := h.Begin()
	for i := 0; i < len(vecs); i += 3 {
		if err := b.Delete(sparse(i)); err != nil {
			t.Fatal(err)
		}
		if err := flat.Delete(sparse(i)); err != nil {
			t.Fatal(err)
		}
	}
	b.Commit()
	check("a third deleted")
	if h, err = dump(h).load(Options{ExactBelow: -1}); err != nil {
		t.Fatal(err)
	}
	check("loaded")
}

// TestFilter compares with a filtered scan, from filters that accept nearly all to none.
func TestFilter(t *testing.T) {
	t.Parallel()
	const dim, size = 32, 4000
	m := newMixture(7, dim, 12, 40)
	vecs := m.vectors(size)
	h, err := New(Options{Dim: dim, EfConstruction: 100, ExactBelow: 200})
	if err != nil {
		t.Fatal(err)
	}
	flat, err := NewFlat(dim, Cosine)
	if err != nil {
		t.Fatal(err)
	}
	near := m.from(0)
	for i, v := range vecs {
		if err := flat.Insert(sparse(i), v); err != nil {
			t.Fatal(err)
		}
	}
	insertAll(t, h, vecs)
	// The 800 farthest from a point: a walk that starts near it has to go through many others.
	far := map[uint64]bool{}
	for _, r := range search(t, flat, near, SearchOptions{K: size})[size-800:] {
		far[r.ID] = true
	}
	rng := rand.New(rand.NewPCG(8, 8))
	random := map[uint64]bool{}
	for i := range size {
		random[sparse(i)] = rng.IntN(10) == 0
	}
	for _, c := range []struct {
		name    string
		accept  func(uint64) bool
		queries [][]float32
		walks   bool
	}{
		{"most", func(id uint64) bool { return id%7 != 0 }, m.vectors(50), true},
		{"half of the documents", func(id uint64) bool { return id>>24%2 == 0 }, m.vectors(50), true},
		{"a tenth", func(id uint64) bool { return random[id] }, m.vectors(50), true},
		{"far away", func(id uint64) bool { return far[id] }, [][]float32{near}, true},
		{"one in a hundred", func(id uint64) bool { return id>>24%100 == 0 }, m.vectors(50), false},
		{"five", func(id uint64) bool { return id>>24 == 9 && id&0xff < 5 }, m.vectors(20), false},
		{"none", func(id uint64) bool { return false }, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.queries == nil {
				if r := search(t, h, near, SearchOptions{K: 10, Filter: c.accept}); len(r) != 0 {
					t.Errorf("found %v", r)
				}
				return
			}
			walks, scans := h.walks.Load(), h.scans.Load()
			r := recall(t, h, flat, c.queries, SearchOptions{K: 10, EfSearch: 64, Filter: c.accept})
			walks, scans = h.walks.Load()-walks, h.scans.Load()-scans
			t.Logf("recall %.4f, %d walks, %d scans", r, walks, scans)
			if r < 0.98 {
				t.Errorf("recall is %.4f", r)
			}
			if (walks > 0) != c.walks {
				t.Errorf("%d walks and %d scans", walks, scans)
			}
		})
	}
}

// TestZeroVectors has zero vectors stored and searched for, which have no direction.
func TestZeroVectors(t *testing.T) {
	for _, metric := range []Metric{Cosine, Dot, L2} {
		m := newMixture(9, 8, 4, 5)
		h, err := New(Options{Dim: 8, Metric: metric, ExactBelow: -1})
		if err != nil {
			t.Fatal(err)
		}
		vecs := m.vectors(200)
		for i := 0; i < 50; i += 10 {
			vecs[i] = make([]float32, 8)
			vecs[i][3] = float32(math.Copysign(0, float64(i%20)-5))
		}
		insertAll(t, h, vecs)
		if err := h.Check(); err != nil {
			t.Fatalf("%v: %v", metric, err)
		}
		if n := h.Stats().Levels[0]; n != 196 {
			t.Errorf("%v: %d nodes, want one for all zero vectors", metric, n)
		}
		for _, exact := range []bool{false, true} {
			got := search(t, h, make([]float32, 8), SearchOptions{K: 200, Exact: exact})
			if len(got) != 200 {
				t.Fatalf("%v: %d results", metric, len(got))
			}
			for _, r := range got {
				if want := float32(1); metric == Cosine && r.Distance != want {
					t.Fatalf("distance from zero is %v, want %v", r.Distance, want)
				}
			}
		}
	}
}
