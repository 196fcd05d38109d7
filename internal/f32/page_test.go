//go:build linux || darwin

package f32

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"syscall"
	"testing"
	"unsafe"
)

// fenced is n floats that end where an unreadable page begins, or start where one ends.
func fenced(t *testing.T, r *rand.Rand, n int, atEnd bool) []float32 {
	t.Helper()
	page := syscall.Getpagesize()
	size := (4*n + page) / page * page
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
		start = page + size - 4*n
	}
	if n == 0 {
		return nil
	}
	x := unsafe.Slice((*float32)(unsafe.Pointer(&mem[start])), n)
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

// TestReadsInside finds reads beyond the slices, which guard values do not show.
func TestReadsInside(t *testing.T) {
	r := rand.New(rand.NewPCG(19, 20))
	if touches(func() {
		x := fenced(t, r, 4, true)
		_ = dotGeneric(unsafe.Slice(&x[0], 5), make([]float32, 5))
	}) == nil {
		t.Fatal("the fence does not work")
	}
	each(t, func(t *testing.T, im impl) {
		for _, atEnd := range []bool{true, false} {
			for n := 0; n <= 70; n++ {
				x, y, g, b := fenced(t, r, n, atEnd), fenced(t, r, n, atEnd), fenced(t, r, n, atEnd), fenced(t, r, n, atEnd)
				for name, f := range map[string]func(){
					"dot":       func() { im.dot(x, y) },
					"squaredL2": func() { im.squaredL2(x, y) },
					"axpy":      func() { im.axpy(0.5, x, y) },
					"scale":     func() { im.scale(0.5, x) },
					"add":       func() { im.add(x, y) },
					"norm":      func() { im.sumSquares(x) },
					"softmax":   func() { im.softmax(x) },
					"gelu":      func() { im.gelu(x) },
					"tanh":      func() { im.geluTanh(x) },
					"layerNorm": func() { im.layerNorm(x, y, g, b, 1) },
				} {
					if fault := touches(f); fault != nil {
						t.Fatalf("%s: length %d, at end %v: %v", name, n, atEnd, fault)
					}
				}
			}
			for _, s := range []struct{ m, n, d int }{{1, 1, 1}, {5, 9, 8}, {17, 33, 32}, {40, 130, 20}, {8, 16, 64}} {
				q, k, v := fenced(t, r, s.m*s.d, atEnd), fenced(t, r, s.n*s.d, atEnd), fenced(t, r, s.n*s.d, atEnd)
				dst, scratch := fenced(t, r, s.m*s.d, atEnd), fenced(t, r, im.attentionScratch(s.n, s.d), atEnd)
				if fault := touches(func() {
					im.attention(s.m, s.n, s.d, 1, q, s.d, k, s.d, v, s.d, dst, s.d, scratch)
				}); fault != nil {
					t.Fatalf("attention: %v, at end %v: %v", s, atEnd, fault)
				}
			}
			for _, s := range gemmSizes[:14] {
				a, w, bias, c := fenced(t, r, s.m*s.k, atEnd), fenced(t, r, s.n*s.k, atEnd), fenced(t, r, s.n, atEnd), fenced(t, r, s.m*s.n, atEnd)
				for name, f := range map[string]func(){
					"linear":  func() { newLinear(im, w, bias, s.n, s.k).Apply(c, a, s.m) },
					"matmulT": func() { im.matMulT(s.m, s.n, s.k, 1, a, s.k, w, s.k, c, s.n) },
					"matmul":  func() { im.matMul(s.m, s.n, s.k, a, s.k, w, s.n, c, s.n) },
				} {
					if fault := touches(f); fault != nil {
						t.Fatalf("%s: %s, at end %v: %v", name, fmt.Sprint(s), atEnd, fault)
					}
				}
			}
		}
	})
}
