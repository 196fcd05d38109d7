package transformer

import (
	"context"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/semsearch/semsearch/internal/f32"
	"github.com/semsearch/semsearch/internal/i8"
)

const (
	groupTokens = 256  // whole sequences up to this many tokens go through the layers on one core together
	smallGroup  = 64   // and not fewer, to have more groups than cores
	teamTokens  = 2048 // the same for several cores together
	rowBlock    = 84   // tokens whose intermediate states are alive at once on a core: whole tiles, 14 or 6 high, of internal/f32
	queryBlock  = 84   // tokens whose attention scores are alive at once on a core
	maxWorkers  = 16   // goroutines of one Forward
)

// minWork is the number of multiplications below which a second core does not pay. Tests set it.
var minWork = 200 << 20

// state is the memory of one Forward, kept for the next.
type state struct {
	m       *Model
	ctx     context.Context
	batch   Batch
	hidden  []float32
	members []*member
	groups  []int // sequence groups[i] is the first of group i
	team    bool  // all members work on one group after the other, and not each on its own
	shared  pass  // of the team
	next    atomic.Int64
	counts  []atomic.Int64 // of a team's steps
	barrier barrier
	wg      sync.WaitGroup
}

// member is one of the goroutines of a Forward.
type member struct {
	run     func() // made once, so that starting it takes no memory
	own     pass
	scratch scratch
}

// pass is a group of sequences on its way through the layers.
type pass struct {
	x     []float32 // (tokens, hidden) the residual stream, a part of the result
	xq    i8.Rows   // (tokens, hidden) the same in int8, where the next layer wants it
	qkv   []float32 // (tokens, 3*hidden) query, key and value of each token
	att   []float32 // (tokens, hidden) what each token has gathered from the others
	base  int       // the first token of the group in the batch
	spans []span
}

// span is a sequence: tokens [start, end) of the group.
type span struct{ start, end int }

// scratch is what one goroutine needs for itself.
type scratch struct {
	scores []float32 // of internal/f32, for the longest sequence
	mid    []float32 // (rowBlock, intermediate)
	out    []float32 // (rowBlock, hidden)
	xq     i8.Rows   // (rowBlock, hidden)
	midq   i8.Rows   // (rowBlock, intermediate)
}

// Forward computes the hidden states of the last layer for every token of the batch and writes them
// to hidden, shape (tokens, HiddenSize). The work is split over GOMAXPROCS goroutines at most, whole
// sequences where there are enough of them, and taken in parts, so that scratch memory
// does not grow with the batch: about 4*HiddenSize numbers for each of 256 tokens a goroutine, or of 2048, and what the
// longest sequence needs. It is kept for the next call.
//
// The error wraps ErrInput, naming what does not fit, or is that of ctx, which is looked at between
// blocks of rows; hidden is then partly written.
func (m *Model) Forward(ctx context.Context, b Batch, hidden []float32) error {
	if err := b.check(m.cfg, hidden); err != nil {
		return err
	}
	if len(b.IDs) == 0 {
		return ctx.Err()
	}
	st := m.states.Get().(*state)
	st.m, st.ctx, st.batch, st.hidden = m, ctx, b, hidden
	n := st.plan()
	st.next.Store(0)
	st.barrier.reset(n)
	st.wg.Add(n - 1)
	for _, w := range st.members[1:n] {
		go w.run()
	}
	st.work(st.members[0])
	st.wg.Wait()
	st.ctx, st.batch, st.hidden, st.shared.x = nil, Batch{}, nil, nil
	for _, w := range st.members[:n] {
		w.own.x = nil
	}
	m.states.Put(st)
	return ctx.Err()
}

// plan cuts the batch into groups and decides how many members work on it, and how.
func (st *state) plan() (members int) {
	tokens := len(st.batch.IDs)
	members = min(runtime.GOMAXPROCS(0), maxWorkers)
	if tokens*st.m.work < minWork {
		members = 1
	}
	limit := groupTokens
	if members > 1 {
		limit = min(groupTokens, max(smallGroup, tokens/(4*members)))
	}
	st.cut(limit)
	if st.team = members > 1 && len(st.groups)-1 < 4*members; st.team {
		st.cut(teamTokens)
		if n := 1 + 3*len(st.m.layers); len(st.counts) < n {
			st.counts = make([]atomic.Int64, n)
		}
	}
	for len(st.members) < members {
		w := new(member)
		w.run = func() { defer st.wg.Done(); st.work(w) }
		st.members = append(st.members, w)
	}
	return members
}

