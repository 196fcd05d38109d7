package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// isa is one instruction set. Its methods emit an instruction for the full
// width of a register; operands are in Go's order, the destination last.
type isa struct {
	name   string // suffix of the functions
	wide   bool   // AVX-512
	width  int    // floats in a register
	bytes  int
	mr, nv int // tile: rows, and registers of columns
	consts map[string]Mem
}

var shared = map[string]Mem{}

func newAVX2() *isa {
	return &isa{name: "AVX2", width: 8, bytes: 32, mr: 6, nv: 2, consts: shared}
}

func newAVX512() *isa {
	return &isa{name: "AVX512", wide: true, width: 16, bytes: 64, mr: 14, nv: 2, consts: shared}
}

// begin starts a function of this instruction set.
func (v *isa) begin(name, signature string) {
	TEXT(name+v.name, NOSPLIT, signature)
	Pragma("noescape")
}

func (v *isa) end() {
	VZEROUPPER()
	RET()
}

func (v *isa) reg() VecVirtual {
	if v.wide {
		return ZMM()
	}
	return YMM()
}

func (v *isa) phys(i int) VecPhysical {
	if v.wide {
		return []VecPhysical{
			Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15,
			Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23, Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31,
		}[i]
	}
	return []VecPhysical{Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11, Y12, Y13, Y14, Y15}[i]
}

func (v *isa) zero(r Op) {
	if v.wide {
		VPXORD(r, r, r)
	} else {
		VXORPS(r, r, r)
	}
}

func (v *isa) and(a, b, dst Op) {
	if v.wide {
		VPANDD(a, b, dst)
	} else {
		VANDPS(a, b, dst)
	}
}

// word returns a read-only 32-bit constant in memory.
func (v *isa) word(bits uint32) Mem {
	name := fmt.Sprintf("w%08x", bits)
	m, ok := v.consts[name]
	if !ok {
		m = ConstData(name, U32(bits))
		v.consts[name] = m
	}
	return m
}

// float broadcasts a constant into a new register.
func (v *isa) float(f float64) VecVirtual { return v.bits(math.Float32bits(float32(f))) }

func (v *isa) bits(b uint32) VecVirtual {
	r := v.reg()
	VBROADCASTSS(v.word(b), r)
	return r
}

// mask selects the first floats of a register.
type mask struct {
	k Register // AVX-512
	y Register // AVX2: all ones in the selected lanes
}

// tailMask returns the mask of n < width floats, destroying n.
func (v *isa) tailMask(n GPVirtual) mask {
	if v.wide {
		bits := GP32()
		MOVL(U32(1), bits)
		MOVQ(n, RCX)
		SHLL(CL, bits)
		DECL(bits)
		k := K()
		KMOVW(bits, k)
		return mask{k: k}
	}
	base := GP64()
	LEAQ(v.maskTable(), base)
	NEGQ(n)
	y := YMM()
	VMOVUPS(Mem{Base: base, Index: n, Scale: 4}.Offset(32), y)
	return mask{y: y}
}

// maskTable is 8 words of ones, then 8 of zeros: n ones begin at word 8-n.
func (v *isa) maskTable() Mem {
	m, ok := v.consts["mask"]
	if !ok {
		m = GLOBL("tailmask", RODATA|NOPTR)
		for i := range 16 {
			DATA(4*i, U32(map[bool]uint32{true: math.MaxUint32}[i < 8]))
		}
		v.consts["mask"] = m
	}
	return m
}

// load reads the selected floats and sets the others to zero.
func (v *isa) load(m Mem, k mask, dst Op) {
	if v.wide {
		VMOVUPS_Z(m, k.k, dst)
	} else {
		VMASKMOVPS(m, k.y, dst)
	}
}

// loadOver reads the selected floats and keeps the others of dst.
func (v *isa) loadOver(m Mem, k mask, dst Op) {
	if v.wide {
		VMOVUPS(m, k.k, dst)
		return
	}
	t := v.reg()
	VMASKMOVPS(m, k.y, t)
	VBLENDVPS(k.y, t, dst, dst)
}

// store writes the selected floats.
func (v *isa) store(r Op, k mask, m Mem) {
	if v.wide {
		VMOVUPS(r, k.k, m)
	} else {
		VMASKMOVPS(r, k.y, m)
	}
}

// keep sets the floats that are not selected to zero.
func (v *isa) keep(r Op, k mask) {
	if v.wide {
		VMOVAPS_Z(r, k.k, r)
	} else {
		VANDPS(k.y, r, r)
	}
}

// round is to the nearest integer, ties to even.
func (v *isa) round(x, dst Op) {
	if v.wide {
		VRNDSCALEPS(U8(8), x, dst)
	} else {
		VROUNDPS(U8(8), x, dst)
	}
}

// floor is the largest integer that is not above x.
func (v *isa) floor(x, dst Op) {
	if v.wide {
		VRNDSCALEPS(U8(1), x, dst)
	} else {
		VROUNDPS(U8(1), x, dst)
	}
}

// reduce folds the lanes of r with op and leaves the result in lane 0 of an X register.
func (v *isa) reduce(r VecVirtual, op func(ops ...Op)) VecVirtual {
	y := r.AsY()
	t := YMM()
	if v.wide {
		VEXTRACTF64X4(U8(1), r, t)
		op(t, y, y)
	}
	x := XMM()
	VEXTRACTF128(U8(1), y, t.AsX())
	op(t.AsX(), r.AsX(), x)
	VPERMILPS(U8(0x4e), x, t.AsX())
	op(t.AsX(), x, x)
	VPERMILPS(U8(0xb1), x, t.AsX())
	op(t.AsX(), x, x)
	return x
}

// loop emits body for n floats: unroll registers at a time, then one, then a
// masked rest. ptrs advance; n is destroyed. body gets the offset of its register
// in bytes, its number in the unrolled loop, and for the rest a mask.
func (v *isa) loop(name string, n GPVirtual, ptrs []GPVirtual, unroll int, body func(off, i int, k *mask)) {
	step := func(regs int) {
		for i := range regs {
			body(i*v.bytes, i, nil)
		}
		for _, p := range ptrs {
			ADDQ(I32(regs*v.bytes), p)
		}
		SUBQ(I32(regs*v.width), n)
	}
	if unroll > 1 {
		Label(name + "_blocks")
		CMPQ(n, I32(unroll*v.width))
		JL(LabelRef(name + "_single"))
		step(unroll)
		JMP(LabelRef(name + "_blocks"))
	}
	Label(name + "_single")
	CMPQ(n, I32(v.width))
	JL(LabelRef(name + "_rest"))
	step(1)
	JMP(LabelRef(name + "_single"))

	Label(name + "_rest")
	TESTQ(n, n)
	JZ(LabelRef(name + "_done"))
	k := v.tailMask(n)
	body(0, 0, &k)
	Label(name + "_done")
}

func at(p GPVirtual, off int) Mem { return Mem{Base: p, Disp: off} }

// slice loads the address of a slice parameter.
func slice(name string) GPVirtual { return Load(Param(name).Base(), GP64()).(GPVirtual) }

// length loads the length of a slice parameter.
func length(name string) GPVirtual { return Load(Param(name).Len(), GP64()).(GPVirtual) }

// scalar broadcasts a float32 parameter.
func (v *isa) scalar(name string) VecVirtual {
	r := v.reg()
	b, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(b.Addr, r)
	return r
}
