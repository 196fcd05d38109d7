package i8

import "math"

// fma32 is x*y + z rounded once, as the instruction does it. The product of two float32 is
// exact in float64, so that it does not matter if a compiler fuses it into a sum; the sum is
// rounded to odd there, which makes a second rounding harmless.
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

// logistics holds the coefficients of the activations that are x/(1+2^t(x)), for logistic.
var logistics = [...][11]float32{
	GELU: {6, -2.3020436606129326, -0.10523021245142299, 0.000362174570408787, 8.788639421889768e-05, -3.20906293770383e-06,
		exp0, exp1, exp2, exp3, exp4},
	GELUTanh: {6, -2.302208198144325, -0.10294323957482847, 0, 0, 0, exp0, exp1, exp2, exp3, exp4},
	SiLU:     {30, -math.Log2E, 0, 0, 0, 0, exp0, exp1, exp2, exp3, exp4},
}

// 2ʳ for 0 <= r < 1, with a relative error of 2.6e-6 (see _asm/coefficients.py).
const (
	exp0 = 1.0000025933697299
	exp1 = 0.6930038345053001
	exp2 = 0.2414427566994733
	exp3 = 0.05201146093530755
	exp4 = 0.013534167746995054
)

// activateGeneric applies act to x in place and returns the bits of the largest magnitude.
func activateGeneric(act Activation, x []float32) (m uint32) {
	switch act {
	case Identity:
	case ReLU:
		for i, v := range x {
			if v < 0 {
				x[i] = 0
			}
		}
	default:
		c := &logistics[act]
		for i, v := range x {
			x[i] = logistic(v, c)
		}
	}
	return absMaxGeneric(x)
}

// logistic is x/(1+2ᵗ), where t is x times a polynomial in x², for x held in [-c[0], c[0]]:
// beyond, the result goes on as x on the right and as a constant near 0 on the left.
func logistic(x float32, c *[11]float32) float32 {
	if x < -c[0] {
		x = -c[0]
	}
	y := x
	if y > c[0] {
		y = c[0]
	}
	s := float32(y * y)
	t := c[5]
	for i := 4; i >= 1; i-- {
		t = fma32(t, s, c[i])
	}
	t = float32(t * y)
	if t != t {
		return t
	}
	n := float32(math.Floor(float64(t)))
	r := t - n
	p := c[10]
	for i := 9; i >= 6; i-- {
		p = fma32(p, r, c[i])
	}
	p = math.Float32frombits(math.Float32bits(p) + uint32(int32(n))<<23)
	return x / (1 + p)
}
