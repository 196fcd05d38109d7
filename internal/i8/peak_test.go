//go:build amd64 && !purego

package i8

// peak is a loop of a tile's multiply-adds that touches no memory, and the number of its operations.
func peak(im impl) (run func(), ops float64) {
	const rounds = 20000
	switch im {
	case vnni:
		return func() { peakVNNI(rounds) }, rounds * 28 * 64 * 2
	case avx2:
		return func() { peakAVX2(rounds) }, rounds * 12 * 16 * 2
	}
	return func() {}, 0
}
