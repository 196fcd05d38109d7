package transformer

import (
	"fmt"
	"slices"
	"sync"

	"github.com/semsearch/semsearch/internal/f32"
)

// Weights gives tensors by name. Tensor returns the numbers of a tensor, row-major, or an error that
// names it when it is missing or has another shape; the caller keeps the slice.
type Weights interface {
	Tensor(name string, shape ...int) ([]float32, error)
	Has(name string) bool
}

// Model is a BERT encoder ready to run. It is safe for concurrent use.
type Model struct {
	cfg    Config
	act    func(x []float32)
	words  []float32 // (vocabulary, hidden)
	places []float32 // (positions, hidden)
	types  []float32 // (types, hidden)
	norm   layerNorm
	layers []layer
	states sync.Pool // of *state
}

// layer holds the weights of one encoder layer.
type layer struct {
	qkv     *f32.Linear // hidden -> 3*hidden: query, key, value of all heads in one
	attOut  *f32.Linear // hidden -> hidden
	attNorm layerNorm
	up      *f32.Linear // hidden -> intermediate
	down    *f32.Linear // intermediate -> hidden
	norm    layerNorm
}

type layerNorm struct{ gamma, beta []float32 } // (hidden) each

// New builds a model. It asks w for each tensor under its Hugging Face name with prefix before it,
// which is "" in files of a bare BertModel and "bert." in files of a model with a head; tensors it
// has no use for, such as the pooler, are not asked for. The error is that of cfg.Validate or of w.
func New(cfg Config, w Weights, prefix string) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	hidden, mid := cfg.HiddenSize, cfg.IntermediateSize
	l := loader{w: w, prefix: prefix}
	m := &Model{
		cfg:    cfg,
		act:    activations[cfg.HiddenAct],
		words:  l.tensor("embeddings.word_embeddings.weight", cfg.VocabSize, hidden),
		places: l.tensor("embeddings.position_embeddings.weight", cfg.MaxPositionEmbeddings, hidden),
		types:  l.tensor("embeddings.token_type_embeddings.weight", cfg.TypeVocabSize, hidden),
		norm:   l.norm("embeddings.LayerNorm", hidden),
	}
	for i := range cfg.NumHiddenLayers {
		if l.err != nil {
			break
		}
		p := fmt.Sprintf("encoder.layer.%d.", i)
		m.layers = append(m.layers, layer{
			qkv: l.linear(hidden, hidden, p+"attention.self.query", p+"attention.self.key",
				p+"attention.self.value"),
			attOut:  l.linear(hidden, hidden, p+"attention.output.dense"),
			attNorm: l.norm(p+"attention.output.LayerNorm", hidden),
			up:      l.linear(mid, hidden, p+"intermediate.dense"),
			down:    l.linear(hidden, mid, p+"output.dense"),
			norm:    l.norm(p+"output.LayerNorm", hidden),
		})
	}
	if l.err != nil {
		return nil, l.err
	}
	m.states.New = func() any { return new(state) }
	return m, nil
}

// Config returns the configuration the model was built from.
func (m *Model) Config() Config { return m.cfg }

// loader asks for tensors and keeps the first error.
type loader struct {
	w      Weights
	prefix string
	err    error
}

func (l *loader) tensor(name string, shape ...int) []float32 {
	if l.err != nil {
		return nil
	}
	t, err := l.w.Tensor(l.prefix+name, shape...)
	l.err = err
	return t
}

func (l *loader) norm(name string, size int) layerNorm {
	return layerNorm{l.tensor(name+".weight", size), l.tensor(name+".bias", size)}
}

// linear stacks the rows of one or more layers of the same input into one.
func (l *loader) linear(out, in int, names ...string) *f32.Linear {
	var w, b []float32 // (len(names)*out, in), (len(names)*out)
	for i, name := range names {
		wi, bi := l.tensor(name+".weight", out, in), l.tensor(name+".bias", out)
		if l.err != nil {
			return nil
		}
		if len(names) == 1 {
			w, b = wi, bi
			break
		}
		if i == 0 {
			w, b = slices.Grow(w, len(names)*out*in), slices.Grow(b, len(names)*out)
		}
		w, b = append(w, wi...), append(b, bi...)
	}
	return f32.NewLinear(w, b, len(names)*out, in)
}
