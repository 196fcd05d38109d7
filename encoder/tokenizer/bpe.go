package tokenizer

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// bpe is the model of Sennrich et al., "Neural Machine Translation of Rare Words with Subword
// Units" (2016), byte pair encoding: a word begins as characters, and of the pairs beside each
// other that there is a merge for, the one learned first becomes one symbol, the leftmost of
// several, until there is none.
type bpe struct {
	vocab          []string // by id; nil once the tokenizer is built
	trie           *trie    // of the vocabulary, tokens as they stand in words
	top            uint32
	merges         *pairs
	unknown        int32 // -1: characters that no token has are dropped
	fuse           bool  // neighboring unknown characters are one token
	ignoreMerges   bool  // a word that is a token is that token, whatever the merges
	prefix, suffix string
	bytes          *[256]int32 // tokens of bytes, for characters that are no token; or nil

	// raw is the symbols that words begin as when they are bytes: see takeBytes.
	raw *[256]int32

	// What the tokens become as words of their own, two bits each, found as they come: 1 themselves,
	// 2 several tokens, 0 not known yet.
	whole []atomic.Uint32
}

// bpeMaker is the settings of a BPE model.
type bpeMaker struct {
	merges         [][2]string // the first learned first
	unknown        string      // "" for none
	fuse           bool
	byteFallback   bool
	ignoreMerges   bool
	prefix, suffix string
}

func (k bpeMaker) make(vocab []string) (model, error) {
	m := &bpe{unknown: -1, fuse: k.fuse, ignoreMerges: k.ignoreMerges, prefix: k.prefix, suffix: k.suffix,
		whole: make([]atomic.Uint32, (len(vocab)+15)/16)}
	if err := m.index(vocab); err != nil {
		return nil, err
	}
	if k.unknown != "" {
		if m.unknown = find(m.trie, m.top, k.unknown); m.unknown < 0 {
			return nil, malformed("unknown token %q is not in the vocabulary", k.unknown)
		}
	}
	if k.byteFallback {
		m.bytes = byteTokens(m.trie, m.top)
	}
	m.merges = newPairs(len(k.merges))
	for i, p := range k.merges {
		var id [3]int32
		if len(p[1]) < len(k.prefix) {
			return nil, malformed("merge %d: %q is shorter than the prefix %q", i, p[1], k.prefix)
		}
		for j, s := range []string{p[0], p[1], p[0] + p[1][len(k.prefix):]} {
			if id[j] = find(m.trie, m.top, s); id[j] < 0 {
				return nil, malformed("merge %d of %q and %q: %q is not in the vocabulary", i, p[0], p[1], s)
			}
		}
		m.merges.put(id[0], id[1], merge{int32(i), id[2]})
	}
	return m, nil
}

// index makes the trie of the vocabulary.
func (m *bpe) index(vocab []string) error {
	size := 0
	for _, s := range vocab {
		size += len(s)
	}
	m.vocab = vocab
	m.trie = newTrie(min(size/2, 1<<21))
	m.top = m.trie.root()
	for id, s := range vocab {
		if s != "" && !m.trie.insert(m.top, s, int32(id)) {
			return malformed("vocabulary of more than %d bytes", maxTrieNodes)
		}
	}
	return nil
}

// takeBytes is for models that come after ByteLevel, which writes every byte as a character. Where
// that is the last step of the pre-tokenizer, the model takes the bytes themselves and the step is
// left out; it returns what is left of the pre-tokenizer.
func (m *bpe) takeBytes(p preTokenizer) preTokenizer {
	vocab := m.vocab
	m.vocab = nil
	if m.prefix != "" || m.suffix != "" || m.bytes != nil {
		return p
	}
	rest, ok := withoutByteChars(p)
	if !ok {
		return p
	}
	t := newTrie(len(m.trie.value))
	top := t.root()
	for id, s := range vocab {
		// A token with a character that stands for no byte cannot be met with.
		if raw, ok := byteString(s); ok && raw != "" {
			t.insert(top, raw, int32(id))
		}
	}
	m.trie, m.top, m.raw = t, top, new([256]int32)
	for b := range m.raw {
		m.raw[b] = find(t, top, string([]byte{byte(b)}))
	}
	return rest
}

