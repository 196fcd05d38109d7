package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// accumulators returns n zeroed registers.
func (v *isa) accumulators(n int) []VecVirtual {
	acc := make([]VecVirtual, n)
	for i := range acc {
		acc[i] = v.reg()
		v.zero(acc[i])
	}
	return acc
}

// total adds the registers and their lanes.
func (v *isa) total(acc []VecVirtual) VecVirtual {
	for n := len(acc) / 2; n > 0; n /= 2 {
		for i := range n {
			VADDPS(acc[i+n], acc[i], acc[i])
		}
	}
	return v.reduce(acc[0], VADDPS)
}

func (v *isa) dot() {
	v.begin("dot", "func(x, y []float32) float32")
	x, y, n := slice("x"), slice("y"), length("x")
	acc := v.accumulators(4)
	v.loop("dot", n, []GPVirtual{x, y}, len(acc), func(off, i int, k *mask) {
		a := v.reg()
		if k != nil {
			b := v.reg()
			v.load(at(x, off), *k, a)
			v.load(at(y, off), *k, b)
			VFMADD231PS(b, a, acc[i])
			return
		}
		VMOVUPS(at(x, off), a)
		VFMADD231PS(at(y, off), a, acc[i])
	})
	Store(v.total(acc), ReturnIndex(0))
	v.end()
}

func (v *isa) squaredL2() {
	v.begin("squaredL2", "func(x, y []float32) float32")
	x, y, n := slice("x"), slice("y"), length("x")
	acc := v.accumulators(4)
	v.loop("l2", n, []GPVirtual{x, y}, len(acc), func(off, i int, k *mask) {
		d := v.reg()
		if k != nil {
			b := v.reg()
			v.load(at(x, off), *k, d)
			v.load(at(y, off), *k, b)
			VSUBPS(b, d, d)
		} else {
			VMOVUPS(at(x, off), d)
			VSUBPS(at(y, off), d, d)
		}
		VFMADD231PS(d, d, acc[i])
	})
	Store(v.total(acc), ReturnIndex(0))
	v.end()
}

func (v *isa) axpy() {
	v.begin("axpy", "func(alpha float32, x, y []float32)")
	alpha := v.scalar("alpha")
	x, y, n := slice("x"), slice("y"), length("x")
	v.loop("axpy", n, []GPVirtual{x, y}, 4, func(off, i int, k *mask) {
		t := v.reg()
		if k != nil {
			a := v.reg()
			v.load(at(x, off), *k, a)
			v.load(at(y, off), *k, t)
			VFMADD231PS(a, alpha, t)
			v.store(t, *k, at(y, off))
			return
		}
		VMOVUPS(at(y, off), t)
		VFMADD231PS(at(x, off), alpha, t)
		VMOVUPS(t, at(y, off))
	})
	v.end()
}

func (v *isa) scale() {
	v.begin("scale", "func(alpha float32, x []float32)")
	v.scaleLoop("scale", v.scalar("alpha"), slice("x"), length("x"))
	v.end()
}

func (v *isa) scaleLoop(name string, alpha VecVirtual, x, n GPVirtual) {
	v.loop(name, n, []GPVirtual{x}, 4, func(off, i int, k *mask) {
		t := v.reg()
		if k != nil {
			v.load(at(x, off), *k, t)
			VMULPS(alpha, t, t)
			v.store(t, *k, at(x, off))
			return
		}
		VMULPS(at(x, off), alpha, t)
		VMOVUPS(t, at(x, off))
	})
}

func (v *isa) add() {
	v.begin("add", "func(dst, x []float32)")
	dst, x, n := slice("dst"), slice("x"), length("x")
	v.loop("add", n, []GPVirtual{dst, x}, 4, func(off, i int, k *mask) {
		t := v.reg()
		if k != nil {
			a := v.reg()
			v.load(at(x, off), *k, a)
			v.load(at(dst, off), *k, t)
			VADDPS(a, t, t)
			v.store(t, *k, at(dst, off))
			return
		}
		VMOVUPS(at(dst, off), t)
		VADDPS(at(x, off), t, t)
		VMOVUPS(t, at(dst, off))
	})
	v.end()
}

// sumSquares wants a multiple of two registers of float64.
func (v *isa) sumSquares() {
	v.begin("sumSquares", "func(x []float32) float64")
	x, n := slice("x"), length("x")
	acc := v.accumulators(2)
	Label("blocks")
	CMPQ(n, I32(v.width))
	JL(LabelRef("done"))
	for i := range acc {
		t := v.reg()
		VCVTPS2PD(at(x, i*v.bytes/2), t)
		VFMADD231PD(t, t, acc[i])
	}
	ADDQ(I32(v.bytes), x)
	SUBQ(I32(v.width), n)
	JMP(LabelRef("blocks"))
	Label("done")
	VADDPD(acc[1], acc[0], acc[0])
	t := YMM()
	if v.wide {
		VEXTRACTF64X4(U8(1), acc[0], t)
		VADDPD(t, acc[0].AsY(), acc[0].AsY())
	}
	VEXTRACTF128(U8(1), acc[0].AsY(), t.AsX())
	s := XMM()
	VADDPD(t.AsX(), acc[0].AsX(), s)
	VPERMILPD(U8(1), s, t.AsX())
	VADDSD(t.AsX(), s, s)
	Store(s, ReturnIndex(0))
	v.end()
}
