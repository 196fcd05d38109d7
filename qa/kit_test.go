package qa

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"testing"
	"unicode"

	"github.com/semsearch/semsearch/encoder/tokenizer"
	"github.com/semsearch/semsearch/encoder/transformer"
)

// The ids of the template tokens of pieces.
const (
	clsID = 101
	sepID = 102
)

// pieces is a tokenizer that cuts words into pieces of at most n runes, other
// visible runes alone, and "[SEP]" whole, as the special token.
type pieces struct{ n int }

func (p pieces) Tokens(text string) []tokenizer.Token {
	var out []tokenizer.Token
	add := func(start, end int) {
		h := fnv.New32a()
		h.Write([]byte(text[start:end]))
		out = append(out, tokenizer.Token{ID: int32(h.Sum32()%1000) + 1000, Start: start, End: end})
	}
	start, runes := -1, 0
	flush := func(end int) {
		if start >= 0 {
			add(start, end)
		}
		start, runes = -1, 0
	}
	skip := 0
	for i, r := range text {
		if i < skip {
			continue
		}
		switch {
		case len(text)-i >= 5 && text[i:i+5] == "[SEP]":
			flush(i)
			out = append(out, tokenizer.Token{ID: sepID, Start: i, End: i + 5})
			skip = i + 5
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			if runes == p.n {
				flush(i)
			}
			if start < 0 {
				start = i
			}
			runes++
		case unicode.IsSpace(r):
			flush(i)
		default:
			flush(i)
			add(i, i+len(string(r)))
		}
	}
	flush(len(text))
	return out
}

func (p pieces) BuildPair(a, b []tokenizer.Token) tokenizer.Encoding {
	var e tokenizer.Encoding
	put := func(id, typ int32, t *tokenizer.Token) {
		e.IDs, e.TypeIDs, e.Special = append(e.IDs, id), append(e.TypeIDs, typ), append(e.Special, t == nil)
		if t == nil {
			t = &tokenizer.Token{}
		}
		e.Offsets = append(e.Offsets, [2]int{t.Start, t.End})
	}
	put(clsID, 0, nil)
	for i := range a {
		put(a[i].ID, 0, &a[i])
	}
	put(sepID, 0, nil)
	for i := range b {
		put(b[i].ID, 1, &b[i])
	}
	put(sepID, 1, nil)
	return e
}

// noise is a model that gives random logits, the same for the same sequence.
type noise struct {
	calls  int
	tokens []int // of each call
}

func (s *noise) score(ctx context.Context, b transformer.Batch, start, end []float32) error {
	s.calls++
	s.tokens = append(s.tokens, len(b.IDs))
	for i := range len(b.Starts) - 1 {
		lo, hi := b.Starts[i], b.Starts[i+1]
		h := fnv.New64a()
		for _, id := range b.IDs[lo:hi] {
			h.Write([]byte{byte(id), byte(id >> 8)})
		}
		rng := rand.New(rand.NewPCG(h.Sum64(), 1))
		for k := lo; k < hi; k++ {
			start[k], end[k] = float32(3*rng.NormFloat64()), float32(3*rng.NormFloat64())
		}
	}
	return ctx.Err()
}

// wordModel likes the spans it is told: every token whose id is that of a piece
// of a wanted word gets its logit, for start and end alike.
type wordModel map[int32]float32

func (m wordModel) score(ctx context.Context, b transformer.Batch, start, end []float32) error {
	for i := range b.IDs {
		start[i], end[i] = -5, -5
		if v, ok := m[b.IDs[i]]; ok && b.TypeIDs[i] == 1 {
			start[i], end[i] = v, v
		}
		if b.IDs[i] == clsID {
			start[i], end[i] = 0, 0
		}
	}
	return ctx.Err()
}

// like makes a wordModel of whole words and their logits.
func like(words map[string]float32) wordModel {
	m := wordModel{}
	for w, v := range words {
		for _, t := range (pieces{99}).Tokens(w) {
			m[t.ID] = v
		}
	}
	return m
}

func testReader(t testing.TB, tok pairTokenizer, model scorer, o *ReaderOptions) *Reader {
	t.Helper()
	return newTestReader(t, tok, model, o)
}

// newTestReader is testReader for property tests too.
func newTestReader(t interface{ Fatal(...any) }, tok pairTokenizer, model scorer, o *ReaderOptions) *Reader {
	rd, err := newReader(tok, model, 512, 0, o)
	if err != nil {
		t.Fatal(err)
	}
	return rd
}

func loadJSON(t testing.TB, path string, v any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

func batchOf(e tokenizer.Encoding) transformer.Batch {
	return transformer.Batch{IDs: e.IDs, TypeIDs: e.TypeIDs, Starts: []int{0, len(e.IDs)}}
}
