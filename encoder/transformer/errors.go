package transformer

import "errors"

var (
	// ErrUnsupported is returned for a model that needs something this package does not do; the
	// error names it.
	ErrUnsupported = errors.New("unsupported model")

	// ErrConfig is returned for a configuration that describes no model.
	ErrConfig = errors.New("invalid model configuration")

	// ErrInput is returned by Forward for a batch that does not fit the model.
	ErrInput = errors.New("invalid input")
)
