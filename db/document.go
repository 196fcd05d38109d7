package db

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/semsearch/semsearch/db/chunk"
)

// Formats of a document's text.
const (
	FormatText     = "text"
	FormatMarkdown = "markdown"
	FormatCode     = "code" // source code: cut between declarations, blocks and lines
)

// formatNames are the formats by their number in the file, which is that of chunk.Format.
var formatNames = [...]string{chunk.Text: FormatText, chunk.Markdown: FormatMarkdown, chunk.Code: FormatCode}

// Document is what is added and given back: one text under one id.
type Document struct {
	ID       string            // unique in the database, 1 to MaxIDBytes bytes; adding it again replaces the document
	Title    string            // may be empty; searched and encoded together with the text
	Text     string            // UTF-8, at most MaxTextBytes; kept byte for byte
	Format   string            // FormatText, FormatMarkdown or FormatCode; empty means FormatText
	Source   string            // where it came from, such as a path; kept as given
	Metadata map[string]string // kept as given, not searched
}

// DocumentInfo is a document without its text.
type DocumentInfo struct {
	ID       string
	Title    string
	Source   string
	Format   string
	Metadata map[string]string
	Bytes    int       // length of the text
	Passages int       // number of passages
	Added    time.Time // when this version was added
	Hash     [32]byte  // ContentHash of the document
}

// AddResult counts what Add did.
type AddResult struct {
	Added     int // documents that are new
	Replaced  int // documents whose id was present with other content
	Unchanged int // documents present with the same content, left alone
	Passages  int // passages written
}

// ContentHash is the SHA-256 of everything in a document but its id. Add leaves a document alone whose
// hash is that of the one present.
func ContentHash(doc Document) [32]byte {
	h := sha256.New()
	var b []byte
	field := func(s string) {
		b = binary.LittleEndian.AppendUint64(b[:0], uint64(len(s)))
		h.Write(b)
		h.Write([]byte(s))
	}
	field("semsearch document 1")
	field(doc.Title)
	field(doc.Text)
	field(doc.format())
	field(doc.Source)
	for _, k := range slices.Sorted(maps.Keys(doc.Metadata)) {
		field(k)
		field(doc.Metadata[k])
	}
	return [32]byte(h.Sum(nil))
}

func (doc *Document) format() string {
	if doc.Format == "" {
		return FormatText
	}
	return doc.Format
}

// validate reports what is wrong with a document, or nil.
func (doc *Document) validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("document %q: %s: %w", cut(doc.ID, 80), fmt.Sprintf(format, args...), ErrInvalid)
	}
	if err := validID(doc.ID); err != nil {
		return err
	}
	header := len(doc.Title) + len(doc.Source)
	for k, v := range doc.Metadata {
		header += len(k) + len(v)
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return bad("metadata %q is not UTF-8", k)
		}
	}
	switch {
	case header > MaxHeaderBytes:
		return bad("title, source and metadata have %d bytes, at most %d are allowed", header, MaxHeaderBytes)
	case len(doc.Text) > MaxTextBytes:
		return bad("text has %d bytes, at most %d are allowed", len(doc.Text), MaxTextBytes)
	case !utf8.ValidString(doc.Text):
		return bad("text is not UTF-8 at byte %d", invalidUTF8(doc.Text))
	case !utf8.ValidString(doc.Title):
		return bad("title is not UTF-8")
	case !slices.Contains(formatNames[:], doc.format()):
		return bad("format %q is not %s, %s or %s", doc.Format, FormatText, FormatMarkdown, FormatCode)
	}
	return nil
}

func validID(id string) error {
	switch {
	case id == "":
		return fmt.Errorf("document without an id: %w", ErrInvalid)
	case len(id) > MaxIDBytes:
		return fmt.Errorf("document %q...: id has %d bytes, at most %d are allowed: %w", cut(id, 80), len(id), MaxIDBytes, ErrInvalid)
	case !utf8.ValidString(id):
		return fmt.Errorf("document %q: id is not UTF-8: %w", cut(id, 80), ErrInvalid)
	}
	return nil
}

// invalidUTF8 is the offset of the first byte that is not UTF-8.
func invalidUTF8(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
	}
	return len(s)
}

func (r *documentRecord) info() DocumentInfo {
	return DocumentInfo{ID: r.ID, Title: r.Title, Source: r.Source, Format: formatNames[r.Format], Metadata: r.Metadata,
		Bytes: int(r.TextBytes), Passages: int(r.Passages), Added: r.Added, Hash: r.Hash}
}
