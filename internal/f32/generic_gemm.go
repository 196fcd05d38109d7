package f32

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// The block of outputs that gonum computes in one piece.
const (
	mrGeneric = 64
	nrGeneric = 64
)

// packTransposedGeneric writes the rows of w, (rows <= nr, k) with rows ld apart, into
// the columns of dst, (k, nr). The columns left over become zero.
func packTransposedGeneric(rows, k int, w []float32, ld int, dst []float32, nr int) {
	packColumns(0, nr, rows, k, w, ld, dst, nr)
}

// packColumns is packTransposedGeneric for the columns lo <= j < hi of dst.
func packColumns(lo, hi, rows, k int, w []float32, ld int, dst []float32, nr int) {
	for j := lo; j < hi; j++ {
		if j >= rows {
			for p := range k {
				dst[p*nr+j] = 0
			}
			continue
		}
		for p, v := range from(w, j*ld)[:k] {
			dst[p*nr+j] = v
		}
	}
}

// panelGeneric is impl.panel through gonum's blas32. gonum works on blocks of 64x64 outputs and
// starts goroutines from four of them on, so it is given one block at a time; with b not
// transposed it sums each output by p in order, whatever the block, so that a row does not
// depend on its neighbours. (With b transposed it would sum in an order that depends on
// addresses.) It skips the products with a factor of 0 in a, and so turns 0*Inf into 0.
func panelGeneric(m, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc, nc int, alpha float32, bias []float32) {
	for i := 0; i < m; i += mrGeneric {
		rows := min(mrGeneric, m-i)
		for r := range rows {
			clear(c[(i+r)*ldc : (i+r)*ldc+nc])
		}
		if k > 0 {
			blas32.Gemm(blas.NoTrans, blas.NoTrans, alpha,
				blas32.General{Rows: rows, Cols: k, Stride: lda, Data: a[i*lda:]},
				blas32.General{Rows: k, Cols: nc, Stride: ldb, Data: b},
				1, blas32.General{Rows: rows, Cols: nc, Stride: ldc, Data: c[i*ldc:]})
		}
		for r := range rows {
			addGeneric(c[(i+r)*ldc:(i+r)*ldc+nc], bias[:nc])
		}
	}
}