// cut makes groups of whole sequences up to limit tokens.
func (st *state) cut(limit int) {
	starts := st.batch.Starts
	st.groups = append(st.groups[:0], 0)
	for i := 1; i < len(starts)-1; i++ {
		if starts[i+1]-starts[st.groups[len(st.groups)-1]] > limit {
			st.groups = append(st.groups, i)
		}
	}
	st.groups = append(st.groups, len(starts)-1)
}

// work is what a member does.
func (st *state) work(w *member) {
	if st.team {
		for g := range len(st.groups) - 1 {
			if w == st.members[0] {
				st.shared.prepare(st, g)
				for i := range st.counts {
					st.counts[i].Store(0)
				}
			}
			st.barrier.wait()
			st.together(w)
			st.barrier.wait()
		}
		return
	}
	for st.ctx.Err() == nil {
		g := int(st.next.Add(1)) - 1
		if g >= len(st.groups)-1 {
			return
		}
		w.own.prepare(st, g)
		st.alone(w)
	}
}

// alone takes the group of a member through the layers.
func (st *state) alone(w *member) {
	m, p := st.m, &w.own
	tokens := len(p.x) / m.cfg.HiddenSize
	w.scratch.prepare(m.cfg, p)

	// Embeddings: word + position + type, normalised.
	for _, s := range p.spans {
		m.embed(p, st.batch, s)
	}
	for i := range m.layers {
		// Queries, keys and values of every token.
		for from := 0; from < tokens; from += rowBlock {
			if st.ctx.Err() != nil {
				return
			}
			m.project(i, p, from, min(from+rowBlock, tokens))
		}
		// Multi-head self-attention.
		for _, s := range p.spans {
			for head := range m.cfg.NumAttentionHeads {
				m.attend(p, &w.scratch, s, head)
			}
			if st.ctx.Err() != nil {
				return
			}
		}
		// Output of the attention, then the feed-forward part, each added to the residual stream and
		// normalised.
		for from := 0; from < tokens; from += rowBlock {
			if st.ctx.Err() != nil {
				return
			}
			m.transform(i, p, &w.scratch, from, min(from+rowBlock, tokens))
		}
	}
}

// together is alone for the members of a team: they share the blocks of each step and wait for each
// other before the next.
func (st *state) together(w *member) {
	m, p := st.m, &st.shared
	tokens := len(p.x) / m.cfg.HiddenSize
	w.scratch.prepare(m.cfg, p)

	// Rows are cut so that every member has some, and attention into heads.
	rows := min(rowBlock, (tokens+st.barrier.members-1)/st.barrier.members)
	blocks := (tokens + rows - 1) / rows
	heads := m.cfg.NumAttentionHeads

	step := 0
	st.share(&step, len(p.spans), func(i int) { m.embed(p, st.batch, p.spans[i]) })
	for l := range m.layers {
		st.share(&step, blocks, func(i int) { m.project(l, p, i*rows, min((i+1)*rows, tokens)) })
		st.share(&step, len(p.spans)*heads, func(i int) { m.attend(p, &w.scratch, p.spans[i/heads], i%heads) })
		st.share(&step, blocks, func(i int) { m.transform(l, p, &w.scratch, i*rows, min((i+1)*rows, tokens)) })
	}
}

// share calls f once for every i below n on whichever member comes first, and returns when all calls of this step are
// done. When ctx is done, no further call is begun.
func (st *state) share(step *int, n int, f func(i int)) {
	count := &st.counts[*step]
	*step++
	for st.ctx.Err() == nil {
		i := int(count.Add(1)) - 1
		if i >= n {
			break
		}
		f(i)
	}
	st.barrier.wait()
}

// prepare makes p the pass of group g.
func (p *pass) prepare(st *state, g int) {
	c, starts := st.m.cfg, st.batch.Starts[st.groups[g]:st.groups[g+1]+1]
	p.base = starts[0]
	end := starts[len(starts)-1]
	tokens := end - p.base
	p.spans = p.spans[:0]
	for i := range starts[1:] {
		p.spans = append(p.spans, span{starts[i] - p.base, starts[i+1] - p.base})
	}
	p.x = st.hidden[p.base*c.HiddenSize : end*c.HiddenSize]
	p.qkv = grow(p.qkv, tokens*3*c.HiddenSize)
	p.att = grow(p.att, tokens*c.HiddenSize)
	if st.m.Int8Layers() > 0 {
		p.xq.Reset(tokens, c.HiddenSize)
	}
}

