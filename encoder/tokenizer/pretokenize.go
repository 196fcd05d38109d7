package tokenizer

import (
	"slices"
	"unicode/utf8"
)

// pieces is a text under pre-tokenization: the words it is cut into so far, and for each byte the
// original bytes [from, to) that its code point stands for.
type pieces struct {
	buf      []byte
	from, to []int
	spans    [][2]int // of buf, none of them empty

	next    [][2]int // the spans being made
	matches []match
	out     *charBuffer // the text being made, one of made
	made    [2]charBuffer
}

type charBuffer struct {
	buf      []byte
	from, to []int
}

// small reports whether the space may be kept from one text to the next.
func (p *pieces) small() bool {
	return cap(p.made[0].buf) <= keepBytes && cap(p.made[1].buf) <= keepBytes && cap(p.matches) <= keepBytes
}

// preTokenizer splits each of the words there are into smaller ones, and may change their text.
type preTokenizer interface {
	split(p *pieces)
}

// each replaces each span by those that fn appends for it.
func (p *pieces) each(fn func(dst [][2]int, s [2]int) [][2]int) {
	p.next = p.next[:0]
	for _, s := range p.spans {
		p.next = fn(p.next, s)
	}
	p.spans, p.next = p.next, p.spans
}

// rewrite is for pre-tokenizers that change the text: fn puts what becomes of a span into p.out and
// the new spans into p.next.
func (p *pieces) rewrite(fn func(s [2]int)) {
	p.out = &p.made[0]
	if len(p.out.buf) > 0 && len(p.buf) > 0 && &p.out.buf[0] == &p.buf[0] {
		p.out = &p.made[1] // the text lies in the other
	}
	*p.out = charBuffer{p.out.buf[:0], p.out.from[:0], p.out.to[:0]}
	p.next = p.next[:0]
	for _, s := range p.spans {
		fn(s)
	}
	p.buf, p.from, p.to = p.out.buf, p.out.from, p.out.to
	p.spans, p.next = p.next, p.spans
}

// put appends bytes that all stand for [from, to).
func (c *charBuffer) put(s string, from, to int) {
	c.buf = append(c.buf, s...)
	for range len(s) {
		c.from = append(c.from, from)
		c.to = append(c.to, to)
	}
}

// copy appends buf[start:end] of p.
func (c *charBuffer) copy(p *pieces, start, end int) {
	c.buf = append(c.buf, p.buf[start:end]...)
	c.from = append(c.from, p.from[start:end]...)
	c.to = append(c.to, p.to[start:end]...)
}

