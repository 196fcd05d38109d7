package i8

import "math"

// The functions in this file are the plain twins of the assembly, bit for bit.

const (
	mrGeneric = 4  // rows that share a pass over the weights
	nrGeneric = 16 // outputs of a panel
	kbGeneric = 1
)

// packGeneric keeps the weights of a panel as they come, (rows, in).
func packGeneric(dst []byte, w []int8, rows, in int) {
	for i, v := range w[:rows*in] {
		dst[i] = byte(v)
	}
}

// panelGeneric computes nc outputs of m rows. Two outputs share a 64-bit multiplication: with
// w = w0 + w1<<32 a sum of q·w holds both sums, the upper one short of what the lower has borrowed.
func (l *Linear) panelGeneric(j int, x *Rows, from, m int, c []float32, ldc, nc int, add bool) {
	for o := 0; o < nc; o += 2 {
		w0 := l.packed[j*l.panel+o*l.in:][:l.in]
		w1 := w0 // the second output is left out
		if o+1 < nc {
			w1 = l.packed[j*l.panel+(o+1)*l.in:][:l.in]
		}
		for r := 0; r < m; r += mrGeneric {
			var sum [mrGeneric]int64
			if m-r >= mrGeneric {
				x.sums4(&sum, w0, w1, from+r)
			} else {
				for k := range m - r {
					sum[k] = x.sums1(w0, w1, from+r+k)
				}
			}
			for k := range min(mrGeneric, m-r) {
				low := int32(sum[k])
				row := c[(r+k)*ldc:]
				l.finish(row, j*nrGeneric+o, o, low, x.scale[from+r+k], add)
				if o+1 < nc {
					l.finish(row, j*nrGeneric+o+1, o+1, int32((sum[k]-int64(low))>>32), x.scale[from+r+k], add)
				}
			}
		}
	}
}

// sums4 adds up the products of four rows with a pair of outputs.
func (r *Rows) sums4(sum *[mrGeneric]int64, w0, w1 []byte, from int) {
	row := func(i int) []byte { return r.data[(from+i)*r.ld:][:len(w0)] }
	q0, q1, q2, q3 := row(0), row(1), row(2), row(3)
	w1 = w1[:len(w0)]
	var s0, s1, s2, s3 int64
	for i, v := range w0 {
		w := int64(int8(v)) + int64(int8(w1[i]))<<32
		s0 += int64(int8(q0[i])) * w
		s1 += int64(int8(q1[i])) * w
		s2 += int64(int8(q2[i])) * w
		s3 += int64(int8(q3[i])) * w
	}
	*sum = [mrGeneric]int64{s0, s1, s2, s3}
}

// sums1 is sums4 for one row.
func (r *Rows) sums1(w0, w1 []byte, from int) (sum int64) {
	q := r.data[from*r.ld:][:len(w0)]
	w1 = w1[:len(w0)]
	for i, v := range w0 {
		sum += int64(int8(q[i])) * (int64(int8(v)) + int64(int8(w1[i]))<<32)
	}
	return sum
}

// finish turns the sum of output o, whose scale and bias stand at i, into a float of row.
func (l *Linear) finish(row []float32, i, o int, sum int32, scale float32, add bool) {
	y := fma32(float32(sum), float32(scale*l.scale[i]), l.bias[i])
	if add {
		y += row[o]
	}
	row[o] = y
}

func dotGeneric(a, b []int8) (sum int32) {
	b = b[:len(a)]
	for i, v := range a {
		sum += int32(v) * int32(b[i])
	}
	return sum
}

func dotRowsGeneric(dst []int32, q, rows []int8, dim int) {
	for r := range dst {
		dst[r] = dotGeneric(q, rows[r*dim:(r+1)*dim])
	}
}

// absMaxGeneric is the bits of the largest |x|. As integers, NaN is above infinity and that
// above all numbers.
func absMaxGeneric(x []float32) (m uint32) {
	for _, v := range x {
		m = max(m, math.Float32bits(v)&^(1<<31))
	}
	return m
}

const (
	infinity = 0x7f800000
	smallest = (127 - 120) << 23 // 2⁻¹²⁰, below which 127/m could overflow
)

// scales turns the bits of the largest magnitude of a row into its scale and the factor
// that makes the row int8, 0 if it becomes zeros.
func scales(bits uint32) (scale, inv float32) {
	switch {
	case bits >= infinity:
		return float32(math.NaN()), 0
	case bits < smallest:
		return 0, 0
	}
	m := math.Float32frombits(bits)
	return m / 127, 127 / m
}

// quantizeGeneric writes round(x·inv) to dst and returns the sum.
func quantizeGeneric(dst []byte, x []float32, inv float32) (sum int32) {
	dst = dst[:len(x)]
	for i, v := range x {
		q := int32(math.RoundToEven(float64(float32(v * inv))))
		sum += q
		dst[i] = byte(q)
	}
	return sum
}

// lanes is the number of partial sums in which floats are added.
const lanes = 32

// fold adds the upper half of the lanes to the lower until one is left.
func fold(s *[lanes]float32) float32 {
	for n := lanes / 2; n > 0; n /= 2 {
		for i := range n {
			s[i] += s[i+n]
		}
	}
	return s[0]
}

// layerNormGeneric normalises x + add in place and returns the bits of the largest magnitude.
func layerNormGeneric(x, add, gamma, beta []float32, eps float32) (m uint32) {
	if len(x) == 0 {
		return 0
	}
	n := float32(len(x))
	if add != nil {
		add = add[:len(x)]
		for i := range x {
			x[i] += add[i]
		}
	}
	var s [lanes]float32
	for i, v := range x {
		s[i%lanes] += v
	}
	mean := fold(&s) / n
	s = [lanes]float32{}
	for i, v := range x {
		d := v - mean
		s[i%lanes] = fma32(d, d, s[i%lanes])
	}
	scale := 1 / float32(math.Sqrt(float64(fold(&s)/n+eps)))
	gamma, beta = gamma[:len(x)], beta[:len(x)]
	for i, v := range x {
		d := v - mean
		v = fma32(float32(d*scale), gamma[i], beta[i])
		x[i] = v
		m = max(m, math.Float32bits(v)&^(1<<31))
	}
	return m
}
