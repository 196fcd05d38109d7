// Package dbtest helps to test code that uses a database: a database that checks itself, an encoder
// that needs no model, and a few documents to search.
package dbtest

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/semsearch/semsearch/db"
)

// Dim is the number of dimensions of the encoder that Open uses.
const Dim = 64

// Open opens an empty database in a temporary folder with HashEncoder(Dim). When the test ends the
// database is checked and closed, so that every test is also a test of consistency.
func Open(t testing.TB) *db.DB {
	t.Helper()
	return OpenFile(t, filepath.Join(t.TempDir(), "test.db"), HashEncoder(Dim), nil)
}

// OpenFile is Open with a path, an encoder and options of one's own. A database that the test has
// closed already is not checked.
func OpenFile(t testing.TB, path string, enc db.Encoder, o *db.Options) *db.DB {
	t.Helper()
	d, err := db.Open(path, enc, o)
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	t.Cleanup(func() {
		Check(t, d)
		if err := d.Close(); err != nil && err != db.ErrClosed {
			t.Errorf("dbtest: close: %v", err)
		}
	})
	return d
}

// Check fails the test if the database is open and not consistent.
func Check(t testing.TB, d *db.DB) {
	t.Helper()
	report, err := d.Check(context.Background())
	if err == db.ErrClosed {
		return
	}
	for _, p := range report.Problems {
		t.Errorf("dbtest: check: %s", p)
	}
	if err != nil {
		t.Errorf("dbtest: check: %v", err)
	}
}

// Add adds documents or fails the test.
func Add(t testing.TB, d *db.DB, docs ...db.Document) db.AddResult {
	t.Helper()
	r, err := d.Add(context.Background(), docs...)
	if err != nil {
		t.Fatalf("dbtest: add: %v", err)
	}
	return r
}
