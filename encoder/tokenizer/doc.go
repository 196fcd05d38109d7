// Package tokenizer turns text into the token ids of a BERT-like model, and knows for every token
// which bytes of the text it came from.
//
// A [Tokenizer] is read from the tokenizer.json of Hugging Face tokenizers ([FromJSON]), or from the
// files that came before it: BERT's vocab.txt ([FromVocab]), a SentencePiece model
// ([FromSentencePiece]), or RoBERTa's vocab.json and merges.txt ([FromMerges]). Its stages are those of
// that library, and so are its ids:
//
//	added tokens    "[MASK]" and the like are found in the text and taken out
//	normalizer      control characters go, accents go, upper case becomes lower case
//	pre-tokenizer   the text is split into words and punctuation marks
//	model           a word is cut into pieces that the vocabulary has, by one of
//	                WordPiece: the longest first
//	                Unigram: those whose scores add up to the most
//	                BPE: characters or bytes, joined in the order that was learned
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
// falls from one token to the next. Tokens do not overlap, but for these cases: where several tokens
// are parts of one character (the jamo of a Hangul syllable, a ligature under NFKC, the bytes of a
// character in byte-level BPE), each covers the whole character, and with byte fallback of Unigram
// each byte of a run of unknown characters the whole run; a mark put before a word where the text has
// no space (▁ of Metaspace, Ġ of ByteLevel) shares the character after it; and an added token that
// begins with white space may begin in what an added token before it has stripped. A mark written as
// a character of its own and then stripped belongs to no token: of "cafe\u0301" the token covers
// "cafe", and of "café" all of it.
//
// Under Metaspace and ByteLevel a token that begins a word covers the space before it too. Where the
// post-processor has trim_offsets, as RoBERTa's does, offsets leave white space out, and a token of
// white space alone covers nothing: Start is End then. Where its space is none of the text, that place
// is one end or the other of the character after it, and so may come after the Start of the next token.
//
// # Text that is not UTF-8
//
// Each byte that is no part of a character is read as U+FFFD and covers itself. BERT drops it.
//
// # What is supported
//
// Models: WordPiece, Unigram, BPE (not with dropout). Normalizers: BertNormalizer, ByteLevel, Lowercase,
// NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Replace, Sequence, Strip, StripAccents.
// Pre-tokenizers: BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, Metaspace, Punctuation,
// Sequence, Split, Whitespace, WhitespaceSplit. Post-processors: BertProcessing, ByteLevel,
// RobertaProcessing, Sequence, TemplateProcessing. Of regular expressions, in Replace and Split, those
// of GPT-2, GPT-4, Llama 3 and Qwen 2, and any made of literals, lists, groups, alternatives,
// quantifiers, \s, \p{L} and \p{N}. Anything else is [ErrUnsupported], with its name; nothing is
// skipped, for a tokenizer that is almost right makes a model that is quietly wrong. Two parts are read
// past: the decoder, since ids are not turned back into text here, and padding, but for its token
// ([Tokenizer.Pad]), since sequences are never padded.
//
// Characters are classed as the Rust library classes them, from tables asked of it, so that its
// ids and ours agree on code points that the Unicode versions of the two languages disagree on.
//
// WordPiece is the greedy longest match of Wu et al., "Google's Neural Machine Translation System"
// (2016), with the normalisation of Devlin et al., "BERT" (2019); Unigram is that of Kudo, "Subword
// Regularization" (2018), and BPE that of Sennrich et al., "Neural Machine Translation of Rare Words
// with Subword Units" (2016), on bytes as in Radford et al., "Language Models are Unsupervised
// Multitask Learners" (2019).
//
// A Tokenizer never changes once it is made and is safe for concurrent use.
package tokenizer
