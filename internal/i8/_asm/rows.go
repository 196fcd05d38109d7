package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

var float32s = []int{4, 4, 4, 4}

func (v *isa) absMax() {
	v.begin("absMax", "func(x []float32) uint32")
	x, n := slice("x"), length("x")
	abs, m := v.bits(0x7fffffff), v.zeros(v.regs())
	v.loop("max", n, []GPVirtual{x}, float32s, func(i int, k *mask) {
		t := v.reg()
		v.load(at(x, i*v.bytes), k, t)
		v.and(abs, t, t)
		VPMAXUD(t, m[i], m[i])
	})
	v.returnMax(m)
}

func (v *isa) returnMax(m []VecVirtual) {
	r := GP32()
	VMOVD(v.fold(m, vmaxu), r)
	Store(r, ReturnIndex(0))
	v.end()
}

// quantize writes whole registers, beyond the length of x where that is not a multiple of 16: to the
// padding of the row, which it sets to zero.
func (v *isa) quantize() {
	v.begin("quantize", "func(dst *byte, x []float32, inv float32) int32")
	dst, x, n := param("dst"), slice("x"), length("x")
	inv, sum := v.scalar("inv"), v.zeros(v.regs())
	size := 2
	if v.wide {
		size = 1
	}
	var even VecVirtual
	v.loop("quantize", n, []GPVirtual{x, dst}, []int{4, size}, func(i int, k *mask) {
		t := v.reg()
		if k != nil {
			v.load(at(x, i*v.bytes), k, t)
			VMULPS(inv, t, t)
		} else {
			VMULPS(at(x, i*v.bytes), inv, t)
		}
		VCVTPS2DQ(t, t)
		VPADDD(t, sum[i], sum[i])
		if v.wide {
			VPMOVDB(t, at(dst, i*16))
			return
		}
		if i%2 == 0 {
			even = t
			return
		}
		VPACKSSDW(t, even, t)
		VPERMQ(U8(0xd8), t, t)
		VMOVDQU(t, at(dst, i/2*32))
	})
	r := GP32()
	VMOVD(v.fold(sum, vaddd), r)
	Store(r, ReturnIndex(0))
	v.end()
}

// layerNorm takes a nil add for nothing to add.
func (v *isa) layerNorm() {
	v.begin("layerNorm", "func(x []float32, add *float32, gamma, beta []float32, eps float32) uint32")
	x0, n0 := slice("x"), length("x")
	x, n := GP64(), GP64()
	count := XMM()
	VXORPS(count, count, count)
	VCVTSI2SSQ(n0, count, count)

	Comment("sum")
	add := param("add")
	sum := v.zeros(v.regs())
	MOVQ(x0, x)
	MOVQ(n0, n)
	TESTQ(add, add)
	JZ(LabelRef("alone"))
	v.loop("add", n, []GPVirtual{x, add}, float32s, func(i int, k *mask) {
		t, a := v.reg(), v.reg()
		v.load(at(x, i*v.bytes), k, t)
		v.load(at(add, i*v.bytes), k, a)
		VADDPS(a, t, t)
		v.store(t, k, at(x, i*v.bytes))
		VADDPS(t, sum[i], sum[i])
	})
	JMP(LabelRef("mean"))
	Label("alone")
	v.loop("sum", n, []GPVirtual{x}, float32s, func(i int, k *mask) {
		t := v.reg()
		v.load(at(x, i*v.bytes), k, t)
		VADDPS(t, sum[i], sum[i])
	})
	Label("mean")
	s := v.fold(sum, vaddf)
	VDIVSS(count, s, s)
	mean := v.reg()
	VBROADCASTSS(s, mean)

	Comment("variance")
	sq := v.zeros(v.regs())
	MOVQ(x0, x)
	MOVQ(n0, n)
	v.loop("var", n, []GPVirtual{x}, float32s, func(i int, k *mask) {
		t := v.reg()
		v.load(at(x, i*v.bytes), k, t)
		VSUBPS(mean, t, t)
		v.keep(t, k)
		VFMADD231PS(t, t, sq[i])
	})
	s = v.fold(sq, vaddf)
	VDIVSS(count, s, s)
	VADDSS(Load(Param("eps"), XMM()), s, s)
	VSQRTSS(s, s, s)
	one := XMM()
	VMOVSS(v.word(math.Float32bits(1)), one)
	VDIVSS(s, one, one)
	scale := v.reg()
	VBROADCASTSS(one, scale)

	gamma, beta := slice("gamma"), slice("beta")
	abs, m := v.bits(0x7fffffff), v.zeros(v.regs())
	v.loop("out", n0, []GPVirtual{x0, gamma, beta}, float32s, func(i int, k *mask) {
		t, g, b := v.reg(), v.reg(), v.reg()
		v.load(at(x0, i*v.bytes), k, t)
		v.load(at(gamma, i*v.bytes), k, g)
		v.load(at(beta, i*v.bytes), k, b)
		VSUBPS(mean, t, t)
		VMULPS(scale, t, t)
		VFMADD213PS(b, g, t)
		v.keep(t, k)
		v.store(t, k, at(x0, i*v.bytes))
		v.and(abs, t, t)
		VPMAXUD(t, m[i], m[i])
	})
	v.returnMax(m)
}

