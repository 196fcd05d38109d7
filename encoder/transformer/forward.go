package transformer

import (
	"context"
	"math"
	"runtime"

	"github.com/semsearch/semsearch/internal/f32"
)

const (
	groupTokens = 2048 // whole sequences up to this many tokens go through the layers together
	rowBlock    = 84   // tokens whose intermediate states are alive at once on a core: whole tiles, 14 or 6 high, of internal/f32
	queryBlock  = 84   // tokens whose attention scores are alive at once on a core
	maxWorkers  = 16   // goroutines of one Forward
)

// state is the scratch memory of one Forward.
type state struct {
	qkv     []float32 // (tokens, 3*hidden) query, key and value of each token
	att     []float32 // (tokens, hidden) what each token has gathered from the others
	heads   []span    // the sequences of the group, one entry a head
	workers []scratch
}

// scratch is what one goroutine needs for itself.
type scratch struct {
	scores []float32 // (queryBlock, longest sequence)
	mid    []float32 // (rowBlock, intermediate)
	out    []float32 // (rowBlock, hidden)
}

// span is one head of one sequence: tokens [start, end) of the group.
type span struct{ start, end, head int }

// Forward computes the hidden states of the last layer for every token of the batch and writes them
// to hidden, shape (tokens, HiddenSize). The work is split over GOMAXPROCS goroutines at most, and
// long batches are taken in parts, so that scratch memory does not grow with the batch: about
// 2048*4*HiddenSize numbers and what the longest sequence needs.
//
// The error wraps ErrInput, naming what does not fit, or is that of ctx, which is looked at between
// blocks of rows and between layers; hidden is then partly written.
func (m *Model) Forward(ctx context.Context, b Batch, hidden []float32) error {
	if err := b.check(m.cfg, hidden); err != nil {
		return err
	}
	st := m.states.Get().(*state)
	defer m.states.Put(st)
	for first := 0; first < len(b.Starts)-1; {
		last := first + 1
		for last < len(b.Starts)-1 && b.Starts[last+1]-b.Starts[first] <= groupTokens {
			last++
		}
		if err := m.forward(ctx, b, first, last, hidden, st); err != nil {
			return err
		}
		first = last
	}
	return nil
}

// forward runs sequences [first, last) through the layers. The residual stream lives in hidden.
func (m *Model) forward(ctx context.Context, b Batch, first, last int, hidden []float32, st *state) error {
	h := m.cfg.HiddenSize
	base, end := b.Starts[first], b.Starts[last]
	tokens := end - base
	x := hidden[base*h : end*h] // (tokens, hidden)
	workers := st.prepare(m.cfg, b.Starts[first:last+1])

	// Rows are cut so that every worker has some, and attention into heads.
	rows := min(rowBlock, (tokens+len(workers)-1)/len(workers))
	blocks := (tokens + rows - 1) / rows
	block := func(i int) (int, int) { return i * rows, min((i+1)*rows, tokens) }

	// Embeddings: word + position + type, normalised.
	err := each(ctx, workers, len(st.heads)/m.cfg.NumAttentionHeads, func(_ *scratch, i int) {
		s := st.heads[i*m.cfg.NumAttentionHeads]
		for t := s.start; t < s.end; t++ {
			m.embed(x[t*h:(t+1)*h], int(b.IDs[base+t]), t-s.start, b.typeID(base+t))
		}
	})
	for i := 0; i < len(m.layers) && err == nil; i++ {
		l := &m.layers[i]

		// Queries, keys and values of every token.
		err = each(ctx, workers, blocks, func(_ *scratch, i int) {
			from, to := block(i)
			l.qkv.Apply(st.qkv[from*3*h:to*3*h], x[from*h:to*h], to-from)
		})
		if err != nil {
			break
		}

		// Multi-head self-attention.
		err = each(ctx, workers, len(st.heads), func(w *scratch, i int) {
			m.attend(st, w, st.heads[i])
		})
		if err != nil {
			break
		}

		// Output of the attention, then the feed-forward part, each added to the residual stream
		// and normalised.
		err = each(ctx, workers, blocks, func(w *scratch, i int) {
			from, to := block(i)
			m.transform(l, w, x[from*h:to*h], st.att[from*h:to*h], to-from)
		})
	}
	return err
}

