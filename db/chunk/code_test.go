package chunk_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/db/chunk"
)

// declarations are the ranges of the declarations of a Go file with their comments, as go/parser sees them.
func declarations(t *testing.T, path string, src []byte) []chunk.Span {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, src, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var out []chunk.Span
	for _, d := range f.Decls {
		start := d.Pos()
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Doc != nil {
				start = d.Doc.Pos()
			}
		case *ast.GenDecl:
			if d.Doc != nil {
				start = d.Doc.Pos()
			}
		}
		out = append(out, chunk.Span{Start: fset.Position(start).Offset, End: fset.Position(d.End()).Offset})
	}
	return out
}

// The rule of blank lines and indentation does what a parser of Go would: of the declarations in this
// repository's Go files that would fit into a passage, at most one in 200 is cut apart. Those are functions
// with a raw string that begins lines at the margin.
func TestCodeKeepsDeclarations(t *testing.T) {
	const limit = 200
	var files []string
	for _, pattern := range []string{"*.go", "../*.go", "../../index/*.go", "../../encoder/*/*.go", "../../cmd/semsearch/*.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 50 {
		t.Fatalf("only %d files", len(files))
	}
	whole, apart := 0, 0
	for _, path := range files {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(src), "\r\n", "\n")
		spans := chunk.Split(text, chunk.Code, chunk.Options{MaxTokens: limit, Count: words})
		checkSpans(t, text, spans, chunk.Options{MaxTokens: limit, Count: words})
		for _, d := range declarations(t, path, []byte(text)) {
			if words(text[d.Start:d.End]) > limit || d.End-d.Start > 16*limit {
				continue
			}
			kept := false
			for _, s := range spans {
				kept = kept || s.Start <= d.Start && d.End <= s.End
			}
			if !kept {
				apart++
				t.Logf("%s: cut apart: %.60q", path, text[d.Start:d.End])
			}
			whole++
		}
	}
	if t.Logf("%d of %d cut apart", apart, whole); whole < 500 || apart*200 > whole {
		t.Errorf("%d declarations, %d cut apart", whole, apart)
	}
}
