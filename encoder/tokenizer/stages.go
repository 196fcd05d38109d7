package tokenizer

import "encoding/json"

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
		if _, ok := c.Pattern["Regex"]; ok {
			return nil, unsupported("normalizer %s with a pattern of kind %q", kind, "Regex")
		}
		p, ok := c.Pattern["String"]
		if !ok || len(c.Pattern) != 1 || p == "" || c.Content == nil {
			return nil, malformed("normalizer %s: needs a pattern that is not empty and a content", kind)
		}
		return replace{pattern: []rune(p), with: []rune(*c.Content)}, nil
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
		if c.Behavior != nil && *c.Behavior != "Isolated" {
			return nil, unsupported("pre_tokenizer %s with behavior %q", kind, *c.Behavior)
		}
		return punctuation{}, nil
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
