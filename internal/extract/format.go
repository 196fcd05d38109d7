package extract

import (
	"bytes"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"

	"github.com/semsearch/semsearch/db"
)

// Format is a kind of file.
type Format string

// Formats of files. Unknown is anything else, most often binary.
const (
	Unknown   Format = ""
	Text      Format = "text"
	Markdown  Format = "markdown"
	Code      Format = "code" // source code and configuration: the text is the file, cut between blocks of lines
	HTML      Format = "html" // HTML and XHTML
	CSV       Format = "csv"  // comma, semicolon or tab between fields
	JSON      Format = "json"
	JSONLines Format = "jsonl"
	DOCX      Format = "docx"
	ODT       Format = "odt"
	EPUB      Format = "epub"
	PDF       Format = "pdf"
	Email     Format = "eml"  // one message (RFC 5322)
	Mbox      Format = "mbox" // many (RFC 4155)
	Zip       Format = "zip"
	Tar       Format = "tar"
	Gzip      Format = "gzip" // of one file, or of a tar
)

// Archive reports whether a file of the format holds other files, which become documents of their own.
func (f Format) Archive() bool {
	switch f {
	case Zip, Tar, Gzip, Mbox:
		return true
	}
	return false
}

// packed reports whether a file of the format is no text itself.
func (f Format) packed() bool {
	switch f {
	case DOCX, ODT, EPUB, PDF, Zip, Tar, Gzip:
		return true
	}
	return false
}

// extensions are the names that are known, by format.
var extensions = map[string]Format{}

func init() {
	for format, list := range map[Format]string{
		Text:      ".txt .text .rst .adoc .asciidoc .org .tex .srt .vtt",
		Markdown:  ".md .markdown .mdown .mkd .mdx .qmd .rmd",
		HTML:      ".html .htm .xhtml",
		CSV:       ".csv .tsv .tab",
		JSON:      ".json .geojson .webmanifest",
		JSONLines: ".jsonl .ndjson",
		DOCX:      ".docx",
		ODT:       ".odt",
		EPUB:      ".epub",
		PDF:       ".pdf",
		Email:     ".eml",
		Mbox:      ".mbox .mbx",
		Zip:       ".zip",
		Tar:       ".tar",
		Gzip:      ".gz .tgz",
		Code: `.go .py .pyi .js .mjs .cjs .jsx .ts .tsx .java .kt .kts .scala .groovy .c .h .cc .cpp .cxx .hh .hpp .hxx .cs .fs .m .mm
			.rs .rb .php .swift .dart .lua .pl .pm .r .jl .hs .ml .mli .clj .erl .ex .exs .el .lisp .scm .sh .bash .zsh .fish .ps1 .bat
			.sql .proto .graphql .cmake .mk .tf .nix .zig .v .vhd .asm .s .css .scss .less .vue .svelte .xml .xsd
			.yaml .yml .toml .ini .cfg .conf .properties`,
	} {
		for e := range strings.FieldsSeq(list) {
			extensions[e] = format
		}
	}
}

// byName returns the format that a file's extension stands for, Unknown when it stands for none.
func byName(name string) Format {
	return extensions[strings.ToLower(filepath.Ext(name))]
}

// Known reports whether the extension of name is one of a known format. The case does not matter.
func Known(name string) bool { return byName(name) != Unknown }

// headBytes is how much of a file decides what it is.
const headBytes = 3072

// Detect returns the format of a file by its first bytes (a few thousand are enough, all are fine) and its
// name.
//
// The bytes say whether it is text, a known packed format, or something else, whatever the name says: a PDF
// called notes.txt is a PDF, and a program called notes.md is Unknown. Among text formats the name decides,
// because their beginnings look alike; text whose name says nothing, or names a packed format, is looked at
// again: HTML, JSON and mail have beginnings of their own, the rest is Text.
func Detect(name string, head []byte) Format {
	named := byName(name)
	whole := len(head) < headBytes
	head = head[:min(len(head), headBytes)]
	if packed := packedFormat(head); packed != Unknown {
		if packed == Zip && (named == DOCX || named == ODT || named == EPUB) {
			return named // the parts that tell them apart may come late; reading looks again
		}
		return packed
	}
	if !looksText(head, whole) {
		return Unknown
	}
	if named != Unknown && !named.packed() {
		return named
	}
	return textKind(head)
}

