package tokenizer

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// kindOf returns the "type" of a component. stage names the component in errors.
func kindOf(raw json.RawMessage, stage string) (string, error) {
	var c struct {
		Type *string `json:"type"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return "", malformed("%s: %v", stage, err)
	}
	if c.Type == nil {
		return "", malformed("%s: no type", stage)
	}
	return *c.Type, nil
}

// maxNesting is how deep a Sequence may lie in others.
const maxNesting = 16

func readNormalizer(raw json.RawMessage, depth int) (normalizer, error) {
	if isNull(raw) {
		return nil, nil
	}
	if depth > maxNesting {
		return nil, malformed("normalizer: nested too deep")
	}
	kind, err := kindOf(raw, "normalizer")
	if err != nil {
		return nil, err
	}
	switch kind {
	case "BertNormalizer":
		var c struct {
			Clean   *bool `json:"clean_text"`
			Chinese *bool `json:"handle_chinese_chars"`
			Accents *bool `json:"strip_accents"` // null: as lowercase
			Lower   *bool `json:"lowercase"`
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, malformed("normalizer %s: %v", kind, err)
		}
		if c.Clean == nil || c.Chinese == nil || c.Lower == nil {
			return nil, malformed("normalizer %s: needs clean_text, handle_chinese_chars and lowercase", kind)
		}
		n := bertNormalizer{clean: *c.Clean, chinese: *c.Chinese, accents: *c.Lower, lower: *c.Lower}
		if c.Accents != nil {
			n.accents = *c.Accents
		}
		return n, nil
	case "Lowercase":
		return lower{}, nil
	case "StripAccents":
		return stripAccents{}, nil
	case "NFD":
		return unicodeForm{}, nil
	case "NFC":
		return unicodeForm{composed: true}, nil
	case "NFKD":
		return unicodeForm{compatible: true}, nil
	case "NFKC":
		return unicodeForm{compatible: true, composed: true}, nil
	case "Replace":
		var c struct {
			Pattern map[string]string `json:"pattern"`
			Content *string           `json:"content"`
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, malformed("normalizer %s: %v", kind, err)
		}
		if e, ok := c.Pattern["Regex"]; ok && len(c.Pattern) == 1 && c.Content != nil {
			p, err := compile(e)
			if err != nil {
				return nil, fmt.Errorf("normalizer %s: %w", kind, err)
			}
			return replacePattern{pattern: p, with: []rune(*c.Content)}, nil
		}
		p, ok := c.Pattern["String"]
		if !ok || len(c.Pattern) != 1 || p == "" || c.Content == nil {
			return nil, malformed("normalizer %s: needs a pattern that is not empty and a content", kind)
		}
		return replace{pattern: []rune(p), with: []rune(*c.Content)}, nil
	case "Nmt":
		return nmt{}, nil
	case "ByteLevel":
		return byteLevel{}, nil
	case "Strip":
		var c struct {
			Left  *bool `json:"strip_left"`
			Right *bool `json:"strip_right"`
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, malformed("normalizer %s: %v", kind, err)
		}
		if c.Left == nil || c.Right == nil {
			return nil, malformed("normalizer %s: needs strip_left and strip_right", kind)
		}
		return strip{*c.Left, *c.Right}, nil
	case "Prepend":
		var c struct {
			Prepend *string `json:"prepend"`
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, malformed("normalizer %s: %v", kind, err)
		}
		if c.Prepend == nil {
			return nil, malformed("normalizer %s: needs prepend", kind)
		}
		return prepend(*c.Prepend), nil
	case "Precompiled":
		var c struct {
			Charsmap []byte `json:"precompiled_charsmap"`
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, malformed("normalizer %s: %v", kind, err)
		}
		m, err := newCharsmap(c.Charsmap)
		if err != nil {
			return nil, fmt.Errorf("normalizer %s: %w", kind, err)
		}
		return m, nil
	case "Sequence":
		var c struct {
			Normalizers []json.RawMessage `json:"normalizers"`
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, malformed("normalizer %s: %v", kind, err)
		}
		var seq sequence
		for _, r := range c.Normalizers {
			n, err := readNormalizer(r, depth+1)
			if err != nil {
				return nil, err
			}
			if n == nil {
				return nil, malformed("normalizer %s: null in it", kind)
			}
			seq = append(seq, n)
		}
		if len(seq) == 1 {
			return seq[0], nil
		}
		return seq, nil
	}
	return nil, unsupported("normalizer %q", kind)
}

func readPreTokenizer(raw json.RawMessage, depth int) (preTokenizer, error) {
	if isNull(raw) {
		return nil, nil
	}
	if depth > maxNesting {
		return nil, malformed("pre_tokenizer: nested too deep")
	}
	kind, err := kindOf(raw, "pre_tokenizer")
	if err != nil {
		return nil, err
	}
	switch kind {
	case "BertPreTokenizer":
		return bertPreTokenizer{}, nil
	case "Whitespace":
		return whitespace{}, nil
	case "WhitespaceSplit":
		return whitespaceSplit{}, nil
	case "Punctuation":
		var c struct {
			Behavior *string `json:"behavior"`
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, malformed("pre_tokenizer %s: %v", kind, err)
		}
		if c.Behavior == nil || *c.Behavior == "Isolated" {
			return punctuation, nil
		}
		b, ok := behaviors[*c.Behavior]
		if !ok {
			return nil, unsupported("pre_tokenizer %s with behavior %q", kind, *c.Behavior)
		}
		return split{pattern: classPattern(isPunct), behavior: b}, nil
	case "Digits":
		var c struct {
			Individual *bool `json:"individual_digits"`
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, malformed("pre_tokenizer %s: %v", kind, err)
		}
		if c.Individual == nil {
			return nil, malformed("pre_tokenizer %s: needs individual_digits", kind)
		}
		if *c.Individual {
			return split{pattern: classPattern(isDigit), behavior: isolated}, nil
		}
		return split{pattern: classPattern(isDigit), behavior: contiguous}, nil
	case "CharDelimiterSplit":
		var c struct {
			Delimiter string `json:"delimiter"`
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, malformed("pre_tokenizer %s: %v", kind, err)
		}
		if utf8.RuneCountInString(c.Delimiter) != 1 {
			return nil, malformed("pre_tokenizer %s: delimiter %q, want one character", kind, c.Delimiter)
		}
		return split{pattern: literal(c.Delimiter), behavior: removed}, nil
	case "Split":
		return readSplit(raw)
	case "Metaspace":
		return readMetaspace(raw)
	case "ByteLevel":
		var c struct {
			Prefix *bool `json:"add_prefix_space"`
			Regex  *bool `json:"use_regex"` // left out: true
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, malformed("pre_tokenizer %s: %v", kind, err)
		}
		if c.Prefix == nil {
			return nil, malformed("pre_tokenizer %s: needs add_prefix_space", kind)
		}
		var seq preSequence
		if *c.Prefix {
			seq = append(seq, prefixSpace{})
		}
		if c.Regex == nil || *c.Regex {
			seq = append(seq, split{pattern: gptPattern{}, behavior: isolated})
		}
		return append(seq, byteChars{}), nil
	case "Sequence":
		var c struct {
			PreTokenizers []json.RawMessage `json:"pretokenizers"`
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, malformed("pre_tokenizer %s: %v", kind, err)
		}
		var seq preSequence
		for _, r := range c.PreTokenizers {
			p, err := readPreTokenizer(r, depth+1)
			if err != nil {
				return nil, err
			}
			if p == nil {
				return nil, malformed("pre_tokenizer %s: null in it", kind)
			}
			seq = append(seq, p)
		}
		if len(seq) == 1 {
			return seq[0], nil
		}
		return seq, nil
	}
	return nil, unsupported("pre_tokenizer %q", kind)
}

func readSplit(raw json.RawMessage) (preTokenizer, error) {
	const kind = "Split"
	var c struct {
		Pattern  map[string]string `json:"pattern"`
		Behavior string            `json:"behavior"`
		Invert   *bool             `json:"invert"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, malformed("pre_tokenizer %s: %v", kind, err)
	}
	if len(c.Pattern) != 1 || c.Invert == nil {
		return nil, malformed("pre_tokenizer %s: needs a pattern and invert", kind)
	}
	b, ok := behaviors[c.Behavior]
	if !ok {
		return nil, unsupported("pre_tokenizer %s with behavior %q", kind, c.Behavior)
	}
	s := split{behavior: b, invert: *c.Invert}
	if e, ok := c.Pattern["Regex"]; ok {
		p, err := compile(e)
		if err != nil {
			return nil, fmt.Errorf("pre_tokenizer %s: %w", kind, err)
		}
		s.pattern = p
	} else if t := c.Pattern["String"]; t != "" {
		s.pattern = literal(t)
	} else {
		return nil, malformed("pre_tokenizer %s: needs a pattern that is not empty", kind)
	}
	return s, nil
}

