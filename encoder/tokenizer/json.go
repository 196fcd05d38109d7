package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// FromJSON reads tokenizer.json, the format of Hugging Face tokenizers, version 1.0.
//
// The error is [ErrFormat] for a file that is broken and [ErrUnsupported] for one that asks for
// something this package does not have. Ids must run from 0 without a gap, model vocabulary and
// added tokens taken together. The section "decoder" is read past; of "padding" the token is kept, see
// [Tokenizer.Pad], and of "truncation" the maximum length, see [Tokenizer.MaxLength]. Memory is
// proportional to len(data), which the caller may want to bound.
func FromJSON(data []byte) (*Tokenizer, error) {
	var file struct {
		Version    *string `json:"version"`
		Truncation *struct {
			Direction string `json:"direction"`
			MaxLength int64  `json:"max_length"`
		} `json:"truncation"`
		Padding *struct {
			Token string `json:"pad_token"`
		} `json:"padding"`
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
	var b builder
	if err := b.readModel(file.Model); err != nil {
		return nil, err
	}
	for i, a := range file.Added {
		tok, err := a.token(i)
		if err != nil {
			return nil, err
		}
		b.added = append(b.added, tok)
	}
	var err error
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
	if file.Padding != nil {
		b.pad = file.Padding.Token
	}
	t, err := b.build()
	if err != nil {
		return nil, err
	}
	if err := t.readPostProcessor(file.PostProcessor); err != nil {
		return nil, err
	}
	return t, nil
}

func isNull(raw json.RawMessage) bool {
	return len(raw) == 0 || bytes.Equal(raw, []byte("null"))
}

// readModel reads the model. Files older than its "type" are told apart by the fields, as the
// library does.
func (b *builder) readModel(raw json.RawMessage) error {
	var probe struct {
		Type     *string         `json:"type"`
		Prefix   *string         `json:"continuing_subword_prefix"`
		MaxChars *int64          `json:"max_input_chars_per_word"`
		Merges   json.RawMessage `json:"merges"`
		Vocab    json.RawMessage `json:"vocab"`
	}
	if err := json.Unmarshal(raw, &probe); err != nil {
		return malformed("model: %v", err)
	}
	kind := ""
	switch {
	case probe.Type != nil:
		kind = *probe.Type
	case !isNull(probe.Merges):
		kind = "BPE"
	case probe.Prefix != nil && probe.MaxChars != nil:
		kind = "WordPiece"
	case len(probe.Vocab) > 0 && probe.Vocab[0] == '[':
		kind = "Unigram"
	default:
		return unsupported("model without a type that is no BPE, WordPiece or Unigram")
	}
	read, ok := map[string]func(json.RawMessage) error{"WordPiece": b.readWordPiece, "Unigram": b.readUnigram, "BPE": b.readBPE}[kind]
	if !ok {
		return unsupported("model %q", kind)
	}
	if isNull(probe.Vocab) {
		return malformed("model: no vocab")
	}
	return read(raw)
}

func (b *builder) readWordPiece(raw json.RawMessage) error {
	var m struct {
		Unknown  *string          `json:"unk_token"`
		Prefix   *string          `json:"continuing_subword_prefix"`
		MaxChars *int64           `json:"max_input_chars_per_word"`
		Vocab    map[string]int64 `json:"vocab"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return malformed("model: %v", err)
	}
	switch {
	case m.Unknown == nil:
		return malformed("model: no unk_token")
	case m.Prefix == nil:
		return malformed("model: no continuing_subword_prefix")
	case m.MaxChars == nil:
		return malformed("model: no max_input_chars_per_word")
	case *m.MaxChars < 0:
		return malformed("model: max_input_chars_per_word %d", *m.MaxChars)
	}
	b.vocab, b.model = m.Vocab, wordPieceMaker{unknown: *m.Unknown, prefix: *m.Prefix, maxChars: *m.MaxChars}
	return nil
}

func (b *builder) readUnigram(raw json.RawMessage) error {
	var m struct {
		Unknown  *int64      `json:"unk_id"`
		Fallback bool        `json:"byte_fallback"`
		Vocab    []jsonPiece `json:"vocab"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return malformed("model: %v", err)
	}
	if m.Unknown == nil {
		return malformed("model: no unk_id")
	}
	if *m.Unknown < 0 || *m.Unknown >= int64(len(m.Vocab)) {
		return malformed("model: unk_id %d of %d tokens", *m.Unknown, len(m.Vocab))
	}
	k := unigramMaker{scores: make([]float64, len(m.Vocab)), unknown: *m.Unknown, byteFallback: m.Fallback}
	b.list = make([]string, len(m.Vocab))
	for i, p := range m.Vocab {
		b.list[i], k.scores[i] = p.token, p.score
	}
	b.model = k
	return nil
}

// jsonPiece is a token of Unigram with its score: ["▁the", -3.5].
type jsonPiece struct {
	token string
	score float64
}

func (p *jsonPiece) UnmarshalJSON(data []byte) error {
	// Most of what a large file is made of, so the plain form has a way of its own: no white space, and
	// nothing escaped.
	if s, ok := bytes.CutPrefix(data, []byte(`["`)); ok {
		token, score, ok := bytes.Cut(s, []byte(`",`))
		if ok && bytes.IndexByte(token, '\\') < 0 && bytes.IndexByte(token, '"') < 0 {
			score = bytes.TrimSpace(bytes.TrimSuffix(score, []byte("]")))
			f, err := strconv.ParseFloat(string(score), 64)
			if err == nil {
				p.token, p.score = string(token), f
				return nil
			}
		}
	}
	var pair []json.RawMessage
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("%d elements, want a token and its score", len(pair))
	}
	if err := json.Unmarshal(pair[0], &p.token); err != nil {
		return err
	}
	return json.Unmarshal(pair[1], &p.score)
}

func (b *builder) readBPE(raw json.RawMessage) error {
	var m struct {
		Dropout  *float64         `json:"dropout"`
		Unknown  string           `json:"unk_token"`
		Prefix   string           `json:"continuing_subword_prefix"`
		Suffix   string           `json:"end_of_word_suffix"`
		Fuse     bool             `json:"fuse_unk"`
		Fallback bool             `json:"byte_fallback"`
		Ignore   bool             `json:"ignore_merges"`
		Vocab    map[string]int64 `json:"vocab"`
		Merges   []jsonMerge      `json:"merges"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return malformed("model: %v", err)
	}
	if m.Dropout != nil && *m.Dropout != 0 {
		return unsupported("model %q with dropout %v", "BPE", *m.Dropout)
	}
	if m.Merges == nil {
		return malformed("model: no merges")
	}
	k := bpeMaker{unknown: m.Unknown, prefix: m.Prefix, suffix: m.Suffix, fuse: m.Fuse, byteFallback: m.Fallback, ignoreMerges: m.Ignore}
	k.merges = make([][2]string, len(m.Merges))
	for i, g := range m.Merges {
		k.merges[i] = g
	}
	b.vocab, b.model = m.Vocab, k
	return nil
}

// jsonMerge is a merge of BPE: "t h", or in newer files ["t", "h"].
type jsonMerge [2]string

func (g *jsonMerge) UnmarshalJSON(data []byte) (err error) {
	if len(data) > 0 && data[0] == '"' {
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		*g, err = parseMerge(s)
		return err
	}
	var pair []string
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("merge of %d tokens", len(pair))
	}
	*g = jsonMerge(pair)
	return nil
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
