package index

import (
	"fmt"
	"iter"
	"slices"
)

// A Batch stages changes of an HNSW. Searches see none of them until Commit, and all of them after.
// A batch is used by one goroutine at a time, and ends with Commit or Discard.
//
// A batch copies the pages and nodes it changes, once each, and works on the copies; see state.
// Insert is in two steps, plan (which only reads) and connect, so that plans could be made by
// several goroutines; today one makes them all, and the graph depends on the order of calls alone.
type Batch struct {
	h    *HNSW
	seq  uint64
	s    state
	own  bool // page tables of s are ours
	done bool

	slots   map[uint64]int64 // ids that moved: their slot, or gone
	in      inLinks          // lists that differ from h.in
	equal   map[uint64]int64 // entries that differ from h.equal: a slot, or gone
	freed   []uint32         // slots freed here and not used again
	taken   int              // slots taken from the end of h.free
	touched []uint64         // ids of copied and of deleted nodes, in order of change
	*scratch
}

// scratch is memory that batches use one after the other.
type scratch struct {
	w     walker
	pool  []hit    // of measure
	keep  []hit    // of choose
	left  []hit    // of choose
	queue []uint32 // of rooted
}

const gone = -1

// Begin opens a batch. It waits while another one is open.
func (h *HNSW) Begin() *Batch {
	h.writer.Lock()
	h.prepareWriter()
	h.seq++
	return &Batch{
		h:       h,
		scratch: &h.scratch,
		seq:     h.seq,
		s:       *h.state.Load(),
		slots:   map[uint64]int64{},
		equal:   map[uint64]int64{},
		in:      inLinks{over: map[uint32][]uint32{}, upper: map[upperKey][]uint32{}},
	}
}

// Len is the number of vectors there will be after Commit.
func (b *Batch) Len() int { return b.s.count }

// Commit publishes the changes at once. Searches under way end on the state they began with.
// After Commit or Discard it does nothing.
func (b *Batch) Commit() {
	if b.done {
		return
	}
	h := b.h
	for slot, in := range b.in.over {
		h.in.setBase(slot, in)
	}
	for k, in := range b.in.upper {
		if len(in) == 0 {
			delete(h.in.upper, k)
		} else {
			h.in.upper[k] = in
		}
	}
	for hash, slot := range b.equal {
		if slot == gone {
			delete(h.equal, hash)
		} else {
			h.equal[hash] = uint32(slot)
		}
	}
	h.free = append(h.free[:len(h.free)-b.taken], b.freed...)

	h.mu.Lock()
	for id, slot := range b.slots {
		if slot == gone {
			delete(h.slots, id)
		} else {
			h.slots[id] = uint32(slot)
		}
	}
	s := b.s
	h.state.Store(&s)
	h.mu.Unlock()
	b.end()
}

// Discard drops the changes. After Commit or Discard it does nothing, so that it can be deferred.
func (b *Batch) Discard() {
	if !b.done {
		b.end()
	}
}

func (b *Batch) end() {
	h := b.h
	*b = Batch{done: true}
	h.writer.Unlock()
}

// Changes yields the adjacency record of every node whose links differ from the committed graph,
// by ascending id; nil stands for an id that is gone. Records hold no vectors: an id that got
// another vector but kept its links is not among them. The slices belong to the caller. A finished batch yields nothing.
func (b *Batch) Changes() iter.Seq2[uint64, []byte] {
	return func(yield func(uint64, []byte) bool) {
		if b.done {
			return
		}
		slices.Sort(b.touched)
		b.touched = slices.Compact(b.touched)
		before := b.h.state.Load()
		for _, id := range b.touched {
			var old, rec []byte
			b.h.mu.RLock()
			slot, ok := b.h.slots[id]
			b.h.mu.RUnlock()
			if ok {
				old = before.appendRecord(nil, id, slot)
			}
			if slot, ok := b.slot(id); ok {
				rec = b.s.appendRecord(nil, id, slot)
			}
			if slices.Equal(old, rec) {
				continue
			}
			if !yield(id, rec) {
				return
			}
		}
	}
}

// Meta returns the meta record of the staged graph: options, counts and entry point. A finished
// batch returns nil.
func (b *Batch) Meta() []byte {
	if b.done {
		return nil
	}
	return appendMeta(nil, &b.h.o, &b.s)
}

