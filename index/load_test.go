package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
)

// stored is a small graph with several levels and a twin, as a database has it.
func stored(t testing.TB) *store {
	t.Helper()
	h, err := New(Options{Dim: 3, Metric: L2, M: 3, EfConstruction: 20, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	st := newStore()
	m := newMixture(13, 3, 3, 4)
	for id := uint64(1); id <= 40; id++ {
		st.vecs[id] = m.from(int(id) % 4)
	}
	st.vecs[41] = st.vecs[17]
	b := h.Begin()
	defer b.Discard()
	for id := uint64(1); id <= 41; id++ {
		if err := b.Insert(id, st.vecs[id]); err != nil {
			t.Fatal(err)
		}
	}
	st.write(t, b)
	return st
}

func (st *store) clone() *store {
	return &store{meta: bytes.Clone(st.meta), recs: maps.Clone(st.recs), vecs: maps.Clone(st.vecs)}
}

// record builds a record from lists of ids.
func record(level int, lists ...[]uint64) []byte {
	b := binary.AppendUvarint(nil, uint64(headLevel+level))
	for _, l := range lists {
		b = binary.AppendUvarint(b, uint64(len(l)))
		var last uint64
		for _, id := range l {
			b = binary.AppendUvarint(b, id-last)
			last = id
		}
	}
	return b
}

func TestLoadDamaged(t *testing.T) {
	good := stored(t)
	h, err := good.load(Options{Metric: L2})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Check(); err != nil {
		t.Fatal(err)
	}
	same(t, "loaded", dump(h), good)
	if h.o.M != 3 || h.o.EfConstruction != 20 || h.o.Seed != 7 || h.o.Dim != 3 {
		t.Errorf("options %+v", h.o)
	}
	o := h.o
	// A node on level 0 alone and one on level 1.
	low, high := uint64(0), uint64(0)
	for id := uint64(40); id > 0; id-- {
		switch o.level(id) {
		case 0:
			low = id
		case 1:
			high = id
		}
	}
	if low == 0 || high == 0 {
		t.Fatal("no such nodes")
	}
	listsOf := func(id uint64) [][]uint64 {
		out := make([][]uint64, o.level(id)+1)
		if _, err := decodeRecord(good.recs[id], &o, id, func(l int, to uint64) { out[l] = append(out[l], to) }); err != nil {
			t.Fatal(err)
		}
		return out
	}
	node := fmt.Sprintf("node %d: corrupt graph: ", low)
	for _, c := range []struct {
		name   string
		damage func(st *store)
		want   string // in the message
	}{
		{"node missing", func(st *store) { delete(st.recs, low) }, "records, meta record says"},
		{"node added", func(st *store) { st.recs[99] = record(o.level(99), make([][]uint64, o.level(99)+1)...) }, "42 records"},
		{"empty record", func(st *store) { st.recs[low] = []byte{} }, node + "record ends before level"},
		{"cut off", func(st *store) { st.recs[low] = st.recs[low][:len(st.recs[low])-1] }, "record ends before neighbor"},
		{"trailing", func(st *store) { st.recs[low] = append(bytes.Clone(st.recs[low]), 0) }, "1 bytes after the record"},
		{"long varint", func(st *store) { st.recs[low] = []byte{0x81, 0x00} }, "shortest form"},
		{"level", func(st *store) { st.recs[low] = record(1, nil, nil) }, "level is 1, want 0"},
		{"huge level", func(st *store) { st.recs[low] = binary.AppendUvarint(nil, math.MaxUint64) }, "want 0"},
		{"self link", func(st *store) { st.recs[low] = record(0, []uint64{low}) }, "links to itself on level 0"},
		{"double link", func(st *store) { st.recs[low] = record(0, []uint64{9, 9}) }, "neighbor 9 twice on level 0"},
		{"overflow", func(st *store) {
			st.recs[low] = []byte{1, 2, 9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}
		}, "out of range"},
		{"unknown neighbor", func(st *store) { l := listsOf(low); l[0][len(l[0])-1] = 1000; st.recs[low] = record(0, l...) }, "neighbor 1000 on level 0 is not there"},
		{"neighbor below", func(st *store) {
			l := listsOf(high)
			l[1][0] = low
			slices.Sort(l[1])
			st.recs[high] = record(1, l...)
		}, "is only on level 0"},
		{"too many", func(st *store) {
			st.recs[low] = record(0, []uint64{2, 3, 4, 5, 6, 7, 8, 9})
		}, "8 neighbors on level 0, at most 6 allowed"},
		{"link count", func(st *store) { st.recs[low] = record(0, listsOf(low)[0][1:]) }, "links, meta record says"},
		{"twin without equal", func(st *store) { st.vecs[41] = []float32{9, 9, 9} }, "node 41: corrupt graph: no node has the same vector"},
		{"vector too short", func(st *store) { st.vecs[low] = []float32{1} }, node + "vector has 1 components"},
		{"vector NaN", func(st *store) { st.vecs[low] = []float32{1, float32(math.NaN()), 0} }, "component 1 is NaN"},
		{"no meta", func(st *store) { st.meta = nil }, "meta record: corrupt graph: too short"},
		{"meta version", func(st *store) { st.meta[0]++ }, "version is 2"},
		{"meta flags", func(st *store) { st.meta[2] = 0x80 }, "flags"},
		{"meta cut off", func(st *store) { st.meta = st.meta[:len(st.meta)-1] }, "record ends before entry point"},
		{"meta trailing", func(st *store) { st.meta = append(st.meta, 1) }, "after the record"},
		{"meta entry point", func(st *store) { st.meta[len(st.meta)-1] = byte(low) }, fmt.Sprintf("entry point %d is on level 0", low)},
		{"meta entry point unknown", func(st *store) { st.meta[len(st.meta)-1] = 100 }, "entry point 100 is not there"},
		{"meta seed", func(st *store) { st.meta[3] = 0 }, "seed is 0"},
		{"meta another seed", func(st *store) { st.meta[3] = 8 }, "level is"},
	} {
		st := good.clone()
		c.damage(st)
		_, err := st.load(Options{Metric: L2})
		if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}

	// Every byte of every record, changed: an error, or a graph that is consistent.
	for id, rec := range good.recs {
		for i := range rec {
			for _, x := range []byte{1, 2, 0x80, 0xff} {
				st := good.clone()
				st.recs[id] = bytes.Clone(rec)
				st.recs[id][i] ^= x
				mustHold(t, st)
			}
		}
	}
	for i := range good.meta {
		for x := range 256 {
			st := good.clone()
			st.meta[i] ^= byte(x)
			mustHold(t, st)
		}
	}
}

// mustHold loads st. What loads must be sound.
func mustHold(t testing.TB, st *store) {
	t.Helper()
	h, err := st.load(Options{Metric: L2, ExactBelow: -1})
	if err != nil {
		if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrNotFound) {
			t.Fatalf("unexpected error %v", err)
		}
		return
	}
	if err := h.Check(); err != nil && !strings.Contains(err.Error(), "another node has the same vector") {
		t.Fatalf("loaded, but %v", err)
	}
	if h.Dim() == 3 {
		search(t, h, []float32{1, 2, 3}, SearchOptions{K: 5})
	}
	same(t, "loaded", dump(h), st)
}

func TestLoadOptions(t *testing.T) {
	st := stored(t)
	for _, c := range []struct {
		o    Options
		want error
	}{
		{Options{Metric: L2}, nil},
		{Options{Metric: L2, Dim: 3, M: 3, Seed: 7, EfConstruction: 50, ExactBelow: 5}, nil},
		{Options{Metric: L2, Dim: 4}, ErrDimension},
		{Options{Metric: Cosine}, ErrInvalid},
		{Options{Metric: L2, M: 16}, ErrInvalid},
		{Options{Metric: L2, Seed: 8}, ErrInvalid},
		{Options{Metric: L2, KeepPruned: true}, ErrInvalid},
		{Options{Metric: L2, EfConstruction: -1}, ErrInvalid},
	} {
		if _, err := st.load(c.o); !errors.Is(err, c.want) || errors.Is(err, ErrCorrupt) {
			t.Errorf("%+v: %v, want %v", c.o, err, c.want)
		}
	}
	st.vecs = nil
	if _, err := st.load(Options{Metric: L2}); !errors.Is(err, ErrNotFound) || errors.Is(err, ErrCorrupt) {
		t.Errorf("no vectors: %v", err)
	}
	twice := func(yield func(uint64, []byte) bool) {
		for range 2 {
			if !yield(1, st.recs[1]) {
				return
			}
		}
	}
	if _, err := Load(Options{Metric: L2}, st.meta, twice, st.vec); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a record twice: %v", err)
	}

	empty, err := New(Options{Dim: 3})
	if err != nil {
		t.Fatal(err)
	}
	b := empty.Begin()
	st = newStore()
	st.write(t, b)
	b.Discard()
	if empty, err = st.load(Options{}); err != nil || empty.Len() != 0 {
		t.Errorf("empty graph: %v", err)
	}
	insertAll(t, empty, [][]float32{{1, 2, 3}})
	if got := search(t, empty, []float32{1, 2, 3}, SearchOptions{K: 2}); len(got) != 1 {
		t.Errorf("empty graph, loaded, then one inserted: found %v", got)
	}
}

