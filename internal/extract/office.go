package extract

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"strconv"
	"strings"

	"golang.org/x/net/html/charset"
)

// maxXMLDepth is how deep elements may lie in one another.
const maxXMLDepth = 1000

// parts are the files of a document that is a ZIP.
type parts struct {
	ctx   context.Context
	j     *job
	files map[string]*zip.File
}

func openParts(ctx context.Context, data []byte, j *job) (*parts, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	p := &parts{ctx, j, map[string]*zip.File{}}
	for _, f := range z.File {
		p.files[f.Name] = f
	}
	return p, nil
}

var errNoPart = errors.New("part is missing")

// get unpacks a part; errNoPart if there is none.
func (p *parts) get(name string) ([]byte, error) {
	f := p.files[name]
	if f == nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, name, errNoPart)
	}
	data, err := p.j.zipPart(p.ctx, f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// elements calls start, end and text for what is in a part, in order.
func elements(ctx context.Context, data []byte, start func(xml.StartElement), end func(xml.EndElement), text func(string)) error {
	dec := xml.NewDecoder(bytes.NewReader(data))
	dec.CharsetReader = charset.NewReaderLabel
	depth := 0
	for n := 0; ; n++ {
		if n%1024 == 0 {
			if err := stopped(ctx); err != nil {
				return err
			}
		}
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if depth++; depth > maxXMLDepth {
				return fmt.Errorf("%w: XML in %d levels", ErrDepth, depth)
			}
			start(t)
		case xml.EndElement:
			depth--
			end(t)
		case xml.CharData:
			text(string(t))
		}
	}
}

