package f32

import "math"

// exp is eˣ for -104 <= x <= 88, and NaN for NaN:
//
//	n := round(x * log2(e))
//	r := x - n*ln(2)
//	2ⁿ * (1 + r + r²*(c2 + ... + c6*r⁴))
//
// The polynomial has a relative error of 3e-9 (see _asm/coefficients.py); the
// rest is rounding.
func exp(x float32) float32 {
	const (
		log2e = math.Log2E
		ln2Hi = 0.693359375 // n*ln2Hi is exact
		ln2Lo = -2.12194440e-4
		round = 3 << 22 // adding it leaves an integer in the low bits
	)
	n := float32(float32(x*log2e)+round) - round
	r := x - float32(n*ln2Hi)
	r -= float32(n * ln2Lo)
	p := float32(0.001381455976808864*r) + 0.00836873556954547
	p = float32(p*r) + 0.04166838986098055
	p = float32(p*r) + 0.16666520477668367
	p = float32(p*r) + 0.499999934374123
	p = float32(float32(p*r)*r) + r + 1
	// 2ⁿ in two factors, since n may lie below the exponents of float32.
	i := int32(n)
	h := i >> 1
	return p * math.Float32frombits(uint32(h+127)<<23) * math.Float32frombits(uint32(i-h+127)<<23)
}

// tail is Φ(-u), the standard normal distribution, for 0 <= u <= 12.5:
//
//	t := 1 / (1 + p*u)
//	exp(-u²/2) * (a1*t + ... + a8*t⁸)
//
// the form of Abramowitz and Stegun 7.1.26, with a relative error of 1e-7
// before rounding (see _asm/coefficients.py).
func tail(u float32) float32 {
	t := 1 / (1 + float32(0.305*u))
	p := float32(0.03669922988041817*t) - 0.15298847604382002
	p = float32(p*t) + 0.1857171910767906
	p = float32(p*t) - 0.03797712737972213
	p = float32(p*t) + 0.12102185699345838
	p = float32(p*t) + 0.1034208064925306
	p = float32(p*t) + 0.12246683135095496
	p = float32(p*t) + 0.12163973462225537
	return exp(-0.5*u*u) * t * p
}

func geluGeneric(x []float32) {
	for i, v := range x {
		u, y := v, v
		if v < 0 {
			u, y = -v, 0
		}
		if u > 12.5 {
			u = 12.5
		}
		x[i] = y - float32(u*tail(u))
	}
}

func geluTanhGeneric(x []float32) {
	const c = -2 * 0.7978845608028654 // √(2/π)
	for i, v := range x {
		y := v * (float32(c*0.044715*v*v) + c)
		if y > 87 {
			y = 87
		} else if y < -104 {
			y = -104
		}
		if v < -30 {
			v = -30
		}
		x[i] = v / (1 + exp(y))
	}
}

func softmaxGeneric(x []float32) {
	if len(x) == 0 {
		return
	}
	m := x[0]
	for _, v := range x[1:] {
		if v > m {
			m = v
		}
	}
	var sum float64
	for i, v := range x {
		d := v - m
		if d < -104 {
			d = -104
		}
		e := exp(d)
		x[i] = e
		sum += float64(e)
	}
	scaleGeneric(float32(1/sum), x)
}
