package tokenizer

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// char is a code point of the text under normalisation, with the bytes of the original text that
// it stands for.
type char struct {
	r          rune
	start, end int
}

// edit is one code point of a normalisation's result. change is 0 where it replaces the next code
// point of the input, -n where n more of the input are dropped after that, and 1 where it is new
// beside the one before, whose bytes it then shares.
//
// Every normalizer is written as a list of edits, since that decides what offsets come out.
type edit struct {
	r      rune
	change int
}

// apply carries out edits on in and appends the result to out. The first skip code points of in
// are dropped. base is where the text begins: a code point that is new before all others is there.
func apply(out, in []char, edits []edit, skip, base int) []char {
	at := min(skip, len(in))
	for _, e := range edits {
		c := char{e.r, base, base}
		if e.change > 0 {
			if at > 0 {
				c.start, c.end = in[at-1].start, in[at-1].end
			}
		} else {
			if at < len(in) {
				c.start, c.end = in[at].start, in[at].end
			}
			at = min(at+1-e.change, len(in))
		}
		out = append(out, c)
	}
	return out
}

// state is a text on its way through the normalizers.
type state struct {
	chars, spare []char
	edits        []edit
	base         int
	runes        []rune
	text         []byte
}

func (s *state) load(text string, base int) {
	s.base = base
	s.chars = s.chars[:0]
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		s.chars = append(s.chars, char{r, base + i, base + i + n})
		i += n
	}
}

func (s *state) commit(skip int) {
	s.spare = apply(s.spare[:0], s.chars, s.edits, skip, s.base)
	s.chars, s.spare = s.spare, s.chars
	s.edits = s.edits[:0]
}

// filter drops the code points of any of the classes. What is kept keeps its own bytes.
func (s *state) filter(c class) {
	s.chars = slices.DeleteFunc(s.chars, func(ch char) bool { return classOf(ch.r)&c != 0 })
}

// normalizer changes s in place.
type normalizer interface {
	normalize(s *state)
}

// bertNormalizer is BertNormalizer, its four steps in this order.
type bertNormalizer struct {
	clean, chinese, accents, lower bool
}

func (n bertNormalizer) normalize(s *state) {
	if n.clean {
		s.filter(isDropped)
		for i, c := range s.chars {
			if classOf(c.r)&isSpace != 0 {
				s.chars[i].r = ' '
			}
		}
	}
	if n.chinese {
		for _, c := range s.chars {
			if classOf(c.r)&isChinese != 0 {
				s.edits = append(s.edits, edit{' ', 0}, edit{c.r, 1}, edit{' ', 1})
			} else {
				s.edits = append(s.edits, edit{c.r, 0})
			}
		}
		s.commit(0)
	}
	if n.accents {
		unicodeForm{}.normalize(s)
		s.filter(isNonspacing)
	}
	if n.lower {
		lower{}.normalize(s)
	}
}

// lower is Lowercase: each code point for itself, so that no sigma is final.
type lower struct{}

func (lower) normalize(s *state) {
	for _, c := range s.chars {
		if c.r == dottedI {
			s.edits = append(s.edits, edit{'i', 0}, edit{dotAbove, 1})
		} else {
			s.edits = append(s.edits, edit{lowerOf(c.r), 0})
		}
	}
	s.commit(0)
}

// stripAccents is StripAccents: it decomposes nothing.
type stripAccents struct{}

func (stripAccents) normalize(s *state) { s.filter(isMark) }

// replace is Replace with a string for its pattern, which is not empty.
type replace struct {
	pattern, with []rune
}

func (n replace) normalize(s *state) {
	out := s.spare[:0]
	for i := 0; i < len(s.chars); {
		if !n.at(s.chars[i:]) {
			out = append(out, s.chars[i])
			i++
			continue
		}
		// What comes in stands for the last code point that goes out.
		i += len(n.pattern)
		last := s.chars[i-1]
		for _, r := range n.with {
			out = append(out, char{r, last.start, last.end})
		}
	}
	s.chars, s.spare = out, s.chars
}