// prepare makes room for what a goroutine needs for p.
func (w *scratch) prepare(c Config, p *pass) {
	tokens, longest := 0, 0
	for _, s := range p.spans {
		longest = max(longest, s.end-s.start)
		tokens = s.end
	}
	w.scores = grow(w.scores, f32.AttentionScratch(longest, c.HiddenSize/c.NumAttentionHeads))
	w.mid = grow(w.mid, min(rowBlock, tokens)*c.IntermediateSize)
	w.out = grow(w.out, min(rowBlock, tokens)*c.HiddenSize)
}

// embed writes the embeddings of a sequence to the residual stream.
func (m *Model) embed(p *pass, b Batch, s span) {
	h := m.cfg.HiddenSize
	for t := s.start; t < s.end; t++ {
		x := p.x[t*h : (t+1)*h]
		typ := b.typeID(p.base + t)
		clear(x)
		m.words.add(x, int(b.IDs[p.base+t]))
		f32.Add(x, m.types[typ*h:(typ+1)*h])
		m.places.add(x, t-s.start)
	}
	m.finish(0, p, s.start, s.end, m.norm)
}

// project computes queries, keys and values of layer i for rows [from, to).
func (m *Model) project(i int, p *pass, from, to int) {
	h, l := m.cfg.HiddenSize, &m.layers[i]
	dst := p.qkv[from*3*h : to*3*h]
	if l.int8 {
		l.q.qkv.Apply(dst, 3*h, &p.xq, from, to-from)
	} else {
		l.f.qkv.Apply(dst, p.x[from*h:to*h], to-from)
	}
}

// attend is scaled dot-product attention, softmax(q·kᵀ/√d)·v, of one head within one sequence.
func (m *Model) attend(p *pass, w *scratch, s span, head int) {
	h := m.cfg.HiddenSize
	d := h / m.cfg.NumAttentionHeads
	n := s.end - s.start
	at := s.start*3*h + head*d
	f32.Attention(n, n, d, float32(1/math.Sqrt(float64(d))), p.qkv[at:], 3*h, p.qkv[at+h:], 3*h, p.qkv[at+2*h:], 3*h,
		p.att[s.start*h+head*d:], h, w.scores)
}

// transform is the rest of layer i after attention, for rows [from, to).
func (m *Model) transform(i int, p *pass, w *scratch, from, to int) {
	h, rows, l := m.cfg.HiddenSize, to-from, &m.layers[i]
	x, att := p.x[from*h:to*h], p.att[from*h:to*h]
	if l.int8 {
		// Attention output, residual sum, layer norm.
		w.xq.Reset(rows, h)
		w.midq.Reset(rows, m.cfg.IntermediateSize)
		w.xq.Quantize(0, att, rows, h)
		l.q.attOut.ApplyAdd(x, h, &w.xq, 0, rows)
		w.xq.LayerNormQuantize(0, x, h, nil, 0, l.attNorm.gamma, l.attNorm.beta, float32(m.cfg.LayerNormEps), rows)

		// Feed-forward: up, activation, down; residual sum.
		l.q.up.ApplyQuantize(&w.midq, 0, &w.xq, 0, rows, m.act8)
		l.q.down.ApplyAdd(x, h, &w.midq, 0, rows)
	} else {
		out := w.out[:len(x)]
		mid := w.mid[:rows*m.cfg.IntermediateSize]

		// Attention output, residual sum, layer norm.
		l.f.attOut.Apply(out, att, rows)
		f32.Add(out, x)
		m.normalise(x, out, l.attNorm)

		// Feed-forward: up, activation, down; residual sum.
		l.f.up.Apply(mid, x, rows)
		m.act(mid)
		l.f.down.Apply(out, mid, rows)
		f32.Add(x, out)
	}
	m.finish(i+1, p, from, to, l.norm)
}

// finish normalises rows [from, to) of the residual stream and makes them what layer next reads.
func (m *Model) finish(next int, p *pass, from, to int, n layerNorm) {
	h := m.cfg.HiddenSize
	x := p.x[from*h : to*h]
	if next < len(m.layers) && m.layers[next].int8 {
		p.xq.LayerNormQuantize(from, x, h, nil, 0, n.gamma, n.beta, float32(m.cfg.LayerNormEps), to-from)
		return
	}
	m.normalise(x, x, n)
}

// normalise is layer normalisation of each row of src (rows, hidden) into dst, which may be src.
func (m *Model) normalise(dst, src []float32, n layerNorm) {
	h := m.cfg.HiddenSize
	for at := 0; at < len(src); at += h {
		f32.LayerNorm(dst[at:at+h], src[at:at+h], n.gamma, n.beta, float32(m.cfg.LayerNormEps))
	}
}

// grow returns a slice of n numbers, s itself when it is large enough.
func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}
