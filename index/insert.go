package index

import (
	"context"
	"slices"
)

// Insert stages the vector of id; an earlier one of that id is replaced. vec is copied. It gives
// ErrDimension for a vector of another length, ErrInvalid for components that are NaN, infinite or
// far too large, and ErrDone on a finished batch; then nothing is changed.
func (b *Batch) Insert(id uint64, vec []float32) error {
	v, err := b.prepare(id, vec)
	if err != nil {
		return err
	}
	if slot, ok := b.slot(id); ok {
		if slices.Equal(b.s.vec(slot), v) {
			return nil
		}
		b.detach(id, slot)
	}
	b.attach(id, v)
	return nil
}

// insert is Algorithm 1 (INSERT). It returns the slot of the new node.
func (b *Batch) insert(id uint64, v []float32) uint32 {
	level := b.h.o.level(id)
	cands := b.plan(v, level)
	slot := b.place(id, level, v)
	entry, top := b.s.entry, b.s.top()
	if level > top {
		b.s.entry = slot
	}
	for l := 0; l <= level; l++ {
		if l == len(b.s.levels) {
			b.s.levels = append(b.s.levels, 0)
		}
		b.s.levels[l]++
	}
	for l := len(cands) - 1; l >= 0; l-- {
		b.connect(slot, l, cands[l])
		b.adopt(slot, l)
	}
	if level > top {
		for l := top; l >= 0; l-- {
			b.adopt(entry, l) // what was reached from there still is
		}
	}
	return slot
}

// plan is the searching half of Algorithm 1: for each level of a new node that others have too, the
// EfConstruction nearest nodes, nearest first. It changes nothing but the scratch of the batch. Unlike
// the paper, and like hnswlib, a level is entered at the one nearest node of the level above.
func (b *Batch) plan(v []float32, level int) [][]hit {
	top := b.s.top()
	if top < 0 {
		return nil
	}
	cands := make([][]hit, min(level, top)+1)
	at := b.w.descend(&b.s, b.h.o.Metric, v, level)
	for l := len(cands) - 1; l >= 0; l-- {
		cands[l] = b.candidates(v, at, l)
		at = cands[l][0]
	}
	return cands
}

// candidates searches one level.
func (b *Batch) candidates(v []float32, from hit, level int) []hit {
	b.w.searchLayer(context.Background(), &b.s, b.h.o.Metric, v, from, b.h.o.EfConstruction, level, 0, nil)
	found := slices.Clone(b.w.found)
	b.s.sortHits(found)
	return found
}

// connect is the linking half of Algorithm 1 on one level: slot, which has no neighbors there, gets
// some of the candidates, and they get slot.
func (b *Batch) connect(slot uint32, level int, cands []hit) {
	chosen := slices.Clone(b.choose(cands, b.h.o.M, b.fill(b.h.o.M)))
	b.setLinks(slot, level, b.slotsOf(chosen))
	for _, c := range chosen {
		b.linkBack(c.slot, level, hit{c.d, slot})
	}
}

// linkBack adds a link from slot to e, a node at the distance e.d. A list that is full is chosen
// anew from what it held and e ("shrink connections" in Algorithm 1).
func (b *Batch) linkBack(slot uint32, level int, e hit) {
	list := b.s.links(slot, level)
	if slices.Contains(list, e.slot) {
		return
	}
	limit := b.h.o.maxLinks(level)
	if len(list) < limit {
		b.setLinks(slot, level, b.with(list, e.slot))
		return
	}
	pool := append(b.measure(slot, list), e)
	b.s.sortHits(pool)
	chosen := b.spare(slot, level, list, b.choose(pool, limit, b.fill(limit)))
	b.setLinks(slot, level, b.slotsOf(chosen))
}

// measure gives the nodes of a list their distance from slot. It is valid until the next call.
func (b *Batch) measure(slot uint32, list []uint32) []hit {
	v := b.s.vec(slot)
	b.pool = b.pool[:0]
	for _, t := range list {
		b.pool = append(b.pool, hit{b.h.o.Metric.Distance(v, b.s.vec(t)), t})
	}
	return b.pool
}

// with is a copy of list with slot in its place.
func (b *Batch) with(list []uint32, slot uint32) []uint32 {
	id := b.s.id(slot)
	i, _ := slices.BinarySearchFunc(list, id, func(t uint32, id uint64) int {
		if b.s.id(t) < id {
			return -1
		}
		return 1
	})
	out := make([]uint32, 0, len(list)+1)
	out = append(out, list[:i]...)
	out = append(out, slot)
	return append(out, list[i:]...)
}

// without is a copy of list without slot.
func without(list []uint32, slot uint32) []uint32 {
	out := make([]uint32, 0, len(list))
	for _, t := range list {
		if t != slot {
			out = append(out, t)
		}
	}
	return out
}

// adopt makes a node rooted on the level, which the paper leaves to luck: a node that all its
// neighbors dropped could never be found. A rooted neighbor takes a link to it, or else one of the
// nearest nodes a search finds.
func (b *Batch) adopt(slot uint32, level int) {
	if level > b.s.top() || b.rooted(slot, level, none, nil) {
		return
	}
	near := slices.Clone(b.measure(slot, b.s.links(slot, level)))
	near = slices.DeleteFunc(near, func(c hit) bool { return !b.rooted(c.slot, level, none, nil) })
	b.s.sortHits(near)
	if !b.takeIn(slot, level, near) {
		b.takeIn(slot, level, b.others(slot, level))
	}
}

// takeIn gives one of hosts a link to slot. The nearest with room takes it. When none has room,
// slot steps in between a host and the farthest node that host links to, so that all that could
// be reached still can.
func (b *Batch) takeIn(slot uint32, level int, hosts []hit) bool {
	limit := b.h.o.maxLinks(level)
	for _, c := range hosts {
		if l := b.s.links(c.slot, level); len(l) < limit && !slices.Contains(l, slot) {
			b.setLinks(c.slot, level, b.with(l, slot))
			return true
		}
	}
	for _, c := range hosts {
		l := b.s.links(c.slot, level)
		if slices.Contains(l, slot) {
			continue
		}
		far := b.measure(c.slot, l)
		b.s.sortHits(far)
		for _, t := range slices.Backward(far) {
			own := b.s.links(slot, level)
			if !slices.Contains(own, t.slot) {
				if len(own) == limit {
					continue
				}
				b.setLinks(slot, level, b.with(own, t.slot))
			}
			b.setLinks(c.slot, level, b.with(without(l, t.slot), slot))
			return true
		}
	}
	return false
}
