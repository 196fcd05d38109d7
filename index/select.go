package index

import "slices"

// choose is Algorithm 4 (SELECT-NEIGHBORS-HEURISTIC) of Malkov and Yashunin. cands are in order of
// distance to the owner of the list; chosen are at most limit of them, each nearer to the owner
// than to any chosen before, so that links go in different directions. Unlike the paper a
// candidate as far from a chosen one as from the owner is left out too. The list is filled up to fill with the nearest of those left out
// (keepPrunedConnections, when fill is limit). There is no extendCandidates.
//
// The result, in no order, is valid until the next call.
func (b *Batch) choose(cands []hit, limit, fill int) []hit {
	m := b.h.o.Metric
	keep, left := b.keep[:0], b.left[:0]
next:
	for _, c := range cands {
		if len(keep) == limit {
			break
		}
		v := b.s.vec(c.slot)
		for _, k := range keep {
			if m.Distance(v, b.s.vec(k.slot)) <= c.d {
				left = append(left, c)
				continue next
			}
		}
		keep = append(keep, c)
	}
	if n := fill - len(keep); n > 0 {
		keep = append(keep, left[:min(n, len(left))]...)
	}
	b.keep, b.left = keep, left
	return keep
}

// fill is the least number of links choose is to give a list of at most limit.
func (b *Batch) fill(limit int) int {
	if b.h.o.KeepPruned {
		return limit
	}
	return 0
}

// spare takes care that replacing the list old of slot by chosen cuts no node off: a link whose node
// would not be rooted without it stays, if need be in place of the farthest chosen that does
// without.
func (b *Batch) spare(slot uint32, level int, old []uint32, chosen []hit) []hit {
	limit := b.h.o.maxLinks(level)
	for _, t := range old {
		if contains(chosen, t) || b.rooted(t, level, slot, chosen) {
			continue
		}
		e := hit{b.h.o.Metric.Distance(b.s.vec(slot), b.s.vec(t)), t}
		if len(chosen) < limit {
			chosen = append(chosen, e)
			continue
		}
		for i := len(chosen) - 1; i >= 0; i-- {
			c := chosen[i]
			chosen[i] = e
			if !slices.Contains(old, c.slot) || b.rooted(c.slot, level, slot, chosen) {
				break
			}
			chosen[i] = c
		}
	}
	return chosen
}

func contains(hits []hit, slot uint32) bool {
	return slices.ContainsFunc(hits, func(h hit) bool { return h.slot == slot })
}

// rootedAt is the number of nodes with a way to a node from which that node counts as rooted. The
// larger, the larger a group of nodes that link only to each other has to be to go unnoticed.
const rootedAt = 64

// rooted tells whether a node can be reached from the entry point on the level. It walks the links
// backwards and stops when it has met the entry point, or rootedAt nodes: a group that large
// does not lose its last link from outside, in all likelihood. Of the links of owner only those in
// chosen count; an owner of none has them all.
func (b *Batch) rooted(slot uint32, level int, owner uint32, chosen []hit) bool {
	if slot == b.s.entry {
		return true
	}
	b.w.begin(b.s.size)
	b.w.first(slot)
	b.queue = append(b.queue[:0], slot)
	for i := 0; i < len(b.queue); i++ {
		t := b.queue[i]
		for _, from := range b.linksTo(t, level) {
			if from == owner && !contains(chosen, t) {
				continue
			}
			if from == b.s.entry {
				return true
			}
			if b.w.first(from) {
				b.queue = append(b.queue, from)
			}
		}
		if len(b.queue) >= rootedAt {
			return true
		}
	}
	return false
}

// none is no slot.
const none = ^uint32(0)

// slotsOf is the slots of hits in the order of ids, as lists are stored.
func (b *Batch) slotsOf(hits []hit) []uint32 {
	out := make([]uint32, len(hits))
	for i, h := range hits {
		out[i] = h.slot
	}
	b.s.byID(out)
	return out
}
