package index

import (
	"errors"
	"fmt"
	"iter"
	"slices"
)

// Load builds an HNSW from what a batch handed out: the last meta record and the last record of
// each node that was not nil, in any order. vec returns the vector of an id, as it was inserted or
// as Vector returned it; it is copied. Records are not kept, so that they may lie in a mapped file.
//
// Options that are zero are taken from meta, as is KeepPruned. Others must agree with it (ErrInvalid,
// or ErrDimension for Dim), except EfConstruction and ExactBelow, which may be changed. The metric
// must always agree.
//
// Anything that contradicts itself gives ErrCorrupt, with the node and the cause in the message: a
// record that cannot be read, a level that is not the node's, a neighbor that is not there, is the
// node itself or comes twice, too many neighbors, counts or an entry point other than meta says, a
// vector that cannot be one or is not the equal its record promises. An error of vec is returned wrapped. Load never panics on what it is
// given.
func Load(o Options, metaRecord []byte, nodes iter.Seq2[uint64, []byte], vec func(id uint64) ([]float32, error)) (*HNSW, error) {
	m, err := decodeMeta(metaRecord)
	if err != nil {
		return nil, fmt.Errorf("load: meta record: %w: %w", ErrCorrupt, err)
	}
	if o, err = o.stored(m.o); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	ld := loader{h: newHNSW(o), m: m, seen: map[uint64]struct{}{}}
	for id, rec := range nodes {
		if err := ld.node(id, rec); err != nil {
			return nil, fmt.Errorf("load: node %d: %w: %w", id, ErrCorrupt, err)
		}
	}
	if err := ld.counts(); err != nil {
		return nil, fmt.Errorf("load: %w: %w", ErrCorrupt, err)
	}
	if err := ld.link(); err != nil {
		return nil, err
	}
	if err := ld.vectors(vec); err != nil {
		return nil, err
	}
	if err := ld.equals(vec); err != nil {
		return nil, err
	}
	ld.h.state.Store(&ld.s)
	return ld.h, nil
}

// stored fills options in from those of a stored graph and checks that they agree.
func (o Options) stored(s Options) (Options, error) {
	if o.Dim != 0 && o.Dim != s.Dim {
		return o, fmt.Errorf("stored graph has dimension %d, want %d: %w", s.Dim, o.Dim, ErrDimension)
	}
	if o.Metric != s.Metric {
		return o, fmt.Errorf("stored graph has metric %v, want %v: %w", s.Metric, o.Metric, ErrInvalid)
	}
	if o.M != 0 && o.M != s.M {
		return o, fmt.Errorf("stored graph has M %d, want %d: %w", s.M, o.M, ErrInvalid)
	}
	if o.Seed != 0 && o.Seed != s.Seed {
		return o, fmt.Errorf("stored graph has seed %#x, want %#x: %w", s.Seed, o.Seed, ErrInvalid)
	}
	if o.KeepPruned && !s.KeepPruned {
		return o, fmt.Errorf("stored graph was made without KeepPruned: %w", ErrInvalid)
	}
	o.Dim, o.M, o.Seed, o.KeepPruned = s.Dim, s.M, s.Seed, s.KeepPruned
	if o.EfConstruction == 0 {
		o.EfConstruction = s.EfConstruction
	}
	return o.withDefaults()
}

// A loader collects all nodes first, because neighbors come as ids and not every slot is known yet.
type loader struct {
	h    *HNSW
	m    *meta
	s    state
	to   []uint64 // neighbors of all nodes, level by level
	ends []uint32 // (nodes and levels in order) number of neighbors on each level

	twins []uint64
	seen  map[uint64]struct{} // the twins too
}

func (ld *loader) node(id uint64, rec []byte) error {
	if _, twice := ld.h.slots[id]; twice {
		return errors.New("comes twice")
	}
	if _, twice := ld.seen[id]; twice {
		return errors.New("comes twice")
	}
	at := len(ld.ends)
	level, err := decodeRecord(rec, &ld.h.o, id, func(l int, to uint64) {
		for len(ld.ends) <= at+l {
			ld.ends = append(ld.ends, 0)
		}
		ld.ends[at+l]++
		ld.to = append(ld.to, to)
	})
	if err != nil {
		return err
	}
	ld.s.count++
	if level < 0 {
		ld.twins = append(ld.twins, id)
		ld.seen[id] = struct{}{}
		return nil
	}
	for len(ld.ends) <= at+level {
		ld.ends = append(ld.ends, 0)
	}
	slot := ld.s.size
	if slot%pageSize == 0 {
		ld.s.nodes = append(ld.s.nodes, &nodePage{})
		ld.s.vecs = append(ld.s.vecs, &vecPage{})
	}
	n := &node{id: id}
	if level > 0 {
		n.upper = make([][]uint32, level)
	}
	ld.s.nodes[slot>>pageBits].node[slot%pageSize] = n
	ld.s.size++
	ld.h.slots[id] = slot
	for l := 0; l <= level; l++ {
		if l == len(ld.s.levels) {
			ld.s.levels = append(ld.s.levels, 0)
		}
		ld.s.levels[l]++
	}
	return nil
}

