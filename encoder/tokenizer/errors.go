package tokenizer

import (
	"errors"
	"fmt"
)

// ErrFormat is returned by [FromJSON] and its like for input that is no tokenizer, or one that
// contradicts itself: broken JSON, an id that is negative, given twice or left out, an unknown
// token that the vocabulary lacks, a template that names no known token.
var ErrFormat = errors.New("malformed tokenizer")

// ErrUnsupported is returned by [FromJSON] and its like for a sound tokenizer with a component, or a
// setting of one, that this package does not have. The message names it: `model "WordLevel"`.
var ErrUnsupported = errors.New("unsupported tokenizer component")

func malformed(format string, args ...any) error {
	return fmt.Errorf("tokenizer: "+format+": %w", append(args, ErrFormat)...)
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("tokenizer: "+format+": %w", append(args, ErrUnsupported)...)
}
