package chunk_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
	"pgregory.net/rapid"

	"github.com/semsearch/semsearch/db/chunk"
)

// commonMark is the headings of a text that stand in no list or quotation, as a full parser of CommonMark
// finds them: "level words".
func commonMark(src string) []string {
	var out []string
	doc := goldmark.DefaultParser().Parse(text.NewReader([]byte(src)))
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok {
			var words []string
			for i := range h.Lines().Len() {
				line := h.Lines().At(i)
				words = append(words, string(line.Value([]byte(src))))
			}
			out = append(out, fmt.Sprint(h.Level, " ", strings.Join(strings.Fields(strings.Join(words, " ")), " ")))
		}
	}
	return out
}

func ours(src string) []string {
	var out []string
	for _, h := range chunk.Headings(src, chunk.Markdown) {
		out = append(out, fmt.Sprint(h.Level, " ", h.Text))
	}
	return out
}

// The Markdown files of this repository, and of SEMSEARCH_MARKDOWN if that names a folder, have the headings
// that a full parser finds.
func TestHeadingsOfFiles(t *testing.T) {
	roots := []string{"../../docs", "../../examples", "../../README.md", "../../ARCHITECTURE.md", "../../CHANGELOG.md", "../../CONTRIBUTING.md"}
	elsewhere := os.Getenv("SEMSEARCH_MARKDOWN")
	if elsewhere != "" {
		roots = []string{elsewhere}
	}
	files, headings, differ := 0, 0, 0
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".md") {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			src := string(data)
			if strings.HasPrefix(src, "---\n") { // front matter is no part of CommonMark
				return nil
			}
			files++
			got, want := ours(src), commonMark(src)
			headings += len(want)
			if !slices.Equal(got, want) {
				differ++
				t.Logf("%s:\n%s\nwant\n%s", path, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d files, %d headings, %d files differ", files, headings, differ)
	if files == 0 || headings == 0 {
		t.Error("no files")
	}
	if differ > 0 && elsewhere == "" {
		t.Error("the headings of some files differ")
	}
}

// Documents of blocks as people write them have the headings that a full parser finds.
func TestHeadingsAgainstCommonMark(t *testing.T) {
	block := rapid.SampledFrom([]string{
		"# One\n", "## Two words ##\n", "### Three `code` *em*\n", "####### seven\n", "#no\n", "#\n", "   # Indented\n", "    # code\n",
		"Setext\n===\n", "Setext two\n-----\n", "Two lines\nof it\n---\n", "A paragraph.\n", "A paragraph\nof two lines.\n",
		"- item\n- item\n", "- item\n\n  more of it\n", "1. one\n2. two\n", "> quoted\n> # not this\n",
		"```\n# not this\n```\n", "~~~~ sh\n# not this\n~~~\n~~~~\n", "| a | b |\n|---|---|\n| # | 2 |\n", "***\n", "- - -\n", "\n",
	})
	rapid.Check(t, func(rt *rapid.T) {
		var b strings.Builder
		for _, s := range rapid.SliceOfN(block, 0, 12).Draw(rt, "blocks") {
			b.WriteString(s + "\n")
		}
		src := b.String()
		if got, want := ours(src), commonMark(src); !slices.Equal(got, want) {
			rt.Fatalf("%q: headings %q, want %q", src, got, want)
		}
	})
}

func TestPath(t *testing.T) {
	src := "Before.\n\n# Guide\n\nIntro.\n\n## Setup\n\n### Linux\n\nUse apt.\n\n## Use\n\nRun it.\n\n# Index\n"
	hs := chunk.Headings(src, chunk.Markdown)
	for _, tt := range []struct{ at, want string }{
		{"Before.", ""},
		{"# Guide", "Guide"},
		{"Intro.", "Guide"},
		{"## Setup", "Guide > Setup > Linux"}, // a passage that begins with two headings
		{"### Linux", "Guide > Setup > Linux"},
		{"Use apt.", "Guide > Setup > Linux"},
		{"## Use", "Guide > Use"},
		{"Run it.", "Guide > Use"},
		{"# Index", "Index"},
	} {
		i := strings.Index(src, tt.at)
		if got := chunk.Path(src, hs, chunk.Span{Start: i, End: len(src)}); got != tt.want {
			t.Errorf("%s: path %q, want %q", tt.at, got, tt.want)
		}
	}
	if hs := chunk.Headings("# x\n", chunk.Text); hs != nil {
		t.Errorf("a text has headings: %v", hs)
	}
}

func ExampleHeadings() {
	text := "# Guide\n\nIntro.\n\n## Setup\n\nUse apt."
	for _, h := range chunk.Headings(text, chunk.Markdown) {
		fmt.Println(h.Level, h.Text)
	}
	// Output:
	// 1 Guide
	// 2 Setup
}

func ExamplePath() {
	text := "# Guide\n\nIntro.\n\n## Setup\n\nUse apt."
	headings := chunk.Headings(text, chunk.Markdown)
	for _, s := range chunk.Split(text, chunk.Markdown, chunk.Options{}) {
		fmt.Println(chunk.Path(text, headings, s))
	}
	// Output:
	// Guide
	// Guide > Setup
}

func ExampleUnder() {
	text := "# Guide\n\nIntro.\n\n## Setup\n\nUse apt."
	for _, h := range chunk.Under(chunk.Headings(text, chunk.Markdown), len(text)) {
		fmt.Println(h.Text)
	}
	// Output:
	// Guide
	// Setup
}
