package tokenizer

// builder is what a tokenizer is made of, before it has been checked.
type builder struct {
	vocab        map[string]int64 // ids by token, or
	list         []string         // tokens by id, of which the last of two that are the same counts
	model        modelMaker
	added        []addedToken
	normalizer   normalizer
	preTokenizer preTokenizer
	maxLength    int
	pad          string // "" means <pad> or [PAD]
}

// modelMaker makes a model of its vocabulary, tokens by id, with "" for added tokens that are no
// part of it.
type modelMaker interface {
	make(vocab []string) (model, error)
}

// build checks that the parts agree and puts them together. The templates are left to the caller.
func (b *builder) build() (*Tokenizer, error) {
	t := &Tokenizer{
		normalizer:   b.normalizer,
		preTokenizer: b.preTokenizer,
		maxLength:    b.maxLength,
		pad:          -1,
	}
	vocab, err := t.number(b)
	if err != nil {
		return nil, err
	}
	if t.model, err = b.model.make(vocab); err != nil {
		return nil, err
	}
	if err := t.match(b.added); err != nil {
		return nil, err
	}
	if id, ok := t.ids[b.pad]; ok && b.pad != "" {
		t.pad = id
	} else {
		for _, a := range b.added {
			if a.content == "<pad>" || a.content == "[PAD]" {
				t.pad = a.id
				break
			}
		}
	}
	n, bert := b.normalizer.(bertNormalizer)
	if _, ok := b.preTokenizer.(bertPreTokenizer); ok && bert && t.norm == nil {
		t.fast = newBertFast(n)
	}
	if m, ok := t.model.(*bpe); ok {
		t.preTokenizer = m.takeBytes(t.preTokenizer)
	}
	return t, nil
}

// number fills the tokens by id and the ids by token, and returns those of the model by id.
func (t *Tokenizer) number(b *builder) ([]string, error) {
	listed := make(map[string]int64, len(b.list)) // as vocab, for a list
	for id, s := range b.list {
		listed[s] = int64(id)
	}
	idOf := func(s string) (id int64, ok bool) {
		if b.list != nil {
			id, ok = listed[s]
		} else {
			id, ok = b.vocab[s]
		}
		return id, ok
	}
	size := max(len(b.vocab), len(b.list))
	for _, a := range b.added {
		if _, ok := idOf(a.content); !ok {
			size++
		}
	}
	// A file of few tokens cannot make this large: an id beyond their number is a gap.
	t.tokens = make([]string, size)
	t.ids = make(map[string]int32, size)
	vocab := make([]string, size)
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
			return nil, err
		}
		vocab[id] = s
	}
	for id, s := range b.list {
		have[id], t.tokens[id], t.ids[s], vocab[id] = true, s, int32(id), s
	}
	seen := make(map[string]bool)
	for _, a := range b.added {
		if seen[a.content] {
			return nil, malformed("added token %q: given twice", a.content)
		}
		seen[a.content] = true
		if id, ok := idOf(a.content); !ok {
			if err := put(a.content, int64(a.id)); err != nil {
				return nil, err
			}
		} else if id != int64(a.id) {
			return nil, malformed("added token %q: id %d, but %d in the vocabulary", a.content, a.id, id)
		}
	}
	return vocab, nil
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
