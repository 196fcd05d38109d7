// Command asm writes the assembly of package i8:
//
//	cd internal/i8/_asm && go run . -pkg i8 -out ../kernels_amd64.s -stubs ../stubs_amd64.go
//
// The kernels are written once where the two instruction sets allow it, and generated for AVX2 with FMA
// and for AVX-512 (F, BW, DQ, VL) with VNNI; isa.go hides what differs. The loops are those of the doc comments in
// package i8 and of its plain twins, with floats added in the same lanes.
package main

import (
	. "github.com/mmcloughlin/avo/build"
)

func main() {
	ConstraintExpr("!purego")

	for _, v := range []*isa{newAVX2(), newVNNI()} {
		v.tile()
		v.dot()
		v.dotRows()
		v.absMax()
		v.quantize()
		v.layerNorm()
		v.relu()
		v.logistic()
		v.peak()
	}
	Generate()
}
