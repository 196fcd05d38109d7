package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The coefficients come from coefficients.py.
var (
	expCoef = []float64{1, 1, 0.499999934374123, 0.16666520477668367, 0.04166838986098055, 0.00836873556954547, 0.001381455976808864}
	phiP    = 0.305
	phiCoef = []float64{
		0.12163973462225537, 0.12246683135095496, 0.1034208064925306, 0.12102185699345838,
		-0.03797712737972213, 0.1857171910767906, -0.15298847604382002, 0.03669922988041817,
	}
)

// ln(2) in two parts: the product of the first with a small integer is exact.
const (
	ln2Hi = 0.693359375
	ln2Lo = -2.12194440e-4
)

// exponential holds the constants of exp. In AVX2 there are too few
// registers for them: the coefficients are broadcast where they are used.
type exponential struct {
	v             *isa
	log2e, hi, lo VecVirtual
	coef          []VecVirtual
}

func (v *isa) newExp() *exponential {
	e := &exponential{v: v, log2e: v.float(math.Log2E), hi: v.float(ln2Hi), lo: v.float(ln2Lo)}
	if v.wide {
		for _, c := range expCoef {
			e.coef = append(e.coef, v.float(c))
		}
	}
	return e
}

// horner evaluates Σ coef[i]·xⁱ; regs, if not nil, hold the coefficients.
func (v *isa) horner(coef []float64, regs []VecVirtual, x VecVirtual) VecVirtual {
	at := func(i int) VecVirtual {
		if regs != nil {
			return regs[i]
		}
		return v.float(coef[i])
	}
	p := v.reg()
	n := len(coef) - 1
	if regs != nil {
		VMOVAPS(regs[n], p)
	} else {
		VBROADCASTSS(v.word(math.Float32bits(float32(coef[n]))), p)
	}
	for i := n - 1; i >= 0; i-- {
		VFMADD213PS(at(i), x, p)
	}
	return p
}

// exp replaces x by its exponential; -104 <= x <= 88.
//
//	n := round(x * log2(e))
//	r := x - n*ln(2)
//	x = 2ⁿ * (1 + r + r²*(...))
func (e *exponential) exp(x VecVirtual) {
	v := e.v
	n := v.reg()
	VMULPS(e.log2e, x, n)
	v.round(n, n)
	VFNMADD231PS(e.hi, n, x)
	VFNMADD231PS(e.lo, n, x)
	p := v.horner(expCoef, e.coef, x)
	if v.wide {
		VSCALEFPS(n, p, x)
		return
	}
	// 2ⁿ in two factors, since n may lie below the exponents of float32.
	half := v.reg()
	bias := v.bits(127)
	VCVTPS2DQ(n, n)
	VPSRAD(U8(1), n, half)
	VPSUBD(half, n, n)
	VPADDD(bias, half, half)
	VPADDD(bias, n, n)
	VPSLLD(U8(23), half, half)
	VPSLLD(U8(23), n, n)
	VMULPS(half, p, x)
	VMULPS(n, x, x)
}

func (v *isa) softmax() {
	v.begin("softmax", "func(x []float32)")
	x0, n0 := slice("x"), length("x")
	x, n := GP64(), GP64()

	MOVQ(x0, x)
	MOVQ(n0, n)
	acc := make([]VecVirtual, 4)
	for i := range acc {
		acc[i] = v.float(math.Inf(-1))
	}
	v.loop("max", n, []GPVirtual{x}, len(acc), func(off, i int, k *mask) {
		if k != nil {
			t := v.float(math.Inf(-1))
			v.loadOver(at(x, off), *k, t)
			VMAXPS(t, acc[i], acc[i])
			return
		}
		VMAXPS(at(x, off), acc[i], acc[i])
	})
	VMAXPS(acc[2], acc[0], acc[0])
	VMAXPS(acc[3], acc[1], acc[1])
	VMAXPS(acc[1], acc[0], acc[0])
	max := v.reg()
	VBROADCASTSS(v.reduce(acc[0], VMAXPS), max)

	MOVQ(x0, x)
	MOVQ(n0, n)
	e := v.newExp()
	low := v.float(-104)
	sum := v.accumulators(2)
	v.loop("exp", n, []GPVirtual{x}, len(sum), func(off, i int, k *mask) {
		t := v.reg()
		if k != nil {
			v.load(at(x, off), *k, t)
		} else {
			VMOVUPS(at(x, off), t)
		}
		VSUBPS(max, t, t)
		VMAXPS(t, low, t) // a NaN in t is kept: the second source wins
		e.exp(t)
		if k != nil {
			v.keep(t, *k)
			v.store(t, *k, at(x, off))
		} else {
			VMOVUPS(t, at(x, off))
		}
		VADDPS(t, sum[i], sum[i])
	})
	one := XMM()
	VMOVSS(v.word(math.Float32bits(1)), one)
	VDIVSS(v.total(sum), one, one)
	inv := v.reg()
	VBROADCASTSS(one, inv)
	v.scaleLoop("norm", inv, x0, n0)
	v.end()
}

// apply emits a loop that replaces each float of x by f of it.
func (v *isa) apply(name string, unroll int, f func(x VecVirtual)) {
	x, n := slice("x"), length("x")
	v.loop(name, n, []GPVirtual{x}, unroll, func(off, i int, k *mask) {
		t := v.reg()
		if k != nil {
			v.load(at(x, off), *k, t)
			f(t)
			v.store(t, *k, at(x, off))
			return
		}
		VMOVUPS(at(x, off), t)
		f(t)
		VMOVUPS(t, at(x, off))
	})
}

