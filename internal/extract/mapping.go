package extract

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"
)

// Map leads from a document's text back to the file it was read from. A document whose text is the file,
// byte for byte, has none.
//
// It is a list of segments, each a piece of the text that stands in the file as it is. What lies between
// them was made by the extraction (a line break, a mark of a heading, an entity decoded) and belongs to the
// place where the segment before it ends.
type Map struct {
	// Encoding is that of the file, by its name in the WHATWG Encoding Standard or utf-32le and utf-32be;
	// "" is UTF-8. It says how many bytes a character takes in the file.
	Encoding string
	Segments []Segment // ascending by Text
}

// Segment is a piece of the text that was copied.
type Segment struct {
	Text int // first byte in the document's text
	Len  int // bytes of the text copied as they are; 0 for a place that stands for text made from it
	File int // byte of the file where it begins
	Line int // line of that byte, from 1; 0 when the format has no lines
	Col  int // column in characters, from 1; 0 when the format has no lines
	Page int // page, from 1; 0 when the format has no pages
}

// Place is where in a file a piece of text stands.
type Place struct {
	Offset int // byte in the file; -1 when it is not known
	Line   int // from 1; 0 when the format has no lines
	Col    int // in characters, from 1; 0 when the format has no lines
	Page   int // from 1; 0 when the format has no pages
}

// Locate returns the place of the byte at offset of text, which must be the text that the map was made for.
// An offset inside of text that was made by the extraction gets the place of what it was made from, or of
// what stands before it. ok is false if the map says nothing.
func (m *Map) Locate(text string, offset int) (p Place, ok bool) {
	if m == nil || len(m.Segments) == 0 || offset < 0 {
		return Place{}, false
	}
	i := sort.Search(len(m.Segments), func(i int) bool { return m.Segments[i].Text > offset }) - 1
	s := m.Segments[max(i, 0)]
	p = Place{Offset: s.File, Line: s.Line, Col: s.Col, Page: s.Page}
	n := min(offset-s.Text, s.Len)
	if i < 0 || n <= 0 || s.Text+n > len(text) {
		return p, true
	}
	piece := text[s.Text : s.Text+n]
	if w := width(piece, m.Encoding); w >= 0 {
		p.Offset += w
	} else {
		p.Offset = -1
	}
	if p.Line > 0 {
		p.Line, p.Col = advance(piece, p.Line, p.Col)
	}
	return p, true
}

// Range returns the places of the first byte of text[start:end] that stands in the file, and of its end. What
// was made by the extraction at the start of it, such as the mark of a heading, is passed over.
func (m *Map) Range(text string, start, end int) (from, to Place, ok bool) {
	if m != nil && start >= 0 && start < end {
		i := sort.Search(len(m.Segments), func(i int) bool { return m.Segments[i].Text > start })
		if i < len(m.Segments) && m.Segments[i].Text < end {
			if i == 0 || m.Segments[i-1].Len > 0 && start >= m.Segments[i-1].Text+m.Segments[i-1].Len {
				start = m.Segments[i].Text
			}
		}
	}
	if from, ok = m.Locate(text, start); !ok {
		return from, to, false
	}
	to, _ = m.Locate(text, max(end, start))
	return from, to, true
}

// advance is the line and column after s.
func advance(s string, line, col int) (int, int) {
	if n := strings.Count(s, "\n"); n > 0 {
		line += n
		col = 1
		s = s[strings.LastIndexByte(s, '\n')+1:]
	}
	return line, col + utf8.RuneCountInString(s)
}

// maxMapBytes is the size of the longest map that is kept with a document. One that is longer loses every
// second segment until it fits: its places are then those of the nearest segment before.
const maxMapBytes = 256 << 10

// mapVersion is the first byte of a map's text.
//
// 1: first release
const mapVersion = "1"

var errMap = errors.New("damaged map")

// String encodes the map for [MetaMap]: the version, a space, and the fields of docs/format.md in base64.
func (m *Map) String() string {
	segments := m.Segments
	for {
		s := mapVersion + " " + base64.RawStdEncoding.EncodeToString(encodeMap(m.Encoding, segments))
		if len(s) <= maxMapBytes || len(segments) < 2 {
			return s
		}
		var half []Segment
		for i := 0; i < len(segments); i += 2 {
			half = append(half, segments[i])
		}
		segments = half
	}
}

