package hub

import "errors"

// Returned for a name, before anything is asked.
var (
	// ErrName is returned for a name that no model, revision or file can have.
	ErrName = errors.New("not a name of a model")

	// ErrOffline is returned by Pull when HF_HUB_OFFLINE says that the network must not be used.
	ErrOffline = errors.New("offline")
)

// Returned by Find and Remove.
var (
	// ErrNotPulled is returned for a model, or a revision of one, that is not in the cache.
	ErrNotPulled = errors.New("model has not been pulled")
)

// Returned by Pull for what the hub answers.
var (
	// ErrNotFound is returned when the hub has no such model, revision or file.
	ErrNotFound = errors.New("not found on the hub")

	// ErrAccess is returned when the hub wants a token, or another one.
	ErrAccess = errors.New("access denied by the hub")

	// ErrNoModel is returned for a repository without the files of a model that can be used here.
	ErrNoModel = errors.New("no model in the safetensors format")

	// ErrTooLarge is returned when the files are larger than Client.MaxBytes.
	ErrTooLarge = errors.New("larger than the limit")

	// ErrHash is returned for a file that is not what the hub says it is.
	ErrHash = errors.New("wrong hash")

	// ErrProtocol is returned for an answer that makes no sense.
	ErrProtocol = errors.New("unexpected answer from the hub")
)
