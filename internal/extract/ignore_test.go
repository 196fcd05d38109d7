package extract_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/semsearch/semsearch/internal/extract"
)

// walked are the files that a walk gives, below a folder.
func walked(t fataler, dir string, f *extract.Filter) []string {
	var out []string
	err := extract.Walk(context.Background(), dir, f, func(e extract.Entry) error {
		if e.Err != nil {
			t.Fatal(e.Err)
		}
		if e.Skipped == "" {
			rel, err := filepath.Rel(dir, e.Path)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// What a .gitignore leaves out is what git leaves out.
func TestIgnoreAgainstGit(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed")
	}
	files := []string{"a.md", "b.txt", "build/a.md", "build/sub/b.txt", "sub/a.md", "sub/build/c.md", "sub/deep/a.txt", "sub/deep/er/b.md", "x y.md", "[a].md", "{a}.md", "!a.md", "#a.md"}
	pattern := rapid.SampledFrom([]string{"a.md", "*.md", "*.txt", "/a.md", "build", "build/", "/build/", "sub/a.md", "/sub/*.md", "sub/**", "**/deep", "**/deep/*.md", "sub/**/b.md",
		"!a.md", "!sub/a.md", "!*.md", "!build/", "# a comment", "", "   ", "a.md   ", `x\ y.md`, "x y.md", "?.md", "[ab].*", "[!a].txt", `\[a].md`, "{a}.md", `\!a.md`, `\#a.md`, "*", "!*/", "deep", "*/deep", "sub/*/er", "[", "su**p", "**", "/**/a.md", "a.md/"})
	list := rapid.SliceOfN(pattern, 0, 4)
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "ignore")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		put := func(name, data string) {
			path := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				rt.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(data), 0o666); err != nil {
				rt.Fatal(err)
			}
		}
		for _, f := range files {
			put(f, "text")
		}
		for _, at := range []string{"", "sub/"} {
			put(at+".gitignore", strings.Join(list.Draw(rt, "at "+at), "\n")+"\n")
		}
		run := func(args ...string) string {
			cmd := exec.Command(git, append([]string{"-c", "core.quotePath=false", "-c", "core.excludesFile=", "-C", dir}, args...)...)
			cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
			out, err := cmd.CombinedOutput()
			if err != nil {
				rt.Fatalf("git %v: %v\n%s", args, err, out)
			}
			return string(out)
		}
		run("init", "-q")
		var want []string
		for f := range strings.SplitSeq(run("ls-files", "-z", "--others", "--exclude-standard"), "\x00") {
			if f != "" && !strings.HasSuffix(f, ".gitignore") {
				want = append(want, f)
			}
		}
		slices.Sort(want)
		if got := walked(rt, dir, nil); !slices.Equal(got, want) {
			a, _ := os.ReadFile(filepath.Join(dir, ".gitignore"))
			b, _ := os.ReadFile(filepath.Join(dir, "sub", ".gitignore"))
			rt.Fatalf("%q and sub %q: got %q, git has %q", a, b, got, want)
		}
		// From a folder in the repository the files above hold too.
		var below []string
		for _, f := range want {
			if rest, ok := strings.CutPrefix(f, "sub/"); ok {
				below = append(below, rest)
			}
		}
		if got := walked(rt, filepath.Join(dir, "sub"), nil); !slices.Equal(got, below) {
			// A folder that git does not look into is walked when it is named.
			if len(below) > 0 {
				rt.Fatalf("from sub: got %q, git has %q", got, below)
			}
		}
	})
}

func TestFilter(t *testing.T) {
	root := tree(t, "a.md", "b.abc", ".c.md", "sub/d.md", "sub/e.abc", "sub/deep/f.txt", "vendor/g.md", ".git/h.md")
	for _, tt := range []struct {
		filter extract.Filter
		want   string
	}{
		{extract.Filter{}, "a.md sub/d.md sub/deep/f.txt vendor/g.md"},
		{extract.Filter{Include: []string{"*.abc"}}, "b.abc sub/e.abc"},
		{extract.Filter{Include: []string{"sub/*"}}, "sub/d.md sub/e.abc"},
		{extract.Filter{Include: []string{"sub/**"}}, "sub/d.md sub/deep/f.txt sub/e.abc"},
		{extract.Filter{Include: []string{"*.{md,abc}"}, Exclude: []string{"vendor", "e.*"}}, ".c.md a.md b.abc sub/d.md"},
		{extract.Filter{Exclude: []string{"sub/"}}, "a.md vendor/g.md"},
		{extract.Filter{Exclude: []string{"./sub/deep", "/vendor/**"}}, "a.md sub/d.md"},
		{extract.Filter{Hidden: true}, ".c.md .git/h.md a.md sub/d.md sub/deep/f.txt vendor/g.md"},
	} {
		if err := tt.filter.Check(); err != nil {
			t.Error(err)
		}
		if got := strings.Join(walked(t, root, &tt.filter), " "); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.filter, got, tt.want)
		}
		// A file in an archive is judged the same way.
		var members []string
		for _, name := range []string{".c.md", ".git/h.md", "a.md", "b.abc", "sub/d.md", "sub/deep/f.txt", "sub/e.abc", "vendor/g.md"} {
			if tt.filter.Member(name) == "" {
				members = append(members, name)
			}
		}
		if got := strings.Join(members, " "); got != tt.want {
			t.Errorf("%+v in an archive: %q, want %q", tt.filter, got, tt.want)
		}
	}
	if err := (&extract.Filter{Include: []string{"["}}).Check(); err == nil {
		t.Error("no error for a broken pattern")
	}
}

func FuzzIgnore(f *testing.F) {
	for _, s := range []string{"*.md\n!a.md\n", "[", "**/**/**/a", "\\", "/", "!", "a/**/b/", "{a,b}", strings.Repeat("*a", 50)} {
		f.Add(s)
	}
	dir := f.TempDir()
	for _, name := range []string{"a.md", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o666); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte(s), 0o666); err != nil {
			t.Fatal(err)
		}
		walked(t, dir, nil)
	})
}
