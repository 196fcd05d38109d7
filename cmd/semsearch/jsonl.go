package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/extract"
)

// maxBadLines is how many bad lines of a file are named; the rest are counted. A wrong file has very many.
const maxBadLines = 20

// addLines adds the documents of a file of JSON lines, "-" for standard input.
func addLines(ctx context.Context, ad *adder, path string, max int64) error {
	name, r := path, ad.app.stdin
	if path == "-" {
		name = "standard input"
	} else {
		if fi, err := os.Stat(path); err == nil && fi.IsDir() {
			ad.failure(path, fmt.Errorf("%w: --jsonl wants a file, this is a folder", extract.ErrNotRegular))
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			ad.failure(path, err)
			return nil
		}
		defer f.Close()
		r = &interruptible{ctx: ctx, r: f} // a named pipe is fine here, it is read as it comes
	}
	bad := 0
	refuse := func(line int, err error) {
		if bad++; bad <= maxBadLines {
			ad.failure(fmt.Sprintf("%s:%d", name, line), err)
		} else {
			ad.failed++
		}
	}
	lines := newLineReader(r, max)
	for lines.next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if lines.tooLong {
			refuse(lines.number, fmt.Errorf("%w: over the limit of %d bytes", extract.ErrTooLarge, max))
			continue
		}
		if len(bytes.TrimSpace(lines.line)) == 0 {
			continue
		}
		doc, err := documentOfLine(lines.line)
		if err != nil {
			refuse(lines.number, err)
			continue
		}
		if err := ad.add(ctx, doc, fmt.Sprintf("%s:%d", name, lines.number)); err != nil {
			return err
		}
	}
	if bad > maxBadLines {
		ad.clearProgress()
		ad.app.complain("%s: %s more bad lines", name, group(int64(bad-maxBadLines)))
	}
	if lines.err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		ad.failure(name, lines.err)
	}
	return nil
}

// documentOfLine reads one line of --jsonl.
func documentOfLine(line []byte) (db.Document, error) {
	if !utf8.Valid(line) {
		return db.Document{}, extract.ErrInvalidUTF8
	}
	var l struct {
		ID0      json.RawMessage            `json:"_id"`
		ID1      json.RawMessage            `json:"id"`
		Title    string                     `json:"title"`
		Text     string                     `json:"text"`
		Format   string                     `json:"format"`
		Source   string                     `json:"source"`
		Metadata map[string]json.RawMessage `json:"metadata"`
	}
	if err := json.Unmarshal(line, &l); err != nil {
		return db.Document{}, jsonError(err)
	}
	raw := l.ID0
	if raw == nil {
		raw = l.ID1
	}
	id, err := idOf(raw)
	if err != nil {
		return db.Document{}, err
	}
	if strings.TrimFunc(l.Text, unicode.IsSpace) == "" {
		return db.Document{}, fmt.Errorf("document %s: %w", quote(id), extract.ErrEmpty)
	}
	switch l.Format {
	case "":
		l.Format = db.FormatText
	case db.FormatText, db.FormatMarkdown, db.FormatCode:
	default:
		return db.Document{}, fmt.Errorf("document %s: unknown format %s", quote(id), quote(l.Format))
	}
	doc := db.Document{ID: id, Title: l.Title, Text: l.Text, Format: l.Format, Source: l.Source}
	for k, v := range l.Metadata {
		if doc.Metadata == nil {
			doc.Metadata = map[string]string{}
		}
		var s string
		if json.Unmarshal(v, &s) != nil {
			s = string(v) // a number, a list: kept as it is written
		}
		doc.Metadata[k] = s
	}
	return doc, nil
}

// idOf takes a string that is not empty, or a whole number.
func idOf(raw json.RawMessage) (string, error) {
	var s string
	if len(raw) == 0 || string(raw) == "null" {
		return "", errors.New(`no "id" or "_id"`)
	}
	if err := json.Unmarshal(raw, &s); err == nil {
		if s == "" {
			return "", errors.New("the id is empty")
		}
		return s, nil
	}
	var n json.Number
	if err := json.Unmarshal(raw, &n); err != nil || strings.ContainsAny(n.String(), ".eE") {
		return "", errors.New("the id is not a string")
	}
	return n.String(), nil
}

// jsonError says what is wrong with a line without the words of the json package about Go types.
func jsonError(err error) error {
	var te *json.UnmarshalTypeError
	var se *json.SyntaxError
	switch {
	case errors.As(err, &te) && te.Field != "":
		return fmt.Errorf("%s is a %s", quote(te.Field), te.Value)
	case errors.As(err, &te):
		return fmt.Errorf("a JSON %s, not an object", te.Value)
	case errors.As(err, &se):
		return fmt.Errorf("not JSON: byte %d: %s", se.Offset, se.Error())
	}
	return fmt.Errorf("not JSON: %w", err)
}

// lineReader reads lines of any length up to max bytes; a longer one is skipped, not kept.
type lineReader struct {
	r       *bufio.Reader
	max     int64
	line    []byte // without the newline and a carriage return before it; valid until next
	number  int    // of line, from 1
	tooLong bool   // line was longer than max and is empty
	err     error  // what ended the lines, nil at the end of the input
}

func newLineReader(r io.Reader, max int64) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, 64<<10), max: max}
}

func (l *lineReader) next() bool {
	l.line, l.tooLong = l.line[:0], false
	read := false
	for {
		part, err := l.r.ReadSlice('\n')
		read = read || len(part) > 0
		if !l.tooLong {
			if int64(len(l.line)+len(part)) > l.max+2 {
				l.tooLong, l.line = true, l.line[:0]
			} else {
				l.line = append(l.line, part...)
			}
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err != nil && err != io.EOF:
			l.err = err
			return false // a line cut by an error is no line
		case err == io.EOF && !read:
			return false
		}
		break
	}
	l.number++
	l.line = bytes.TrimSuffix(l.line, []byte("\n"))
	l.line = bytes.TrimSuffix(l.line, []byte("\r"))
	if l.number == 1 {
		l.line = bytes.TrimPrefix(l.line, []byte("\ufeff"))
	}
	if int64(len(l.line)) > l.max {
		l.tooLong, l.line = true, l.line[:0]
	}
	return true
}
