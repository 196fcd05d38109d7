package f32

// Linear is the layer y = x·wᵀ + b with its weights packed for the chosen
// implementation. It does not change after NewLinear, so calls may run concurrently.
type Linear struct {
	im      impl
	out, in int

	// (panels, in, nr): panel j holds the weights of outputs j*nr .. j*nr+nr-1,
	// those of one input side by side; outputs past out are zero.
	packed []float32
	bias   []float32 // (panels * nr)
}

// NewLinear packs w, (out, in) row-major as PyTorch stores it. bias is (out),
// or nil for none. Neither slice is kept.
func NewLinear(w, bias []float32, out, in int) *Linear {
	return newLinear(active, w, bias, out, in)
}

func newLinear(im impl, w, bias []float32, out, in int) *Linear {
	w = w[: out*in : len(w)]
	_, nr := im.tileSize()
	panels := (out + nr - 1) / nr
	l := &Linear{
		im: im, out: out, in: in,
		packed: make([]float32, panels*in*nr),
		bias:   make([]float32, panels*nr),
	}
	if bias != nil {
		copy(l.bias, bias[:out:len(bias)])
	}
	for j := 0; j < out; j += nr {
		im.packTransposed(min(nr, out-j), in, w[j*in:], in, l.packed[j*in:(j+nr)*in])
	}
	return l
}

// Out is the length of an output row.
func (l *Linear) Out() int { return l.out }

// In is the length of an input row.
func (l *Linear) In() int { return l.in }

// Apply is
//
//	for r := range rows {
//		for o := range out {
//			dst[r*out+o] = bias[o] + Σ x[r*in+i]*w[o*in+i]
//		}
//	}
//
// x is (rows, in), dst is (rows, out); they must not overlap.
func (l *Linear) Apply(dst, x []float32, rows int) {
	if rows <= 0 || l.out == 0 {
		return
	}
	x = x[: rows*l.in : len(x)]
	dst = dst[: rows*l.out : len(dst)]
	mr, nr := l.im.tileSize()

	// A block of rows that stays in the second level cache meets every panel
	// of weights before the next block does.
	block := min(rows, max(1, blockFloats/max(1, l.in)))
	ld := l.in
	var s *scratch
	if l.in > 0 && l.in%pageFloats == 0 && min(block, mr) > 8 && l.out > nr {
		// Rows a multiple of a page apart compete for one set of 8 lines of the
		// first level cache: tall tiles read a copy with other distances.
		ld += 16
		s = getScratch(block * ld)
		defer scratches.Put(s)
	}
	for r := 0; r < rows; r += block {
		m := min(block, rows-r)
		a := x[r*l.in:]
		if s != nil {
			for i := range m {
				copy(s.buf[i*ld:], a[i*l.in:(i+1)*l.in])
			}
			a = s.buf
		}
		for j := 0; j < l.out; j += nr {
			l.im.panel(m, l.in, a, ld, l.packed[j*l.in:], nr,
				dst[r*l.out+j:], l.out, min(nr, l.out-j), 1, l.bias[j:j+nr])
		}
	}
}

const (
	blockFloats = 64 << 10 // bounds the input rows of one block: 256 KiB
	pageFloats  = 1 << 10  // 4 KiB, the distance at which addresses meet in the first level cache
)
