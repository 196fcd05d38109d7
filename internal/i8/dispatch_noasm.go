//go:build !amd64 || purego

package i8

// available lists the implementations that this build and machine have, slowest first.
func available() []impl { return []impl{generic} }

// tileSize is the largest number of rows and the number of outputs of a tile, and the number of inputs
// that are padded with zeros to a whole.
func (im impl) tileSize() (mr, nr, kb int) { return mrGeneric, nrGeneric, kbGeneric }

// inputBytes is the size of a quantised value in Rows.
func (im impl) inputBytes() int { return 1 }

func (im impl) dot(a, b []int8) int32 { return dotGeneric(a, b) }

func (im impl) dotRows(dst []int32, q, rows []int8, dim int) { dotRowsGeneric(dst, q, rows, dim) }

func (im impl) absMax(x []float32) uint32 { return absMaxGeneric(x) }

// activate applies act to x in place and returns the bits of the largest magnitude.
func (im impl) activate(act Activation, x []float32) uint32 { return activateGeneric(act, x) }

// quantize writes round(x·inv) to dst, one row of Rows, and returns the sum of the values.
func (im impl) quantize(dst []byte, x []float32, inv float32) int32 {
	return quantizeGeneric(dst, x, inv)
}

// layerNorm normalises x + add in place and returns the bits of the largest magnitude.
func (im impl) layerNorm(x, add, gamma, beta []float32, eps float32) uint32 {
	return layerNormGeneric(x, add, gamma, beta, eps)
}

// pack writes w, (rows <= nr, in), to a panel.
func (im impl) pack(dst []byte, w []int8, rows, in int) { packGeneric(dst, w, rows, in) }

// panelOf computes nc <= nr outputs, those of panel j, of m rows of x: c[r*ldc+o].
func (l *Linear) panelOf(j int, x *Rows, from, m int, c []float32, ldc, nc int, add bool) {
	l.panelGeneric(j, x, from, m, c, ldc, nc, add)
}
