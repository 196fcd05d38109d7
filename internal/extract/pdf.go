package extract

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ledongthuc/pdf"
)

// Limits of a PDF.
const (
	maxPages     = 20_000
	maxTreeDepth = 64
	maxPDFMemory = 1 << 30 // of the process that reads it
)

// readPDF writes the text of a PDF, a line for a line and an empty line between pages and between blocks
// that stand apart. The map gives the page. Pictures of text are no text: a scanned page is empty.
//
// The library that is used can be sent into endless loops, endless recursion and any amount of memory by a
// damaged file, and neither the first nor the second can be ended inside of a process. So the file is read
// in one of its own; see [Options].Program.
func readPDF(ctx context.Context, data []byte, o Options) (result, error) {
	var pages []string
	var err error
	if o.Program != "" {
		pages, err = pdfPagesApart(ctx, data, o)
	} else {
		pages, err = pdfPagesHere(ctx, data, o.MaxBytes)
	}
	if err != nil {
		return result{}, err
	}
	b := newBuilder(source{})
	title := ""
	for i, text := range pages {
		if i == 0 {
			title = text // of the document
			continue
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		if len(b.text) > 0 {
			b.glue("\n\n")
		}
		b.page(i)
		b.glue(text)
	}
	res := result{title: title}
	res.text, res.where = b.build()
	return res, nil
}

// pdfPagesHere reads a PDF in this process. A reader that does not end is left behind when ctx is done.
func pdfPagesHere(ctx context.Context, data []byte, max int64) ([]string, error) {
	type answer struct {
		pages []string
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		var a answer
		defer func() {
			if r := recover(); r != nil {
				a = answer{nil, fmt.Errorf("%w: PDF: %.200v", ErrDamaged, r)}
			}
			done <- a
		}()
		a.pages, a.err = pdfPages(ctx, data, max)
	}()
	select {
	case a := <-done:
		return a.pages, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// pdfPages returns the title and then the text of each page.
func pdfPages(ctx context.Context, data []byte, max int64) ([]string, error) {
	data, err := pdfFrame(data)
	if err != nil {
		return nil, err
	}
	r, err := pdf.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		if errors.Is(err, pdf.ErrInvalidPassword) {
			return nil, ErrEncrypted
		}
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	tree := &pdfTree{nodes: 2 * maxPages}
	if err := tree.walk(ctx, r.Trailer().Key("Root").Key("Pages"), 0); err != nil {
		return nil, err
	}
	n := len(tree.pages)
	if n == 0 {
		return nil, fmt.Errorf("%w: PDF without pages", ErrDamaged)
	}
	pages := []string{oneLine(r.Trailer().Key("Info").Key("Title").Text())}
	bad, size := 0, int64(0)
	fonts := &pdfFonts{}
	for _, page := range tree.pages {
		if err := stopped(ctx); err != nil {
			return nil, err
		}
		text, err := pdfPage(ctx, pdf.Page{V: page}, fonts)
		if err != nil {
			bad++
		}
		if size += int64(len(text)); size > max {
			return nil, fmt.Errorf("%w: a text of more than %d bytes", ErrTooLarge, max)
		}
		pages = append(pages, text)
	}
	if bad > 0 && bad == n {
		return nil, fmt.Errorf("%w: PDF: no page of %d can be read", ErrDamaged, n)
	}
	return pages, nil
}

// pdfTree collects the pages of a file.
type pdfTree struct {
	pages []pdf.Value
	nodes int // that may still be looked at: a tree that is none would have no end
}

func (t *pdfTree) walk(ctx context.Context, v pdf.Value, depth int) error {
	if err := stopped(ctx); err != nil {
		return err
	}
	kids := v.Key("Kids")
	if kids.IsNull() {
		if !v.IsNull() && v.Key("Type").Name() != "Pages" {
			t.pages = append(t.pages, v)
		}
		return nil
	}
	if depth > maxTreeDepth {
		return fmt.Errorf("%w: PDF pages in %d levels", ErrDepth, depth)
	}
	for i := range kids.Len() {
		if t.nodes--; t.nodes < 0 || len(t.pages) >= maxPages {
			return fmt.Errorf("%w: PDF with more than %d pages", ErrTooLarge, maxPages)
		}
		if err := t.walk(ctx, kids.Index(i), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// pdfFrame makes the ends of a file strict, as the library wants them: readers of PDF allow bytes before
// the header and after the end, and any version.
func pdfFrame(data []byte) ([]byte, error) {
	start := bytes.Index(data[:min(len(data), 1024)], []byte("%PDF-"))
	end := bytes.LastIndex(data, []byte("%%EOF"))
	if start < 0 || end < start || end-start < 100 {
		return nil, fmt.Errorf("%w: PDF without an end", ErrDamaged)
	}
	out := bytes.Clone(data[start : end+len("%%EOF")])
	if len(out) > 8 {
		copy(out, "%PDF-1.7\n")
	}
	return out, nil
}

// pdfPage is the text of one page. When its drawing cannot be followed, the words in it are taken in their
// order.
func pdfPage(ctx context.Context, p pdf.Page, fonts *pdfFonts) (text string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %.200v", ErrDamaged, r)
		}
	}()
	if p.V.IsNull() || p.V.Key("Contents").IsNull() {
		return "", nil
	}
	glyphs, err := pdfGlyphs(ctx, p, fonts)
	if err != nil && len(glyphs) == 0 {
		if ctx.Err() != nil {
			return "", err
		}
		plain, err := p.GetPlainText(nil)
		return tidyPDF(plain), err
	}
	return tidyPDF(layOut(glyphs)), nil
}

// layOut makes lines of glyphs, which come in the order in which they are drawn: a glyph on another
// baseline begins a line, one that stands off begins a word, and a line that stands off begins a block.
func layOut(glyphs []pdfGlyph) string {
	var b strings.Builder
	var last pdfGlyph
	var leading float64 // distance of the last two lines
	for _, g := range glyphs {
		size := g.size
		if size == 0 {
			size = cmp.Or(last.size, 1)
		}
		if b.Len() > 0 {
			down, gap := last.y-g.y, g.x-(last.x+last.w)
			switch {
			case math.Abs(down) > max(size*0.5, 1): // less is a raised or lowered character
				b.WriteByte('\n')
				if down < 0 || leading > 0 && down > leading*1.35 || leading == 0 && down > size*2 {
					b.WriteByte('\n') // up again is a new column
				}
				leading = max(down, 0)
			case gap < -2*size:
				b.WriteByte('\n') // back on the same line: another column
			case gap > size*0.17:
				b.WriteByte(' ')
			case down < -last.size*0.15 && size < last.size*0.9 && g.text != "":
				b.WriteByte('^') // raised: the number of a note, a power
			}
		}
		b.WriteString(g.text)
		last = g
		last.size = size
	}
	return b.String()
}

// tidyPDF takes out what is no text, doubled blanks, and the parts of ligatures.
func tidyPDF(s string) string {
	s = clean(s)
	s = strings.NewReplacer("\ufb00", "ff", "\ufb01", "fi", "\ufb02", "fl", "\ufb03", "ffi", "\ufb04", "ffl", "\u00a0", " ", "\u00ad", "-").Replace(s)
	var b strings.Builder
	for line := range strings.Lines(s) {
		line = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) || r == utf8.RuneError {
				return ' '
			}
			return r
		}, strings.TrimSuffix(line, "\n"))
		b.WriteString(strings.Join(strings.Fields(line), " "))
		b.WriteByte('\n')
	}
	out := b.String()
	for strings.Contains(out, "\n\n\n") {
		out = strings.ReplaceAll(out, "\n\n\n", "\n\n")
	}
	return strings.TrimSpace(out)
}
