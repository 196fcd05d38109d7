package transformer

import (
	"fmt"
	"slices"
	"sync"

	"github.com/semsearch/semsearch/internal/f32"
	"github.com/semsearch/semsearch/internal/i8"
)

// Weights gives tensors by name. Tensor returns the numbers of a tensor, row-major, or an error that
// names it when it is missing or has another shape; the caller keeps the slice.
type Weights interface {
	Tensor(name string, shape ...int) ([]float32, error)
	Has(name string) bool
}

// Int8Weights is what Weights may do besides: give matrices in int8. Int8 returns the matrix of that
// name, (rows, cols), or nil when it is not int8; Tensor has it then. The caller keeps the slices.
//
// A matrix of a linear layer that Int8 returns is multiplied with inputs that are quantised too, row
// by row, when all those of its encoder layer are int8. Otherwise Tensor is asked for it.
type Int8Weights interface {
	Weights
	Int8(name string, rows, cols int) (*Int8Matrix, error)
}

// Int8Matrix is a matrix in int8: number (r, c) is float32(Q[r*cols+c]) * Scale[r].
type Int8Matrix struct {
	Q     []int8    // (rows, cols)
	Scale []float32 // (rows)
}

// Model is a BERT encoder ready to run. It is safe for concurrent use.
type Model struct {
	cfg    Config
	act    func(x []float32)
	act8   i8.Activation
	words  table     // (vocabulary, hidden)
	places table     // (positions, hidden)
	types  []float32 // (types, hidden)
	norm   layerNorm
	layers []layer
	work   int       // multiplications a token takes in the linear layers
	states sync.Pool // of *state
}

// layer holds the weights of one encoder layer, in float32 or in int8.
type layer struct {
	int8    bool
	f       linears[*f32.Linear]
	q       linears[*i8.Linear]
	attNorm layerNorm
	norm    layerNorm
}

type linears[L any] struct {
	qkv    L // hidden -> 3*hidden: query, key, value of all heads in one
	attOut L // hidden -> hidden
	up     L // hidden -> intermediate
	down   L // intermediate -> hidden
}

type layerNorm struct{ gamma, beta []float32 } // (hidden) each

// New builds a model. It asks w for each tensor under its Hugging Face name with prefix before it,
// which is "" in files of a bare BertModel and "bert." in files of a model with a head; tensors it
// has no use for, such as the pooler, are not asked for. If w is an Int8Weights, the matrices that it
// has in int8 stay so. The error is that of cfg.Validate or of w.
func New(cfg Config, w Weights, prefix string) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	hidden, mid := cfg.HiddenSize, cfg.IntermediateSize
	l := loader{w: w, prefix: prefix}
	l.w8, _ = w.(Int8Weights)
	m := &Model{
		cfg:    cfg,
		act:    activations[cfg.HiddenAct].float,
		act8:   activations[cfg.HiddenAct].int8,
		words:  l.table("embeddings.word_embeddings.weight", cfg.VocabSize, hidden),
		places: l.table("embeddings.position_embeddings.weight", cfg.MaxPositionEmbeddings, hidden),
		types:  l.tensor("embeddings.token_type_embeddings.weight", cfg.TypeVocabSize, hidden),
		norm:   l.norm("embeddings.LayerNorm", hidden),
		work:   cfg.NumHiddenLayers * hidden * (4*hidden + 2*mid),
	}
	for i := range cfg.NumHiddenLayers {
		if l.err != nil {
			break
		}
		p := fmt.Sprintf("encoder.layer.%d.", i)
		m.layers = append(m.layers, l.layer(p, hidden, mid))
	}
	if l.err != nil {
		return nil, l.err
	}
	m.states.New = func() any { return new(state) }
	return m, nil
}

// Config returns the configuration the model was built from.
func (m *Model) Config() Config { return m.cfg }

// Int8Layers is the number of encoder layers that run in int8.
func (m *Model) Int8Layers() (n int) {
	for i := range m.layers {
		if m.layers[i].int8 {
			n++
		}
	}
	return n
}

