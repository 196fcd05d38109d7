package f32

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// product is alpha·a·bᵀ + bias in float64, and Σ|alpha·a·b|+|bias| beside it.
func product(m, n, k int, alpha float64, a []float32, lda int, b func(j, p int) float32, bias []float32) (want, size []float64) {
	want, size = make([]float64, m*n), make([]float64, m*n)
	for i := range m {
		for j := range n {
			var s, z float64
			for p := range k {
				v := alpha * float64(a[i*lda+p]) * float64(b(j, p))
				s += v
				z += math.Abs(v)
			}
			if bias != nil {
				s += float64(bias[j])
				z += math.Abs(float64(bias[j]))
			}
			want[i*n+j], size[i*n+j] = s, z
		}
	}
	return want, size
}

// compare checks a (m, n) matrix with rows ldc apart, and the gaps between them.
func compare(t *testing.T, c *guarded, m, n, k, ldc int, want, size []float64, what string) {
	t.Helper()
	for i := range m {
		for j := range n {
			bound := float64(k+2) * (eps32*size[i*n+j] + tiny32)
			near(t, c.x[i*ldc+j], want[i*n+j], bound, "%s: m %d, n %d, k %d, element (%d,%d)", what, m, n, k, i, j)
		}
		for j := n; j < ldc && i*ldc+j < len(c.x); j++ {
			if c.x[i*ldc+j] != guardValue {
				t.Fatalf("%s: m %d, n %d, k %d: wrote between the rows at (%d,%d)", what, m, n, k, i, j)
			}
		}
	}
	c.check(t, what)
}

var gemmSizes = []struct{ m, n, k int }{
	{1, 1, 0}, {3, 5, 0}, {1, 1, 1}, {1, 2, 384}, {2, 33, 7}, {5, 32, 8}, {13, 31, 9}, {14, 64, 32}, {15, 65, 33},
	{16, 48, 31}, {29, 16, 64}, {31, 17, 40}, {6, 15, 5}, {7, 96, 100}, {64, 32, 64}, {128, 128, 32}, {43, 100, 384}, {3, 40, 1024}, {70, 40, 1024},
}

func TestLinear(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		r := rand.New(rand.NewPCG(3, 4))
		for _, s := range gemmSizes {
			for _, withBias := range []bool{true, false} {
				w, x := randomGuarded(r, s.n*s.k, 1), randomGuarded(r, s.m*s.k, 3)
				var bias []float32
				if withBias {
					bias = randomGuarded(r, s.n, 0).x
				}
				l := newLinear(im, w.x, bias, s.n, s.k)
				if l.Out() != s.n || l.In() != s.k {
					t.Fatalf("Out, In = %d, %d, want %d, %d", l.Out(), l.In(), s.n, s.k)
				}
				dst := newGuarded(s.m*s.n, 1)
				l.Apply(dst.x, x.x, s.m)
				want, size := product(s.m, s.n, s.k, 1, x.x, s.k, func(j, p int) float32 { return w.x[j*s.k+p] }, bias)
				compare(t, dst, s.m, s.n, s.k, s.n, want, size, "linear")
				w.check(t, "weights")
				x.check(t, "input")
			}
		}
	})
}

func TestMatMulT(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, s := range gemmSizes {
			for _, pad := range []int{0, 1, 19} {
				lda, ldb, ldc := s.k+pad, s.k+2*pad, s.n+pad
				a, b := randomGuarded(r, (s.m-1)*lda+s.k, 1), randomGuarded(r, (s.n-1)*ldb+s.k, 3)
				c := newGuarded((s.m-1)*ldc+s.n, pad)
				alpha := float32(r.NormFloat64())
				im.matMulT(s.m, s.n, s.k, alpha, a.x, lda, b.x, ldb, c.x, ldc)
				want, size := product(s.m, s.n, s.k, float64(alpha), a.x, lda, func(j, p int) float32 { return b.x[j*ldb+p] }, nil)
				compare(t, c, s.m, s.n, s.k, ldc, want, size, "matmulT")
			}
		}
	})
}

