package db

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/words"
	"golang.org/x/text/unicode/norm"
)

// Analysis turns text into terms, the words that lexical search compares. It is part of the file
// format (docs/format.md): a change of it needs a new FormatVersion, because postings are found again
// by analysing the stored text.
//
//  1. Words are found by Unicode Standard Annex #29; those without a letter or digit are dropped.
//  2. A word is brought to NFKC, lower-cased, and freed of accents (U+0300 to U+036F after
//     decomposition) and of invisible format characters. It is then cut at what is neither letter nor
//     digit nor mark, so that "Kennedy's" is found by "kennedy", and "foo_bar" by "bar".
//  3. A run of Chinese, Japanese, Korean, Thai, Lao, Khmer or Burmese characters becomes its
//     overlapping pairs; a single character stays alone.
//  4. A term longer than MaxTermBytes is cut at a character.
//
// There is no stemming and there are no stop words.

// longWord is the length from which on a word is cut before it is folded: nobody searches for it, and
// folding might otherwise take as much memory as a whole document.
const longWord = 8 * MaxTermBytes

// terms calls yield for each term of text with the byte offset at which it starts.
func terms(text string, yield func(term string, start int)) {
	var f folder
	it := words.FromString(text)
	runStart, runEnd := -1, -1 // of the current run of unspaced words
	flush := func() {
		if runStart >= 0 {
			bigrams(text[runStart:runEnd], runStart, yield)
			runStart = -1
		}
	}
	for it.Next() {
		w := it.Value()
		start := it.Start()
		if isUnspacedWord(w) {
			// Pairs are made of at most a block at a time, so that a book without a space is no problem.
			if runStart >= 0 && (runEnd != start || start-runStart >= TextBlockBytes) {
				flush()
			}
			if runStart < 0 {
				runStart = start
			}
			runEnd = it.End()
			continue
		}
		flush()
		if !isWord(w) {
			continue
		}
		for t := range strings.FieldsFuncSeq(f.fold(cut(w, longWord)), isBreak) {
			yield(cut(t, MaxTermBytes), start)
		}
	}
	flush()
}

// bigrams yields the overlapping pairs of characters of an unspaced run that starts at base. A character is
// a letter or digit with the marks that follow it; anything else ends a run.
func bigrams(run string, base int, yield func(string, int)) {
	var origins []origin // where parts of the normalized run come from
	if !norm.NFKC.IsNormalString(run) {
		var it norm.Iter
		it.InitString(norm.NFKC, run)
		var b []byte
		for !it.Done() {
			origins = append(origins, origin{len(b), it.Pos()})
			b = append(b, it.Next()...)
		}
		run = string(b)
	}
	start := func(at int) int {
		if origins == nil {
			return base + at
		}
		for len(origins) > 1 && origins[1].normalized <= at {
			origins = origins[1:]
		}
		return base + origins[0].source
	}
	prev, cur, n := 0, 0, 0 // previous and current character begin here; n characters so far
	end := func(at int) {   // of the current character
		if n == 1 {
			prev = cur
		}
		if n > 1 {
			yield(run[prev:at], start(prev))
			prev = cur
		}
	}
	flush := func(at int) {
		end(at)
		if n == 1 {
			yield(run[cur:at], start(cur))
		}
		n = 0
	}
	for i, r := range run {
		switch {
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			end(i)
			cur = i
			n++
		case !unicode.IsMark(r):
			flush(i)
		}
	}
	flush(len(run))
}

// origin says that a normalized text comes, from one offset on, from an offset of its source.
type origin struct{ normalized, source int }

// folder brings words to the form in which they are compared. It keeps buffers between words.
type folder struct{ buf, buf2 []byte }

func (f *folder) fold(w string) string {
	if t, ok := foldASCII(w); ok {
		return t
	}
	f.buf = norm.NFKC.AppendString(f.buf[:0], w)
	low := strings.ToLower(string(f.buf))
	f.buf = norm.NFD.AppendString(f.buf[:0], low)
	f.buf2 = f.buf2[:0]
	for b := f.buf; len(b) > 0; {
		r, size := utf8.DecodeRune(b)
		b = b[size:]
		switch {
		case r >= 0x300 && r <= 0x36F, unicode.Is(unicode.Cf, r):
		default:
			f.buf2 = utf8.AppendRune(f.buf2, r)
		}
	}
	return string(norm.NFC.Bytes(f.buf2))
}

