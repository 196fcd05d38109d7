package f32

import "sync"

// maxNR bounds the columns of a panel of every implementation.
const maxNR = 64

var noBias [maxNR]float32

// MatMulT is
//
//	for i := range m {
//		for j := range n {
//			c[i*ldc+j] = alpha * Σ a[i*lda+p]*b[j*ldb+p]   // p < k
//		}
//	}
//
// the scores of attention, q·kᵀ. a is (m, k), b is (n, k), c is (m, n), with
// rows lda, ldb and ldc apart. c must not overlap a or b.
func MatMulT(m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, c []float32, ldc int) {
	active.matMulT(m, n, k, alpha, a, lda, b, ldb, c, ldc)
}

// MatMul is
//
//	for i := range m {
//		for j := range n {
//			c[i*ldc+j] = Σ a[i*lda+p]*b[p*ldb+j]   // p < k
//		}
//	}
//
// the values of attention weighted by its probabilities. a is (m, k), b is
// (k, n), c is (m, n), with rows lda, ldb and ldc apart. c must not overlap a or b.
func MatMul(m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int) {
	active.matMul(m, n, k, a, lda, b, ldb, c, ldc)
}

func (im impl) matMulT(m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, c []float32, ldc int) {
	if m <= 0 || n <= 0 {
		return
	}
	k = max(k, 0)
	a, b, c = matrix(a, m, k, lda), matrix(b, n, k, ldb), matrix(c, m, n, ldc)
	_, nr := im.tileSize()
	s := getScratch(k * nr)
	for j := 0; j < n; j += nr {
		nc := min(nr, n-j)
		im.packTransposed(nc, k, from(b, j*ldb), ldb, s.buf)
		im.panel(m, k, a, lda, s.buf, nr, c[j:], ldc, nc, alpha, noBias[:nr])
	}
	scratches.Put(s)
}

func (im impl) matMul(m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int) {
	if m <= 0 || n <= 0 {
		return
	}
	k = max(k, 0)
	a, b, c = matrix(a, m, k, lda), matrix(b, k, n, ldb), matrix(c, m, n, ldc)
	_, nr := im.tileSize()
	j := 0
	for ; j+nr <= n; j += nr {
		im.panel(m, k, a, lda, from(b, j), ldb, c[j:], ldc, nr, 1, noBias[:nr])
	}
	if nc := n - j; nc > 0 {
		// The last columns are copied into a panel of full width.
		s := getScratch(k * nr)
		for p := range k {
			row := s.buf[p*nr : p*nr+nr]
			clear(row[copy(row, b[p*ldb+j:p*ldb+n]):])
		}
		im.panel(m, k, a, lda, s.buf, nr, c[j:], ldc, nc, 1, noBias[:nr])
		scratches.Put(s)
	}
}

// matrix returns the floats of the (rows, cols) matrix that x starts with. It
// panics if x is too short.
func matrix(x []float32, rows, cols, ld int) []float32 {
	if rows == 0 || cols == 0 {
		return nil
	}
	return x[: (rows-1)*ld+cols : len(x)]
}

// from is x[i:], or nil for an x that is empty because k is 0.
func from(x []float32, i int) []float32 {
	if len(x) == 0 {
		return nil
	}
	return x[i:]
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
