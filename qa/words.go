package qa

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/words"
)

// edge is where a span goes when it starts or ends on a token: the bounds of
// the words that the token lies in. ok is false for tokens that no span may
// start or end on: special ones and such without visible text.
type edge struct {
	start, end int
	ok         bool
}

// edges gives each token its edge. A span that starts or ends inside a word is
// thereby widened to the whole word, as the reference code of BERT does. It is
// not dropped: the model meant that word, and a token of it is only where the
// model saw it best.
func (p *passage) edges() []edge {
	bounds := wordBounds(p.text)
	// A word does not reach from the context into the passage: a line break lies between.
	out := make([]edge, len(p.tokens))
	for i, t := range p.tokens {
		if p.special[t.ID] || t.Start < p.from || t.End > len(p.text) || t.Start >= t.End {
			continue
		}
		piece := p.text[t.Start:t.End]
		start := t.Start + len(piece) - len(strings.TrimLeftFunc(piece, unicode.IsSpace))
		end := t.Start + len(strings.TrimRightFunc(piece, unicode.IsSpace))
		if start >= end {
			continue
		}
		out[i] = edge{start: int(bounds[start].before), end: int(bounds[end].after), ok: true}
	}
	return out
}

// bound is the nearest word boundary at or before a byte, and at or after it.
type bound struct{ before, after int32 }

// wordBounds has one bound a byte and one for the end of the text. Words are
// those of Unicode Standard Annex 29, with a possessive 's cut off: an answer
// may be "Victoria" where the text has "Victoria's".
func wordBounds(text string) []bound {
	out := make([]bound, len(text)+1)
	mark := func(start, end int) {
		for i := start; i < end; i++ {
			out[i].before = int32(start)
			if i > start {
				out[i].after = int32(end)
			} else {
				out[i].after = int32(start)
			}
		}
	}
	it := words.FromString(text)
	at := 0
	for it.Next() {
		w := it.Value()
		end := at + len(w)
		if cut := possessive(w); cut > 0 {
			mark(at, at+cut)
			at += cut
		}
		mark(at, end)
		at = end
	}
	mark(at, len(text))
	out[len(text)] = bound{before: int32(len(text)), after: int32(len(text))}
	return out
}

// possessive is the byte where 's begins at the end of the word, 0 if nowhere.
func possessive(w string) int {
	for _, s := range []string{"'s", "’s", "'S", "’S"} {
		if strings.HasSuffix(w, s) {
			return len(w) - len(s)
		}
	}
	return 0
}

// Brackets, each opener with its closer at the same place.
var (
	openers = []rune("([{«“（［｛「『【《〈")
	closers = []rune(")]}»”）］｝」』】》〉")
)

// partner returns the other half of a bracket, and 0 for any other rune.
func partner(r rune) rune {
	if i := slices.Index(openers, r); i >= 0 {
		return closers[i]
	}
	if i := slices.Index(closers, r); i >= 0 {
		return openers[i]
	}
	return 0
}

// tidy moves the ends of text[start:end] until no space, separator, or quote or
// bracket without its partner stands at either. A bracket whose partner is the
// very next rune outside takes that in. ok is false when nothing but punctuation
// is left, or a bracket in the middle has no partner.
func tidy(text string, start, end int) (_, _ int, ok bool) {
	grow := 2 // how often a bracket may still take in its partner; bounds the loop
	for start < end {
		s := text[start:end]
		before, beforeN := utf8.DecodeLastRuneInString(text[:start])
		after, afterN := utf8.DecodeRuneInString(text[end:])
		first, firstN := utf8.DecodeRuneInString(s)
		last, lastN := utf8.DecodeLastRuneInString(s)
		open, closed := unmatched(s)
		switch {
		case looseEnd(s, last) || open == len(s)-lastN:
			end -= lastN
		case looseStart(s, first, before) || closed == 0:
			start += firstN
		case open >= 0 && grow > 0 && after == partner(runeAt(s, open)):
			grow--
			end += afterN
		case closed >= 0 && grow > 0 && before == partner(runeAt(s, closed)):
			grow--
			start -= beforeN
		case open == 0:
			start += firstN
		case closed >= 0 && closed == len(s)-lastN:
			end -= lastN
		case open >= 0 || closed >= 0:
			return 0, 0, false
		default:
			return start, end, hasContent(s)
		}
	}
	return 0, 0, false
}

// looseEnd reports whether last, the last rune of s, does not belong to it.
func looseEnd(s string, last rune) bool {
	switch last {
	case ',', ';', ':', '、', '，', '；', '：', '。', '-', '–', '—', '‘':
		return true
	case '.':
		return !abbreviation(s)
	case '"', '\'', '`':
		return strings.Count(s, string(last))%2 == 1
	case '’':
		return !strings.ContainsRune(s, '‘')
	}
	return unicode.IsSpace(last)
}

// looseStart reports whether first, the first rune of s, does not belong to it.
// before is the rune ahead of s, RuneError if there is none.
func looseStart(s string, first, before rune) bool {
	switch first {
	case ',', ';', ':', '!', '?', '、', '，', '；', '：', '。', '！', '？', '–', '—', '’':
		return true
	case '.': // stays in .NET and .5
		return !wordRune(runeAt(s, 1))
	case '-': // stays in -5
		return !unicode.IsDigit(runeAt(s, 1)) || before != utf8.RuneError && !unicode.IsSpace(before)
	case '"', '\'', '`':
		return strings.Count(s, string(first))%2 == 1
	case '‘':
		return !strings.ContainsRune(s, '’')
	}
	return unicode.IsSpace(first)
}

// unmatched returns the byte of the first bracket that is not closed in s, and
// of the first that is not opened, each -1 if there is none.
func unmatched(s string) (open, closed int) {
	closed = -1
	var stack []int // bytes of open brackets
	for i, r := range s {
		switch {
		case slices.Contains(openers, r):
			stack = append(stack, i)
		case !slices.Contains(closers, r):
		case len(stack) > 0 && runeAt(s, stack[len(stack)-1]) == partner(r):
			stack = stack[:len(stack)-1]
		case closed < 0:
			closed = i
		}
	}
	if len(stack) > 0 {
		return stack[0], closed
	}
	return -1, closed
}

// runeAt is the rune that begins at byte i, RuneError if there is none.
func runeAt(s string, i int) rune {
	r, _ := utf8.DecodeRuneInString(s[min(i, len(s)):])
	return r
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// abbreviation reports whether the full stop at the end of s belongs to its last
// word, as in U.S. and Ph.D.: short runs of letters between stops.
func abbreviation(s string) bool {
	word := strings.TrimSuffix(s[strings.LastIndexFunc(s, unicode.IsSpace)+1:], ".")
	parts := strings.Split(word, ".")
	for _, p := range parts {
		if p == "" || len(p) > 3 || strings.ContainsFunc(p, func(r rune) bool { return !unicode.IsLetter(r) }) {
			return false
		}
	}
	return len(parts) > 1
}

// hasContent reports whether s holds more than punctuation and space.
func hasContent(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return wordRune(r) || unicode.IsSymbol(r) || unicode.IsMark(r) })
}
