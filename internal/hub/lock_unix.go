//go:build unix && !solaris && !aix

package hub

import (
	"os"

	"golang.org/x/sys/unix"
)

// tryLock takes the lock that a file is, as long as the file is open.
func tryLock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == unix.EWOULDBLOCK || err == unix.EINTR {
		return errHeld
	}
	return err
}