// byKind cuts spans into runs of code points of one kind. A kind below zero separates and belongs
// to no word; of kind zero each code point is a word of its own.
func (p *pieces) byKind(kind func(class) int) {
	p.each(func(dst [][2]int, part [2]int) [][2]int {
		start, current := part[0], -1
		for i := part[0]; i < part[1]; {
			r, n := utf8.DecodeRune(p.buf[i:part[1]])
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
	})
}

// bertPreTokenizer is BertPreTokenizer: white space separates, a punctuation mark stands alone.
type bertPreTokenizer struct{}

func (bertPreTokenizer) split(p *pieces) {
	p.byKind(func(c class) int {
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

func (whitespace) split(p *pieces) {
	p.byKind(func(c class) int {
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

func (whitespaceSplit) split(p *pieces) {
	p.byKind(func(c class) int {
		if c&isSpace != 0 {
			return -1
		}
		return 1
	})
}

// punctuation is Punctuation with the behavior Isolated: white space is like any other.
var punctuation = split{pattern: classPattern(isPunct), behavior: isolated}

// preSequence is Sequence: each splits what the one before left.
type preSequence []preTokenizer

func (q preSequence) split(p *pieces) {
	for _, t := range q {
		t.split(p)
	}
}

// metaspace is Metaspace of SentencePiece: a space is written as a mark, ▁, and a word begins with
// it. The mark stands for the space; where there was none it shares the bytes of the character it is
// put before.
type metaspace struct {
	mark   string
	prefix prefixScheme
	cut    bool // before each mark
}

// prefixScheme is which words get a mark that do not begin with one.
type prefixScheme int

const (
	prefixAlways prefixScheme = iota
	prefixFirst               // the one the text begins with
	prefixNever
)

func (m metaspace) split(p *pieces) {
	first, _ := utf8.DecodeRuneInString(m.mark)
	p.rewrite(func(s [2]int) {
		out := p.out
		start := len(out.buf)
		word := p.buf[s[0]:s[1]]
		if r, _ := utf8.DecodeRune(word); r != ' ' && r != first && (m.prefix == prefixAlways || m.prefix == prefixFirst && p.from[s[0]] == 0) {
			out.put(m.mark, p.from[s[0]], p.to[s[0]])
		}
		for i := s[0]; i < s[1]; {
			n := 1
			switch c := p.buf[i]; {
			case c == ' ' || c == m.mark[0] && hasPrefix(p.buf[i:s[1]], m.mark):
				if c != ' ' {
					n = len(m.mark)
				}
				if m.cut && len(out.buf) > start {
					p.next = append(p.next, [2]int{start, len(out.buf)})
					start = len(out.buf)
				}
				out.put(m.mark, p.from[i], p.to[i])
			default:
				for i+n < s[1] && p.buf[i+n] != ' ' && p.buf[i+n] != m.mark[0] {
					n++
				}
				out.copy(p, i, i+n)
			}
			i += n
		}
		p.next = append(p.next, [2]int{start, len(out.buf)})
	})
}

func hasPrefix(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }

// prefixSpace puts a space before words that do not begin with one, the first step of ByteLevel.
type prefixSpace struct{}

func (prefixSpace) split(p *pieces) {
	if !slices.ContainsFunc(p.spans, func(s [2]int) bool { return p.buf[s[0]] != ' ' }) {
		return
	}
	p.rewrite(func(s [2]int) {
		start := len(p.out.buf)
		if p.buf[s[0]] != ' ' {
			p.out.put(" ", p.from[s[0]], p.to[s[0]])
		}
		p.out.copy(p, s[0], s[1])
		p.next = append(p.next, [2]int{start, len(p.out.buf)})
	})
}

// byteChars writes each byte as a character, the last step of ByteLevel. All of a character's bytes
// stand for all of it.
type byteChars struct{}

func (byteChars) split(p *pieces) {
	p.rewrite(func(s [2]int) {
		start := len(p.out.buf)
		for i := s[0]; i < s[1]; i++ {
			p.out.put(byteChar[p.buf[i]], p.from[i], p.to[i])
		}
		p.next = append(p.next, [2]int{start, len(p.out.buf)})
	})
}

// byteChar is the character that stands for a byte: itself where it is one that can be seen, else
// the next one from U+0100 up.
var byteChar = func() (chars [256]string) {
	next := rune(256)
	for b := range chars {
		if r := byteRune(b); r >= 0 {
			chars[b] = string(r)
		} else {
			chars[b] = string(next)
			next++
		}
	}
	return chars
}()

// byteRune is the byte b as a character of its own, or -1.
func byteRune(b int) rune {
	if b > 0x20 && b < 0x7f || b > 0xa0 && b != 0xad {
		return rune(b)
	}
	return -1
}

// charByte is byteChar the other way.
var charByte = func() map[rune]byte {
	m := make(map[rune]byte, 256)
	for b, s := range byteChar {
		r, _ := utf8.DecodeRuneInString(s)
		m[r] = byte(b)
	}
	return m
}()

// byteString is s with each character turned back into its byte, if all stand for one.
func byteString(s string) (string, bool) {
	raw := make([]byte, 0, len(s))
	for _, r := range s {
		b, ok := charByte[r]
		if !ok {
			return "", false
		}
		raw = append(raw, b)
	}
	return string(raw), true
}

// withoutByteChars returns p without its last step, if that is byteChars.
func withoutByteChars(p preTokenizer) (preTokenizer, bool) {
	switch q := p.(type) {
	case byteChars:
		return nil, true
	case preSequence:
		if len(q) > 0 {
			if last, ok := withoutByteChars(q[len(q)-1]); ok {
				rest := slices.Clone(q[:len(q)-1])
				if last != nil {
					rest = append(rest, last)
				}
				return rest, true
			}
		}
	}
	return p, false
}
