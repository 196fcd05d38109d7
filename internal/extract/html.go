package extract

import (
	"context"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
)

// htmlCharset is the encoding that an HTML page declares in itself, "" when it declares none.
func htmlCharset(data []byte) string {
	_, name, certain := charset.DetermineEncoding(data[:min(len(data), 1024)], "")
	if !certain && name == "windows-1252" { // what the standard falls back to, not what the page says
		head := strings.ToLower(string(data[:min(len(data), 1024)]))
		if !strings.Contains(head, "charset") && !strings.Contains(head, "encoding=") {
			return ""
		}
	}
	return name
}

// readHTML writes the text of an HTML page as Markdown: headings, items of lists, rows of tables and
// preformatted text keep what they are; links and emphasis become their words. It returns the title.
//
// Left out are what nobody reads (scripts, styles, templates, forms, hidden elements) and the frame around
// the text: nav and aside, and header and footer outside of an article. If the page has a main element, or
// else articles, with at least minMain bytes of text, only they are taken. When these rules leave nothing, they are
// dropped.
//
// The page is read token by token and not as a tree: that is what gives the places of the text in the
// file, and what keeps time and memory in proportion to the size of any input.
func readHTML(ctx context.Context, b *builder) (title string, err error) {
	for _, mode := range []htmlMode{inMain, inArticle, inBody, inAll} {
		try := newBuilder(b.src)
		h := &htmlReader{b: try, mode: mode}
		if err := h.run(ctx); err != nil {
			return "", err
		}
		if mode == inMain {
			title = h.title
		}
		enough := len(strings.TrimSpace(string(try.text)))
		if mode == inAll || mode == inBody && enough > 0 || enough >= minMain {
			if title == "" {
				title = h.firstHeading
			}
			*b = *try
			return title, nil
		}
	}
	return title, nil
}

// minMain is the least text that a main part or the articles of a page must have to be taken for the page.
const minMain = 200

type htmlMode uint8

const (
	inMain htmlMode = iota
	inArticle
	inBody
	inAll // frame included
)

// separation is what has to come before the next text.
type separation uint8

const (
	sepNone separation = iota
	sepSpace
	sepLine
	sepBlank
)

type htmlReader struct {
	b            *builder
	mode         htmlMode
	title        string
	firstHeading string

	pos     int // of the token in the source
	skip    atom.Atom
	skipped int // depth of elements called skip
	within  int // depth of the elements that mode takes
	article int // depth of article and main elements

	sep     separation
	prefix  string // of the block that the next text begins
	lists   []list
	pre     int
	fence   string
	cell    int // depth of table cells
	rowOpen bool
	heading int // bytes of text at the start of the heading being read, -1
	inTitle bool
}

// list is an open ol or ul.
type list struct{ ordered bool }

func (h *htmlReader) run(ctx context.Context) error {
	h.heading = -1
	z := html.NewTokenizer(strings.NewReader(h.b.src.text))
	for n := 0; ; n++ {
		if n%1024 == 0 {
			if err := stopped(ctx); err != nil {
				return err
			}
		}
		tt := z.Next()
		raw := z.Raw()
		start := h.pos
		h.pos += len(raw)
		switch tt {
		case html.ErrorToken:
			h.endPre()
			return nil
		case html.TextToken:
			h.text(start, h.pos)
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			a := atom.Lookup(name)
			hidden, alt := false, ""
			for more {
				var k, v []byte
				k, v, more = z.TagAttr()
				switch string(k) {
				case "hidden":
					hidden = true
				case "aria-hidden":
					hidden = hidden || string(v) == "true"
				case "style":
					s := strings.ReplaceAll(strings.ToLower(string(v)), " ", "")
					hidden = hidden || strings.Contains(s, "display:none") || strings.Contains(s, "visibility:hidden")
				case "role":
					switch string(v) {
					case "navigation", "banner", "contentinfo", "search", "menu", "dialog":
						hidden = hidden || h.mode != inAll
					}
				case "alt":
					alt = string(v)
				}
			}
			h.startTag(a, hidden, alt, start, tt == html.SelfClosingTagToken)
		case html.EndTagToken:
			name, _ := z.TagName()
			h.endTag(atom.Lookup(name))
		}
	}
}

