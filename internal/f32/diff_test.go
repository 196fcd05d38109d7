package f32

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// each runs f for every implementation that this machine has.
func each(t *testing.T, f func(t *testing.T, im impl)) {
	for _, im := range available() {
		t.Run(im.String(), func(t *testing.T) { f(t, im) })
	}
}

const (
	guardLen   = 40
	guardValue = 1234.5
	maxLen     = 300
	eps32      = 1.0 / (1 << 23)
	tiny32     = math.SmallestNonzeroFloat32
)

// guarded is a slice between guard values. It starts at an odd offset if asked to.
type guarded struct {
	all []float32
	x   []float32
	off int
}

func newGuarded(n, off int) *guarded {
	g := &guarded{all: make([]float32, guardLen+off+n+guardLen), off: guardLen + off}
	for i := range g.all {
		g.all[i] = guardValue
	}
	g.x = g.all[g.off : g.off+n : g.off+n]
	return g
}

// randomGuarded fills the slice with normal values.
func randomGuarded(r *rand.Rand, n, off int) *guarded {
	g := newGuarded(n, off)
	for i := range g.x {
		g.x[i] = float32(r.NormFloat64())
	}
	return g
}

// clone has the same values in its own memory.
func (g *guarded) clone() *guarded {
	c := newGuarded(len(g.x), g.off-guardLen)
	copy(c.x, g.x)
	return c
}

func (g *guarded) check(t *testing.T, what string) {
	t.Helper()
	for i, v := range g.all {
		if (i < g.off || i >= g.off+len(g.x)) && v != guardValue {
			t.Fatalf("%s: wrote %v at %d, outside [0,%d)", what, v, i-g.off, len(g.x))
		}
	}
}

// near fails unless got is want within bound. Infinities and NaN must be the same.
func near(t *testing.T, got float32, want, bound float64, format string, args ...any) {
	t.Helper()
	g := float64(got)
	w32 := float64(float32(want))
	switch {
	case math.IsNaN(want) && math.IsNaN(g), g == w32:
		return
	case math.IsNaN(want), math.IsNaN(g), math.IsInf(want, 0), math.IsInf(g, 0):
	case math.Abs(g-want) <= bound:
		return
	}
	t.Fatalf("%s: got %v, want %v, off by %g, bound %g", fmt.Sprintf(format, args...), got, want, g-want, bound)
}

// sets are inputs that one value in a vector can spoil.
var sets = map[string]func(r *rand.Rand, x []float32){
	"normal":    func(r *rand.Rand, x []float32) {},
	"zero":      func(r *rand.Rand, x []float32) { clear(x) },
	"nan":       spoil(float32(math.NaN())),
	"inf":       spoil(float32(math.Inf(1))),
	"-inf":      spoil(float32(math.Inf(-1))),
	"subnormal": func(r *rand.Rand, x []float32) { multiply(x, 1e-41) },
	"large":     func(r *rand.Rand, x []float32) { multiply(x, 1e15) },
	"mixed": func(r *rand.Rand, x []float32) {
		for i := range x {
			x[i] *= float32(math.Pow(10, r.Float64()*12-6))
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

// vectors calls f with vectors of every length up to maxLen at several
// alignments, and of a few lengths with special values.
func vectors(t *testing.T, f func(t *testing.T, r *rand.Rand, set string, n, off int)) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range maxLen + 1 {
		for off := range 4 {
			f(t, r, "normal", n, off*3+n%2)
		}
	}
	for set := range sets {
		for _, n := range []int{1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 100, 384, 1000} {
			f(t, r, set, n, 1)
		}
	}
}

func TestDot(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		vectors(t, func(t *testing.T, r *rand.Rand, set string, n, off int) {
			x, y := randomGuarded(r, n, off), randomGuarded(r, n, 1)
			sets[set](r, x.x)
			var want, size float64
			for i := range x.x {
				want += float64(x.x[i]) * float64(y.x[i])
				size += math.Abs(float64(x.x[i]) * float64(y.x[i]))
			}
			bound := float64(n)*eps32*size + float64(n)*tiny32
			got := im.dot(x.x, y.x)
			near(t, got, want, bound, "%s, length %d, offset %d", set, n, off)
			if back := im.dot(y.x, x.x); math.Float32bits(back) != math.Float32bits(got) && got == got {
				t.Fatalf("length %d: Dot(y, x) = %v, Dot(x, y) = %v", n, back, got)
			}
			x.check(t, "x")
			y.check(t, "y")
		})
	})
}

