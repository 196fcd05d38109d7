package qa

import (
	"cmp"
	"container/heap"
	"math"
)

// candidate is tokens [i,j] of a passage with the sum of its two logits.
type candidate struct {
	score float64
	i, j  int32
}

// candidates is a heap with the best on top: highest score, then earliest
// start, then shortest.
type candidates []candidate

func (c candidates) Len() int      { return len(c) }
func (c candidates) Swap(a, b int) { c[a], c[b] = c[b], c[a] }
func (c candidates) Less(a, b int) bool {
	return cmp.Or(cmp.Compare(c[b].score, c[a].score), cmp.Compare(c[a].i, c[b].i), cmp.Compare(c[a].j, c[b].j)) < 0
}
func (c *candidates) Push(x any) { *c = append(*c, x.(candidate)) }
func (c *candidates) Pop() any {
	old := *c
	last := old[len(old)-1]
	*c = old[:len(old)-1]
	return last
}

// read turns the logits of the windows into spans.
func (p *passage) read(o ReadOptions) Reading {
	r := Reading{Windows: len(p.windows)}
	if len(p.windows) == 0 {
		return r
	}
	r.Null = math.Inf(1)
	for _, w := range p.windows {
		r.Null = min(r.Null, w.null)
	}
	edges := p.edges()
	all := p.candidates(edges, o.MaxAnswerTokens)

	// Everything is relative to the null score, and the largest term of the
	// softmax is taken out so that no exponential overflows.
	top := 0.0
	for _, c := range all {
		top = max(top, c.score-r.Null)
	}
	total := math.Exp(-top)
	for _, c := range all {
		total += math.Exp(c.score - r.Null - top)
	}

	heap.Init(&all)
	for len(all) > 0 && len(r.Spans) < o.Spans {
		c := heap.Pop(&all).(candidate)
		start, end, ok := tidy(p.text, edges[c.i].start, edges[c.j].end)
		if !ok {
			continue
		}
		start = max(withNegation(p.text, start), p.from) - p.from
		end -= p.from
		if overlaps(r.Spans, start, end) {
			continue
		}
		score := c.score - r.Null
		r.Spans = append(r.Spans, Span{
			Start: start, End: end, Text: p.text[p.from+start : p.from+end],
			Score: score, Probability: math.Exp(score-top) / total,
		})
	}
	return r
}

// candidates is every pair of tokens that a span may start and end on: both in
// the window where the first has most context, at most longest tokens apart.
func (p *passage) candidates(edges []edge, longest int) candidates {
	var out candidates
	for i := range p.tokens {
		if !edges[i].ok {
			continue
		}
		w := p.windows[p.bestWindow(i)]
		for j := i; j < min(i+longest, w.last); j++ {
			if edges[j].ok {
				score := float64(w.start[i-w.first]) + float64(w.end[j-w.first])
				out = append(out, candidate{score: score, i: int32(i), j: int32(j)})
			}
		}
	}
	return out
}

func overlaps(spans []Span, start, end int) bool {
	for _, s := range spans {
		if start < s.End && s.Start < end {
			return true
		}
	}
	return false
}
