package extract_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"pgregory.net/rapid"

	"github.com/semsearch/semsearch/internal/extract"
)

// encodings are texts' encodings as golang.org/x/text writes them: our decoder and our counting of bytes
// are held against it.
var encodings = []struct {
	name   string // for Options, "" when the bytes say it
	enc    encoding.Encoding
	mark   int
	sample string
}{
	{"", unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), 2, "aé日\U0001f375 \r\n\tЖ"},
	{"", unicode.UTF16(unicode.BigEndian, unicode.UseBOM), 2, "aé日\U0001f375 \r\n\tЖ"},
	{"", utf32.UTF32(utf32.LittleEndian, utf32.UseBOM), 4, "aé日\U0001f375 \n"},
	{"", utf32.UTF32(utf32.BigEndian, utf32.UseBOM), 4, "aé日\U0001f375 \n"},
	{"windows-1252", charmap.Windows1252, 0, "aé€ \r\n\"ß"},
	{"latin1", charmap.Windows1252, 0, "aéß \r\nñ"}, // as the standard wants it
	{"koi8-r", charmap.KOI8R, 0, "aЖщ \n"},
	{"shift_jis", japanese.ShiftJIS, 0, "a日本語ｱ \n"},
	{"gbk", simplifiedchinese.GBK, 0, "a中文 \n"},
}

// In every encoding the text is what was encoded, and every character's place is the byte at which its
// encoding begins, and the line and column that an editor shows.
func TestEncodings(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := encodings[rapid.IntRange(0, len(encodings)-1).Draw(rt, "encoding")]
		text := "x" + rapid.StringOfN(rapid.RuneFrom([]rune(e.sample)), 1, 60, -1).Draw(rt, "text")
		data, err := e.enc.NewEncoder().Bytes([]byte(text))
		if err != nil {
			rt.Fatal(err)
		}
		var doc = read1(rt, "a.txt", data, &extract.Options{Encoding: e.name})
		if doc.Text != text {
			rt.Fatalf("text %q, want %q", doc.Text, text)
		}
		m := mapOf(rt, doc.Metadata)
		if m == nil {
			if string(data) != text {
				rt.Fatal("no map, and the text is not the file")
			}
			return
		}
		for i := range text {
			p, ok := m.Locate(text, i)
			before, err := e.enc.NewEncoder().Bytes([]byte(text[:i]))
			if err != nil {
				rt.Fatal(err)
			}
			want := len(before)
			if i == 0 {
				want = e.mark
			}
			line := 1 + strings.Count(text[:i], "\n")
			col := 1 + utf8.RuneCountInString(text[strings.LastIndexByte(text[:i], '\n')+1:i])
			if !ok || p.Offset != want || p.Line != line || p.Col != col {
				rt.Fatalf("%q in %q: %+v, want byte %d, %d:%d", text[i:], text, p, want, line, col)
			}
		}
	})
}

