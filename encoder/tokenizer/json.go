package tokenizer

import (
	"bytes"
	"encoding/json"
	"math"
	"unicode/utf8"
)

// FromJSON reads tokenizer.json, the format of Hugging Face tokenizers, version 1.0.
//
// The error is [ErrFormat] for a file that is broken and [ErrUnsupported] for one that asks for
// something this package does not have. Ids must run from 0 without a gap, model vocabulary and
// added tokens taken together. The sections "decoder" and "padding" are read past; of "truncation"
// the maximum length is kept, see [Tokenizer.MaxLength]. Memory is proportional to len(data),
// which the caller may want to bound.
func FromJSON(data []byte) (*Tokenizer, error) {
	var file struct {
		Version    *string `json:"version"`
		Truncation *struct {
			Direction string `json:"direction"`
			MaxLength int64  `json:"max_length"`
		} `json:"truncation"`
		Added         []jsonAdded     `json:"added_tokens"`
		Normalizer    json.RawMessage `json:"normalizer"`
		PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
		PostProcessor json.RawMessage `json:"post_processor"`
		Model         json.RawMessage `json:"model"`
	}
	if !utf8.Valid(data) {
		return nil, malformed("tokenizer.json is not UTF-8")
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, malformed("%v", err)
	}
	if file.Version != nil && *file.Version != "1.0" {
		return nil, unsupported("version %q", *file.Version)
	}
	if isNull(file.Model) {
		return nil, malformed("no model")
	}
	m, err := readModel(file.Model)
	if err != nil {
		return nil, err
	}
	b := builder{
		vocab:   m.Vocab,
		unknown: *m.Unknown,
		prefix:  *m.Prefix,
		max:     *m.MaxChars,
	}
	for i, a := range file.Added {
		tok, err := a.token(i)
		if err != nil {
			return nil, err
		}
		b.added = append(b.added, tok)
	}
	if b.normalizer, err = readNormalizer(file.Normalizer, 0); err != nil {
		return nil, err
	}
	if b.preTokenizer, err = readPreTokenizer(file.PreTokenizer, 0); err != nil {
		return nil, err
	}
	if tr := file.Truncation; tr != nil {
		if tr.Direction != "" && tr.Direction != "Right" {
			return nil, unsupported("truncation direction %q", tr.Direction)
		}
		if tr.MaxLength <= 0 || tr.MaxLength > math.MaxInt32 {
			return nil, malformed("truncation: max_length %d", tr.MaxLength)
		}
		b.maxLength = int(tr.MaxLength)
	}
	t, err := b.build()
	if err != nil {
		return nil, err
	}
	if t.single, t.pair, err = readPostProcessor(file.PostProcessor, t); err != nil {
		return nil, err
	}
	return t, nil
}

func isNull(raw json.RawMessage) bool {
	return len(raw) == 0 || bytes.Equal(raw, []byte("null"))
}

type jsonModel struct {
	Type     *string          `json:"type"`
	Unknown  *string          `json:"unk_token"`
	Prefix   *string          `json:"continuing_subword_prefix"`
	MaxChars *int64           `json:"max_input_chars_per_word"`
	Vocab    map[string]int64 `json:"vocab"`
}

func readModel(raw json.RawMessage) (*jsonModel, error) {
	// Other models have vocabularies of other shapes, so the type comes first.
	var kind struct {
		Type *string `json:"type"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return nil, malformed("model: %v", err)
	}
	if kind.Type != nil && *kind.Type != "WordPiece" {
		return nil, unsupported("model %q", *kind.Type)
	}
	var m jsonModel
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, malformed("model: %v", err)
	}
	// Files older than the "type" are told apart by the fields, as the library does.
	switch {
	case m.Type == nil && (m.Prefix == nil || m.MaxChars == nil):
		return nil, unsupported("model without a type that is no WordPiece")
	case m.Unknown == nil:
		return nil, malformed("model: no unk_token")
	case m.Prefix == nil:
		return nil, malformed("model: no continuing_subword_prefix")
	case m.MaxChars == nil:
		return nil, malformed("model: no max_input_chars_per_word")
	case m.Vocab == nil:
		return nil, malformed("model: no vocab")
	case *m.MaxChars < 0:
		return nil, malformed("model: max_input_chars_per_word %d", *m.MaxChars)
	}
	return &m, nil
}

type jsonAdded struct {
	ID         *int64  `json:"id"`
	Content    *string `json:"content"`
	SingleWord bool    `json:"single_word"`
	LStrip     bool    `json:"lstrip"`
	RStrip     bool    `json:"rstrip"`
	Normalized *bool   `json:"normalized"` // left out: true, but for special tokens
	Special    bool    `json:"special"`
}

func (a jsonAdded) token(i int) (addedToken, error) {
	switch {
	case a.ID == nil:
		return addedToken{}, malformed("added token %d: no id", i)
	case a.Content == nil || *a.Content == "":
		return addedToken{}, malformed("added token %d: no content", i)
	case *a.ID < 0 || *a.ID > math.MaxInt32:
		return addedToken{}, malformed("added token %q: id %d", *a.Content, *a.ID)
	}
	tok := addedToken{
		id: int32(*a.ID), content: *a.Content, special: a.Special,
		singleWord: a.SingleWord, lstrip: a.LStrip, rstrip: a.RStrip, normalized: !a.Special,
	}
	if a.Normalized != nil {
		tok.normalized = *a.Normalized
	}
	return tok, nil
}
