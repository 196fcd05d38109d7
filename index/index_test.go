package index

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
)

var (
	_ Index = (*HNSW)(nil)
	_ Index = (*Flat)(nil)
)

func TestOptions(t *testing.T) {
	for _, o := range []Options{
		{},
		{Dim: -1},
		{Dim: MaxDim + 1},
		{Dim: 2, Metric: 3},
		{Dim: 2, M: 1},
		{Dim: 2, M: -4},
		{Dim: 2, M: MaxM + 1},
		{Dim: 2, EfConstruction: -1},
	} {
		if _, err := New(o); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	h, err := New(Options{Dim: 2})
	if err != nil {
		t.Fatal(err)
	}
	if o := h.Options(); o.M != 16 || o.EfConstruction != 200 || o.Seed == 0 || o.ExactBelow != 1000 {
		t.Errorf("defaults %+v", o)
	}
}

// TestSearchArguments holds for both indexes.
func TestSearchArguments(t *testing.T) {
	h, err := New(Options{Dim: 2, ExactBelow: -1})
	if err != nil {
		t.Fatal(err)
	}
	flat, err := NewFlat(2, Cosine)
	if err != nil {
		t.Fatal(err)
	}
	vecs := newMixture(16, 2, 2, 3).vectors(300)
	insertAll(t, h, vecs)
	for i, v := range vecs {
		if err := flat.Insert(sparse(i), v); err != nil {
			t.Fatal(err)
		}
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	done, cancel := context.WithCancel(context.Background())
	cancel()
	for name, ix := range map[string]Index{"hnsw": h, "flat": flat} {
		if ix.Len() != 300 || ix.Dim() != 2 {
			t.Errorf("%s: %d vectors of %d", name, ix.Len(), ix.Dim())
		}
		for _, c := range []struct {
			q    []float32
			o    SearchOptions
			want error
		}{
			{nil, SearchOptions{K: 1}, ErrDimension},
			{[]float32{1}, SearchOptions{K: 1}, ErrDimension},
			{[]float32{1, 2, 3}, SearchOptions{K: 1}, ErrDimension},
			{[]float32{1, nan}, SearchOptions{K: 1}, ErrInvalid},
			{[]float32{-inf, 1}, SearchOptions{K: 1}, ErrInvalid},
			{[]float32{1, 1}, SearchOptions{}, ErrInvalid},
			{[]float32{1, 1}, SearchOptions{K: -1}, ErrInvalid},
			{[]float32{1, 1}, SearchOptions{K: 1, EfSearch: -1}, ErrInvalid},
			{[]float32{1, 1}, SearchOptions{K: 1}, nil},
			{[]float32{1, 1}, SearchOptions{K: math.MaxInt, EfSearch: math.MaxInt}, nil},
			{[]float32{math.MaxFloat32, math.MaxFloat32}, SearchOptions{K: 3}, nil},
			{[]float32{math.SmallestNonzeroFloat32, 0}, SearchOptions{K: 3}, nil},
		} {
			q := slices.Clone(c.q)
			r, err := ix.Search(context.Background(), c.q, c.o)
			if !errors.Is(err, c.want) {
				t.Errorf("%s: query %v, %+v: %v, want %v", name, c.q, c.o, err, c.want)
			}
			if want := min(c.o.K, 300); c.want == nil && len(r) != want {
				t.Errorf("%s: query %v: %d results, want %d", name, c.q, len(r), want)
			}
			if c.want != nil && r != nil {
				t.Errorf("%s: results beside an error", name)
			}
			for i := range q {
				if math.Float32bits(q[i]) != math.Float32bits(c.q[i]) {
					t.Errorf("%s: query was changed", name)
				}
			}
		}
		for _, exact := range []bool{false, true} {
			if _, err := ix.Search(done, []float32{1, 1}, SearchOptions{K: 1, Exact: exact}); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: cancelled: %v", name, err)
			}
		}
	}
}

// TestCancel stops a walk and a scan half way.
func TestCancel(t *testing.T) {
	h, err := New(Options{Dim: 4, M: 4, EfConstruction: 20, ExactBelow: -1})
	if err != nil {
		t.Fatal(err)
	}
	insertAll(t, h, newMixture(17, 4, 4, 3).vectors(3000))
	for _, exact := range []bool{false, true} {
		ctx, cancel := context.WithCancel(context.Background())
		asked := 0
		_, err := h.Search(ctx, []float32{1, 2, 3, 4}, SearchOptions{K: 2500, Exact: exact, Filter: func(uint64) bool {
			if asked++; asked == 200 {
				cancel()
			}
			return true
		}})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("exact %v: %v", exact, err)
		}
		if asked > 2800 {
			t.Errorf("exact %v: went on for %d nodes", exact, asked)
		}
	}
}

