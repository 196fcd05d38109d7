package qa

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/semsearch/semsearch/encoder/tokenizer"
)

func TestTidy(t *testing.T) {
	for _, c := range []struct{ in, want string }{ // the span stands between < and >
		{"by <Gustave Eiffel>.", "Gustave Eiffel"},
		{"by < Gustave Eiffel. >", "Gustave Eiffel"},
		{"in <(1889>), so", "(1889)"},
		{"in <(1889), >so", "(1889)"},
		{"in (<1889)> so", "(1889)"},
		{"in <(1889 >and later)", "1889"},
		{"in (later and <1889)>", "1889"},
		{"<the tower (1889>) of", "the tower (1889)"},
		{"<the tower (1889> and", ""},
		{"<(the tower> (1889)", "the tower"},
		{"the <tower] of> it", ""},
		{`said "<never" >so`, "never"},
		{`said <"never">`, `"never"`},
		{`said <"never>"`, "never"},
		{"the <Joneses’> house", "Joneses"},
		{"the <Jones'> house", "Jones"},
		{"<don't> go", "don't"},
		{"<’90s>", "90s"},
		{"in the <U.S.> and", "U.S."},
		{"a <Ph.D.> in", "Ph.D."},
		{"was <3.5.> Then", "3.5"},
		{"see <example.com.> Then", "example.com"},
		{"of <.NET>", ".NET"},
		{"of <. NET>", "NET"},
		{"<-5 °C> out", "-5 °C"},
		{"1066<-5>", "5"},
		{"1066<–1071>", "1071"},
		{"<1066–1071>", "1066–1071"},
		{"<1066–>1071", "1066"},
		{"<, . ;>", ""},
		{"<>", ""},
		{"a<([x)>b", "x"},
		{"a<([x>)b", "x"},
		{"<😀>", "😀"},
		{"« <Paris »>", "Paris"},
		{"«<Paris»>", "«Paris»"},
		{"<「東京」>です", "「東京」"},
		{"は<東京。>", "東京"},
		{"$<5,000>", "5,000"},
		{"<$5,000>", "$5,000"},
		{"<Yahoo!> grew", "Yahoo!"},
	} {
		start := strings.Index(c.in, "<")
		end := strings.Index(c.in, ">") - 1
		text := strings.Replace(strings.Replace(c.in, "<", "", 1), ">", "", 1)
		s, e, ok := tidy(text, start, end)
		if got := text[s:e]; got != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, want %q", c.in, got, c.want)
		}
	}
}

func TestEdges(t *testing.T) {
	for _, c := range []struct{ text, piece, want string }{
		{"the tallest one", "est", "tallest"},
		{"the tallest one", "ll", "tallest"},
		{"Queen Victoria's castle", "tor", "Victoria"},
		{"Queen Victoria’s castle", "Vic", "Victoria"},
		{"cost 5,000 francs", "000", "5,000"},
		{"an anti-war film", "war", "war"},
		{"in e\u0301te\u0301 then", "te", "e\u0301te\u0301"},
		{"a 👨‍👩‍👧 b", "👩", "👨‍👩‍👧"},
		{"は東京です", "東", "東"}, // every ideograph is a word of UAX 29
		{"the  word", " word", "word"},
	} {
		at := strings.Index(c.text, c.piece)
		p := &passage{text: c.text, tokens: []tokenizer.Token{{ID: 1000, Start: at, End: at + len(c.piece)}}}
		e := p.edges()[0]
		if got := c.text[e.start:e.end]; got != c.want || !e.ok {
			t.Errorf("%q in %q: %q, want %q", c.piece, c.text, got, c.want)
		}
	}
	p := &passage{text: "ab  c", special: map[int32]bool{7: true}, tokens: []tokenizer.Token{
		{ID: 7, Start: 0, End: 2}, {ID: 1, Start: 2, End: 4}, {ID: 1, Start: 3, End: 3}, {ID: 1, Start: 4, End: 9}, {ID: 1, Start: -1, End: 1},
	}}
	for i, e := range p.edges() {
		if e.ok {
			t.Errorf("a span may start on token %d", i)
		}
	}
}

func FuzzTidy(f *testing.F) {
	f.Add("in (1889), \"so", 2, 8)
	f.Add("a([x)b", 1, 4)
	f.Add("東京(日本", 0, 13)
	f.Fuzz(func(t *testing.T, text string, start, end int) {
		if start < 0 || end > len(text) || start > end {
			return
		}
		if start < len(text) && !utf8.RuneStart(text[start]) || end < len(text) && !utf8.RuneStart(text[end]) {
			return
		}
		s, e, ok := tidy(text, start, end)
		if !ok {
			return
		}
		if s < 0 || e > len(text) || s >= e {
			t.Fatalf("tidy(%q, %d, %d) = %d, %d", text, start, end, s, e)
		}
		if open, closed := unmatched(text[s:e]); open >= 0 || closed >= 0 {
			t.Fatalf("tidy(%q, %d, %d) leaves %q", text, start, end, text[s:e])
		}
		if strings.TrimSpace(text[s:e]) != text[s:e] {
			t.Fatalf("tidy(%q, %d, %d) leaves space: %q", text, start, end, text[s:e])
		}
		bounds := wordBounds(text)
		for i, b := range bounds {
			if int(b.before) > i || int(b.after) < i {
				t.Fatalf("byte %d of %q has bounds %v", i, text, b)
			}
		}
	})
}
