package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// tile computes a block of c, rows <= mr high and nv registers wide, in registers:
//
//	for p := range k {
//		for i := range rows {
//			for j := range nr {
//				s[i][j] = fma(a[i*lda+p], b[p*ldb+j], s[i][j])
//			}
//		}
//	}
//	c[i*ldc+j] = fma(alpha, s[i][j], bias[j])
//
// There is a loop for each number of rows, and all run p in the same order, so
// that a row's result does not depend on its neighbours. Strides are in floats.
func (v *isa) tile() {
	v.begin("tile", "func(rows, k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, alpha float32, bias *float32)")

	rows := Load(Param("rows"), GP64())
	k := Load(Param("k"), GP64())
	a0 := Load(Param("a"), GP64())
	lda := Load(Param("lda"), GP64())
	b := Load(Param("b"), GP64())
	ldb := Load(Param("ldb"), GP64())
	lda3, ldb3 := GP64(), GP64()
	SHLQ(U8(2), lda)
	SHLQ(U8(2), ldb)
	LEAQ(Mem{Base: lda, Index: lda, Scale: 2}, lda3)
	LEAQ(Mem{Base: ldb, Index: ldb, Scale: 2}, ldb3)

	// Five rows hang on one pointer: p, p+lda, p+2*lda, p+3*lda, p+4*lda.
	bases := []Register{a0}
	for range (v.mr - 1) / 5 {
		p, last := GP64(), bases[len(bases)-1]
		LEAQ(Mem{Base: last, Index: lda, Scale: 4}, p)
		ADDQ(lda, p)
		bases = append(bases, p)
	}
	row := func(i, disp int) Mem {
		m := Mem{Base: bases[i/5], Disp: disp}
		switch i % 5 {
		case 1, 2, 4:
			m.Index, m.Scale = lda, uint8(i%5)
		case 3:
			m.Index, m.Scale = lda3, 1
		}
		return m
	}
	brow := func(p, disp int) Mem {
		m := Mem{Base: b, Disp: disp}
		switch p {
		case 1, 2:
			m.Index, m.Scale = ldb, uint8(p)
		case 3:
			m.Index, m.Scale = ldb3, 1
		}
		return m
	}

	for r := v.mr; r > 1; r-- {
		CMPQ(rows, U8(r))
		JE(LabelRef(fmt.Sprintf("rows%d", r)))
	}
	for r := 1; r <= v.mr; r++ {
		Label(fmt.Sprintf("rows%d", r))
		v.tileRows(r, k, bases[:(r+4)/5], row, b, ldb, brow)
	}
}

func (v *isa) tileRows(rows int, k Register, bases []Register, row func(i, disp int) Mem, b, ldb Register, brow func(p, disp int) Mem) {
	const unroll = 4
	name := func(s string) string { return fmt.Sprintf("rows%d_%s", rows, s) }

	acc := func(i, j int) VecPhysical { return v.phys(i*v.nv + j) }
	free := v.mr * v.nv // then nv for b, and the rest for a
	bv := func(j int) VecPhysical { return v.phys(free + j) }
	av := func(i int) VecPhysical { return v.phys(free + v.nv + i%2) }

	for i := range rows {
		for j := range v.nv {
			v.zero(acc(i, j))
		}
	}
	step := func(p int) {
		for j := range v.nv {
			VMOVUPS(brow(p, j*v.bytes), bv(j))
		}
		for i := range rows {
			VBROADCASTSS(row(i, 4*p), av(i))
			for j := range v.nv {
				VFMADD231PS(av(i), bv(j), acc(i, j))
			}
		}
	}
	advance := func(steps int) {
		for _, p := range bases {
			ADDQ(U8(4*steps), p)
		}
		if steps == 1 {
			ADDQ(ldb, b)
		} else {
			LEAQ(Mem{Base: b, Index: ldb, Scale: uint8(steps)}, b)
		}
	}

	SUBQ(U8(unroll), k)
	JL(LabelRef(name("rest")))
	Label(name("blocks"))
	for p := range unroll {
		step(p)
	}
	advance(unroll)
	SUBQ(U8(unroll), k)
	JGE(LabelRef(name("blocks")))
	Label(name("rest"))
	ADDQ(U8(unroll), k)
	JZ(LabelRef(name("store")))
	Label(name("single"))
	step(0)
	advance(1)
	DECQ(k)
	JNZ(LabelRef(name("single")))

	Label(name("store"))
	c := Load(Param("c"), GP64())
	ldc := Load(Param("ldc"), GP64())
	SHLQ(U8(2), ldc)
	bias := Load(Param("bias"), GP64())
	alpha := v.phys(free + v.nv)
	b0, err := Param("alpha").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(b0.Addr, alpha)
	for j := range v.nv {
		VMOVUPS(Mem{Base: bias, Disp: j * v.bytes}, bv(j))
	}
	for i := range rows {
		for j := range v.nv {
			VFMADD213PS(bv(j), alpha, acc(i, j))
			VMOVUPS(acc(i, j), Mem{Base: c, Disp: j * v.bytes})
		}
		if i < rows-1 {
			ADDQ(ldc, c)
		}
	}
	v.end()
}