func TestSquaredL2(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		vectors(t, func(t *testing.T, r *rand.Rand, set string, n, off int) {
			x, y := randomGuarded(r, n, off), randomGuarded(r, n, 1)
			sets[set](r, x.x)
			var want float64
			for i := range x.x {
				d := float64(x.x[i] - y.x[i])
				want += d * d
			}
			near(t, im.squaredL2(x.x, y.x), want, float64(n)*(eps32*want+tiny32), "%s, length %d, offset %d", set, n, off)
			if n > 0 && set != "nan" && set != "inf" && set != "-inf" {
				near(t, im.squaredL2(x.x, x.x), 0, 0, "distance to itself")
			}
		})
	})
}

func TestNorm(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		defer use(im)()
		vectors(t, func(t *testing.T, r *rand.Rand, set string, n, off int) {
			x := randomGuarded(r, n, off)
			sets[set](r, x.x)
			var want float64
			for _, v := range x.x {
				want += float64(v) * float64(v)
			}
			want = math.Sqrt(want)
			near(t, Norm(x.x), want, eps32*want/2+tiny32, "%s, length %d, offset %d", set, n, off)
		})
	})
}

// use makes im the active implementation until the function it returns is called.
func use(im impl) func() {
	old := active
	active = im
	return func() { active = old }
}

func TestAxpyScaleAdd(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		vectors(t, func(t *testing.T, r *rand.Rand, set string, n, off int) {
			x, y := randomGuarded(r, n, off), randomGuarded(r, n, 1)
			sets[set](r, x.x)
			alpha := float32(r.NormFloat64())
			axpy, add, scale := y.clone(), y.clone(), x.clone()
			im.axpy(alpha, x.x, axpy.x)
			im.add(add.x, x.x)
			im.scale(alpha, scale.x)
			for i := range x.x {
				a, b, c := float64(alpha), float64(x.x[i]), float64(y.x[i])
				near(t, axpy.x[i], a*b+c, eps32*(math.Abs(a*b)+math.Abs(c))+tiny32, "axpy: %s, length %d, offset %d, %d", set, n, off, i)
				near(t, add.x[i], b+c, 0.5*eps32*math.Abs(b+c)+tiny32, "add: %s, length %d, offset %d, %d", set, n, off, i)
				near(t, scale.x[i], a*b, 0.5*eps32*math.Abs(a*b)+tiny32, "scale: %s, length %d, offset %d, %d", set, n, off, i)
			}
			axpy.check(t, "axpy")
			add.check(t, "add")
			scale.check(t, "scale")
		})
	})
}

func TestSoftmax(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		vectors(t, func(t *testing.T, r *rand.Rand, set string, n, off int) {
			x := randomGuarded(r, n, off)
			sets[set](r, x.x)
			got := x.clone()
			im.softmax(got.x)
			got.check(t, "softmax")

			m := math.Inf(-1)
			for _, v := range x.x {
				m = math.Max(m, float64(v))
			}
			var sum float64
			for _, v := range x.x {
				sum += math.Exp(float64(v - float32(m)))
			}
			for i, v := range x.x {
				want := math.Exp(float64(v-float32(m))) / sum
				near(t, got.x[i], want, 4e-7*want+2*tiny32, "%s, length %d, offset %d, %d", set, n, off, i)
			}
		})
	})
}

// TestExp sees the exponential through a softmax of two elements whose larger
// one is 0: the smaller becomes eˣ/(1+eˣ).
func TestExp(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		worst := 0.0
		for x := 0.0; x > -110; x -= 0.001 {
			p := []float32{0, float32(x)}
			im.softmax(p)
			e := math.Exp(float64(float32(x)))
			want := e / (1 + e)
			near(t, p[1], want, 2.5e-7*want+tiny32, "x = %v", x)
			if x > -80 {
				worst = max(worst, math.Abs(float64(p[1])-want)/want)
			}
		}
		t.Logf("largest relative error %.3g", worst)
	})
}

