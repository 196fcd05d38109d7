package calibrate

import (
	"cmp"
	"math"
	"slices"
)

// Bin is a group of examples with like probabilities.
type Bin struct {
	Low        float64 `json:"low"`        // smallest probability of the bin's range
	High       float64 `json:"high"`       // largest
	Count      int     `json:"count"`      // examples
	Confidence float64 `json:"confidence"` // their mean probability
	Accuracy   float64 `json:"accuracy"`   // share of them that came true
}

// Bins divides 0..1 into n ranges of equal width and counts the examples of each. The
// first range holds 0, and each its upper end. Empty bins have Count 0.
func Bins(p []float64, y []bool, n int) []Bin {
	out := make([]Bin, n)
	for i := range out {
		out[i].Low, out[i].High = float64(i)/float64(n), float64(i+1)/float64(n)
	}
	for i, v := range p {
		b := &out[min(max(int(math.Ceil(v*float64(n)))-1, 0), n-1)]
		b.add(v, y[i])
	}
	for i := range out {
		out[i].mean()
	}
	return out
}

// EqualBins divides the examples, by probability, into n bins of equal counts, or counts
// that differ by one. There are fewer bins when there are fewer examples.
func EqualBins(p []float64, y []bool, n int) []Bin {
	order := ascending(p)
	n = min(n, len(p))
	out := make([]Bin, n)
	for i := range out {
		part := order[i*len(p)/n : (i+1)*len(p)/n]
		out[i].Low, out[i].High = p[part[0]], p[part[len(part)-1]]
		for _, k := range part {
			out[i].add(p[k], y[k])
		}
		out[i].mean()
	}
	return out
}

func (b *Bin) add(p float64, y bool) {
	b.Count++
	b.Confidence += p
	if y {
		b.Accuracy++
	}
}

func (b *Bin) mean() {
	if b.Count > 0 {
		b.Confidence /= float64(b.Count)
		b.Accuracy /= float64(b.Count)
	}
}

// ECE is the expected calibration error (Naeini et al. 2015): the mean over the examples
// of the distance between confidence and accuracy of their bin. 0 is best, 1 is worst.
func ECE(bins []Bin) float64 {
	total, sum := 0, 0.0
	for _, b := range bins {
		total += b.Count
		sum += float64(b.Count) * math.Abs(b.Confidence-b.Accuracy)
	}
	if total == 0 {
		return 0
	}
	return sum / float64(total)
}

// Brier is the mean squared distance between probability and outcome (Brier 1950).
func Brier(p []float64, y []bool) float64 {
	sum := 0.0
	for i, v := range p {
		if y[i] {
			v = 1 - v
		}
		sum += v * v
	}
	return sum / float64(max(1, len(p)))
}

// LogLoss is the mean negative natural logarithm of the probability given to what came
// true. Probabilities are kept 1e-12 away from 0 and 1.
func LogLoss(p []float64, y []bool) float64 {
	sum := 0.0
	for i, v := range p {
		if !y[i] {
			v = 1 - v
		}
		sum -= math.Log(min(max(v, 1e-12), 1))
	}
	return sum / float64(max(1, len(p)))
}

// AUC is the share of pairs of a true and a false example in which the true one has the
// larger score; equal scores count half. It is 0.5 when there are none of either.
func AUC(score []float64, y []bool) float64 {
	order := ascending(score)
	var won, below, yes float64 // below: false examples with smaller scores
	for k := 0; k < len(order); {
		var t, f float64
		at := score[order[k]]
		for ; k < len(order) && score[order[k]] == at; k++ {
			if y[order[k]] {
				t++
			} else {
				f++
			}
		}
		won += t * (below + f/2)
		below += f
		yes += t
	}
	if yes == 0 || below == 0 {
		return 0.5
	}
	return won / (yes * below)
}

// ascending returns the places of the values, smallest value first, equal ones in order.
func ascending(values []float64) []int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	return order
}