// symbol is a part of a word under merging. Merged away, it has the id -1.
type symbol struct {
	id         int32
	start, end int32
	prev, next int32
	rank       int32 // of the merge with the next one, noMerge for none
	merged     int32 // what that merge makes
}

const noMerge = 1<<31 - 1

// linear is the number of symbols up to which looking at all of them for the next merge is faster
// than keeping a heap.
const linear = 48

func (m *bpe) cut(s *scratch, tokens []Token, word []byte) []Token {
	if m.prefix == "" && m.suffix == "" {
		if id := find(m.trie, m.top, word); id >= 0 && (m.ignoreMerges || m.alone(s, word, id)) {
			return append(tokens, Token{id, 0, len(word)})
		}
	} else if m.ignoreMerges {
		if id := find(m.trie, m.top, word); id >= 0 {
			return append(tokens, Token{id, 0, len(word)})
		}
	}
	return m.merge(s, tokens, word)
}

// alone reports whether the token id, which is word, is what the merges make of it.
func (m *bpe) alone(s *scratch, word []byte, id int32) bool {
	w, shift := &m.whole[id/16], 2*(id%16)
	known := w.Load() >> shift & 3
	if known == 0 {
		s.own = m.merge(s, s.own[:0], word)
		known = 2
		if len(s.own) == 1 && s.own[0].ID == id {
			known = 1
		}
		w.Or(known << shift)
	}
	return known == 1
}

func (m *bpe) merge(s *scratch, tokens []Token, word []byte) []Token {
	s.symbols = m.split(s.symbols[:0], word)
	syms := s.symbols
	m.link(syms)
	if len(syms) <= linear {
		mergeLinear(m, syms)
	} else {
		mergeHeap(m, s, syms)
	}
	for i := range syms {
		if x := &syms[i]; x.id >= 0 {
			tokens = append(tokens, Token{x.id, int(x.start), int(x.end)})
		}
	}
	return tokens
}

// split cuts word into the symbols it begins as.
func (m *bpe) split(syms []symbol, word []byte) []symbol {
	if m.raw != nil {
		for i, b := range word {
			if id := m.raw[b]; id >= 0 {
				syms = append(syms, symbol{id: id, start: int32(i), end: int32(i + 1)})
			} else {
				syms = m.splitUnknown(syms, i, i+1)
			}
		}
		return syms
	}
	for at := 0; at < len(word); {
		_, n := utf8.DecodeRune(word[at:])
		end := at + n
		char := word[at:end]
		var id int32
		if m.prefix == "" && m.suffix == "" {
			id = find(m.trie, m.top, char)
		} else {
			t := string(char)
			if at > 0 {
				t = m.prefix + t
			}
			if end == len(word) {
				t += m.suffix
			}
			id = find(m.trie, m.top, t)
			char = []byte(t)
		}
		switch {
		case id >= 0:
			syms = append(syms, symbol{id: id, start: int32(at), end: int32(end)})
		case haveBytes(m.bytes, char):
			for i, b := range char {
				// With a prefix or suffix these are more bytes than the character has.
				from := min(at+i, end-1)
				syms = append(syms, symbol{id: m.bytes[b], start: int32(from), end: int32(from + 1)})
			}
		default:
			syms = m.splitUnknown(syms, at, end)
		}
		at = end
	}
	return syms
}

// splitUnknown appends the character [start, end), which is no token.
func (m *bpe) splitUnknown(syms []symbol, start, end int) []symbol {
	if m.unknown < 0 {
		return syms
	}
	if n := len(syms); m.fuse && n > 0 && syms[n-1].id == m.unknown && int(syms[n-1].end) == start {
		syms[n-1].end = int32(end)
		return syms
	}
	return append(syms, symbol{id: m.unknown, start: int32(start), end: int32(end)})
}

// link sets what each symbol has beside it.
func (m *bpe) link(syms []symbol) {
	for i := range syms {
		syms[i].prev, syms[i].next = int32(i-1), int32(i+1)
		m.pair(syms, int32(i))
	}
}

