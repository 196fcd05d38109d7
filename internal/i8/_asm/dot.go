package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// dot works on whole registers of 64 (VNNI) or 16 (AVX2) values; dst gets the sum.
// VNNI multiplies uint8 by int8: it takes a+128, and takes 128·Σb back.
func (v *isa) dot() {
	if v.wide {
		v.begin("dot", "func(a, b []int8) int32")
		a, b, n := slice("a"), slice("b"), length("a")
		flip, sum, back := v.bits(0x80808080), v.zeros(2), v.zeros(2)
		step := func(off, i int, k Register) {
			t, u := v.reg(), v.reg()
			if k != nil {
				VMOVDQU8_Z(at(a, off), k, t)
				VMOVDQU8_Z(at(b, off), k, u)
			} else {
				VMOVDQU32(at(a, off), t)
				VMOVDQU32(at(b, off), u)
			}
			VPXORD(flip, t, t)
			VPDPBUSD(u, t, sum[i])
			VPDPBUSD(u, flip, back[i])
		}
		v.byteLoop(n, []GPVirtual{a, b}, step)
		VPSUBD(back[0], sum[0], sum[0])
		VPSUBD(back[1], sum[1], sum[1])
		r := GP32()
		VMOVD(v.fold(sum, vaddd), r)
		Store(r, ReturnIndex(0))
		v.end()
		return
	}
	v.begin("dot", "func(a, b []int8) int32")
	a, b, n := slice("a"), slice("b"), length("a")
	sum := v.zeros(2)
	v.wordLoop(n, []GPVirtual{a, b}, func(off, i int) {
		t, u := v.reg(), v.reg()
		VPMOVSXBW(at(a, off), t)
		VPMOVSXBW(at(b, off), u)
		VPMADDWD(u, t, t)
		VPADDD(t, sum[i], sum[i])
	})
	r := GP32()
	VMOVD(v.fold(sum, vaddd), r)
	Store(r, ReturnIndex(0))
	v.end()
}

// dotRows is dot for count rows: with VNNI it takes row+128 and starts from back, -128·Σq.
// In AVX2 it leaves out the last dim%16 values.
func (v *isa) dotRows() {
	v.begin("dotRows", "func(dst *int32, count int, q, rows *int8, dim int, back int32)")
	dst, count, q0, rows, dim := param("dst"), param("count"), param("q"), param("rows"), param("dim")
	q, n, r := GP64(), GP64(), GP32()
	var flip VecVirtual
	if v.wide {
		flip = v.bits(0x80808080)
	}
	Label("next")
	sum := []VecVirtual{v.reg(), v.reg()}
	v.zero(sum[0])
	v.zero(sum[1])
	MOVQ(q0, q)
	MOVQ(dim, n)
	if v.wide {
		v.byteLoop(n, []GPVirtual{q, rows}, func(off, i int, k Register) {
			t, u := v.reg(), v.reg()
			if k != nil {
				VMOVDQU8_Z(at(rows, off), k, t)
				VMOVDQU8_Z(at(q, off), k, u)
				VPXORD(flip, t, t)
				VPDPBUSD(u, t, sum[i])
				rest := GP64()
				MOVQ(dim, rest)
				ANDQ(U8(63), rest)
				ADDQ(rest, rows)
				return
			}
			VPXORD(at(rows, off), flip, t)
			VPDPBUSD(at(q, off), t, sum[i])
		})
	} else {
		v.wordLoop(n, []GPVirtual{q, rows}, func(off, i int) {
			t, u := v.reg(), v.reg()
			VPMOVSXBW(at(rows, off), t)
			VPMOVSXBW(at(q, off), u)
			VPMADDWD(u, t, t)
			VPADDD(t, sum[i], sum[i])
		})
		ADDQ(n, rows) // what wordLoop left
	}
	VMOVD(v.fold(sum, vaddd), r)
	ADDL(address("back"), r)
	MOVL(r, at(dst, 0))
	ADDQ(U8(4), dst)
	DECQ(count)
	JNZ(LabelRef("next"))
	v.end()
}

// byteLoop emits step for n bytes, two registers of 64 at a time, then one, then a masked rest.
func (v *isa) byteLoop(n GPVirtual, ptrs []GPVirtual, step func(off, i int, k Register)) {
	Label("pairs")
	CMPQ(n, U32(128))
	JL(LabelRef("single"))
	step(0, 0, nil)
	step(64, 1, nil)
	for _, p := range ptrs {
		ADDQ(U32(128), p)
	}
	SUBQ(U32(128), n)
	JMP(LabelRef("pairs"))
	Label("single")
	CMPQ(n, U8(64))
	JL(LabelRef("rest"))
	step(0, 0, nil)
	for _, p := range ptrs {
		ADDQ(U8(64), p)
	}
	SUBQ(U8(64), n)
	Label("rest")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	step(0, 1, v.byteMask(n))
	Label("done")
}

// wordLoop emits step for n bytes, 32 at a time, then 16; the rest is left in n.
func (v *isa) wordLoop(n GPVirtual, ptrs []GPVirtual, step func(off, i int)) {
	Label("pairs")
	CMPQ(n, U8(32))
	JL(LabelRef("single"))
	step(0, 0)
	step(16, 1)
	for _, p := range ptrs {
		ADDQ(U8(32), p)
	}
	SUBQ(U8(32), n)
	JMP(LabelRef("pairs"))
	Label("single")
	CMPQ(n, U8(16))
	JL(LabelRef("done"))
	step(0, 0)
	for _, p := range ptrs {
		ADDQ(U8(16), p)
	}
	SUBQ(U8(16), n)
	Label("done")
}