// FuzzLoad replaces one record and the meta record.
func FuzzLoad(f *testing.F) {
	st := stored(f)
	for _, id := range []uint64{1, 17, 41} {
		f.Add(id, st.recs[id], st.meta)
	}
	f.Add(uint64(2), record(0, []uint64{2, 9}), st.meta)
	f.Add(uint64(1<<40), record(0), st.meta[:12])
	f.Fuzz(func(t *testing.T, id uint64, rec, meta []byte) {
		c := st.clone()
		c.recs[id], c.meta = rec, meta
		mustHold(t, c)
	})
}

// FuzzRecord has what decodes encode to the same bytes.
func FuzzRecord(f *testing.F) {
	st := stored(f)
	for _, rec := range st.recs {
		f.Add(uint64(3), rec)
	}
	o, err := Options{Dim: 3, M: 3, Seed: 7}.withDefaults()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, id uint64, rec []byte) {
		lists := make([][]uint64, maxLevel+1)
		level, err := decodeRecord(rec, &o, id, func(l int, to uint64) { lists[l] = append(lists[l], to) })
		if err != nil {
			return
		}
		for _, l := range lists {
			if !slices.IsSorted(l) {
				t.Fatalf("list %v is not sorted", l)
			}
		}
		if again := record(level, lists[:level+1]...); !bytes.Equal(again, rec) {
			t.Fatalf("record %x encodes as %x", rec, again)
		}
	})
}
