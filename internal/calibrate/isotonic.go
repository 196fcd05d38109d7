package calibrate

import (
	"fmt"
	"math"
	"sort"
)

// Isotonic is a rising step function: a score up to Edges[0] gives Values[0], one above
// Edges[i-1] and up to Edges[i] gives Values[i], one above all gives the last value.
type Isotonic struct {
	Edges  []float64 // rising
	Values []float64 // rising, as many as edges
}

// Probability returns the value of the function at a score.
func (f Isotonic) Probability(score float64) float64 {
	i := sort.SearchFloat64s(f.Edges, score)
	return f.Values[min(i, len(f.Values)-1)]
}

// FitIsotonic returns the rising function that is nearest to the outcomes (true is 1) in
// squared error. It pools adjacent violators (Ayer et al. 1955).
func FitIsotonic(score []float64, y []bool) (Isotonic, error) {
	if len(score) == 0 || len(y) != len(score) {
		return Isotonic{}, fmt.Errorf("%d scores, %d outcomes: %w", len(score), len(y), ErrData)
	}
	for i, v := range score {
		if math.IsNaN(v) {
			return Isotonic{}, fmt.Errorf("score %d is not a number: %w", i, ErrData)
		}
	}
	order := ascending(score)
	type pool struct{ edge, sum, n float64 }
	var pools []pool
	for k := 0; k < len(order); {
		p := pool{edge: score[order[k]]}
		for ; k < len(order) && score[order[k]] == p.edge; k++ {
			p.n++
			if y[order[k]] {
				p.sum++
			}
		}
		for len(pools) > 0 {
			last := pools[len(pools)-1]
			if last.sum*p.n < p.sum*last.n {
				break
			}
			p.sum, p.n = p.sum+last.sum, p.n+last.n
			pools = pools[:len(pools)-1]
		}
		pools = append(pools, p)
	}
	var f Isotonic
	for _, p := range pools {
		f.Edges, f.Values = append(f.Edges, p.edge), append(f.Values, p.sum/p.n)
	}
	return f, nil
}
