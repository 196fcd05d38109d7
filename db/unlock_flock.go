//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package db

import (
	"os"
	"syscall"
)

// letGo unlocks and closes a file that bbolt can no longer close. Closing alone is not enough: the mapping
// that bbolt leaves behind keeps the lock alive.
func letGo(f *os.File) error {
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
	return f.Close()
}