// packedFormat is the packed format that head is the beginning of, by its magic numbers.
func packedFormat(head []byte) Format {
	if len(head) < 4 || textEncoding(head) != nil { // a byte order mark is none
		return Unknown
	}
	for m := mimetype.Detect(head); m != nil; m = m.Parent() {
		switch strings.TrimSuffix(m.String(), "; charset=utf-8") {
		case "application/pdf":
			return PDF
		case "application/vnd.openxmlformats-officedocument.wordprocessingml.document":
			return DOCX
		case "application/vnd.oasis.opendocument.text":
			return ODT
		case "application/epub+zip":
			return EPUB
		case "application/zip":
			if m2 := mimetype.Detect(head); m2.String() == "application/zip" {
				return Zip
			}
			return Unknown // a spreadsheet, a Java archive, an app: named by binaryName
		case "application/gzip":
			return Gzip
		case "application/x-tar":
			return Tar
		}
	}
	return Unknown
}

// looksText reports whether head can be the beginning of a text, in any encoding that is read. It is
// generous: what is wrong with the text is said when it is read.
func looksText(head []byte, whole bool) bool {
	if textEncoding(head) != nil || utf16WithoutMark(head) != nil {
		return true
	}
	if binaryName(head) != "" || bytes.IndexByte(head, 0) >= 0 {
		return false
	}
	return true
}

// textKind tells formats apart whose beginnings are their own.
func textKind(head []byte) Format {
	s := head
	if enc := textEncoding(head); enc != nil {
		s = s[enc.mark:]
	}
	s = bytes.TrimLeft(s, " \t\r\n")
	lower := bytes.ToLower(s[:min(len(s), 256)])
	switch {
	case hasAnyPrefix(lower, "<!doctype html", "<html"), bytes.HasPrefix(lower, []byte("<?xml")) && bytes.Contains(lower, []byte("<html")):
		return HTML
	case bytes.HasPrefix(head, []byte("From ")) && mboxStart(head):
		return Mbox
	case looksEmail(head):
		return Email
	}
	return Text
}

func hasAnyPrefix(b []byte, prefixes ...string) bool {
	for _, p := range prefixes {
		if bytes.HasPrefix(b, []byte(p)) {
			return true
		}
	}
	return false
}

// binaryName names the format of data when it starts like a known binary format, "" when it does not.
func binaryName(data []byte) string {
	for _, s := range []struct{ magic, name string }{
		{"%PDF-", "PDF"},
		{"PK\x03\x04", "ZIP"},
		{"\x1f\x8b", "gzip"},
		{"\x28\xb5\x2f\xfd", "Zstandard"},
		{"\x89PNG\r\n", "PNG"},
		{"\xff\xd8\xff", "JPEG"},
		{"GIF8", "GIF"},
		{"{\\rtf", "RTF"},
		{"\xd0\xcf\x11\xe0", "Microsoft Office before 2007"},
		{"\x7fELF", "ELF program"},
		{"SQLite format 3\x00", "SQLite"},
	} {
		if bytes.HasPrefix(data, []byte(s.magic)) {
			if s.name == "ZIP" {
				break // what kind of ZIP
			}
			return s.name
		}
	}
	m := mimetype.Detect(data[:min(len(data), headBytes)])
	for p := m; p != nil; p = p.Parent() {
		if t := p.String(); strings.HasPrefix(t, "text/plain") || t == "application/octet-stream" && p == m {
			return ""
		}
	}
	return m.String()
}

// dbFormat is the format of a document's text as the database cuts it.
func (f Format) dbFormat() string {
	switch f {
	case Markdown, HTML, DOCX, ODT, EPUB:
		return db.FormatMarkdown // written as Markdown, so that headings, lists and tables stay what they are
	case Code:
		return db.FormatCode
	}
	return db.FormatText
}

// fileTitle is the name of a file without folders and without known extensions, never blank.
func fileTitle(name string) string {
	base := filepath.Base(filepath.ToSlash(name))
	if Known(base) {
		if t := strings.TrimSuffix(base, filepath.Ext(base)); t != "" {
			base = t
		}
	}
	if !utf8.ValidString(base) {
		base = strings.ToValidUTF8(base, "\ufffd")
	}
	if strings.TrimSpace(base) == "" { // a name of blanks is a name, but none to look at
		base = strconv.Quote(base)
	}
	return base
}
