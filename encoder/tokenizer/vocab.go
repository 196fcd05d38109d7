package tokenizer

import (
	"bytes"
	"cmp"
	"unicode"
	"unicode/utf8"
)

// BertOptions says how a vocab.txt is to be used, which the file itself does not. Its fields have
// counterparts in tokenizer_config.json, named in brackets. The zero value is bert-base-uncased.
type BertOptions struct {
	Cased        bool   // keep upper case and accents (do_lower_case false)
	StripAccents *bool  // nil means strip them unless Cased (strip_accents)
	KeepChinese  bool   // keep a run of ideographs whole, not each one apart (tokenize_chinese_chars false)
	MaxWordChars int    // a word of more code points is unknown; 0 means 100
	Unknown      string // "" means [UNK] (unk_token)
	Class        string // "" means [CLS] (cls_token)
	Separator    string // "" means [SEP] (sep_token)
	Pad          string // "" means [PAD] (pad_token)
	Mask         string // "" means [MASK] (mask_token)
}

// FromVocab reads vocab.txt, BERT's vocabulary of one token a line, the first line having id 0.
// A nil o means the behaviour of bert-base-uncased. Line ends may be LF or CRLF, and the last may
// be missing. An empty line, a token given twice, and a vocabulary without the unknown, class and
// separator tokens are [ErrFormat], with the line's number.
func FromVocab(vocab []byte, o *BertOptions) (*Tokenizer, error) {
	if o == nil {
		o = new(BertOptions)
	}
	if o.MaxWordChars < 0 {
		return nil, malformed("%d characters a word", o.MaxWordChars)
	}
	n := bertNormalizer{clean: true, chinese: !o.KeepChinese, accents: !o.Cased, lower: !o.Cased}
	if o.StripAccents != nil {
		n.accents = *o.StripAccents
	}
	unknown := cmp.Or(o.Unknown, "[UNK]")
	b := builder{
		vocab:        make(map[string]int64, bytes.Count(vocab, []byte("\n"))+1),
		model:        wordPieceMaker{unknown: unknown, prefix: "##", maxChars: int64(cmp.Or(o.MaxWordChars, 100))},
		pad:          o.Pad,
		normalizer:   n,
		preTokenizer: bertPreTokenizer{},
	}
	line := 0
	for rest := vocab; len(rest) > 0; line++ {
		var raw []byte
		raw, rest, _ = bytes.Cut(rest, []byte("\n"))
		raw = bytes.TrimSuffix(raw, []byte("\r"))
		// White space at the end is no part of a token, unless it is all of it.
		s := bytes.TrimRightFunc(raw, unicode.IsSpace)
		if len(s) == 0 {
			s = raw
		}
		if len(s) == 0 {
			return nil, malformed("vocabulary: line %d is empty", line+1)
		}
		if !utf8.Valid(s) {
			return nil, malformed("vocabulary: line %d is not UTF-8", line+1)
		}
		if at, ok := b.vocab[string(s)]; ok {
			return nil, malformed("vocabulary: line %d: token %q stands in line %d already", line+1, s, at+1)
		}
		b.vocab[string(s)] = int64(line)
	}
	cls, sep := cmp.Or(o.Class, "[CLS]"), cmp.Or(o.Separator, "[SEP]")
	for _, s := range []string{unknown, cls, sep} {
		if _, ok := b.vocab[s]; !ok {
			return nil, malformed("vocabulary: no token %q", s)
		}
	}
	seen := make(map[string]bool)
	for _, s := range []string{cmp.Or(o.Pad, "[PAD]"), unknown, cls, sep, cmp.Or(o.Mask, "[MASK]")} {
		if id, ok := b.vocab[s]; ok && !seen[s] {
			seen[s] = true
			b.added = append(b.added, addedToken{id: int32(id), content: s, special: true})
		}
	}
	t, err := b.build()
	if err != nil {
		return nil, err
	}
	t.single, t.pair = bertTemplate(t.ids[cls], t.ids[sep])
	return t, nil
}
