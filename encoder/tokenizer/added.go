package tokenizer

import "unicode/utf8"

// addedToken is a token that is looked for in the text before anything is cut into words.
type addedToken struct {
	id         int32
	content    string
	special    bool
	singleWord bool // not inside a word
	lstrip     bool // takes the white space before it along
	rstrip     bool // takes the white space after it along
	normalized bool // looked for in the normalised text, as its own normal form
}

// matcher finds added tokens: the leftmost, of those the longest, of those the one given first.
type matcher struct {
	tokens []addedToken
	trie   *trie
	top    uint32
	begins [256]bool // bytes that a token begins with
}

// newMatcher returns a matcher of tokens by the given texts, or nil for none.
func newMatcher(tokens []addedToken, texts []string) (*matcher, error) {
	if len(tokens) == 0 {
		return nil, nil
	}
	m := &matcher{tokens: tokens, trie: newTrie(8 * len(tokens))}
	m.top = m.trie.root()
	for i, s := range texts {
		if s == "" {
			return nil, malformed("added token %q: nothing is left of it when normalised", tokens[i].content)
		}
		if !m.trie.insert(m.top, s, int32(i)) {
			return nil, malformed("added tokens of more than %d bytes", maxTrieNodes)
		}
		m.begins[s[0]] = true
	}
	return m, nil
}

// part is a stretch of text: an added token, or text between them.
type part struct {
	start, end int
	added      bool
	id         int32
}

// split appends the parts of text to dst. A nil matcher finds nothing.
func (m *matcher) split(dst []part, text string) []part {
	done := 0            // end of the last match
	space, after := 0, 0 // the white space last stripped by rstrip
	if m != nil {
		for i := 0; i < len(text); {
			if !m.begins[text[i]] {
				i++
				continue
			}
			k, n := longest(m.trie, m.top, text[i:])
			if n == 0 {
				i++
				continue
			}
			start, end := i, i+n
			i = end // matches do not overlap, whether they count or not
			tok := &m.tokens[k]
			if tok.singleWord && (wordBefore(text[:start]) || wordAfter(text[end:])) {
				continue
			}
			if tok.lstrip {
				if start < done {
					start = done
				} else {
					start -= spaceBefore(text[done:start])
				}
			}
			if tok.rstrip {
				if end < space || end >= after { // else it is known where the white space ends
					space, after = end, end+spaceAfter(text[end:])
				}
				end = after
			}
			if start >= end {
				continue // white space that the last match has taken already
			}
			if done < start {
				dst = append(dst, part{start: done, end: start})
			}
			dst = append(dst, part{start, end, true, tok.id})
			done = end
		}
	}
	if done < len(text) {
		dst = append(dst, part{start: done, end: len(text)})
	}
	return dst
}

func wordBefore(s string) bool {
	r, n := utf8.DecodeLastRuneInString(s)
	return n > 0 && classOf(r)&isWord != 0
}

func wordAfter(s string) bool {
	r, n := utf8.DecodeRuneInString(s)
	return n > 0 && classOf(r)&isWord != 0
}

// spaceBefore is the length of the white space that s ends with.
func spaceBefore(s string) int {
	end := len(s)
	for end > 0 {
		r, n := utf8.DecodeLastRuneInString(s[:end])
		if classOf(r)&isSpace == 0 {
			break
		}
		end -= n
	}
	return len(s) - end
}

// spaceAfter is the length of the white space that s begins with.
func spaceAfter(s string) int {
	at := 0
	for at < len(s) {
		r, n := utf8.DecodeRuneInString(s[at:])
		if classOf(r)&isSpace == 0 {
			break
		}
		at += n
	}
	return at
}
