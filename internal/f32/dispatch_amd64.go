//go:build amd64 && !purego

package f32

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

//go:generate sh -c "cd _asm && go run . -pkg f32 -out ../kernels_amd64.s -stubs ../stubs_amd64.go"

// available lists the implementations that this machine has, slowest first. The
// flags are set only if the operating system saves the registers too.
func available() []impl {
	have := []impl{generic}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		have = append(have, avx2)
		if cpu.X86.HasAVX512F {
			have = append(have, avx512)
		}
	}
	return have
}

func (im impl) dot(x, y []float32) float32 {
	switch im {
	case avx512:
		return dotAVX512(x, y)
	case avx2:
		return dotAVX2(x, y)
	}
	return dotGeneric(x, y)
}

func (im impl) squaredL2(x, y []float32) float32 {
	switch im {
	case avx512:
		return squaredL2AVX512(x, y)
	case avx2:
		return squaredL2AVX2(x, y)
	}
	return squaredL2Generic(x, y)
}

func (im impl) axpy(alpha float32, x, y []float32) {
	switch im {
	case avx512:
		axpyAVX512(alpha, x, y)
	case avx2:
		axpyAVX2(alpha, x, y)
	default:
		axpyGeneric(alpha, x, y)
	}
}

func (im impl) scale(alpha float32, x []float32) {
	switch im {
	case avx512:
		scaleAVX512(alpha, x)
	case avx2:
		scaleAVX2(alpha, x)
	default:
		scaleGeneric(alpha, x)
	}
}

func (im impl) add(dst, x []float32) {
	switch im {
	case avx512:
		addAVX512(dst, x)
	case avx2:
		addAVX2(dst, x)
	default:
		addGeneric(dst, x)
	}
}

func (im impl) sumSquares(x []float32) float64 {
	whole := len(x) &^ 15
	switch im {
	case avx512:
		return sumSquaresAVX512(x[:whole]) + sumSquaresGeneric(x[whole:])
	case avx2:
		return sumSquaresAVX2(x[:whole]) + sumSquaresGeneric(x[whole:])
	}
	return sumSquaresGeneric(x)
}

func (im impl) softmax(x []float32) {
	switch im {
	case avx512:
		softmaxAVX512(x)
	case avx2:
		softmaxAVX2(x)
	default:
		softmaxGeneric(x)
	}
}

func (im impl) gelu(x []float32) {
	switch im {
	case avx512:
		geluAVX512(x)
	case avx2:
		geluAVX2(x)
	default:
		geluGeneric(x)
	}
}

func (im impl) geluTanh(x []float32) {
	switch im {
	case avx512:
		geluTanhAVX512(x)
	case avx2:
		geluTanhAVX2(x)
	default:
		geluTanhGeneric(x)
	}
}

func (im impl) layerNorm(dst, x, gamma, beta []float32, eps float32) {
	switch im {
	case avx512:
		layerNormAVX512(dst, x, gamma, beta, eps)
	case avx2:
		layerNormAVX2(dst, x, gamma, beta, eps)
	default:
		layerNormGeneric(dst, x, gamma, beta, eps)
	}
}

// tileSize is the largest number of rows and the number of columns of a tile.
func (im impl) tileSize() (mr, nr int) {
	switch im {
	case avx512:
		return 14, 32
	case avx2:
		return 6, 16
	}
	return mrGeneric, nrGeneric
}

// packTransposed writes the rows of w, (rows <= nr, k) with rows ld apart, into
// the columns of dst, (k, nr). The columns left over become zero.
func (im impl) packTransposed(rows, k int, w []float32, ld int, dst []float32) {
	_, nr := im.tileSize()
	if im == generic || k < 8 {
		packTransposedGeneric(rows, k, w, ld, dst, nr)
		return
	}
	// Squares of 8 by assembly, the last inputs and outputs by plain code.
	whole := k &^ 7
	j := 0
	for ; j+8 <= rows; j += 8 {
		transpose8AVX2(whole, &w[j*ld], ld, &dst[j], nr)
	}
	if j < nr {
		packColumns(j, nr, rows, whole, w, ld, dst, nr)
	}
	if whole < k {
		packTransposedGeneric(rows, k-whole, w[whole:], ld, dst[whole*nr:], nr)
	}
}

// tile is panel for rows <= mr and all nr columns, in assembly.
func (im impl) tile(rows, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, alpha float32, bias []float32) {
	switch im {
	case avx512:
		tileAVX512(rows, k, unsafe.SliceData(a), lda, unsafe.SliceData(b), ldb, &c[0], ldc, alpha, &bias[0])
	case avx2:
		tileAVX2(rows, k, unsafe.SliceData(a), lda, unsafe.SliceData(b), ldb, &c[0], ldc, alpha, &bias[0])
	}
}

// attend is Attention for sizes of at least 1.
func (im impl) attend(m, n, d int, scale float32, q []float32, ldq int, k []float32, ldk int, v []float32, ldv int, dst []float32, ldd int, scratch []float32) {
	if im == generic {
		attendGeneric(m, n, d, scale, q, ldq, k, ldk, v, ldv, dst, ldd, scratch)
		return
	}
	im.attendTiles(m, n, d, scale, q, ldq, k, ldk, v, ldv, dst, ldd, scratch)
}

// weights and values are the two halves of a tile of attendTiles.
func (im impl) weights(keys int, s, st []float32) {
	if im == avx512 {
		weightsAVX512(keys, &s[0], &st[0])
	} else {
		weightsAVX2(keys, &s[0], &st[0])
	}
}

func (im impl) values(keys, d int, w, v []float32, ldv int, o []float32, shrink, inv *float32) {
	if im == avx512 {
		valuesAVX512(keys, d, &w[0], &v[0], ldv, &o[0], shrink, inv)
	} else {
		valuesAVX2(keys, d, &w[0], &v[0], ldv, &o[0], shrink, inv)
	}
}

// unpack writes the first rows columns of o, (d, nr), to the rows of dst, (rows, d) with rows ldd apart.
func (im impl) unpack(rows, d int, o []float32, dst []float32, ldd int) {
	_, nr := im.tileSize()
	whole, squares := rows&^7, d&^7
	if whole > 0 {
		for i := 0; i < squares; i += 8 {
			transpose8AVX2(whole, &o[i*nr], nr, &dst[i], ldd)
		}
	}
	for r := range rows {
		first := squares
		if r >= whole {
			first = 0
		}
		row := dst[r*ldd : r*ldd+d]
		for i := first; i < d; i++ {
			row[i] = o[i*nr+r]
		}
	}
}
