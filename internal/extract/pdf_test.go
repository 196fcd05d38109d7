package extract_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/internal/extract"
)

// The words of a PDF are those that pdftotext (Poppler) finds. SEMSEARCH_PDFS names a folder with more files;
// for those the share is reported, not demanded.
func TestPDFAgainstPoppler(t *testing.T) {
	pdftotext, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Skip("pdftotext is not installed")
	}
	root := "testdata/files"
	elsewhere := os.Getenv("SEMSEARCH_PDFS")
	if elsewhere != "" {
		root = elsewhere
	}
	files, failed, found, missing, extra := 0, 0, 0, 0, 0
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".pdf" {
			return err
		}
		out, err := exec.Command(pdftotext, "-enc", "UTF-8", path, "-").Output()
		want := words(strings.ReplaceAll(string(out), "\f", " "))
		if err != nil || len(want) == 0 {
			return nil
		}
		files++
		doc, err := extract.File(path, &extract.Options{Program: program(t)})
		if err != nil {
			failed++
			t.Logf("%s: %v", path, err)
			missing += len(want)
			return nil
		}
		count := map[string]int{}
		for _, w := range want {
			count[w]++
		}
		more := 0
		for _, w := range words(doc.Text) {
			if count[w] > 0 {
				count[w]--
				found++
			} else {
				more++
			}
		}
		less := 0
		for _, n := range count {
			less += n
		}
		missing, extra = missing+less, extra+more
		if less+more > len(want)/20+1 {
			t.Logf("%s: %d words, %d missing, %d too many", path, len(want), less, more)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files, %d not read; %d words found, %d missing, %d too many", files, failed, found, missing, extra)
	if files == 0 {
		t.Error("no files")
	}
	if elsewhere == "" && (failed > 0 || missing+extra > 2*files) { // the marks of notes
		t.Errorf("%d not read, %d words missing, %d too many", failed, missing, extra)
	}
}