// gelu is
//
//	u := min(|x|, 12.5)
//	t := 1 / (1 + p*u)
//	x = max(x, 0) - u*exp(-u²/2)*(a1*t + a2*t² + ...)
//
// which is x·Φ(x) on both sides of 0, without cancellation on the left.
func (v *isa) gelu() {
	v.begin("gelu", "func(x []float32)")
	e := v.newExp()
	abs, top := v.bits(0x7fffffff), v.float(12.5)
	one, zero := v.float(1), v.reg()
	v.zero(zero)
	var coef []VecVirtual
	if v.wide {
		for _, c := range phiCoef {
			coef = append(coef, v.float(c))
		}
	}
	v.apply("gelu", 2, func(x VecVirtual) {
		u, t, q := v.reg(), v.reg(), v.reg()
		v.and(abs, x, u)
		VMINPS(u, top, u) // keeps a NaN in u
		VBROADCASTSS(v.word(math.Float32bits(float32(phiP))), t)
		VFMADD213PS(one, u, t)
		VDIVPS(t, one, t)
		VMULPS(u, u, q)
		VMULPS(v.float(-0.5), q, q)
		e.exp(q)
		VMULPS(u, q, q)
		VMULPS(t, q, q)
		p := v.horner(phiCoef, coef, t)
		VMAXPS(x, zero, x)
		VFNMADD231PS(p, q, x)
	})
	v.end()
}

// geluTanh is x·σ(2z), which is x·(1+tanh(z))/2:
//
//	y := clamp(-2*√(2/π)*(x+0.044715*x³), -104, 87)
//	x = max(x, -30) / (1 + exp(y))
func (v *isa) geluTanh() {
	v.begin("geluTanh", "func(x []float32)")
	e := v.newExp()
	c := -2 * math.Sqrt(2/math.Pi)
	low, high, one := v.float(-104), v.float(87), v.float(1)
	v.apply("tanh", 2, func(x VecVirtual) {
		y := v.reg()
		VMULPS(x, x, y)
		VMULPS(v.float(c*0.044715), y, y)
		VADDPS(v.float(c), y, y)
		VMULPS(x, y, y)
		VMINPS(y, high, y)
		VMAXPS(y, low, y)
		e.exp(y)
		VADDPS(one, y, y)
		VMAXPS(x, v.float(-30), x)
		VDIVPS(y, x, x)
	})
	v.end()
}

func (v *isa) layerNorm() {
	v.begin("layerNorm", "func(dst, x, gamma, beta []float32, eps float32)")
	x0, n0 := slice("x"), length("x")
	x, n := GP64(), GP64()
	count := XMM()
	VXORPS(count, count, count)
	VCVTSI2SSQ(n0, count, count)

	Comment("mean")
	MOVQ(x0, x)
	MOVQ(n0, n)
	acc := v.accumulators(4)
	v.loop("sum", n, []GPVirtual{x}, len(acc), func(off, i int, k *mask) {
		if k != nil {
			t := v.reg()
			v.load(at(x, off), *k, t)
			VADDPS(t, acc[i], acc[i])
			return
		}
		VADDPS(at(x, off), acc[i], acc[i])
	})
	s := v.total(acc)
	VDIVSS(count, s, s)
	mean := v.reg()
	VBROADCASTSS(s, mean)

	Comment("variance")
	MOVQ(x0, x)
	MOVQ(n0, n)
	acc = v.accumulators(4)
	v.loop("var", n, []GPVirtual{x}, len(acc), func(off, i int, k *mask) {
		t := v.reg()
		if k != nil {
			v.load(at(x, off), *k, t)
			VSUBPS(mean, t, t)
			v.keep(t, *k)
		} else {
			VMOVUPS(at(x, off), t)
			VSUBPS(mean, t, t)
		}
		VFMADD231PS(t, t, acc[i])
	})
	s = v.total(acc)
	VDIVSS(count, s, s)
	eps := Load(Param("eps"), XMM())
	VADDSS(eps, s, s)
	VSQRTSS(s, s, s)
	one := XMM()
	VMOVSS(v.word(math.Float32bits(1)), one)
	VDIVSS(s, one, one)
	scale := v.reg()
	VBROADCASTSS(one, scale)

	dst, gamma, beta := slice("dst"), slice("gamma"), slice("beta")
	v.loop("out", n0, []GPVirtual{dst, x0, gamma, beta}, 2, func(off, i int, k *mask) {
		t, g := v.reg(), v.reg()
		if k != nil {
			b := v.reg()
			v.load(at(x0, off), *k, t)
			v.load(at(gamma, off), *k, g)
			v.load(at(beta, off), *k, b)
			VSUBPS(mean, t, t)
			VMULPS(scale, t, t)
			VFMADD213PS(b, g, t)
			v.store(t, *k, at(dst, off))
			return
		}
		VMOVUPS(at(x0, off), t)
		VMOVUPS(at(gamma, off), g)
		VSUBPS(mean, t, t)
		VMULPS(scale, t, t)
		VFMADD213PS(at(beta, off), g, t)
		VMOVUPS(t, at(dst, off))
	})
	v.end()
}
