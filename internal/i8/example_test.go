package i8_test

import (
	"fmt"

	"github.com/semsearch/semsearch/internal/i8"
)

func ExampleLinear() {
	// Two outputs of three inputs: w is (out, in), and stands for w*scale.
	l := i8.NewLinear([]int8{2, 0, 0, 0, 1, 1}, []float32{0.5, 1}, []float32{0, 100}, 2, 3)
	x := []float32{127, 2, 3, 4, 5, 127} // two rows
	var q i8.Rows
	i8.Quantize(&q, x, 2, 3, 3)
	y := make([]float32, 2*l.Out())
	l.Apply(y, l.Out(), &q, 0, 2)
	fmt.Println(y)
	// Output: [127 105 4 232]
}

func ExampleQuantize() {
	var q i8.Rows
	i8.Quantize(&q, []float32{0.5, -0.25, 0, 0.126}, 1, 4, 4)
	fmt.Println(q.At(0, 0), q.At(0, 1), q.At(0, 2), q.At(0, 3), q.Scale(0)*127)
	// Output: 127 -64 0 32 0.5
}

func ExampleLinear_ApplyQuantize() {
	// A feed-forward block, x += down(relu(up(x))), of one row.
	up := i8.NewLinear([]int8{1, 0, 0, 1, -1, 0}, []float32{1, 1, 1}, nil, 3, 2)
	down := i8.NewLinear([]int8{1, 0, 1, 0, 2, 0}, []float32{1, 1}, nil, 2, 3)
	x := []float32{127, 10}
	var q, mid i8.Rows
	i8.Quantize(&q, x, 1, 2, 2)
	mid.Reset(1, up.Out())
	up.ApplyQuantize(&mid, 0, &q, 0, 1, i8.ReLU)
	down.ApplyAdd(x, 2, &mid, 0, 1)
	fmt.Println(x)
	// Output: [254 30]
}

func ExampleRows_LayerNormQuantize() {
	x := []float32{1, 2}
	var q i8.Rows
	q.Reset(1, 2)
	q.LayerNormQuantize(0, x, 2, []float32{0, 1}, 2, []float32{1, 10}, []float32{0, 5}, 0, 1)
	fmt.Println(x, q.At(0, 0), q.At(0, 1))
	// Output: [-1 15] -8 127
}

func ExampleDot() {
	fmt.Println(i8.Dot([]int8{1, 2, -128}, []int8{4, 5, -128}))
	// Output: 16398
}

func ExampleDotRows() {
	dst := make([]int32, 2)
	i8.DotRows(dst, []int8{1, -1}, []int8{5, 3, 7, 8}, 2)
	fmt.Println(dst)
	// Output: [2 -1]
}
