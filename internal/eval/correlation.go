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

// pearsonOf is Pearson of x and y as a statistic. Values are moved to their
// mean and scaled to their largest deviation first, as Pearson does.
func pearsonOf(x, y []float64) statistic {
	if len(x) < 2 || constant(x) || constant(y) {
		return func([]int32) float64 { return math.NaN() }
	}
	dx, dy := deviations(x), deviations(y)
	return func(counts []int32) float64 { return weightedPearson(dx, dy, counts) }
}

// spearmanOf is Spearman of x and y as a statistic: ranks are those within the
// resample, where item i stands counts[i] times.
func spearmanOf(x, y []float64) statistic {
	if slices.ContainsFunc(x, math.IsNaN) || slices.ContainsFunc(y, math.IsNaN) {
		return func([]int32) float64 { return math.NaN() }
	}
	ox, oy := newOrder(x), newOrder(y)
	rx, ry := make([]float64, len(x)), make([]float64, len(y))
	return func(counts []int32) float64 {
		ox.ranks(counts, rx)
		oy.ranks(counts, ry)
		return weightedPearson(rx, ry, counts)
	}
}

// order is the items of a list in ascending order of value. Items of one group
// have one value.
type order struct {
	items  []int32
	groups []int32 // end of each group in items
}

func newOrder(x []float64) order {
	o := order{items: make([]int32, len(x))}
	for i := range o.items {
		o.items[i] = int32(i)
	}
	slices.SortFunc(o.items, func(a, b int32) int { return cmp.Compare(x[a], x[b]) })
	for i := range o.items {
		if i+1 == len(o.items) || x[o.items[i]] != x[o.items[i+1]] {
			o.groups = append(o.groups, int32(i+1))
		}
	}
	return o
}

// ranks writes the rank of each item when item i stands counts[i] times. An
// item that does not stand there gets some rank.
func (o order) ranks(counts []int32, out []float64) {
	var before, start int32
	for _, end := range o.groups {
		var n int32
		for _, i := range o.items[start:end] {
			n += counts[i]
		}
		r := float64(before) + float64(n+1)/2 // mean of ranks before+1..before+n
		for _, i := range o.items[start:end] {
			out[i] = r
		}
		before, start = before+n, end
	}
}

// weightedPearson is the correlation of x and y when pair i stands counts[i]
// times; NaN when x or y does not vary.
func weightedPearson(x, y []float64, counts []int32) float64 {
	var n, sx, sy float64
	var seen bool
	var x0, y0 float64
	varies, vary := false, false
	for i, c := range counts {
		if c == 0 {
			continue
		}
		if !seen {
			seen, x0, y0 = true, x[i], y[i]
		}
		varies, vary = varies || x[i] != x0, vary || y[i] != y0
		w := float64(c)
		n += w
		sx += w * x[i]
		sy += w * y[i]
	}
	if !varies || !vary {
		return math.NaN()
	}
	mx, my := sx/n, sy/n
	var xy, xx, yy float64
	for i, c := range counts {
		if c == 0 {
			continue
		}
		w, dx, dy := float64(c), x[i]-mx, y[i]-my
		xy += w * dx * dy
		xx += w * dx * dx
		yy += w * dy * dy
	}
	return min(max(xy/math.Sqrt(xx*yy), -1), 1)
}
