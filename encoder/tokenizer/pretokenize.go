package tokenizer

import "unicode/utf8"

// preTokenizer splits a part of the normalised text into words. It appends their byte ranges
// within text to dst.
type preTokenizer interface {
	split(dst [][2]int, text []byte, part [2]int) [][2]int
}

// words calls yield with the runs of text whose code points are of one kind. A kind below zero
// separates and belongs to no word; of kind zero each code point is a word of its own.
func words(dst [][2]int, text []byte, part [2]int, kind func(class) int) [][2]int {
	start, current := part[0], -1
	for i := part[0]; i < part[1]; {
		r, n := utf8.DecodeRune(text[i:part[1]])
		if k := kind(classOf(r)); k != current || k == 0 {
			if current >= 0 && start < i {
				dst = append(dst, [2]int{start, i})
			}
			start, current = i, k
		}
		i += n
	}
	if current >= 0 && start < part[1] {
		dst = append(dst, [2]int{start, part[1]})
	}
	return dst
}

// bertPreTokenizer is BertPreTokenizer: white space separates, a punctuation mark stands alone.
type bertPreTokenizer struct{}

func (bertPreTokenizer) split(dst [][2]int, text []byte, part [2]int) [][2]int {
	return words(dst, text, part, func(c class) int {
		switch {
		case c&isSpace != 0:
			return -1
		case c&isPunct != 0:
			return 0
		}
		return 1
	})
}

// whitespace is Whitespace, \w+|[^\w\s]+.
type whitespace struct{}

func (whitespace) split(dst [][2]int, text []byte, part [2]int) [][2]int {
	return words(dst, text, part, func(c class) int {
		switch {
		case c&isSpace != 0:
			return -1
		case c&isWord != 0:
			return 1
		}
		return 2
	})
}

// whitespaceSplit is WhitespaceSplit: white space separates.
type whitespaceSplit struct{}

func (whitespaceSplit) split(dst [][2]int, text []byte, part [2]int) [][2]int {
	return words(dst, text, part, func(c class) int {
		if c&isSpace != 0 {
			return -1
		}
		return 1
	})
}

// punctuation is Punctuation with the behavior Isolated: white space is like any other.
type punctuation struct{}

func (punctuation) split(dst [][2]int, text []byte, part [2]int) [][2]int {
	return words(dst, text, part, func(c class) int {
		if c&isPunct != 0 {
			return 0
		}
		return 1
	})
}

// preSequence is Sequence: each splits what the one before left.
type preSequence []preTokenizer

func (p preSequence) split(dst [][2]int, text []byte, part [2]int) [][2]int {
	parts := [][2]int{part}
	for _, q := range p {
		var next [][2]int
		for _, s := range parts {
			next = q.split(next, text, s)
		}
		parts = next
	}
	return append(dst, parts...)
}
