package chunk

import (
	"unicode"
	"unicode/utf8"
)

// Format is how a text is written.
type Format uint8

// Formats of a text.
const (
	Text     Format = iota // paragraphs parted by empty lines
	Markdown               // CommonMark with pipe tables
	Code                   // source code of any language, cut by blank lines and indentation
)

// Options is how Split cuts. The zero value means the defaults.
type Options struct {
	// MaxTokens is the most tokens of one span; 0 or less means 200.
	MaxTokens int

	// OverlapTokens is the most tokens that a span repeats from the end of the one before, in whole
	// sentences; 0 or less means none. It is cut to half of MaxTokens. A span does not repeat what
	// stands before its heading.
	OverlapTokens int

	// Count returns the number of tokens of a piece of text; nil means [Estimate]. It should be
	// additive: the count of two pieces parted by white space is the sum of theirs.
	Count func(string) int
}

// Span is a byte range [Start, End) of the text.
type Span struct{ Start, End int }

const (
	defaultMaxTokens = 200
	bytesPerToken    = 16 // a piece longer than this for each token allowed is cut without counting
)

// Split cuts text, which should be UTF-8, into spans. A text of white space has none.
func Split(text string, format Format, o Options) []Span {
	s := &splitter{text: text, max: o.MaxTokens, overlap: o.OverlapTokens, count: o.Count}
	if s.max <= 0 {
		s.max = defaultMaxTokens
	}
	s.overlap = min(max(s.overlap, 0), s.max/2)
	if s.count == nil {
		s.count = Estimate
	}
	s.maxBytes = s.max * bytesPerToken
	each := paragraphs
	switch format {
	case Markdown:
		each = markdown
	case Code:
		each = code
	}
	each(text, s.block)
	s.flush(false)
	return s.spans
}

// kind is what a block is, and so how it is cut.
type kind uint8

const (
	paragraph kind = iota // between sentences
	heading               // like a paragraph, and begins a span
	list                  // between items
	lines                 // between lines: tables, code in Markdown
	codeLines             // between groups of lines parted by empty ones, else between lines
)

// unit is a piece that is not cut any further.
type unit struct {
	Span
	tokens int
}

type splitter struct {
	text     string
	max      int // tokens of a span
	maxBytes int // bytes of a piece
	overlap  int
	count    func(string) int
	spans    []Span

	cur     []unit // of the span being filled
	tokens  int    // of cur
	carried int    // first units of cur, repeated from the span before
	bare    bool   // cur is nothing but headings
	ratio   int    // bytes of the last piece of a word that fitted
}

// block takes the next block of the text.
func (s *splitter) block(b Span, k kind) {
	if b = s.trim(b); b.Start == b.End {
		return
	}
	if k == heading && len(s.cur) > 0 && !s.bare {
		s.flush(false)
	}
	if u, ok := s.whole(b); ok {
		if !s.fits(u) && !s.bare {
			s.flush(true)
		}
		if !s.fits(u) && !s.bare {
			s.drop()
		}
		if s.fits(u) {
			s.add(u, k == heading)
			return
		}
	} else if !s.bare {
		s.flush(true)
	}
	// Too long for one span, or for what its heading leaves of one.
	us := s.divide(nil, b, k)
	if s.bare && !s.fits(us[0]) {
		us = append(s.words(nil, us[0].Span), us[1:]...) // a heading keeps at least some words
	}
	total := s.tokens
	for _, u := range us {
		total += u.tokens
	}
	parts := (total + s.max - 1) / s.max
	target := (total + max(parts, 1) - 1) / max(parts, 1)
	for _, u := range us {
		if len(s.cur) > s.carried && (!s.fits(u) || s.tokens+u.tokens/2 > target && !s.bare) {
			s.flush(true)
		}
		if !s.fits(u) {
			s.drop()
		}
		s.add(u, k == heading)
	}
}

// fits reports whether u may join the current span.
func (s *splitter) fits(u unit) bool {
	return len(s.cur) == 0 || s.tokens+u.tokens <= s.max && u.End-s.cur[0].Start <= 2*s.maxBytes
}

func (s *splitter) add(u unit, isHeading bool) {
	s.bare = isHeading && (len(s.cur) == 0 || s.bare)
	s.cur = append(s.cur, u)
	s.tokens += u.tokens
}

// drop forgets the units repeated from the span before, if there is nothing else.
func (s *splitter) drop() {
	if len(s.cur) == s.carried {
		s.cur, s.tokens, s.carried, s.bare = s.cur[:0], 0, 0, false
	}
}

// flush ends the current span. With repeat the next begins with its last sentences.
func (s *splitter) flush(repeat bool) {
	if len(s.cur) == s.carried {
		if !repeat {
			s.drop()
		}
		return
	}
	s.spans = append(s.spans, Span{s.cur[0].Start, s.cur[len(s.cur)-1].End})
	var tail []unit
	if repeat && s.overlap > 0 {
		tail = s.tail()
	}
	s.cur = append(s.cur[:0], tail...)
	s.tokens, s.carried, s.bare = 0, len(tail), false
	for _, u := range tail {
		s.tokens += u.tokens
	}
}

// tail is the last units or sentences of the current span that fit into the overlap, but never all of it.
func (s *splitter) tail() []unit {
	room := s.overlap
	i := len(s.cur)
	for i > 1 && s.cur[i-1].tokens <= room {
		i--
		room -= s.cur[i].tokens
	}
	tail := append([]unit(nil), s.cur[i:]...)
	if last := s.cur[i-1]; last.tokens > room && last.End-last.Start <= s.maxBytes {
		var us []unit
		sentences(s.text, last.Span, func(p Span) {
			if p = s.trim(p); p.Start < p.End {
				us = append(us, unit{p, s.count(s.text[p.Start:p.End])})
			}
		})
		j := len(us)
		for j > 1 && us[j-1].tokens <= room {
			j--
			room -= us[j].tokens
		}
		tail = append(append([]unit(nil), us[j:]...), tail...)
	}
	return tail
}

