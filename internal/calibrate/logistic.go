package calibrate

import (
	"fmt"
	"math"
)

// Logistic is a logistic regression: P(true | x) = 1 / (1 + exp(-(Bias + Weights·x))).
type Logistic struct {
	Bias    float64
	Weights []float64 // one a feature, in the units of the feature
}

// Logit returns Bias + Weights·x. x holds as many values as there are weights.
func (l Logistic) Logit(x []float64) float64 {
	z := l.Bias
	for i, w := range l.Weights {
		z += w * x[i]
	}
	return z
}

// Probability returns the probability that x is true.
func (l Logistic) Probability(x []float64) float64 { return Sigmoid(l.Logit(x)) }

// Sigmoid is 1 / (1 + exp(-z)), without overflow.
func Sigmoid(z float64) float64 {
	if z >= 0 {
		return 1 / (1 + math.Exp(-z))
	}
	e := math.Exp(z)
	return e / (1 + e)
}

const (
	newtonSteps = 100
	newtonDone  = 1e-10 // largest change of a standardized weight in the last step
)

// Fit returns the logistic regression that makes the outcomes y of the rows x most
// likely, less ridge/2 times the squared weights of the standardized features (mean 0,
// deviation 1) for each example. A ridge above 0 keeps weights finite where the outcomes
// can be told apart without error. weight says how much each example counts, nil that all
// count 1. A feature that never changes gets weight 0.
//
// The weights are found by Newton's method (iteratively reweighted least squares), halving
// a step that does not improve.
func Fit(x [][]float64, y []bool, weight []float64, ridge float64) (Logistic, error) {
	n := len(x)
	if n == 0 || len(y) != n || weight != nil && len(weight) != n || !(ridge >= 0) {
		return Logistic{}, fmt.Errorf("%d examples, %d outcomes, %d weights, ridge %v: %w", n, len(y), len(weight), ridge, ErrData)
	}
	d := len(x[0])
	total, hits := 0.0, 0.0
	for i := range x {
		w := weightOf(weight, i)
		if len(x[i]) != d || !(w >= 0) || math.IsInf(w, 0) {
			return Logistic{}, fmt.Errorf("example %d has %d features and weight %v, want %d: %w", i, len(x[i]), w, d, ErrData)
		}
		for j, v := range x[i] {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return Logistic{}, fmt.Errorf("example %d: feature %d is %v: %w", i, j, v, ErrData)
			}
		}
		total += w
		if y[i] {
			hits += w
		}
	}
	if hits == 0 || hits == total {
		return Logistic{}, fmt.Errorf("all outcomes of %d examples are alike: %w", n, ErrData)
	}
	mean, scale := moments(x, weight, total)
	z := make([][]float64, n) // (examples, 1+features): standardized, with a leading 1
	for i := range x {
		row := make([]float64, d+1)
		row[0] = 1
		for j, v := range x[i] {
			if scale[j] > 0 {
				row[j+1] = (v - mean[j]) / scale[j]
			}
		}
		z[i] = row
	}

	b := make([]float64, d+1)
	b[0] = math.Log(hits / (total - hits))
	loss := logisticLoss(z, y, weight, b, ridge, total)
	for range newtonSteps {
		step, err := newton(z, y, weight, b, ridge, total)
		if err != nil {
			return Logistic{}, err
		}
		next := make([]float64, d+1)
		change := 0.0
		for shrink := 1.0; ; shrink /= 2 {
			change = 0
			for j := range b {
				next[j] = b[j] - shrink*step[j]
				change = max(change, math.Abs(shrink*step[j]))
			}
			l := logisticLoss(z, y, weight, next, ridge, total)
			if l <= loss || change < newtonDone {
				loss = l
				break
			}
		}
		b = next
		if change < newtonDone {
			break
		}
	}
	out := Logistic{Bias: b[0], Weights: make([]float64, d)}
	for j := range d {
		if scale[j] > 0 {
			out.Weights[j] = b[j+1] / scale[j]
			out.Bias -= out.Weights[j] * mean[j]
		}
	}
	return out, nil
}

func weightOf(weight []float64, i int) float64 {
	if weight == nil {
		return 1
	}
	return weight[i]
}

