package db

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/semsearch/semsearch/db/chunk"
)

// prepared is a document made ready to be written: everything that needs no lock.
type prepared struct {
	doc      Document
	hash     [32]byte
	passages []passageRecord
	analysis *analysis
	vectors  [][]float32
	added    time.Time // when it was added first; zero means now
}

// encodeBatch is how many passages are given to the encoder at once.
const encodeBatch = 128

// prepare cuts, counts and encodes documents.
func (d *DB) prepare(ctx context.Context, ps []*prepared) error {
	if d.enc == nil {
		return fmt.Errorf("document %q: %w", ps[0].doc.ID, ErrNoEncoder)
	}
	for _, p := range ps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := d.split(p); err != nil {
			return err
		}
	}
	var inputs []string
	var owners []*prepared
	flush := func() error {
		if len(inputs) == 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		vs, err := d.encodePassages(ctx, inputs)
		if err != nil {
			return fmt.Errorf("encoding %d passages of documents %q to %q: %w", len(inputs), owners[0].doc.ID, owners[len(owners)-1].doc.ID, err)
		}
		for i, v := range vs {
			owners[i].vectors = append(owners[i].vectors, v)
		}
		inputs, owners = inputs[:0], owners[:0]
		return nil
	}
	for _, p := range ps {
		title := d.titleFor(p.doc.Title)
		for _, pr := range p.passages {
			inputs = append(inputs, passageInput(title, p.doc.Title, p.doc.Text[pr.Start:pr.End]))
			owners = append(owners, p)
			if len(inputs) == encodeBatch {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}

// passageInput is what the encoder reads for a passage: title (cut to fit), a line break, text. The
// title is left out if the text begins with it, as the first passage of a page often does.
func passageInput(title, whole, text string) string {
	switch {
	case title == "":
		return text
	case text == "":
		return title
	case strings.HasPrefix(strings.TrimLeft(text, "# \t"), whole):
		return text
	}
	return title + "\n" + text
}

// templateTokens is room left for what an encoder adds around a passage: two special tokens, a prompt.
const templateTokens = 8

// titleFor cuts a title to a quarter of what the encoder reads.
func (d *DB) titleFor(title string) string {
	title = strings.TrimSpace(title)
	tc, ok := d.enc.(TokenCounter)
	if !ok || tc.MaxTokens() <= 0 {
		return cut(title, 512)
	}
	title = cut(title, 16*tc.MaxTokens())
	for title != "" && tc.CountTokens(title) > max(tc.MaxTokens()/4, 1) {
		half := cut(title, len(title)/2)
		if i := strings.LastIndexByte(half, ' '); i > 0 {
			half = half[:i]
		}
		title = half
	}
	return title
}

// split cuts a document into passages and counts its terms.
func (d *DB) split(p *prepared) error {
	o := chunk.Options{MaxTokens: int(d.config.MaxTokens), OverlapTokens: int(d.config.OverlapTokens), Count: d.o.Chunk.Count}
	if tc, ok := d.enc.(TokenCounter); ok {
		if o.Count == nil {
			o.Count = tc.CountTokens
		}
		if n := tc.MaxTokens(); n > 0 {
			room := n - templateTokens
			if title := d.titleFor(p.doc.Title); title != "" {
				room -= tc.CountTokens(title)
			}
			o.MaxTokens = min(o.MaxTokens, max(room, 1))
			o.OverlapTokens = min(o.OverlapTokens, o.MaxTokens/2)
		}
	}
	format := chunk.Format(slices.Index(formatNames[:], p.doc.format()))
	spans := chunk.Split(p.doc.Text, format, o)
	if len(spans) == 0 {
		if strings.TrimSpace(p.doc.Title) == "" {
			return fmt.Errorf("document %q: no text and no title: %w", p.doc.ID, ErrInvalid)
		}
		spans = []chunk.Span{{}} // one empty passage: the document can be found by its title
	}
	if len(spans) > MaxPassages {
		return fmt.Errorf("document %q: %d passages, at most %d are allowed: %w", p.doc.ID, len(spans), MaxPassages, ErrInvalid)
	}
	p.passages = locate(p.doc.Text, spans)
	p.analysis = analyze(p.doc.Title, p.doc.Text, p.passages)
	for i, n := range p.analysis.passageTokens {
		p.passages[i].Tokens = n
	}
	return nil
}

// locate finds line and column of each span in one walk over the text.
func locate(text string, spans []chunk.Span) []passageRecord {
	out := make([]passageRecord, len(spans))
	pos, line, col := 0, 1, 1
	for i, s := range spans {
		for pos < s.Start {
			chunk := text[pos:s.Start]
			if nl := strings.IndexByte(chunk, '\n'); nl >= 0 {
				line++
				col = 1
				pos += nl + 1
				continue
			}
			col += utf8.RuneCountInString(chunk)
			pos = s.Start
		}
		if pos > s.Start { // spans that begin at the same place, or before
			line, col = lineCol(text, s.Start)
			pos = s.Start
		}
		out[i] = passageRecord{Start: uint32(s.Start), End: uint32(s.End), Line: uint32(line), Col: uint32(col)}
	}
	return out
}

// lineCol is the line and column of an offset, counted from the start of the text.
func lineCol(text string, offset int) (line, col int) {
	before := text[:offset]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}

// encodePassages asks the encoder and checks what it gives.
func (d *DB) encodePassages(ctx context.Context, inputs []string) ([][]float32, error) {
	vs, err := d.enc.EncodePassages(ctx, slices.Clone(inputs))
	if err != nil {
		return nil, err
	}
	if len(vs) != len(inputs) {
		return nil, fmt.Errorf("%d vectors for %d passages: %w", len(vs), len(inputs), ErrEncoder)
	}
	for i, v := range vs {
		if err := d.checkVector(v); err != nil {
			return nil, fmt.Errorf("vector %d: %w", i, err)
		}
	}
	return vs, nil
}

func (d *DB) checkVector(v []float32) error {
	if len(v) != int(d.config.Dim) {
		return fmt.Errorf("%d dimensions, want %d: %w", len(v), d.config.Dim, ErrEncoder)
	}
	for i, x := range v {
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("value %d is %v: %w", i, x, ErrEncoder)
		}
	}
	return nil
}
