//go:build linux || darwin

package i8

import (
	"math/rand/v2"
	"runtime/debug"
	"syscall"
	"testing"
	"unsafe"
)

// fenced is n values that end where an unreadable page begins, or start where one ends.
func fenced[T int8 | float32](t *testing.T, n int, atEnd bool) []T {
	t.Helper()
	page := syscall.Getpagesize()
	bytes := n * int(unsafe.Sizeof(*new(T)))
	size := (bytes + page) / page * page
	mem, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(mem) })
	for _, fence := range [][]byte{mem[:page], mem[page+size:]} {
		if err := syscall.Mprotect(fence, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	start := page
	if atEnd {
		start = page + size - bytes
	}
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&mem[start])), n)
}

func fencedFloats(t *testing.T, r *rand.Rand, n int, atEnd bool) []float32 {
	x := fenced[float32](t, n, atEnd)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// touches runs f and tells whether it read or wrote an unreadable page.
func touches(f func()) (fault any) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { fault = recover() }()
	f()
	return nil
}

var sink int32

// TestReadsInside finds reads beyond the slices, which guard values do not show.
func TestReadsInside(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	if touches(func() {
		x := fenced[int8](t, 4, true)
		sink = dotGeneric(unsafe.Slice(&x[0], 5), make([]int8, 5))
	}) == nil {
		t.Fatal("the fence does not work")
	}
	each(t, func(t *testing.T, im impl) {
		for _, atEnd := range []bool{true, false} {
			for n := 0; n <= 140; n += 1 + n/67*3 {
				a, b, rows := fenced[int8](t, n, atEnd), fenced[int8](t, n, atEnd), fenced[int8](t, 3*n, atEnd)
				x, add := fencedFloats(t, r, n, atEnd), fencedFloats(t, r, n, atEnd)
				g, beta := fencedFloats(t, r, n, atEnd), fencedFloats(t, r, n, atEnd)
				var q Rows
				q.reset(im, 2, n)
				for name, f := range map[string]func(){
					"dot":       func() { im.dot(a, b) },
					"dotRows":   func() { im.dotRows(make([]int32, 3), a, rows, n) },
					"quantize":  func() { q.Quantize(1, x, 1, n) },
					"layerNorm": func() { q.LayerNormQuantize(1, x, n, add, n, g, beta, 1, 1) },
					"gelu":      func() { im.activate(GELU, x) },
					"relu":      func() { im.activate(ReLU, x) },
				} {
					if fault := touches(f); fault != nil {
						t.Fatalf("%s: length %d, at end %v: %v", name, n, atEnd, fault)
					}
				}
			}
			for _, s := range gemmSizes {
				rows, in, out := s[0], s[1], s[2]
				if in*out > 3000 {
					continue
				}
				w, scale, bias := fenced[int8](t, in*out, atEnd), fencedFloats(t, r, out, atEnd), fencedFloats(t, r, out, atEnd)
				q := quantized(im, floats(r, rows*in, 0).x, rows, in)
				// The rows and the packed weights too lie against a fence; their kernels want whole blocks.
				q.data = fencedCopy(t, q.data)
				c := fencedFloats(t, r, rows*out, atEnd)
				if fault := touches(func() {
					l := newLinear(im, w, scale, bias, out, in)
					l.packed = fencedCopy(t, l.packed)
					l.Apply(c, out, q, 0, rows)
					l.ApplyAdd(c, out, q, 0, rows)
				}); fault != nil {
					t.Fatalf("linear: %v, at end %v: %v", s, atEnd, fault)
				}
			}
		}
	})
}

func fencedCopy(t *testing.T, b []byte) []byte {
	x := fenced[int8](t, len(b), true)
	if len(b) == 0 {
		return nil
	}
	y := unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(b))
	copy(y, b)
	return y
}