// unread are the elements whose content is not for reading.
var unread = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Noscript: true, atom.Template: true, atom.Svg: true, atom.Math: true,
	atom.Iframe: true, atom.Object: true, atom.Select: true, atom.Datalist: true, atom.Button: true, atom.Textarea: true,
	atom.Canvas: true, atom.Audio: true, atom.Video: true, atom.Dialog: true, atom.Noframes: true, atom.Noembed: true,
}

// void are the elements that have no content and no end.
var void = map[atom.Atom]bool{
	atom.Area: true, atom.Base: true, atom.Br: true, atom.Col: true, atom.Embed: true, atom.Hr: true, atom.Img: true,
	atom.Input: true, atom.Link: true, atom.Meta: true, atom.Source: true, atom.Track: true, atom.Wbr: true, atom.Param: true,
}

// blocks are the elements that begin and end a paragraph.
var blocks = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.Section: true, atom.Article: true, atom.Main: true, atom.Header: true, atom.Footer: true,
	atom.Aside: true, atom.Nav: true, atom.Blockquote: true, atom.Figure: true, atom.Figcaption: true, atom.Address: true,
	atom.Dl: true, atom.Dt: true, atom.Dd: true, atom.Ul: true, atom.Ol: true, atom.Table: true, atom.Form: true, atom.Fieldset: true,
	atom.Details: true, atom.Summary: true, atom.Hr: true, atom.Body: true, atom.Center: true, atom.Caption: true, atom.Legend: true,
}

// drops reports whether an element and what is in it are left out.
func (h *htmlReader) drops(a atom.Atom) bool {
	switch a {
	case atom.Nav, atom.Aside:
		return h.mode != inAll
	case atom.Header, atom.Footer:
		return h.mode != inAll && h.article == 0
	}
	return unread[a]
}

// taken reports whether a is the element that the mode wants.
func (h *htmlReader) taken(a atom.Atom) bool {
	return h.mode == inMain && a == atom.Main || h.mode == inArticle && a == atom.Article
}

func headingLevel(a atom.Atom) int {
	switch a {
	case atom.H1:
		return 1
	case atom.H2:
		return 2
	case atom.H3:
		return 3
	case atom.H4:
		return 4
	case atom.H5:
		return 5
	case atom.H6:
		return 6
	}
	return 0
}

func (h *htmlReader) startTag(a atom.Atom, hidden bool, alt string, at int, closed bool) {
	if h.skipped > 0 {
		if a == h.skip && !closed {
			h.skipped++
		}
		return
	}
	if a == atom.Title {
		h.inTitle = h.title == ""
		return
	}
	if !void[a] && !closed && (h.drops(a) || hidden && a != atom.Body && a != atom.Html) {
		h.skip, h.skipped = a, 1
		if a == 0 { // an unknown name cannot be told from another: its text is read
			h.skipped = 0
		}
		return
	}
	if a == atom.Article || a == atom.Main {
		h.article++
	}
	if h.taken(a) {
		h.within++
	}
	if level := headingLevel(a); level > 0 {
		h.leaveCell()
		h.block(sepBlank)
		h.prefix = strings.Repeat("#", level) + " "
		h.heading = len(h.b.text)
		return
	}
	switch a {
	case atom.Br:
		h.block(sepLine)
	case atom.Sup:
		if h.takes() && h.sep == sepNone && len(h.b.text) > 0 { // 10<sup>6</sup> is not 106
			h.b.glue("^")
		}
	case atom.Img:
		if alt = strings.Join(strings.Fields(alt), " "); alt != "" && h.takes() {
			h.begin()
			h.b.put(alt, at)
			h.sep = sepSpace
		}
	case atom.Ul, atom.Ol:
		h.leaveCell()
		if len(h.lists) == 0 {
			h.block(sepBlank)
		}
		if len(h.lists) < 16 {
			h.lists = append(h.lists, list{a == atom.Ol})
		}
	case atom.Li:
		h.leaveCell()
		h.block(sepLine)
		h.prefix = strings.Repeat("  ", max(len(h.lists)-1, 0)) + "- "
	case atom.Tr:
		h.closeRow()
		h.cell = 0
		h.block(sepLine)
	case atom.Td, atom.Th:
		h.cell = 1
		if h.rowOpen {
			h.b.glue(" | ")
			h.sep = sepNone
		} else {
			h.block(sepLine)
			h.prefix = "| "
		}
	case atom.Table:
		h.leaveCell()
		h.block(sepBlank)
	case atom.Pre:
		h.leaveCell()
		h.block(sepBlank)
		h.pre++
	default:
		if blocks[a] {
			h.block(sepBlank)
		}
	}
}

