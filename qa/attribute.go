package qa

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/semsearch/semsearch/encoder/tokenizer"
)

// Attribution says how much the words of a question and of a passage do for a span.
type Attribution struct {
	Score    float64      // logits of the span over the null score, with everything in place
	Question []WordWeight // in order
	Passage  []WordWeight // in order; those of the span itself are not among them
}

// WordWeight is a word with what it adds to the score of a span: the score with the word
// in place less the score with its tokens hidden. Below 0 the word speaks against the span.
type WordWeight struct {
	Start, End int    // byte range in the question or passage
	Text       string // these bytes
	Weight     float64
}

// maxOccluded bounds the words of a passage that are hidden one by one: those nearest to
// the span.
const maxOccluded = 120

// Attribute tells by occlusion (Zeiler and Fergus 2014; Li, Monroe and Jurafsky 2016 call
// it erasure) what a span of a passage hangs on: each word of the question and of the
// passage in turn is replaced by mask tokens and the passage is read again. The span is
// one of Reader.Read.
//
// title is the one that the passage was read with, see ReadOptions.Titles, or empty.
//
// The method has limits. It looks at one word at a time: of two words that say the same,
// neither seems to matter. A text with a hole is none that the reader was trained on, so a
// part of each weight is only surprise. And it says what moves the reader, not whether the
// reader is right. Passages longer than a window are read in the window in which the span
// has most context. Of a long passage only the 120 words nearest to the span are tried.
//
// It takes one forward pass over as many windows as there are words. Errors are those of
// Read, and ErrInvalid when the span is none of the passage.
func (rd *Reader) Attribute(ctx context.Context, question, title, passageText string, s Span) (*Attribution, error) {
	if rd == nil {
		return nil, fmt.Errorf("no reader: %w", ErrInvalid)
	}
	if s.Start < 0 || s.End > len(passageText) || s.Start >= s.End {
		return nil, fmt.Errorf("span [%d,%d) of a passage of %d bytes: %w", s.Start, s.End, len(passageText), ErrInvalid)
	}
	q := rd.tok.Tokens(question)
	if strings.TrimSpace(question) == "" || len(q) == 0 {
		return nil, fmt.Errorf("empty question: %w", ErrInvalid)
	}
	q = q[:min(len(q), rd.opt.QuestionTokens)]
	p := rd.newPassage(title, passageText, rd.opt.MaxTokens-rd.tmpl.overhead()-len(q))
	if err := rd.scoreWindows(ctx, q, p.windows); err != nil {
		return nil, err
	}
	first, last, ok := p.tokensOf(s)
	if !ok {
		return nil, fmt.Errorf("span [%d,%d) %q is none that the reader gives: %w", s.Start, s.End, s.Text, ErrInvalid)
	}
	w := p.windows[p.bestWindow(first)]
	tokens := w.tokens()
	first, last = first-w.first, last-w.first
	out := &Attribution{Score: w.score(first, last)}

	mask := rd.maskID()
	for _, word := range wordsOf(question, q) {
		probe := &window{p: &passage{tokens: tokens}, last: len(tokens)}
		if err := rd.scoreWindows(ctx, word.hide(q, mask), []*window{probe}); err != nil {
			return nil, err
		}
		out.Question = append(out.Question, word.weight(question, out.Score-probe.score(first, last)))
	}
	var words []wordTokens
	var probes []*window
	for _, word := range nearest(p.wordsIn(tokens), first, last, maxOccluded) {
		words = append(words, word)
		probes = append(probes, &window{p: &passage{tokens: word.hide(tokens, mask)}, last: len(tokens)})
	}
	if err := rd.scoreWindows(ctx, q, probes); err != nil {
		return nil, err
	}
	for i, word := range words {
		out.Passage = append(out.Passage, word.weight(p.text[p.from:], out.Score-probes[i].score(first, last)))
	}
	return out, nil
}

// score is that of tokens [first,last] of the window as a span, over its null score.
func (w *window) score(first, last int) float64 {
	return float64(w.start[first]) + float64(w.end[last]) - w.null
}

// tokensOf finds the best pair of tokens that makes the span.
func (p *passage) tokensOf(s Span) (first, last int, ok bool) {
	edges := p.edges()
	all := p.candidates(edges, len(p.tokens))
	heap.Init(&all)
	for len(all) > 0 {
		c := heap.Pop(&all).(candidate)
		start, end, ok := tidy(p.text, edges[c.i].start, edges[c.j].end)
		if ok && end-p.from == s.End && max(withNegation(p.text, start), p.from)-p.from == s.Start {
			return int(c.i), int(c.j), true
		}
	}
	return 0, 0, false
}

// maskID is the token that stands for a hidden one: [MASK], or the unknown token of a
// vocabulary without, or 0.
func (rd *Reader) maskID() int32 {
	if v, ok := rd.tok.(interface{ TokenID(string) (int32, bool) }); ok {
		for _, name := range []string{"[MASK]", "<mask>", "[UNK]", "<unk>"} {
			if id, ok := v.TokenID(name); ok {
				return id
			}
		}
	}
	return 0
}

// wordTokens is a word of a text with its tokens [first,last).
type wordTokens struct{ start, end, first, last int }

// hide returns the tokens with those of the word replaced.
func (w wordTokens) hide(tokens []tokenizer.Token, mask int32) []tokenizer.Token {
	out := slices.Clone(tokens)
	for i := w.first; i < w.last; i++ {
		out[i].ID = mask
	}
	return out
}

func (w wordTokens) weight(text string, weight float64) WordWeight {
	return WordWeight{Start: w.start, End: w.end, Text: text[w.start:w.end], Weight: weight}
}

// wordsOf groups the tokens of a text into words with letters or digits.
func wordsOf(text string, tokens []tokenizer.Token) []wordTokens {
	bounds := wordBounds(text)
	var out []wordTokens
	for i, t := range tokens {
		if t.Start < 0 || t.End > len(text) || t.Start >= t.End || !hasWord(text[t.Start:t.End]) {
			continue
		}
		start, end := int(bounds[t.Start].before), int(bounds[t.End].after)
		if n := len(out); n > 0 && start < out[n-1].end {
			out[n-1].end, out[n-1].last = max(end, out[n-1].end), i+1
			continue
		}
		out = append(out, wordTokens{start, end, i, i + 1})
	}
	return out
}

// wordsIn is wordsOf for tokens of a passage, with places in the passage without what
// stands before it.
func (p *passage) wordsIn(tokens []tokenizer.Token) []wordTokens {
	words := wordsOf(p.text, tokens)
	words = slices.DeleteFunc(words, func(w wordTokens) bool { return w.start < p.from })
	for i := range words {
		words[i].start -= p.from
		words[i].end -= p.from
	}
	return words
}

func hasWord(s string) bool { return strings.ContainsFunc(s, wordRune) }

// nearest keeps the n words nearest to tokens [first,last], without those among them, in
// order.
func nearest(words []wordTokens, first, last, n int) []wordTokens {
	distance := func(w wordTokens) int { return max(first-w.last+1, w.first-last) }
	words = slices.DeleteFunc(words, func(w wordTokens) bool { return distance(w) <= 0 })
	slices.SortStableFunc(words, func(a, b wordTokens) int { return cmp.Compare(distance(a), distance(b)) })
	words = words[:min(n, len(words))]
	slices.SortFunc(words, func(a, b wordTokens) int { return cmp.Compare(a.first, b.first) })
	return words
}