// slot is where the node of id, or the node id is a twin of, is in the staged graph.
func (b *Batch) slot(id uint64) (uint32, bool) {
	if slot, ok := b.slots[id]; ok {
		return uint32(slot), slot != gone
	}
	b.h.mu.RLock()
	slot, ok := b.h.slots[id]
	b.h.mu.RUnlock()
	return slot, ok
}

// ownTables makes the page tables of the batch its own.
func (b *Batch) ownTables() {
	if b.own {
		return
	}
	b.own = true
	b.s.nodes = slices.Clone(b.s.nodes)
	b.s.vecs = slices.Clone(b.s.vecs)
	b.s.levels = slices.Clone(b.s.levels)
}

func (b *Batch) ownNodePage(slot uint32) *nodePage {
	b.ownTables()
	p := b.s.nodes[slot>>pageBits]
	if p.seq != b.seq {
		c := *p
		c.seq = b.seq
		p = &c
		b.s.nodes[slot>>pageBits] = p
	}
	return p
}

func (b *Batch) ownVecPage(slot uint32) *vecPage {
	b.ownTables()
	p := b.s.vecs[slot>>pageBits]
	if p.seq != b.seq {
		c := *p
		c.seq = b.seq
		p = &c
		b.s.vecs[slot>>pageBits] = p
	}
	return p
}

// ownNode returns the node of slot as a copy that may be changed.
func (b *Batch) ownNode(slot uint32) *node {
	p := b.ownNodePage(slot)
	n := p.node[slot%pageSize]
	if n.seq != b.seq {
		c := *n
		c.seq = b.seq
		c.upper = slices.Clone(n.upper)
		n = &c
		p.node[slot%pageSize] = n
		b.touched = append(b.touched, n.id)
	}
	return n
}

// place puts a node without links in a slot.
func (b *Batch) place(id uint64, level int, vec []float32) uint32 {
	b.ownTables()
	var slot uint32
	switch n := len(b.freed); {
	case n > 0:
		slot = b.freed[n-1]
		b.freed = b.freed[:n-1]
	case b.taken < len(b.h.free):
		b.taken++
		slot = b.h.free[len(b.h.free)-b.taken]
	default:
		slot = b.s.size
		b.s.size++
		if int(slot>>pageBits) == len(b.s.nodes) {
			b.s.nodes = append(b.s.nodes, &nodePage{seq: b.seq})
			b.s.vecs = append(b.s.vecs, &vecPage{seq: b.seq})
		}
	}
	n := &node{id: id, seq: b.seq}
	if level > 0 {
		n.upper = make([][]uint32, level)
	}
	b.ownNodePage(slot).node[slot%pageSize] = n
	b.ownVecPage(slot).vec[slot%pageSize] = vec
	b.slots[id] = int64(slot)
	b.touched = append(b.touched, id)
	return slot
}

// unplace removes the node, which has no links any more, from its slot.
func (b *Batch) unplace(slot uint32) {
	id := b.s.id(slot)
	b.ownNodePage(slot).node[slot%pageSize] = nil
	b.ownVecPage(slot).vec[slot%pageSize] = nil
	b.slots[id] = gone
	b.touched = append(b.touched, id)
	b.freed = append(b.freed, slot)
	b.setIn(slot, 0, nil)
}

// setLinks makes to, in the order of ids, the neighbors of slot on a level, and keeps the lists of
// in-links true.
func (b *Batch) setLinks(slot uint32, level int, to []uint32) {
	n := b.ownNode(slot)
	old := n.links(level)
	for _, t := range old {
		if !slices.Contains(to, t) {
			b.removeIn(t, level, slot)
		}
	}
	for _, t := range to {
		if !slices.Contains(old, t) {
			b.addIn(t, level, slot)
		}
	}
	b.s.edges += len(to) - len(old)
	if level == 0 {
		n.base = to
	} else {
		n.upper[level-1] = to
	}
}

// prepare checks that the batch is open and vec fits.
func (b *Batch) prepare(id uint64, vec []float32) ([]float32, error) {
	if b.done {
		return nil, fmt.Errorf("insert %d: %w", id, ErrDone)
	}
	v, err := b.h.o.Metric.Prepare(vec, b.h.o.Dim)
	if err != nil {
		return nil, fmt.Errorf("insert %d: %w", id, err)
	}
	return v, nil
}
