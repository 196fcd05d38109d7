package extract

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
)

// byteOrderMark is U+FEFF in UTF-8.
const byteOrderMark = "\ufeff"

// source is a text to be extracted from, decoded to UTF-8, and what leads from there back to the bytes.
type source struct {
	text     string
	encoding string // of the bytes, as codec.name; "" is UTF-8
	skip     int    // bytes before the text: the byte order mark of an encoding other than UTF-8
}

// codec is an encoding whose characters have widths that follow from the characters.
type codec struct {
	name  string
	words string // for messages
	mark  int    // bytes of the byte order mark found
	width func(r rune) int
}

func widthUTF16(r rune) int {
	if r >= 0x10000 {
		return 4
	}
	return 2
}

func widthFixed(n int) func(rune) int { return func(rune) int { return n } }

// textEncoding is the encoding that a byte order mark says, nil for UTF-8 and for none.
func textEncoding(data []byte) *codec {
	for _, b := range []struct {
		mark string
		codec
	}{
		{"\xff\xfe\x00\x00", codec{"utf-32le", "UTF-32 (little endian)", 4, widthFixed(4)}}, // before UTF-16, whose mark it begins with
		{"\x00\x00\xfe\xff", codec{"utf-32be", "UTF-32 (big endian)", 4, widthFixed(4)}},
		{"\xff\xfe", codec{"utf-16le", "UTF-16 (little endian)", 2, widthUTF16}},
		{"\xfe\xff", codec{"utf-16be", "UTF-16 (big endian)", 2, widthUTF16}},
	} {
		if bytes.HasPrefix(data, []byte(b.mark)) {
			c := b.codec
			return &c
		}
	}
	return nil
}

// minUnmarked is how many bytes of UTF-16 without a mark are believed.
const minUnmarked = 8

// utf16WithoutMark is UTF-16 when data can hardly be anything else: an even number of bytes, NUL in the high
// or in the low byte of at least every twentieth character (blanks and digits have it in every script) and
// never in the other, and nothing that decodes to a control character, a surrogate alone or an unassigned
// one. data may be the beginning of a file.
func utf16WithoutMark(data []byte) *codec {
	n := min(len(data), headBytes) &^ 1
	if n < minUnmarked || len(data) < headBytes && len(data)%2 != 0 {
		return nil
	}
	var zeros [2]int
	for i := range n {
		if data[i] == 0 {
			zeros[i&1]++
		}
	}
	var c codec
	var order binary.ByteOrder
	switch {
	case zeros[1] >= max(n/2/20, 1) && zeros[0] == 0:
		c, order = codec{"utf-16le", "UTF-16 (little endian)", 0, widthUTF16}, binary.LittleEndian
	case zeros[0] >= max(n/2/20, 1) && zeros[1] == 0:
		c, order = codec{"utf-16be", "UTF-16 (big endian)", 0, widthUTF16}, binary.BigEndian
	default:
		return nil
	}
	for i := 0; i < n; i += 2 {
		r := rune(order.Uint16(data[i:]))
		if utf16.IsSurrogate(r) {
			if i+4 > n {
				break
			}
			if r = utf16.DecodeRune(r, rune(order.Uint16(data[i+2:]))); r == unicode.ReplacementChar {
				return nil
			}
			i += 2
		}
		if !unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r) {
			return nil
		}
	}
	return &c
}

// decode makes UTF-8 of data. The encoding is that of a byte order mark, else UTF-8, else UTF-16 if it
// cannot be anything else, else declared (a name the document gives itself), else fallback (a name the user
// gave). Nothing is guessed beyond that, and nothing is replaced: bytes that are not in the encoding are an
// error.
func decode(data []byte, declared, fallback string) (source, error) {
	if c := textEncoding(data); c != nil {
		return decodeUnicode(data, c)
	}
	if strings.HasPrefix(strings.ToLower(declared), "utf-16") {
		return decodeNamed(data, declared)
	}
	invalid := invalidAt(data)
	hasNUL := bytes.IndexByte(data, 0)
	if invalid < 0 && hasNUL < 0 {
		return source{text: string(data)}, nil
	}
	if c := utf16WithoutMark(data); c != nil {
		return decodeUnicode(data, c)
	}
	if name := binaryName(data); name != "" {
		return source{}, fmt.Errorf("%w: %s", ErrBinary, name)
	}
	if hasNUL >= 0 {
		return source{}, fmt.Errorf("%w: NUL at byte %d", ErrBinary, hasNUL)
	}
	for _, name := range []string{declared, fallback} {
		if name == "" || isUTF8Name(name) {
			continue
		}
		src, err := decodeNamed(data, name)
		if err == nil || name == fallback {
			return src, err
		}
	}
	return source{}, fmt.Errorf("%w: byte %d, line %d", ErrInvalidUTF8, invalid, 1+bytes.Count(data[:invalid], []byte("\n")))
}

