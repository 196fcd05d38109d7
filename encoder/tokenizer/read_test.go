package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// small is a whole tokenizer.json to break in places.
const small = `{
 "version": "1.0",
 "truncation": {"direction": "Right", "max_length": 128, "strategy": "LongestFirst", "stride": 0},
 "padding": {"strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
 "added_tokens": [
  {"id": 0, "content": "[PAD]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
  {"id": 1, "content": "[UNK]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
  {"id": 8, "content": "<new>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": false}
 ],
 "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
 "pre_tokenizer": {"type": "BertPreTokenizer"},
 "post_processor": {"type": "TemplateProcessing",
  "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
  "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
  "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]}, "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}},
 "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
 "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
  "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "tea": 4, "pot": 5, "##s": 6, "##pot": 7}}
}`

func TestFromJSON(t *testing.T) {
	tok, err := FromJSON([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if tok.MaxLength() != 128 || tok.VocabSize() != 9 || tok.Overhead(false) != 2 || tok.Overhead(true) != 3 {
		t.Errorf("MaxLength %d, VocabSize %d, Overhead %d and %d", tok.MaxLength(), tok.VocabSize(), tok.Overhead(false), tok.Overhead(true))
	}
	if got := tok.Encode("Teapots<new>", 0).IDs; !slices.Equal(got, []int32{2, 4, 7, 6, 8, 3}) {
		t.Errorf("Encode: %v", got)
	}
	for id := range int32(9) {
		if got, ok := tok.TokenID(tok.Text(id)); !ok || got != id {
			t.Errorf("TokenID(Text(%d)) = %d, %v", id, got, ok)
		}
	}
	for _, id := range []int32{-1, 9, 1 << 30} {
		if s := tok.Text(id); s != "" {
			t.Errorf("Text(%d) = %q", id, s)
		}
	}
	if _, ok := tok.TokenID("nothing"); ok {
		t.Error("TokenID of a token that is not there")
	}
}

// TestFromJSONErrors changes small in one place and wants the error to name what is wrong.
func TestFromJSONErrors(t *testing.T) {
	norm := `{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true}`
	pre := `{"type": "BertPreTokenizer"}`
	vocab := `"tea": 4`
	bertPost := `{"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}`
	model := small[strings.Index(small, `{"type": "WordPiece", "unk`) : len(small)-2]
	post := small[strings.Index(small, `{"type": "TemplateProcessing"`):strings.Index(small, ` "decoder"`)]
	post = post[:strings.LastIndex(post, ",")]
	deep := func(open, name, end string) string {
		return strings.Repeat(`{"type": "Sequence", "`+name+`": [`, 40) + open + strings.Repeat(`]}`, 40) + end
	}
	for _, c := range []struct {
		from, to string
		want     error
		says     string
	}{
		{small, "", ErrFormat, ""},
		{small, "null", ErrFormat, "no model"},
		{small, "[]", ErrFormat, ""},
		{small, small[:len(small)/2], ErrFormat, ""},
		{small, small + "x", ErrFormat, ""},
		{small, "\xff" + small, ErrFormat, "UTF-8"},
		{`"version": "1.0"`, `"version": "2.0"`, ErrUnsupported, `version "2.0"`},
		{`"type": "WordPiece", "unk`, `"type": "WordLevel", "unk`, ErrUnsupported, `model "WordLevel"`},
		{`"type": "WordPiece", "unk`, `"type": "BPE", "unk`, ErrFormat, "no merges"},
		{`"type": "WordPiece", "unk`, `"type": "BPE", "merges": [], "dropout": 0.1, "unk`, ErrUnsupported, "dropout 0.1"},
		{`"type": "WordPiece", "unk`, `"type": "BPE", "merges": ["t e a"], "unk`, ErrFormat, `"t e a"`},
		{`"type": "WordPiece", "unk`, `"type": "BPE", "merges": [["t"]], "unk`, ErrFormat, "merge of 1 tokens"},
		{`"type": "WordPiece", "unk`, `"type": "BPE", "merges": ["tea ##s"], "unk`, ErrFormat, `"teas" is not in the vocabulary`},
		{`"type": "WordPiece", "unk`, `"type": "BPE", "merges": ["tea s"], "unk`, ErrFormat, "shorter than the prefix"},
		{`"type": "WordPiece", "unk`, `"type": "Unigram", "unk`, ErrFormat, "vocab"},
		{model, `{"type": "Unigram", "vocab": [["[UNK]", 0]]}`, ErrFormat, "no unk_id"},
		{model, `{"type": "Unigram", "unk_id": 9, "vocab": [["[PAD]", 0], ["[UNK]", 0]]}`, ErrFormat, "unk_id 9 of 2"},
		{model, `{"type": "Unigram", "unk_id": 0, "vocab": [["[UNK]", 0, 1]]}`, ErrFormat, "3 elements"},
		{model, `{"type": "Unigram", "unk_id": 0, "vocab": [["[UNK]"]]}`, ErrFormat, "1 elements"},
		{model, `{"type": "Unigram", "unk_id": 0, "vocab": [["[UNK]", "a"]]}`, ErrFormat, "vocab"},
		{model, `{"type": "Unigram", "unk_id": 0, "vocab": [null]}`, ErrFormat, "0 elements"},
		{model, `{"type": "Unigram", "unk_id": 0}`, ErrFormat, "no vocab"},
		{model, `{"vocab": {}}`, ErrUnsupported, "without a type"},
		{`"type": "WordPiece", "unk`, `"type": 7, "unk`, ErrFormat, "model"},
		{`"continuing_subword_prefix": "##", `, ``, ErrFormat, "continuing_subword_prefix"},
		{`"unk_token": "[UNK]"`, `"unk_token": "<unk>"`, ErrFormat, `"<unk>"`},
		{`"unk_token": "[UNK]", `, ``, ErrFormat, "unk_token"},
		{`"max_input_chars_per_word": 100`, `"max_input_chars_per_word": -1`, ErrFormat, "max_input_chars_per_word"},
		{`"max_input_chars_per_word": 100`, `"max_input_chars_per_word": 1e400`, ErrFormat, ""},
		{vocab, `"tea": -4`, ErrFormat, `"tea": id -4`},
		{vocab, `"tea": 4294967300`, ErrFormat, `"tea": id 4294967300`},
		{vocab, `"tea": 9223372036854775808`, ErrFormat, "9223372036854775808"},
		{vocab, `"tea": 4.5`, ErrFormat, "4.5"},
		{vocab, `"tea": "4"`, ErrFormat, "string"},
		{vocab, `"tea": 5`, ErrFormat, "both have the id 5"},
		{vocab, `"tea": 2000000000`, ErrFormat, `"tea": id 2000000000`},
		{vocab + ", ", ``, ErrFormat, "only 8 tokens"},
		{vocab, `"tea": 4, "tea": 9`, ErrFormat, `"tea": id 9`},
		{`"id": 8,`, `"id": 9,`, ErrFormat, `"<new>"`},
		{`"id": 8,`, `"id": -1,`, ErrFormat, `"<new>"`},
		{`"id": 8,`, `"id": 4,`, ErrFormat, `"<new>"`},
		{`"id": 8,`, `"id": 99999999999,`, ErrFormat, `"<new>"`},
		{`"id": 8,`, ``, ErrFormat, "added token 2"},
		{`"id": 0, "content"`, `"id": 1, "content"`, ErrFormat, `"[PAD]"`},
		{`"content": "<new>"`, `"content": ""`, ErrFormat, "added token 2"},
		{`"content": "<new>"`, `"content": "[PAD]"`, ErrFormat, `"[PAD]": given twice`},
		{`"content": "<new>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false`,
			`"content": "\u0001", "normalized": true`, ErrFormat, "normalised"},
		{norm, `{"type": "Truncate"}`, ErrUnsupported, `normalizer "Truncate"`},
		{norm, `{"type": "Precompiled"}`, ErrFormat, "charsmap of 0 bytes"},
		{norm, `{"type": "Precompiled", "precompiled_charsmap": "not base64"}`, ErrFormat, "Precompiled"},
		{norm, `{"type": "Precompiled", "precompiled_charsmap": "/////wAA"}`, ErrFormat, "trie of 4294967295 bytes"},
		{norm, `{"type": "Precompiled", "precompiled_charsmap": "BAAAAAAAAABh"}`, ErrFormat, "without an end"},
		{norm, `{"type": "Strip", "strip_left": true}`, ErrFormat, "strip_right"},
		{norm, `{"type": "Prepend"}`, ErrFormat, "needs prepend"},
		{norm, `{}`, ErrFormat, "normalizer"},
		{norm, `"NFC"`, ErrFormat, "normalizer"},
		{norm, `{"type": "BertNormalizer", "lowercase": true}`, ErrFormat, "clean_text"},
		{norm, `{"type": "Replace", "pattern": {"Regex": "a(?=b)"}, "content": ""}`, ErrUnsupported, "a(?=b)"},
		{norm, `{"type": "Replace", "pattern": {"Regex": "a*"}, "content": ""}`, ErrUnsupported, "empty"},
		{norm, `{"type": "Replace", "pattern": {"Regex": "^a"}, "content": ""}`, ErrUnsupported, "^a"},
		{norm, `{"type": "Replace", "pattern": {"Regex": "\\bab"}, "content": ""}`, ErrUnsupported, "ab"},
		{norm, `{"type": "Replace", "pattern": {"Regex": "[[:alpha:]]"}, "content": ""}`, ErrUnsupported, "alpha"},
		{norm, `{"type": "Replace", "pattern": {"Regex": "a{,2}b"}, "content": ""}`, ErrUnsupported, "brace"},
		{norm, `{"type": "Replace", "pattern": {"Regex": "a++"}, "content": ""}`, ErrUnsupported, "a++"},
		{norm, `{"type": "Replace", "pattern": {"String": ""}, "content": ""}`, ErrFormat, "Replace"},
		{norm, `{"type": "Replace", "pattern": {"String": "a"}}`, ErrFormat, "Replace"},
		{norm, `{"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Truncate"}]}`, ErrUnsupported, `"Truncate"`},
		{norm, `{"type": "Sequence", "normalizers": [null]}`, ErrFormat, "null"},
		{norm, deep(`{"type": "NFD"}`, "normalizers", ""), ErrFormat, "nested too deep"},
		{pre, `{"type": "UnicodeScripts"}`, ErrUnsupported, `pre_tokenizer "UnicodeScripts"`},
		{pre, `{"type": "ByteLevel"}`, ErrFormat, "add_prefix_space"},
		{pre, `{"type": "Metaspace"}`, ErrFormat, `replacement ""`},
		{pre, `{"type": "Metaspace", "replacement": "ab"}`, ErrFormat, `replacement "ab"`},
		{pre, `{"type": "Metaspace", "replacement": "a", "prepend_scheme": "last"}`, ErrUnsupported, `"last"`},
		{pre, `{"type": "Metaspace", "replacement": "a", "prepend_scheme": "first", "add_prefix_space": false}`, ErrFormat, "add_prefix_space false"},
		{pre, `{"type": "Punctuation", "behavior": "Odd"}`, ErrUnsupported, `"Odd"`},
		{pre, `{"type": "Digits"}`, ErrFormat, "individual_digits"},
		{pre, `{"type": "CharDelimiterSplit", "delimiter": ""}`, ErrFormat, `delimiter ""`},
		{pre, `{"type": "Split", "pattern": {"String": "a"}, "behavior": "Removed"}`, ErrFormat, "invert"},
		{pre, `{"type": "Split", "pattern": {"String": ""}, "behavior": "Removed", "invert": false}`, ErrFormat, "not empty"},
		{pre, `{"type": "Split", "pattern": {"String": "a"}, "behavior": "Odd", "invert": false}`, ErrUnsupported, `"Odd"`},
		{pre, `{"type": "Split", "pattern": {"Regex": "\\X"}, "behavior": "Removed", "invert": false}`, ErrUnsupported, "X"},
		{pre, `{"type": "Sequence", "pretokenizers": [{"type": "FixedLength"}]}`, ErrUnsupported, `"FixedLength"`},
		{pre, deep(pre, "pretokenizers", ""), ErrFormat, "nested too deep"},
		{post, `{"type": "Odd"}`, ErrUnsupported, `post_processor "Odd"`},
		{post, `{"type": "RobertaProcessing"}`, ErrFormat, "needs sep and cls"},
		{post, `{"type": "RobertaProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}`, ErrFormat, "trim_offsets"},
		{post, `{"type": "ByteLevel", "trim_offsets": true}`, ErrFormat, "add_prefix_space"},
		{post, `{"type": "Sequence", "processors": [` + bertPost + `, ` + bertPost + `]}`, ErrUnsupported, "after another"},
		{post, `{"type": "Sequence", "processors": [` + bertPost + `, {"type": "ByteLevel", "trim_offsets": true, "add_prefix_space": true}]}`, ErrUnsupported, "after a template"},
		{post, `{"type": "BertProcessing", "sep": ["[SEP]", 3]}`, ErrFormat, "needs sep and cls"},
		{post, `{"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 9]}`, ErrFormat, `"[CLS]"`},
		{post, `{"type": "BertProcessing", "sep": ["[SEP]"], "cls": ["[CLS]", 2]}`, ErrFormat, "1 elements"},
		{`"ids": [2]`, `"ids": [9]`, ErrFormat, `"[CLS]"`},
		{`"ids": [2]`, `"ids": [-1]`, ErrFormat, `"[CLS]"`},
		{`"ids": [2]`, `"ids": [2, 3]`, ErrFormat, `"[CLS]"`},
		{`"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]}, `, ``, ErrFormat, `"[CLS]"`},
		{`{"Sequence": {"id": "B", "type_id": 1}}, `, ``, ErrFormat, "sequence B occurs 0 times"},
		{`"id": "B"`, `"id": "C"`, ErrFormat, `"C"`},
		{`"id": "B"`, `"id": "A"`, ErrFormat, "sequence A occurs 2 times"},
		{`{"id": "B", "type_id": 1}`, `{"id": "B", "type_id": -1}`, ErrFormat, "type id -1"},
		{`{"Sequence": {"id": "B", "type_id": 1}}`, `{}`, ErrFormat, "neither"},
		{`"direction": "Right", "max_length": 128`, `"direction": "Left", "max_length": 128`, ErrUnsupported, `"Left"`},
		{`"max_length": 128`, `"max_length": 0`, ErrFormat, "max_length 0"},
		{`"max_length": 128`, `"max_length": -5`, ErrFormat, "max_length -5"},
	} {
		if !strings.Contains(small, c.from) {
			t.Fatalf("small has no %s", c.from)
		}
		_, err := FromJSON([]byte(strings.Replace(small, c.from, c.to, 1)))
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.80s -> %.80s: %v; want %v with %s", c.from, c.to, err, c.want, c.says)
		}
	}
}

func TestFromJSONNull(t *testing.T) {
	data := small
	for _, stage := range []string{"truncation", "normalizer", "pre_tokenizer", "post_processor"} {
		var all map[string]json.RawMessage
		if err := json.Unmarshal([]byte(data), &all); err != nil {
			t.Fatal(err)
		}
		all[stage] = json.RawMessage("null")
		b, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		data = string(b)
		if _, err := FromJSON(b); err != nil {
			t.Errorf("%s null: %v", stage, err)
		}
	}
	tok, err := FromJSON([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	e := tok.BuildPair(tok.Tokens("tea"), tok.Tokens("pots"))
	if !slices.Equal(e.IDs, []int32{4, 5, 6}) || !slices.Equal(e.TypeIDs, []int32{0, 1, 1}) || tok.MaxLength() != 0 {
		t.Errorf("without a template: %v, MaxLength %d", e, tok.MaxLength())
	}
}

// TestFromVocab wants the tokenizer of vocab.txt to be that of tokenizer.json.
func TestFromVocab(t *testing.T) {
	g, err := loadGolden()
	if err != nil {
		t.Fatal(err)
	}
	vocab := readFile(t, "testdata/vocab.txt")
	yes, no := true, false
	for name, o := range map[string]*BertOptions{
		"uncased":               nil,
		"cased":                 {Cased: true},
		"cased_without_accents": {Cased: true, StripAccents: &yes},
		"uncased_with_accents":  {StripAccents: &no, MaxWordChars: 100, Unknown: "[UNK]", Class: "[CLS]", Separator: "[SEP]", Pad: "[PAD]", Mask: "[MASK]"},
	} {
		for _, end := range []string{"\n", "\r\n"} {
			tok, err := FromVocab([]byte(strings.ReplaceAll(string(vocab), "\n", end)), o)
			if err != nil {
				t.Fatal(err)
			}
			for i, text := range g.Texts {
				if got, want := show(tok, tok.Encode(text, 0)), show(tok, g.Results[name].Single[i].encoding()); got != want {
					t.Errorf("%s: %.200q\n got%.600s\nwant%.600s", name, text, got, want)
				}
			}
		}
	}
	tok, err := FromVocab(vocab, &BertOptions{KeepChinese: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := tok.Tokens("東京"); len(got) != 1 || tok.Text(got[0].ID) != "東京" {
		t.Errorf("KeepChinese: %v", got)
	}
}

func TestFromVocabErrors(t *testing.T) {
	for _, c := range []struct {
		vocab string
		o     *BertOptions
		says  string
	}{
		{"", nil, `no token "[UNK]"`},
		{"[UNK]\n[CLS]\n", nil, `no token "[SEP]"`},
		{"[UNK]\n[CLS]\n[SEP]\n\na\n", nil, "line 4 is empty"},
		{"[UNK]\n[CLS]\n[SEP]\r\n\r\n", nil, "line 4 is empty"},
		{"[UNK]\n[CLS]\n[SEP]\na\nb\na\n", nil, `line 6: token "a" stands in line 4`},
		{"[UNK]\n[CLS]\n[SEP]\na \na\n", nil, `line 5: token "a" stands in line 4`},
		{"[UNK]\n[CLS]\n[SEP]\n\xff\n", nil, "line 4 is not UTF-8"},
		{"[UNK]\n[CLS]\n[SEP]\n", &BertOptions{Unknown: "<unk>"}, `"<unk>"`},
		{"[UNK]\n[CLS]\n[SEP]\n", &BertOptions{MaxWordChars: -1}, "-1"},
	} {
		if _, err := FromVocab([]byte(c.vocab), c.o); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v; want %s", c.vocab, err, c.says)
		}
	}
	if tok, err := FromVocab([]byte("[UNK]\n[CLS]\n[SEP]\n\u3000\nlast"), nil); err != nil || tok.VocabSize() != 5 {
		t.Errorf("a token of white space: %v", err)
	}
}

// TestEncodeLimits has a limit at and around the length of the template.
func TestEncodeLimits(t *testing.T) {
	tok, err := FromJSON([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text string
		max  int
		want string
	}{
		{"tea pots", 0, "[2 4 5 6 3] false"},
		{"tea pots", -1, "[2 4 5 6 3] false"},
		{"tea pots", 5, "[2 4 5 6 3] false"},
		{"tea pots", 4, "[2 4 5 3] true"},
		{"tea pots", 3, "[2 4 3] true"},
		{"tea pots", 2, "[2 3] true"},
		{"tea pots", 1, "[2] true"},
		{"", 1, "[2] false"},
		{"", 2, "[2 3] false"},
		{"", 0, "[2 3] false"},
		{" \t\n", 8, "[2 3] false"},
	} {
		e := tok.Encode(c.text, c.max)
		if got := fmt.Sprint(e.IDs, " ", e.Truncated); got != c.want {
			t.Errorf("Encode(%q, %d) = %s, want %s", c.text, c.max, got, c.want)
		}
	}
}
