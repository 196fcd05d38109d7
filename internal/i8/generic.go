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

func (l *Linear) panelGeneric(j int, x *Rows, from, m int, c []float32, ldc, nc int, add bool) {
	in := l.in
	for o := range nc {
		w := l.packed[j*l.panel+o*in:][:in]
		sw, b := l.scale[j*nrGeneric+o], l.bias[j*nrGeneric+o]
		for r := range m {
			q := x.data[(from+r)*x.ld:][:in]
			var sum int32
			for i, v := range w {
				sum += int32(int8(v)) * int32(int8(q[i]))
			}
			y := fma32(float32(sum), float32(x.scale[from+r]*sw), b)
			if add {
				y += c[r*ldc+o]
			}
			c[r*ldc+o] = y
		}
	}
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

// quantizeGeneric writes round(x·inv) to dst, size bytes each, and returns the sum.
func quantizeGeneric(dst []byte, x []float32, inv float32, size int) (sum int32) {
	for i, v := range x {
		q := int32(math.RoundToEven(float64(float32(v * inv))))
		sum += q
		dst[i*size] = byte(q)
		if size == 2 {
			dst[i*size+1] = byte(q >> 8)
		}
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
