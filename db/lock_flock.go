//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package db

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// lockFirst: bbolt may take a lock again that its file has already.
const lockFirst = true

// flock changes the lock that bbolt takes on a file, without waiting. It returns errBusy if another process, or
// another opening of the file in this one, is in the way.
func flock(f *os.File, mode lockMode) error {
	how := [...]int{unlocked: syscall.LOCK_UN, shared: syscall.LOCK_SH, exclusive: syscall.LOCK_EX}[mode]
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errBusy
		case !errors.Is(err, syscall.EINTR):
			return os.NewSyscallError("flock", err)
		}
	}
}

// letGo unlocks and closes a file that bbolt can no longer close. Closing alone is not enough: the mapping
// that bbolt leaves behind keeps the lock alive.
func letGo(f *os.File) error {
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
	return f.Close()
}

// holderByte is where a process that holds the lock of a file also has a POSIX record lock, far beyond any
// data. That lock keeps nobody out; it is there because the system tells whose it is, which it does not for
// the other. It goes away with the process, so the number is never that of a dead one. (It is also lost when
// the process closes the file that it has opened twice. Then nobody knows the number, no more.)
const holderByte = 1 << 40

// markHolder says that this process holds the lock.
func markHolder(f *os.File, mode lockMode) {
	l := syscall.Flock_t{Type: syscall.F_UNLCK, Whence: io.SeekStart, Start: holderByte, Len: 1}
	switch mode {
	case shared:
		l.Type = syscall.F_RDLCK
	case exclusive:
		l.Type = syscall.F_WRLCK
	}
	_ = syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &l) // where it fails, the number is not known
}

// holder is the process that holds the lock, 0 if that is not known.
func holder(f *os.File) int {
	l := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: holderByte, Len: 1}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &l); err != nil || l.Type == syscall.F_UNLCK {
		return 0
	}
	return max(int(l.Pid), 0)
}
