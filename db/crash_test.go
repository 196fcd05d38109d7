package db_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

// state is everything that a caller can see of a database.
func state(t testing.TB, d *db.DB) string {
	t.Helper()
	var b strings.Builder
	for info, err := range d.List(ctx, nil) {
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		doc, err := d.Get(ctx, info.ID)
		if err != nil {
			t.Fatalf("get: %v", err)
		}
		fmt.Fprintf(&b, "%q %q %d %x\n", doc.ID, doc.Text, info.Passages, info.Hash)
	}
	for _, mode := range []db.Mode{db.Dense, db.Lexical} {
		for _, q := range []string{"water for tea", "bread and stars", "fresh words"} {
			for _, h := range query(t, d, q, &db.QueryOptions{K: 50, Mode: mode, Exact: true}) {
				fmt.Fprintf(&b, "%v %q: %s/%d %.6f\n", mode, q, h.ID, h.Passage, h.Score)
			}
		}
	}
	return b.String()
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	src, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dst, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(dst, src); err != nil {
		t.Fatal(err)
	}
	if err := dst.Close(); err != nil {
		t.Fatal(err)
	}
}

var errCrash = errors.New("stopped here")

// At each step of a commit: if the step fails, nothing has changed in memory or in the file, and the same
// call made again succeeds; and a copy of the file taken there opens with the state before.
func TestCrashPoints(t *testing.T) {
	enc := dbtest.HashEncoder(dbtest.Dim)
	for _, point := range db.CrashPoints {
		t.Run(point, func(t *testing.T) {
			dir := t.TempDir()
			path, clone := filepath.Join(dir, "t.db"), filepath.Join(dir, "clone.db")
			d := dbtest.OpenFile(t, path, enc, nil)
			dbtest.Add(t, d, dbtest.Corpus()...)
			before := state(t, d)

			hit := false
			db.SetCrash(func(p string) error {
				if p != point {
					return nil
				}
				hit = true
				copyFile(t, path, clone)
				return errCrash
			})
			defer db.SetCrash(nil)
			tea := dbtest.Corpus()[0]
			tea.Text = "Fresh words about tea.\n"
			change := func() error {
				_, err := d.Add(ctx, tea, db.Document{ID: "fresh", Text: "Fresh words."})
				return err
			}
			if err := change(); !errors.Is(err, errCrash) {
				t.Fatalf("Add: %v", err)
			}
			if !hit {
				t.Fatalf("the step was not reached")
			}
			if got := state(t, d); got != before {
				t.Errorf("a failed Add changed something:\n%s", got)
			}
			dbtest.Check(t, d)

			c := dbtest.OpenFile(t, clone, enc, nil)
			if got := state(t, c); got != before {
				t.Errorf("the file after a crash differs:\n%s", got)
			}
			dbtest.Check(t, c)

			db.SetCrash(nil)
			if err := change(); err != nil {
				t.Fatalf("Add again: %v", err)
			}
			after := state(t, d)
			if after == before {
				t.Error("the second Add did nothing")
			}
			dbtest.Check(t, d)
			d.Close()
			d = dbtest.OpenFile(t, path, enc, nil)
			if got := state(t, d); got != after {
				t.Errorf("after opening again:\n%s\nwant\n%s", got, after)
			}
		})
	}
}

// A panic in the middle of a write must not take the process down, nor let anybody use bbolt afterwards.
func TestPanicInWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	enc := dbtest.HashEncoder(dbtest.Dim)
	d, err := db.Open(path, enc, nil)
	if err != nil {
		t.Fatal(err)
	}
	dbtest.Add(t, d, dbtest.Corpus()...)
	want := state(t, d)
	db.SetCrash(func(p string) error {
		if p == "vectors" {
			panic("a damaged page")
		}
		return nil
	})
	_, err = d.Add(ctx, db.Document{ID: "fresh", Text: "Fresh words."})
	db.SetCrash(nil)
	if !errors.Is(err, db.ErrCorrupt) || !strings.Contains(err.Error(), "a damaged page") {
		t.Errorf("Add: %v", err)
	}
	if _, err := d.Add(ctx, db.Document{ID: "fresh", Text: "Fresh words."}); !errors.Is(err, db.ErrCorrupt) {
		t.Errorf("Add after that: %v", err)
	}
	if _, err := d.Query(ctx, "tea", nil); !errors.Is(err, db.ErrCorrupt) {
		t.Errorf("Query after that: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	d = dbtest.OpenFile(t, path, enc, nil)
	if got := state(t, d); got != want {
		t.Errorf("after opening again:\n%s", got)
	}
}

func TestCrashPointsAreAllNamed(t *testing.T) {
	d := dbtest.Open(t)
	var seen []string
	db.SetCrash(func(p string) error {
		if !slices.Contains(seen, p) {
			seen = append(seen, p)
		}
		return nil
	})
	defer db.SetCrash(nil)
	dbtest.Add(t, d, db.Document{ID: "a", Text: "x"})
	if !slices.Equal(seen, db.CrashPoints) {
		t.Errorf("steps %q, the list has %q", seen, db.CrashPoints)
	}
}
