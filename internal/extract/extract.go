package extract

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/semsearch/semsearch/db"
)

// DefaultMaxBytes is the size of the largest file that is read unless Options say otherwise: 64 MiB.
const DefaultMaxBytes = 64 << 20

// Options says what is read. The zero value, and nil, are the defaults.
type Options struct {
	// MaxBytes is the size of the largest file that is read; 0 means DefaultMaxBytes. A file is held in
	// memory while it is added, so more costs memory.
	MaxBytes int64
}

func (o *Options) maxBytes() int64 {
	if o == nil || o.MaxBytes <= 0 {
		return DefaultMaxBytes
	}
	return o.MaxBytes
}

// byteOrderMark is U+FEFF in UTF-8.
const byteOrderMark = "\ufeff"

// format is one kind of file: its name in a document, its extensions, and how a title is found in a text.
type format struct {
	name       string
	extensions []string
	title      func(text string) string // "" when there is none
}

var formats = []format{
	textFormat,
	markdownFormat,
}

// formatOf returns the format of a file by its extension.
func formatOf(name string) (format, bool) {
	ext := strings.ToLower(filepath.Ext(name))
	for _, f := range formats {
		for _, e := range f.extensions {
			if e == ext {
				return f, true
			}
		}
	}
	return format{}, false
}

// Known reports whether the extension of name is one of a known format. The case does not matter.
func Known(name string) bool {
	_, ok := formatOf(name)
	return ok
}

// File reads the file at path as a document with Title, Text, Format and Source (path as given) set. The
// ID is left empty, because only the caller knows what the path is relative to.
//
// A symbolic link is followed. The error is an [fs.PathError], or wraps [ErrNotRegular], [ErrTooLarge] or
// one of the errors of [Bytes]; it does not name the file.
func File(path string, o *Options) (db.Document, error) {
	data, err := read(path, o.maxBytes())
	if err != nil {
		return db.Document{}, err
	}
	doc, err := Bytes(path, data)
	doc.Source = path
	return doc, err
}

// read returns the bytes of a regular file of at most max bytes.
func read(path string, max int64) ([]byte, error) {
	// Look before opening: opening a named pipe waits for a writer.
	fi, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := regular(fi); err != nil {
		return nil, err
	}
	if fi.Size() > max {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, fi.Size(), max)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(f, max)
}

func regular(fi fs.FileInfo) error {
	switch m := fi.Mode(); {
	case m.IsRegular():
		return nil
	case m.IsDir():
		return fmt.Errorf("%w: a folder", ErrNotRegular)
	case m&fs.ModeNamedPipe != 0:
		return fmt.Errorf("%w: a named pipe", ErrNotRegular)
	case m&fs.ModeSocket != 0:
		return fmt.Errorf("%w: a socket", ErrNotRegular)
	case m&fs.ModeDevice != 0:
		return fmt.Errorf("%w: a device", ErrNotRegular)
	default:
		return ErrNotRegular
	}
}

// Read reads r to its end; more than max bytes are [ErrTooLarge]. A max of 0 means [DefaultMaxBytes].
// It is for input whose size is not known before, such as standard input.
func Read(r io.Reader, max int64) ([]byte, error) {
	if max <= 0 {
		max = DefaultMaxBytes
	}
	data, err := io.ReadAll(io.LimitReader(r, max+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > max {
		return nil, fmt.Errorf("%w: over the limit of %d bytes", ErrTooLarge, max)
	}
	return data, nil
}

// Bytes makes a document of the bytes of a file called name, which decides the format and, when the text
// has no title of its own, the title. The ID and the Source are left empty.
//
// The error wraps [ErrEmpty], [ErrBinary], [ErrEncoding] or [ErrInvalidUTF8]; it does not name the file.
func Bytes(name string, data []byte) (db.Document, error) {
	if err := checkText(data); err != nil {
		return db.Document{}, err
	}
	f, ok := formatOf(name)
	if !ok {
		f = textFormat
	}
	text := string(data)
	title := f.title(strings.TrimPrefix(text, byteOrderMark))
	if title == "" {
		title = fileTitle(name)
	}
	return db.Document{Title: title, Text: text, Format: f.name}, nil
}

// checkText reports why data is no UTF-8 text.
func checkText(data []byte) error {
	if name := encodingOf(data); name != "" {
		return fmt.Errorf("%w: %s", ErrEncoding, name)
	}
	if name := signature(data); name != "" {
		return fmt.Errorf("%w: %s", ErrBinary, name)
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return fmt.Errorf("%w: NUL at byte %d", ErrBinary, i)
	}
	blank := true
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			line := 1 + bytes.Count(data[:i], []byte("\n"))
			return fmt.Errorf("%w: byte %d, line %d", ErrInvalidUTF8, i, line)
		}
		if blank && !unicode.IsSpace(r) && (r != '\ufeff' || i != 0) {
			blank = false
		}
		i += n
	}
	if blank {
		return ErrEmpty
	}
	return nil
}

// encodingOf names the encoding of data when a byte order mark says that it is not UTF-8.
func encodingOf(data []byte) string {
	for _, b := range []struct{ mark, name string }{
		{"\xff\xfe\x00\x00", "UTF-32 (little endian)"}, // before UTF-16, whose mark it begins with
		{"\x00\x00\xfe\xff", "UTF-32 (big endian)"},
		{"\xff\xfe", "UTF-16 (little endian)"},
		{"\xfe\xff", "UTF-16 (big endian)"},
	} {
		if bytes.HasPrefix(data, []byte(b.mark)) {
			return b.name
		}
	}
	return ""
}

// signature names the format of data when it starts like a file that people would take for a document.
func signature(data []byte) string {
	for _, s := range []struct{ magic, name string }{
		{"%PDF-", "PDF"},
		{"PK\x03\x04", "ZIP (or docx, odt, epub)"},
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
			return s.name
		}
	}
	return ""
}

// fileTitle is the name of a file without folders and without a known extension.
func fileTitle(name string) string {
	base := filepath.Base(filepath.ToSlash(name))
	if Known(base) {
		if t := strings.TrimSuffix(base, filepath.Ext(base)); t != "" {
			return t
		}
	}
	return base
}

// Reason is the message of an error of this package or of the file system, without the path that an
// [fs.PathError] repeats: callers name the file themselves.
func Reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
