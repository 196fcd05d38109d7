package eval

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Interval is a 95% confidence interval of a mean.
type Interval struct{ Low, High float64 }

const (
	bootstrapRounds = 1000
	bootstrapSeed   = 1
)

// Bootstrap is the percentile bootstrap (Efron 1979) of the mean of values:
// rounds samples of len(values) values are drawn with replacement, and the
// interval holds the middle level (say 0.95) of their means. The same
// arguments give the same interval. No values, no rounds or a level outside
// 0..1 give a zero interval.
func Bootstrap(values []float64, rounds int, level float64, seed uint64) Interval {
	if len(values) == 0 || rounds < 1 || !(level >= 0 && level <= 1) {
		return Interval{}
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	means := make([]float64, rounds)
	for i := range means {
		var sum float64
		for range values {
			sum += values[rng.IntN(len(values))]
		}
		means[i] = sum / float64(len(values))
	}
	slices.Sort(means)
	tail := (1 - level) / 2
	return Interval{Low: quantile(means, tail), High: quantile(means, 1-tail)}
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

func interval(values []float64) Interval {
	return Bootstrap(values, bootstrapRounds, 0.95, bootstrapSeed)
}

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
