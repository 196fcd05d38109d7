package db_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

var update = flag.Bool("update", false, "write the current version's file in testdata/format anew")

// makeFormatFile makes the file of the current version. It holds one of everything.
func makeFormatFile(t *testing.T, path string) {
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	db.SetNow(func() time.Time { return time.Date(2024, 6, 7, 8, 9, 10, 11, time.UTC) })
	defer db.SetNow(time.Now)
	o := &db.Options{Chunk: chunkOf(20), M: 8}
	o.Chunk.OverlapTokens = 5
	d, err := db.Open(path, dbtest.HashEncoder(16), o)
	if err != nil {
		t.Fatal(err)
	}
	dbtest.Add(t, d, dbtest.Corpus()...)
	dbtest.Add(t, d, db.Document{ID: "mixed", Title: "Straße", Source: "a/b", Text: "Ein Café in 東京都.\r\n", Metadata: map[string]string{"lang": "de", "": "x"}})
	tea := dbtest.Corpus()[0]
	tea.Title = "Tea, green"
	dbtest.Add(t, d, tea)
	if _, err := d.Delete(ctx, "chess.txt"); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// Files of every released version open, are whole and give the same answers.
func TestFormat(t *testing.T) {
	current := filepath.Join("testdata", "format", fmt.Sprintf("v%d.db", db.FormatVersion))
	if *update {
		makeFormatFile(t, current)
	}
	files, err := filepath.Glob(filepath.Join("testdata", "format", "v*.db"))
	if err != nil || len(files) < db.FormatVersion {
		t.Fatalf("%d files, %v; want one of each of %d versions", len(files), err, db.FormatVersion)
	}
	for _, file := range files {
		path := filepath.Join(t.TempDir(), "t.db")
		copyFile(t, file, path)
		d := dbtest.OpenFile(t, path, dbtest.HashEncoder(16), nil)
		dbtest.Check(t, d)
		s, err := d.Stats(ctx)
		if want := fmt.Sprintf("v%d.db", s.FormatVersion); filepath.Base(file) != want {
			t.Errorf("%s says it is %s", file, want)
		}
		if err != nil || s.Documents != 12 || s.MaxTokens != 20 || s.OverlapTokens != 5 || s.Fingerprint != "hash-16@1" {
			t.Errorf("%s: %+v, %v", file, s, err)
		}
		doc, err := d.Get(ctx, "mixed")
		if err != nil || doc.Text != "Ein Café in 東京都.\r\n" || doc.Title != "Straße" || doc.Source != "a/b" || doc.Metadata["lang"] != "de" {
			t.Errorf("%s: %+v, %v", file, doc, err)
		}
		for info, err := range d.List(ctx, &db.ListOptions{Prefix: "mixed"}) {
			if err != nil || !info.Added.Equal(time.Date(2024, 6, 7, 8, 9, 10, 11, time.UTC)) {
				t.Errorf("%s: added %v, %v", file, info.Added, err)
			}
		}
		for q, want := range map[string]string{"cafe 京都": "mixed", "steeped below boiling": "tea.txt", "glue patch": "bicycle.md"} {
			for _, mode := range []db.Mode{db.Hybrid, db.Lexical} {
				if hits := query(t, d, q, &db.QueryOptions{Mode: mode}); len(hits) == 0 || hits[0].ID != want {
					t.Errorf("%s: %v %q: %+v, want %s", file, mode, q, hits, want)
				}
			}
		}
		if hits := query(t, d, "chess", &db.QueryOptions{Mode: db.Lexical}); len(hits) != 0 {
			t.Errorf("%s: a deleted document is found", file)
		}
		// It can be written to, and what is in it found and removed again.
		dbtest.Add(t, d, dbtest.Corpus()...)
		if s, err := d.Stats(ctx); err != nil || s.FormatVersion != db.FormatVersion {
			t.Errorf("%s: version %d after a write, %v", file, s.FormatVersion, err)
		}
		dbtest.Check(t, d)
		for _, id := range list(t, d, "") {
			if _, err := d.Delete(ctx, id); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}
