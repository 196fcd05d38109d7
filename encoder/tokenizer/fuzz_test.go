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
