package qa

import (
	"fmt"
	"math"
	"slices"

	"github.com/semsearch/semsearch/internal/calibrate"
)

// Defaults of FitOptions.
const (
	DefaultLost         = 0.04
	DefaultRidge        = 1e-2
	DefaultUnanswerable = 0.3
)

// Sample is what became of one question whose answer is known: the first answer that was
// found for it, given or not.
type Sample struct {
	Features   map[string]float64 // Candidate.Features by name
	Answerable bool               // the documents held the answer
	Right      bool               // the answer was right
}

// Sample makes a sample of the first candidate. ok is false when nothing was found at all:
// such a question says nothing about confidence.
func (e *Explanation) Sample(answerable, right bool) (s Sample, ok bool) {
	if len(e.Candidates) == 0 {
		return s, false
	}
	s = Sample{Features: map[string]float64{}, Answerable: answerable, Right: right}
	for _, f := range e.Candidates[0].Features {
		s.Features[f.Name] = f.Value
	}
	return s, true
}

// FitOptions says how a calibration is fitted. The zero value, and nil, are the defaults.
type FitOptions struct {
	Lost         float64 // share of the answerable questions that may be declined; 0 means 0.025
	Ridge        float64 // penalty on the squared weights of standardized features; 0 means 0.01
	Unanswerable float64 // how much an unanswerable question counts beside an answerable one when confidence is fitted; 0 means 0.3
}

// FitCalibration fits a calibration for the reader to samples, of which some must be
// answerable and some not, some right and some wrong. First comes the regression that
// tells answerable questions from others, and the bar that loses the wanted share of
// them; then the regression that tells right answers from wrong ones among those that
// reach the bar. The same samples give the same bits. Errors are ErrInvalid.
func FitCalibration(rd *Reader, samples []Sample, o *FitOptions) (*Calibration, error) {
	if rd == nil {
		return nil, fmt.Errorf("no reader: %w", ErrInvalid)
	}
	var opt FitOptions
	if o != nil {
		opt = *o
	}
	for _, f := range []struct {
		name string
		v    *float64
		def  float64
		most float64
	}{{"Lost", &opt.Lost, DefaultLost, 1}, {"Ridge", &opt.Ridge, DefaultRidge, math.MaxFloat64}, {"Unanswerable", &opt.Unanswerable, DefaultUnanswerable, math.MaxFloat64}} {
		if !(*f.v >= 0 && *f.v <= f.most) {
			return nil, fmt.Errorf("FitOptions.%s is %v: %w", f.name, *f.v, ErrInvalid)
		}
		if *f.v == 0 {
			*f.v = f.def
		}
	}
	x := make([][]float64, len(samples))
	answerable := make([]bool, len(samples))
	for i, s := range samples {
		answerable[i] = s.Answerable
		for _, name := range featureNames {
			v, ok := s.Features[name]
			if !ok {
				return nil, fmt.Errorf("sample %d has no feature %q: %w", i, name, ErrInvalid)
			}
			x[i] = append(x[i], v)
		}
	}
	c := &Calibration{Version: CalibrationVersion, Reader: rd.Fingerprint()}
	var err error
	if c.Answerable, err = regress(x, answerable, nil, opt.Ridge); err != nil {
		return nil, fmt.Errorf("answerable: %v: %w", err, ErrInvalid)
	}

	// The bar.
	var known []float64
	p := make([]float64, len(samples))
	for i := range samples {
		p[i] = c.Answerable.probability(x[i])
		if answerable[i] {
			known = append(known, p[i])
		}
	}
	slices.Sort(known)
	c.MinAnswerable = known[min(int(opt.Lost*float64(len(known))), len(known)-1)]

	// What is right among what is given.
	var given [][]float64
	var right []bool
	var weight []float64
	for i, s := range samples {
		passes := p[i] >= c.MinAnswerable
		if s.Answerable {
			c.Fitted.Answerable++
			if !passes {
				c.Fitted.Lost++
			}
		} else {
			c.Fitted.Unanswerable++
			if !passes {
				c.Fitted.Declined++
			}
		}
		if passes {
			given, right = append(given, x[i]), append(right, s.Right)
			if s.Answerable {
				weight = append(weight, 1)
			} else {
				weight = append(weight, opt.Unanswerable)
			}
		}
	}
	c.Fitted.Lost /= float64(c.Fitted.Answerable)
	c.Fitted.Declined /= float64(c.Fitted.Unanswerable)
	if c.Right, err = regress(given, right, weight, opt.Ridge); err != nil {
		return nil, fmt.Errorf("right: %v: %w", err, ErrInvalid)
	}
	return c, nil
}

// regress fits a Regression to rows in the order of featureNames.
func regress(x [][]float64, y []bool, weight []float64, ridge float64) (Regression, error) {
	l, err := calibrate.Fit(x, y, weight, ridge)
	if err != nil {
		return Regression{}, err
	}
	r := Regression{Bias: l.Bias}
	for j, name := range featureNames {
		mean := 0.0
		for i := range x {
			mean += x[i][j] / float64(len(x))
		}
		r.Terms = append(r.Terms, Term{Feature: name, Weight: l.Weights[j], Mean: mean})
		r.Bias += l.Weights[j] * mean
	}
	return r, nil
}
