package index

import "slices"

// inLinks tells for every node which nodes link to it, in no order. Only the writer needs that: to
// find what has to be mended around a deleted node, and to take no node its last in-link.
type inLinks struct {
	base  [][]uint32            // level 0, by slot; the committed lists
	over  map[uint32][]uint32   // level 0, in a batch: the lists that differ
	upper map[upperKey][]uint32 // levels above; in a batch those that differ
}

type upperKey struct {
	slot  uint32
	level int32
}

// prepareWriter gathers what only batches need. New and Load leave that to the first batch, so that
// an index that is only searched does not pay for it.
func (h *HNSW) prepareWriter() {
	if h.equal != nil {
		return
	}
	s := h.state.Load()
	h.equal = s.hashes()
	h.in = s.inLinks()
}

// inLinks is the in-links of a whole graph.
func (s *state) inLinks() inLinks {
	in := inLinks{base: make([][]uint32, s.size), upper: map[upperKey][]uint32{}}
	degree := make([]uint32, s.size)
	total := 0
	s.each(0, func(slot uint32) {
		for _, t := range s.links(slot, 0) {
			degree[t]++
			total++
		}
	})
	flat := make([]uint32, total) // lists are cut from it
	for slot, d := range degree {
		in.base[slot] = flat[:0:d]
		flat = flat[d:]
	}
	s.each(0, func(slot uint32) {
		n := s.node(slot)
		for _, t := range n.base {
			in.base[t] = append(in.base[t], slot)
		}
		for l := 1; l <= n.level(); l++ {
			for _, t := range n.links(l) {
				k := upperKey{t, int32(l)}
				in.upper[k] = append(in.upper[k], slot)
			}
		}
	})
	return in
}

func (in *inLinks) setBase(slot uint32, list []uint32) {
	if n := int(slot) + 1; n > len(in.base) {
		in.base = append(in.base, make([][]uint32, n-len(in.base))...)
	}
	in.base[slot] = list
}

// list is the list of nodes with a committed link to slot.
func (in *inLinks) list(slot uint32, level int) []uint32 {
	if level > 0 {
		return in.upper[upperKey{slot, int32(level)}]
	}
	if int(slot) < len(in.base) {
		return in.base[slot]
	}
	return nil
}

// linksTo is the list of nodes with a link to slot. It must not be changed.
func (b *Batch) linksTo(slot uint32, level int) []uint32 {
	if level > 0 {
		if in, ok := b.in.upper[upperKey{slot, int32(level)}]; ok {
			return in
		}
	} else if in, ok := b.in.over[slot]; ok {
		return in
	}
	return b.h.in.list(slot, level)
}

// ownIn is linksTo as a copy that may be changed, with room for one more.
func (b *Batch) ownIn(slot uint32, level int) []uint32 {
	var own bool
	if level > 0 {
		_, own = b.in.upper[upperKey{slot, int32(level)}]
	} else {
		_, own = b.in.over[slot]
	}
	in := b.linksTo(slot, level)
	if own {
		return in
	}
	return append(make([]uint32, 0, len(in)+4), in...)
}

func (b *Batch) setIn(slot uint32, level int, in []uint32) {
	if level > 0 {
		b.in.upper[upperKey{slot, int32(level)}] = in
	} else {
		b.in.over[slot] = in
	}
}

func (b *Batch) addIn(slot uint32, level int, from uint32) {
	b.setIn(slot, level, append(b.ownIn(slot, level), from))
}

func (b *Batch) removeIn(slot uint32, level int, from uint32) {
	in := b.ownIn(slot, level)
	i := slices.Index(in, from)
	last := len(in) - 1
	in[i] = in[last]
	b.setIn(slot, level, in[:last])
}
