//go:build !amd64 || purego

package i8

// peak is nothing here: plain Go has no such loop.
func peak(impl) (run func(), ops float64) { return func() {}, 0 }
