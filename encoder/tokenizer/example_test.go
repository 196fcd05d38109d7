package tokenizer_test

import (
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/semsearch/semsearch/encoder/tokenizer"
)

// vocabulary is a vocab.txt of a few words.
const vocabulary = `[PAD]
[UNK]
[CLS]
[SEP]
[MASK]
green
tea
##pot
##s
cafe
is
hot
where
?
.
`

func open() *tokenizer.Tokenizer {
	tok, err := tokenizer.FromVocab([]byte(vocabulary), nil)
	if err != nil {
		log.Fatal(err)
	}
	return tok
}

func ExampleFromVocab() {
	tok, err := tokenizer.FromVocab([]byte(vocabulary), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(tok.VocabSize(), "tokens")
	fmt.Println(tok.Encode("Green teapots", 0).IDs)
	// Output:
	// 15 tokens
	// [2 5 6 7 8 3]
}

func ExampleFromJSON() {
	tok, err := tokenizer.FromJSON([]byte(`{
		"version": "1.0",
		"added_tokens": [],
		"normalizer": {"type": "Lowercase"},
		"pre_tokenizer": {"type": "Whitespace"},
		"model": {
			"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
			"max_input_chars_per_word": 100, "vocab": {"[UNK]": 0, "tea": 1, "##pot": 2}
		}
	}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(tok.Tokens("A Teapot"))

	_, err = tokenizer.FromJSON([]byte(`{"version": "1.0", "model": {"type": "WordLevel"}}`))
	fmt.Println(err, errors.Is(err, tokenizer.ErrUnsupported))
	// Output:
	// [{0 0 1} {1 2 5} {2 5 8}]
	// tokenizer: model "WordLevel": unsupported tokenizer component true
}

// Unigram, as in XLM-R: a word begins with the mark ▁, which stands for the space before it.
func ExampleFromJSON_unigram() {
	tok, err := tokenizer.FromJSON([]byte(`{
		"version": "1.0",
		"added_tokens": [{"id": 0, "content": "<unk>", "special": true}],
		"pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
		"model": {
			"type": "Unigram", "unk_id": 0,
			"vocab": [["<unk>", 0], ["▁tea", -2.5], ["pot", -3], ["po", -4], ["t", -5], ["s", -3.5], ["▁", -6]]
		}
	}`))
	if err != nil {
		log.Fatal(err)
	}
	text := "tea teapots"
	for _, t := range tok.Tokens(text) {
		fmt.Printf("%-5s %q\n", tok.Text(t.ID), text[t.Start:t.End])
	}
	// Output:
	// ▁tea  "tea"
	// ▁tea  " tea"
	// pot   "pot"
	// s     "s"
}

// Byte-level BPE, as in RoBERTa: every text is bytes, written as characters, a space as Ġ.
func ExampleFromJSON_bpe() {
	tok, err := tokenizer.FromJSON([]byte(`{
		"version": "1.0",
		"added_tokens": [],
		"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
		"post_processor": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
		"model": {
			"type": "BPE",
			"vocab": {"t": 0, "e": 1, "a": 2, "Ġ": 3, "te": 4, "tea": 5, "Ġtea": 6, "Ã": 7, "©": 8},
			"merges": ["t e", "te a", "Ġ tea"]
		}
	}`))
	if err != nil {
		log.Fatal(err)
	}
	text := "tea tea té"
	for _, t := range tok.Tokens(text) {
		fmt.Printf("%-5s %q\n", tok.Text(t.ID), text[t.Start:t.End])
	}
	// Output:
	// tea   "tea"
	// Ġtea  "tea"
	// Ġ     ""
	// t     "t"
	// Ã     "é"
	// ©     "é"
}

func ExampleTokenizer_Pad() {
	tok := open()
	id, ok := tok.Pad()
	fmt.Println(id, tok.Text(id), ok)
	// Output: 0 [PAD] true
}

func ExampleTokenizer_Tokens() {
	tok := open()
	text := "CAFÉ: green\u00a0teapots [MASK]"
	for _, t := range tok.Tokens(text) {
		fmt.Printf("%2d %-7s %q\n", t.ID, tok.Text(t.ID), text[t.Start:t.End])
	}
	// Output:
	//  9 cafe    "CAFÉ"
	//  1 [UNK]   ":"
	//  5 green   "green"
	//  6 tea     "tea"
	//  7 ##pot   "pot"
	//  8 ##s     "s"
	//  4 [MASK]  "[MASK]"
}

func ExampleTokenizer_Encode() {
	tok := open()
	e := tok.Encode("Green tea is hot.", 5)
	for i, id := range e.IDs {
		fmt.Println(tok.Text(id), e.Offsets[i], e.Special[i])
	}
	fmt.Println("truncated:", e.Truncated)
	// Output:
	// [CLS] [0 0] true
	// green [0 5] false
	// tea [6 9] false
	// is [10 12] false
	// [SEP] [0 0] true
	// truncated: true
}

func ExampleTokenizer_Build() {
	tok := open()
	tokens := tok.Tokens("green tea is hot")
	fmt.Println(tok.Build(tokens[1:3]).IDs)
	// Output: [2 6 10 3]
}

// A passage longer than the model takes is read in windows: it is tokenized once, and each window
// is a slice of its tokens beside the question.
func ExampleTokenizer_BuildPair() {
	tok := open()
	const length, stride = 11, 2
	question := tok.Tokens("where is tea?")
	passage := tok.Tokens("green tea is hot. cafe is hot.")
	room := length - tok.Overhead(true) - len(question)
	for at := 0; ; at += room - stride {
		end := min(at+room, len(passage))
		e := tok.BuildPair(question, passage[at:end])
		var words []string
		for _, id := range e.IDs {
			words = append(words, tok.Text(id))
		}
		fmt.Println(strings.Join(words, " "))
		fmt.Println(e.TypeIDs)
		if end == len(passage) {
			break
		}
	}
	// Output:
	// [CLS] where is tea ? [SEP] green tea is hot [SEP]
	// [0 0 0 0 0 0 1 1 1 1 1]
	// [CLS] where is tea ? [SEP] is hot . cafe [SEP]
	// [0 0 0 0 0 0 1 1 1 1 1]
	// [CLS] where is tea ? [SEP] . cafe is hot [SEP]
	// [0 0 0 0 0 0 1 1 1 1 1]
	// [CLS] where is tea ? [SEP] is hot . [SEP]
	// [0 0 0 0 0 0 1 1 1 1]
}

func ExampleTokenizer_Overhead() {
	tok := open()
	fmt.Println(tok.Overhead(false), tok.Overhead(true))
	// Output: 2 3
}

func ExampleTokenizer_TokenID() {
	tok := open()
	id, ok := tok.TokenID("[MASK]")
	fmt.Println(id, ok, tok.Text(id))
	_, ok = tok.TokenID("coffee")
	fmt.Println(ok)
	// Output:
	// 4 true [MASK]
	// false
}

func ExampleTokenizer_MaxLength() {
	tok := open() // a vocab.txt says nothing of it
	fmt.Println(tok.MaxLength())
	// Output: 0
}

// RoBERTa's files before tokenizer.json.
func ExampleFromMerges() {
	vocab := `{"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "t": 4, "e": 5, "a": 6, "Ġ": 7, "te": 8, "tea": 9, "<mask>": 10}`
	merges := "#version: 0.2\nt e\nte a\n"
	tok, err := tokenizer.FromMerges([]byte(vocab), []byte(merges), nil)
	if err != nil {
		log.Fatal(err)
	}
	e := tok.Encode("tea <mask>", 0)
	for i, id := range e.IDs {
		fmt.Println(tok.Text(id), e.Offsets[i])
	}
	// Output:
	// <s> [0 0]
	// tea [0 3]
	// <mask> [4 10]
	// </s> [0 0]
}

// A SentencePiece model is a protobuf message; this one has five pieces.
func ExampleFromSentencePiece() {
	var model []byte
	for _, piece := range []string{"<unk>", "<s>", "</s>", "▁tea", "pot"} {
		model = append(model, 0x0a, byte(len(piece)+2), 0x0a, byte(len(piece)))
		model = append(model, piece...)
	}
	tok, err := tokenizer.FromSentencePiece(model, &tokenizer.SentencePieceOptions{Class: "XLMRobertaTokenizer"})
	if err != nil {
		log.Fatal(err)
	}
	for _, id := range tok.Encode("teapot", 0).IDs {
		fmt.Println(id, tok.Text(id))
	}
	// Output:
	// 0 <s>
	// 4 ▁tea
	// 5 pot
	// 2 </s>
}
