// Command asm writes the assembly of package f32:
//
//	cd internal/f32/_asm && go run . -pkg f32 -out ../kernels_amd64.s -stubs ../stubs_amd64.go
//
// Each kernel is written once and generated for AVX2 with FMA (8 floats a register) and for
// AVX-512F (16); isa.go hides what differs. The loops are those of the doc
// comments in package f32.
package main

import (
	. "github.com/mmcloughlin/avo/build"
)

func main() {
	ConstraintExpr("!purego")

	for _, v := range []*isa{newAVX2(), newAVX512()} {
		v.dot()
		v.squaredL2()
		v.axpy()
		v.scale()
		v.add()
		v.sumSquares()
		v.softmax()
		v.gelu()
		v.geluTanh()
		v.layerNorm()
		v.tile()
		v.weights()
		v.values()
	}
	transpose8()
	Generate()
}