// transpose8 writes the 8 rows of w, ld apart, to the first 8 columns of dst,
// whose rows are nr apart; k is a multiple of 8.
func transpose8() {
	TEXT("transpose8AVX2", NOSPLIT, "func(k int, w *float32, ld int, dst *float32, nr int)")
	Pragma("noescape")
	k := Load(Param("k"), GP64())
	w := Load(Param("w"), GP64())
	ld := Load(Param("ld"), GP64())
	dst := Load(Param("dst"), GP64())
	nr := Load(Param("nr"), GP64())
	SHLQ(U8(2), ld)
	SHLQ(U8(2), nr)
	ld3, nr3, w4 := GP64(), GP64(), GP64()
	LEAQ(Mem{Base: ld, Index: ld, Scale: 2}, ld3)
	LEAQ(Mem{Base: nr, Index: nr, Scale: 2}, nr3)
	LEAQ(Mem{Base: w, Index: ld, Scale: 4}, w4)
	line := func(base, stride, stride3 Register, i int) Mem {
		m := Mem{Base: base}
		switch i {
		case 1, 2:
			m.Index, m.Scale = stride, uint8(i)
		case 3:
			m.Index, m.Scale = stride3, 1
		}
		return m
	}

	Label("blocks")
	CMPQ(k, U8(8))
	JL(LabelRef("done"))
	r := make([]VecVirtual, 8)
	for i := range r {
		r[i] = YMM()
		base := w
		if i >= 4 {
			base = w4
		}
		VMOVUPS(line(base, ld, ld3, i%4), r[i])
	}
	// Pairs of rows, then fours, within each half; then the halves.
	t := make([]VecVirtual, 8)
	for i := 0; i < 8; i += 2 {
		t[i], t[i+1] = YMM(), YMM()
		VUNPCKLPS(r[i+1], r[i], t[i])
		VUNPCKHPS(r[i+1], r[i], t[i+1])
	}
	u := make([]VecVirtual, 8)
	for i := 0; i < 8; i += 4 {
		for j := range 2 {
			u[i+2*j], u[i+2*j+1] = YMM(), YMM()
			VSHUFPS(U8(0x44), t[i+2+j], t[i+j], u[i+2*j])
			VSHUFPS(U8(0xee), t[i+2+j], t[i+j], u[i+2*j+1])
		}
	}
	for half := range 2 {
		for i := range 4 {
			o := YMM()
			VPERM2F128(U8(0x20+0x11*half), u[i+4], u[i], o)
			VMOVUPS(o, line(dst, nr, nr3, i))
		}
		LEAQ(Mem{Base: dst, Index: nr, Scale: 4}, dst)
	}
	ADDQ(U8(32), w)
	ADDQ(U8(32), w4)
	SUBQ(U8(8), k)
	JMP(LabelRef("blocks"))
	Label("done")
	VZEROUPPER()
	RET()
}