func TestMatMul(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		r := rand.New(rand.NewPCG(7, 8))
		for _, s := range gemmSizes {
			for _, pad := range []int{0, 1, 19} {
				lda, ldb, ldc := s.k+pad, s.n+2*pad, s.n+pad
				a, b := randomGuarded(r, (s.m-1)*lda+s.k, 1), randomGuarded(r, max(0, (s.k-1)*ldb+s.n), 3)
				c := newGuarded((s.m-1)*ldc+s.n, pad)
				im.matMul(s.m, s.n, s.k, a.x, lda, b.x, ldb, c.x, ldc)
				want, size := product(s.m, s.n, s.k, 1, a.x, lda, func(j, p int) float32 { return b.x[p*ldb+j] }, nil)
				compare(t, c, s.m, s.n, s.k, ldc, want, size, "matmul")
			}
		}
	})
}

// TestAgainstGonum compares with a BLAS that we did not write.
func TestAgainstGonum(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		r := rand.New(rand.NewPCG(9, 10))
		const m, n, k = 70, 130, 200
		x, w := randomGuarded(r, m*k, 1).x, randomGuarded(r, n*k, 1).x
		want := make([]float32, m*n)
		blas32.Gemm(blas.NoTrans, blas.Trans, 1, blas32.General{Rows: m, Cols: k, Stride: k, Data: x},
			blas32.General{Rows: n, Cols: k, Stride: k, Data: w}, 0, blas32.General{Rows: m, Cols: n, Stride: n, Data: want})
		got := make([]float32, m*n)
		newLinear(im, w, nil, n, k).Apply(got, x, m)
		for i := range got {
			near(t, got[i], float64(want[i]), 1e-4, "element %d", i)
		}
	})
}

// TestSpecialValues spoils one row or one column and looks where it shows.
func TestSpecialValues(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		const m, n, k = 17, 37, 21
		for _, v := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e-41} {
			r := rand.New(rand.NewPCG(11, 12))
			x, w := randomGuarded(r, m*k, 1), randomGuarded(r, n*k, 1)
			x.x[3*k+5] = v
			w.x[36*k+20] = v
			got := newGuarded(m*n, 1)
			newLinear(im, w.x, nil, n, k).Apply(got.x, x.x, m)
			want, size := product(m, n, k, 1, x.x, k, func(j, p int) float32 { return w.x[j*k+p] }, nil)
			compare(t, got, m, n, k, n, want, size, fmt.Sprint(v))
		}
	})
}

// TestRowsIdentical is the promise on which batching stands: a row's bits do
// not depend on the other rows.
func TestRowsIdentical(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		r := rand.New(rand.NewPCG(13, 14))
		for _, s := range []struct{ n, k int }{{48, 384}, {33, 37}, {2, 384}, {40, 1024}, {96, 32}} {
			const m = 31
			x, w := randomGuarded(r, m*s.k, 1).x, randomGuarded(r, s.n*s.k, 1).x
			bias := randomGuarded(r, s.n, 0).x
			wT := make([]float32, s.k*s.n)
			for j := range s.n {
				for p := range s.k {
					wT[p*s.n+j] = w[j*s.k+p]
				}
			}
			l := newLinear(im, w, bias, s.n, s.k)
			for name, f := range map[string]func(dst, x []float32, rows int){
				"linear":  l.Apply,
				"matmulT": func(dst, x []float32, rows int) { im.matMulT(rows, s.n, s.k, 0.3, x, s.k, w, s.k, dst, s.n) },
				"matmul":  func(dst, x []float32, rows int) { im.matMul(rows, s.n, s.k, x, s.k, wT, s.n, dst, s.n) },
			} {
				one := make([]float32, m*s.n)
				for i := range m {
					f(one[i*s.n:], x[i*s.k:(i+1)*s.k], 1)
				}
				for rows := 1; rows <= m; rows++ {
					for _, first := range []int{0, (m - rows) / 2, m - rows} {
						// Another alignment on every call.
						shifted := make([]float32, rows*s.k+5)[rows%5:][:rows*s.k]
						copy(shifted, x[first*s.k:])
						got := make([]float32, rows*s.n)
						f(got, shifted, rows)
						for i := range got {
							if a, b := math.Float32bits(got[i]), math.Float32bits(one[first*s.n+i]); a != b {
								t.Fatalf("%s, n %d, k %d: %d rows from %d: element (%d,%d) is %08x, alone %08x",
									name, s.n, s.k, rows, first, i/s.n, i%s.n, a, b)
							}
						}
					}
				}
			}
		}
	})
}

