//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package db

import "os"

// lockFirst: bbolt takes the lock, and waits for it, alone.
const lockFirst = false

// flock does nothing: on these systems only bbolt itself locks.
func flock(*os.File, lockMode) error { return nil }

// letGo closes a file that bbolt can no longer close.
func letGo(f *os.File) error { return f.Close() }

// markHolder does nothing.
func markHolder(*os.File, lockMode) {}

// holder is not known.
func holder(*os.File) int { return 0 }