func (h *htmlReader) endTag(a atom.Atom) {
	if h.skipped > 0 {
		if a == h.skip {
			h.skipped--
		}
		return
	}
	switch {
	case a == atom.Title:
		h.inTitle = false
		return
	case headingLevel(a) > 0:
		if h.heading >= 0 && h.firstHeading == "" {
			h.firstHeading = strings.TrimLeft(strings.TrimSpace(string(h.b.text[min(h.heading, len(h.b.text)):])), "# ")
		}
		h.heading, h.prefix = -1, ""
		h.block(sepBlank)
	case a == atom.Ul || a == atom.Ol:
		if len(h.lists) > 0 {
			h.lists = h.lists[:len(h.lists)-1]
		}
		if len(h.lists) == 0 {
			h.block(sepBlank)
		} else {
			h.block(sepLine)
		}
		h.prefix = ""
	case a == atom.Li:
		h.block(sepLine)
		h.prefix = ""
	case a == atom.Td || a == atom.Th:
		if h.cell > 0 && !h.rowOpen && h.takes() { // an empty first cell keeps its place
			h.begin()
			h.rowOpen = true
		}
		h.cell = 0
	case a == atom.Tr:
		h.closeRow()
	case a == atom.Table:
		h.closeRow()
		h.cell = 0
		h.block(sepBlank)
	case a == atom.Pre:
		if h.pre > 0 {
			h.pre--
		}
		h.endPre()
		h.block(sepBlank)
	case blocks[a]:
		h.block(sepBlank)
	}
	if a == atom.Article || a == atom.Main {
		h.article = max(h.article-1, 0)
	}
	if h.taken(a) {
		h.within = max(h.within-1, 0)
	}
}

// maxHeading is how long a heading can be before it is taken for one that was never closed.
const maxHeading = 512

// takes reports whether text is taken where the reader stands.
func (h *htmlReader) takes() bool {
	return h.mode >= inBody || h.within > 0
}

// block asks for a separation before the next text. Inside a cell of a table everything stays on one line.
func (h *htmlReader) block(s separation) {
	inHeading := h.heading >= 0 && len(h.b.text) > h.heading && len(h.b.text) < h.heading+maxHeading
	if h.cell > 0 && h.rowOpen || inHeading {
		s = min(s, sepSpace)
	}
	h.sep = max(h.sep, s)
}

// leaveCell ends the row of a table for something that cannot stand in one, as when a page is laid out in
// a table.
func (h *htmlReader) leaveCell() {
	if h.cell > 0 || h.rowOpen {
		h.closeRow()
		if h.cell > 0 {
			h.prefix = ""
		}
		h.cell = 0
	}
}

func (h *htmlReader) closeRow() {
	if h.rowOpen {
		h.b.glue(" |")
		h.rowOpen = false
	}
	h.sep = max(h.sep, sepLine)
}

