package tokenizer

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// wordPiece is the model: a vocabulary and the greedy cut of a word into the longest pieces it has.
type wordPiece struct {
	trie     *trie
	first    uint32 // root of the tokens that begin a word
	rest     uint32 // root of those that go on with one, their prefix taken off
	unknown  int32
	maxChars int // a word of more code points is unknown
}

// wordPieceMaker is the settings of a WordPiece model.
type wordPieceMaker struct {
	unknown, prefix string
	maxChars        int64
}

func (k wordPieceMaker) make(vocab []string) (model, error) {
	unknown := slices.Index(vocab, k.unknown)
	if unknown < 0 {
		return nil, malformed("unknown token %q is not in the vocabulary", k.unknown)
	}
	size := 0
	for _, s := range vocab {
		size += len(s)
	}
	m := &wordPiece{trie: newTrie(min(size, 1<<20)), unknown: int32(unknown), maxChars: int(min(k.maxChars, math.MaxInt32))}
	m.first = m.trie.root()
	m.rest = m.trie.root()
	for id, s := range vocab {
		ok := s == "" || m.trie.insert(m.first, s, int32(id))
		if tail, cut := strings.CutPrefix(s, k.prefix); ok && cut && tail != "" {
			ok = m.trie.insert(m.rest, tail, int32(id))
		}
		if !ok {
			return nil, malformed("vocabulary of more than %d bytes", maxTrieNodes)
		}
	}
	return m, nil
}

// cut appends the tokens of word. A word with a part that no token matches is one unknown token.
func (m *wordPiece) cut(_ *scratch, tokens []Token, word []byte) []Token {
	if len(word) > m.maxChars && utf8.RuneCount(word) > m.maxChars {
		return append(tokens, Token{m.unknown, 0, len(word)})
	}
	before := len(tokens)
	root := m.first
	for at := 0; at < len(word); {
		id, n := longest(m.trie, root, word[at:])
		if n == 0 {
			return append(tokens[:before], Token{m.unknown, 0, len(word)})
		}
		tokens = append(tokens, Token{id, at, at + n})
		at += n
		root = m.rest
	}
	return tokens
}
