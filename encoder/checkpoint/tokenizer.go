package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/semsearch/semsearch/encoder/tokenizer"
)

// tokenizerFiles is what a tokenizer is built from.
type tokenizerFiles struct {
	file string // the file it is in; of two, the first
	data []byte // what is in it, or in both, for the fingerprint
	make func() (*tokenizer.Tokenizer, error)
	said json.RawMessage // the options as tokenizer_config.json names them, for the fingerprint; tokenizer.json says everything itself
}

// readTokenizer reads tokenizer.json, or else the vocabulary that came before it and its options.
func readTokenizer(f folder) (*tokenizerFiles, error) {
	const first = "tokenizer.json"
	data, err := f.read(first)
	if err == nil {
		make := func() (*tokenizer.Tokenizer, error) { return tokenizer.FromJSON(data) }
		return &tokenizerFiles{file: first, data: data, make: make}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, c := range []struct {
		file string
		read func(t *tokenizerFiles, f folder) error
	}{
		{"vocab.txt", (*tokenizerFiles).readVocab},
		{"sentencepiece.bpe.model", (*tokenizerFiles).readSentencePiece},
		{"spm.model", (*tokenizerFiles).readSentencePiece},
		{"spiece.model", (*tokenizerFiles).readSentencePiece},
		{"vocab.json", (*tokenizerFiles).readMerges},
	} {
		data, err := f.read(c.file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		t := &tokenizerFiles{file: c.file, data: data}
		return t, c.read(t, f)
	}
	return nil, f.errorf(first, "%w, nor is there a vocab.txt, a SentencePiece model or a vocab.json", fs.ErrNotExist)
}

// specialToken is a string, or in some versions an object with the string as its content.
type specialToken string

func (t *specialToken) UnmarshalJSON(data []byte) error {
	var v struct {
		Content string `json:"content"`
	}
	if json.Unmarshal(data, &v) == nil {
		*t = specialToken(v.Content)
		return nil
	}
	return json.Unmarshal(data, (*string)(t))
}

// tokenizerConfig is the file that says what a vocabulary does not.
const tokenizerConfig = "tokenizer_config.json"

// readVocab reads the options of a vocab.txt.
func (t *tokenizerFiles) readVocab(f folder) error {
	const name = tokenizerConfig
	v := struct {
		Class        string       `json:"tokenizer_class"`
		Basic        bool         `json:"do_basic_tokenize"`
		LowerCase    bool         `json:"do_lower_case"`
		StripAccents *bool        `json:"strip_accents"`
		Chinese      bool         `json:"tokenize_chinese_chars"`
		Unknown      specialToken `json:"unk_token"`
		Start        specialToken `json:"cls_token"`
		Separator    specialToken `json:"sep_token"`
		Pad          specialToken `json:"pad_token"`
		Mask         specialToken `json:"mask_token"`
	}{Class: "BertTokenizer", Basic: true, LowerCase: true, Chinese: true}
	_, err := f.json(name, &v)
	if err != nil {
		return err
	}
	if v.Class != "BertTokenizer" && v.Class != "BertTokenizerFast" {
		return f.errorf(name, "%w: tokenizer_class %q with a vocab.txt, want \"BertTokenizer\"", ErrUnsupported, v.Class)
	}
	if !v.Basic {
		return f.errorf(name, "%w: do_basic_tokenize is false", ErrUnsupported)
	}
	o := &tokenizer.BertOptions{
		Cased: !v.LowerCase, StripAccents: v.StripAccents, KeepChinese: !v.Chinese,
		Unknown: string(v.Unknown), Class: string(v.Start), Separator: string(v.Separator),
		Pad: string(v.Pad), Mask: string(v.Mask),
	}
	t.make = func() (*tokenizer.Tokenizer, error) { return tokenizer.FromVocab(t.data, o) }
	t.said, err = json.Marshal(v)
	return err
}

// readSentencePiece reads the options of a SentencePiece model.
func (t *tokenizerFiles) readSentencePiece(f folder) error {
	v := struct {
		Class      string `json:"tokenizer_class"`
		LowerCase  bool   `json:"do_lower_case"`
		SplitPunct bool   `json:"split_by_punct"`
		ExtraIDs   int    `json:"extra_ids"`
	}{}
	if _, err := f.json(tokenizerConfig, &v); err != nil {
		return err
	}
	v.Class = strings.TrimSuffix(v.Class, "Fast")
	if v.Class == "" {
		v.Class = map[string]string{"sentencepiece.bpe.model": "XLMRobertaTokenizer", "spm.model": "DebertaV2Tokenizer", "spiece.model": "T5Tokenizer"}[t.file]
	}
	if v.LowerCase && v.Class != "DebertaV2Tokenizer" {
		return f.errorf(tokenizerConfig, "%w: do_lower_case with a %s", ErrUnsupported, v.Class)
	}
	o := &tokenizer.SentencePieceOptions{Class: v.Class, LowerCase: v.LowerCase, SplitPunct: v.SplitPunct, ExtraIDs: v.ExtraIDs}
	t.make = func() (*tokenizer.Tokenizer, error) { return tokenizer.FromSentencePiece(t.data, o) }
	var err error
	t.said, err = json.Marshal(v)
	return err
}

// readMerges reads merges.txt and the options of a vocab.json.
func (t *tokenizerFiles) readMerges(f folder) error {
	vocab := t.data
	merges, err := f.read("merges.txt")
	if err != nil {
		return err
	}
	t.data = bytes.Join([][]byte{vocab, merges}, []byte{0})
	v := struct {
		Class       string       `json:"tokenizer_class"`
		PrefixSpace bool         `json:"add_prefix_space"`
		Unknown     specialToken `json:"unk_token"`
		Start       specialToken `json:"cls_token"`
		Separator   specialToken `json:"sep_token"`
		Pad         specialToken `json:"pad_token"`
		Mask        specialToken `json:"mask_token"`
	}{Class: "RobertaTokenizer"}
	if _, err := f.json(tokenizerConfig, &v); err != nil {
		return err
	}
	if v.Class = strings.TrimSuffix(v.Class, "Fast"); v.Class != "RobertaTokenizer" {
		return f.errorf(tokenizerConfig, "%w: tokenizer_class %q with a vocab.json, want \"RobertaTokenizer\"", ErrUnsupported, v.Class)
	}
	o := &tokenizer.MergesOptions{
		PrefixSpace: v.PrefixSpace, Unknown: string(v.Unknown), Class: string(v.Start), Separator: string(v.Separator),
		Pad: string(v.Pad), Mask: string(v.Mask),
	}
	t.make = func() (*tokenizer.Tokenizer, error) { return tokenizer.FromMerges(vocab, merges, o) }
	t.said, err = json.Marshal(v)
	return err
}

func (t *tokenizerFiles) build(f folder) (*tokenizer.Tokenizer, error) {
	tok, err := t.make()
	if errors.Is(err, tokenizer.ErrUnsupported) {
		err = fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	if err != nil {
		return nil, f.errorf(t.file, "%w", formatError(err))
	}
	return tok, nil
}
