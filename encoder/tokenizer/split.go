package tokenizer

import "unicode/utf8"

// behavior is what Split and its like do with the matches of their pattern.
type behavior int

const (
	removed            behavior = iota // they separate, and are dropped
	isolated                           // each is a word
	contiguous                         // each run of them is a word
	mergedWithPrevious                 // each goes with the word before it
	mergedWithNext                     // each goes with the word after it
)

var behaviors = map[string]behavior{
	"Removed": removed, "Isolated": isolated, "Contiguous": contiguous,
	"MergedWithPrevious": mergedWithPrevious, "MergedWithNext": mergedWithNext,
}

// match is a part of a word that a pattern matches, or one between two of those.
type match struct {
	start, end int
	is         bool
}

// pattern finds matches.
type pattern interface {
	// next returns the first match in text[at:], which is never empty, or a start below zero.
	next(text []byte, at int) (start, end int)
}

// split is Split, and with the right pattern Punctuation, Digits and CharDelimiterSplit.
type split struct {
	pattern  pattern
	behavior behavior
	invert   bool // what lies between the matches takes their place, and they take its
}

func (t split) split(p *pieces) {
	p.each(func(dst [][2]int, s [2]int) [][2]int {
		word := p.buf[s[0]:s[1]]
		m := p.matches[:0]
		at := 0
		for at < len(word) {
			start, end := t.pattern.next(word, at)
			if start < 0 {
				break
			}
			if start > at {
				m = append(m, match{at, start, t.invert})
			}
			m = append(m, match{start, end, !t.invert})
			at = end
		}
		if at < len(word) {
			m = append(m, match{at, len(word), t.invert})
		}
		p.matches = m
		return t.behavior.apply(dst, m, s[0])
	})
}

// apply appends the words that matches, which cover a text beginning at base, make.
func (b behavior) apply(dst [][2]int, matches []match, base int) [][2]int {
	first := len(dst)
	for i, m := range matches {
		var joins bool // with the one before
		switch b {
		case removed:
			if m.is {
				continue
			}
		case contiguous:
			joins = i > 0 && matches[i-1].is == m.is
		case mergedWithPrevious:
			joins = i > 0 && m.is && !matches[i-1].is
		case mergedWithNext:
			joins = i > 0 && matches[i-1].is && !m.is
		}
		if joins && len(dst) > first {
			dst[len(dst)-1][1] = base + m.end
		} else {
			dst = append(dst, [2]int{base + m.start, base + m.end})
		}
	}
	return dst
}

// classPattern matches a code point of a class.
type classPattern class

func (c classPattern) next(text []byte, at int) (start, end int) {
	for at < len(text) {
		r, n := utf8.DecodeRune(text[at:])
		if classOf(r)&class(c) != 0 {
			return at, at + n
		}
		at += n
	}
	return -1, -1
}

// gptPattern is the regular expression that GPT-2 cuts text into words with, or one of its later
// forms. They need to look ahead, which the regexp package does not do, and match everything.
type gptPattern struct {
	later bool // the form of GPT-4, Llama 3 and Qwen 2
	three bool // of that, the one that takes digits three at a time, not each alone
}

// The regular expressions that gptPattern stands for, by how files write them.
var gptPatterns = map[string]gptPattern{
	`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`:                                          {},
	`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`: {later: true, three: true},
	`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`:      {later: true},
}

// kind sorts code points for gptPattern.
type kind int

const (
	letter kind = iota
	numeral
	blank
	other
)

func kindAt(text []byte, at int) (k kind, n int) {
	if at >= len(text) {
		return blank, 0
	}
	r, n := rune(text[at]), 1
	if r >= utf8.RuneSelf {
		r, n = utf8.DecodeRune(text[at:])
	}
	switch c := classOf(r); {
	case c&isLetter != 0:
		return letter, n
	case c&isNumber != 0:
		return numeral, n
	case c&isSpace != 0:
		return blank, n
	}
	return other, n
}

// run is the end of the run of kind k that begins at at.
func run(text []byte, at int, k kind) int {
	for at < len(text) {
		next, n := kindAt(text, at)
		if next != k {
			break
		}
		at += n
	}
	return at
}

func (g gptPattern) next(text []byte, at int) (start, end int) {
	if n := g.contraction(text[at:]); n > 0 {
		return at, at + n
	}
	k, n := kindAt(text, at)
	after := at + n
	k2, n2 := kindAt(text, after)
	if n2 == 0 {
		k2 = blank // and no space before it counts
	}
	if !g.later {
		if text[at] == ' ' && k2 != blank {
			return at, run(text, after, k2)
		}
		if k != blank {
			return at, run(text, after, k)
		}
		return at, g.spaces(text, at)
	}
	isBreak := text[at] == '\r' || text[at] == '\n'
	switch {
	case k == letter:
		return at, run(text, after, letter)
	case k != numeral && !isBreak && k2 == letter:
		return at, run(text, after, letter)
	case k == numeral:
		for i := 1; g.three && i < 3; i++ {
			k, n := kindAt(text, after)
			if n == 0 || k != numeral {
				break
			}
			after += n
		}
		return at, after
	case k == other:
		return at, breaks(text, run(text, after, other))
	case text[at] == ' ' && k2 == other:
		return at, breaks(text, run(text, after, other))
	}
	// White space up to its last line break.
	all := run(text, at, blank)
	for i := all; i > at; i-- {
		if text[i-1] == '\r' || text[i-1] == '\n' {
			return at, i
		}
	}
	return at, g.spaces(text, at)
}

// spaces is the end of the white space at at, less its last character if a word follows it and
// others go before it.
func (gptPattern) spaces(text []byte, at int) int {
	end := run(text, at, blank)
	if end == len(text) {
		return end
	}
	if _, n := utf8.DecodeLastRune(text[at:end]); end-n > at {
		return end - n
	}
	return end
}

// breaks is the end of the line breaks at at.
func breaks(text []byte, at int) int {
	for at < len(text) && (text[at] == '\r' || text[at] == '\n') {
		at++
	}
	return at
}

// contraction is the length of the 's, 't, 're, 've, 'm, 'll or 'd that s begins with, or 0.
func (g gptPattern) contraction(s []byte) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	fold := func(i int) byte {
		if i >= len(s) {
			return 0
		}
		if c := s[i]; g.later && 'A' <= c && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return s[i]
	}
	switch a, b := fold(1), fold(2); {
	case a == 's', a == 't', a == 'm', a == 'd':
		return 2
	case a == 'r' && b == 'e', a == 'v' && b == 'e', a == 'l' && b == 'l':
		return 3
	case g.later && hasPrefix(s[1:], "ſ"): // which is an s, case aside
		return 1 + len("ſ")
	}
	return 0
}
