package index

import "errors"

// Errors of calls with bad arguments.
var (
	// ErrDimension is returned when a vector has not the number of components the index has.
	ErrDimension = errors.New("wrong dimension")
	// ErrInvalid is returned for options out of range and for vectors with NaN, infinite or
	// far too large components.
	ErrInvalid = errors.New("invalid argument")
)

// Errors of a batch.
var (
	// ErrNotFound is returned when an id is deleted that is not there.
	ErrNotFound = errors.New("no such id")
	// ErrDone is returned by a batch that was committed or discarded.
	ErrDone = errors.New("batch was committed or discarded")
)

// ErrCorrupt is returned by Load, and by Check, when a graph contradicts itself. The message names
// the node and what is wrong with it.
var ErrCorrupt = errors.New("corrupt graph")
