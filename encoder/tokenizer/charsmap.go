package tokenizer

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
)

// charsmap is Precompiled, the normalization of SentencePiece: a list of character sequences and
// what each becomes. It is stored as a length, a trie of that many bytes and the replacements, each
// ending in a zero byte. The trie is a double array in the layout of Darts-clone (after Aoe, "An
// Efficient Digital Search Algorithm by Using a Double-Array Structure", 1989), its units 32 bits,
// little-endian:
//
//	bits 0-7    label: the byte that leads to the unit
//	bit  8      has a leaf: at the unit's offset lies a value
//	bit  9      the offset is shifted 8 bits to the left
//	bits 10-30  offset: the unit's number XOR it is where its children are
//	bit  31     the unit is a value, in bits 0-30
type charsmap struct {
	units []uint32
	text  []byte
}

func unitLabel(u uint32) uint32  { return u & (1<<31 | 0xff) }
func unitOffset(u uint32) uint32 { return u >> 10 << (u >> 6 & 8) }
func unitHasLeaf(u uint32) bool  { return u>>8&1 == 1 }
func unitValue(u uint32) uint32  { return u & (1<<31 - 1) }

// newCharsmap reads and checks a charsmap: every value that can be reached is where a replacement
// begins.
func newCharsmap(data []byte) (*charsmap, error) {
	if len(data) < 4 {
		return nil, malformed("charsmap of %d bytes", len(data))
	}
	size := binary.LittleEndian.Uint32(data)
	if size == 0 || size%4 != 0 || uint64(size) > uint64(len(data)-4) {
		return nil, malformed("charsmap: trie of %d bytes in %d", size, len(data))
	}
	m := &charsmap{units: make([]uint32, size/4), text: data[4+size:]}
	for i := range m.units {
		m.units[i] = binary.LittleEndian.Uint32(data[4+4*i:])
	}
	if !utf8.Valid(m.text) {
		return nil, malformed("charsmap: replacements that are not UTF-8")
	}
	if len(m.text) > 0 && m.text[len(m.text)-1] != 0 {
		return nil, malformed("charsmap: a replacement without an end")
	}
	seen := make([]bool, len(m.units))
	stack := []uint32{0}
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		unit := m.units[at]
		base := at ^ unitOffset(unit)
		if unitHasLeaf(unit) {
			if base >= uint32(len(m.units)) {
				return nil, malformed("charsmap: unit %d has no leaf", at)
			}
			v := unitValue(m.units[base])
			if v >= uint32(len(m.text)) || !utf8.RuneStart(m.text[v]) {
				return nil, malformed("charsmap: no replacement at %d", v)
			}
		}
		for c := uint32(1); c < 256; c++ {
			child := base ^ c
			if child >= uint32(len(m.units)) || unitLabel(m.units[child]) != c {
				continue
			}
			if !seen[child] { // sequences may share what they end with
				seen[child] = true
				stack = append(stack, child)
			}
		}
	}
	return m, nil
}

// find returns what the shortest sequence that s begins with becomes. SentencePiece takes the
// longest; the library takes the shortest, and gives it less to choose from: see normalize.
func (m *charsmap) find(s []byte) (with []byte, ok bool) {
	at := unitOffset(m.units[0])
	for _, c := range s {
		if c == 0 {
			break
		}
		at ^= uint32(c)
		if at >= uint32(len(m.units)) {
			break
		}
		unit := m.units[at]
		if unitLabel(unit) != uint32(c) {
			break
		}
		at ^= unitOffset(unit)
		if unitHasLeaf(unit) {
			v := m.text[unitValue(m.units[at]):]
			return v[:bytes.IndexByte(v, 0)], true
		}
	}
	return nil, false
}

func (m *charsmap) normalize(s *state) {
	if skip, ok := m.edit(s); ok {
		s.commit(skip)
	}
}

// edit writes the edits to s: a grapheme of less than six bytes is replaced as a whole, if a sequence
// begins it, and other ones character by character. It returns how many characters go from the
// beginning, and whether there is anything to do. (The library forgets the former, so that its
// offsets after them are too small.)
func (m *charsmap) edit(s *state) (skip int, ok bool) {
	s.text = s.text[:0]
	for _, c := range s.chars {
		s.text = utf8.AppendRune(s.text, c.r)
	}
	if m.plain(s.text) {
		return 0, false
	}
	replace := func(old int, with []byte) {
		n := 0
		for len(with) > 0 {
			r, size := utf8.DecodeRune(with)
			s.edits = append(s.edits, edit{r, 0})
			with = with[size:]
			n++
		}
		if len(s.edits) == 0 {
			skip += old
			return
		}
		for i := range max(n-old, 0) {
			s.edits[len(s.edits)-1-i].change = 1
		}
		if n < old {
			s.edits[len(s.edits)-1].change -= old - n
		}
	}
	// one does a character for itself.
	one := func(char []byte) {
		if with, ok := m.find(char); ok {
			replace(1, with)
		} else {
			r, _ := utf8.DecodeRune(char)
			s.edits = append(s.edits, edit{r, 0})
		}
	}
	graph := graphemes.FromBytes(nil)
	for i := 0; i < len(s.text); {
		if c := s.text[i]; c < utf8.RuneSelf && c != '\r' && (i+1 == len(s.text) || s.text[i+1] < utf8.RuneSelf) {
			one(s.text[i : i+1])
			i++
			continue
		}
		graph.SetText(s.text[i:])
		graph.Next()
		g := graph.Value()
		i += len(g)
		if len(g) < 6 {
			if with, ok := m.find(g); ok {
				replace(utf8.RuneCount(g), with)
				continue
			}
		}
		for len(g) > 0 {
			_, n := utf8.DecodeRune(g)
			one(g[:n])
			g = g[n:]
		}
	}
	return skip, true
}

// plain reports whether nothing in text is replaced: it is ASCII, and no sequence begins with one of
// its characters.
func (m *charsmap) plain(text []byte) bool {
	for i, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
		if _, ok := m.find(text[i : i+1]); ok {
			return false
		}
	}
	return true
}
