// Package chunk cuts a text into spans that are short enough to be encoded as one vector each and whole
// enough to be read on their own.
//
// A Span is a byte range of the text. [Split] keeps together what the author kept together, as far as
// it fits into [Options].MaxTokens:
//
//   - In text and Markdown paragraphs, parted by empty lines, stay whole; neighbors that fit share a span.
//   - In Markdown a heading begins a new span and stays with the text that follows it; lists, tables and
//     fenced code stay whole.
//   - In source code what begins at the left margin stays whole, up to the next that does: a declaration
//     with its comment. It is recognised by empty lines and indentation, whatever the language.
//   - What is too long is cut between sentences (text), items (lists), groups of lines (code) or lines
//     (tables), into parts of about the same size. A sentence or line that is too long is cut between
//     words; a word that is too long, as in a file without spaces, between characters.
//
// [Headings] finds the headings of a text and [Path] the ones that a passage stands under.
//
// # Guarantees
//
// Spans ascend: each starts and ends after the one before. They lie on character boundaries, begin and
// end with something other than white space, and together cover every byte that is not white space.
// Without overlap they are disjoint. No span has more tokens than MaxTokens, tokens being counted piece
// by piece and added up, unless a single character has; and none is longer than 32 bytes for each token
// allowed. Time and memory grow with the length of the text, whatever it holds: Count is called on
// pieces of at most 16 bytes for each token allowed, and on each byte a bounded number of times.
//
// # Caveats
//
// Sentences are found by their punctuation and a short list of English abbreviations; a wrong guess
// moves a cut, no more. Markdown is read line by line, which is not a full parse of CommonMark.
package chunk
