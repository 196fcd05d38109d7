package extract_test

import (
	"os"
	"testing"

	"github.com/semsearch/semsearch/internal/extract"
)

func TestMain(m *testing.M) {
	extract.RunChild() // the tests are the program that reads PDFs
	os.Exit(m.Run())
}

// program is this test as the program of Options.
func program(t testing.TB) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
