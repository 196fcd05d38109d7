// Package tokenizer turns text into the token ids of a BERT-like model, and knows for every token
// which bytes of the text it came from.
//
// A [Tokenizer] is read from the tokenizer.json of Hugging Face tokenizers ([FromJSON]) or from
// BERT's vocab.txt ([FromVocab]). Its stages are those of that library, and so are its ids:
//
//	added tokens    "[MASK]" and the like are found in the text and taken out
//	normalizer      control characters go, accents go, upper case becomes lower case
//	pre-tokenizer   the text is split into words and punctuation marks
//	model           WordPiece: a word is cut into the longest pieces the vocabulary has
//	post-processor  the template: [CLS] first [SEP] second [SEP]
//
// The first four are [Tokenizer.Tokens]; the last is [Tokenizer.Build] and [Tokenizer.BuildPair].
// [Tokenizer.Encode] is both, for one text. A caller that cuts a long text into windows tokenizes
// it once and builds each window from a slice of the tokens.
//
// # Offsets
//
// A token covers text[Start:End], in bytes, of the text as it was given, before normalisation.
// Offsets lie within the text and on its character boundaries, and neither Start nor End ever
// falls from one token to the next. Tokens do not overlap, but for two cases: where normalisation
// makes several characters out of one (the jamo of a Hangul syllable, a ligature under NFKC) and
// the vocabulary cuts between them, each of the pieces covers the whole character; and an added
// token that begins with white space may begin in what an added token before it has stripped. A
// mark written as a character of its own and then stripped belongs to no token: of "cafe\u0301" the
// token covers "cafe", and of "café" all of it.
//
// # Text that is not UTF-8
//
// Each byte that is no part of a character is read as U+FFFD and covers itself. BERT drops it.
//
// # What is supported
//
// Models: WordPiece. Normalizers: BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, StripAccents,
// Replace of a string, Sequence. Pre-tokenizers: BertPreTokenizer, Whitespace, WhitespaceSplit,
// Punctuation, Sequence. Post-processors: TemplateProcessing, BertProcessing. Anything else is
// [ErrUnsupported], with its name; nothing is skipped, for a tokenizer that is almost right makes
// a model that is quietly wrong. Two parts are read past: the decoder, since ids are not turned
// back into text here, and padding, since sequences are never padded.
//
// Characters are classed as the Rust library classes them, from tables asked of it, so that its
// ids and ours agree on code points that the Unicode versions of the two languages disagree on.
//
// The algorithm is the greedy longest match of Wu et al., "Google's Neural Machine Translation
// System" (2016), with the normalisation of Devlin et al., "BERT" (2019).
//
// A Tokenizer never changes once it is made and is safe for concurrent use.
package tokenizer