func (n replace) at(chars []char) bool {
	if len(chars) < len(n.pattern) {
		return false
	}
	for i, r := range n.pattern {
		if chars[i].r != r {
			return false
		}
	}
	return true
}

// replacePattern is Replace with any other pattern.
type replacePattern struct {
	pattern pattern
	with    []rune
}

func (n replacePattern) normalize(s *state) {
	s.text = s.text[:0]
	for _, c := range s.chars {
		s.text = utf8.AppendRune(s.text, c.r)
	}
	out := s.spare[:0]
	at, i := 0, 0 // of text, of chars
	for at < len(s.text) {
		start, end := n.pattern.next(s.text, at)
		if start < 0 {
			break
		}
		k := utf8.RuneCount(s.text[at:start])
		out = append(out, s.chars[i:i+k]...)
		i += k + utf8.RuneCount(s.text[start:end])
		last := s.chars[i-1]
		for _, r := range n.with {
			out = append(out, char{r, last.start, last.end})
		}
		at = end
	}
	out = append(out, s.chars[i:]...)
	s.chars, s.spare = out, s.chars
}

// nmt is Nmt, of SentencePiece: control characters go, and all sorts of white space become a space.
type nmt struct{}

func (nmt) normalize(s *state) {
	s.chars = slices.DeleteFunc(s.chars, func(c char) bool {
		switch r := c.r; {
		case 0x1 <= r && r <= 0x8, r == 0xb, 0xe <= r && r <= 0x1f, r == 0x7f, r == 0x8f, r == 0x9f:
			return true
		}
		return false
	})
	for i, c := range s.chars {
		switch r := c.r; {
		case r == 0x9, r == 0xa, r == 0xc, r == 0xd, r == 0x1680, 0x200b <= r && r <= 0x200f, r == 0x2028, r == 0x2029, r == 0x2581,
			r == 0xfeff, r == 0xfffd:
			s.chars[i].r = ' '
		}
	}
}

// strip is Strip: white space at the ends goes.
type strip struct{ left, right bool }

func (n strip) normalize(s *state) {
	end := len(s.chars)
	for n.right && end > 0 && classOf(s.chars[end-1].r)&isSpace != 0 {
		end--
	}
	start := 0
	for n.left && start < end && classOf(s.chars[start].r)&isSpace != 0 {
		start++
	}
	s.chars = slices.Delete(s.chars[:end], 0, start)
}

// prepend is Prepend: a text that is not empty begins with it.
type prepend []rune

func (n prepend) normalize(s *state) {
	if len(s.chars) == 0 {
		return
	}
	for i, r := range n {
		s.edits = append(s.edits, edit{r, min(i, 1)})
	}
	for i, c := range s.chars {
		change := 0
		if i == 0 {
			change = min(len(n), 1)
		}
		s.edits = append(s.edits, edit{c.r, change})
	}
	s.commit(0)
}

// byteLevel is ByteLevel as a normalizer: each byte becomes a character.
type byteLevel struct{}

func (byteLevel) normalize(s *state) {
	var buf [utf8.UTFMax]byte
	for _, c := range s.chars {
		for i, b := range buf[:utf8.EncodeRune(buf[:], c.r)] {
			r, _ := utf8.DecodeRuneInString(byteChar[b])
			s.edits = append(s.edits, edit{r, min(i, 1)})
		}
	}
	s.commit(0)
}

// sequence is Sequence: one after the other.
type sequence []normalizer

func (n sequence) normalize(s *state) {
	for _, m := range n {
		m.normalize(s)
	}
}

// normalizeString is n of text alone; n may be nil.
func normalizeString(n normalizer, text string) string {
	if n == nil {
		return text
	}
	var s state
	s.load(text, 0)
	n.normalize(&s)
	var b strings.Builder
	for _, c := range s.chars {
		b.WriteRune(c.r)
	}
	return b.String()
}
