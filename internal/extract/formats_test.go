package extract_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/semsearch/semsearch/internal/extract"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// dump shows what a file gives, with the place of each paragraph.
func dump(t *testing.T, name string, data []byte, o *extract.Options) string {
	t.Helper()
	var b strings.Builder
	err := extract.FromBytes(context.Background(), name, data, o, func(it extract.Item) error {
		fmt.Fprintf(&b, "== %s\n", it.Member)
		switch {
		case it.Err != nil:
			fmt.Fprintf(&b, "error: %v\n", it.Err)
			return nil
		case it.Skipped != "":
			fmt.Fprintf(&b, "skipped: %s\n", it.Skipped)
			return nil
		}
		fmt.Fprintf(&b, "title %q, text %q, file %q\n", it.Doc.Title, it.Doc.Format, it.Doc.Metadata[extract.MetaFormat])
		var m *extract.Map
		if s := it.Doc.Metadata[extract.MetaMap]; s != "" {
			var err error
			if m, err = extract.ParseMap(s); err != nil {
				t.Error(err)
			}
		}
		offset := 0
		for line := range strings.Lines(it.Doc.Text) {
			where := ""
			if p, ok := m.Locate(it.Doc.Text, offset+len(line)-len(strings.TrimLeft(line, "#-|` "))); ok && strings.TrimSpace(line) != "" {
				if where = fmt.Sprintf("%d:%d", p.Line, p.Col); p.Page > 0 {
					where = fmt.Sprintf("p%d", p.Page)
				}
			}
			fmt.Fprintf(&b, "%6s| %s\n", where, strings.TrimRight(line, "\r\n"))
			offset += len(line)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Files that other programs have written (see testdata/make.sh) give what their golden files say.
func TestFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/files/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, path := range files {
		name := filepath.Base(path)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got := dump(t, name, data, &extract.Options{Program: program(t)})
		golden := filepath.Join("testdata", "golden", name+".txt")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != strings.ReplaceAll(string(want), "\r\n", "\n") {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

// The words of sample.md, in their order, are in every file that pandoc and groff have made of it.
func TestFilesHoldEveryWord(t *testing.T) {
	data, err := os.ReadFile("testdata/sample.md")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(data), "\n---\n")
	body, note, _ := strings.Cut(body, "[^1]:")
	body = strings.ReplaceAll(body, "[^1]", "")
	files, err := filepath.Glob("testdata/files/sample.*")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, path := range files {
		switch filepath.Ext(path) {
		case ".eml", ".mbox":
			continue
		}
		seen++
		doc, err := extract.File(path, &extract.Options{Program: program(t)})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if doc.Title != "Keeping bees" {
			t.Errorf("%s: title %q", path, doc.Title)
		}
		rest := words(doc.Text)
		for _, w := range words(body) {
			i := 0
			for i < len(rest) && rest[i] != w && rest[i] != w+"1" { // with the mark of the note
				i++
			}
			if i == len(rest) {
				t.Errorf("%s: no %q where it should be", path, w)
				break
			}
			if filepath.Ext(path) != ".odt" && i > 8 { // the note comes in between there
				t.Errorf("%s: %q only after %q", path, w, rest[:i])
			}
			rest = rest[i+1:]
		}
		if all := strings.Join(words(doc.Text), " "); !strings.Contains(all, strings.Join(words(note), " ")) {
			t.Errorf("%s: the note is missing", path)
		}
	}
	if seen < 5 {
		t.Errorf("only %d files", seen)
	}
}

func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != '&' })
}

func TestDetect(t *testing.T) {
	tar := func(name string) string {
		h := make([]byte, 512)
		copy(h, name)
		copy(h[257:], "ustar\x0000")
		copy(h[148:], "        ")
		sum := 0
		for _, c := range h {
			sum += int(c)
		}
		copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
		return string(h)
	}
	for _, tt := range []struct {
		name, head string
		want       extract.Format
	}{
		{"a.txt", "text", extract.Text},
		{"a.md", "<p align=center>an image</p>", extract.Markdown},
		{"a.go", "package a", extract.Code},
		{"a.pdf", "%PDF-1.4\n", extract.PDF},
		{"notes.txt", "%PDF-1.4\n", extract.PDF},
		{"a.pdf", "no PDF", extract.Text},
		{"a.docx", "PK\x03\x04\x14\x00", extract.DOCX},
		{"a.zip", "PK\x03\x04\x14\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00a.txt", extract.Zip},
		{"a", "\x1f\x8b\x08\x00", extract.Gzip},
		{"a.tgz", "\x1f\x8b\x08\x00", extract.Gzip},
		{"a.tar", tar("a"), extract.Tar},
		{"noname", tar("a"), extract.Tar},
		{"page", "\n <!DOCTYPE html><title>x</title>", extract.HTML},
		{"page", "<?xml version=\"1.0\"?>\n<!DOCTYPE html PUBLIC \"x\"><html>", extract.HTML},
		{"README", "# Read me", extract.Text},
		{"1234.", "Return-Path: <a@b>\nReceived: from x\n\tby y\nSubject: z\n\ntext", extract.Email},
		{"inbox", "From a@b Tue Nov 14 22:13:20 2023\nFrom: a\nDate: b\n\ntext", extract.Mbox},
		{"a.txt", "From: a\nDate: b\n\ntext", extract.Text},
		{"letter", "From: here on\nit is text", extract.Text},
		{"a.md", "\x7fELF\x02", extract.Unknown},
		{"a.txt", "a\x00b", extract.Unknown},
		{"a.txt", "\x89PNG\r\n\x1a\n", extract.Unknown},
		{"a.txt", "\xff\xfea\x00", extract.Text},
		{"a.html", "\xff\xfe<\x00p\x00", extract.HTML},
		{"a.txt", "t\x00e\x00x\x00t\x00", extract.Text},
		{"a.csv", "a;b\n", extract.CSV},
		{"a.JSON", "{}", extract.JSON},
		{"a.jsonl", "{}", extract.JSONLines},
		{"a.txt", "", extract.Text},
	} {
		if got := extract.Detect(tt.name, []byte(tt.head)); got != tt.want {
			t.Errorf("Detect(%q, %.20q) = %q, want %q", tt.name, tt.head, got, tt.want)
		}
	}
}