func attribute(e xml.StartElement, local string) string {
	for _, a := range e.Attr {
		if a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}

// firstText is the text of the first element of a name, "" if there is none.
func firstText(ctx context.Context, data []byte, local string) string {
	in, found := false, false
	var b strings.Builder
	_ = elements(ctx, data,
		func(e xml.StartElement) { in = !found && e.Name.Local == local },
		func(e xml.EndElement) {
			if in && e.Name.Local == local {
				in, found = false, true
			}
		},
		func(s string) {
			if in {
				b.WriteString(s)
			}
		})
	return oneLine(b.String())
}

// outline writes paragraphs, headings, lists and tables as Markdown.
type outline struct {
	out   []byte
	table []*tableState
	title string // the first heading
}

type tableState struct {
	cells []string
	cell  []string
}

// paragraph writes one paragraph. level is that of a heading, 0 for none; item is the depth in lists, 0 for
// none.
func (o *outline) paragraph(s string, level, item int) {
	s = strings.TrimSpace(s)
	if s == "" {
		return
	}
	if n := len(o.table); n > 0 {
		t := o.table[n-1]
		t.cell = append(t.cell, oneLine(s))
		return
	}
	switch {
	case level > 0:
		s = oneLine(s)
		if o.title == "" {
			o.title = s
		}
		o.separate("\n\n")
		o.out = append(o.out, strings.Repeat("#", min(level, 6))+" "...)
	case item > 0:
		if strings.HasPrefix(strings.TrimLeft(o.lastLine(), " "), "- ") {
			o.separate("\n")
		} else {
			o.separate("\n\n")
		}
		indent := strings.Repeat("  ", min(item, 10)-1)
		o.out = append(o.out, indent+"- "...)
		s = strings.ReplaceAll(s, "\n", "\n"+indent+"  ")
	default:
		o.separate("\n\n")
		if s[0] == '#' || strings.HasPrefix(s, "```") || strings.HasPrefix(s, "~~~") {
			o.out = append(o.out, '\\') // text that would be taken for markup
		}
	}
	o.out = append(o.out, s...)
}

func (o *outline) separate(s string) {
	if len(o.out) > 0 {
		o.out = append(o.out, s...)
	}
}

func (o *outline) lastLine() string {
	return string(o.out[bytes.LastIndexByte(o.out, '\n')+1:])
}

func (o *outline) startTable() { o.table = append(o.table, &tableState{}) }

func (o *outline) endCell() {
	if n := len(o.table); n > 0 {
		t := o.table[n-1]
		t.cells = append(t.cells, strings.Join(t.cell, " "))
		t.cell = nil
	}
}

// endRow writes a row; the row of a table in a table becomes text of the cell it is in.
func (o *outline) endRow() {
	n := len(o.table)
	if n == 0 {
		return
	}
	t := o.table[n-1]
	if len(t.cell) > 0 {
		o.endCell()
	}
	row := strings.Join(t.cells, " | ")
	t.cells = nil
	if strings.Trim(row, " |") == "" {
		return
	}
	if n > 1 {
		o.table[n-2].cell = append(o.table[n-2].cell, row)
		return
	}
	if strings.HasPrefix(o.lastLine(), "| ") {
		o.separate("\n")
	} else {
		o.separate("\n\n")
	}
	o.out = append(o.out, "| "+row+" |"...)
}

func (o *outline) endTable() {
	if n := len(o.table); n > 0 {
		o.endRow()
		o.table = o.table[:n-1]
		if n == 1 {
			o.out = append(o.out, '\n') // so that the next table is another
		}
	}
}

func (o *outline) result(title string) result {
	if title == "" {
		title = o.title
	}
	return result{title: title, text: clean(string(o.out)), format: HTML.dbFormat()}
}

// readDOCX writes the text of an Office Open XML document (ECMA-376, part 1): the body, footnotes and
// endnotes. Text that was deleted under change tracking, and codes of fields, are left out.
func readDOCX(ctx context.Context, data []byte, j *job) (result, error) {
	p, err := openParts(ctx, data, j)
	if err != nil {
		return result{}, err
	}
	document, err := p.get("word/document.xml")
	if err != nil {
		return result{}, err
	}
	levels := map[string]int{}
	if styles, err := p.get("word/styles.xml"); err == nil {
		levels = docxHeadings(ctx, styles)
	}
	var o outline
	if err := docxBody(ctx, document, levels, &o); err != nil {
		return result{}, err
	}
	for _, name := range []string{"word/footnotes.xml", "word/endnotes.xml"} {
		notes, err := p.get(name)
		if err != nil {
			if errors.Is(err, errNoPart) {
				continue
			}
			return result{}, err
		}
		if err := docxBody(ctx, notes, levels, &o); err != nil {
			return result{}, err
		}
	}
	title := ""
	if core, err := p.get("docProps/core.xml"); err == nil {
		title = firstText(ctx, core, "title")
	}
	if err := stopped(ctx); err != nil {
		return result{}, err
	}
	return o.result(title), nil
}

// docxHeadings are the styles that are headings, with their level; a title is a heading of level 1.
func docxHeadings(ctx context.Context, data []byte) map[string]int {
	levels := map[string]int{}
	id := ""
	_ = elements(ctx, data, func(e xml.StartElement) {
		switch e.Name.Local {
		case "style":
			id = attribute(e, "styleId")
		case "name":
			name := strings.ToLower(attribute(e, "val"))
			if n, ok := strings.CutPrefix(name, "heading "); ok {
				if level, err := strconv.Atoi(n); err == nil && level >= 1 && level <= 9 {
					levels[id] = level
				}
			} else if name == "title" {
				levels[id] = 1
			}
		case "outlineLvl":
			if level, err := strconv.Atoi(attribute(e, "val")); err == nil && level >= 0 && level < 9 && levels[id] == 0 {
				levels[id] = level + 1
			}
		}
	}, func(xml.EndElement) {}, func(string) {})
	return levels
}

func docxBody(ctx context.Context, data []byte, levels map[string]int, o *outline) error {
	type para struct {
		text        strings.Builder
		level, item int
	}
	var open, inner []*para
	skip, inText := 0, 0
	top := func() *para {
		if len(open) == 0 {
			return &para{}
		}
		return open[len(open)-1]
	}
	return elements(ctx, data, func(e xml.StartElement) {
		name := e.Name.Local
		if skip > 0 || name == "del" || name == "Fallback" || name == "moveFrom" {
			skip++
			return
		}
		switch name {
		case "p":
			open = append(open, &para{})
		case "pStyle":
			if level := levels[attribute(e, "val")]; level > 0 {
				top().level = level
			}
		case "outlineLvl":
			if level, err := strconv.Atoi(attribute(e, "val")); err == nil && level >= 0 && level < 9 {
				top().level = level + 1
			}
		case "ilvl":
			if n, err := strconv.Atoi(attribute(e, "val")); err == nil && n >= 0 && n < 10 {
				top().item = n + 1
			}
		case "numPr":
			top().item = max(top().item, 1)
		case "t":
			inText++
		case "tab", "ptab":
			top().text.WriteByte('\t')
		case "br", "cr":
			top().text.WriteByte('\n')
		case "noBreakHyphen":
			top().text.WriteByte('-')
		case "tbl":
			o.startTable()
		}
	}, func(e xml.EndElement) {
		if skip > 0 {
			skip--
			return
		}
		switch e.Name.Local {
		case "p":
			if n := len(open); n > 1 { // of a text box: after the paragraph it is in
				inner = append(inner, open[n-1])
				open = open[:n-1]
			} else if n == 1 {
				for _, p := range append(open, inner...) {
					o.paragraph(p.text.String(), p.level, p.item)
				}
				open, inner = nil, nil
			}
		case "t":
			inText--
		case "tc":
			o.endCell()
		case "tr":
			o.endRow()
		case "tbl":
			o.endTable()
		}
	}, func(s string) {
		if skip == 0 && inText > 0 {
			top().text.WriteString(s)
		}
	})
}

// readODT writes the text of an OpenDocument text (ISO/IEC 26300).
func readODT(ctx context.Context, data []byte, j *job) (result, error) {
	p, err := openParts(ctx, data, j)
	if err != nil {
		return result{}, err
	}
	if manifest, err := p.get("META-INF/manifest.xml"); err == nil && bytes.Contains(manifest, []byte("encryption-data")) {
		return result{}, ErrEncrypted
	}
	content, err := p.get("content.xml")
	if err != nil {
		return result{}, err
	}
	var o outline
	type para struct {
		text  strings.Builder
		level int
	}
	var open, inner []*para
	skip, lists := 0, 0
	write := func(s string) {
		if len(open) > 0 {
			open[len(open)-1].text.WriteString(s)
		}
	}
	err = elements(ctx, content, func(e xml.StartElement) {
		name := e.Name.Local
		if skip > 0 || name == "tracked-changes" || name == "annotation" || name == "sequence-decls" || name == "note-citation" {
			skip++
			return
		}
		switch name {
		case "h":
			level, err := strconv.Atoi(attribute(e, "outline-level"))
			if err != nil || level < 1 {
				level = 1
			}
			open = append(open, &para{level: level})
		case "p":
			p := &para{}
			if attribute(e, "style-name") == "Title" {
				p.level = 1
			}
			open = append(open, p)
		case "s":
			n, err := strconv.Atoi(attribute(e, "c"))
			if err != nil {
				n = 1
			}
			write(strings.Repeat(" ", max(min(n, 1000), 1)))
		case "tab":
			write("\t")
		case "line-break":
			write("\n")
		case "list":
			lists++
		case "table":
			o.startTable()
		}
	}, func(e xml.EndElement) {
		if skip > 0 {
			skip--
			return
		}
		switch e.Name.Local {
		case "h", "p":
			if n := len(open); n > 1 { // of a note: after the paragraph it is in
				inner = append(inner, open[n-1])
				open = open[:n-1]
			} else if n == 1 {
				o.paragraph(open[0].text.String(), open[0].level, lists)
				for _, p := range inner {
					o.paragraph(p.text.String(), 0, 0)
				}
				open, inner = nil, nil
			}
		case "list":
			lists--
		case "table-cell", "covered-table-cell":
			o.endCell()
		case "table-row":
			o.endRow()
		case "table":
			o.endTable()
		}
	}, func(s string) {
		if skip == 0 {
			write(s)
		}
	})
	if err != nil {
		return result{}, err
	}
	title := ""
	if meta, err := p.get("meta.xml"); err == nil {
		title = firstText(ctx, meta, "title")
	}
	return o.result(title), stopped(ctx)
}

// readEPUB writes the chapters of a book (EPUB 2 and 3) in their order for reading.
func readEPUB(ctx context.Context, data []byte, j *job) (result, error) {
	p, err := openParts(ctx, data, j)
	if err != nil {
		return result{}, err
	}
	if p.files["META-INF/rights.xml"] != nil {
		return result{}, ErrEncrypted
	}
	container, err := p.get("META-INF/container.xml")
	if err != nil {
		return result{}, err
	}
	root := ""
	err = elements(ctx, container, func(e xml.StartElement) {
		if e.Name.Local == "rootfile" && root == "" {
			root = attribute(e, "full-path")
		}
	}, func(xml.EndElement) {}, func(string) {})
	if err != nil {
		return result{}, err
	}
	opf, err := p.get(root)
	if err != nil {
		return result{}, err
	}
	type item struct{ href, properties string }
	items := map[string]item{}
	var spine []string
	err = elements(ctx, opf, func(e xml.StartElement) {
		switch e.Name.Local {
		case "item":
			href, err := url.PathUnescape(attribute(e, "href"))
			if err != nil {
				href = attribute(e, "href")
			}
			items[attribute(e, "id")] = item{path.Join(path.Dir(root), href), attribute(e, "properties")}
		case "itemref":
			spine = append(spine, attribute(e, "idref"))
		}
	}, func(xml.EndElement) {}, func(string) {})
	if err != nil {
		return result{}, err
	}
	res := result{title: firstText(ctx, opf, "title"), format: EPUB.dbFormat()}
	var text strings.Builder
	read := map[string]bool{}
	for _, id := range spine {
		it := items[id]
		if it.href == "" || read[it.href] || strings.Contains(" "+it.properties+" ", " nav ") {
			continue
		}
		read[it.href] = true // once, whatever the spine says
		page, err := p.get(it.href)
		if errors.Is(err, errNoPart) {
			continue
		}
		if err != nil {
			return result{}, err
		}
		src, err := decode(page, htmlCharset(page), "")
		if err != nil {
			return result{}, fmt.Errorf("%s: %w", it.href, err)
		}
		b := newBuilder(src)
		if _, err := readHTML(ctx, b); err != nil {
			return result{}, err
		}
		if len(b.text) == 0 {
			continue
		}
		if text.Len() > 0 {
			text.WriteString("\n\n")
		}
		text.Write(b.text)
	}
	res.text = text.String()
	return res, stopped(ctx)
}
