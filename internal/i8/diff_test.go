package i8

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// each runs f for every implementation that this machine has.
func each(t *testing.T, f func(t *testing.T, im impl)) {
	for _, im := range available() {
		t.Run(im.String(), func(t *testing.T) { f(t, im) })
	}
}

const (
	guardLen = 64
	maxLen   = 300
)

// guarded is a slice between guard values, starting at any offset.
type guarded[T int8 | int32 | float32] struct {
	all, x []T
	off    int
	value  T
}

func newGuarded[T int8 | int32 | float32](n, off int) *guarded[T] {
	g := &guarded[T]{all: make([]T, guardLen+off+n+guardLen), off: guardLen + off, value: 77}
	for i := range g.all {
		g.all[i] = g.value
	}
	g.x = g.all[g.off : g.off+n : g.off+n]
	return g
}

func (g *guarded[T]) check(t *testing.T, what string) {
	t.Helper()
	for i, v := range g.all {
		if (i < g.off || i >= g.off+len(g.x)) && v != g.value {
			t.Fatalf("%s: wrote %v at %d, outside [0,%d)", what, v, i-g.off, len(g.x))
		}
	}
}

func (g *guarded[T]) clone() *guarded[T] {
	c := newGuarded[T](len(g.x), g.off-guardLen)
	copy(c.x, g.x)
	return c
}

func floats(r *rand.Rand, n, off int) *guarded[float32] {
	g := newGuarded[float32](n, off)
	for i := range g.x {
		g.x[i] = float32(r.NormFloat64())
	}
	return g
}

// int8s are all values, with the extreme ones often.
func int8s(r *rand.Rand, n, off int) *guarded[int8] {
	g := newGuarded[int8](n, off)
	for i := range g.x {
		g.x[i] = int8(r.Uint32())
		if r.IntN(4) == 0 {
			g.x[i] = []int8{-128, 127}[r.IntN(2)]
		}
	}
	return g
}

// same tells whether two floats are the same bits, or both NaN.
func same(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

// sets are rows of special values.
var sets = map[string]func(r *rand.Rand, x []float32){
	"normal": func(r *rand.Rand, x []float32) {},
	"zero":   func(r *rand.Rand, x []float32) { clear(x) },
	"minus zero": func(r *rand.Rand, x []float32) {
		for i := range x {
			x[i] = float32(math.Copysign(0, -1))
		}
	},
	"nan":        spoil(float32(math.NaN())),
	"minus nan":  spoil(math.Float32frombits(0xffc00001)),
	"inf":        spoil(float32(math.Inf(1))),
	"-inf":       spoil(float32(math.Inf(-1))),
	"outlier":    spoil(-1e4),
	"subnormal":  func(r *rand.Rand, x []float32) { multiply(x, 1e-41) },
	"tiny":       func(r *rand.Rand, x []float32) { multiply(x, 0x1p-120) },
	"large":      func(r *rand.Rand, x []float32) { multiply(x, 1e15) },
	"huge":       func(r *rand.Rand, x []float32) { multiply(x, 1e38) },
	"activation": func(r *rand.Rand, x []float32) { multiply(x, 4) },
	"mixed": func(r *rand.Rand, x []float32) {
		for i := range x {
			x[i] *= float32(math.Pow(10, r.Float64()*12-6))
		}
	},
	"halves": func(r *rand.Rand, x []float32) { // ties of the rounding
		for i := range x {
			x[i] = float32(r.IntN(255)-127) / 2
		}
		if len(x) > 0 {
			x[0] = 127
		}
	},
}

func spoil(v float32) func(r *rand.Rand, x []float32) {
	return func(r *rand.Rand, x []float32) {
		if len(x) > 0 {
			x[r.IntN(len(x))] = v
		}
	}
}

func multiply(x []float32, f float64) {
	for i := range x {
		x[i] = float32(float64(x[i]) * f)
	}
}

// vectors calls f with rows of every length up to maxLen at several alignments, and
// of a few lengths with special values.
func vectors(t *testing.T, f func(r *rand.Rand, set string, n, off int)) {
	r := rand.New(rand.NewPCG(1, 2))
	step := 1
	if testing.Short() {
		step = 11
	}
	for n := 0; n <= maxLen; n += step {
		f(r, "normal", n, n%5)
	}
	for set := range sets {
		for _, n := range []int{1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 384, 1000} {
			for range 3 {
				f(r, set, n, 1)
			}
		}
	}
}

func TestDot(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		r := rand.New(rand.NewPCG(3, 4))
		for n := range maxLen + 1 {
			for off := range 4 {
				a, b := int8s(r, n, off), int8s(r, n, 3-off)
				switch off {
				case 1:
					fill(a.x, -128)
					fill(b.x, -128)
				case 2:
					fill(a.x, -128)
					fill(b.x, 127)
				}
				var want int32
				for i := range a.x {
					want += int32(a.x[i]) * int32(b.x[i])
				}
				if got := im.dot(a.x, b.x); got != want {
					t.Fatalf("length %d, offset %d: %d, want %d", n, off, got, want)
				}
			}
		}
		// As large as a sum can become.
		n := 1 << 17
		a, b := make([]int8, n), make([]int8, n)
		fill(a, -128)
		fill(b, 127)
		if got, want := im.dot(a, b), int32(-128*127*n); got != want {
			t.Fatalf("length %d: %d, want %d", n, got, want)
		}
	})
}