// apply emits a loop that replaces each float of x by f of it, and returns the bits of the largest magnitude.
func (v *isa) apply(x, n GPVirtual, f func(x VecVirtual)) {
	abs, m := v.bits(0x7fffffff), v.zeros(v.regs())
	v.loop("apply", n, []GPVirtual{x}, float32s, func(i int, k *mask) {
		t := v.reg()
		v.load(at(x, i*v.bytes), k, t)
		f(t)
		v.keep(t, k)
		v.store(t, k, at(x, i*v.bytes))
		v.and(abs, t, t)
		VPMAXUD(t, m[i], m[i])
	})
	v.returnMax(m)
}

func (v *isa) relu() {
	v.begin("relu", "func(x []float32) uint32")
	zero := v.zeros(1)[0]
	v.apply(slice("x"), length("x"), func(x VecVirtual) {
		VMAXPS(x, zero, x) // keeps a NaN in x, and -0
	})
}

// logistic is
//
//	m := max(x, -c[0])
//	y := min(m, c[0])
//	s := y*y
//	t := y * (c[1] + c[2]*s + ... + c[5]*s⁴)
//	x = m / (1 + exp2(t))
//
// with Horner's rule in fma, and exp2(t) = 2^floor(t) · P(t-floor(t)), P by Horner's rule from c[6] up.
func (v *isa) logistic() {
	const (
		inner = 5 // coefficients of t
		outer = 5 // coefficients of P
	)
	v.begin("logistic", "func(x []float32, c *float32) uint32")
	x, n, c := slice("x"), length("x"), param("c")
	var in, out []Op
	coef := func(i int) VecVirtual {
		r := v.reg()
		VBROADCASTSS(at(c, 4*i), r)
		return r
	}
	high := coef(0)
	low := v.reg()
	VXORPS(v.bits(0x80000000), high, low)
	one := v.float(1)
	if v.wide {
		for i := range inner {
			in = append(in, coef(1+i))
		}
		for i := range outer {
			out = append(out, coef(1+inner+i))
		}
	}
	get := func(regs []Op, first, i int) Op {
		if v.wide {
			return regs[i]
		}
		return coef(first + i)
	}
	horner := func(regs []Op, first, count int, s VecVirtual) VecVirtual {
		p := v.reg()
		if v.wide {
			VMOVAPS(regs[count-1], p)
		} else {
			VBROADCASTSS(at(c, 4*(first+count-1)), p)
		}
		for i := count - 2; i >= 0; i-- {
			VFMADD213PS(get(regs, first, i), s, p)
		}
		return p
	}
	v.apply(x, n, func(x VecVirtual) {
		y, s := v.reg(), v.reg()
		VMAXPS(x, low, x) // keeps a NaN in x
		VMINPS(x, high, y)
		VMULPS(y, y, s)
		t := horner(in, 1, inner, s)
		VMULPS(y, t, t)
		f, r := v.reg(), v.reg()
		if v.wide {
			VRNDSCALEPS(U8(1), t, f) // VREDUCEPS would round its result in another way
		} else {
			VROUNDPS(U8(1), t, f)
		}
		VSUBPS(f, t, r)
		p := horner(out, 1+inner, outer, r)
		if v.wide {
			VSCALEFPS(f, p, p)
			VADDPS(one, p, p)
			VDIVPS(p, x, x)
			return
		}
		VCVTPS2DQ(f, f)
		VPSLLD(U8(23), f, f)
		VPADDD(f, p, p)
		VADDPS(one, p, p)
		VDIVPS(p, x, x)
	})
}

func (v *isa) byteMask(n GPVirtual) Register {
	bits := GP64()
	MOVQ(U32(1), bits)
	MOVQ(n, RCX)
	SHLQ(CL, bits)
	DECQ(bits)
	k := K()
	KMOVQ(bits, k)
	return k
}