// pair looks up the merge of symbol i with the next.
func (m *bpe) pair(syms []symbol, i int32) {
	x := &syms[i]
	x.rank = noMerge
	if int(x.next) < len(syms) {
		if g, ok := m.merges.get(x.id, syms[x.next].id); ok {
			x.rank, x.merged = g.rank, g.id
		}
	}
}

// join makes symbol i and the next one.
func (m *bpe) join(syms []symbol, i int32) {
	x := &syms[i]
	y := &syms[x.next]
	x.id, x.end, x.next = x.merged, y.end, y.next
	y.id, y.rank = -1, noMerge
	if int(x.next) < len(syms) {
		syms[x.next].prev = i
	}
	m.pair(syms, i)
	if x.prev >= 0 {
		m.pair(syms, x.prev)
	}
}

func mergeLinear(m *bpe, syms []symbol) {
	for {
		best := -1
		rank := int32(noMerge)
		for i := range syms {
			if syms[i].rank < rank {
				best, rank = i, syms[i].rank
			}
		}
		if best < 0 {
			return
		}
		m.join(syms, int32(best))
	}
}

// mergeHeap is mergeLinear with a heap of what can be merged. An entry is stale, and skipped, when
// its symbol's rank is no longer the entry's.
func mergeHeap(m *bpe, s *scratch, syms []symbol) {
	h := s.heap[:0]
	for i := range syms {
		if r := syms[i].rank; r != noMerge {
			h = append(h, uint64(r)<<32|uint64(i))
		}
	}
	slices.Sort(h) // a sorted list is a heap
	for len(h) > 0 {
		top := h[0]
		last := len(h) - 1
		h[0] = h[last]
		h = h[:last]
		down(h, 0)
		i := int32(top & 0xffffffff)
		if syms[i].rank != int32(top>>32) {
			continue
		}
		m.join(syms, i)
		for _, j := range [2]int32{i, syms[i].prev} {
			if j >= 0 && syms[j].rank != noMerge {
				h = append(h, uint64(syms[j].rank)<<32|uint64(j))
				up(h, len(h)-1)
			}
		}
	}
	s.heap = h
}

func up(h []uint64, i int) {
	for i > 0 {
		p := (i - 1) / 2
		if h[p] <= h[i] {
			return
		}
		h[p], h[i] = h[i], h[p]
		i = p
	}
}

func down(h []uint64, i int) {
	for {
		c := 2*i + 1
		if c >= len(h) {
			return
		}
		if c+1 < len(h) && h[c+1] < h[c] {
			c++
		}
		if h[i] <= h[c] {
			return
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
}

// merge is what becomes of a pair, and how early that was learned.
type merge struct{ rank, id int32 }

// pairs is a table of the merges by the ids of the pair.
type pairs struct {
	keys  []uint64 // a power of two of them, at most half used; the key plus one, 0 for a free slot
	found []merge
	shift uint
}

func newPairs(n int) *pairs {
	size := uint(bits.Len(uint(max(2*n, 15))))
	return &pairs{keys: make([]uint64, 1<<size), found: make([]merge, 1<<size), shift: 64 - size}
}

func (t *pairs) slot(a, b int32) (at int, key uint64) {
	key = (uint64(uint32(a))<<32 | uint64(uint32(b))) + 1
	at = int(key * 0x9e3779b97f4a7c15 >> t.shift)
	for t.keys[at] != 0 && t.keys[at] != key {
		at = (at + 1) & (len(t.keys) - 1)
	}
	return at, key
}

// put sets the merge of a and b; the last one counts.
func (t *pairs) put(a, b int32, g merge) {
	at, key := t.slot(a, b)
	t.keys[at], t.found[at] = key, g
}

func (t *pairs) get(a, b int32) (merge, bool) {
	at, _ := t.slot(a, b)
	return t.found[at], t.keys[at] != 0
}

// parseMerge reads a merge as merges.txt has it, two tokens and a space between them.
func parseMerge(line string) (p [2]string, err error) {
	a, b, ok := strings.Cut(line, " ")
	if !ok || strings.Contains(b, " ") {
		return p, fmt.Errorf("%q is not two tokens with a space between them", line)
	}
	return [2]string{a, b}, nil
}
