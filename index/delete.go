package index

import (
	"fmt"
	"slices"
)

// Delete stages the removal of id. It gives ErrNotFound when there is no such id in the staged
// graph, and ErrDone on a finished batch.
func (b *Batch) Delete(id uint64) error {
	if b.done {
		return fmt.Errorf("delete %d: %w", id, ErrDone)
	}
	slot, ok := b.slot(id)
	if !ok {
		return fmt.Errorf("delete %d: %w", id, ErrNotFound)
	}
	b.detach(id, slot)
	return nil
}

// remove takes a node out of the graph, which the paper has no algorithm for: each node that linked
// to it chooses anew from its own neighbors and those of the removed node. Then nodes left without
// a neighbor, and those no longer rooted, are linked again.
func (b *Batch) remove(x uint32) {
	level := b.s.node(x).level()
	ins, outs := make([][]uint32, level+1), make([][]uint32, level+1)
	for l := range ins {
		ins[l] = slices.Clone(b.linksTo(x, l))
		b.s.byID(ins[l]) // in-links come in an order that depends on history
		outs[l] = b.s.links(x, l)
	}
	if b.s.entry == x {
		b.s.entry = b.nextEntry(x, ins, outs)
	}
	for l := range ins {
		b.setLinks(x, l, nil)
		for _, n := range ins[l] {
			b.bypass(n, x, l, outs[l])
		}
		b.s.levels[l]--
	}
	for n := len(b.s.levels); n > 0 && b.s.levels[n-1] == 0; n-- {
		b.s.levels = b.s.levels[:n-1]
	}
	b.unplace(x)
	for l := level; l >= 0; l-- {
		for _, n := range ins[l] {
			if len(b.s.links(n, l)) == 0 {
				b.relink(n, l)
			}
		}
		for _, n := range outs[l] {
			b.adopt(n, l)
		}
	}
}

// bypass replaces the link from slot to x, which is being removed. The list does not get shorter
// if the neighbors of x, next, have something to offer.
func (b *Batch) bypass(slot, x uint32, level int, next []uint32) {
	old := b.s.links(slot, level)
	rest := without(old, x)
	pool := b.measure(slot, rest)
	v := b.s.vec(slot)
	for _, t := range next {
		if t != slot && !slices.Contains(rest, t) {
			pool = append(pool, hit{b.h.o.Metric.Distance(v, b.s.vec(t)), t})
		}
	}
	b.pool = pool
	b.s.sortHits(pool)
	limit := b.h.o.maxLinks(level)
	chosen := b.choose(pool, limit, max(len(old), b.fill(limit)))
	b.setLinks(slot, level, b.slotsOf(b.spare(slot, level, rest, chosen)))
}

// nextEntry is the node to enter at when x is gone: on the highest level that is left, the nearest
// that was linked with x, or if there is none the one with the least id.
func (b *Batch) nextEntry(x uint32, ins, outs [][]uint32) uint32 {
	for l := len(ins) - 1; l >= 0; l-- {
		if b.s.levels[l] == 1 {
			continue // x alone
		}
		if near := b.measure(x, append(slices.Clone(ins[l]), outs[l]...)); len(near) > 0 {
			return slices.MinFunc(near, b.s.compare).slot
		}
		best, found := uint32(0), false
		b.s.each(l, func(slot uint32) {
			if slot != x && (!found || b.s.id(slot) < b.s.id(best)) {
				best, found = slot, true
			}
		})
		return best
	}
	return 0
}

// relink searches new neighbors for a node that has none on a level where there are others.
func (b *Batch) relink(slot uint32, level int) {
	if cands := b.others(slot, level); len(cands) > 0 {
		b.connect(slot, level, cands)
	}
}

// others is the nearest other nodes on the level that can be reached from the entry point; where
// that leads nowhere, the nearest there are.
func (b *Batch) others(slot uint32, level int) []hit {
	if level > b.s.top() || b.s.levels[level] < 2 {
		return nil
	}
	m, v := b.h.o.Metric, b.s.vec(slot)
	cands := b.candidates(v, b.w.descend(&b.s, m, v, level), level)
	cands = slices.DeleteFunc(cands, func(c hit) bool { return c.slot == slot })
	if len(cands) == 0 {
		b.s.each(level, func(t uint32) {
			if t != slot {
				cands = append(cands, hit{m.Distance(v, b.s.vec(t)), t})
			}
		})
		b.s.sortHits(cands)
		cands = cands[:min(len(cands), b.h.o.EfConstruction)]
	}
	return cands
}
