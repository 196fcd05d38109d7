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

	_, err = tokenizer.FromJSON([]byte(`{"version": "1.0", "model": {"type": "BPE"}}`))
	fmt.Println(err, errors.Is(err, tokenizer.ErrUnsupported))
	// Output:
	// [{0 0 1} {1 2 5} {2 5 8}]
	// tokenizer: model "BPE": unsupported tokenizer component true
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
