package db

import "errors"

// Errors of Open.
var (
	// ErrNotExist is returned by Open when the file is missing and Options.MustExist or Options.ReadOnly is set.
	ErrNotExist = errors.New("no such database")

	// ErrNotDatabase is returned by Open when the path is a directory, an empty file, a file of
	// another kind, or a bbolt file of another program.
	ErrNotDatabase = errors.New("not a semsearch database")

	// ErrVersion is returned by Open when the file was written in a format this program does not know.
	ErrVersion = errors.New("unknown format version")

	// ErrLocked is returned by Open, and with Options.Shared by any call, when another process holds the
	// file for longer than Options.Timeout. Where the system tells which, the error is a *LockedError.
	ErrLocked = errors.New("database is locked by another process")

	// ErrEncoderMismatch is returned by Open when the database was filled by another encoder.
	ErrEncoderMismatch = errors.New("encoder does not match database")
)

// Errors of calls on an open database.
var (
	// ErrNotFound is returned by Get when no document has the id.
	ErrNotFound = errors.New("document not found")

	// ErrNoEncoder is returned by Add and by dense or hybrid queries when Open was given no encoder.
	ErrNoEncoder = errors.New("no encoder")

	// ErrReadOnly is returned by Add and Delete when the database was opened with Options.ReadOnly.
	ErrReadOnly = errors.New("database is open for reading only")

	// ErrInvalid is returned when an argument breaks a rule: an empty id, text that is not UTF-8,
	// an empty query, a negative limit. Nothing was changed.
	ErrInvalid = errors.New("invalid argument")

	// ErrEncoder is returned when the encoder gave back something unusable: too few vectors, a wrong
	// number of dimensions, a value that is not finite. Nothing was changed.
	ErrEncoder = errors.New("encoder gave an unusable result")

	// ErrClosed is returned by every call after Close.
	ErrClosed = errors.New("database is closed")
)

// ErrCorrupt marks every error caused by damage to the file: a checksum that does not match, a record
// that is missing, pages that do not hang together. It can come from any call.
var ErrCorrupt = errors.New("database is damaged")