// loader asks for tensors and keeps the first error.
type loader struct {
	w      Weights
	w8     Int8Weights // nil if w has no int8
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

// int8 returns nil for a float matrix.
func (l *loader) int8(name string, rows, cols int) *Int8Matrix {
	if l.err != nil || l.w8 == nil {
		return nil
	}
	t, err := l.w8.Int8(l.prefix+name, rows, cols)
	l.err = err
	return t
}

func (l *loader) table(name string, rows, cols int) table {
	if t := l.int8(name, rows, cols); t != nil {
		return table{q: t.Q, scale: t.Scale}
	}
	return table{f: l.tensor(name, rows, cols)}
}

func (l *loader) norm(name string, size int) layerNorm {
	return layerNorm{l.tensor(name+".weight", size), l.tensor(name+".bias", size)}
}

// layer reads an encoder layer, which is int8 if all of its matrices are.
func (l *loader) layer(p string, hidden, mid int) layer {
	var out layer
	var parts [4][]part
	for i, linear := range []struct {
		out, in int
		names   []string
	}{
		{hidden, hidden, []string{"attention.self.query", "attention.self.key", "attention.self.value"}},
		{hidden, hidden, []string{"attention.output.dense"}},
		{mid, hidden, []string{"intermediate.dense"}},
		{hidden, mid, []string{"output.dense"}},
	} {
		for _, name := range linear.names {
			parts[i] = append(parts[i], part{name: p + name, out: linear.out, in: linear.in})
		}
	}
	out.int8 = l.w8 != nil
	for _, ps := range parts {
		for i := range ps {
			if out.int8 {
				ps[i].w8 = l.int8(ps[i].name+".weight", ps[i].out, ps[i].in)
				out.int8 = ps[i].w8 != nil
			}
		}
	}
	if out.int8 {
		out.q = linears[*i8.Linear]{l.linear8(parts[0]), l.linear8(parts[1]), l.linear8(parts[2]), l.linear8(parts[3])}
	} else {
		out.f = linears[*f32.Linear]{l.linear(parts[0]), l.linear(parts[1]), l.linear(parts[2]), l.linear(parts[3])}
	}
	out.attNorm = l.norm(p+"attention.output.LayerNorm", hidden)
	out.norm = l.norm(p+"output.LayerNorm", hidden)
	return out
}

// part is a linear layer of the file; several of the same input become one here, their rows stacked.
type part struct {
	name    string
	out, in int
	w8      *Int8Matrix
}

func (l *loader) linear(parts []part) *f32.Linear {
	var w, b []float32 // (len(parts)*out, in), (len(parts)*out)
	n := len(parts) * parts[0].out
	for i, p := range parts {
		wi, bi := l.tensor(p.name+".weight", p.out, p.in), l.tensor(p.name+".bias", p.out)
		if l.err != nil {
			return nil
		}
		if len(parts) == 1 {
			w, b = wi, bi
			break
		}
		if i == 0 {
			w, b = slices.Grow(w, n*p.in), slices.Grow(b, n)
		}
		w, b = append(w, wi...), append(b, bi...)
	}
	return f32.NewLinear(w, b, n, parts[0].in)
}

func (l *loader) linear8(parts []part) *i8.Linear {
	w, n := *parts[0].w8, len(parts)*parts[0].out
	var b []float32
	for i, p := range parts {
		bi := l.tensor(p.name+".bias", p.out)
		if l.err != nil {
			return nil
		}
		if i == 0 {
			b = slices.Grow(bi, n-len(bi))
			if len(parts) > 1 {
				w.Q, w.Scale = slices.Grow(w.Q, n*p.in-len(w.Q)), slices.Grow(w.Scale, n-len(w.Scale))
			}
			continue
		}
		b, w.Q, w.Scale = append(b, bi...), append(w.Q, p.w8.Q...), append(w.Scale, p.w8.Scale...)
	}
	return i8.NewLinear(w.Q, w.Scale, b, n, parts[0].in)
}

// table is a matrix whose rows are looked up: in float32, or in int8 with a scale a row.
type table struct {
	f     []float32 // (rows, cols), or
	q     []int8    // (rows, cols)
	scale []float32 // (rows)
}

// add adds row i to x (cols).
func (t table) add(x []float32, i int) {
	n := len(x)
	if t.q == nil {
		f32.Add(x, t.f[i*n:(i+1)*n])
		return
	}
	s := t.scale[i]
	q := t.q[i*n : (i+1)*n]
	for j, v := range q[:len(x)] {
		x[j] += float32(float32(v) * s)
	}
}

// Kernels names the kernels that models run on in this process, such as "avx512", in float32 or in int8:
// those of internal/f32 or of internal/i8.
func Kernels(int8 bool) string {
	if int8 {
		return i8.Impl()
	}
	return f32.Impl()
}
