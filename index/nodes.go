package index

import "iter"

// Node is a node of the committed graph as others see it: by ids.
type Node struct {
	ID        uint64
	Vector    []float32  // as it is compared; must not be changed
	Neighbors [][]uint64 // on levels 0, 1, ... up to the top level of the node; ascending
	Equal     []uint64   // other ids of the very same vector, ascending; must not be changed
}

// Nodes yields the nodes of the graph as it is when the loop begins, by ascending id. Equal vectors
// share a node, so there may be fewer nodes than Len. It may be used beside searches and batches.
func (h *HNSW) Nodes() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		s := h.state.Load()
		var order []uint32
		s.each(0, func(slot uint32) { order = append(order, slot) })
		s.byID(order)
		for _, slot := range order {
			n := s.node(slot)
			out := Node{ID: n.id, Vector: s.vec(slot), Neighbors: make([][]uint64, n.level()+1), Equal: n.twins}
			for l := range out.Neighbors {
				for _, t := range n.links(l) {
					out.Neighbors[l] = append(out.Neighbors[l], s.id(t))
				}
			}
			if !yield(out) {
				return
			}
		}
	}
}
