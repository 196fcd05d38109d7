package extract

import "errors"

// Returned when the thing named cannot be read as a file.
var (
	// ErrNotRegular is returned for a folder, a named pipe, a socket or a device.
	ErrNotRegular = errors.New("not a regular file")

	// ErrTooLarge is returned for a file of more bytes than [Options.MaxBytes], packed or unpacked, and for
	// a document whose text is longer than that.
	ErrTooLarge = errors.New("too large")
)

// Returned when the bytes of a file are no document.
var (
	// ErrEmpty is returned for a file without a character that is not a blank.
	ErrEmpty = errors.New("no text in it")

	// ErrBinary is returned for a file with NUL bytes, or that starts like a known binary format. The
	// message names the format when it is known.
	ErrBinary = errors.New("binary file")

	// ErrEncoding is returned for an encoding that is not known, and for bytes that are not in the encoding
	// that the text is said to be in. The message names the encoding.
	ErrEncoding = errors.New("unsupported encoding")

	// ErrInvalidUTF8 is returned for bytes that are not UTF-8. The message says where.
	ErrInvalidUTF8 = errors.New("invalid UTF-8")

	// ErrDamaged is returned for a file of a known format that cannot be read as that.
	ErrDamaged = errors.New("damaged file")

	// ErrEncrypted is returned for a file that wants a password.
	ErrEncrypted = errors.New("encrypted file")
)

// Returned when reading a file is given up, so that the others are read.
var (
	// ErrTimeout is returned when reading takes longer than [Options.Timeout].
	ErrTimeout = errors.New("reading took too long")

	// ErrExpands is returned for a packed file that grows beyond one of the limits of [Options].
	ErrExpands = errors.New("expands too much")

	// ErrDepth is returned for archives inside of archives beyond [Options.MaxDepth], and for markup that
	// is nested deeper than any real document.
	ErrDepth = errors.New("nested too deep")
)
