//go:build amd64 && !purego

package i8

import "testing"

// BenchmarkPeak is the ceiling of BenchmarkLinear: the multiply-adds of a tile, from registers.
func BenchmarkPeak(b *testing.B) {
	benchEach(b, "registers", func(b *testing.B, im impl) {
		const rounds = 10000
		var ops int // of one round
		run := peakVNNI
		switch im {
		case vnni:
			ops = 28 * 64 * 2
		case avx2:
			run, ops = peakAVX2, 12*16*2
		default:
			b.Skip("plain Go has no such loop")
		}
		for b.Loop() {
			run(rounds)
		}
		gops(b, rounds*ops)
	})
}
