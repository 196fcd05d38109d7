package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// LockedError is an [ErrLocked] that knows who holds the file.
type LockedError struct {
	PID int // process that holds the lock, or one of several that read
}

// Error is "database is locked by process PID".
func (e *LockedError) Error() string { return fmt.Sprintf("database is locked by process %d", e.PID) }

// Unwrap returns ErrLocked.
func (e *LockedError) Unwrap() error { return ErrLocked }

// lockMode is how a file is locked against other processes.
type lockMode uint8

const (
	unlocked  lockMode = iota
	shared             // nobody writes
	exclusive          // nobody else reads or writes
)

// errBusy is what flock returns when somebody else holds the lock.
var errBusy = errors.New("file is locked")

// lockedError is ErrLocked, with the holder if the system tells who that is.
func lockedError(f *os.File) error {
	if f != nil {
		if pid := holder(f); pid != 0 && pid != os.Getpid() {
			return &LockedError{pid}
		}
	}
	return ErrLocked
}

// waitLock locks a file, and waits for others until the deadline or the end of ctx.
func waitLock(ctx context.Context, f *os.File, mode lockMode, deadline time.Time) error {
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		err := flock(f, mode)
		if err == nil {
			markHolder(f, mode)
			return nil
		}
		if !errors.Is(err, errBusy) {
			return err
		}
		if !time.Now().Before(deadline) {
			return lockedError(f)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// patience is what Options.Timeout means.
func patience(timeout time.Duration) time.Duration {
	return max(cmp.Or(timeout, defaultTimeout), 0)
}

// openLocked opens a file for reading as it is, whatever is in it, with a shared lock.
func openLocked(ctx context.Context, path string, timeout time.Duration) (*os.File, error) {
	deadline := time.Now().Add(patience(timeout))
	for {
		f, err := os.Open(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, ErrNotExist
		case err != nil:
			return nil, plain(err)
		}
		fi, err := f.Stat()
		if err == nil && !fi.Mode().IsRegular() {
			err = fmt.Errorf("is not a regular file: %w", ErrNotDatabase)
		}
		if err == nil {
			err = waitLock(ctx, f, shared, deadline)
		}
		if err != nil {
			_ = f.Close()
			return nil, err
		}
		if named(f, path) {
			return f, nil
		}
		_ = f.Close() // it was replaced while we waited
	}
}

// named reports whether path is still the name of an open file.
func named(f *os.File, path string) bool {
	own, err := f.Stat()
	if err != nil {
		return false
	}
	other, err := os.Stat(path)
	return err == nil && os.SameFile(own, other)
}
