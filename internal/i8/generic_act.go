package i8

import "math"

// fma32 is x*y + z rounded once, as the instruction does it. The product of two float32 is
// exact in float64; the sum is rounded to odd there, which makes a second rounding harmless.
func fma32(x, y, z float32) float32 {
	p := float64(x) * float64(y)
	s := p + float64(z)
	b := math.Float64bits(s)
	// The second rounding can only go wrong halfway between two float32, and
	// where float32 has fewer bits than usual.
	if b&(1<<29-1) != 1<<28 && (s >= 0x1p-126 || s <= -0x1p-126) || s == 0 {
		return float32(s)
	}
	t := s - p
	e := (p - (s - t)) + (float64(z) - t)
	if e != 0 && b&1 == 0 && !math.IsInf(s, 0) && s == s {
		if (e > 0) == (s > 0) {
			b++
		} else {
			b--
		}
	}
	return float32(math.Float64frombits(b))
}

// activateGeneric applies act to x in place and returns the bits of the largest magnitude.
func activateGeneric(act Activation, x []float32) uint32 {
	for i, v := range x {
		d := float64(v)
		switch act {
		case GELU:
			x[i] = float32(0.5 * d * math.Erfc(-d/math.Sqrt2))
		case GELUTanh:
			x[i] = float32(0.5 * d * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(d+0.044715*d*d*d))))
		case ReLU:
			x[i] = max(v, 0)
		case SiLU:
			x[i] = float32(d / (1 + math.Exp(-d)))
		}
	}
	return absMaxGeneric(x)
}