func fill(x []int8, v int8) {
	for i := range x {
		x[i] = v
	}
}

func TestDotRows(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		r := rand.New(rand.NewPCG(5, 6))
		for dim := range maxLen + 1 {
			for _, count := range []int{0, 1, 2, 5} {
				q, rows := int8s(r, dim, dim%3), int8s(r, count*dim, 1)
				dst := newGuarded[int32](count, 1)
				im.dotRows(dst.x, q.x, rows.x, dim)
				dst.check(t, "dotRows")
				for i, got := range dst.x {
					if want := dotGeneric(q.x, rows.x[i*dim:(i+1)*dim]); got != want {
						t.Fatalf("dim %d, row %d of %d: %d, want %d", dim, i, count, got, want)
					}
				}
			}
		}
	})
}

// TestQuantize compares with the definition in float64, and each implementation with it.
func TestQuantize(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		vectors(t, func(r *rand.Rand, set string, n, off int) {
			const rows = 3
			ld := n + off
			x := floats(r, max(0, (rows-1)*ld+n), off)
			for i := range rows {
				sets[set](r, x.x[i*ld:i*ld+n])
			}
			before := x.clone()
			var q Rows
			dirty(&q)
			q.reset(im, rows, n)
			q.Quantize(0, x.x, rows, ld)
			x.check(t, "quantize")
			for i := range rows {
				row := before.x[i*ld : i*ld+n]
				var m float32
				bad := false
				for _, v := range row {
					m = max(m, float32(math.Abs(float64(v))))
					bad = bad || v-v != 0
				}
				scale := m / 127
				switch {
				case bad:
					scale = float32(math.NaN())
				case m < 0x1p-120:
					scale = 0
				}
				if !same(q.Scale(i), scale) {
					t.Fatalf("%s, length %d, row %d: scale %v, want %v", set, n, i, q.Scale(i), scale)
				}
				sum := int32(0)
				for j, v := range row {
					var want int8
					if scale > 0 {
						want = int8(math.RoundToEven(float64(float32(v * (127 / m)))))
					}
					if got := q.At(i, j); got != want {
						t.Fatalf("%s, length %d: (%d,%d) of %v is %d, want %d", set, n, i, j, v, got, want)
					}
					sum += int32(want)
				}
				if q.sum[i] != -128*sum {
					t.Fatalf("%s, length %d, row %d: sum %d, want %d", set, n, i, q.sum[i], -128*sum)
				}
			}
		})
	})
}

// dirty makes the memory of r hold values that must not show.
func dirty(r *Rows) {
	r.buf = make([]byte, 32<<10)
	for i := range r.buf {
		r.buf[i] = 0x55
	}
}

// equalRows fails unless two matrices hold the same values.
func equalRows(t *testing.T, got, want *Rows, format string, args ...any) {
	t.Helper()
	if got.rows != want.rows || got.in != want.in {
		t.Fatalf("%s: (%d,%d), want (%d,%d)", fmt.Sprintf(format, args...), got.rows, got.in, want.rows, want.in)
	}
	for i := range want.rows {
		if !same(got.scale[i], want.scale[i]) || got.sum[i] != want.sum[i] {
			t.Fatalf("%s: row %d: scale %v, sum %d, want %v, %d", fmt.Sprintf(format, args...), i, got.scale[i], got.sum[i], want.scale[i], want.sum[i])
		}
		for j := range want.in {
			if got.At(i, j) != want.At(i, j) {
				t.Fatalf("%s: (%d,%d) is %d, want %d", fmt.Sprintf(format, args...), i, j, got.At(i, j), want.At(i, j))
			}
		}
	}
}