// UTF-16 without a mark is known by its look, and nothing else is taken for it.
func TestUTF16WithoutMark(t *testing.T) {
	for _, text := range []string{"Green tea is steeped.\r\n", "Зелёный чай, вода и всё.\n", "緑茶 100 度。\n緑茶", "Café au lait"} {
		for _, order := range []unicode.Endianness{unicode.LittleEndian, unicode.BigEndian} {
			data, err := unicode.UTF16(order, unicode.IgnoreBOM).NewEncoder().Bytes([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			doc, err := extract.Bytes("a.txt", data)
			if err != nil || doc.Text != text {
				t.Errorf("%q: %q, %v", text, doc.Text, err)
			}
		}
	}
	rapid.Check(t, func(rt *rapid.T) { // random bytes with NULs are binary
		data := rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(rt, "data")
		data[10], data[11] = 0, 0
		if doc, err := extract.Bytes("a.txt", data); err == nil {
			rt.Fatalf("%q is taken for text %q", data, doc.Text)
		}
	})
}

type fataler interface{ Fatal(...any) }

func read1(t fataler, name string, data []byte, o *extract.Options) (doc struct {
	Text     string
	Metadata map[string]string
}) {
	n := 0
	err := extract.FromBytes(context.Background(), name, data, o, func(it extract.Item) error {
		n++
		doc.Text, doc.Metadata = it.Doc.Text, it.Doc.Metadata
		return it.Err
	})
	if err != nil || n != 1 {
		t.Fatal(fmt.Sprintf("%d documents, %v: %q", n, err, data))
	}
	return doc
}

func mapOf(t fataler, meta map[string]string) *extract.Map {
	s, ok := meta[extract.MetaMap]
	if !ok {
		return nil
	}
	m, err := extract.ParseMap(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// checkMap checks that what a map says was copied stands in the file as it is.
func checkMap(t fataler, m *extract.Map, text string, file []byte) {
	if m == nil || m.Encoding != "" {
		return
	}
	end := 0
	for _, s := range m.Segments {
		if s.Text < end || s.Text+s.Len > len(text) || s.File+s.Len > len(file) && s.Page == 0 {
			t.Fatal(fmt.Sprintf("segment %+v of a text of %d and a file of %d bytes", s, len(text), len(file)))
		}
		end = s.Text + s.Len
		if s.Page > 0 {
			continue
		}
		if got, want := string(file[s.File:s.File+s.Len]), text[s.Text:s.Text+s.Len]; got != want {
			t.Fatal(fmt.Sprintf("the file has %q where the text has %q", got, want))
		}
		line := 1 + bytes.Count(file[:s.File], []byte("\n"))
		col := 1 + utf8.RuneCount(file[bytes.LastIndexByte(file[:s.File], '\n')+1:s.File])
		if s.Line != line || s.Col != col {
			t.Fatal(fmt.Sprintf("segment %+v is at %d:%d", s, line, col))
		}
	}
}

var proseRunes = []rune("ab é日&<>\"'#|`~*-\n \t.;,:")

// A page of paragraphs gives each of them, with nothing lost or doubled, and the map is true.
func TestHTMLKeepsText(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var page strings.Builder
		var want []string
		for i := range rapid.IntRange(1, 8).Draw(rt, "paragraphs") {
			s := rapid.StringOfN(rapid.RuneFrom(proseRunes), 1, 30, -1).Draw(rt, "text") + fmt.Sprint("p", i)
			want = append(want, strings.Fields(s)...)
			tag := rapid.SampledFrom([]string{"p", "div", "h2", "li", "td", "pre", "b", "main", "article", "unknown"}).Draw(rt, "tag")
			fmt.Fprintf(&page, "<%s>%s</%s>\n", tag, html.EscapeString(s), tag)
		}
		doc := read1(rt, "a.html", []byte(page.String()), nil)
		checkMap(rt, mapOf(rt, doc.Metadata), doc.Text, []byte(page.String()))
		got := strings.Fields(doc.Text)
		if len(strings.Join(got, "")) > 3*len(page.String())+100 {
			rt.Fatalf("%q gives %q", page.String(), doc.Text)
		}
		// Every word in its order; between them only what the writing as Markdown adds.
		rest := got
		for _, w := range want {
			i := 0
			for i < len(rest) && strings.TrimPrefix(rest[i], `\`) != w && rest[i] != w {
				i++
			}
			if i == len(rest) {
				rt.Fatalf("%q: no %q in %q", page.String(), w, doc.Text)
			}
			for _, extra := range rest[:i] {
				if strings.Trim(extra, "#-|`") != "" {
					rt.Fatalf("%q: %q is too much in %q", page.String(), extra, doc.Text)
				}
			}
			rest = rest[i+1:]
		}
	})
}

// A table written by a spreadsheet gives each value once, under its name.
func TestCSVKeepsValues(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		columns := rapid.IntRange(2, 5).Draw(rt, "columns")
		comma := rapid.SampledFrom([]string{",", ";", "\t"}).Draw(rt, "comma")
		var file, want strings.Builder
		for c := range columns {
			if c > 0 {
				file.WriteString(comma)
			}
			fmt.Fprintf(&file, "name%d", c)
		}
		file.WriteString("\n")
		for range rapid.IntRange(1, 6).Draw(rt, "rows") {
			var row strings.Builder
			for c := range columns {
				v := "v" + rapid.StringOfN(rapid.RuneFrom([]rune("ab é\",;\n")), 0, 10, -1).Draw(rt, "value") + "z"
				if c > 0 {
					file.WriteString(comma)
				}
				if strings.ContainsAny(v, ",;\t\n\"") {
					file.WriteString(`"` + strings.ReplaceAll(v, `"`, `""`) + `"`)
				} else {
					file.WriteString(v)
				}
				fmt.Fprintf(&row, "name%d: %s\n", c, v)
			}
			file.WriteString("\n")
			if want.Len() > 0 {
				want.WriteString("\n")
			}
			want.WriteString(row.String())
		}
		name := "a.csv"
		if comma == "\t" {
			name = "a.tsv"
		}
		doc := read1(rt, name, []byte(file.String()), nil)
		checkMap(rt, mapOf(rt, doc.Metadata), doc.Text, []byte(file.String()))
		if doc.Text != want.String() {
			rt.Fatalf("%q gives\n%q, want\n%q", file.String(), doc.Text, want.String())
		}
	})
}

