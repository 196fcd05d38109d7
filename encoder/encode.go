package encoder

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/semsearch/semsearch/encoder/transformer"
)

// sequence is one text as tokens.
type sequence struct {
	ids, types []int32
}

// EncodeQuery returns the unit vector of a query. An empty query has a vector too, that of the
// template tokens alone. The error is that of ctx, or wraps ErrNotFinite.
func (e *Encoder) EncodeQuery(ctx context.Context, q string) ([]float32, error) {
	vs, err := e.encode(ctx, e.query, []string{q})
	if err != nil {
		return nil, err
	}
	return vs[0], nil
}

// EncodePassages returns the unit vectors of passages, in their order. An empty passage has a vector
// too, that of the template tokens alone. The error is that of ctx, or wraps ErrNotFinite; there are
// no vectors then.
func (e *Encoder) EncodePassages(ctx context.Context, ps []string) ([][]float32, error) {
	return e.encode(ctx, e.passage, ps)
}

// encode takes the texts through tokens, batches and pooling.
func (e *Encoder) encode(ctx context.Context, p prompt, texts []string) ([][]float32, error) {
	seqs, err := e.tokenize(ctx, p, texts)
	if err != nil {
		return nil, err
	}

	// Longest first: the cores finish together, and the scratch memory grows once.
	order := make([]int, len(seqs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(seqs[b].ids) - len(seqs[a].ids) })

	vectors := make([][]float32, len(texts))
	for len(order) > 0 && len(seqs[order[len(order)-1]].ids) == 0 {
		vectors[order[len(order)-1]] = make([]float32, e.Dim())
		order = order[:len(order)-1]
	}
	st := e.state()
	defer e.states.Put(st)
	for len(order) > 0 {
		n := st.fill(seqs, order, e.batch)
		hidden := st.room(e.ck.Config.HiddenSize)
		if err := e.ck.Model.Forward(ctx, st.batch, hidden); err != nil {
			return nil, err
		}
		for i, text := range order[:n] {
			v := e.pool(hidden, st.batch.Starts[i], st.batch.Starts[i+1], p.skip)
			if err := unit(v); err != nil {
				return nil, fmt.Errorf("%s: text %d: %w", e.ck.Name, text, err)
			}
			vectors[text] = v
		}
		order = order[n:]
	}
	return vectors, nil
}

// tokenize turns the texts into sequences, on several cores when there are many.
func (e *Encoder) tokenize(ctx context.Context, p prompt, texts []string) ([]sequence, error) {
	seqs := make([]sequence, len(texts))
	var next atomic.Int64
	run := func() {
		for ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= len(texts) {
				return
			}
			enc := e.ck.Tokenizer.Encode(e.lower(p.text+texts[i]), e.max)
			seqs[i] = sequence{enc.IDs, enc.TypeIDs}
		}
	}
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), maxWorkers, len(texts)) - 1 {
		wg.Go(run)
	}
	run()
	wg.Wait()
	return seqs, ctx.Err()
}

const maxWorkers = 16

// state is the memory of one call.
type state struct {
	batch  transformer.Batch
	hidden []float32 // (tokens, hidden)
}

func (e *Encoder) state() *state {
	if st, ok := e.states.Get().(*state); ok {
		return st
	}
	return new(state)
}

// fill packs the first sequences of order, at least one, into a batch of at most limit tokens and
// returns how many they are.
func (st *state) fill(seqs []sequence, order []int, limit int) (n int) {
	b := &st.batch
	b.IDs, b.TypeIDs, b.Starts = b.IDs[:0], b.TypeIDs[:0], append(b.Starts[:0], 0)
	for n < len(order) && (n == 0 || len(b.IDs)+len(seqs[order[n]].ids) <= limit) {
		s := seqs[order[n]]
		b.IDs, b.TypeIDs = append(b.IDs, s.ids...), append(b.TypeIDs, s.types...)
		b.Starts = append(b.Starts, len(b.IDs))
		n++
	}
	return n
}

// room returns a place for the hidden states of the batch.
func (st *state) room(hidden int) []float32 {
	n := len(st.batch.IDs) * hidden
	if cap(st.hidden) < n {
		st.hidden = make([]float32, n)
	}
	return st.hidden[:n]
}
