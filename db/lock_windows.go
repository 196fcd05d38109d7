package db

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockFirst: bbolt takes the lock, and waits for it, alone.
const lockFirst = false

// flock changes the lock that bbolt takes on a file, one byte at its very end, without waiting. It returns
// errBusy if another process, or another opening of the file in this one, is in the way.
func flock(f *os.File, mode lockMode) error {
	at := &windows.Overlapped{Offset: 1<<32 - 1, OffsetHigh: 1<<32 - 1}
	if mode == unlocked {
		return os.NewSyscallError("UnlockFileEx", windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, at))
	}
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if mode == exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errBusy
	}
	return os.NewSyscallError("LockFileEx", err)
}

// letGo closes a file that bbolt can no longer close.
func letGo(f *os.File) error { return f.Close() }

// markHolder does nothing: the system does not tell whose a lock is.
func markHolder(*os.File, lockMode) {}

// holder is not known.
func holder(*os.File) int { return 0 }
