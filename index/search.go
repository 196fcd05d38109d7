package index

import (
	"context"
	"fmt"
)

// A walker holds what one search needs beside the state it searches. It is used by one goroutine
// at a time.
type walker struct {
	visited []uint32 // by slot: equal to epoch when met in this walk
	epoch   uint32
	cand    []hit // nearest first: met, neighbors not yet looked at
	found   []hit // farthest first: the best so far
}

// begin starts a walk over n slots.
func (w *walker) begin(n uint32) {
	if int(n) > len(w.visited) {
		w.visited = make([]uint32, int(n)+int(n)/4+64)
		w.epoch = 0
	}
	w.epoch++
	if w.epoch == 0 {
		clear(w.visited)
		w.epoch = 1
	}
	w.cand, w.found = w.cand[:0], w.found[:0]
}

// first marks slot as met and tells whether it was not yet.
func (w *walker) first(slot uint32) bool {
	if w.visited[slot] == w.epoch {
		return false
	}
	w.visited[slot] = w.epoch
	return true
}

// descend is the loop over the upper levels in Algorithms 1 and 5: SEARCH-LAYER with ef=1 from the
// top level down to the one above level. It returns where to enter level.
func (w *walker) descend(s *state, m Metric, q []float32, level int) hit {
	at := hit{m.Distance(q, s.vec(s.entry)), s.entry}
	for l := s.top(); l > level; l-- {
		for moved := true; moved; {
			moved = false
			for _, n := range s.links(at.slot, l) {
				if d := m.Distance(q, s.vec(n)); d < at.d {
					at, moved = hit{d, n}, true
				}
			}
		}
	}
	return at
}

// searchLayer is Algorithm 2 (SEARCH-LAYER) of Malkov and Yashunin. It leaves the ef nearest nodes
// of a level in w.found, as a heap. Unlike the paper it can refuse nodes as results: they are
// walked through all the same. limit, when above 0, bounds the nodes met; ok is false when it was
// reached or ctx was done.
func (w *walker) searchLayer(ctx context.Context, s *state, m Metric, q []float32, from hit, ef, level, limit int, accept func(uint64) bool) (ok bool) {
	w.begin(s.size)
	w.first(from.slot)
	w.cand = s.pushMin(w.cand, from)
	if accept == nil || s.node(from.slot).any(accept) {
		w.found = s.pushMax(w.found, from)
	}
	met := 1
	for turn := 1; len(w.cand) > 0; turn++ {
		if turn%64 == 0 && ctx.Err() != nil {
			return false
		}
		var c hit
		c, w.cand = s.popMin(w.cand)
		if len(w.found) >= ef && c.d > w.found[0].d {
			break
		}
		for _, n := range s.links(c.slot, level) {
			if !w.first(n) {
				continue
			}
			met++
			h := hit{m.Distance(q, s.vec(n)), n}
			full := len(w.found) >= ef
			if full && h.d >= w.found[0].d {
				continue
			}
			w.cand = s.pushMin(w.cand, h)
			if accept != nil && !s.node(n).any(accept) {
				continue
			}
			if full {
				s.replaceMax(w.found, h)
			} else {
				w.found = s.pushMax(w.found, h)
			}
		}
		if limit > 0 && met > limit {
			return false
		}
	}
	return true
}

// Search implements Index. It walks the graph (Algorithm 5, K-NN-SEARCH), or compares with every
// vector when o.Exact is set, when the index holds fewer than Options.ExactBelow vectors, when
// o.Filter accepts about as few, or when a walk under the filter comes back with too little.
// Search is safe beside other searches and beside an open batch, whose changes it does not see.
func (h *HNSW) Search(ctx context.Context, q []float32, o SearchOptions) ([]Result, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	v, err := h.o.Metric.Prepare(q, h.o.Dim)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	s := h.state.Load()
	n := s.count
	if n == 0 {
		return nil, nil
	}
	if o.Exact || n < h.o.ExactBelow || o.Filter != nil && s.fewAccepted(o.Filter, h.o.ExactBelow) {
		return h.scan(ctx, s, v, o)
	}
	h.walks.Add(1)
	limit := 0
	if o.Filter != nil {
		limit = n/4 + o.ef() // from here on a scan is cheaper
	}
	w := h.walkers.Get().(*walker)
	defer h.walkers.Put(w)
	whole := w.searchLayer(ctx, s, h.o.Metric, v, w.descend(s, h.o.Metric, v, 0), o.ef(), 0, limit, o.Filter)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	out := s.results(w.found, o)
	if !whole || len(out) < min(o.K, n) {
		return h.scan(ctx, s, v, o)
	}
	return out, nil
}

// results turns found nodes into the K nearest ids.
func (s *state) results(found []hit, o SearchOptions) []Result {
	s.sortHits(found)
	out := make([]Result, 0, min(o.K, len(found)))
	for _, h := range found {
		if n := len(out); n >= o.K && h.d > out[n-1].Distance {
			break
		}
		before := len(out)
		for id := range s.node(h.slot).ids {
			if o.Filter == nil || o.Filter(id) {
				out = append(out, Result{id, h.d})
			}
			if len(out)-before > o.K {
				break // twins ascend, so none after these can be a result
			}
		}
	}
	sortResults(out)
	return out[:min(o.K, len(out))]
}

// scan compares q with every accepted vector.
func (h *HNSW) scan(ctx context.Context, s *state, q []float32, o SearchOptions) ([]Result, error) {
	h.scans.Add(1)
	best := nearest{k: o.K}
	for p, page := range s.nodes {
		if p%8 == 0 && ctx.Err() != nil {
			return nil, fmt.Errorf("search: %w", ctx.Err())
		}
		for i, n := range page.node {
			if n == nil || o.Filter != nil && !n.any(o.Filter) {
				continue
			}
			d := h.o.Metric.Distance(q, s.vecs[p].vec[i])
			best.add(Result{n.id, d}, o.Filter)
			for _, id := range n.twins {
				best.add(Result{id, d}, o.Filter)
			}
		}
	}
	return best.sorted(), nil
}

// fewAccepted asks the filter about a sample of the nodes and tells whether it seems to accept
// fewer than some.
func (s *state) fewAccepted(accept func(uint64) bool, some int) bool {
	const sample = 128
	step := max(1, s.size/sample)
	asked, yes := 0, 0
	for i := uint32(0); i < s.size; i += step {
		if n := s.node(i); n != nil {
			asked++
			if n.any(accept) {
				yes++
			}
		}
	}
	return yes*s.count < some*max(asked, 1)
}
