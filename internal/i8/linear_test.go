package i8

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
)

// layer is a random layer before it is packed.
type layer struct {
	w           []int8
	scale, bias []float32
	out, in     int
}

func randomLayer(r *rand.Rand, out, in int) layer {
	l := layer{w: int8s(r, out*in, 1).x, scale: floats(r, out, 1).x, bias: floats(r, out, 3).x, out: out, in: in}
	if r.IntN(4) == 0 {
		l.bias = nil
	}
	return l
}

func (l layer) linear(im impl) *Linear { return newLinear(im, l.w, l.scale, l.bias, l.out, l.in) }

// quantized are rows of the given implementation.
func quantized(im impl, x []float32, rows, in int) *Rows {
	q := new(Rows)
	dirty(q)
	q.reset(im, rows, in)
	q.Quantize(0, x, rows, in)
	return q
}

// want is what Apply promises, from integers.
func (l layer) want(q *Rows, i, o int) float32 {
	var sum int32
	for k := range l.in {
		sum += int32(q.At(i, k)) * int32(l.w[o*l.in+k])
	}
	var b float32
	if l.bias != nil {
		b = l.bias[o]
	}
	return fma32(float32(sum), q.Scale(i)*l.scale[o], b)
}

var gemmSizes = func() (s [][3]int) { // rows, in, out
	for in := 1; in <= 300; in++ {
		s = append(s, [3]int{1 + in%17, in, 1 + in*7%100})
	}
	for out := 1; out <= 100; out++ {
		s = append(s, [3]int{1 + out%15, 1 + out*13%70, out})
	}
	for rows := 1; rows <= 31; rows++ {
		s = append(s, [3]int{rows, 40, 33})
	}
	return append(s, [3]int{0, 8, 8}, [3]int{5, 1024, 40}, [3]int{3, 4096, 65}, [3]int{70, 384, 96}, [3]int{150, 1500, 3})
}()

func TestLinear(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		r := rand.New(rand.NewPCG(9, 10))
		for i, s := range gemmSizes {
			if testing.Short() && i%7 > 0 {
				continue
			}
			rows, in, out := s[0], s[1], s[2]
			l := randomLayer(r, out, in)
			q := quantized(im, floats(r, rows*in, 1).x, rows, in)
			lin := l.linear(im)
			if lin.Out() != out || lin.In() != in || lin.Bytes() < out*in {
				t.Fatalf("Out, In, Bytes = %d, %d, %d", lin.Out(), lin.In(), lin.Bytes())
			}
			ld := out + rows%3
			dst := newGuarded[float32](max(0, (rows-1)*ld+out), rows%5)
			lin.Apply(dst.x, ld, q, 0, rows)
			more := dst.clone()
			lin.ApplyAdd(more.x, ld, q, 0, rows)
			dst.check(t, "linear")
			more.check(t, "linear, added")
			for i := range rows {
				for o := range out {
					want := l.want(q, i, o)
					if got := dst.x[i*ld+o]; !same(got, want) {
						t.Fatalf("rows %d, in %d, out %d: (%d,%d) is %v, want %v", rows, in, out, i, o, got, want)
					}
					if got := more.x[i*ld+o]; !same(got, want+want) {
						t.Fatalf("rows %d, in %d, out %d: (%d,%d) is %v, want twice %v", rows, in, out, i, o, got, want)
					}
				}
				for o := out; o < ld && i*ld+o < len(dst.x); o++ {
					if dst.x[i*ld+o] != dst.value {
						t.Fatalf("rows %d, in %d, out %d: wrote between the rows", rows, in, out)
					}
				}
			}
		}
	})
}

// TestSaturation has products as large as they come side by side, where an instruction that adds
// them in 16 bits would saturate.
func TestSaturation(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		const in, out = 200, 35
		for _, w := range []int8{-128, -127, 127} {
			for _, x := range []float32{1, -1} {
				l := layer{w: make([]int8, in*out), scale: make([]float32, out), out: out, in: in}
				fill(l.w, w)
				for i := range l.scale {
					l.scale[i] = 1
				}
				row := make([]float32, in)
				for i := range row {
					row[i] = x
				}
				q := quantized(im, row, 1, in)
				dst := make([]float32, out)
				l.linear(im).Apply(dst, out, q, 0, 1)
				want := float32(127*in*int(x)*int(w)) * q.Scale(0)
				for o, got := range dst {
					if got != want {
						t.Fatalf("w %d, x %v: output %d is %v, want %v", w, x, o, got, want)
					}
				}
			}
		}
	})
}