// moments returns the weighted mean and standard deviation of each feature.
func moments(x [][]float64, weight []float64, total float64) (mean, scale []float64) {
	d := len(x[0])
	mean, scale = make([]float64, d), make([]float64, d)
	for i := range x {
		for j, v := range x[i] {
			mean[j] += weightOf(weight, i) * v / total
		}
	}
	for i := range x {
		for j, v := range x[i] {
			scale[j] += weightOf(weight, i) * (v - mean[j]) * (v - mean[j]) / total
		}
	}
	for j := range scale {
		if scale[j] = math.Sqrt(scale[j]); scale[j] < 1e-12*(1+math.Abs(mean[j])) {
			scale[j] = 0
		}
	}
	return mean, scale
}

// logisticLoss is the mean of the negative log likelihood, and the penalty.
func logisticLoss(z [][]float64, y []bool, weight, b []float64, ridge, total float64) float64 {
	l := 0.0
	for i, row := range z {
		s := 0.0
		for j, v := range row {
			s += v * b[j]
		}
		if y[i] {
			s = -s
		}
		l += weightOf(weight, i) * (max(s, 0) + math.Log1p(math.Exp(-math.Abs(s)))) / total
	}
	for _, v := range b[1:] {
		l += ridge / 2 * v * v
	}
	return l
}

// newton returns the Newton step: the solution of hessian * step = gradient.
func newton(z [][]float64, y []bool, weight, b []float64, ridge, total float64) ([]float64, error) {
	d := len(b)
	g := make([]float64, d)
	h := make([][]float64, d)
	for j := range h {
		h[j] = make([]float64, d)
	}
	for i, row := range z {
		s := 0.0
		for j, v := range row {
			s += v * b[j]
		}
		p, w := Sigmoid(s), weightOf(weight, i)/total
		r := w * p
		if y[i] {
			r = w * (p - 1)
		}
		for j, v := range row {
			g[j] += r * v
			c := w * p * (1 - p) * v
			for k := range j + 1 {
				h[j][k] += c * row[k]
			}
		}
	}
	for j := 1; j < d; j++ {
		g[j] += ridge * b[j]
		h[j][j] += ridge
	}
	for j := range d {
		h[j][j] += 1e-12 // a feature that never changes, or copies another
	}
	return solve(h, g)
}

// solve solves h*x = g for a positive definite h, of which the lower triangle is given, by
// Cholesky's decomposition. Both are overwritten.
func solve(h [][]float64, g []float64) ([]float64, error) {
	for j := range h {
		for k := range j + 1 {
			s := h[j][k]
			for m := range k {
				s -= h[j][m] * h[k][m]
			}
			if j != k {
				h[j][k] = s / h[k][k]
				continue
			}
			if !(s > 0) {
				return nil, fmt.Errorf("features depend on each other: %w", ErrData)
			}
			h[j][j] = math.Sqrt(s)
		}
	}
	for j := range g {
		for k := range j {
			g[j] -= h[j][k] * g[k]
		}
		g[j] /= h[j][j]
	}
	for j := len(g) - 1; j >= 0; j-- {
		for k := j + 1; k < len(g); k++ {
			g[j] -= h[k][j] * g[k]
		}
		g[j] /= h[j][j]
	}
	return g, nil
}

// FitTemperature returns the factor f that makes the outcomes most likely when the
// probability is Sigmoid(f * logit): one over the temperature. Errors are those of Fit.
func FitTemperature(logit []float64, y []bool) (float64, error) {
	if len(logit) == 0 || len(y) != len(logit) {
		return 0, fmt.Errorf("%d scores, %d outcomes: %w", len(logit), len(y), ErrData)
	}
	for i, v := range logit {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return 0, fmt.Errorf("score %d is %v: %w", i, v, ErrData)
		}
	}
	// The derivative of the loss rises with f: find its zero by halving. What lies beyond
	// the ends of the range is no longer a temperature.
	slope := func(f float64) float64 {
		g := 0.0
		for i, v := range logit {
			p := Sigmoid(f * v)
			if y[i] {
				p--
			}
			g += p * v
		}
		return g
	}
	low, high := 1e-6, 1e6
	for range 200 {
		mid := math.Sqrt(low * high)
		if slope(mid) < 0 {
			low = mid
		} else {
			high = mid
		}
	}
	return math.Sqrt(low * high), nil
}
