package index

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"
)

// store is what a database keeps: the records a batch hands out, and the vectors.
type store struct {
	meta []byte
	recs map[uint64][]byte
	vecs map[uint64][]float32
}

func newStore() *store {
	return &store{recs: map[uint64][]byte{}, vecs: map[uint64][]float32{}}
}

// write takes the changes of a batch, as a database does before it commits. It fails when a change
// is none, or out of order.
func (st *store) write(t testing.TB, b *Batch) {
	t.Helper()
	first, last := true, uint64(0)
	for id, rec := range b.Changes() {
		if !first && id <= last {
			t.Fatalf("change of %d after that of %d", id, last)
		}
		first, last = false, id
		old, ok := st.recs[id]
		switch {
		case rec == nil && !ok:
			t.Fatalf("%d is removed but was never written", id)
		case rec == nil:
			delete(st.recs, id)
		case ok && bytes.Equal(old, rec):
			t.Fatalf("%d is written without a change", id)
		default:
			st.recs[id] = rec
		}
	}
	st.meta = b.Meta()
}

func (st *store) nodes() iter.Seq2[uint64, []byte] {
	return func(yield func(uint64, []byte) bool) {
		for _, id := range slices.Sorted(maps.Keys(st.recs)) {
			if !yield(id, st.recs[id]) {
				return
			}
		}
	}
}

func (st *store) vec(id uint64) ([]float32, error) {
	v, ok := st.vecs[id]
	if !ok {
		return nil, fmt.Errorf("vector %d: %w", id, ErrNotFound)
	}
	return v, nil
}

func (st *store) load(o Options) (*HNSW, error) {
	return Load(o, st.meta, st.nodes(), st.vec)
}

// dump is the whole committed graph as records.
func dump(h *HNSW) *store {
	st := newStore()
	s := h.state.Load()
	st.meta = appendMeta(nil, &h.o, s)
	s.each(0, func(slot uint32) {
		for id := range s.node(slot).ids {
			st.recs[id] = s.appendRecord(nil, id, slot)
			st.vecs[id] = s.vec(slot)
		}
	})
	return st
}

// same fails unless a and b hold the same bytes.
func same(t testing.TB, what string, a, b *store) {
	t.Helper()
	if !bytes.Equal(a.meta, b.meta) {
		t.Fatalf("%s: meta record %x, want %x", what, a.meta, b.meta)
	}
	for id, rec := range b.recs {
		if !bytes.Equal(a.recs[id], rec) {
			t.Fatalf("%s: record of %d is %x, want %x", what, id, a.recs[id], rec)
		}
	}
	if len(a.recs) != len(b.recs) {
		t.Fatalf("%s: %d records, want %d", what, len(a.recs), len(b.recs))
	}
}
