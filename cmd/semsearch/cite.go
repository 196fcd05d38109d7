package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/db/chunk"
	"github.com/semsearch/semsearch/internal/extract"
)

// cites knows where passages stand: in the file that a document was read from, where its text is not the
// file itself, and under which headings.
type cites struct {
	docs map[string]*cited
}

// cited is a document that something was found in.
type cited struct {
	text     string
	where    *extract.Map // nil when offsets in the text are those in the file
	headings []chunk.Heading
}

// cite reads the documents that were found in.
func (a *app) cite(ctx context.Context, d *db.DB, ids []string) (*cites, error) {
	c := &cites{map[string]*cited{}}
	for _, id := range ids {
		if c.docs[id] != nil {
			continue
		}
		doc, err := d.Get(ctx, id)
		if errors.Is(err, db.ErrNotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		e := &cited{text: doc.Text}
		if s := doc.Metadata[extract.MetaMap]; s != "" {
			// A map that cannot be read is one of a later version, or somebody else's key.
			if m, err := extract.ParseMap(s); err == nil {
				e.where = m
			}
		}
		if doc.Format == db.FormatMarkdown {
			e.headings = chunk.Headings(doc.Text, chunk.Markdown)
		}
		c.docs[id] = e
	}
	return c, nil
}

// place is where a range of a document begins in the file: "id:line:col"; or the pages it is on: "id:page 3",
// "id:pages 3-4".
func (c *cites) place(id string, start, end, line, col int) string {
	if c != nil {
		if e := c.docs[id]; e != nil {
			if p, _, ok := e.where.Range(e.text, start, end); ok {
				if p.Page > 0 {
					if last := e.lastPage(end); last > p.Page {
						return fmt.Sprintf("%s:pages %d-%d", oneLine(id), p.Page, last)
					}
					return oneLine(id) + ":page " + strconv.Itoa(p.Page)
				}
				if p.Line > 0 {
					line, col = p.Line, p.Col
				}
			}
		}
	}
	return place(id, line, col)
}

// lastPage is the page of the last byte before end.
func (e *cited) lastPage(end int) int {
	p, _ := e.where.Locate(e.text, max(end-1, 0))
	return p.Page
}

// jsonFile is the place in the file of what is found in a document whose text was made from it. Start and
// End are bytes.
type jsonFile struct {
	Start *int `json:"start,omitempty"`
	End   *int `json:"end,omitempty"`
	Line  int  `json:"line,omitempty"`
	Col   int  `json:"col,omitempty"`
	Page  int  `json:"page,omitempty"`
	Last  int  `json:"last_page,omitempty"` // when it is another
}

// file is the place of a range of a document's text, nil when that is the file.
func (c *cites) file(id string, start, end int) *jsonFile {
	if c == nil || c.docs[id] == nil {
		return nil
	}
	e := c.docs[id]
	from, to, ok := e.where.Range(e.text, start, end)
	if !ok {
		return nil
	}
	f := &jsonFile{Line: from.Line, Col: from.Col, Page: from.Page}
	if from.Page == 0 && from.Offset >= 0 && to.Offset >= from.Offset {
		f.Start, f.End = &from.Offset, &to.Offset
	}
	if last := e.lastPage(end); last > from.Page {
		f.Last = last
	}
	return f
}

// heading is the headings over a passage, as "Setup > Linux".
func (c *cites) heading(id string, start, end int) string {
	if c == nil || c.docs[id] == nil {
		return ""
	}
	e := c.docs[id]
	return chunk.Path(e.text, e.headings, chunk.Span{Start: start, End: end})
}
