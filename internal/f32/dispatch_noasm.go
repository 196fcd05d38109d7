//go:build !amd64 || purego

package f32

// available lists the implementations that this build and machine have, slowest first.
func available() []impl { return []impl{generic} }

func (im impl) dot(x, y []float32) float32         { return dotGeneric(x, y) }
func (im impl) squaredL2(x, y []float32) float32   { return squaredL2Generic(x, y) }
func (im impl) axpy(alpha float32, x, y []float32) { axpyGeneric(alpha, x, y) }
func (im impl) scale(alpha float32, x []float32)   { scaleGeneric(alpha, x) }
func (im impl) add(dst, x []float32)               { addGeneric(dst, x) }
func (im impl) sumSquares(x []float32) float64     { return sumSquaresGeneric(x) }
func (im impl) softmax(x []float32)                { softmaxGeneric(x) }
func (im impl) gelu(x []float32)                   { geluGeneric(x) }
func (im impl) geluTanh(x []float32)               { geluTanhGeneric(x) }

func (im impl) layerNorm(dst, x, gamma, beta []float32, eps float32) {
	layerNormGeneric(dst, x, gamma, beta, eps)
}

// tileSize is the largest number of rows and the number of columns of a tile.
func (im impl) tileSize() (mr, nr int) { return mrGeneric, nrGeneric }

// packTransposed writes the rows of w, (rows <= nr, k) with rows ld apart, into
// the columns of dst, (k, nr). The columns left over become zero.
func (im impl) packTransposed(rows, k int, w []float32, ld int, dst []float32) {
	packTransposedGeneric(rows, k, w, ld, dst, nrGeneric)
}

// panel computes nc <= nr columns of c from m rows of a, and b, (k, nr) with rows
// ldb apart:
//
//	c[i*ldc+j] = alpha * Σ a[i*lda+p]*b[p*ldb+j] + bias[j]
func (im impl) panel(m, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc, nc int, alpha float32, bias []float32) {
	panelGeneric(m, k, a, lda, b, ldb, c, ldc, nc, alpha, bias)
}

// attend is Attention for sizes of at least 1.
func (im impl) attend(m, n, d int, scale float32, q []float32, ldq int, k []float32, ldk int, v []float32, ldv int, dst []float32, ldd int, scratch []float32) {
	attendGeneric(m, n, d, scale, q, ldq, k, ldk, v, ldv, dst, ldd, scratch)
}
