package index

import (
	"cmp"
	"slices"
)

// A state is one version of the graph. A published state never changes: a batch works on a version
// of its own that shares all pages it does not touch.
//
// Nodes live in slots, numbered from 0; slots of deleted nodes are used again. Slot i is entry
// i%pageSize of page i/pageSize. Links and vectors have pages apart, because an insert changes the
// links of a dozen nodes and the vector of one.
type state struct {
	nodes  []*nodePage
	vecs   []*vecPage
	size   uint32 // slots in use or free for use again
	levels []int  // levels[l] is the number of nodes on level l; the last is never 0
	count  int    // ids: nodes and their twins
	edges  int    // links on all levels
	entry  uint32 // slot of the entry point, while there is a level
}

const (
	pageBits = 7
	pageSize = 1 << pageBits
)

type nodePage struct {
	seq  uint64 // batch that made this copy
	node [pageSize]*node
}

type vecPage struct {
	seq uint64
	vec [pageSize][]float32
}

// A node is what the graph knows of one vector. Neighbor lists hold slots in the order of their
// ids; a list is never changed in place, only replaced.
type node struct {
	id    uint64
	seq   uint64     // batch that made this copy
	base  []uint32   // neighbors on level 0
	upper [][]uint32 // neighbors on levels 1, 2, ...
	twins []uint64   // other ids of the very same vector, ascending; see twin.go
}

func (n *node) level() int { return len(n.upper) }

func (n *node) links(level int) []uint32 {
	if level == 0 {
		return n.base
	}
	return n.upper[level-1]
}

func (s *state) node(slot uint32) *node    { return s.nodes[slot>>pageBits].node[slot%pageSize] }
func (s *state) vec(slot uint32) []float32 { return s.vecs[slot>>pageBits].vec[slot%pageSize] }
func (s *state) id(slot uint32) uint64     { return s.node(slot).id }
func (s *state) top() int                  { return len(s.levels) - 1 } // -1 when empty
func (s *state) links(slot uint32, level int) []uint32 {
	return s.node(slot).links(level)
}

// byID orders slots by the ids of their nodes.
func (s *state) byID(slots []uint32) {
	slices.SortFunc(slots, func(a, b uint32) int { return cmp.Compare(s.id(a), s.id(b)) })
}

// each calls do for every node on a level, in no order that matters.
func (s *state) each(level int, do func(slot uint32)) {
	for p, page := range s.nodes {
		for i, n := range page.node {
			if n != nil && n.level() >= level {
				do(uint32(p<<pageBits | i))
			}
		}
	}
}