func readMetaspace(raw json.RawMessage) (preTokenizer, error) {
	const kind = "Metaspace"
	var c struct {
		Replacement string  `json:"replacement"`
		Add         *bool   `json:"add_prefix_space"` // older than prepend_scheme
		Scheme      *string `json:"prepend_scheme"`   // left out: always
		Split       *bool   `json:"split"`            // left out: true
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, malformed("pre_tokenizer %s: %v", kind, err)
	}
	if utf8.RuneCountInString(c.Replacement) != 1 {
		return nil, malformed("pre_tokenizer %s: replacement %q, want one character", kind, c.Replacement)
	}
	m := metaspace{mark: c.Replacement, cut: c.Split == nil || *c.Split}
	scheme := "always"
	if c.Scheme != nil {
		scheme = *c.Scheme
	}
	switch scheme {
	case "always":
	case "first":
		m.prefix = prefixFirst
	case "never":
		m.prefix = prefixNever
	default:
		return nil, unsupported("pre_tokenizer %s with prepend_scheme %q", kind, scheme)
	}
	if c.Add != nil && !*c.Add && m.prefix != prefixNever {
		if c.Scheme != nil {
			return nil, malformed("pre_tokenizer %s: add_prefix_space false, but prepend_scheme %q", kind, scheme)
		}
		m.prefix = prefixNever
	}
	return m, nil
}
