package encoder

import "errors"

var (
	// ErrNotEncoder is returned by New for a checkpoint that was trained for something else, such
	// as answering questions, and says nothing about embedding text.
	ErrNotEncoder = errors.New("not a text encoder")

	// ErrOptions is returned by New for options that the model cannot follow.
	ErrOptions = errors.New("invalid encoder options")

	// ErrNotFinite is returned when a vector has a NaN or an infinity in it, which only damaged or
	// unfit weights produce.
	ErrNotFinite = errors.New("vector is not finite")
)
