//go:build !purego

package f32

// maxTile bounds the outputs of a tile: 6x16 on AVX2, 14x32 on AVX-512.
const maxTile = 14 * 32

// panel computes nc <= nr columns of c from m rows of a, and b, (k, nr) with rows
// ldb apart:
//
//	c[i*ldc+j] = alpha * Σ a[i*lda+p]*b[p*ldb+j] + bias[j]
//
// It cuts the rows into tiles of at most mr rows and nearly the same height.
func (im impl) panel(m, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc, nc int, alpha float32, bias []float32) {
	if im == generic {
		panelGeneric(m, k, a, lda, b, ldb, c, ldc, nc, alpha, bias)
		return
	}
	mr, nr := im.tileSize()
	for tiles := (m + mr - 1) / mr; tiles > 0; tiles-- {
		rows := (m + tiles - 1) / tiles
		if nc == nr {
			im.tile(rows, k, a, lda, b, ldb, c, ldc, alpha, bias)
		} else {
			im.edgeTile(rows, k, a, lda, b, ldb, c, ldc, nc, alpha, bias)
		}
		if m -= rows; m > 0 {
			a, c = from(a, rows*lda), c[rows*ldc:]
		}
	}
}

// edgeTile is tile for the first nc columns. It computes all of them beside c, so
// that every output of a row is summed by the same instructions.
func (im impl) edgeTile(rows, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc, nc int, alpha float32, bias []float32) {
	_, nr := im.tileSize()
	var full [maxTile]float32
	im.tile(rows, k, a, lda, b, ldb, full[:], nr, alpha, bias)
	for i := range rows {
		copy(c[i*ldc:i*ldc+nc], full[i*nr:])
	}
}
