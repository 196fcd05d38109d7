// Package f32 holds the float32 kernels of semsearch: products and distances
// of vectors, the matrix products of a transformer, its row functions
// (softmax, GELU, layer norm) and its attention.
//
// Every kernel exists twice or more: in plain Go (generic.go; the matrix products through
// gonum's blas32), and as assembly
// for the instruction sets of the machine. The implementation is chosen once, when the
// program starts; [Impl] names it.
//
// # Guarantees
//
// With one implementation, a result depends only on the values that belong to
// it. A row of [Linear.Apply], [MatMul], [MatMulT] or [Attention] is bit-identical
// whatever the number of rows in the call, wherever the row stands among them
// and however the slices are aligned, because every output is one chain of
// multiply-adds over k, in order, in every tile shape. So encoding texts
// in batches never changes an embedding.
//
// Two implementations differ by rounding: assembly fuses multiply and add and sums a
// vector in several lanes, plain Go does neither. Both stay within the
// usual bound of a float32 sum: k·2⁻²³·Σ|x·y|.
//
// Nothing here starts a goroutine or allocates in steady state, and all functions may be
// called concurrently on different destinations.
//
// # Caveats
//
// Sizes are the caller's promise. A slice that is too short for the sizes
// given panics, as an index in a loop would; nothing outside the slices is
// read or written.
//
// # Environment
//
// SEMSEARCH_SIMD=avx512, avx2 or generic asks for an implementation; vnni, which internal/i8
// knows, means avx512 here. One that the machine lacks, or an unknown name, leaves the choice as it was: [Impl] tells.
// The build tag purego leaves out the assembly.
package f32

import (
	"math"
	"os"
)

// impl is an implementation of all kernels. The methods that choose between
// them are in the dispatch files; they call the assembly directly and not
// through a table of functions, so that slices on the caller's stack stay there.
type impl uint8

const (
	generic impl = iota
	avx2
	avx512
)

// String is the name that Impl and SEMSEARCH_SIMD use.
func (im impl) String() string {
	switch im {
	case avx2:
		return "avx2"
	case avx512:
		return "avx512"
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

// canonical is the name of the implementation that stands beside the VNNI one of package i8.
func canonical(name string) string {
	if name == "vnni" {
		return "avx512"
	}
	return name
}

// Impl names the implementation in use: "avx512", "avx2" or "generic".
func Impl() string { return active.String() }

// A slice expression x[:n:len(x)] below panics if x has fewer than n elements;
// x[:n] would reach into what lies behind them.

// Dot is
//
//	for i := range x {
//		sum += x[i] * y[i]
//	}
//
// y must be at least as long as x.
func Dot(x, y []float32) float32 { return active.dot(x, y[:len(x):len(y)]) }

// SquaredL2 is
//
//	for i := range x {
//		d := x[i] - y[i]
//		sum += d * d
//	}
//
// y must be at least as long as x.
func SquaredL2(x, y []float32) float32 { return active.squaredL2(x, y[:len(x):len(y)]) }

// Axpy is
//
//	for i := range x {
//		y[i] += alpha * x[i]
//	}
//
// y must be at least as long as x.
func Axpy(alpha float32, x, y []float32) { active.axpy(alpha, x, y[:len(x):len(y)]) }

// Scale is
//
//	for i := range x {
//		x[i] *= alpha
//	}
func Scale(alpha float32, x []float32) { active.scale(alpha, x) }

// Add is
//
//	for i := range x {
//		dst[i] += x[i]
//	}
//
// dst must be at least as long as x.
func Add(dst, x []float32) { active.add(dst[:len(x):len(dst)], x) }

// Norm is the Euclidean length of x,
//
//	for i := range x {
//		sum += float64(x[i]) * float64(x[i])
//	}
//	return float32(math.Sqrt(sum))
//
// The sum is kept in float64, so squares of float32 neither overflow nor vanish.
func Norm(x []float32) float32 { return float32(math.Sqrt(active.sumSquares(x))) }

// Softmax replaces x by exp(x)/Σexp(x):
//
//	m := max(x...)
//	for i := range x {
//		x[i] = exp(x[i] - m)
//		sum += x[i]
//	}
//	for i := range x {
//		x[i] *= 1 / sum
//	}
//
// The exponential has a relative error near 1e-7. An element of -Inf becomes
// 0; a NaN, a +Inf, or nothing but -Inf makes every element NaN, as in PyTorch.
func Softmax(x []float32) { active.softmax(x) }

// GELU replaces each x by x·Φ(x) = x·(1+erf(x/√2))/2, the exact GELU of
// Hendrycks and Gimpel (config.json: "gelu"). The absolute error is below 1e-6;
// for negative x the relative error stays below 1e-5 down to -12.5,
// below which the result is a constant near -5e-35. +Inf stays +Inf, NaN stays NaN.
func GELU(x []float32) { active.gelu(x) }

// GELUTanh replaces each x by
//
//	0.5 * x * (1 + tanh(√(2/π)*(x+0.044715*x*x*x)))
//
// the approximation of GELU that BERT's authors used (config.json: "gelu_new",
// "gelu_pytorch_tanh"). Infinities go to their limits: +Inf, and 0 within 1e-30.
func GELUTanh(x []float32) { active.geluTanh(x) }

// LayerNorm normalises one row:
//
//	mean := Σ x[i] / n
//	variance := Σ (x[i]-mean)² / n
//	for i := range x {
//		dst[i] = (x[i]-mean)/sqrt(variance+eps)*gamma[i] + beta[i]
//	}
//
// dst may be x. dst, gamma and beta must be at least as long as x.
func LayerNorm(dst, x, gamma, beta []float32, eps float32) {
	n := len(x)
	active.layerNorm(dst[:n:len(dst)], x, gamma[:n:len(gamma)], beta[:n:len(beta)], eps)
}