// TestRowsIdentical: a row does not depend on the number of rows, nor on its place, and a part of
// Rows gives what the whole gives.
func TestRowsIdentical(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		r := rand.New(rand.NewPCG(11, 12))
		const m, in, out = 33, 100, 70
		l := randomLayer(r, out, in).linear(im)
		x := floats(r, m*in, 1).x
		q := quantized(im, x, m, in)
		all := make([]float32, m*out)
		l.Apply(all, out, q, 0, m)
		var mid Rows
		mid.reset(im, m, out)
		l.ApplyQuantize(&mid, 0, q, 0, m, GELU)
		for rows := 1; rows <= m; rows++ {
			for _, first := range []int{0, (m - rows) / 2, m - rows} {
				got := make([]float32, rows*out)
				l.Apply(got, out, q, first, rows)
				equalFloats(t, got, all[first*out:(first+rows)*out], "%d rows from %d", rows, first)
				part := quantized(im, x[first*in:], rows, in)
				clear(got)
				l.Apply(got, out, part, 0, rows)
				equalFloats(t, got, all[first*out:(first+rows)*out], "%d rows from %d, alone", rows, first)
				var some Rows
				some.reset(im, m, out)
				l.ApplyQuantize(&some, first, part, 0, rows, GELU)
				for i := first; i < first+rows; i++ {
					if some.scale[i] != mid.scale[i] || some.sum[i] != mid.sum[i] {
						t.Fatalf("%d rows from %d: quantised row %d differs", rows, first, i)
					}
				}
			}
		}
	})
}

// TestIdentical runs a whole feed-forward block in every implementation and compares bits.
func TestIdentical(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for _, s := range [][3]int{{9, 48, 100}, {1, 33, 130}, {40, 64, 256}, {200, 31, 1100}} {
		rows, hidden, mid := s[0], s[1], s[2]
		up, down := randomLayer(r, mid, hidden), randomLayer(r, hidden, mid)
		x, gamma, beta := floats(r, rows*hidden, 0).x, floats(r, hidden, 0).x, floats(r, hidden, 0).x
		for i := range up.scale {
			up.scale[i] /= 2000
		}
		for act := range activations {
			run := func(im impl) ([]float32, *Rows) {
				y := append([]float32(nil), x...)
				var q, m Rows
				q.reset(im, rows, hidden)
				m.reset(im, rows, mid)
				q.LayerNormQuantize(0, y, hidden, nil, 0, gamma, beta, 1e-12, rows)
				up.linear(im).ApplyQuantize(&m, 0, &q, 0, rows, act)
				down.linear(im).ApplyAdd(y, hidden, &m, 0, rows)
				q.LayerNormQuantize(0, y, hidden, nil, 0, gamma, beta, 1e-12, rows)
				return y, &q
			}
			want, qWant := run(generic)
			for _, v := range want {
				if v-v != 0 {
					t.Fatalf("%v, activation %d: %v in the result", s, act, v)
				}
			}
			for _, im := range available()[1:] {
				got, q := run(im)
				equalFloats(t, got, want, "%v, activation %d, %s", s, act, im)
				equalRows(t, q, qWant, "%v, activation %d, %s", s, act, im)
			}
		}
	}
}

// TestApplyQuantize compares the fused form with its parts.
func TestApplyQuantize(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		r := rand.New(rand.NewPCG(15, 16))
		for _, s := range [][3]int{{1, 16, 1}, {5, 20, 33}, {90, 32, 1000}, {30, 16, 4100}} {
			rows, in, out := s[0], s[1], s[2]
			l := randomLayer(r, out, in).linear(im)
			q := quantized(im, floats(r, rows*in, 1).x, rows, in)
			y := make([]float32, rows*out)
			l.Apply(y, out, q, 0, rows)
			for i := range rows {
				activateGeneric(GELU, y[i*out:(i+1)*out])
			}
			var got Rows
			got.reset(im, rows+2, out)
			l.ApplyQuantize(&got, 1, q, 0, rows, GELU)
			want := quantized(im, y, rows, out)
			for i := range rows {
				for o := range out {
					if got.At(1+i, o) != want.At(i, o) || got.Scale(1+i) != want.Scale(i) {
						t.Fatalf("%v: (%d,%d) differs", s, i, o)
					}
				}
			}
		}
	})
}

