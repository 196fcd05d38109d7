package coderhnsw

import "errors"

var (
	// ErrUnsupported is returned by New where the library does not compile (Windows), and for
	// versions, metrics and distance functions that have no counterpart.
	ErrUnsupported = errors.New("unsupported by coder/hnsw")
	// ErrFormat is returned by Read for a file that is damaged or has keys of another type.
	ErrFormat = errors.New("not a coder/hnsw graph")
	// ErrPanic is returned when the library panicked.
	ErrPanic = errors.New("coder/hnsw panicked")
)