func TestBatchErrors(t *testing.T) {
	h, err := New(Options{Dim: 2, Metric: L2})
	if err != nil {
		t.Fatal(err)
	}
	b := h.Begin()
	nan := float32(math.NaN())
	for _, c := range []struct {
		vec  []float32
		want error
	}{
		{nil, ErrDimension},
		{[]float32{1, 2, 3}, ErrDimension},
		{[]float32{nan, 0}, ErrInvalid},
		{[]float32{0, float32(math.Inf(-1))}, ErrInvalid},
		{[]float32{math.MaxFloat32, 0}, ErrInvalid},
	} {
		if err := b.Insert(1, c.vec); !errors.Is(err, c.want) {
			t.Errorf("insert %v: %v, want %v", c.vec, err, c.want)
		}
	}
	if err := b.Delete(1); !errors.Is(err, ErrNotFound) {
		t.Errorf("delete: %v", err)
	}
	for range b.Changes() {
		t.Error("failed calls left changes")
	}
	vec := []float32{1, 2}
	if err := b.Insert(1, vec); err != nil {
		t.Fatal(err)
	}
	vec[0] = 9
	for range b.Changes() { // a loop may end early
		break
	}
	b.Commit()
	b.Commit()
	b.Discard()
	if v, ok := h.Vector(1); !ok || !slices.Equal(v, []float32{1, 2}) {
		t.Errorf("vector is %v", v)
	} else {
		v[0] = 7
	}
	if v, _ := h.Vector(1); v[0] != 1 {
		t.Error("Vector gave away its memory")
	}
	if _, ok := h.Vector(2); ok {
		t.Error("vector 2 is there")
	}
	if err := b.Insert(2, vec); !errors.Is(err, ErrDone) {
		t.Errorf("insert after commit: %v", err)
	}
	if err := b.Delete(1); !errors.Is(err, ErrDone) {
		t.Errorf("delete after commit: %v", err)
	}
	for range b.Changes() {
		t.Error("changes after commit")
	}
	if b.Meta() != nil {
		t.Error("meta record after commit")
	}
	b = h.Begin()
	b.Discard()
	b.Discard()
	b = h.Begin() // does not wait
	b.Discard()
}

func TestExactBelow(t *testing.T) {
	h, err := New(Options{Dim: 2, ExactBelow: 50})
	if err != nil {
		t.Fatal(err)
	}
	vecs := newMixture(18, 2, 2, 3).vectors(50)
	insertAll(t, h, vecs[:49])
	search(t, h, vecs[0], SearchOptions{K: 1})
	if s := h.Stats(); s.Walks != 0 || s.Scans != 1 {
		t.Errorf("49 vectors: %d walks, %d scans", s.Walks, s.Scans)
	}
	insertAll(t, h, vecs)
	search(t, h, vecs[0], SearchOptions{K: 1})
	if s := h.Stats(); s.Walks != 1 || s.Scans != 1 {
		t.Errorf("50 vectors: %d walks, %d scans", s.Walks, s.Scans)
	}
	search(t, h, vecs[0], SearchOptions{K: 1, Exact: true})
	if s := h.Stats(); s.Walks != 1 || s.Scans != 2 {
		t.Errorf("exact: %d walks, %d scans", s.Walks, s.Scans)
	}
}

