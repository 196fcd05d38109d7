// Package calibrate turns scores into probabilities and says how well they fit.
//
// [Fit] is logistic regression. With one feature it is Platt scaling (Platt 1999);
// [FitTemperature] is that without an intercept (Guo et al. 2017). [FitIsotonic] fits
// any rising step function by pooling adjacent violators (Zadrozny and Elkan 2002).
//
// [Bins], [ECE], [Brier], [LogLoss] and [AUC] compare probabilities with what came true.
//
// Everything is plain float64 arithmetic in a fixed order: the same input gives the same
// bits. Nothing here knows about questions or models.
package calibrate

import "errors"

// ErrData is returned when there is nothing to fit: no examples, rows of different
// lengths, values that are not numbers, or outcomes that are all alike.
var ErrData = errors.New("cannot be fitted")