// begin writes the separation and the prefix that are due.
func (h *htmlReader) begin() {
	if len(h.b.text) > 0 {
		switch h.sep {
		case sepSpace:
			if h.b.text[len(h.b.text)-1] != ' ' { // as after the bar before a cell
				h.b.glue(" ")
			}
		case sepLine:
			h.b.glue("\n")
		case sepBlank:
			h.b.glue("\n\n")
		}
	}
	h.sep = sepNone
	if h.prefix != "" {
		h.b.glue(h.prefix)
		if h.prefix == "| " {
			h.rowOpen = true
		}
		h.prefix = ""
	}
}

// endPre closes the fence around preformatted text.
func (h *htmlReader) endPre() {
	if h.fence != "" {
		if n := len(h.b.text); n > 0 && h.b.text[n-1] != '\n' {
			h.b.glue("\n")
		}
		h.b.glue(h.fence)
		h.fence = ""
	}
}

func isHTMLSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' && c != '\v' }

// text takes the text of the source between two tags.
func (h *htmlReader) text(start, end int) {
	s := h.b.src.text
	if h.inTitle {
		h.title = strings.Join(strings.Fields(html.UnescapeString(s[start:end])), " ")
		return
	}
	if h.skipped > 0 || !h.takes() {
		return
	}
	if h.pre > 0 && h.cell == 0 {
		h.preformatted(start, end)
		return
	}
	for i := start; i < end; {
		if isHTMLSpace(s[i]) {
			j := i
			for j < end && isHTMLSpace(s[j]) {
				j++
			}
			h.sep = max(h.sep, sepSpace)
			if h.sep == sepSpace && len(h.b.text) == 0 {
				h.sep = sepNone
			}
			i = j
			continue
		}
		if s[i] == '&' {
			j := entityEnd(s[:end], i)
			if t := html.UnescapeString(s[i:j]); t != s[i:j] {
				if t == "\u00a0" || strings.TrimSpace(t) == "" {
					h.sep = max(h.sep, sepSpace)
				} else {
					h.begin()
					h.b.put(clean(t), i)
				}
				i = j
				continue
			}
		}
		// As far as the text can be copied: up to an entity, or to white space that is not one blank.
		j := i + 1
		for j < end && s[j] != '&' && (!isHTMLSpace(s[j]) || s[j] == ' ' && j+1 < end && !isHTMLSpace(s[j+1]) && s[j+1] != '&') {
			j++
		}
		first := h.sep >= sepLine || len(h.b.text) == 0
		first = first && h.prefix == ""
		h.begin()
		if first && (s[i] == '#' || strings.HasPrefix(s[i:j], "```") || strings.HasPrefix(s[i:j], "~~~")) {
			h.b.glue("\\") // text that would be taken for markup
		}
		h.b.copy(i, j)
		i = j
	}
}

// preformatted copies text with its line breaks, in a fence.
func (h *htmlReader) preformatted(start, end int) {
	s := h.b.src.text
	if h.fence == "" {
		for start < end && (s[start] == '\n' || s[start] == '\r') {
			start++
		}
		if start == end {
			return
		}
		h.begin()
		h.fence = "```"
		for strings.Contains(s[start:end], h.fence) && len(h.fence) < 64 {
			h.fence += "`"
		}
		h.b.glue(h.fence + "\n")
	}
	for i := start; i < end; {
		j := strings.IndexByte(s[i:end], '&')
		if j < 0 {
			h.b.copy(i, end)
			return
		}
		h.b.copy(i, i+j)
		i += j
		e := entityEnd(s[:end], i)
		h.b.put(clean(html.UnescapeString(s[i:e])), i)
		i = e
	}
}

// entityEnd is the end of a character reference that begins at i, or of what can be one.
func entityEnd(s string, i int) int {
	j := i + 1
	for j < len(s) && j-i < 40 && (s[j] == '#' || '0' <= s[j] && s[j] <= '9' || 'a' <= s[j]|0x20 && s[j]|0x20 <= 'z') {
		j++
	}
	if j < len(s) && s[j] == ';' {
		j++
	}
	return j
}

// clean takes out of a decoded reference what a text cannot hold.
func clean(s string) string {
	if utf8.ValidString(s) && !strings.ContainsRune(s, 0) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
}
