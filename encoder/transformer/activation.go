package transformer

import (
	"math"

	"github.com/semsearch/semsearch/internal/f32"
	"github.com/semsearch/semsearch/internal/i8"
)

// activations are the values of hidden_act by the names Hugging Face gives them. The three names of
// the tanh form differ there in how they round, not in what they compute.
var activations = map[string]activation{
	"gelu":              {f32.GELU, i8.GELU},
	"gelu_new":          {f32.GELUTanh, i8.GELUTanh},
	"gelu_fast":         {f32.GELUTanh, i8.GELUTanh},
	"gelu_pytorch_tanh": {f32.GELUTanh, i8.GELUTanh},
	"relu":              {relu, i8.ReLU},
	"silu":              {silu, i8.SiLU},
	"swish":             {silu, i8.SiLU},
}

// activation is the function between the two feed-forward layers, in both arithmetics.
type activation struct {
	float func(x []float32)
	int8  i8.Activation
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
