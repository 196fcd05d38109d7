package i8

import "unsafe"

// Rows is a matrix of quantised inputs: int8 values, one float32 scale a row. Its memory
// is kept between uses. The zero value is empty. Different rows may be written concurrently,
// and rows may be read while others are written; Reset is alone.
type Rows struct {
	im       impl
	rows, in int
	ld       int       // bytes from row to row
	data     []byte    // (rows, ld), from an address that is a multiple of 64; int8, or int16 for AVX2; zero up to the kernels' block of inputs
	buf      []byte    // what data is a part of
	scale    []float32 // (rows)
	sum      []int32   // (rows) -128·Σq, which takes back the offset of the weights
}

// Reset makes room for rows by in values. What the rows held is lost. It allocates only when
// they are larger than ever before.
func (r *Rows) Reset(rows, in int) { r.reset(active, rows, in) }

func (r *Rows) reset(im impl, rows, in int) {
	rows, in = max(rows, 0), max(in, 0)
	r.im, r.rows, r.in = im, rows, in
	_, _, kb := im.tileSize()
	r.ld = (roundUp(in, kb)*im.inputBytes() + 63) &^ 63
	if r.ld%1024 == 0 {
		r.ld += 64 // rows a multiple of a page apart compete for one set of the first level cache
	}
	if need := rows*r.ld + 63; cap(r.buf) < need {
		r.buf = make([]byte, need)
	}
	r.buf = r.buf[:cap(r.buf)]
	start := int(-uintptr(unsafe.Pointer(unsafe.SliceData(r.buf))) & 63)
	if len(r.buf) == 0 {
		start = 0
	}
	r.data = r.buf[start : start+rows*r.ld]
	if cap(r.scale) < rows {
		r.scale, r.sum = make([]float32, rows), make([]int32, rows)
	}
	r.scale, r.sum = r.scale[:rows], r.sum[:rows]
}

// Len is the number of rows.
func (r *Rows) Len() int { return r.rows }

// In is the number of values in a row.
func (r *Rows) In() int { return r.in }

// Scale is the factor of row i: its value at j stands for float32(At(i, j)) * Scale(i).
func (r *Rows) Scale(i int) float32 { return r.scale[i] }

// At is value j of row i, in [-127, 127].
func (r *Rows) At(i, j int) int8 {
	if i < 0 || i >= r.rows || j < 0 || j >= r.in {
		panic("i8: index out of range")
	}
	return int8(r.data[i*r.ld+j*r.im.inputBytes()]) // the low byte of an int16
}

// Quantize makes dst the rows of x, (rows, in) with rows ld apart. For each row
//
//	m := max |x[i]|
//	scale = m / 127
//	q[i] = roundToEven(x[i] * (127 / m))
//
// A row whose m is below 2⁻¹²⁰ becomes zeros with scale 0. A row that holds a NaN or an
// infinity becomes zeros with scale NaN, so that every product with it is NaN.
func Quantize(dst *Rows, x []float32, rows, in, ld int) {
	dst.Reset(rows, in)
	dst.Quantize(0, x, rows, ld)
}

// Quantize writes rows at, at+1, ... of r, which Reset has made room for, from x, (rows, In)
// with rows ld apart, as the function Quantize does.
func (r *Rows) Quantize(at int, x []float32, rows, ld int) {
	r.check(at, rows)
	x = matrix(x, rows, r.in, ld)
	for i := range rows {
		row := from(x, i*ld, r.in)
		r.put(at+i, row, r.im.absMax(row))
	}
}

// LayerNormQuantize adds, normalises and quantises rows in one pass over each. x is the residual
// stream, (rows, In) with rows ldx apart, and is replaced by the normalised rows; add is (rows, In) with
// rows ldadd apart, or nil for nothing to add. gamma and beta are (In). For each row
//
//	for i := range x {
//		x[i] += add[i]
//	}
//	mean := Σ x[i] / n
//	variance := Σ (x[i]-mean)² / n
//	for i := range x {
//		x[i] = fma((x[i]-mean) * (1 / sqrt(variance+eps)), gamma[i], beta[i])
//	}
//
// and the result goes to rows at, at+1, ... of r, quantised as the function Quantize does.
func (r *Rows) LayerNormQuantize(at int, x []float32, ldx int, add []float32, ldadd int, gamma, beta []float32, eps float32, rows int) {
	r.check(at, rows)
	x = matrix(x, rows, r.in, ldx)
	if add != nil {
		add = matrix(add, rows, r.in, ldadd)
	}
	gamma, beta = gamma[:r.in:len(gamma)], beta[:r.in:len(beta)]
	for i := range rows {
		row := from(x, i*ldx, r.in)
		var plus []float32
		if add != nil {
			plus = from(add, i*ldadd, r.in)
		}
		r.put(at+i, row, r.im.layerNorm(row, plus, gamma, beta, eps))
	}
}

// put quantises x into row i; bits are those of its largest magnitude.
func (r *Rows) put(i int, x []float32, bits uint32) {
	scale, inv := scales(bits)
	r.scale[i] = scale
	row := r.data[i*r.ld : (i+1)*r.ld : (i+1)*r.ld]
	if inv == 0 {
		clear(row)
		r.sum[i] = 0
		return
	}
	r.sum[i] = -128 * r.im.quantize(row, x, inv)
	_, _, kb := r.im.tileSize()
	b := r.im.inputBytes()
	clear(row[r.in*b : roundUp(r.in, kb)*b])
}

func (r *Rows) check(at, rows int) {
	if rows < 0 || at < 0 || at+rows > r.rows {
		panic("i8: rows out of range")
	}
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// matrix returns the floats of the (rows, cols) matrix that x starts with. It
// panics if x is too short.
func matrix(x []float32, rows, cols, ld int) []float32 {
	if rows == 0 || cols == 0 {
		return nil
	}
	return x[: (rows-1)*ld+cols : len(x)]
}

// from is x[i:i+n], or nil for an empty x.
func from(x []float32, i, n int) []float32 {
	if n == 0 {
		return nil
	}
	return x[i : i+n : i+n]
}
