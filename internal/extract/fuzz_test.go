package extract_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/semsearch/semsearch/internal/extract"
	"github.com/semsearch/semsearch/internal/extract/extracttest"
)

// seed adds the files in testdata of some extensions, and the small hostile ones.
func seed(f *testing.F, ext ...string) {
	n := 0
	add := func(name string, data []byte) {
		for _, e := range ext {
			if strings.HasSuffix(name, e) && len(data) < 20_000 {
				f.Add(data)
				n++
			}
		}
	}
	files, err := filepath.Glob("testdata/files/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		add(filepath.Base(path), data)
	}
	for name, data := range extracttest.Seeds(ext...) {
		add(name, data)
	}
	if n == 0 {
		f.Fatalf("no seeds for %v", ext)
	}
}

// fuzzFile reads a file of a name, whatever its bytes: what it gives is text, and its map is true.
func fuzzFile(t *testing.T, name string, data []byte, o *extract.Options) {
	t.Helper()
	if o == nil {
		o = &extract.Options{MaxBytes: 1 << 20, MaxUnpacked: 4 << 20, MaxEntries: 100}
	}
	start := time.Now()
	err := extract.FromBytes(context.Background(), name, data, o, func(it extract.Item) error {
		if it.Err != nil || it.Skipped != "" {
			return nil
		}
		doc := it.Doc
		if !utf8.ValidString(doc.Text) || !utf8.ValidString(doc.Title) || !utf8.ValidString(it.Member) || strings.TrimSpace(doc.Title) == "" {
			t.Fatalf("%+v", it)
		}
		if strings.ContainsRune(doc.Text, 0) {
			t.Fatalf("NUL in %q", doc.Text)
		}
		m := mapOf(t, doc.Metadata)
		if m != nil && it.Member == "" {
			checkMap(t, m, doc.Text, data)
		}
		if m == nil && doc.Metadata == nil && it.Member == "" && doc.Text != string(data) {
			t.Fatalf("text %q is not the file %q, and nothing says so", doc.Text, data)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Fatalf("%v for %d bytes", took, len(data))
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"# One\n", "---\ntitle: x\n---\n", "```\n# no\n```\n# yes", "a\n===\n", "\ufeff", "\xff\xfea\x00", "caf\xe9", "a\x00"} {
		f.Add("a.md", []byte(s))
	}
	f.Add("a.go", []byte("package a\n"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		if extract.Detect(name, data).Archive() || !utf8.ValidString(name) || strings.TrimSpace(name) == "" {
			return
		}
		fuzzFile(t, name, data, nil)
	})
}

func FuzzHTML(f *testing.F) {
	seed(f, ".html")
	f.Add([]byte("<table><tr><td>a<td>b<ul><li>c</table><pre>\n x &lt;\n</pre><h1>T<sup>2</sup></h1><main><nav>n</nav><p>&nbsp;&#0;&ampx;</main>"))
	f.Fuzz(func(t *testing.T, data []byte) { fuzzFile(t, "a.html", data, nil) })
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("name;price\ntea;1,50\n\"a \"\"b\"\"\";2\n"))
	f.Add([]byte("a\tb\r\n1\t2\r\n"))
	f.Add([]byte("1,2\n3,4,5\n"))
	f.Fuzz(func(t *testing.T, data []byte) { fuzzFile(t, "a.csv", data, nil) })
}

func FuzzJSON(f *testing.F) {
	seed(f, ".json", ".jsonl")
	f.Add([]byte(`{"a":{"b":["c",1,true,null,{"d":"\u00e9\n"}]},"":""} "x" [[]]`))
	f.Fuzz(func(t *testing.T, data []byte) { fuzzFile(t, "a.json", data, nil) })
}

func FuzzOffice(f *testing.F) {
	for _, format := range []string{".docx", ".odt", ".epub"} {
		for _, s := range []string{laughsSeed, "<d><p>a<s/>b</p><h outline-level='2'>c</h><table><table-row><table-cell><p>d</p></table-cell></table-row></table></d>",
			"<d><p><pPr><pStyle val='x'/><numPr><ilvl val='1'/></numPr></pPr><r><t>a</t><br/></r><del><t>b</t></del></p><tbl><tr><tc><p><t>c</t></p></tc></tr></tbl></d>"} {
			f.Add(format, []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, format string, part []byte) {
		parts := map[string][]byte{"word/document.xml": part, "word/styles.xml": part, "content.xml": part, "meta.xml": part,
			"META-INF/container.xml": []byte(`<c><rootfile full-path="o"/></c>`), "o": part, "a.html": part}
		order := []string{"word/document.xml", "word/styles.xml"}
		switch format {
		case ".odt":
			order = []string{"content.xml", "meta.xml"}
		case ".epub":
			order = []string{"META-INF/container.xml", "o", "a.html"}
		}
		fuzzFile(t, "a"+format, extracttest.ZipOf(parts, order...), nil)
	})
}

const laughsSeed = `<!DOCTYPE l [<!ENTITY a "aa">]><d><p><t>&a;</t></p></d>`

func FuzzEmail(f *testing.F) {
	seed(f, ".eml", ".mbox")
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzFile(t, "a.eml", data, nil)
		fuzzFile(t, "a.mbox", data, nil)
	})
}

func FuzzArchive(f *testing.F) {
	seed(f, ".zip", ".tar", ".gz", ".tgz")
	f.Add(extracttest.Zip("a.md", []byte("# A")))
	f.Fuzz(func(t *testing.T, data []byte) { fuzzFile(t, "a.zip", data, nil) })
}

// A PDF is read in another process, as by the command: what is damaged enough takes that down.
func FuzzPDF(f *testing.F) {
	seed(f, ".pdf")
	o := &extract.Options{Program: program(f), Timeout: 2 * time.Second, MaxBytes: 1 << 20}
	f.Fuzz(func(t *testing.T, data []byte) { fuzzFile(t, "a.pdf", data, o) })
}
