package tokenizer

// Encoding is one input of a model: one or two sequences of tokens within their template. All four
// slices have the same length.
type Encoding struct {
	IDs     []int32
	TypeIDs []int32 // which segment embedding each takes: BERT has 0 for the first sequence, 1 for the second
	// Offsets are the bytes [start, end) of the text that each token covers: of the first text for
	// a token of the first sequence, of the second for one of the second; {0, 0} for the template.
	Offsets [][2]int
	Special []bool // true for the tokens of the template, [CLS] and [SEP], and no others
	// Truncated is true if the text had more tokens than fitted.
	Truncated bool
}

// Overhead returns the number of tokens that the template adds: for BERT 2, and 3 for a pair.
func (t *Tokenizer) Overhead(pair bool) int {
	if pair {
		return t.pair.overhead()
	}
	return t.single.overhead()
}

// Encode tokenizes text and builds the input for it alone, of at most max tokens in all; 0 or less
// means no limit. Tokens that do not fit are left off at the end. A max below Overhead(false)
// leaves no token of the text and cuts the template too.
//
// The text is not cut into tokens further than max. It is searched for added tokens as a whole,
// and normalised as a whole unless the normalizer and pre-tokenizer are BERT's.
func (t *Tokenizer) Encode(text string, max int) Encoding {
	if max <= 0 {
		return t.Build(t.Tokens(text))
	}
	room := max - t.Overhead(false)
	if room < 0 {
		room = 0
	}
	tokens := t.atMost(text, room)
	truncated := len(tokens) > room
	if truncated {
		tokens = tokens[:room]
	}
	e := t.Build(tokens)
	e.Truncated = truncated
	if len(e.IDs) > max {
		e.IDs, e.TypeIDs, e.Offsets, e.Special = e.IDs[:max], e.TypeIDs[:max], e.Offsets[:max], e.Special[:max]
	}
	return e
}

// Build puts one sequence into its template: [CLS] a [SEP].
func (t *Tokenizer) Build(a []Token) Encoding {
	return t.single.build([2][]Token{a, nil})
}

// BuildPair puts two sequences into their template: [CLS] a [SEP] b [SEP]. Neither is shortened:
// leave room for Overhead(true).
func (t *Tokenizer) BuildPair(a, b []Token) Encoding {
	return t.pair.build([2][]Token{a, b})
}
