package extract

import "errors"

// Returned when the thing named cannot be read as a file.
var (
	// ErrNotRegular is returned for a folder, a named pipe, a socket or a device.
	ErrNotRegular = errors.New("not a regular file")

	// ErrTooLarge is returned for a file of more bytes than [Options.MaxBytes].
	ErrTooLarge = errors.New("too large")
)

// Returned when the bytes of a file are no document.
var (
	// ErrEmpty is returned for a file without a character that is not a blank.
	ErrEmpty = errors.New("no text in it")

	// ErrBinary is returned for a file with NUL bytes, or that starts like a known binary format. The
	// message names the format when it is known.
	ErrBinary = errors.New("binary file")

	// ErrEncoding is returned for text in another encoding than UTF-8, known by its byte order mark. The
	// message names the encoding.
	ErrEncoding = errors.New("unsupported encoding")

	// ErrInvalidUTF8 is returned for bytes that are not UTF-8. The message says where.
	ErrInvalidUTF8 = errors.New("invalid UTF-8")
)