func equalFloats(t *testing.T, got, want []float32, format string, args ...any) {
	t.Helper()
	for i := range want {
		if !same(got[i], want[i]) {
			t.Fatalf("%s: %d is %v (%08x), want %v (%08x)", fmt.Sprintf(format, args...), i, got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

// TestLayerNormQuantize compares plain code with float64, and the others with plain code bit for bit.
func TestLayerNormQuantize(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		vectors(t, func(r *rand.Rand, set string, n, off int) {
			x, add := floats(r, n, off), floats(r, n, 1)
			gamma, beta := floats(r, n, 2), floats(r, n, 3)
			sets[set](r, x.x)
			for _, plus := range [][]float32{add.x, nil} {
				const eps = 1e-12
				got, want := x.clone(), x.clone()
				var q, qWant Rows
				q.reset(im, 1, n)
				q.LayerNormQuantize(0, got.x, n, plus, n, gamma.x, beta.x, eps, 1)
				qWant.reset(generic, 1, n)
				qWant.LayerNormQuantize(0, want.x, n, plus, n, gamma.x, beta.x, eps, 1)
				got.check(t, "layer norm")
				equalFloats(t, got.x, want.x, "%s, length %d", set, n)
				equalRows(t, &q, &qWant, "%s, length %d", set, n)
				if im == generic && set == "normal" && n > 1 {
					checkLayerNorm(t, got.x, x.x, plus, gamma.x, beta.x, eps)
				}
			}
		})
	})
}

func checkLayerNorm(t *testing.T, got, x, add, gamma, beta []float32, eps float64) {
	t.Helper()
	y := make([]float64, len(x))
	var mean, variance float64
	for i := range x {
		y[i] = float64(x[i])
		if add != nil {
			y[i] += float64(add[i])
		}
		mean += y[i] / float64(len(x))
	}
	for _, v := range y {
		variance += (v - mean) * (v - mean) / float64(len(x))
	}
	for i, v := range y {
		z := (v - mean) / math.Sqrt(variance+eps)
		want := z*float64(gamma[i]) + float64(beta[i])
		if bound := 4e-6 * (1 + math.Abs(z*float64(gamma[i])) + math.Abs(want)) / math.Min(1, math.Sqrt(variance)); math.Abs(want-float64(got[i])) > bound {
			t.Fatalf("length %d: %d is %v, want %v", len(x), i, got[i], want)
		}
	}
}

var activations = map[Activation]func(x float64) float64{
	Identity: func(x float64) float64 { return x },
	GELU:     func(x float64) float64 { return x * 0.5 * math.Erfc(-x/math.Sqrt2) },
	GELUTanh: func(x float64) float64 {
		return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	},
	ReLU: func(x float64) float64 { return math.Max(x, 0) },
	SiLU: func(x float64) float64 { return x / (1 + math.Exp(-x)) },
}

func TestActivations(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		for act, f := range activations {
			vectors(t, func(r *rand.Rand, set string, n, off int) {
				x := floats(r, n, off)
				sets[set](r, x.x)
				got, want := x.clone(), x.clone()
				m, mWant := im.activate(act, got.x), activateGeneric(act, want.x)
				got.check(t, "activation")
				equalFloats(t, got.x, want.x, "activation %d, %s, length %d", act, set, n)
				if m != mWant && mWant < infinity || (m < infinity) != (mWant < infinity) {
					t.Fatalf("activation %d, %s, length %d: largest %08x, want %08x", act, set, n, m, mWant)
				}
			})
			steps := 1 << 16
			if testing.Short() {
				steps = 1 << 10
			}
			x := make([]float32, 2*steps+1)
			for i := range x {
				x[i] = float32(i-steps) * 40 / float32(steps)
			}
			got := append([]float32(nil), x...)
			im.activate(act, got)
			worst := 0.0
			for i, v := range x {
				worst = math.Max(worst, math.Abs(float64(got[i])-f(float64(v)))/math.Max(1, math.Abs(float64(v))))
			}
			t.Logf("activation %d: largest error %.3g", act, worst)
			if worst > 1e-5 {
				t.Errorf("activation %d: error %g, want at most 1e-5", act, worst)
			}
		}
	})
}

