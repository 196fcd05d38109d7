package extract

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/ledongthuc/pdf"
)

// pdfGlyph is a character drawn on a page: where its baseline begins, how wide it is and how large its font,
// in points.
type pdfGlyph struct {
	x, y, w, size float64
	text          string
}

// Limits of a page.
const (
	maxGlyphs    = 2_000_000
	maxFormDepth = 8
	maxCMap      = 1 << 17 // entries
)

// matrix is the transformation [x y 1] -> [x y 1]*m of ISO 32000-1, 8.3.3: a b c d e f.
type matrix [6]float64

var identity = matrix{1, 0, 0, 1, 0, 0}

// mul is m followed by n.
func (m matrix) mul(n matrix) matrix {
	return matrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

// pdfState is the graphics and text state (ISO 32000-1, 8.4 and 9.3).
type pdfState struct {
	ctm                                             matrix
	font                                            *pdfFont
	size, charSpace, wordSpace, scale, leading, ris float64
}

// pdfDrawing follows the drawing of a page.
type pdfDrawing struct {
	ctx       context.Context
	fonts     *pdfFonts
	glyphs    []pdfGlyph
	state     pdfState
	stack     []pdfState
	line, pos matrix // text line matrix and text matrix
	ops       int
}

var errManyGlyphs = errors.New("too many characters on a page")

// pdfGlyphs returns the characters of a page in the order in which they are drawn. With an error it returns
// those before it.
func pdfGlyphs(ctx context.Context, p pdf.Page, fonts *pdfFonts) (glyphs []pdfGlyph, err error) {
	d := &pdfDrawing{ctx: ctx, fonts: fonts, state: pdfState{ctm: identity, scale: 1}, line: identity, pos: identity}
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(error); ok {
				err = e
			} else {
				err = fmt.Errorf("%.200v", r)
			}
		}
		glyphs = d.glyphs
	}()
	d.content(p.V.Key("Contents"), inherited(p.V, "Resources"), 0)
	return d.glyphs, nil
}

// inherited is the value of a page or of the nodes of the page tree above it.
func inherited(v pdf.Value, key string) pdf.Value {
	for range 64 {
		if x := v.Key(key); !x.IsNull() {
			return x
		}
		if v = v.Key("Parent"); v.IsNull() {
			break
		}
	}
	return pdf.Value{}
}

// content follows a content stream.
func (d *pdfDrawing) content(stream, resources pdf.Value, depth int) {
	pdf.Interpret(stream, func(stk *pdf.Stack, op string) {
		args := make([]pdf.Value, stk.Len())
		for i := len(args) - 1; i >= 0; i-- {
			args[i] = stk.Pop()
		}
		if d.ops++; d.ops%4096 == 0 {
			if err := stopped(d.ctx); err != nil {
				panic(err)
			}
		}
		d.operator(op, args, resources, depth)
	})
}