// whole returns a piece as one unit, if it is short enough.
func (s *splitter) whole(p Span) (unit, bool) {
	if p.End-p.Start > s.maxBytes {
		return unit{}, false
	}
	u := unit{p, s.count(s.text[p.Start:p.End])}
	return u, u.tokens <= s.max
}

// divide appends the units of a block.
func (s *splitter) divide(us []unit, b Span, k kind) []unit {
	part := func(finer func([]unit, Span) []unit) func(Span) {
		return func(p Span) {
			if p = s.trim(p); p.Start == p.End {
				return
			}
			if u, ok := s.whole(p); ok {
				us = append(us, u)
			} else {
				us = finer(us, p)
			}
		}
	}
	switch k {
	case list:
		items(s.text, b, part(func(us []unit, p Span) []unit { return s.divide(us, p, paragraph) }))
	case lines:
		eachLine(s.text, b, part(s.words))
	case codeLines:
		groups(s.text, b, part(func(us []unit, p Span) []unit { return s.divide(us, p, lines) }))
	default:
		sentences(s.text, b, part(s.words))
	}
	return us
}

// words appends the words of a piece, cutting those that are too long.
func (s *splitter) words(us []unit, p Span) []unit {
	for pos := p.Start; pos < p.End; {
		start := skipSpace(s.text, pos, p.End)
		end := skipWord(s.text, start, p.End)
		if start < end {
			if u, ok := s.whole(Span{start, end}); ok {
				us = append(us, u)
			} else {
				us = s.pieces(us, Span{start, end})
			}
		}
		pos = end
	}
	return us
}

// pieces appends pieces of a word that fit, cut between characters.
func (s *splitter) pieces(us []unit, w Span) []unit {
	for w.Start < w.End {
		n := s.maxBytes
		if s.ratio > 0 {
			n = min(n, s.ratio+s.ratio/8+1)
		}
		for {
			end := s.boundary(w.Start, min(w.Start+n, w.End), w.End)
			u := unit{Span{w.Start, end}, s.count(s.text[w.Start:end])}
			if size := end - w.Start; u.tokens > s.max && utf8.RuneCountInString(s.text[w.Start:min(end, w.Start+2*utf8.UTFMax)]) > 1 {
				n = max(min(size*9/10*s.max/u.tokens, size*3/4), 1)
				continue
			}
			if end < w.End {
				s.ratio = max(end-w.Start, 1)
			}
			us = append(us, u)
			w.Start = end
			break
		}
	}
	return us
}

// boundary moves an end back to the start of a character, and before combining marks and joiners if
// there are not too many of them.
func (s *splitter) boundary(start, end, limit int) int {
	if end == limit {
		return end
	}
	for end > start && !utf8.RuneStart(s.text[end]) {
		end--
	}
	if end == start {
		_, size := utf8.DecodeRuneInString(s.text[start:limit])
		return start + size
	}
	for at, tries := end, 0; at > start && tries < 8; tries++ {
		r, _ := utf8.DecodeRuneInString(s.text[at:limit])
		prev, size := utf8.DecodeLastRuneInString(s.text[start:at])
		if !unicode.IsMark(r) && r != zeroWidthJoiner && prev != zeroWidthJoiner {
			return at
		}
		at -= size
	}
	return end
}

const zeroWidthJoiner = '\u200d'

// trim cuts white space off both ends.
func (s *splitter) trim(p Span) Span {
	p.Start = skipSpace(s.text, p.Start, p.End)
	for p.Start < p.End {
		r, size := utf8.DecodeLastRuneInString(s.text[p.Start:p.End])
		if !unicode.IsSpace(r) {
			break
		}
		p.End -= size
	}
	return p
}

// skipSpace is the offset of the first character in [pos, end) that is not white space, or end.
func skipSpace(text string, pos, end int) int {
	for pos < end {
		c := text[pos]
		if c < utf8.RuneSelf {
			if c != ' ' && (c < '\t' || c > '\r') {
				return pos
			}
			pos++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[pos:end])
		if !unicode.IsSpace(r) {
			return pos
		}
		pos += size
	}
	return end
}

// skipWord is the offset of the first white space in [pos, end), or end.
func skipWord(text string, pos, end int) int {
	for pos < end {
		c := text[pos]
		if c < utf8.RuneSelf {
			if c == ' ' || c >= '\t' && c <= '\r' {
				return pos
			}
			pos++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[pos:end])
		if unicode.IsSpace(r) {
			return pos
		}
		pos += size
	}
	return end
}

// Estimate is about the number of tokens that a WordPiece vocabulary of 30,000 English pieces makes of a
// text: one for each word of up to seven letters or digits and one for every five more, one for each
// punctuation mark, one for each character of scripts written without spaces, and one for every two
// characters of other scripts.
func Estimate(text string) int {
	n, ascii, other := 0, 0, 0
	end := func() {
		if ascii > 0 {
			n += 1 + max(ascii-3, 0)/5
		}
		n += (other + 1) / 2
		ascii, other = 0, 0
	}
	for _, r := range text {
		switch {
		case r < utf8.RuneSelf && (r|0x20 >= 'a' && r|0x20 <= 'z' || r >= '0' && r <= '9'):
			ascii++
		case r == ' ' || unicode.IsSpace(r):
			end()
		case r < utf8.RuneSelf || r >= 0x2E80 || !unicode.IsLetter(r) && !unicode.IsMark(r):
			end()
			n++
		default:
			other++
		}
	}
	end()
	return n
}
