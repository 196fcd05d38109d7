package extract_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/semsearch/semsearch/internal/extract"
)

// BenchmarkFile reads the files of testdata; PDFs in this process and in one of their own, as the command does.
func BenchmarkFile(b *testing.B) {
	for _, name := range []string{"sample.html", "sample.docx", "sample.odt", "sample.epub", "sample.pdf", "fonts.pdf"} {
		path := filepath.Join("testdata", "files", name)
		fi, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		read := func(o *extract.Options) func(*testing.B) {
			return func(b *testing.B) {
				b.SetBytes(fi.Size())
				b.ReportAllocs()
				for b.Loop() {
					if _, err := extract.File(path, o); err != nil {
						b.Fatal(err)
					}
				}
			}
		}
		b.Run(name, read(nil))
		if filepath.Ext(name) == ".pdf" {
			b.Run(name+"/apart", read(&extract.Options{Program: program(b)}))
		}
	}
}