// embed writes the embedding of one token to x (hidden).
func (m *Model) embed(x []float32, id, position, typ int) {
	h := len(x)
	copy(x, m.words[id*h:(id+1)*h])
	f32.Add(x, m.types[typ*h:(typ+1)*h])
	f32.Add(x, m.places[position*h:(position+1)*h])
	m.normalise(x, x, m.norm)
}

// attend is scaled dot-product attention, softmax(q·kᵀ/√d)·v, of one head within one sequence.
func (m *Model) attend(st *state, w *scratch, s span) {
	h := m.cfg.HiddenSize
	d := h / m.cfg.NumAttentionHeads
	n := s.end - s.start
	scale := float32(1 / math.Sqrt(float64(d)))
	at := s.start*3*h + s.head*d
	k, v := st.qkv[at+h:], st.qkv[at+2*h:]
	for from := 0; from < n; from += queryBlock {
		q := st.qkv[at+from*3*h:]
		rows := min(queryBlock, n-from)
		scores := w.scores[:rows*n] // (rows, n)

		// Scores of these queries against every key of the sequence.
		f32.MatMulT(rows, n, d, scale, q, 3*h, k, 3*h, scores, n)

		// Each row becomes weights that sum to 1.
		for r := range rows {
			f32.Softmax(scores[r*n : (r+1)*n])
		}

		// The values, weighted.
		f32.MatMul(rows, d, n, scores, n, v, 3*h, st.att[(s.start+from)*h+s.head*d:], h)
	}
}

// transform is the rest of a layer after attention, for rows of the residual stream x (rows, hidden)
// and what attention gathered for them, att (rows, hidden).
func (m *Model) transform(l *layer, w *scratch, x, att []float32, rows int) {
	out := w.out[:len(x)]
	mid := w.mid[:rows*m.cfg.IntermediateSize]

	// Attention output, residual sum, layer norm.
	l.attOut.Apply(out, att, rows)
	f32.Add(out, x)
	m.normalise(x, out, l.attNorm)

	// Feed-forward: up, activation, down.
	l.up.Apply(mid, x, rows)
	m.act(mid)
	l.down.Apply(out, mid, rows)

	// Residual sum, layer norm.
	f32.Add(out, x)
	m.normalise(x, out, l.norm)
}

// normalise is layer normalisation of each row of src (rows, hidden) into dst, which may be src.
func (m *Model) normalise(dst, src []float32, n layerNorm) {
	h := m.cfg.HiddenSize
	for at := 0; at < len(src); at += h {
		f32.LayerNorm(dst[at:at+h], src[at:at+h], n.gamma, n.beta, float32(m.cfg.LayerNormEps))
	}
}

// prepare makes room for the sequences that starts delimits, and for the workers it returns.
func (st *state) prepare(c Config, starts []int) []scratch {
	tokens, longest := starts[len(starts)-1]-starts[0], 0
	st.heads = st.heads[:0]
	for i, end := range starts[1:] {
		longest = max(longest, end-starts[i])
		for head := range c.NumAttentionHeads {
			st.heads = append(st.heads, span{starts[i] - starts[0], end - starts[0], head})
		}
	}
	st.qkv = grow(st.qkv, tokens*3*c.HiddenSize)
	st.att = grow(st.att, tokens*c.HiddenSize)
	n := min(runtime.GOMAXPROCS(0), maxWorkers)
	for len(st.workers) < n {
		st.workers = append(st.workers, scratch{})
	}
	workers := st.workers[:n]
	for i := range workers {
		w := &workers[i]
		w.scores = grow(w.scores, min(queryBlock, longest)*longest)
		w.mid = grow(w.mid, min(rowBlock, tokens)*c.IntermediateSize)
		w.out = grow(w.out, min(rowBlock, tokens)*c.HiddenSize)
	}
	return workers
}

// grow returns a slice of n numbers, s itself when it is large enough.
func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}
