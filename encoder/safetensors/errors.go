package safetensors

import "errors"

var (
	// ErrFormat is returned by Open when the file contradicts itself or the format, and by Write
	// when the tensors cannot be written in it.
	ErrFormat = errors.New("invalid safetensors file")

	// ErrNotFound is returned when the file has no tensor of that name.
	ErrNotFound = errors.New("no such tensor")

	// ErrShape is returned when a tensor has another shape than was asked for.
	ErrShape = errors.New("wrong tensor shape")

	// ErrDType is returned when a data type is unknown or cannot be read as float32.
	ErrDType = errors.New("unsupported data type")
)
