package extract_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/internal/extract"
)

func write(t *testing.T, name, data string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(data), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// The text of a document is the file, byte for byte: that is what makes offsets true.
func TestFileKeepsEveryByte(t *testing.T) {
	for name, data := range map[string]string{
		"plain.txt":  "Green tea is steeped below boiling.\n",
		"crlf.md":    "# One\r\n\r\ntwo\r\n",
		"bom.md":     "\ufeff# One\n\ntwo\n",
		"cr.txt":     "old\rmac\rlines",
		"blanks.txt": "  \t\n\n text \n\n \u00a0\n",
		"wide.txt":   "日本語 e\u0301 \U0001f375 \ufeff inside\n",
	} {
		path := write(t, name, data)
		doc, err := extract.File(path, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if doc.Text != data {
			t.Errorf("%s: text %q, want %q", name, doc.Text, data)
		}
		if doc.Source != path || doc.ID != "" {
			t.Errorf("%s: source %q, id %q", name, doc.Source, doc.ID)
		}
		want := "text"
		if strings.HasSuffix(name, ".md") {
			want = "markdown"
		}
		if doc.Format != want {
			t.Errorf("%s: format %q, want %q", name, doc.Format, want)
		}
	}
}

func TestFileErrors(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		name, data string
		want       error
		message    string
	}{
		{"empty.txt", "", extract.ErrEmpty, "no text in it"},
		{"blank.md", " \r\n\t\u2003\n", extract.ErrEmpty, "no text in it"},
		{"bom.txt", "\ufeff\n", extract.ErrEmpty, "no text in it"},
		{"nul.txt", "abc\x00def", extract.ErrBinary, "binary file: NUL at byte 3"},
		{"report.pdf", "%PDF-1.7\n", extract.ErrDamaged, "damaged file: PDF without an end"},
		{"letter.docx", "PK\x03\x04rest", extract.ErrDamaged, "damaged file: zip: not a valid zip file"},
		{"table.xlsx.txt", "\xd0\xcf\x11\xe0", extract.ErrBinary, "binary file: Microsoft Office before 2007"},
		{"sound.txt", "OggS\x00\x02\x00\x00", extract.ErrBinary, "binary file: application/ogg"},
		{"photo.txt", "\xff\xd8\xff\xe0", extract.ErrBinary, "binary file: JPEG"},
		{"le.txt", "\xff\xfea\x00b", extract.ErrEncoding, "unsupported encoding: UTF-16 (little endian), byte 4 is no character"},
		{"be.txt", "\xfe\xff\xd8\x00\x00a", extract.ErrEncoding, "unsupported encoding: UTF-16 (big endian), byte 2 is no character"},
		{"le32.txt", "\xff\xfe\x00\x00a\x00\x00\x01", extract.ErrEncoding, "unsupported encoding: UTF-32 (little endian), byte 4 is no character"},
		{"be32.txt", "\x00\x00\xfe\xff\x00\x00\xd8\x00", extract.ErrEncoding, "unsupported encoding: UTF-32 (big endian), byte 4 is no character"},
		{"latin1.txt", "tea\ncaf\xe9\n", extract.ErrInvalidUTF8, "invalid UTF-8: byte 7, line 2"},
		{"cut.txt", "tea \xe2\x82", extract.ErrInvalidUTF8, "invalid UTF-8: byte 4, line 1"},
		{"surrogate.txt", "\xed\xa0\x80", extract.ErrInvalidUTF8, "invalid UTF-8: byte 0, line 1"},
		{"large.txt", strings.Repeat("x", 1025), extract.ErrTooLarge, "too large: 1025 bytes, the limit is 1024"},
	} {
		path := filepath.Join(dir, tt.name)
		if err := os.WriteFile(path, []byte(tt.data), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := extract.File(path, &extract.Options{MaxBytes: 1024})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		} else if got := extract.Reason(err); got != tt.message {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.message)
		}
	}
	if _, err := extract.File(filepath.Join(dir, "none.txt"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	} else if got := extract.Reason(err); strings.Contains(got, dir) {
		t.Errorf("missing file: reason %q repeats the path", got)
	}
	if _, err := extract.File(dir, nil); !errors.Is(err, extract.ErrNotRegular) {
		t.Errorf("folder: %v", err)
	}
}

func TestFileAtTheLimit(t *testing.T) {
	path := write(t, "a.txt", strings.Repeat("x", 1024))
	if _, err := extract.File(path, &extract.Options{MaxBytes: 1024}); err != nil {
		t.Error(err)
	}
}

// Read is for input without a known size; it must not read on for ever.
func TestReadIsBounded(t *testing.T) {
	r := &endless{}
	if _, err := extract.Read(r, 1000); !errors.Is(err, extract.ErrTooLarge) {
		t.Errorf("%v, want %v", err, extract.ErrTooLarge)
	}
	if r.n > 100_000 {
		t.Errorf("read %d bytes for a limit of 1000", r.n)
	}
	if data, err := extract.Read(strings.NewReader(strings.Repeat("x", 1000)), 1000); err != nil || len(data) != 1000 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

type endless struct{ n int }

func (e *endless) Read(p []byte) (int, error) {
	e.n += len(p)
	return len(p), nil
}

func TestKnown(t *testing.T) {
	for name, want := range map[string]bool{
		"a.md": true, "a.MD": true, "a.markdown": true, "x/y.txt": true, "a.text": true,
		"a.pdf": true, "a.exe": false, "README": false, "md": false, "a.md.bak": false, "": false,
	} {
		if got := extract.Known(name); got != want {
			t.Errorf("Known(%q) = %v", name, got)
		}
	}
}

func TestTitleFallsBackToTheName(t *testing.T) {
	for name, want := range map[string]string{
		"notes/green-tea.md": "green-tea",
		"notes.txt":          "notes",
		"README":             "README",
		"a.log":              "a.log",
		"dir/.md":            ".md",
	} {
		doc, err := extract.Bytes(name, []byte("no heading here"))
		if err != nil {
			t.Fatal(err)
		}
		if doc.Title != want {
			t.Errorf("%s: title %q, want %q", name, doc.Title, want)
		}
	}
}