func isUTF8Name(name string) bool {
	n := strings.ToLower(name)
	return n == "utf-8" || n == "utf8"
}

// invalidAt is the first byte that is not UTF-8, -1 if all are.
func invalidAt(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for i := 0; ; {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
}

// decodeUnicode decodes UTF-16 and UTF-32.
func decodeUnicode(data []byte, c *codec) (source, error) {
	bad := func(at int) (source, error) {
		return source{}, fmt.Errorf("%w: %s, byte %d is no character", ErrEncoding, c.words, at)
	}
	var order binary.ByteOrder = binary.LittleEndian
	if strings.HasSuffix(c.name, "be") {
		order = binary.BigEndian
	}
	var b strings.Builder
	b.Grow(len(data) / 2)
	step := 2
	if strings.HasPrefix(c.name, "utf-32") {
		step = 4
	}
	for i := c.mark; i < len(data); i += step {
		if i+step > len(data) {
			return bad(i)
		}
		var r rune
		if step == 4 {
			u := order.Uint32(data[i:])
			if u > unicode.MaxRune || !utf8.ValidRune(rune(u)) {
				return bad(i)
			}
			r = rune(u)
		} else if r = rune(order.Uint16(data[i:])); utf16.IsSurrogate(r) {
			if i+4 > len(data) {
				return bad(i)
			}
			if r = utf16.DecodeRune(r, rune(order.Uint16(data[i+2:]))); r == unicode.ReplacementChar {
				return bad(i)
			}
			i += 2
		}
		if r == 0 {
			return source{}, fmt.Errorf("%w: NUL at byte %d", ErrBinary, i)
		}
		b.WriteRune(r)
	}
	return source{text: b.String(), encoding: c.name, skip: c.mark}, nil
}

// decodeNamed decodes the encodings of the WHATWG Encoding Standard by their labels.
func decodeNamed(data []byte, name string) (source, error) {
	enc, canonical := charset.Lookup(name)
	if enc == nil || enc == encoding.Replacement {
		return source{}, fmt.Errorf("%w: %s", ErrEncoding, strings.ToValidUTF8(name, "\ufffd"))
	}
	out, err := enc.NewDecoder().Bytes(data)
	if err != nil {
		return source{}, fmt.Errorf("%w: %s: %w", ErrEncoding, canonical, err)
	}
	text := string(out)
	if i := strings.IndexRune(text, unicode.ReplacementChar); i >= 0 {
		return source{}, fmt.Errorf("%w: %s, character %d is not in it", ErrEncoding, canonical, utf8.RuneCountInString(text[:i])+1)
	}
	if strings.IndexByte(text, 0) >= 0 {
		return source{}, fmt.Errorf("%w: NUL in it", ErrBinary)
	}
	if canonical == "utf-8" {
		canonical = ""
	}
	return source{text: text, encoding: canonical}, nil
}

// width is the number of bytes that s takes in an encoding, -1 when that is not known.
func width(s, encodingName string) int {
	switch encodingName {
	case "":
		return len(s)
	case "utf-16le", "utf-16be":
		n := 0
		for _, r := range s {
			n += widthUTF16(r)
		}
		return n
	case "utf-32le", "utf-32be":
		return 4 * utf8.RuneCountInString(s)
	}
	enc, _ := charset.Lookup(encodingName)
	if enc == nil {
		return -1
	}
	out, err := enc.NewEncoder().String(s)
	if err != nil {
		return -1
	}
	return len(out)
}

// CheckEncoding reports whether name is a known encoding, as [Options].Encoding wants it.
func CheckEncoding(name string) error {
	if enc, _ := charset.Lookup(name); enc == nil || enc == encoding.Replacement {
		return fmt.Errorf("%w: %s", ErrEncoding, name)
	}
	return nil
}

// blank reports whether a text has no character that can be seen.
func blank(text string) bool {
	for i, r := range text {
		if !unicode.IsSpace(r) && (r != '\ufeff' || i != 0) {
			return false
		}
	}
	return true
}