// TestColumnsIdentical: nor does an output depend on the other outputs.
func TestColumnsIdentical(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		r := rand.New(rand.NewPCG(15, 16))
		const m, n, k = 9, 70, 50
		x, w := randomGuarded(r, m*k, 1).x, randomGuarded(r, n*k, 1).x
		all := make([]float32, m*n)
		newLinear(im, w, nil, n, k).Apply(all, x, m)
		for cols := 1; cols < n; cols++ {
			got := make([]float32, m*cols)
			newLinear(im, w, nil, cols, k).Apply(got, x, m)
			for i := range got {
				if got[i] != all[i/cols*n+i%cols] {
					t.Fatalf("%d columns: element (%d,%d) differs", cols, i/cols, i%cols)
				}
			}
		}
	})
}

func TestPackTransposed(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		r := rand.New(rand.NewPCG(17, 18))
		_, nr := im.tileSize()
		for rows := 1; rows <= nr; rows++ {
			for _, k := range []int{0, 1, 7, 8, 9, 24, 37} {
				ld := k + rows%3
				w := randomGuarded(r, rows*ld, 1)
				dst := newGuarded(k*nr, 1)
				im.packTransposed(rows, k, w.x, ld, dst.x)
				for p := range k {
					for j := range nr {
						want := float32(0)
						if j < rows {
							want = w.x[j*ld+p]
						}
						if got := dst.x[p*nr+j]; got != want {
							t.Fatalf("rows %d, k %d: (%d,%d) is %v, want %v", rows, k, p, j, got, want)
						}
					}
				}
				dst.check(t, "panel")
			}
		}
	})
}

func TestShortSlicesPanic(t *testing.T) {
	x := make([]float32, 63)
	for name, f := range map[string]func(){
		"dot":     func() { Dot(x, x[:62]) },
		"axpy":    func() { Axpy(1, x, x[:62]) },
		"linear":  func() { NewLinear(make([]float32, 64), nil, 8, 8).Apply(make([]float32, 64), x, 8) },
		"weights": func() { NewLinear(x, nil, 8, 8) },
		"bias":    func() { NewLinear(make([]float32, 64), x[:7], 8, 8) },
		"matmulT": func() { MatMulT(8, 8, 8, 1, x, 8, make([]float32, 64), 8, make([]float32, 64), 8) },
		"matmul":  func() { MatMul(8, 8, 8, make([]float32, 64), 8, make([]float32, 64), 8, x, 8) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestNoAllocation(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		defer use(im)()
		const m, n, k = 20, 33, 40
		l := NewLinear(make([]float32, n*k), nil, n, k)
		wide, aWide := NewLinear(make([]float32, n*1024), nil, n, 1024), make([]float32, m*1024)
		a, b, c := make([]float32, m*k), make([]float32, n*k), make([]float32, m*n)
		for name, f := range map[string]func(){
			"linear":  func() { l.Apply(c, a, m) },
			"copied":  func() { wide.Apply(c, aWide, m) },
			"matmulT": func() { MatMulT(m, n, k, 1, a, k, b, k, c, n) },
			"matmul":  func() { MatMul(m, n, k, a, k, b, n, c, n) },
			"dot": func() {
				var x [384]float32 // must stay on the stack
				c[0] = Dot(x[:], x[:])
			},
		} {
			if got := testing.AllocsPerRun(200, f); got != 0 {
				t.Errorf("%s: %v allocations", name, got)
			}
		}
	})
}
