package qa

import "errors"

// Errors of opening a reader.
var (
	// ErrNotReader is returned when a checkpoint is not a question answering
	// model: its architecture is another, or its tokenizer makes no pairs.
	ErrNotReader = errors.New("not a question answering checkpoint")
)

// Errors of reading and asking.
var (
	// ErrInvalid is returned when an argument breaks a rule: a question without
	// words, a negative option, no reader or retriever.
	ErrInvalid = errors.New("invalid argument")

	// ErrModel is returned when the model gives a logit that is not a number.
	ErrModel = errors.New("model gave an unusable result")
)
