// Package i8 holds the int8 kernels of semsearch: linear layers whose weights and
// inputs are int8 (W8A8), and what stands around them in a transformer: quantising rows,
// with layer normalisation or an activation in the same pass, and int8 dot products.
//
// A weight is w·s with w an int8 and s a float32 of its output row ([Linear]). An input is q·s
// with q an int8 in [-127, 127] and s a float32 of its row, found when the
// row is quantised ([Rows]). A product is then an integer sum, which is exact, times two scales.
//
// Every kernel exists twice or more: in plain Go, and as assembly for the
// instruction sets of the machine. The implementation is chosen once, when the program starts; [Impl] names it.
//
// # Guarantees
//
// All implementations give the same bits on every machine. Sums of int8 products are exact in
// int32; the float32 operations around them are the same ones in the same order, with
// a fused multiply-add where the comments here write fma, emulated in plain Go; sums of floats run in
// 32 lanes everywhere. Only the payload of a NaN may differ.
//
// A row's result never depends on the other rows of the call, nor on where it stands among them.
//
// Nothing here starts a goroutine or allocates in steady state. All functions may be called
// concurrently on different destinations; different rows of one Rows are different destinations.
//
// # Caveats
//
// An integer sum wraps around beyond int32: it cannot for up to 131,072 inputs.
//
// Sizes are the caller's promise. A slice that is too short for the sizes given panics, as an index in
// a loop would; nothing outside the slices is read or written.
//
// # Environment
//
// SEMSEARCH_SIMD=vnni, avx2 or generic asks for an implementation; avx512, which internal/f32
// knows, means AVX-512 without VNNI, and that is avx2 here. A name that the machine lacks, or an unknown one,
// leaves the choice as it was: [Impl] tells. The build tag purego leaves out the assembly.
package i8

import "os"

// impl is an implementation of all kernels. The methods that choose between
// them are in the dispatch files. One for AMX would be another value here, with its
// own layout of weights and rows.
type impl uint8

const (
	generic impl = iota
	avx2
	vnni // AVX-512 with VNNI
)

// String is the name that Impl and SEMSEARCH_SIMD use.
func (im impl) String() string {
	switch im {
	case avx2:
		return "avx2"
	case vnni:
		return "vnni"
	}
	return "generic"
}

// active is the implementation that the exported functions use.
var active = choose(os.Getenv("SEMSEARCH_SIMD"), available())

// choose returns the implementation called name if it is among those that
// the machine has, else the last, which is the fastest.
func choose(name string, have []impl) impl {
	for _, im := range have {
		if im.String() == canonical(name) {
			return im
		}
	}
	return have[len(have)-1]
}

// canonical is the name of the implementation that stands in for AVX-512 without VNNI.
func canonical(name string) string {
	if name == "avx512" {
		return "avx2"
	}
	return name
}

// Impl names the implementation in use: "vnni", "avx2" or "generic".
func Impl() string { return active.String() }

// Dot is
//
//	for i := range a {
//		sum += int32(a[i]) * int32(b[i])
//	}
//
// b must be at least as long as a.
func Dot(a, b []int8) int32 { return active.dot(a, b[:len(a):len(b)]) }

// DotRows is
//
//	for r := range dst {
//		for i := range dim {
//			dst[r] += int32(q[i]) * int32(rows[r*dim+i])
//		}
//	}
//
// starting from 0. q is (dim), rows is (len(dst), dim).
func DotRows(dst []int32, q []int8, rows []int8, dim int) {
	active.dotRows(dst, q[:dim:len(q)], rows[:len(dst)*dim:len(rows)], dim)
}

// Activation is the function between the two layers of a feed-forward block.
type Activation uint8

const (
	Identity Activation = iota
	GELU                // x·Φ(x), the exact form (config.json: "gelu")
	GELUTanh            // its tanh approximation ("gelu_new", "gelu_pytorch_tanh")
	ReLU                // max(x, 0)
	SiLU                // x·σ(x) ("silu", "swish")
)
