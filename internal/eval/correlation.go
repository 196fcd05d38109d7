package eval

import (
	"cmp"
	"math"
	"slices"
)

// Pearson is the correlation coefficient of x and y, which have one length.
// It is NaN when either does not vary, holds fewer than two values or holds a
// NaN, or when the lengths differ.
func Pearson(x, y []float64) float64 {
	if len(x) != len(y) || len(x) < 2 || constant(x) || constant(y) {
		return math.NaN()
	}
	dx, dy := deviations(x), deviations(y)
	var xy, xx, yy float64
	for i := range dx {
		xy += dx[i] * dy[i]
		xx += dx[i] * dx[i]
		yy += dy[i] * dy[i]
	}
	r := xy / math.Sqrt(xx*yy) // one root, so that equal x and y give exactly 1; both sums lie in 1..n
	return min(max(r, -1), 1)  // rounding may step over; a NaN stays one
}

// deviations is the distances from the mean, divided by the largest: the
// coefficient does not depend on the scale, and squares of very small or large
// values would not be numbers any more.
func deviations(x []float64) []float64 {
	m := mean(x)
	d := make([]float64, len(x))
	var most float64
	for i, v := range x {
		d[i] = v - m
		most = max(most, math.Abs(d[i]))
	}
	for i := range d {
		d[i] /= most
	}
	return d
}

// constant says whether all values are equal. The sum of squares cannot tell:
// the mean of equal values may be off by rounding.
func constant(x []float64) bool {
	return !slices.ContainsFunc(x, func(v float64) bool { return v != x[0] })
}

// Spearman is Pearson over ranks; equal values share the average of the ranks
// they take up. It is NaN where Pearson is.
func Spearman(x, y []float64) float64 { return Pearson(ranks(x), ranks(y)) }

// ranks returns the 1-based rank of each value, averaged over ties. With a NaN
// among them there is no order, and all ranks are NaN.
func ranks(x []float64) []float64 {
	r := make([]float64, len(x))
	if slices.ContainsFunc(x, math.IsNaN) {
		for i := range r {
			r[i] = math.NaN()
		}
		return r
	}
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(x[a], x[b]) })
	for i := 0; i < len(order); {
		j := i + 1
		for j < len(order) && x[order[j]] == x[order[i]] {
			j++
		}
		for _, o := range order[i:j] {
			r[o] = float64(i+1+j) / 2 // mean of ranks i+1..j
		}
		i = j
	}
	return r
}
