package tokenizer

import (
	"math"
	"slices"
	"sync"
	"unicode/utf8"
)

// Token is a token of a text.
type Token struct {
	ID         int32
	Start, End int // the bytes of the original text it covers, [Start, End)
}

// Tokenizer turns text into tokens. Make one with [FromJSON], [FromVocab], [FromSentencePiece] or
// [FromMerges]. It is safe for concurrent use.
type Tokenizer struct {
	tokens []string // by id
	ids    map[string]int32

	raw  *matcher // added tokens looked for in the text as it is
	norm *matcher // and in the normalised text

	normalizer   normalizer   // may be nil
	preTokenizer preTokenizer // may be nil
	model        model
	fast         *bertFast // not nil where the two stages above are BERT's
	trim         *trim     // not nil where offsets leave out the white space a token begins or ends with

	single, pair template
	maxLength    int
	pad          int32 // -1 for none

	pool sync.Pool // of *work
}

// model cuts words into tokens.
type model interface {
	// cut appends the tokens of word, which is not empty, with offsets into word.
	cut(s *scratch, tokens []Token, word []byte) []Token
}

// VocabSize returns the number of tokens, added ones included. Ids run from 0 to VocabSize()-1.
func (t *Tokenizer) VocabSize() int { return len(t.tokens) }

// TokenID returns the id of a token as the vocabulary writes it: "the", "##ing", "[CLS]".
func (t *Tokenizer) TokenID(token string) (int32, bool) {
	id, ok := t.ids[token]
	return id, ok
}

// Text returns the token with the given id as the vocabulary writes it, or "" if there is none.
func (t *Tokenizer) Text(id int32) string {
	if id < 0 || int(id) >= len(t.tokens) {
		return ""
	}
	return t.tokens[id]
}

// MaxLength returns the length in tokens that tokenizer.json asks for in its truncation section,
// template included, or 0 if it asks for none. Nothing here truncates by it unasked: pass it to
// [Tokenizer.Encode].
func (t *Tokenizer) MaxLength() int { return t.maxLength }

// Pad returns the id of the token that fills up sequences: the one that the padding section of
// tokenizer.json names, or else an added token "<pad>" or "[PAD]". Nothing here pads. Models of the
// RoBERTa family (XLM-R and MPNet too) number positions from this id plus one,
// where BERT's begin at 0.
func (t *Tokenizer) Pad() (id int32, ok bool) { return max(t.pad, 0), t.pad >= 0 }

// Tokens returns the tokens of text in its order, without a template and however many they are.
// Added tokens that stand in the text, such as "[MASK]", become that token.
func (t *Tokenizer) Tokens(text string) []Token {
	return t.atMost(text, math.MaxInt)
}

// atMost returns the tokens of text. Once it has more than limit it may leave the rest out.
func (t *Tokenizer) atMost(text string, limit int) []Token {
	if text == "" {
		return nil
	}
	w, _ := t.pool.Get().(*work)
	if w == nil {
		w = &work{t: t}
	}
	w.limit = limit
	w.tokens = w.tokens[:0]
	w.run(text)
	if t.trim != nil {
		t.trim.tokens(t, text, w.tokens)
	}
	var out []Token
	if len(w.tokens) > 0 {
		out = slices.Clone(w.tokens)
	}
	if cap(w.tokens) <= keepTokens && cap(w.buf) <= keepBytes && cap(w.chars) <= keepBytes && w.words.small() && w.scratch.small() {
		t.pool.Put(w)
	}
	return out
}

// Scratch space beyond these is not kept from one text to the next.
const (
	keepTokens = 1 << 16
	keepBytes  = 1 << 16
)

// work is the scratch space of one call.
type work struct {
	t      *Tokenizer
	tokens []Token
	limit  int

	parts []part
	state        // normalisation
	buf   []byte // the normalised text, or the word being put together
	from  []int  // for each byte of buf, the original bytes its code point stands for
	to    []int  //
	normp []part // of buf
	lower []byte // a word taken from the text unchanged but for case
	words pieces
	scratch
}

// full reports whether the limit is passed.
func (w *work) full() bool { return len(w.tokens) > w.limit }

func (w *work) run(text string) {
	w.parts = w.t.raw.split(w.parts[:0], text)
	for _, p := range w.parts {
		if w.full() {
			return
		}
		switch s := text[p.start:p.end]; {
		case p.added:
			w.tokens = append(w.tokens, Token{p.id, p.start, p.end})
		case w.t.fast == nil || !w.bert(s, p.start):
			w.general(s, p.start)
		}
	}
}

// general takes text, which begins at base, through any normalizer and pre-tokenizer.
func (w *work) general(text string, base int) {
	w.load(text, base)
	if w.t.normalizer != nil {
		w.t.normalizer.normalize(&w.state)
	}
	w.buf, w.from, w.to = w.buf[:0], w.from[:0], w.to[:0]
	for _, c := range w.chars {
		w.put(c.r, c.start, c.end)
	}
	if w.t.norm == nil {
		w.section(0, len(w.buf))
	} else {
		w.normp = w.t.norm.split(w.normp[:0], string(w.buf))
		for _, p := range w.normp {
			switch {
			case w.full():
			case p.added:
				w.tokens = append(w.tokens, Token{p.id, w.from[p.start], w.to[p.end-1]})
			default:
				w.section(p.start, p.end)
			}
		}
	}
	w.buf, w.from, w.to = w.buf[:0], w.from[:0], w.to[:0]
}

// put appends a code point to buf.
func (w *work) put(r rune, start, end int) {
	n := len(w.buf)
	w.buf = utf8.AppendRune(w.buf, r)
	for range len(w.buf) - n {
		w.from = append(w.from, start)
		w.to = append(w.to, end)
	}
}

// section cuts a part of buf into words and those into tokens.
func (w *work) section(start, end int) {
	if start >= end {
		return
	}
	p := &w.words
	p.buf, p.from, p.to = w.buf, w.from, w.to
	p.spans = append(p.spans[:0], [2]int{start, end})
	if w.t.preTokenizer != nil {
		w.t.preTokenizer.split(p)
	}
	for _, s := range p.spans {
		if w.full() {
			return
		}
		w.cut(p.buf[s[0]:s[1]], p.from[s[0]:s[1]], p.to[s[0]:s[1]])
	}
}

// cut appends the tokens of a word, each byte of which stands for original bytes [from, to).
func (w *work) cut(word []byte, from, to []int) {
	n := len(w.tokens)
	w.tokens = w.t.model.cut(&w.scratch, w.tokens, word)
	for i := n; i < len(w.tokens); i++ {
		tok := &w.tokens[i]
		tok.Start, tok.End = from[tok.Start], to[tok.End-1]
	}
}
