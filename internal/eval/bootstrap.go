package eval

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Interval is a confidence interval of a figure. Both ends are NaN when the
// figure is one.
type Interval struct{ Low, High float64 }

// Defaults of BootstrapOptions.
const (
	DefaultLevel     = 0.95
	DefaultResamples = 2000
	DefaultSeed      = 1
)

// BootstrapOptions says how an interval is made. The zero value, and nil, are
// the defaults.
type BootstrapOptions struct {
	Level     float64 // share of resamples inside the interval; 0 means 0.95
	Resamples int     // 0 means 2000. More make the ends steadier and take longer.
	Seed      uint64  // of the draws; 0 means 1
	BCa       bool    // bias-corrected and accelerated ends instead of plain percentiles; see Bootstrap
}

func (o *BootstrapOptions) fill() BootstrapOptions {
	var f BootstrapOptions
	if o != nil {
		f = *o
	}
	if f.Level == 0 {
		f.Level = DefaultLevel
	}
	if f.Resamples == 0 {
		f.Resamples = DefaultResamples
	}
	if f.Seed == 0 {
		f.Seed = DefaultSeed
	}
	return f
}

// Bootstrap is the bootstrap interval of the mean of values (Efron 1979):
// samples of len(values) values are drawn with replacement, and the interval
// holds the middle Level of their means. With BCa, the ends are moved for bias
// and skew (Efron 1987, the constants from the jackknife); where that is not
// defined, because no value differs from another, they are the plain ones. The
// same arguments give the same interval. No values, a negative number of
// resamples or a level outside 0..1 give a zero interval.
func Bootstrap(values []float64, o *BootstrapOptions) Interval {
	return bootstrap(len(values), meanOf(values), o.fill())
}

// BootstrapGroups is Bootstrap for values that come in groups, such as the
// questions of an article: whole groups are drawn, as many as there are, and
// the figure is the mean of all values in them (cluster bootstrap, Davison and
// Hinkley 1997, section 3.8). What is alike within a group is then not taken
// for many independent cases. With few groups, say fewer than 20, the interval
// is too narrow. groups[i] names the group of values[i]; other lengths give a
// zero interval.
func BootstrapGroups(values []float64, groups []string, o *BootstrapOptions) Interval {
	if len(values) != len(groups) {
		return Interval{}
	}
	sums, sizes := grouped(values, groups), grouped(slices.Repeat([]float64{1}, len(values)), groups)
	return bootstrap(len(sums), ratioOf(sums, sizes), o.fill())
}

// BootstrapSpearman is Bootstrap for the rank correlation of pairs (x[i],
// y[i]), which are drawn together. Resamples in which one side does not vary
// have no correlation and are left out.
func BootstrapSpearman(x, y []float64, o *BootstrapOptions) Interval {
	if len(x) != len(y) {
		return Interval{math.NaN(), math.NaN()}
	}
	return bootstrap(len(x), spearmanOf(x, y), o.fill())
}

// BootstrapPearson is BootstrapSpearman for the linear correlation.
func BootstrapPearson(x, y []float64, o *BootstrapOptions) Interval {
	if len(x) != len(y) {
		return Interval{math.NaN(), math.NaN()}
	}
	return bootstrap(len(x), pearsonOf(x, y), o.fill())
}

// statistic is a figure of a resample; counts[i] says how often item i is in it.
type statistic func(counts []int32) float64

// bootstrap is the interval of a statistic over n items.
func bootstrap(n int, stat statistic, o BootstrapOptions) Interval {
	if n == 0 || o.Resamples < 1 || !(o.Level >= 0 && o.Level <= 1) {
		return Interval{}
	}
	rng := rand.New(rand.NewPCG(o.Seed, 0))
	sorted := resample(n, stat, o.Resamples, func() int { return rng.IntN(n) })
	return ends(n, stat, sorted, o)
}

// resample returns the statistic of each of rounds samples of n items, sorted.
// Those that are NaN are left out.
func resample(n int, stat statistic, rounds int, draw func() int) []float64 {
	counts := make([]int32, n)
	out := make([]float64, 0, rounds)
	for range rounds {
		clear(counts)
		for range n {
			counts[draw()]++
		}
		if v := stat(counts); !math.IsNaN(v) {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

// ends is the interval that the sorted statistics of resamples give.
func ends(n int, stat statistic, sorted []float64, o BootstrapOptions) Interval {
	if len(sorted) == 0 {
		return Interval{math.NaN(), math.NaN()}
	}
	low := (1 - o.Level) / 2
	high := 1 - low
	if o.BCa {
		if l, h, ok := bca(n, stat, sorted, o.Level); ok {
			low, high = l, h
		}
	}
	return Interval{Low: quantile(sorted, low), High: quantile(sorted, high)}
}

// bca returns the quantiles of the BCa interval (Efron 1987; Efron and
// Tibshirani 1993, section 14.3), the acceleration by the jackknife.
func bca(n int, stat statistic, sorted []float64, level float64) (low, high float64, ok bool) {
	counts := make([]int32, n)
	for i := range counts {
		counts[i] = 1
	}
	at := stat(counts)
	less, same := 0, 0
	slack := 1e-9 * (sorted[len(sorted)-1] - sorted[0]) // equal but for rounding
	for _, v := range sorted {
		if v < at-slack {
			less++
		} else if v <= at+slack {
			same++
		}
	}
	bias := probit((float64(less) + float64(same)/2) / float64(len(sorted)))

	left := make([]float64, n) // the statistic without item i
	for i := range left {
		counts[i] = 0
		left[i] = stat(counts)
		counts[i] = 1
	}
	center := mean(left)
	var squares, cubes float64
	for _, v := range left {
		d := center - v
		squares += d * d
		cubes += d * d * d
	}
	acceleration := cubes / (6 * math.Pow(squares, 1.5))
	move := func(z float64) float64 {
		z += bias
		return normal(bias + z/(1-acceleration*z))
	}
	z := probit((1 + level) / 2)
	low, high = move(-z), move(z)
	return low, high, !math.IsNaN(low) && !math.IsNaN(high) && low <= high
}

// normal is the distribution function of the standard normal, probit its inverse.
func normal(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }
func probit(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

// meanOf is the mean of values as a statistic.
func meanOf(values []float64) statistic {
	return func(counts []int32) float64 {
		var sum float64
		var n int32
		for i, c := range counts {
			sum += float64(c) * values[i]
			n += c
		}
		return sum / float64(n)
	}
}

// grouped is the sum of the values of each group, in the order in which the
// groups come.
func grouped(values []float64, groups []string) []float64 {
	at := map[string]int{}
	var sums []float64
	for i, g := range groups {
		j, ok := at[g]
		if !ok {
			j = len(sums)
			at[g] = j
			sums = append(sums, 0)
		}
		sums[j] += values[i]
	}
	return sums
}

// ratioOf is the sum of one list over the sum of another as a statistic.
func ratioOf(above, below []float64) statistic {
	return func(counts []int32) float64 {
		var a, b float64
		for i, c := range counts {
			a += float64(c) * above[i]
			b += float64(c) * below[i]
		}
		return a / b // NaN when nothing is in the resample
	}
}

// quantile interpolates linearly between the sorted values, as NumPy does.
func quantile(sorted []float64, q float64) float64 {
	at := min(max(q, 0), 1) * float64(len(sorted)-1)
	i := int(math.Floor(at))
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// Mean is the mean of values, 0 when there are none.
func Mean(values []float64) float64 { return mean(values) }

func mean(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