// foldASCII lower-cases a word of ASCII letters and digits; ok is false for any other.
func foldASCII(w string) (t string, ok bool) {
	upper := false
	for i := range len(w) {
		c := w[i]
		if c >= utf8.RuneSelf {
			return "", false
		}
		upper = upper || 'A' <= c && c <= 'Z'
	}
	if upper {
		return strings.ToLower(w), true
	}
	return w, true
}

// cut returns s, or its longest prefix of whole characters of at most n bytes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// isWord reports whether w holds a letter or digit.
func isWord(w string) bool {
	for _, r := range w {
		if r < utf8.RuneSelf {
			if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
				return true
			}
		} else if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return true
		}
	}
	return false
}

// isBreak reports whether a word is cut at r.
func isBreak(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r)
}

// isUnspacedWord reports whether w begins with a character of a script that is written without spaces between
// words, or with Hangul, and goes on with such characters or marks.
func isUnspacedWord(w string) bool {
	if w == "" || w[0] < utf8.RuneSelf {
		return false
	}
	for i, r := range w {
		if !isUnspaced(r) && (i == 0 || !unicode.IsMark(r)) {
			return false
		}
	}
	return true
}

func isUnspaced(r rune) bool {
	switch {
	case r < 0x0E01:
		return false
	case r <= 0x0EFF, // Thai, Lao
		r >= 0x1000 && r <= 0x109F,   // Myanmar
		r >= 0x1100 && r <= 0x11FF,   // Hangul jamo
		r >= 0x1780 && r <= 0x17FF,   // Khmer
		r >= 0x3005 && r <= 0x3007,   // iteration mark, closing mark, zero
		r >= 0x3041 && r <= 0x30FF,   // Hiragana, Katakana
		r >= 0x3131 && r <= 0x318E,   // Hangul compatibility jamo
		r >= 0x31F0 && r <= 0x31FF,   // Katakana extensions
		r >= 0x3400 && r <= 0x4DBF,   // ideographs, extension A
		r >= 0x4E00 && r <= 0x9FFF,   // ideographs
		r >= 0xA960 && r <= 0xA97C,   // Hangul jamo extended A
		r >= 0xAC00 && r <= 0xD7FB,   // Hangul syllables, jamo extended B
		r >= 0xF900 && r <= 0xFAFF,   // compatibility ideographs
		r >= 0xFF66 && r <= 0xFFDC,   // half-width Katakana and Hangul
		r >= 0x20000 && r <= 0x323AF: // further ideographs
		return true
	}
	return false
}

// analysis is a document's terms, counted.
type analysis struct {
	tokens        int // of title and text
	titleTokens   int
	passageTokens []uint32 // by ordinal
	terms         map[string]*termCount
}

// termCount is how often a term is in a document.
type termCount struct {
	title, text uint32
	passages    []passageCount // ascending
}

type passageCount struct{ ordinal, count uint32 }

// analyze counts the terms of a document. A term belongs to every passage in which it starts.
// With spans nil only the terms and the counts of the whole document are found.
func analyze(title, text string, spans []passageRecord) *analysis {
	a := &analysis{passageTokens: make([]uint32, len(spans)), terms: make(map[string]*termCount)}
	count := func(term string) *termCount {
		c := a.terms[term]
		if c == nil {
			c = new(termCount)
			a.terms[strings.Clone(term)] = c
		}
		a.tokens++
		return c
	}
	terms(title, func(term string, _ int) {
		count(term).title++
		a.titleTokens++
	})
	first := 0 // passages before it end before the current term
	terms(text, func(term string, start int) {
		c := count(term)
		c.text++
		for first < len(spans) && int(spans[first].End) <= start {
			first++
		}
		for i := first; i < len(spans) && int(spans[i].Start) <= start; i++ {
			if int(spans[i].End) <= start {
				continue
			}
			a.passageTokens[i]++
			if n := len(c.passages); n > 0 && c.passages[n-1].ordinal == uint32(i) {
				c.passages[n-1].count++
				continue
			}
			// With overlap a term may have been counted for i before it was for i-1's last part.
			c.add(uint32(i))
		}
	})
	return a
}

// add counts one more in passage ordinal, keeping the order.
func (c *termCount) add(ordinal uint32) {
	i := len(c.passages)
	for i > 0 && c.passages[i-1].ordinal >= ordinal {
		i--
		if c.passages[i].ordinal == ordinal {
			c.passages[i].count++
			return
		}
	}
	c.passages = append(c.passages, passageCount{})
	copy(c.passages[i+1:], c.passages[i:])
	c.passages[i] = passageCount{ordinal, 1}
}