// TestPrepare has preparing twice be the same as once, which a stored vector relies on.
func TestPrepare(t *testing.T) {
	m := newMixture(19, 384, 30, 10)
	for i, v := range m.vectors(500) {
		scale := float32(math.Pow(10, float64(i%60-30)))
		for j := range v {
			v[j] *= scale
		}
		once, err := Cosine.Prepare(v, 384)
		if err != nil {
			t.Fatal(err)
		}
		var sum float64
		for _, x := range once {
			sum += float64(x) * float64(x)
		}
		if math.Abs(sum-1) > 1e-6 {
			t.Fatalf("squared length %v", sum)
		}
		twice, err := Cosine.Prepare(once, 384)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(once, twice) {
			t.Fatalf("vector %d: differs when prepared twice", i)
		}
	}
}

// TestDistance compares with the formulas in float64.
func TestDistance(t *testing.T) {
	m := newMixture(20, 33, 10, 5)
	for range 100 {
		x, y := m.from(0), m.from(1)
		for _, metric := range []Metric{Cosine, Dot, L2} {
			px, err := metric.Prepare(x, 33)
			if err != nil {
				t.Fatal(err)
			}
			py, err := metric.Prepare(y, 33)
			if err != nil {
				t.Fatal(err)
			}
			var xy, xx, yy, dd float64
			for i := range x {
				a, b := float64(x[i]), float64(y[i])
				xy, xx, yy, dd = xy+a*b, xx+a*a, yy+b*b, dd+(a-b)*(a-b)
			}
			want, size := 1-xy/math.Sqrt(xx*yy), 1.0
			switch metric {
			case Dot:
				want, size = -xy, math.Sqrt(xx*yy)
			case L2:
				want, size = dd, xx+yy
			}
			if got := float64(metric.Distance(px, py)); math.Abs(got-want) > 1e-5*size {
				t.Errorf("%v distance is %v, want %v", metric, got, want)
			}
			if a, b := metric.Distance(px, py), metric.Distance(py, px); a != b {
				t.Errorf("%v distance is %v one way and %v the other", metric, a, b)
			}
		}
	}
}

func TestFlat(t *testing.T) {
	for _, dim := range []int{0, -1, MaxDim + 1} {
		if _, err := NewFlat(dim, L2); !errors.Is(err, ErrInvalid) {
			t.Errorf("dimension %d: %v", dim, err)
		}
	}
	if _, err := NewFlat(2, 9); !errors.Is(err, ErrInvalid) {
		t.Errorf("metric 9: %v", err)
	}
	f, err := NewFlat(1, L2)
	if err != nil {
		t.Fatal(err)
	}
	if got := search(t, f, []float32{0}, SearchOptions{K: 3}); len(got) != 0 {
		t.Errorf("empty: %v", got)
	}
	for id, x := range []float32{5, 1, 4, 1, 3} {
		if err := f.Insert(uint64(id), []float32{x}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Insert(4, []float32{0}); err != nil {
		t.Fatal(err)
	}
	if err := f.Insert(9, []float32{1, 2}); !errors.Is(err, ErrDimension) {
		t.Errorf("two components: %v", err)
	}
	if err := f.Delete(0); err != nil {
		t.Fatal(err)
	}
	if err := f.Delete(0); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	want := []Result{{4, 0}, {1, 1}, {3, 1}, {2, 16}}
	if got := search(t, f, []float32{0}, SearchOptions{K: 9}); !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
	if got := search(t, f, []float32{0}, SearchOptions{K: 2}); !slices.Equal(got, want[:2]) {
		t.Errorf("found %v, want %v", got, want[:2])
	}
	if v, ok := f.Vector(2); !ok || v[0] != 4 {
		t.Errorf("vector of 2 is %v", v)
	}
	if f.Len() != 4 {
		t.Errorf("%d vectors", f.Len())
	}
}