// counts compares with the meta record and finds the entry point.
func (ld *loader) counts() error {
	ld.s.edges = len(ld.to)
	if uint64(ld.s.count) != ld.m.count {
		return fmt.Errorf("%d records, meta record says %d", ld.s.count, ld.m.count)
	}
	if len(ld.s.levels) != len(ld.m.levels) {
		return fmt.Errorf("%d levels, meta record says %d", len(ld.s.levels), len(ld.m.levels))
	}
	for l, n := range ld.m.levels {
		if uint64(ld.s.levels[l]) != n {
			return fmt.Errorf("%d nodes on level %d, meta record says %d", ld.s.levels[l], l, n)
		}
	}
	if uint64(ld.s.edges) != ld.m.edges {
		return fmt.Errorf("%d links, meta record says %d", ld.s.edges, ld.m.edges)
	}
	if len(ld.s.levels) == 0 {
		return nil
	}
	entry, ok := ld.h.slots[ld.m.entry]
	if !ok {
		return fmt.Errorf("entry point %d is not there", ld.m.entry)
	}
	if l := ld.s.node(entry).level(); l != ld.s.top() {
		return fmt.Errorf("entry point %d is on level %d, want %d", ld.m.entry, l, ld.s.top())
	}
	ld.s.entry = entry
	return nil
}

// link turns ids into slots.
func (ld *loader) link() error {
	flat := make([]uint32, len(ld.to)) // lists are cut from it
	next, end := 0, 0
	for slot := range ld.s.size {
		n := ld.s.node(slot)
		for l := 0; l <= n.level(); l++ {
			from := next
			next += int(ld.ends[end])
			end++
			for i := from; i < next; i++ {
				t, ok := ld.h.slots[ld.to[i]]
				if !ok {
					return fmt.Errorf("load: node %d: %w: neighbor %d on level %d is not there", n.id, ErrCorrupt, ld.to[i], l)
				}
				if top := ld.s.node(t).level(); top < l {
					return fmt.Errorf("load: node %d: %w: neighbor %d on level %d is only on level %d", n.id, ErrCorrupt, ld.to[i], l, top)
				}
				flat[i] = t
			}
			list := flat[from:next:next]
			if l == 0 {
				n.base = list
			} else {
				n.upper[l-1] = list
			}
		}
	}
	ld.to, ld.ends = nil, nil
	return nil
}

func (ld *loader) vectors(vec func(id uint64) ([]float32, error)) error {
	for slot := range ld.s.size {
		v, err := ld.vector(ld.s.id(slot), vec)
		if err != nil {
			return err
		}
		ld.s.vecs[slot>>pageBits].vec[slot%pageSize] = v
	}
	return nil
}

func (ld *loader) vector(id uint64, vec func(id uint64) ([]float32, error)) ([]float32, error) {
	x, err := vec(id)
	if err != nil {
		return nil, fmt.Errorf("load: vector of node %d: %w", id, err)
	}
	v, err := ld.h.o.Metric.Prepare(x, ld.h.o.Dim)
	if err != nil {
		return nil, fmt.Errorf("load: node %d: %w: %w", id, ErrCorrupt, err)
	}
	return v, nil
}

// equals puts each twin to the node that has its vector.
func (ld *loader) equals(vec func(id uint64) ([]float32, error)) error {
	if len(ld.twins) == 0 {
		return nil
	}
	equal := ld.s.hashes()
	slices.Sort(ld.twins)
	for _, id := range ld.twins {
		v, err := ld.vector(id, vec)
		if err != nil {
			return err
		}
		slot, ok := equal[hash(v)]
		if !ok || !slices.Equal(v, ld.s.vec(slot)) {
			return fmt.Errorf("load: node %d: %w: no node has the same vector", id, ErrCorrupt)
		}
		n := ld.s.node(slot)
		n.twins = append(n.twins, id)
		ld.h.slots[id] = slot
	}
	return nil
}
