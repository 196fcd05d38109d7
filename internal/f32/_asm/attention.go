package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// 2ʳ for 0 <= r < 1, from coefficients.py.
var exp2Coef = []float64{0.9999999250635488, 0.6931530731986861, 0.24015361705717553, 0.055826318015389835, 0.008989340135686327, 0.0018775766565064726}

// Both kernels do the same operations on a lane in the same order in either instruction set, so
// that AVX-512 can leave a narrow tile to AVX2.

// weights takes one tile of scores to weights, a lane a query, as the comment of attend in package f32 has it:
//
//	for each lane:
//		m := max(max, s[0], s[1], ...)
//		shrink := 2^(max-m)
//		for p := range keys {
//			s[p] = 2^(s[p]-m)
//		}
//		sum = sum*shrink + Σ s[p]
//		max = m
//
// st is (4, lanes): max, sum, shrink, 1/sum.
func (v *isa) weights() {
	v.begin("weights", "func(keys int, s, st *float32)")
	keys, s0, st := Load(Param("keys"), GP64()).(GPVirtual), Load(Param("s"), GP64()).(GPVirtual), Load(Param("st"), GP64()).(GPVirtual)
	line := v.nv * v.bytes
	field := func(i, j int) Mem { return at(st, i*line+j*v.bytes) }

	Comment("largest")
	m := make([]VecVirtual, v.nv)
	for j := range m {
		m[j] = v.reg()
		VMOVUPS(field(0, j), m[j])
	}
	s, n := GP64(), GP64()
	MOVQ(s0, s)
	MOVQ(keys, n)
	Label("max")
	for j := range m {
		VMAXPS(at(s, j*v.bytes), m[j], m[j])
	}
	ADDQ(I32(line), s)
	DECQ(n)
	JNZ(LabelRef("max"))

	var coef []VecVirtual
	if v.wide {
		for _, c := range exp2Coef {
			coef = append(coef, v.float(c))
		}
	}
	low := v.float(-126)
	exp2 := func(t VecVirtual) VecVirtual {
		f, r := v.reg(), v.reg()
		VMAXPS(t, low, t) // a NaN in t is kept
		v.floor(t, f)
		VSUBPS(f, t, r)
		p := v.horner(exp2Coef, coef, r)
		if v.wide {
			VSCALEFPS(f, p, p)
			return p
		}
		VCVTPS2DQ(f, f)
		VPSLLD(U8(23), f, f)
		VPADDD(f, p, p)
		return p
	}

	Comment("weights")
	sum := v.accumulators(v.nv)
	MOVQ(s0, s)
	Label("exp")
	for j := range m {
		t := v.reg()
		VMOVUPS(at(s, j*v.bytes), t)
		VSUBPS(m[j], t, t)
		p := exp2(t)
		VADDPS(p, sum[j], sum[j])
		VMOVUPS(p, at(s, j*v.bytes))
	}
	ADDQ(I32(line), s)
	DECQ(keys)
	JNZ(LabelRef("exp"))

	Comment("state")
	for j := range m {
		t := v.reg()
		VMOVUPS(field(0, j), t)
		VSUBPS(m[j], t, t)
		shrink := exp2(t)
		VFMADD231PS(field(1, j), shrink, sum[j])
		VMOVUPS(m[j], field(0, j))
		VMOVUPS(sum[j], field(1, j))
		VMOVUPS(shrink, field(2, j))
		inv := v.float(1)
		VDIVPS(sum[j], inv, inv)
		VMOVUPS(inv, field(3, j))
	}
	v.end()
}

// values adds one tile of weighted values, a lane a query:
//
//	for i := range d {
//		o[i] = (o[i]*shrink + Σ v[p*ldv+i]*w[p]) * inv   // p < keys
//	}
//
// o starts from 0 where shrink is nil, and is not multiplied where inv is nil. w is (keys, lanes), o (d, lanes).
func (v *isa) values() {
	v.begin("values", "func(keys, d int, w, v *float32, ldv int, o, shrink, inv *float32)")
	arg := func(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }
	keys, d, w0, v0, ldv := arg("keys"), arg("d"), arg("w"), arg("v"), arg("ldv")
	o, shrink, inv := arg("o"), arg("shrink"), arg("inv")
	SHLQ(U8(2), ldv)
	high := 8
	if !v.wide {
		high = 4
	}
	w, val, n := GP64(), GP64(), GP64()
	block := func(rows int) {
		name := func(s string) string { return fmt.Sprintf("%s%d", s, rows) }
		acc := func(i, j int) VecPhysical { return v.phys(i*v.nv + j) }
		wv := func(j int) VecPhysical { return v.phys(high*v.nv + j) }
		bv := func(i int) VecPhysical { return v.phys(high*v.nv + v.nv + i%2) }
		for i := range rows {
			for j := range v.nv {
				v.zero(acc(i, j))
			}
		}
		TESTQ(shrink, shrink)
		JZ(LabelRef(name("start")))
		for j := range v.nv {
			VMOVUPS(at(shrink, j*v.bytes), wv(j))
			for i := range rows {
				VMULPS(at(o, (i*v.nv+j)*v.bytes), wv(j), acc(i, j))
			}
		}
		Label(name("start"))
		MOVQ(w0, w)
		MOVQ(v0, val)
		MOVQ(keys, n)
		Label(name("loop"))
		for j := range v.nv {
			VMOVUPS(at(w, j*v.bytes), wv(j))
		}
		for i := range rows {
			VBROADCASTSS(at(val, 4*i), bv(i))
			for j := range v.nv {
				VFMADD231PS(wv(j), bv(i), acc(i, j))
			}
		}
		ADDQ(I32(v.nv*v.bytes), w)
		ADDQ(ldv, val)
		DECQ(n)
		JNZ(LabelRef(name("loop")))
		TESTQ(inv, inv)
		JZ(LabelRef(name("store")))
		for j := range v.nv {
			VMOVUPS(at(inv, j*v.bytes), wv(j))
			for i := range rows {
				VMULPS(wv(j), acc(i, j), acc(i, j))
			}
		}
		Label(name("store"))
		for i := range rows {
			for j := range v.nv {
				VMOVUPS(acc(i, j), at(o, (i*v.nv+j)*v.bytes))
			}
		}
		ADDQ(I32(rows*v.nv*v.bytes), o)
		ADDQ(I32(4*rows), v0)
		SUBQ(U8(rows), d)
	}
	Label("blocks")
	CMPQ(d, U8(high))
	JL(LabelRef("rest"))
	block(high)
	JMP(LabelRef("blocks"))
	Label("rest")
	TESTQ(d, d)
	JZ(LabelRef("done"))
	block(1)
	JMP(LabelRef("rest"))
	Label("done")
	v.end()
}