func encodeMap(enc string, segments []Segment) []byte {
	b := binary.AppendUvarint(nil, uint64(len(enc)))
	b = append(b, enc...)
	b = binary.AppendUvarint(b, uint64(len(segments)))
	var last Segment
	for _, s := range segments {
		b = binary.AppendUvarint(b, uint64(s.Text-last.Text))
		b = binary.AppendUvarint(b, uint64(s.Len))
		b = binary.AppendVarint(b, int64(s.File-last.File))
		b = binary.AppendVarint(b, int64(s.Line-last.Line))
		b = binary.AppendUvarint(b, uint64(s.Col))
		b = binary.AppendVarint(b, int64(s.Page-last.Page))
		last = s
	}
	return b
}

// ParseMap reads what [Map.String] has written.
func ParseMap(text string) (*Map, error) {
	version, rest, ok := strings.Cut(text, " ")
	if !ok || version != mapVersion {
		return nil, fmt.Errorf("%w: version %.20q", errMap, version)
	}
	b, err := base64.RawStdEncoding.DecodeString(rest)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMap, err)
	}
	bad := false
	uvarint := func() int {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > 1<<40 {
			bad = true
			return 0
		}
		b = b[n:]
		return int(v)
	}
	varint := func() int {
		v, n := binary.Varint(b)
		if n <= 0 || v > 1<<40 || v < -1<<40 {
			bad = true
			return 0
		}
		b = b[n:]
		return int(v)
	}
	n := uvarint()
	if bad || n > len(b) {
		return nil, fmt.Errorf("%w: too short", errMap)
	}
	m := &Map{Encoding: string(b[:n])}
	b = b[n:]
	count := uvarint()
	if bad || count > len(b)/6 {
		return nil, fmt.Errorf("%w: %d segments in %d bytes", errMap, count, len(b))
	}
	var s Segment
	for range count {
		end := s.Text + s.Len
		s = Segment{Text: s.Text + uvarint(), Len: uvarint(), File: s.File + varint(), Line: s.Line + varint(), Col: uvarint(), Page: s.Page + varint()}
		if bad || s.Text < end || s.File < 0 || s.Line < 0 || s.Page < 0 {
			return nil, fmt.Errorf("%w: segment %d", errMap, len(m.Segments))
		}
		m.Segments = append(m.Segments, s)
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%w: %d bytes too many", errMap, len(b))
	}
	return m, nil
}

// builder puts the text of a document together and keeps where its pieces come from.
type builder struct {
	src      source
	text     []byte
	segments []Segment

	at        int // of src.text: where the walk over it has come to
	file      int
	line, col int
	copied    int // end in src.text of the last piece, if the text still ends with it
	extend    bool
}

func newBuilder(src source) *builder {
	return &builder{src: src, file: src.skip, line: 1, col: 1}
}

// seek brings the walk to an offset of the source. Offsets should ascend.
func (b *builder) seek(to int) {
	if to < b.at {
		b.at, b.file, b.line, b.col = 0, b.src.skip, 1, 1
	}
	piece := b.src.text[b.at:to]
	if w := width(piece, b.src.encoding); w >= 0 {
		b.file += w
	}
	b.line, b.col = advance(piece, b.line, b.col)
	b.at = to
}

// copy appends src.text[start:end].
func (b *builder) copy(start, end int) {
	if start >= end {
		return
	}
	if b.extend && b.copied == start {
		b.segments[len(b.segments)-1].Len += end - start
	} else {
		b.seek(start)
		b.segments = append(b.segments, Segment{Text: len(b.text), Len: end - start, File: b.file, Line: b.line, Col: b.col})
	}
	b.text = append(b.text, b.src.text[start:end]...)
	b.copied, b.extend = end, true
}

// put appends text that was made from what stands at an offset of the source.
func (b *builder) put(s string, at int) {
	if s == "" {
		return
	}
	b.seek(at)
	b.segments = append(b.segments, Segment{Text: len(b.text), File: b.file, Line: b.line, Col: b.col})
	b.glue(s)
}

// glue appends text that stands for nothing in the source.
func (b *builder) glue(s string) {
	if s != "" {
		b.text = append(b.text, s...)
		b.extend = false
	}
}

// page says that what follows is on a page.
func (b *builder) page(n int) {
	b.segments = append(b.segments, Segment{Text: len(b.text), Page: n})
	b.extend = false
}

// build returns the text and the map, which is nil if it would say nothing or that the text is the file.
func (b *builder) build() (string, *Map) {
	text := string(b.text)
	if len(b.segments) == 0 {
		return text, nil
	}
	if s := b.segments[0]; len(b.segments) == 1 && s == (Segment{Len: len(text), Line: 1, Col: 1}) && b.src.encoding == "" && len(text) == len(b.src.text) {
		return text, nil
	}
	return text, &Map{Encoding: b.src.encoding, Segments: b.segments}
}