// Every string of a JSON value is in the text once.
func TestJSONKeepsStrings(t *testing.T) {
	value := func(rt *rapid.T, n *int) any {
		var build func(depth int) any
		build = func(depth int) any {
			*n++
			s := fmt.Sprintf("s%d", *n) + rapid.StringOfN(rapid.RuneFrom([]rune("ab é\"\\")), 0, 6, -1).Draw(rt, "string")
			switch rapid.IntRange(0, 3).Draw(rt, "kind") {
			case 0:
				if depth < 4 {
					return map[string]any{"k": build(depth + 1), "l": build(depth + 1)}
				}
			case 1:
				if depth < 4 {
					return []any{build(depth + 1), build(depth + 1)}
				}
			}
			return s
		}
		return build(0)
	}
	rapid.Check(t, func(rt *rapid.T) {
		n := 0
		v := value(rt, &n)
		file, err := json.Marshal(v)
		if err != nil {
			rt.Fatal(err)
		}
		doc := read1(rt, "a.json", file, nil)
		checkMap(rt, mapOf(rt, doc.Metadata), doc.Text, file)
		var want []string
		var walk func(path string, v any)
		walk = func(path string, v any) {
			switch v := v.(type) {
			case map[string]any:
				for _, k := range []string{"k", "l"} {
					walk(strings.TrimPrefix(path+"."+k, "."), v[k])
				}
			case []any:
				for _, e := range v {
					walk(path, e)
				}
			case string:
				if path != "" {
					v = path + ": " + v
				}
				want = append(want, v)
			}
		}
		walk("", v)
		var got []string
		for line := range strings.Lines(doc.Text) {
			if line != "\n" {
				got = append(got, strings.TrimSuffix(line, "\n"))
			}
		}
		if !reflect.DeepEqual(got, want) {
			rt.Fatalf("%s gives %q, want %q", file, got, want)
		}
	})
}

func TestMapText(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &extract.Map{Encoding: rapid.SampledFrom([]string{"", "utf-16le", "koi8-r"}).Draw(rt, "encoding")}
		at := 0
		for range rapid.IntRange(1, 20).Draw(rt, "segments") {
			s := extract.Segment{Text: at + rapid.IntRange(0, 9).Draw(rt, "text"), Len: rapid.IntRange(0, 1000).Draw(rt, "len"),
				File: rapid.IntRange(0, 1<<30).Draw(rt, "file"), Line: rapid.IntRange(0, 1<<20).Draw(rt, "line"),
				Col: rapid.IntRange(0, 1<<20).Draw(rt, "col"), Page: rapid.IntRange(0, 1000).Draw(rt, "page")}
			at = s.Text + s.Len
			m.Segments = append(m.Segments, s)
		}
		got, err := extract.ParseMap(m.String())
		if err != nil || !reflect.DeepEqual(got, m) {
			rt.Fatalf("%+v, %v, want %+v", got, err, m)
		}
	})
	// One that is too long is thinned out, and still leads near.
	m := &extract.Map{}
	text := strings.Repeat("ab", 200_000)
	for i := range 200_000 {
		m.Segments = append(m.Segments, extract.Segment{Text: 2 * i, Len: 1, File: 10 * i, Line: i + 1, Col: 1})
	}
	s := m.String()
	thin, err := extract.ParseMap(s)
	if err != nil || len(s) > 256<<10 {
		t.Fatalf("%d bytes, %v", len(s), err)
	}
	for i := 0; i < len(text); i += 997 {
		want, _ := m.Locate(text, i)
		got, ok := thin.Locate(text, i)
		if !ok || got.Line > want.Line || want.Line-got.Line > 16 {
			t.Fatalf("byte %d: %+v, want about %+v", i, got, want)
		}
	}
}

// A passage begins where its words do, not at a mark that was put before them.
func TestMapRange(t *testing.T) {
	page := "<h1>Tea</h1>\n<p>Green\n<p>Black"
	doc := read1(t, "a.html", []byte(page), nil)
	m := mapOf(t, doc.Metadata)
	for _, words := range []string{"# Tea", "Green", "Green\n\nBlack"} {
		i := strings.Index(doc.Text, words)
		from, to, ok := m.Range(doc.Text, i, i+len(words))
		f := strings.Fields(strings.TrimLeft(words, "# "))
		if !ok || from.Offset != strings.Index(page, f[0]) || to.Offset != strings.Index(page, f[len(f)-1])+len(f[len(f)-1]) {
			t.Errorf("%q: %+v to %+v", words, from, to)
		}
	}
	if _, _, ok := (*extract.Map)(nil).Range("x", 0, 1); ok {
		t.Error("no map has a place")
	}
}

func FuzzParseMap(f *testing.F) {
	f.Add("1 AAEAAAAAAAA")
	f.Add((&extract.Map{Encoding: "utf-16le", Segments: []extract.Segment{{Len: 3, File: 2, Line: 1, Col: 1}, {Text: 5, File: 9, Line: 2, Col: 1}}}).String())
	f.Add("2 ")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := extract.ParseMap(s)
		if err != nil {
			return
		}
		again, err := extract.ParseMap(m.String())
		if err != nil || !reflect.DeepEqual(m.Segments, again.Segments) && len(s) < 200<<10 {
			t.Fatalf("%+v, %v, want %+v", again, err, m)
		}
		for _, offset := range []int{-1, 0, 1, 7, 1 << 20} {
			m.Locate("some text\nof two lines", offset)
			m.Range("some text\nof two lines", offset, offset+9)
		}
	})
}
