package tokenizer

import "math"

// builder is what a tokenizer is made of, before it has been checked.
type builder struct {
	vocab        map[string]int64
	unknown      string
	prefix       string
	max          int64 // code points of a word
	added        []addedToken
	normalizer   normalizer
	preTokenizer preTokenizer
	maxLength    int
}

// build checks that the parts agree and puts them together. The templates are left to the caller.
func (b *builder) build() (*Tokenizer, error) {
	t := &Tokenizer{
		ids:          make(map[string]int32, len(b.vocab)+len(b.added)),
		normalizer:   b.normalizer,
		preTokenizer: b.preTokenizer,
		maxLength:    b.maxLength,
	}
	if err := t.number(b); err != nil {
		return nil, err
	}
	unknown, ok := b.vocab[b.unknown]
	if !ok {
		return nil, malformed("unknown token %q is not in the vocabulary", b.unknown)
	}
	vocab := make([]string, len(t.tokens))
	for s, id := range b.vocab {
		vocab[id] = s
	}
	var err error
	if t.model, err = newWordPiece(vocab, b.prefix, int32(unknown), int(min(b.max, math.MaxInt32))); err != nil {
		return nil, err
	}
	if err := t.match(b.added); err != nil {
		return nil, err
	}
	n, bert := b.normalizer.(bertNormalizer)
	if _, ok := b.preTokenizer.(bertPreTokenizer); ok && bert && t.norm == nil {
		t.fast = newBertFast(n)
	}
	return t, nil
}

// number fills the tokens by id and the ids by token.
func (t *Tokenizer) number(b *builder) error {
	size := len(b.vocab)
	for _, a := range b.added {
		if _, ok := b.vocab[a.content]; !ok {
			size++
		}
	}
	// A file of few tokens cannot make this large: an id beyond their number is a gap.
	t.tokens = make([]string, size)
	have := make([]bool, size)
	put := func(s string, id int64) error {
		if id < 0 {
			return malformed("token %q: id %d", s, id)
		}
		if id >= int64(size) {
			return malformed("token %q: id %d, but there are only %d tokens", s, id, size)
		}
		if have[id] {
			return malformed("tokens %q and %q: both have the id %d", t.tokens[id], s, id)
		}
		have[id], t.tokens[id], t.ids[s] = true, s, int32(id)
		return nil
	}
	for s, id := range b.vocab {
		if err := put(s, id); err != nil {
			return err
		}
	}
	seen := make(map[string]bool)
	for _, a := range b.added {
		if seen[a.content] {
			return malformed("added token %q: given twice", a.content)
		}
		seen[a.content] = true
		if id, ok := b.vocab[a.content]; !ok {
			if err := put(a.content, int64(a.id)); err != nil {
				return err
			}
		} else if id != int64(a.id) {
			return malformed("added token %q: id %d, but %d in the vocabulary", a.content, a.id, id)
		}
	}
	return nil
}

// match sorts the added tokens into those looked for before and after normalisation. Of two that
// are the same when normalised a special one comes first, then the one given first. (The library
// takes either, from run to run.)
func (t *Tokenizer) match(added []addedToken) error {
	var raw, norm []addedToken
	var rawTexts, normTexts []string
	for _, special := range []bool{true, false} {
		for _, a := range added {
			switch {
			case a.special != special:
			case a.normalized:
				norm = append(norm, a)
				normTexts = append(normTexts, normalizeString(t.normalizer, a.content))
			default:
				raw = append(raw, a)
				rawTexts = append(rawTexts, a.content)
			}
		}
	}
	var err error
	if t.raw, err = newMatcher(raw, rawTexts); err != nil {
		return err
	}
	t.norm, err = newMatcher(norm, normTexts)
	return err
}
