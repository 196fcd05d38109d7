package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// tile computes a block of c, rows <= mr high and two registers wide, in registers. k counts steps of
// one 32-bit word of inputs and is a multiple of 4:
//
//	for p := range k {
//		for i := range rows {
//			for j := range nr {
//				s[i][j] += a[i*lda+p] · b[p*nr+j]
//			}
//		}
//	}
//	c[i*ldc+j] = fma(float32(s[i][j]), ascale[i]*bscale[j], bias[j])  (+ c[i*ldc+j] if add)
//
// where · is a product of four int8 of a and four uint8 of b, w+128, and s starts at asum[i],
// which takes the 128 back (VNNI), or of two int16 and two int8 (AVX2). Only the first nc columns of c are read and
// written. There is a piece of code for each number of rows. lda is in bytes, ldc in floats.
func (v *isa) tile() {
	v.begin("tile", "func(rows, k int, a *byte, lda int, b *byte, c *float32, ldc, nc int, asum *int32, ascale, bscale, bias *float32, add int)")

	rows, k := param("rows"), param("k")
	a0, lda, b := param("a"), param("lda"), param("b")
	lda3 := GP64()
	LEAQ(Mem{Base: lda, Index: lda, Scale: 2}, lda3)

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
	for r := v.mr; r > 1; r-- {
		CMPQ(rows, U8(r))
		JE(LabelRef(fmt.Sprintf("rows%d", r)))
	}
	for r := 1; r <= v.mr; r++ {
		Label(fmt.Sprintf("rows%d", r))
		v.tileRows(r, k, bases[:(r+4)/5], row, b)
	}
}

func (v *isa) tileRows(rows int, k Register, bases []Register, row func(i, disp int) Mem, b Register) {
	const unroll = 4
	acc := func(i, j int) VecPhysical { return v.phys(2*i + j) }
	// Few rows have several sums for each output, so that the multiply-adds need not wait for each other.
	sets := 1
	switch {
	case v.wide && rows <= 3:
		sets = 4
	case v.wide && rows <= 6:
		sets = 2
	}
	part := func(i, j, p int) VecPhysical { return v.phys(p%sets*2*rows + 2*i + j) }
	free := func(i int) VecPhysical { return v.phys(2*v.mr + i) } // four of them

	if v.wide {
		asum := param("asum")
		for i := range rows {
			VPBROADCASTD(at(asum, 4*i), acc(i, 0))
			VMOVDQA32(acc(i, 0), acc(i, 1))
		}
		for i := 2 * rows; i < 2*rows*sets; i++ {
			v.zero(v.phys(i))
		}
	} else {
		for i := range rows {
			v.zero(acc(i, 0))
			v.zero(acc(i, 1))
		}
	}

	loop := fmt.Sprintf("rows%d_loop", rows)
	Label(loop)
	for p := range unroll {
		for j := range 2 {
			if v.wide {
				VMOVDQU32(at(b, (2*p+j)*64), free(j))
			} else {
				VPMOVSXBW(at(b, (2*p+j)*16), free(j))
			}
		}
		for i := range rows {
			if v.wide {
				t := free(2 + i%2)
				VPBROADCASTD(row(i, 4*p), t)
				VPDPBUSD(t, free(0), part(i, 0, p))
				VPDPBUSD(t, free(1), part(i, 1, p))
				continue
			}
			t := free(2)
			VPBROADCASTD(row(i, 4*p), t)
			VPMADDWD(t, free(0), free(3))
			VPADDD(free(3), acc(i, 0), acc(i, 0))
			VPMADDWD(t, free(1), t)
			VPADDD(t, acc(i, 1), acc(i, 1))
		}
	}
	for _, p := range bases {
		ADDQ(U8(4*unroll), p)
	}
	ADDQ(I32(unroll*2*v.width*map[bool]int{true: 4, false: 2}[v.wide]), b)
	SUBQ(U8(unroll), k)
	JNZ(LabelRef(loop))
	for i := 2 * rows; i < 2*rows*sets; i++ {
		VPADDD(v.phys(i), v.phys(i%(2*rows)), v.phys(i%(2*rows)))
	}

	c, ldc, ascale, bscale, bias, add := param("c"), param("ldc"), param("ascale"), param("bscale"), param("bias"), param("add")
	SHLQ(U8(2), ldc)
	nc := param("nc")
	var m []mask
	sx, t := free(0), free(1)
	if v.wide {
		m = v.masks(nc, 2)
	} else {
		base := GP64()
		LEAQ(v.maskTable(), base)
		NEGQ(nc)
		for j := range 2 {
			VMOVDQU(Mem{Base: base, Index: nc, Scale: 4}.Offset(128+32*j), free(2+j))
			m = append(m, mask{y: free(2 + j)})
		}
	}
	for i := range rows {
		VBROADCASTSS(at(ascale, 4*i), sx)
		for j := range 2 {
			VCVTDQ2PS(acc(i, j), acc(i, j))
			VMULPS(at(bscale, j*v.bytes), sx, t)
			VFMADD213PS(at(bias, j*v.bytes), t, acc(i, j))
		}
		skip := fmt.Sprintf("rows%d_store%d", rows, i)
		TESTQ(add, add)
		JZ(LabelRef(skip))
		for j := range 2 {
			v.load(at(c, j*v.bytes), &m[j], t)
			VADDPS(t, acc(i, j), acc(i, j))
		}
		Label(skip)
		for j := range 2 {
			v.store(acc(i, j), &m[j], at(c, j*v.bytes))
		}
		if i < rows-1 {
			ADDQ(ldc, c)
		}
	}
	v.end()
}

// peak is a loop of the tile's multiply-adds that touches no memory: the ceiling of tile. It does n
// rounds of 28 (VNNI) or 12 (AVX2) registers.
func (v *isa) peak() {
	v.begin("peak", "func(n int)")
	n := param("n")
	for i := range 2*v.mr + 4 {
		v.zero(v.phys(i))
	}
	Label("loop")
	for i := range 2 * v.mr {
		if v.wide {
			VPDPBUSD(v.phys(28+i%2), v.phys(30+i%2), v.phys(i))
		} else {
			VPMADDWD(v.phys(12+i%2), v.phys(14), v.phys(15))
			VPADDD(v.phys(15), v.phys(i), v.phys(i))
		}
	}
	DECQ(n)
	JNZ(LabelRef("loop"))
	v.end()
}
