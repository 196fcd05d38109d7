package index

import "slices"

// hit is a node met on a walk and its distance to what is searched.
type hit struct {
	d    float32
	slot uint32
}

// before orders hits by distance, equal distances by id. The order of slots, which depends on what
// was deleted before, never decides.
func (s *state) before(a, b hit) bool {
	return a.d < b.d || a.d == b.d && a.slot != b.slot && s.id(a.slot) < s.id(b.slot)
}

// pushMin adds e to the heap h whose first element is the nearest hit.
func (s *state) pushMin(h []hit, e hit) []hit {
	h = append(h, e)
	i := len(h) - 1
	for i > 0 {
		p := (i - 1) / 2
		if !s.before(e, h[p]) {
			break
		}
		h[i] = h[p]
		i = p
	}
	h[i] = e
	return h
}

// popMin removes the first element of h and returns it with what is left.
func (s *state) popMin(h []hit) (hit, []hit) {
	top := h[0]
	n := len(h) - 1
	e := h[n]
	h = h[:n]
	i := 0
	for {
		c := 2*i + 1
		if c >= n {
			break
		}
		if c+1 < n && s.before(h[c+1], h[c]) {
			c++
		}
		if !s.before(h[c], e) {
			break
		}
		h[i] = h[c]
		i = c
	}
	if n > 0 {
		h[i] = e
	}
	return top, h
}

// pushMax adds e to the heap h whose first element is the farthest hit.
func (s *state) pushMax(h []hit, e hit) []hit {
	h = append(h, e)
	i := len(h) - 1
	for i > 0 {
		p := (i - 1) / 2
		if !s.before(h[p], e) {
			break
		}
		h[i] = h[p]
		i = p
	}
	h[i] = e
	return h
}

// replaceMax puts e in the place of the first element of h.
func (s *state) replaceMax(h []hit, e hit) {
	n := len(h)
	i := 0
	for {
		c := 2*i + 1
		if c >= n {
			break
		}
		if c+1 < n && s.before(h[c], h[c+1]) {
			c++
		}
		if !s.before(e, h[c]) {
			break
		}
		h[i] = h[c]
		i = c
	}
	h[i] = e
}

// sortHits orders h by distance, then id.
func (s *state) sortHits(h []hit) {
	slices.SortFunc(h, s.compare)
}

func (s *state) compare(a, b hit) int {
	switch {
	case s.before(a, b):
		return -1
	case s.before(b, a):
		return 1
	}
	return 0
}

// nearest collects the k nearest results of a scan in a heap whose first element is the farthest.
type nearest struct {
	k int
	h []Result
}

func farther(a, b Result) bool {
	return a.Distance > b.Distance || a.Distance == b.Distance && a.ID > b.ID
}

// add keeps r if it is accepted and among the k nearest so far.
func (t *nearest) add(r Result, accept func(uint64) bool) {
	h := t.h
	if len(h) == t.k && !farther(h[0], r) || accept != nil && !accept(r.ID) {
		return
	}
	if len(h) < t.k {
		h = append(h, r)
		i := len(h) - 1
		for i > 0 && farther(r, h[(i-1)/2]) {
			h[i] = h[(i-1)/2]
			i = (i - 1) / 2
		}
		h[i] = r
		t.h = h
		return
	}
	i := 0
	for {
		c := 2*i + 1
		if c >= len(h) {
			break
		}
		if c+1 < len(h) && farther(h[c+1], h[c]) {
			c++
		}
		if !farther(h[c], r) {
			break
		}
		h[i] = h[c]
		i = c
	}
	h[i] = r
}

// sorted returns the results, nearest first, and leaves t empty.
func (t *nearest) sorted() []Result {
	r := t.h
	t.h = nil
	sortResults(r)
	return r
}

func sortResults(r []Result) {
	slices.SortFunc(r, func(a, b Result) int {
		switch {
		case farther(b, a):
			return -1
		case farther(a, b):
			return 1
		}
		return 0
	})
}
