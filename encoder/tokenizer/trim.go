package tokenizer

import "unicode/utf8"

// trim takes the white space that a token begins or ends with out of its offsets, as ByteLevel and
// RobertaProcessing do. A token that is nothing but white space covers nothing then.
//
// The library takes as many characters off as the token has spaces, and so takes letters where the
// space of a token was put before a word and is none of the text. Here nothing but white space is
// taken off.
type trim struct {
	prefix bool           // a single space that the text begins with is left, as if prefixSpace had put it there
	added  map[int32]bool // tokens that are the text they cover, with the white space that they strip
}

// setTrim sets what a post-processor of some kind asks for. after says whether it comes after a
// template.
func (t *Tokenizer) setTrim(kind string, on, prefix, after bool) error {
	switch {
	case !on:
		return nil
	case t.trim != nil:
		return unsupported("post_processor %q with trim_offsets after another", kind)
	case after:
		return unsupported("post_processor %q with trim_offsets after a template", kind)
	}
	t.trim = &trim{prefix: prefix, added: make(map[int32]bool)}
	for _, m := range []*matcher{t.raw, t.norm} {
		if m != nil {
			for _, a := range m.tokens {
				t.trim.added[a.id] = true
			}
		}
	}
	return nil
}

// tokens trims the offsets of the tokens of text.
func (r *trim) tokens(t *Tokenizer, text string, tokens []Token) {
	for i := range tokens {
		x := &tokens[i]
		s := t.tokens[x.ID]
		if r.added[x.ID] {
			s = text[x.Start:x.End]
		}
		if !spaceAtEnds(s) {
			continue
		}
		leading, rest := 0, s
		for n := leadingSpace(rest); n > 0; n = leadingSpace(rest) {
			leading++
			rest = rest[n:]
		}
		if leading == 1 && r.prefix && (i == 0 || x.Start == 0) {
			leading = 0
		}
		for ; leading > 0 && x.Start < x.End; leading-- {
			c, n := utf8.DecodeRuneInString(text[x.Start:x.End])
			if classOf(c)&isSpace == 0 {
				break
			}
			x.Start += n
		}
		if rest == "" {
			x.End = x.Start
			continue
		}
		for n := trailingSpace(rest); n > 0 && x.Start < x.End; n = trailingSpace(rest) {
			rest = rest[:len(rest)-n]
			c, n := utf8.DecodeLastRuneInString(text[x.Start:x.End])
			if classOf(c)&isSpace == 0 {
				break
			}
			x.End -= n
		}
	}
}

// spaceChar is how ByteLevel writes a space.
const spaceChar = 'Ġ'

// spaceAtEnds reports whether s begins or ends with white space. It says yes for some that do not.
func spaceAtEnds(s string) bool {
	if s == "" {
		return false
	}
	a, b := s[0], s[len(s)-1]
	return a <= ' ' || a >= utf8.RuneSelf || b <= ' ' || b >= utf8.RuneSelf
}

// leadingSpace is the length of the white space character that s begins with, or 0.
func leadingSpace(s string) int {
	if r, n := utf8.DecodeRuneInString(s); n > 0 && (r == spaceChar || classOf(r)&isSpace != 0) {
		return n
	}
	return 0
}

// trailingSpace is the length of the white space character that s ends with, or 0.
func trailingSpace(s string) int {
	if r, n := utf8.DecodeLastRuneInString(s); n > 0 && (r == spaceChar || classOf(r)&isSpace != 0) {
		return n
	}
	return 0
}