func gelu64(x float64) float64 {
	if math.IsInf(x, -1) {
		return 0
	}
	return x * 0.5 * math.Erfc(-x/math.Sqrt2)
}

func geluTanh64(x float64) float64 {
	if math.IsInf(x, -1) {
		return 0
	}
	return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

func TestGELU(t *testing.T) {
	for _, f := range []struct {
		name string
		run  func(im impl, x []float32)
		want func(x float64) float64
	}{
		{"gelu", impl.gelu, gelu64},
		{"tanh", impl.geluTanh, geluTanh64},
	} {
		t.Run(f.name, func(t *testing.T) {
			each(t, func(t *testing.T, im impl) {
				vectors(t, func(t *testing.T, r *rand.Rand, set string, n, off int) {
					x := randomGuarded(r, n, off)
					multiply(x.x, 3)
					sets[set](r, x.x)
					got := x.clone()
					f.run(im, got.x)
					got.check(t, f.name)
					for i, v := range x.x {
						want := f.want(float64(v))
						near(t, got.x[i], want, math.Min(1e-6, 1e-6*math.Abs(want)+1e-7), "%s, length %d, offset %d, x %v", set, n, off, v)
					}
				})

				const steps = 1 << 18
				x := make([]float32, 2*steps+1)
				for i := range x {
					x[i] = float32(i-steps) * 15 / steps
				}
				got := append([]float32(nil), x...)
				f.run(im, got)
				var worst float64
				for i, v := range x {
					worst = max(worst, math.Abs(float64(got[i])-f.want(float64(v))))
				}
				t.Logf("largest absolute error on [-15,15]: %.3g", worst)
				if worst > 1e-6 {
					t.Errorf("absolute error %g, want at most 1e-6", worst)
				}
			})
		})
	}
}

func TestGELURelative(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		worst := 0.0
		for v := -12.4; v < 0; v += 0.001 {
			x := []float32{float32(v)}
			im.gelu(x)
			want := gelu64(float64(float32(v)))
			worst = max(worst, math.Abs(float64(x[0])-want)/math.Abs(want))
		}
		t.Logf("largest relative error on [-12.4,0): %.3g", worst)
		if worst > 1e-5 {
			t.Errorf("relative error %g, want at most 1e-5", worst)
		}
	})
}

func TestLayerNorm(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		vectors(t, func(t *testing.T, r *rand.Rand, set string, n, off int) {
			if n == 0 {
				im.layerNorm(nil, nil, nil, nil, 1e-12)
				return
			}
			x, gamma, beta := randomGuarded(r, n, off), randomGuarded(r, n, 1), randomGuarded(r, n, 3)
			sets[set](r, x.x)
			const eps = float32(1e-12)
			dst, same := newGuarded(n, 2), x.clone()
			im.layerNorm(dst.x, x.x, gamma.x, beta.x, eps)
			im.layerNorm(same.x, same.x, gamma.x, beta.x, eps)
			dst.check(t, "layer norm")
			same.check(t, "layer norm in place")

			var mean, variance, largest float64
			for _, v := range x.x {
				mean += float64(v) / float64(n)
				largest = max(largest, math.Abs(float64(v)))
			}
			for _, v := range x.x {
				variance += (float64(v) - mean) * (float64(v) - mean) / float64(n)
			}
			scale := 1 / math.Sqrt(variance+float64(eps))
			for i, v := range x.x {
				if math.Float32bits(dst.x[i]) != math.Float32bits(same.x[i]) && dst.x[i] == dst.x[i] {
					t.Fatalf("in place: %v, want %v", same.x[i], dst.x[i])
				}
				want := (float64(v)-mean)*scale*float64(gamma.x[i]) + float64(beta.x[i])
				// The mean is off by at most a few roundings of the largest element.
				bound := 1e-6*(1+math.Abs(want)) + 4*eps32*largest*scale*math.Abs(float64(gamma.x[i])) + 2*eps32*math.Abs(want-float64(beta.x[i]))
				near(t, dst.x[i], want, bound, "%s, length %d, offset %d, %d", set, n, off, i)
			}
		})
	})
}
