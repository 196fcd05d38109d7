package index

import (
	"errors"
	"fmt"
	"slices"
)

// Check verifies the committed graph in memory and returns ErrCorrupt, naming the node and the
// cause, if it contradicts itself. It looks at ids and slots, levels, lists (length, order, no
// double and no self link, no link to nowhere), in-links, counts, the entry point and vectors. It
// waits for an open batch, and like a first batch gathers what only batches need. A node that cannot be reached from the entry point is no contradiction;
// [HNSW.Stats] counts those.
func (h *HNSW) Check() error {
	h.writer.Lock()
	defer h.writer.Unlock()
	h.prepareWriter()
	s := h.state.Load()
	c := checker{h: h, s: s, in: make([]int, s.size)}
	for slot := range s.size {
		if n := s.node(slot); n != nil {
			if err := c.node(slot, n); err != nil {
				return fmt.Errorf("node %d: %w: %w", n.id, ErrCorrupt, err)
			}
		}
	}
	if err := c.whole(); err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return nil
}

type checker struct {
	h      *HNSW
	s      *state
	levels []int
	edges  int
	in     []int // in-links counted, all levels
	count  int
}

func (c *checker) node(slot uint32, n *node) error {
	if at, ok := c.h.slots[n.id]; !ok || at != slot {
		return fmt.Errorf("is in slot %d but listed in slot %d", slot, at)
	}
	if want := c.h.o.level(n.id); n.level() != want {
		return fmt.Errorf("level is %d, want %d", n.level(), want)
	}
	v := c.s.vec(slot)
	p, err := c.h.o.Metric.Prepare(v, c.h.o.Dim)
	if err != nil {
		return err
	}
	if !slices.Equal(p, v) {
		return errors.New("vector has not length 1")
	}
	if at, ok := c.h.equal[hash(v)]; !ok || at != slot && slices.Equal(c.s.vec(at), v) {
		return errors.New("another node has the same vector")
	}
	c.count += 1 + len(n.twins)
	for i, t := range n.twins {
		if at, ok := c.h.slots[t]; !ok || at != slot || t == n.id || i > 0 && t <= n.twins[i-1] {
			return fmt.Errorf("id %d of the same vector is not listed as that", t)
		}
	}
	for l := 0; l <= n.level(); l++ {
		if l == len(c.levels) {
			c.levels = append(c.levels, 0)
		}
		c.levels[l]++
		list := n.links(l)
		if limit := c.h.o.maxLinks(l); len(list) > limit {
			return fmt.Errorf("%d neighbors on level %d, at most %d allowed", len(list), l, limit)
		}
		var last uint64
		for i, t := range list {
			if t >= c.s.size || c.s.node(t) == nil {
				return fmt.Errorf("links to empty slot %d on level %d", t, l)
			}
			to := c.s.node(t)
			switch {
			case to == n:
				return fmt.Errorf("links to itself on level %d", l)
			case to.level() < l:
				return fmt.Errorf("neighbor %d on level %d is only on level %d", to.id, l, to.level())
			case i > 0 && to.id <= last:
				return fmt.Errorf("neighbors %d and %d out of order on level %d", last, to.id, l)
			}
			last = to.id
			c.in[t]++
			c.edges++
			if !slices.Contains(c.h.in.list(t, l), slot) {
				return fmt.Errorf("link to %d on level %d is not known there", to.id, l)
			}
		}
	}
	return nil
}

func (c *checker) whole() error {
	s := c.s
	if len(c.h.slots) != s.count || c.count != s.count {
		return fmt.Errorf("%d ids listed and %d found, want %d", len(c.h.slots), c.count, s.count)
	}
	if !slices.Equal(c.levels, s.levels) {
		return fmt.Errorf("%v nodes on the levels, want %v", c.levels, s.levels)
	}
	if c.edges != s.edges {
		return fmt.Errorf("%d links, want %d", c.edges, s.edges)
	}
	used := 0
	if len(s.levels) > 0 {
		used = s.levels[0]
	}
	if n := used + len(c.h.free); n != int(s.size) {
		return fmt.Errorf("%d slots in use or free, want %d", n, s.size)
	}
	for _, slot := range c.h.free {
		if slot >= s.size || s.node(slot) != nil || s.vec(slot) != nil {
			return fmt.Errorf("slot %d is not free", slot)
		}
	}
	for k, in := range c.h.in.upper {
		if k.slot < s.size {
			c.in[k.slot] -= len(in)
		}
	}
	for slot, in := range c.h.in.base {
		if slot < len(c.in) {
			c.in[slot] -= len(in)
		}
	}
	for slot, n := range c.in {
		if n != 0 {
			return fmt.Errorf("in-links of slot %d are off by %d", slot, n)
		}
	}
	if used == 0 {
		return nil
	}
	if s.entry >= s.size || s.node(s.entry) == nil {
		return fmt.Errorf("entry point is not there")
	}
	if e := s.node(s.entry); e.level() != s.top() {
		return fmt.Errorf("entry point %d is on level %d, want %d", e.id, e.level(), s.top())
	}
	return nil
}
