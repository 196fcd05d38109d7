//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package db

import "os"

// letGo closes a file that bbolt can no longer close.
func letGo(f *os.File) error { return f.Close() }
