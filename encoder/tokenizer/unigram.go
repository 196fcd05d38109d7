package tokenizer

import (
	"fmt"
	"math"
	"unicode/utf8"
)

// unigram is the model of Kudo, "Subword Regularization" (2018): each piece has a score, the
// logarithm of its probability, and a word is cut so that the sum of the scores is largest. That
// cut is found from left to right (Viterbi), in time linear in the word.
type unigram struct {
	trie    *trie
	top     uint32
	scores  []float64 // by id
	unknown int32
	missing float64 // the score of a character that no piece has
	bytes   *[256]int32
}

// missingPenalty is what a character that no piece has scores below the worst piece.
const missingPenalty = 10

// unigramMaker is the settings of a Unigram model.
type unigramMaker struct {
	scores       []float64 // by id
	unknown      int64     // one of them
	byteFallback bool
}

func (k unigramMaker) make(vocab []string) (model, error) {
	size := 0
	for _, s := range vocab {
		size += len(s)
	}
	m := &unigram{trie: newTrie(min(size/2, 1<<21)), scores: k.scores, unknown: int32(k.unknown), missing: math.Inf(1)}
	m.top = m.trie.root()
	// Of two tokens that are the same the last one counts, and insert keeps the first.
	for id := len(k.scores) - 1; id >= 0; id-- {
		if s := vocab[id]; s != "" && !m.trie.insert(m.top, s, int32(id)) {
			return nil, malformed("vocabulary of more than %d bytes", maxTrieNodes)
		}
		if math.IsNaN(k.scores[id]) || math.IsInf(k.scores[id], 0) {
			return nil, malformed("token %q: score %v", vocab[id], k.scores[id])
		}
		m.missing = min(m.missing, k.scores[id])
	}
	m.missing -= missingPenalty
	if k.byteFallback {
		m.bytes = byteTokens(m.trie, m.top)
	}
	return m, nil
}

// byteTokens are the tokens <0x00> to <0xFF>, -1 for those that are not there.
func byteTokens(t *trie, top uint32) *[256]int32 {
	ids := new([256]int32)
	for b := range ids {
		ids[b] = find(t, top, fmt.Sprintf("<0x%02X>", b))
	}
	return ids
}

// haveBytes reports whether every byte of s has a token of its own.
func haveBytes(ids *[256]int32, s []byte) bool {
	if ids == nil {
		return false
	}
	for _, b := range s {
		if ids[b] < 0 {
			return false
		}
	}
	return true
}

// pathNode is the best way to cut a word up to some byte: the last piece and where it starts.
type pathNode struct {
	score     float64
	start, id int32 // start is -1 where no way is known
}

// cut appends the tokens of the best path. Neighboring characters without a piece are one unknown
// token, or, with byte fallback, a token for each of their bytes that covers all of them.
func (m *unigram) cut(s *scratch, tokens []Token, word []byte) []Token {
	if cap(s.path) <= len(word) {
		s.path = make([]pathNode, len(word)+1, 2*len(word)+64)
	}
	path := s.path[:len(word)+1]
	for i := range path {
		path[i] = pathNode{start: -1}
	}
	for at := 0; at < len(word); {
		here := path[at].score
		_, n := utf8.DecodeRune(word[at:])
		single := false
		node := m.top
		for i := at; i < len(word); i++ {
			if node = m.trie.child(node, word[i]); node == 0 {
				break
			}
			id := m.trie.value[node]
			if id < 0 {
				continue
			}
			to := &path[i+1]
			if score := m.scores[id] + here; to.start < 0 || score > to.score {
				*to = pathNode{score, int32(at), id}
			}
			single = single || i+1 == at+n
		}
		if !single {
			to := &path[at+n]
			if score := m.missing + here; to.start < 0 || score > to.score {
				*to = pathNode{score, int32(at), m.unknown}
			}
		}
		at += n
	}
	// Back along the path, and then the tokens forward.
	s.ends = s.ends[:0]
	for end := len(word); end > 0; end = int(path[end].start) {
		s.ends = append(s.ends, int32(end))
	}
	start := 0
	for i := len(s.ends) - 1; i >= 0; i-- {
		end := int(s.ends[i])
		id := path[end].id
		if id != m.unknown {
			tokens = append(tokens, Token{id, start, end})
			start = end
			continue
		}
		for i > 0 && path[s.ends[i-1]].id == m.unknown {
			i--
			end = int(s.ends[i])
		}
		tokens = m.cutUnknown(tokens, word, start, end)
		start = end
	}
	return tokens
}

// cutUnknown appends what stands for a run of unknown characters.
func (m *unigram) cutUnknown(tokens []Token, word []byte, start, end int) []Token {
	run := word[start:end]
	if id := find(m.trie, m.top, run); id >= 0 { // together they are a piece that scored too low
		return append(tokens, Token{id, start, end})
	}
	if !haveBytes(m.bytes, run) {
		return append(tokens, Token{m.unknown, start, end})
	}
	for _, b := range run {
		tokens = append(tokens, Token{m.bytes[b], start, end})
	}
	return tokens
}
