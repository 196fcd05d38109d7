package i8

import (
	"sync"
	"unsafe"
)

// Linear is the layer y = x·wᵀ + b in int8, its weights packed for the chosen
// implementation. It does not change after NewLinear, so calls may run concurrently.
type Linear struct {
	im      impl
	out, in int

	// (panels, inputs, nr) in an order that the implementation chooses: panel j holds the weights of outputs
	// j*nr .. j*nr+nr-1; outputs past out and inputs past in are zero.
	packed []byte
	panel  int       // bytes of a panel
	scale  []float32 // (panels * nr)
	bias   []float32 // (panels * nr)
}

// NewLinear packs w, (out, in) row-major, whose values may be all of int8. scale is (out): weight (o, i)
// is float32(w[o*in+i]) * scale[o]. bias is (out), or nil for none. out and in are at least 1. No slice is kept.
func NewLinear(w []int8, scale, bias []float32, out, in int) *Linear {
	return newLinear(active, w, scale, bias, out, in)
}

func newLinear(im impl, w []int8, scale, bias []float32, out, in int) *Linear {
	w = w[: out*in : len(w)]
	_, nr, kb := im.tileSize()
	panels := (out + nr - 1) / nr
	l := &Linear{
		im: im, out: out, in: in,
		panel: roundUp(in, kb) * nr,
		scale: make([]float32, panels*nr),
		bias:  make([]float32, panels*nr),
	}
	l.packed = aligned(panels * l.panel)
	copy(l.scale, scale[:out:len(scale)])
	if bias != nil {
		copy(l.bias, bias[:out:len(bias)])
	}
	for j := 0; j < panels; j++ {
		rows := min(nr, out-j*nr)
		im.pack(l.packed[j*l.panel:(j+1)*l.panel], w[j*nr*in:(j*nr+rows)*in], rows, in)
	}
	return l
}

// aligned makes n bytes at an address that is a multiple of 64.
func aligned(n int) []byte {
	b := make([]byte, n+63)
	start := int(-uintptr(unsafe.Pointer(&b[0])) & 63)
	return b[start : start+n : start+n]
}

// Out is the length of an output row.
func (l *Linear) Out() int { return l.out }

// In is the length of an input row.
func (l *Linear) In() int { return l.in }

// Bytes is the memory that the layer holds.
func (l *Linear) Bytes() int {
	return cap(l.packed) + 63 + 4*(cap(l.scale)+cap(l.bias)) + int(unsafe.Sizeof(*l))
}

// Apply is
//
//	for r := range rows {
//		for o := range out {
//			sum := Σ int32(x.At(from+r, i)) * int32(w[o*in+i])
//			dst[r*ld+o] = fma(float32(sum), x.Scale(from+r)*scale[o], bias[o])
//		}
//	}
//
// dst is (rows, out) with rows ld apart. x must have been filled by the same implementation, which Reset
// and NewLinear see to.
func (l *Linear) Apply(dst []float32, ld int, x *Rows, from, rows int) {
	l.apply(dst, ld, x, from, rows, false)
}

// ApplyAdd is Apply, but adds to what is in dst:
//
//	dst[r*ld+o] += fma(float32(sum), x.Scale(from+r)*scale[o], bias[o])
func (l *Linear) ApplyAdd(dst []float32, ld int, x *Rows, from, rows int) {
	l.apply(dst, ld, x, from, rows, true)
}

func (l *Linear) apply(dst []float32, ld int, x *Rows, from, rows int, add bool) {
	x.check(from, rows)
	if x.im != l.im || x.in != l.in {
		panic("i8: rows do not fit the layer")
	}
	if rows == 0 {
		return
	}
	dst = matrix(dst, rows, l.out, ld)
	_, nr, _ := l.im.tileSize()
	// A block of rows that stays in the second level cache meets every panel
	// of weights before the next block does.
	block := max(1, blockBytes/x.ld)
	for r := 0; r < rows; r += block {
		m := min(block, rows-r)
		for j := 0; j < l.out; j += nr {
			l.panelOf(j/nr, x, from+r, m, dst[r*ld+j:], ld, min(nr, l.out-j), add)
		}
	}
}

const (
	blockBytes = 128 << 10 // bounds the input rows of one block
	midFloats  = 64 << 10  // bounds the floats that wait to be quantised
)

// ApplyQuantize is the layer followed by an activation and by quantising: rows at, at+1, ... of dst, which
// Reset has made (or more) by Out, become what
//
//	l.Apply(y, out, x, from, rows)
//	y[i] = act(y[i])
//	dst.Quantize(at, y, rows, out)
//
// would make them. The floats between stay in the cache.
func (l *Linear) ApplyQuantize(dst *Rows, at int, x *Rows, from, rows int, act Activation) {
	dst.check(at, rows)
	if dst.im != l.im || dst.in != l.out {
		panic("i8: rows do not fit the layer")
	}
	if rows == 0 {
		return
	}
	mr, nr, _ := l.im.tileSize()
	ld := roundUp(l.out, nr)
	block := min(rows, max(2*mr, midFloats/ld/mr*mr))
	s := getScratch(block * ld)
	for r := 0; r < rows; r += block {
		m := min(block, rows-r)
		l.apply(s.buf, ld, x, from+r, m, false)
		for i := range m {
			row := s.buf[i*ld : i*ld+l.out : i*ld+l.out]
			dst.put(at+r+i, row, l.im.activate(act, row))
		}
	}
	scratches.Put(s)
}

// scratch is working space that calls lend each other.
type scratch struct{ buf []float32 }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func getScratch(n int) *scratch {
	s := scratches.Get().(*scratch)
	if cap(s.buf) < n {
		s.buf = make([]float32, n)
	}
	s.buf = s.buf[:n]
	return s
}
