package extract_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/semsearch/semsearch/internal/extract"
	"github.com/semsearch/semsearch/internal/extract/extracttest"
)

// give is what a file gives, a line an item.
func give(t *testing.T, name string, data []byte, o *extract.Options) string {
	t.Helper()
	var lines []string
	err := extract.FromBytes(context.Background(), name, data, o, func(it extract.Item) error {
		line := it.Member + ": " + strings.TrimSpace(it.Doc.Text)
		if it.Skipped != "" {
			line = it.Member + " - " + it.Skipped
		}
		if it.Err != nil {
			line = it.Member + " ! " + it.Err.Error()
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

func tarball(t *testing.T, names ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, name := range names {
		h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(name))}
		if strings.HasSuffix(name, "/") {
			h.Typeflag, h.Size = tar.TypeDir, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.WriteHeader(&tar.Header{Name: "link.md", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestArchives(t *testing.T) {
	inner := extracttest.Zip("deep/c.md", []byte("C"))
	files := map[string][]byte{"a.md": []byte("A"), "sub/": nil, "sub/b.txt": []byte("B"), ".hidden.md": []byte("H"), "x.exe": []byte("X"),
		"inner.zip": inner, "../../up.md": []byte("U"), "/abs.md": []byte("S"), `win\dows.md`: []byte("W"), "bad.md": []byte("a\x00b"), "__MACOSX/a.md": []byte("M")}
	z := extracttest.ZipOf(files, "a.md", "sub/", "sub/b.txt", ".hidden.md", "x.exe", "inner.zip", "../../up.md", "/abs.md", `win\dows.md`, "bad.md", "__MACOSX/a.md")
	want := `a.md: A
sub/b.txt: B
.hidden.md - hidden
x.exe - not a known type
inner.zip!/deep/c.md: C
up.md: U
abs.md: S
win/dows.md: W
bad.md ! binary file: NUL at byte 1
__MACOSX/a.md - hidden`
	if got := give(t, "x.zip", z, nil); got != want {
		t.Errorf("zip:\n%s\nwant\n%s", got, want)
	}
	plain := tarball(t, "a.md", "sub/", "sub/b.txt", "../up.md")
	want = "a.md: a.md\nsub/b.txt: sub/b.txt\nup.md: ../up.md"
	for name, data := range map[string][]byte{"x.tar": plain, "x.tar.gz": gzipped(t, plain), "x.tgz": gzipped(t, plain)} {
		if got := give(t, name, data, nil); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}
	if got, want := give(t, "dir/notes.md.gz", gzipped(t, []byte("N")), nil), "notes.md: N"; got != want {
		t.Errorf("gzip: %q, want %q", got, want)
	}
	filter := &extract.Filter{Include: []string{"*.txt"}}
	if got, want := give(t, "x.zip", z, &extract.Options{Names: filter.Member}), "sub/b.txt: B"; !strings.Contains(got, want) || strings.Contains(got, "a.md: A") {
		t.Errorf("with a filter: %q", got)
	}
}

func TestArchiveLimits(t *testing.T) {
	thousand := bytes.Repeat([]byte("some text, and more of it; "), 40)
	files := map[string][]byte{}
	var names []string
	for i := range 5 {
		name := fmt.Sprintf("%d.txt", i)
		names, files[name] = append(names, name), thousand
	}
	z := extracttest.ZipOf(files, names...)
	for _, tt := range []struct {
		name   string
		data   []byte
		o      extract.Options
		want   error
		before int // documents before it
	}{
		{"entries", z, extract.Options{MaxEntries: 3}, extract.ErrExpands, 3},
		{"together", z, extract.Options{MaxUnpacked: 3000}, extract.ErrExpands, 2},
		{"each", z, extract.Options{MaxBytes: 1000}, extract.ErrTooLarge, 0},
		{"depth", extracttest.Zip("a.zip", extracttest.Zip("b.zip", z)), extract.Options{MaxDepth: 2}, extract.ErrDepth, 0},
		{"ratio", extracttest.Zip("a.txt", bytes.Repeat([]byte("a"), 4<<20)), extract.Options{}, extract.ErrExpands, 0},
		{"gzip ratio", gzipped(t, bytes.Repeat([]byte("a"), 4<<20)), extract.Options{}, extract.ErrExpands, 0},
	} {
		docs := 0
		var found error
		err := extract.FromBytes(context.Background(), "x.zip", tt.data, &tt.o, func(it extract.Item) error {
			if it.Err != nil {
				found = it.Err
			} else if found == nil {
				docs++
			}
			return nil
		})
		if err != nil || !errors.Is(found, tt.want) || docs != tt.before {
			t.Errorf("%s: %v after %d documents (%v), want %v after %d", tt.name, found, docs, err, tt.want, tt.before)
		}
	}
}

// The error of the caller, and of a context that is done, ends the reading at once.
func TestArchiveStops(t *testing.T) {
	z := extracttest.ZipOf(map[string][]byte{"a.md": []byte("A"), "b.md": []byte("B"), "c.zip": extracttest.Zip("c.md", []byte("C"))}, "a.md", "c.zip", "b.md")
	stop := errors.New("stop")
	for n := 1; n <= 3; n++ {
		seen := 0
		err := extract.FromBytes(context.Background(), "x.zip", z, nil, func(extract.Item) error {
			if seen++; seen == n {
				return stop
			}
			return nil
		})
		if err != stop || seen != n {
			t.Errorf("%v after %d, want %d", err, seen, n)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	seen := 0
	err := extract.FromBytes(ctx, "x.zip", z, nil, func(extract.Item) error { seen++; cancel(); return nil })
	if !errors.Is(err, context.Canceled) || seen != 1 {
		t.Errorf("%v after %d", err, seen)
	}
}

// A file that takes too long is an error, and is no reason to end.
func TestTimeout(t *testing.T) {
	slow := []byte(strings.Repeat("<p>a<b>b</b>", 200_000))
	z := extracttest.ZipOf(map[string][]byte{"a.html": slow, "b.md": []byte("B")}, "a.html", "b.md")
	got := give(t, "x.zip", z, &extract.Options{Timeout: time.Microsecond})
	if !strings.Contains(got, "a.html ! reading took too long") {
		t.Errorf("%.200s", got)
	}
}

func TestMail(t *testing.T) {
	head := "From: a@example.org\r\nSubject: =?iso-8859-1?q?Caf=E9?=\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
	for _, tt := range []struct{ name, data, want string }{
		{"html only", head + "Content-Type: text/html; charset=utf-8\r\n\r\n<p>One <b>two</b>", "One two"},
		{"latin1 body", head + "Content-Type: text/plain; charset=iso-8859-1\r\n\r\ncaf\xe9", "café"},
		{"no charset", head + "\r\ncaf\xe9", "café"},
		{"unknown charset", head + "Content-Type: text/plain; charset=nonsense\r\n\r\ncaf\xe9", "café"},
		{"base64 cut off", head + "Content-Transfer-Encoding: base64\r\n\r\nT25lIHR3", "One tw"},
		{"last part cut off", head + "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nOne", "One"},
		{"no such boundary", head + "Content-Type: multipart/mixed\r\n\r\nOne", ""},
	} {
		doc, err := extract.Bytes("a.eml", []byte(tt.data))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		_, body, _ := strings.Cut(doc.Text, "\n\n")
		if doc.Title != "Café" || strings.TrimSpace(body) != tt.want || !strings.HasPrefix(doc.Text, "Subject: Café\nFrom: a@example.org\nDate: ") {
			t.Errorf("%s: title %q, text %q", tt.name, doc.Title, doc.Text)
		}
	}
}