// TestSpecialRows: a bad row gives NaN, and only that row.
func TestSpecialRows(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		r := rand.New(rand.NewPCG(17, 18))
		const rows, in, out = 5, 40, 37
		for _, v := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			x := floats(r, rows*in, 0).x
			x[2*in+7] = v
			clear(x[3*in : 4*in])
			l := randomLayer(r, out, in)
			l.bias = floats(r, out, 0).x
			dst := make([]float32, rows*out)
			l.linear(im).Apply(dst, out, quantized(im, x, rows, in), 0, rows)
			for i, y := range dst {
				switch {
				case i/out == 2 && y == y:
					t.Fatalf("%v: output %d of the bad row is %v", v, i%out, y)
				case i/out == 3 && y != l.bias[i%out]:
					t.Fatalf("output %d of the zero row is %v, want the bias %v", i%out, y, l.bias[i%out])
				case i/out != 2 && y-y != 0:
					t.Fatalf("%v: output %d of row %d is %v", v, i%out, i/out, y)
				}
			}
		}
	})
}

func TestShortSlicesPanic(t *testing.T) {
	w, f := make([]int8, 64), make([]float32, 64)
	var q Rows
	Quantize(&q, f, 8, 8, 8)
	l := NewLinear(w, f[:8], nil, 8, 8)
	for name, f := range map[string]func(){
		"dot":       func() { Dot(w, w[:63]) },
		"dotRows":   func() { DotRows(make([]int32, 8), w[:8], w[:63], 8) },
		"weights":   func() { NewLinear(w[:63], f, nil, 8, 8) },
		"scale":     func() { NewLinear(w, f[:7], nil, 8, 8) },
		"bias":      func() { NewLinear(w, f, f[:7], 8, 8) },
		"apply":     func() { l.Apply(f[:63], 8, &q, 0, 8) },
		"rows":      func() { l.Apply(f, 8, &q, 1, 8) },
		"in":        func() { NewLinear(w, f, nil, 8, 7).Apply(f, 8, &q, 0, 8) },
		"quantize":  func() { q.Quantize(0, f[:63], 8, 8) },
		"at":        func() { q.Quantize(1, f, 8, 8) },
		"layerNorm": func() { q.LayerNormQuantize(0, f, 8, nil, 0, f[:7], f, 0, 8) },
		"fused":     func() { l.ApplyQuantize(&q, 1, &q, 0, 8, GELU) },
		"column":    func() { q.At(0, 8) },
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
	r := rand.New(rand.NewPCG(19, 20))
	const rows, hidden, mid = 20, 48, 200
	x, y := floats(r, rows*hidden, 0).x, make([]float32, rows*hidden)
	up, down := randomLayer(r, mid, hidden).linear(active), randomLayer(r, hidden, mid).linear(active)
	var q, m Rows
	run := func() {
		Quantize(&q, x, rows, hidden, hidden)
		m.Reset(rows, mid)
		up.ApplyQuantize(&m, 0, &q, 0, rows, GELU)
		down.Apply(y, hidden, &m, 0, rows)
		q.LayerNormQuantize(0, y, hidden, x, hidden, x, x, 1, rows)
	}
	run()
	if got := testing.AllocsPerRun(100, run); got > 0.1 {
		t.Errorf("%v allocations", got)
	}
}

// TestConcurrent has several goroutines on one layer and on rows of one matrix; the race detector looks on.
func TestConcurrent(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	const rows, in, out, parts = 40, 64, 96, 4
	l := randomLayer(r, out, in).linear(active)
	x := floats(r, rows*in, 0).x
	var q, m, want Rows
	q.Reset(rows, in)
	m.Reset(rows, out)
	want.Reset(rows, out)
	y := make([]float32, rows*out)
	var wg sync.WaitGroup
	for p := range parts {
		wg.Go(func() {
			from, n := p*rows/parts, rows/parts
			q.Quantize(from, x[from*in:], n, in)
			l.Apply(y[from*out:(from+n)*out], out, &q, from, n)
			l.ApplyQuantize(&m, from, &q, from, n, ReLU)
		})
	}
	wg.Wait()
	l.ApplyQuantize(&want, 0, &q, 0, rows, ReLU)
	equalRows(t, &m, &want, "in parts")
}
