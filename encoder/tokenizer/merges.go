package tokenizer

import (
	"cmp"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// MergesOptions says how vocab.json and merges.txt are to be used, which the files themselves do not.
// Its fields have counterparts in tokenizer_config.json, named in brackets. The zero value is
// roberta-base.
type MergesOptions struct {
	PrefixSpace bool   // a text begins with a space, whether it does or not (add_prefix_space)
	Class       string // "" means <s> (cls_token)
	Separator   string // "" means </s> (sep_token)
	Unknown     string // "" means <unk> (unk_token)
	Pad         string // "" means <pad> (pad_token)
	Mask        string // "" means <mask> (mask_token)
}

// FromMerges reads vocab.json and merges.txt, the byte-level BPE vocabulary of RoBERTa (and of GPT-2):
// an object of ids by token, and a merge a line, the first learned first. A nil o means the behaviour
// of roberta-base: the template is <s> A </s> and <s> A </s></s> B </s>, and offsets leave out the
// space before a word. Errors are [ErrFormat], with the line's number.
func FromMerges(vocab, merges []byte, o *MergesOptions) (*Tokenizer, error) {
	if o == nil {
		o = new(MergesOptions)
	}
	var b builder
	if !utf8.Valid(vocab) || !utf8.Valid(merges) {
		return nil, malformed("vocabulary or merges: not UTF-8")
	}
	if err := json.Unmarshal(vocab, &b.vocab); err != nil {
		return nil, malformed("vocabulary: %v", err)
	}
	if b.vocab == nil {
		return nil, malformed("vocabulary: no tokens")
	}
	var k bpeMaker
	n := 0
	for line := range strings.Lines(string(merges)) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || n == 1 && strings.HasPrefix(line, "#version") {
			continue
		}
		p, err := parseMerge(line)
		if err != nil {
			return nil, malformed("merges: line %d: %v", n, err)
		}
		k.merges = append(k.merges, p)
	}
	b.model = k
	seq := preSequence{split{pattern: gptPattern{}, behavior: isolated}, byteChars{}}
	if o.PrefixSpace {
		seq = append(preSequence{prefixSpace{}}, seq...)
	}
	b.preTokenizer = seq
	b.pad = cmp.Or(o.Pad, "<pad>")
	cls, sep, mask := cmp.Or(o.Class, "<s>"), cmp.Or(o.Separator, "</s>"), cmp.Or(o.Mask, "<mask>")
	seen := make(map[string]bool)
	for _, s := range []string{cls, b.pad, sep, cmp.Or(o.Unknown, "<unk>"), mask} {
		if id, ok := b.vocab[s]; ok && !seen[s] {
			seen[s] = true
			b.added = append(b.added, addedToken{id: int32(id), content: s, special: true, lstrip: s == mask})
		}
	}
	t, err := b.build()
	if err != nil {
		return nil, err
	}
	for _, s := range []string{cls, sep} {
		if _, ok := t.ids[s]; !ok {
			return nil, malformed("vocabulary: no token %q", s)
		}
	}
	t.single, t.pair = robertaTemplate(t.ids[cls], t.ids[sep])
	return t, t.setTrim("RobertaProcessing", true, o.PrefixSpace, false)
}
