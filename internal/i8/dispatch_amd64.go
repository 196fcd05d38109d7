//go:build amd64 && !purego

package i8

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/cpu"
)

//go:generate sh -c "cd _asm && go run . -pkg i8 -out ../kernels_amd64.s -stubs ../stubs_amd64.go"

// available lists the implementations that this machine has, slowest first. The
// flags are set only if the operating system saves the registers too.
func available() []impl {
	have := []impl{generic}
	x := &cpu.X86
	if x.HasAVX2 && x.HasFMA {
		have = append(have, avx2)
		if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VNNI {
			have = append(have, vnni)
		}
	}
	return have
}

// tileSize is the largest number of rows and the number of outputs of a tile, and the number of inputs
// that are padded with zeros to a whole.
func (im impl) tileSize() (mr, nr, kb int) {
	switch im {
	case vnni:
		return 14, 32, 16
	case avx2:
		return 6, 16, 8
	}
	return mrGeneric, nrGeneric, kbGeneric
}

// inputBytes is the size of a quantised value in Rows.
func (im impl) inputBytes() int {
	if im == avx2 {
		return 2
	}
	return 1
}

func (im impl) dot(a, b []int8) int32 {
	switch im {
	case vnni:
		return dotVNNI(a, b)
	case avx2:
		whole := len(a) &^ 15
		return dotAVX2(a[:whole], b[:whole]) + dotGeneric(a[whole:], b[whole:])
	}
	return dotGeneric(a, b)
}

func (im impl) dotRows(dst []int32, q, rows []int8, dim int) {
	if im == generic || len(dst) == 0 || dim == 0 {
		dotRowsGeneric(dst, q, rows, dim)
		return
	}
	if im == vnni {
		var sum int32
		for _, v := range q {
			sum += int32(v)
		}
		dotRowsVNNI(&dst[0], len(dst), &q[0], &rows[0], dim, -128*sum)
		return
	}
	dotRowsAVX2(&dst[0], len(dst), &q[0], &rows[0], dim, 0)
	if whole := dim &^ 15; whole < dim {
		for r := range dst {
			dst[r] += dotGeneric(q[whole:], rows[r*dim+whole:(r+1)*dim])
		}
	}
}

func (im impl) absMax(x []float32) uint32 {
	switch im {
	case vnni:
		return absMaxVNNI(x)
	case avx2:
		return absMaxAVX2(x)
	}
	return absMaxGeneric(x)
}

// activate applies act to x in place and returns the bits of the largest magnitude.
func (im impl) activate(act Activation, x []float32) uint32 {
	if im == generic || act == Identity {
		if act == Identity {
			return im.absMax(x)
		}
		return activateGeneric(act, x)
	}
	if act == ReLU {
		if im == vnni {
			return reluVNNI(x)
		}
		return reluAVX2(x)
	}
	if im == vnni {
		return logisticVNNI(x, &logistics[act][0])
	}
	return logisticAVX2(x, &logistics[act][0])
}

// quantize writes round(x·inv) to dst, one row of Rows, and returns the sum of the values.
func (im impl) quantize(dst []byte, x []float32, inv float32) int32 {
	if len(x) == 0 {
		return 0
	}
	switch im {
	case vnni:
		return quantizeVNNI(&dst[0], x, inv)
	case avx2:
		return quantizeAVX2(&dst[0], x, inv)
	}
	return quantizeGeneric(dst, x, inv)
}

// layerNorm normalises x + add in place and returns the bits of the largest magnitude.
func (im impl) layerNorm(x, add, gamma, beta []float32, eps float32) uint32 {
	if len(x) == 0 {
		return 0
	}
	switch im {
	case vnni:
		return layerNormVNNI(x, unsafe.SliceData(add), gamma, beta, eps)
	case avx2:
		return layerNormAVX2(x, unsafe.SliceData(add), gamma, beta, eps)
	}
	return layerNormGeneric(x, add, gamma, beta, eps)
}

// pack writes w, (rows <= nr, in), to a panel: (in/4, nr, 4) values w+128 for VNNI, (in/2, nr, 2) values w for
// AVX2, zeros of w where there is none.
func (im impl) pack(dst []byte, w []int8, rows, in int) {
	_, nr, _ := im.tileSize()
	if im == generic {
		packGeneric(dst, w, rows, in)
		return
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w))), len(w))
	if im == avx2 {
		for j := range rows {
			row := b[j*in : (j+1)*in]
			i := 0
			for ; i+2 <= in; i += 2 {
				binary.LittleEndian.PutUint16(dst[i*nr+2*j:], binary.LittleEndian.Uint16(row[i:]))
			}
			if i < in {
				dst[i*nr+2*j] = row[i]
			}
		}
		return
	}
	const offset = 0x80808080
	if rows < nr {
		for i := 0; i < len(dst); i += 4 {
			binary.LittleEndian.PutUint32(dst[i:], offset)
		}
	}
	for j := range rows {
		row := b[j*in : (j+1)*in]
		i := 0
		for ; i+4 <= in; i += 4 {
			binary.LittleEndian.PutUint32(dst[i*nr+4*j:], binary.LittleEndian.Uint32(row[i:])^offset)
		}
		for ; i < in; i++ {
			dst[i&^3*nr+4*j+i&3] = row[i] ^ 0x80
		}
	}
}

// panelOf computes nc <= nr outputs, those of panel j, of m rows of x: c[r*ldc+o]. It cuts the rows
// into tiles of at most mr rows and nearly the same height.
func (l *Linear) panelOf(j int, x *Rows, from, m int, c []float32, ldc, nc int, add bool) {
	if l.im == generic {
		l.panelGeneric(j, x, from, m, c, ldc, nc, add)
		return
	}
	mr, nr, _ := l.im.tileSize()
	w, scale, bias := &l.packed[j*l.panel], &l.scale[j*nr], &l.bias[j*nr]
	words := l.panel / nr * l.im.inputBytes() / 4
	plus := 0
	if add {
		plus = 1
	}
	for tiles := (m + mr - 1) / mr; tiles > 0; tiles-- {
		rows := (m + tiles - 1) / tiles
		if l.im == vnni {
			tileVNNI(rows, words, &x.data[from*x.ld], x.ld, w, &c[0], ldc, nc, &x.sum[from], &x.scale[from], scale, bias, plus)
		} else {
			tileAVX2(rows, words, &x.data[from*x.ld], x.ld, w, &c[0], ldc, nc, &x.sum[from], &x.scale[from], scale, bias, plus)
		}
		from += rows
		if m -= rows; m > 0 {
			c = c[rows*ldc:]
		}
	}
}
