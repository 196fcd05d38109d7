package f32_test

import (
	"fmt"

	"github.com/semsearch/semsearch/internal/f32"
)

func ExampleDot() {
	fmt.Println(f32.Dot([]float32{1, 2, 3}, []float32{4, 5, 6}))
	// Output: 32
}

func ExampleSquaredL2() {
	fmt.Println(f32.SquaredL2([]float32{1, 2}, []float32{4, 6}))
	// Output: 25
}

func ExampleNorm() {
	x := []float32{3, 4}
	f32.Scale(1/f32.Norm(x), x)
	fmt.Println(x)
	// Output: [0.6 0.8]
}

func ExampleAxpy() {
	y := []float32{1, 1, 1}
	f32.Axpy(2, []float32{1, 2, 3}, y)
	f32.Add(y, []float32{10, 20, 30})
	fmt.Println(y)
	// Output: [13 25 37]
}

func ExampleSoftmax() {
	x := []float32{0, 0, 0, 0}
	f32.Softmax(x)
	fmt.Println(x)
	// Output: [0.25 0.25 0.25 0.25]
}

func ExampleGELU() {
	x := []float32{-1, 0, 1}
	y := []float32{-1, 0, 1}
	f32.GELU(x)
	f32.GELUTanh(y)
	fmt.Printf("%.4f\n%.4f\n", x, y)
	// Output:
	// [-0.1587 0.0000 0.8413]
	// [-0.1588 0.0000 0.8412]
}

func ExampleLayerNorm() {
	x := []float32{1, 3}
	f32.LayerNorm(x, x, []float32{1, 10}, []float32{0, 5}, 0)
	fmt.Println(x)
	// Output: [-1 15]
}

func ExampleLinear() {
	// Two outputs of three inputs: w is (out, in).
	l := f32.NewLinear([]float32{1, 0, 0, 0, 1, 1}, []float32{0, 100}, 2, 3)
	x := []float32{1, 2, 3, 4, 5, 6} // two rows
	y := make([]float32, 2*l.Out())
	l.Apply(y, x, 2)
	fmt.Println(y)
	// Output: [1 105 4 111]
}

func ExampleMatMulT() {
	q := []float32{1, 0, 0, 1} // (2, 2)
	k := []float32{1, 2, 3, 4} // (2, 2)
	scores := make([]float32, 4)
	f32.MatMulT(2, 2, 2, 0.5, q, 2, k, 2, scores, 2)
	fmt.Println(scores)
	// Output: [0.5 1.5 1 2]
}

func ExampleMatMul() {
	p := []float32{0.5, 0.5} // (1, 2)
	v := []float32{1, 2, 3, 4}
	out := make([]float32, 2)
	f32.MatMul(1, 2, 2, p, 2, v, 2, out, 2)
	fmt.Println(out)
	// Output: [2 3]
}

func ExampleAttention() {
	q := []float32{8, 0, 0, 8} // (2, 2): the first query asks for the first key, the second for the second
	k := []float32{8, 0, 0, 8} // (2, 2)
	v := []float32{1, 2, 3, 4} // (2, 2)
	out := make([]float32, 4)
	scratch := make([]float32, f32.AttentionScratch(2, 2))
	f32.Attention(2, 2, 2, 1, q, 2, k, 2, v, 2, out, 2, scratch)
	fmt.Println(out)
	// Output: [1 2 3 4]
}
