package extract_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/internal/extract"
)

func tree(t *testing.T, files ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, f := range files {
		path := filepath.Join(root, filepath.FromSlash(f))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("text"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func walk(t *testing.T, root, path string) string {
	t.Helper()
	var lines []string
	err := extract.Walk(context.Background(), filepath.Join(root, path), nil, func(e extract.Entry) error {
		rel, err := filepath.Rel(root, e.Path)
		if err != nil {
			t.Fatal(err)
		}
		line := filepath.ToSlash(rel)
		if e.Skipped != "" {
			line += " - " + e.Skipped
		}
		if e.Err != nil {
			line += " ! " + extract.Reason(e.Err)
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

func TestWalk(t *testing.T) {
	root := tree(t, "b.md", "a.txt", "sub/c.md", "sub/deep/d.TXT", "x.exe", "README", ".hidden.md", ".git/config.md")
	got := walk(t, root, ".")
	want := `.git - hidden
.hidden.md - hidden
README - not a known type
a.txt
b.md
sub/c.md
sub/deep/d.TXT
x.exe - not a known type`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// A name given is taken whatever it is called.
	for _, name := range []string{"README", ".hidden.md", "x.exe"} {
		if got := walk(t, root, name); got != name {
			t.Errorf("named %s: %q", name, got)
		}
	}
	if got := walk(t, root, ".git"); got != ".git/config.md" {
		t.Errorf("named .git: %q", got)
	}
	if got := walk(t, root, "none"); !strings.HasPrefix(got, "none ! ") {
		t.Errorf("missing: %q", got)
	}
}

func TestWalkLinks(t *testing.T) {
	root := tree(t, "docs/a.md", "docs/sub/b.md", "other/c.md")
	for name, target := range map[string]string{
		"docs/up":        "..",
		"docs/sub/self":  ".",
		"docs/other":     "../other",
		"docs/link.md":   "../other/c.md",
		"docs/broken.md": "nowhere.md",
		"docs/broken":    "nowhere",
		"docs/loop.md":   "loop.md",
		"start":          "docs",
	} {
		if err := os.Symlink(filepath.FromSlash(target), filepath.Join(root, filepath.FromSlash(name))); err != nil {
			t.Skip(err)
		}
	}
	got := walk(t, root, "docs")
	want := `docs/a.md
docs/broken - not a known type
docs/broken.md ! broken symbolic link: file does not exist
docs/link.md
docs/loop.md ! too many levels of symbolic links
docs/other - symbolic link to a folder
docs/sub/b.md
docs/sub/self - symbolic link to a folder
docs/up - symbolic link to a folder`
	if runtime.GOOS == "windows" {
		t.Skip("the words for a loop differ")
	}
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// A link that is named is followed.
	if got := walk(t, root, "start"); !strings.HasPrefix(got, "start/a.md\n") {
		t.Errorf("named link: %q", got)
	}
}

func TestWalkStops(t *testing.T) {
	root := tree(t, "a.md", "b.md", "c.md")
	stop := errors.New("stop")
	n := 0
	err := extract.Walk(context.Background(), root, nil, func(extract.Entry) error {
		if n++; n == 2 {
			return stop
		}
		return nil
	})
	if err != stop || n != 2 {
		t.Errorf("%v after %d", err, n)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := extract.Walk(ctx, root, nil, func(extract.Entry) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