// TestFMA compares the emulated instruction with exact arithmetic, and the assembly with it.
func TestFMA(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	halfway := 0
	for range 100000 {
		x, y, z := fmaInputs(r)
		got := fma32(x, y, z)
		if want, ok := exactFMA(x, y, z); ok && !same(got, want) {
			t.Fatalf("fma(%v, %v, %v) = %v, want %v", x, y, z, got, want)
		}
		if twice := float32(float64(x)*float64(y) + float64(z)); !same(got, twice) {
			halfway++
		}
	}
	if halfway == 0 {
		t.Error("no case in which rounding twice goes wrong was tried")
	}
	each(t, func(t *testing.T, im impl) {
		// One output of one input 1: fma(float32(w), scale, bias).
		for range 10000 {
			_, scale, bias := fmaInputs(r)
			w := int8(r.IntN(255) - 127)
			var q Rows
			q.reset(im, 1, 1)
			q.Quantize(0, []float32{127}, 1, 1)
			got := []float32{0}
			newLinear(im, []int8{w}, []float32{scale}, []float32{bias}, 1, 1).Apply(got, 1, &q, 0, 1)
			if want := fma32(float32(int32(w)*127), scale, bias); !same(got[0], want) {
				t.Fatalf("fma(%v, %v, %v) = %v, want %v", float32(int32(w)*127), scale, bias, got[0], want)
			}
		}
	})
}

// fmaInputs are any floats, and often such whose sum is halfway between two floats but for
// something very small, or subnormal.
func fmaInputs(r *rand.Rand) (x, y, z float32) {
	anyFloat := func() float32 { return math.Float32frombits(r.Uint32()) }
	switch r.IntN(4) {
	case 0:
		return anyFloat(), anyFloat(), anyFloat()
	case 1:
		x = float32(r.IntN(1<<12) + 1)
		y = float32(r.IntN(1<<24)) * float32(math.Pow(2, float64(r.IntN(60)-30)))
		return x, y, -y * float32(r.IntN(300)-150)
	case 2: // x*y is half a step of z and a little less
		z = float32(r.IntN(1<<23) | 1<<23)
		k := float32(r.IntN(100)+1) * 0x1p-23
		return 0.5 * (1 + k), 1 - k, z
	default:
		return anyFloat(), math.Float32frombits(r.Uint32()&0x80ffffff | 0x3f000000), math.Float32frombits(r.Uint32() & 0x81ffffff)
	}
}

// exactFMA is x*y + z from arbitrary precision, for finite numbers.
func exactFMA(x, y, z float32) (float32, bool) {
	if x-x != 0 || y-y != 0 || z-z != 0 {
		return 0, false
	}
	f := func(v float32) *big.Float { return new(big.Float).SetPrec(1000).SetFloat64(float64(v)) }
	sum := f(x)
	sum.Mul(sum, f(y))
	sum.Add(sum, f(z))
	got, _ := sum.Float32()
	return got, got != 0 // the sign of 0 is another matter
}

// FuzzRow has rows of any floats: all implementations must agree to the bit.
func FuzzRow(f *testing.F) {
	f.Add([]byte{0, 0, 128, 63, 0, 0, 128, 127}, uint8(1))
	f.Add(bytes.Repeat([]byte{1, 2, 3, 64, 5, 0, 0, 192}, 40), uint8(4))
	f.Add([]byte{255, 255, 255, 255}, uint8(2))
	f.Fuzz(func(t *testing.T, b []byte, a uint8) {
		n := min(len(b)/4, 2000)
		x := make([]float32, n)
		for i := range x {
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
		act := Activation(a % 5)
		run := func(im impl) (rows [3]Rows, floats [2][]float32) {
			for i := range rows {
				rows[i].reset(im, 1, n)
			}
			floats[0], floats[1] = slices.Clone(x), slices.Clone(x)
			rows[0].Quantize(0, x, 1, n)
			rows[1].LayerNormQuantize(0, floats[0], n, x, n, x, x, 1e-5, 1)
			rows[2].put(0, floats[1], im.activate(act, floats[1]))
			return rows, floats
		}
		want, wantFloats := run(generic)
		for _, im := range available()[1:] {
			got, gotFloats := run(im)
			for i := range got {
				equalRows(t, &got[i], &want[i], "%s, step %d", im, i)
			}
			for i := range gotFloats {
				equalFloats(t, gotFloats[i], wantFloats[i], "%s, step %d", im, 1+i)
			}
		}
	})
}
