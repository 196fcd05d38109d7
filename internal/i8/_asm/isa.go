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
	mr     int // rows of a tile; it is two registers wide
	consts map[string]Mem
}

var shared = map[string]Mem{}

func newAVX2() *isa {
	return &isa{name: "AVX2", width: 8, bytes: 32, mr: 6, consts: shared}
}

func newVNNI() *isa {
	return &isa{name: "VNNI", wide: true, width: 16, bytes: 64, mr: 14, consts: shared}
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
		VPXOR(r, r, r)
	}
}

func (v *isa) zeros(n int) []VecVirtual {
	r := make([]VecVirtual, n)
	for i := range r {
		r[i] = v.reg()
		v.zero(r[i])
	}
	return r
}

func (v *isa) and(a, b, dst Op) {
	if v.wide {
		VPANDD(a, b, dst)
	} else {
		VPAND(a, b, dst)
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

// mask selects the first 32-bit lanes of a register.
type mask struct {
	k Register // AVX-512
	y Register // AVX2: all ones in the selected lanes
}

// masks returns regs masks, for the first n lanes of as many registers, destroying n, which is less than their sum
// or equal to it.
func (v *isa) masks(n GPVirtual, regs int) []mask {
	m := make([]mask, regs)
	if v.wide {
		bits := GP64()
		MOVQ(U32(1), bits)
		MOVQ(n, RCX)
		SHLQ(CL, bits)
		DECQ(bits)
		for i := range m {
			if i > 0 {
				SHRQ(U8(v.width), bits)
			}
			k := K()
			KMOVW(bits.As32(), k)
			m[i] = mask{k: k}
		}
		return m
	}
	base := GP64()
	LEAQ(v.maskTable(), base)
	NEGQ(n)
	for i := range m {
		y := YMM()
		VMOVDQU(Mem{Base: base, Index: n, Scale: 4}.Offset(128+32*i), y)
		m[i] = mask{y: y}
	}
	return m
}

// maskTable is 32 words of ones, then 32 of zeros: n ones begin at word 32-n.
func (v *isa) maskTable() Mem {
	m, ok := v.consts["mask"]
	if !ok {
		m = GLOBL("tailmask", RODATA|NOPTR)
		for i := range 64 {
			DATA(4*i, U32(map[bool]uint32{true: math.MaxUint32}[i < 32]))
		}
		v.consts["mask"] = m
	}
	return m
}

// load reads the selected floats and sets the others to zero; all without a mask.
func (v *isa) load(m Mem, k *mask, dst Op) {
	switch {
	case k == nil:
		VMOVUPS(m, dst)
	case v.wide:
		VMOVUPS_Z(m, k.k, dst)
	default:
		VMASKMOVPS(m, k.y, dst)
	}
}

// store writes the selected floats, all without a mask.
func (v *isa) store(r Op, k *mask, m Mem) {
	switch {
	case k == nil:
		VMOVUPS(r, m)
	case v.wide:
		VMOVUPS(r, k.k, m)
	default:
		VMASKMOVPS(r, k.y, m)
	}
}

// keep sets the lanes that are not selected to zero.
func (v *isa) keep(r Op, k *mask) {
	switch {
	case k == nil:
	case v.wide:
		VMOVAPS_Z(r, k.k, r)
	default:
		VANDPS(k.y, r, r)
	}
}

// reduce folds the lanes of r with op, halves onto halves, and leaves the result in lane 0 of an X register.
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

func vmaxu(ops ...Op) { VPMAXUD(ops...) }
func vaddd(ops ...Op) { VPADDD(ops...) }
func vaddf(ops ...Op) { VADDPS(ops...) }

// fold adds the upper half of regs to the lower until one is left, then its lanes: the order of fold in
// the plain twins when regs hold 32 lanes.
func (v *isa) fold(regs []VecVirtual, op func(ops ...Op)) VecVirtual {
	for n := len(regs) / 2; n > 0; n /= 2 {
		for i := range n {
			op(regs[i+n], regs[i], regs[i])
		}
	}
	return v.reduce(regs[0], op)
}

// lanes is the number of partial sums of floats, in as many registers as that takes.
const lanes = 32

func (v *isa) regs() int { return lanes / v.width }

// loop emits body for n floats, 32 at a time, and again with masks for what is left. ptrs, pointers to
// elements of the sizes given, advance; n is destroyed. body gets the number of its register.
func (v *isa) loop(name string, n GPVirtual, ptrs []GPVirtual, sizes []int, body func(i int, k *mask)) {
	Label(name + "_blocks")
	CMPQ(n, U8(lanes))
	JL(LabelRef(name + "_rest"))
	for i := range v.regs() {
		body(i, nil)
	}
	for i, p := range ptrs {
		ADDQ(I32(lanes*sizes[i]), p)
	}
	SUBQ(U8(lanes), n)
	JMP(LabelRef(name + "_blocks"))

	Label(name + "_rest")
	TESTQ(n, n)
	JZ(LabelRef(name + "_done"))
	for i, k := range v.masks(n, v.regs()) {
		body(i, &k)
	}
	Label(name + "_done")
}

func at(p Register, off int) Mem { return Mem{Base: p, Disp: off} }

// slice loads the address of a slice parameter.
func slice(name string) GPVirtual { return Load(Param(name).Base(), GP64()).(GPVirtual) }

// length loads the length of a slice parameter.
func length(name string) GPVirtual { return Load(Param(name).Len(), GP64()).(GPVirtual) }

func param(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }

func address(name string) Mem {
	b, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// scalar broadcasts a float32 parameter.
func (v *isa) scalar(name string) VecVirtual {
	r := v.reg()
	VBROADCASTSS(address(name), r)
	return r
}
