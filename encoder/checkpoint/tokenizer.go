package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/semsearch/semsearch/encoder/tokenizer"
)

// tokenizerFiles is what a tokenizer is built from.
type tokenizerFiles struct {
	file    string // tokenizer.json or vocab.txt
	data    []byte
	options *tokenizer.BertOptions // of vocab.txt; tokenizer.json says everything itself
	said    json.RawMessage        // the options as tokenizer_config.json names them, for the fingerprint
}

// readTokenizer reads tokenizer.json, or else vocab.txt and its options.
func readTokenizer(f folder) (*tokenizerFiles, error) {
	data, err := f.read("tokenizer.json")
	if err == nil {
		return &tokenizerFiles{file: "tokenizer.json", data: data}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	data, err = f.read("vocab.txt")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, f.errorf("tokenizer.json", "%w, nor is there a vocab.txt", fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	t := &tokenizerFiles{file: "vocab.txt", data: data}
	return t, t.readOptions(f)
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

// readOptions reads what tokenizer_config.json says about a vocab.txt.
func (t *tokenizerFiles) readOptions(f folder) error {
	const name = "tokenizer_config.json"
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
	t.options = &tokenizer.BertOptions{
		Cased: !v.LowerCase, StripAccents: v.StripAccents, KeepChinese: !v.Chinese,
		Unknown: string(v.Unknown), Class: string(v.Start), Separator: string(v.Separator),
		Pad: string(v.Pad), Mask: string(v.Mask),
	}
	t.said, err = json.Marshal(v)
	return err
}

func (t *tokenizerFiles) build(f folder) (tok *tokenizer.Tokenizer, err error) {
	if t.options == nil {
		tok, err = tokenizer.FromJSON(t.data)
	} else {
		tok, err = tokenizer.FromVocab(t.data, t.options)
	}
	if errors.Is(err, tokenizer.ErrUnsupported) {
		err = fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	if err != nil {
		return nil, f.errorf(t.file, "%w", formatError(err))
	}
	return tok, nil
}
