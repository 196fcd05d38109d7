package index

// Stats describes a committed graph.
type Stats struct {
	Len    int    // vectors
	Dim    int    // components of each
	Levels []int  // nodes on levels 0, 1, ...; equal vectors share a node
	Entry  uint64 // id of the entry point, when Len > 0

	Links       int // on all levels
	BaseLinks   int // on level 0
	MinBase     int // shortest and longest list on level 0
	MaxBase     int
	Unreachable int // nodes a walk on level 0 from the entry point does not come to

	VectorBytes int // memory of the vectors
	GraphBytes  int // memory of links and tables, about, with what batches need

	Walks uint64 // searches that walked the graph, since New or Load
	Scans uint64 // searches that compared with every vector, also after a walk
}

// Stats looks at every node of the committed graph once. It runs beside searches and batches.
func (h *HNSW) Stats() Stats {
	s := h.state.Load()
	st := Stats{
		Len:    s.count,
		Dim:    h.o.Dim,
		Levels: append([]int(nil), s.levels...),
		Links:  s.edges,
		Walks:  h.walks.Load(),
		Scans:  h.scans.Load(),
	}
	if st.Len == 0 {
		return st
	}
	nodes := s.levels[0]
	st.VectorBytes = 4 * st.Dim * nodes
	// A node with its lists, its place in pages and tables of ids and of in-links, and each link twice.
	const nodeBytes, pagesBytes, tablesBytes, twinBytes = 96, 32, 64, 28
	st.GraphBytes = nodes*(nodeBytes+pagesBytes+tablesBytes) + 8*s.edges + twinBytes*(st.Len-nodes)
	st.Entry = s.id(s.entry)
	st.MinBase = 2 * h.o.M
	s.each(0, func(slot uint32) {
		n := len(s.links(slot, 0))
		st.BaseLinks += n
		st.MinBase, st.MaxBase = min(st.MinBase, n), max(st.MaxBase, n)
	})
	st.Unreachable = nodes - s.reach()
	return st
}

// reach is the number of nodes a walk on level 0 comes to from the entry point.
func (s *state) reach() int {
	seen := make([]bool, s.size)
	seen[s.entry] = true
	todo := []uint32{s.entry}
	count := 0
	for len(todo) > 0 {
		slot := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		count++
		for _, t := range s.links(slot, 0) {
			if !seen[t] {
				seen[t] = true
				todo = append(todo, t)
			}
		}
	}
	return count
}