// number is operand i, 0 if there is none.
func number(args []pdf.Value, i int) float64 {
	if i >= len(args) {
		return 0
	}
	switch v := args[i]; v.Kind() {
	case pdf.Integer, pdf.Real:
		if f := v.Float64(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
	}
	return 0
}

func matrixOf(args []pdf.Value) matrix {
	var m matrix
	for i := range m {
		m[i] = number(args, i)
	}
	return m
}

// operator does what an operator says; those that draw no text are passed over.
func (d *pdfDrawing) operator(op string, args []pdf.Value, resources pdf.Value, depth int) {
	s := &d.state
	switch op {
	case "q":
		if len(d.stack) < 1000 {
			d.stack = append(d.stack, *s)
		}
	case "Q":
		if n := len(d.stack); n > 0 {
			*s, d.stack = d.stack[n-1], d.stack[:n-1]
		}
	case "cm":
		s.ctm = matrixOf(args).mul(s.ctm)
	case "BT":
		d.line, d.pos = identity, identity
	case "Tf":
		if len(args) == 2 {
			s.font, s.size = d.fonts.get(resources.Key("Font").Key(args[0].Name())), number(args, 1)
		}
	case "Tc":
		s.charSpace = number(args, 0)
	case "Tw":
		s.wordSpace = number(args, 0)
	case "Tz":
		s.scale = number(args, 0) / 100
	case "TL":
		s.leading = number(args, 0)
	case "Ts":
		s.ris = number(args, 0)
	case "Td":
		d.move(number(args, 0), number(args, 1))
	case "TD":
		s.leading = -number(args, 1)
		d.move(number(args, 0), number(args, 1))
	case "Tm":
		d.line = matrixOf(args)
		d.pos = d.line
	case "T*":
		d.move(0, -s.leading)
	case "Tj":
		d.show(args, 0)
	case "'":
		d.move(0, -s.leading)
		d.show(args, 0)
	case "\"":
		s.wordSpace, s.charSpace = number(args, 0), number(args, 1)
		d.move(0, -s.leading)
		d.show(args, 2)
	case "TJ":
		if len(args) == 0 {
			return
		}
		for i := range args[0].Len() {
			if x := args[0].Index(i); x.Kind() == pdf.String {
				d.text(x.RawString())
			} else {
				d.advance(-number([]pdf.Value{x}, 0) / 1000 * s.size * s.scale)
			}
		}
	case "Do":
		if len(args) != 1 || depth >= maxFormDepth {
			return
		}
		form := resources.Key("XObject").Key(args[0].Name())
		if form.Key("Subtype").Name() != "Form" {
			return
		}
		saved, stack := *s, d.stack
		d.stack = nil
		if m := form.Key("Matrix"); m.Len() == 6 {
			var v []pdf.Value
			for i := range 6 {
				v = append(v, m.Index(i))
			}
			s.ctm = matrixOf(v).mul(s.ctm)
		}
		own := form.Key("Resources")
		if own.IsNull() {
			own = resources
		}
		d.content(form, own, depth+1)
		d.state, d.stack = saved, stack
	}
}

func (d *pdfDrawing) move(x, y float64) {
	d.line = matrix{1, 0, 0, 1, x, y}.mul(d.line)
	d.pos = d.line
}

func (d *pdfDrawing) advance(x float64) { d.pos = matrix{1, 0, 0, 1, x, 0}.mul(d.pos) }

func (d *pdfDrawing) show(args []pdf.Value, i int) {
	if i < len(args) && args[i].Kind() == pdf.String {
		d.text(args[i].RawString())
	}
}

// text draws a string (ISO 32000-1, 9.4.4).
func (d *pdfDrawing) text(raw string) {
	s := &d.state
	if s.font == nil {
		return
	}
	for len(raw) > 0 {
		n := min(s.font.bytes, len(raw))
		code := raw[:n]
		raw = raw[n:]
		w := s.font.width(code)
		tx := w / 1000 * s.size
		t := d.pos.mul(s.ctm)
		if str := s.font.decode(code); str != "" {
			if len(d.glyphs) >= maxGlyphs {
				panic(errManyGlyphs)
			}
			size := math.Abs(s.size) * math.Hypot(t[2], t[3])
			x, y := s.ris*t[2]+t[4], s.ris*t[3]+t[5]
			d.glyphs = append(d.glyphs, pdfGlyph{x, y, math.Abs(tx*s.scale) * math.Hypot(t[0], t[1]), size, str})
		}
		tx += s.charSpace
		if n == 1 && code == " " {
			tx += s.wordSpace
		}
		d.advance(tx * s.scale)
	}
}

// pdfFont is what is needed of a font to read text in it.
type pdfFont struct {
	font    pdf.Font
	bytes   int // of a code: 2 in composite fonts
	unicode map[string]string
	known   map[string]string
	widths  map[int]float64
	normal  float64 // width of the others
}

// pdfFonts are the fonts of a file, by what they are. Most pages share theirs.
type pdfFonts struct{ by map[string]*pdfFont }

func (fs *pdfFonts) get(v pdf.Value) *pdfFont {
	if v.IsNull() {
		return nil
	}
	// Values have no identity that can be seen: what is short of a font's description and its whole is told
	// apart by its text, which names its parts by their numbers.
	key := v.String()
	if f := fs.by[key]; f != nil {
		return f
	}
	f := newPDFFont(v)
	if fs.by == nil {
		fs.by = map[string]*pdfFont{}
	}
	fs.by[key] = f
	return f
}

func newPDFFont(v pdf.Value) *pdfFont {
	f := &pdfFont{font: pdf.Font{V: v}, bytes: 1, known: map[string]string{}, widths: map[int]float64{}, normal: 500}
	if v.Key("ToUnicode").Kind() == pdf.Stream {
		f.unicode = readCMap(v.Key("ToUnicode"))
	}
	if v.Key("Subtype").Name() != "Type0" {
		first := int(v.Key("FirstChar").Int64())
		ws := v.Key("Widths")
		for i := range min(ws.Len(), 256) {
			f.widths[first+i] = number([]pdf.Value{ws.Index(i)}, 0)
		}
		if v.Key("Subtype").Name() == "Type3" { // its glyphs have a scale of their own
			if m := v.Key("FontMatrix"); m.Len() == 6 {
				scale := 1000 * number([]pdf.Value{m.Index(0)}, 0)
				for k := range f.widths {
					f.widths[k] *= scale
				}
			}
		}
		return f
	}
	f.bytes = 2
	descendant := v.Key("DescendantFonts").Index(0)
	f.normal = 1000
	if dw := descendant.Key("DW"); !dw.IsNull() {
		f.normal = number([]pdf.Value{dw}, 0)
	}
	ws := descendant.Key("W") // c [w1 w2 ...] or c1 c2 w
	for i := 0; i+1 < ws.Len() && len(f.widths) < maxCMap; {
		first := int(number([]pdf.Value{ws.Index(i)}, 0))
		if list := ws.Index(i + 1); list.Kind() == pdf.Array {
			for j := range min(list.Len(), 1<<16) {
				f.widths[first+j] = number([]pdf.Value{list.Index(j)}, 0)
			}
			i += 2
			continue
		}
		last := int(number([]pdf.Value{ws.Index(i + 1)}, 0))
		if i+2 < ws.Len() {
			w := number([]pdf.Value{ws.Index(i + 2)}, 0)
			for c := first; c <= last && c < first+1<<16; c++ {
				f.widths[c] = w
			}
		}
		i += 3
	}
	return f
}

func (f *pdfFont) width(code string) float64 {
	n := 0
	for i := range len(code) {
		n = n<<8 | int(code[i])
	}
	if w, ok := f.widths[n]; ok {
		return w
	}
	return f.normal
}

// decode is the text of a character code.
func (f *pdfFont) decode(code string) string {
	if s, ok := f.unicode[code]; ok {
		return s
	}
	if s, ok := f.known[code]; ok {
		return s
	}
	s := ""
	if enc := f.font.Encoder(); enc != nil {
		s = enc.Decode(code)
	}
	if f.bytes == 2 && f.unicode == nil && f.font.V.Key("Encoding").Name() == "Identity-H" {
		s = "" // numbers of glyphs, which say nothing
	}
	if !utf8.ValidString(s) {
		s = "\ufffd"
	}
	f.known[code] = s
	return s
}

// maxCMapBytes is how much of a CMap is read.
const maxCMapBytes = 8 << 20

// readCMap reads a ToUnicode CMap (ISO 32000-1, 9.10.3): character codes to UTF-16. It is a program in
// PostScript of which only the tables count: hexadecimal strings between two words.
func readCMap(v pdf.Value) map[string]string {
	m := map[string]string{}
	r := v.Reader()
	defer r.Close()
	data, _ := io.ReadAll(io.LimitReader(r, maxCMapBytes)) // what comes before damage is of use
	var args []string
	list := -1 // where in args a list begins
	var lists [][]string
	for i := 0; i < len(data) && len(m) < maxCMap; {
		switch c := data[i]; {
		case c == '<' && i+1 < len(data) && data[i+1] == '<', c == '>':
			i++
			if c == '<' {
				i++
			}
		case c == '<':
			end := bytes.IndexByte(data[i:], '>')
			if end < 0 {
				return m
			}
			h := bytes.Join(bytes.Fields(data[i+1:i+end]), nil)
			s := make([]byte, hex.DecodedLen(len(h)))
			if n, err := hex.Decode(s, h); err != nil {
				s = s[:n]
			}
			args = append(args, string(s))
			i += end + 1
		case c == '[':
			list = len(args)
			i++
		case c == ']':
			if list >= 0 {
				lists = append(lists, args[list:len(args):len(args)])
				args = append(args[:list:list], listMark)
			}
			list = -1
			i++
		case c == '(':
			end := bytes.IndexByte(data[i:], ')')
			if end < 0 {
				return m
			}
			i += end + 1
		case c >= 'a' && c <= 'z':
			j := i
			for j < len(data) && data[j] >= 'a' && data[j] <= 'z' {
				j++
			}
			switch string(data[i:j]) {
			case "beginbfchar", "beginbfrange":
				args, lists, list = nil, nil, -1
			case "endbfchar":
				for k := 0; k+1 < len(args); k += 2 {
					m[args[k]] = fromUTF16(args[k+1])
				}
			case "endbfrange":
				for k := 0; k+2 < len(args); k += 3 {
					var to []string
					if args[k+2] == listMark && len(lists) > 0 {
						to, lists = lists[0], lists[1:]
					}
					addRange(m, args[k], args[k+1], args[k+2], to)
				}
			}
			i = j
		default:
			i++
		}
	}
	return m
}

// listMark stands for a list among the operands; no string of UTF-16 has an odd length.
const listMark = "["

// addRange adds the codes from lo to hi: to one string whose last unit counts up, or to a list.
func addRange(m map[string]string, lo, hi, dst string, list []string) {
	if len(lo) == 0 || len(lo) > 2 || len(lo) != len(hi) {
		return
	}
	first, last := codeOf(lo), codeOf(hi)
	for c := first; c <= last && len(m) < maxCMap; c++ {
		code := codeString(c, len(lo))
		switch n := len(dst); {
		case dst == listMark:
			if c-first < len(list) {
				m[code] = fromUTF16(list[c-first])
			}
		case n >= 2:
			u := codeOf(dst[n-2:]) + c - first
			m[code] = fromUTF16(dst[:n-2] + codeString(u, 2))
		}
	}
}

func codeOf(s string) int {
	n := 0
	for i := range len(s) {
		n = n<<8 | int(s[i])
	}
	return n
}

func codeString(c, n int) string {
	if n == 1 {
		return string([]byte{byte(c)})
	}
	return string([]byte{byte(c >> 8), byte(c)})
}

func fromUTF16(s string) string {
	units := make([]uint16, 0, len(s)/2)
	for i := 0; i+1 < len(s); i += 2 {
		units = append(units, uint16(s[i])<<8|uint16(s[i+1]))
	}
	return strings.ReplaceAll(string(utf16.Decode(units)), "\x00", "")
}
