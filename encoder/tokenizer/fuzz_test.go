package tokenizer

import (
	"errors"
	"testing"
)

// FuzzTokens takes any text through every kind of tokenizer.
func FuzzTokens(f *testing.F) {
	g, err := loadGolden()
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range g.Texts {
		if len(s) < 100 {
			f.Add(s)
		}
	}
	for _, s := range []string{"\xff", "a\xc3", "\xed\xa0\x80[MASK]", "e\u0301\u0323\xf0\x9f"} {
		f.Add(s)
	}
	names := tokenizerNames(f)
	var toks []*Tokenizer
	for _, name := range names {
		toks = append(toks, load(f, name))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for i, tok := range toks {
			tokens := tok.Tokens(text)
			if names[i] != "added_space" {
				if bad := check(tok, text, tokens); bad != "" {
					t.Errorf("%s: %q: %s", names[i], text, bad)
				}
			}
			if bad := agree(tok, text, tokens); bad != "" {
				t.Errorf("%s: %q: %s", names[i], text, bad)
			}
		}
	})
}

// FuzzModelTokens is the same for the tokenizers with other models.
func FuzzModelTokens(f *testing.F) {
	g, err := loadModelsGolden()
	if err != nil {
		f.Fatal(err)
	}
	for i, s := range g.Texts {
		if len(s) < 100 && i%3 == 0 {
			f.Add(s)
		}
	}
	for _, s := range []string{"\xff", "a\xc3 <mask>", "\u2460\u0301\xed\xa0\x80"} {
		f.Add(s)
	}
	names := modelNames(f)
	var toks []*Tokenizer
	for _, name := range names {
		toks = append(toks, loadModel(f, name))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for i, tok := range toks {
			if bad := checkModel(tok, text, tok.Tokens(text)); bad != "" {
				t.Errorf("%s: %q: %s", names[i], text, bad)
			}
		}
	})
}

// use takes a text through a tokenizer that came of fuzzing.
func use(t *testing.T, tok *Tokenizer) {
	const text = "Tea [MASK] <new> teapots, caf\u00e9 \u4e2d\xff"
	tokens := tok.Tokens(text)
	for i, x := range tokens {
		if x.ID < 0 || int(x.ID) >= tok.VocabSize() || x.Start < 0 || x.End > len(text) || x.Start > x.End {
			t.Errorf("token %d: %v of %d", i, x, tok.VocabSize())
		}
	}
	tok.BuildPair(tokens, tokens)
	if e := tok.Encode(text, 4); len(e.IDs) > 4 {
		t.Errorf("Encode of at most 4: %v", e.IDs)
	}
}

// FuzzFromJSON wants any bytes to be a tokenizer that works or an error that says what it is.
func FuzzFromJSON(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"model": {"type": "WordPiece", "unk_token": "a", "continuing_subword_prefix": "", "max_input_chars_per_word": 0, "vocab": {"a": 0}}}`))
	f.Add([]byte(`{"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Replace", "pattern": {"String": "a"}, "content": "bb"}]},
	 "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Whitespace"}, {"type": "Punctuation"}]},
	 "post_processor": {"type": "BertProcessing", "sep": ["a", 0], "cls": ["b", 1]},
	 "added_tokens": [{"id": 2, "content": " x", "lstrip": true, "rstrip": true, "single_word": true}],
	 "model": {"type": "WordPiece", "unk_token": "a", "continuing_subword_prefix": "##", "max_input_chars_per_word": 9, "vocab": {"a": 0, "b": 1}}}`))
	f.Add([]byte(`{"normalizer": {"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": "CAAAAAAEAAAAAAAAYQA="}, {"type": "Nmt"},
	  {"type": "Strip", "strip_left": true, "strip_right": true}, {"type": "Prepend", "prepend": "x"}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "y"}]},
	 "pre_tokenizer": {"type": "Metaspace", "replacement": "_", "prepend_scheme": "first", "split": false},
	 "post_processor": {"type": "RobertaProcessing", "sep": ["a", 0], "cls": ["b", 1], "trim_offsets": true, "add_prefix_space": true},
	 "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": true, "vocab": [["a", 0], ["_b", -1.5], ["<0x41>", -2]]}}`))
	f.Add([]byte(`{"normalizer": {"type": "ByteLevel"}, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "[a-c]+|\\s"},
	  "behavior": "MergedWithNext", "invert": true}, {"type": "Digits", "individual_digits": true}, {"type": "ByteLevel", "add_prefix_space": true}]},
	 "post_processor": {"type": "Sequence", "processors": [{"type": "ByteLevel", "trim_offsets": true, "add_prefix_space": false}]},
	 "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "##b": 3}, "merges": ["a b"], "fuse_unk": true, "unk_token": "a", "ignore_merges": true}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := FromJSON(data)
		if err != nil {
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) {
				t.Errorf("error of no kind: %v", err)
			}
			return
		}
		use(t, tok)
	})
}

// FuzzFromVocab is the same for vocab.txt.
func FuzzFromVocab(f *testing.F) {
	f.Add([]byte("[PAD]\n[UNK]\n[CLS]\n[SEP]\ntea\n##pot\n##s"), false)
	f.Add([]byte("[UNK]\r\n[CLS]\r\n[SEP]\r\n \r\n\u3000\n##\n"), true)
	f.Add([]byte("\n"), true)
	f.Fuzz(func(t *testing.T, data []byte, cased bool) {
		tok, err := FromVocab(data, &BertOptions{Cased: cased})
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Errorf("error of no kind: %v", err)
			}
			return
		}
		use(t, tok)
	})
}
