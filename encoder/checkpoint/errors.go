package checkpoint

import "errors"

var (
	// ErrUnsupported is returned by Open for a checkpoint that needs something this module does
	// not do: another architecture, activation, tokenizer component or module. The error names it.
	ErrUnsupported = errors.New("unsupported checkpoint")

	// ErrFormat is returned by Open when a file of the checkpoint is damaged or contradicts another.
	ErrFormat = errors.New("invalid checkpoint")

	// ErrQuantized is returned by Quantize for a checkpoint that is quantised already.
	ErrQuantized = errors.New("checkpoint is quantised already")
)
