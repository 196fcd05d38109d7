package transformer

import (
	"math"

	"github.com/semsearch/semsearch/internal/f32"
)

// activations are the values of hidden_act by the names Hugging Face gives them. The three names of
// the tanh form differ there in how they round, not in what they compute.
var activations = map[string]func(x []float32){
	"gelu":              f32.GELU,
	"gelu_new":          f32.GELUTanh,
	"gelu_fast":         f32.GELUTanh,
	"gelu_pytorch_tanh": f32.GELUTanh,
	"relu":              relu,
	"silu":              silu,
	"swish":             silu,
}

func relu(x []float32) {
	for i, v := range x {
		x[i] = max(v, 0)
	}
}

// silu is x/(1+exp(-x)).
func silu(x []float32) {
	for i, v := range x {
		x[i] = v / float32(1+math.Exp(-float64(v)))
	}
}
