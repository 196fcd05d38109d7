package db_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

// exampleDB opens a database in a temporary folder. A program would pass an encoder that knows meaning,
// such as one of package encoder; this one only knows words.
func exampleDB() (d *db.DB, done func()) {
	dir, err := os.MkdirTemp("", "semsearch")
	if err != nil {
		panic(err)
	}
	d, err = db.Open(filepath.Join(dir, "notes.db"), dbtest.HashEncoder(64), nil)
	if err != nil {
		panic(err)
	}
	return d, func() {
		d.Close()
		os.RemoveAll(dir)
	}
}

func Example() {
	d, done := exampleDB()
	defer done()
	ctx := context.Background()

	_, err := d.Add(ctx,
		db.Document{ID: "tea.txt", Title: "Tea", Text: "Green tea is steeped below boiling.\nBlack tea is not."},
		db.Document{ID: "bread.txt", Title: "Bread", Text: "The loaf bakes for forty minutes."})
	if err != nil {
		fmt.Println(err)
		return
	}
	hits, err := d.Query(ctx, "green tea", &db.QueryOptions{K: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, h := range hits {
		fmt.Printf("%s:%d:%d: %q\n", h.ID, h.Line, h.Col, h.Text)
	}
	// Output:
	// tea.txt:1:1: "Green tea is steeped below boiling.\nBlack tea is not."
}

func ExampleOpen() {
	_, err := db.Open("no-such-folder/notes.db", nil, &db.Options{MustExist: true})
	fmt.Println(err)
	fmt.Println(errors.Is(err, db.ErrNotExist))
	// Output:
	// no-such-folder/notes.db: no such database
	// true
}

func ExampleDB_Add() {
	d, done := exampleDB()
	defer done()
	ctx := context.Background()
	doc := db.Document{ID: "tea.txt", Text: "Green tea."}
	for range 2 {
		r, err := d.Add(ctx, doc)
		fmt.Printf("%+v %v\n", r, err)
	}
	doc.Text = "Black tea."
	r, err := d.Add(ctx, doc)
	fmt.Printf("%+v %v\n", r, err)
	// Output:
	// {Added:1 Replaced:0 Unchanged:0 Passages:1} <nil>
	// {Added:0 Replaced:0 Unchanged:1 Passages:0} <nil>
	// {Added:0 Replaced:1 Unchanged:0 Passages:1} <nil>
}

func ExampleDB_Query() {
	d, done := exampleDB()
	defer done()
	ctx := context.Background()
	if _, err := d.Add(ctx, dbtest.Corpus()...); err != nil {
		fmt.Println(err)
		return
	}
	// One hit a document, by words alone.
	hits, err := d.Query(ctx, "coffee minutes", &db.QueryOptions{K: 3, Mode: db.Lexical, PerDocument: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, h := range hits {
		fmt.Printf("%-10s %.2f\n", h.ID, h.Score)
	}
	// Output:
	// coffee.txt 3.01
	// sleep.txt  1.63
	// stars.txt  0.60
}

func ExampleDB_Get() {
	d, done := exampleDB()
	defer done()
	_, err := d.Get(context.Background(), "nobody")
	fmt.Println(err)
	// Output: document "nobody": document not found
}

func ExampleDB_Delete() {
	d, done := exampleDB()
	defer done()
	ctx := context.Background()
	if _, err := d.Add(ctx, dbtest.Corpus()...); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.Delete(ctx, "tea.txt", "nobody"))
	// Output: 1 <nil>
}

func ExampleDB_List() {
	d, done := exampleDB()
	defer done()
	ctx := context.Background()
	if _, err := d.Add(ctx, dbtest.Corpus()...); err != nil {
		fmt.Println(err)
		return
	}
	for info, err := range d.List(ctx, &db.ListOptions{Prefix: "b"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(info.ID, info.Format, info.Bytes, info.Passages)
	}
	// Output:
	// bicycle.md markdown 299 1
	// bread.md markdown 314 3
}

func ExampleDB_Hash() {
	d, done := exampleDB()
	defer done()
	ctx := context.Background()
	doc := db.Document{ID: "tea.txt", Text: "Green tea."}
	if _, err := d.Add(ctx, doc); err != nil {
		fmt.Println(err)
		return
	}
	hash, ok, err := d.Hash(ctx, "tea.txt")
	fmt.Println(hash == db.ContentHash(doc), ok, err)
	// Output: true true <nil>
}

func ExampleDB_Check() {
	d, done := exampleDB()
	defer done()
	ctx := context.Background()
	if _, err := d.Add(ctx, dbtest.Corpus()...); err != nil {
		fmt.Println(err)
		return
	}
	report, err := d.Check(ctx)
	fmt.Println(report.Documents, report.Passages, report.Vectors, len(report.Problems), err)
	// Output: 12 14 14 0 <nil>
}

func ExampleDB_Stats() {
	d, done := exampleDB()
	defer done()
	s, err := d.Stats(context.Background())
	fmt.Println(s.Documents, s.Dim, s.Fingerprint, s.FormatVersion, err)
	// Output: 0 64 hash-64@1 2 <nil>
}

func ExampleDB_DeleteWith() {
	d, done := exampleDB()
	defer done()
	ctx := context.Background()
	if _, err := d.Add(ctx, db.Document{ID: "secret.txt", Text: "The password is swordfish."}); err != nil {
		fmt.Println(err)
		return
	}
	n, err := d.DeleteWith(ctx, &db.DeleteOptions{Secure: true}, "secret.txt")
	fmt.Println(n, err)
	data, err := os.ReadFile(d.Path())
	fmt.Println(bytes.Contains(data, []byte("swordfish")), err)
	// Output:
	// 1 <nil>
	// false <nil>
}

func ExampleDB_Scrub() {
	d, done := exampleDB()
	defer done()
	ctx := context.Background()
	for _, text := range []string{"The password is swordfish.", "The password was changed."} {
		if _, err := d.Add(ctx, db.Document{ID: "notes.txt", Text: text}); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(d.Scrub(ctx))
	data, err := os.ReadFile(d.Path())
	fmt.Println(bytes.Contains(data, []byte("swordfish")), err)
	// Output:
	// <nil>
	// false <nil>
}

func ExampleDB_Compact() {
	d, done := exampleDB()
	defer done()
	ctx := context.Background()
	if _, err := d.Add(ctx, db.Document{ID: "long.txt", Text: strings.Repeat("A long text. ", 50_000)}); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := d.Delete(ctx, "long.txt"); err != nil {
		fmt.Println(err)
		return
	}
	before, err := d.Stats(ctx)
	fmt.Println(before.FileBytes > 500_000, err)
	fmt.Println(d.Compact(ctx))
	after, err := d.Stats(ctx)
	fmt.Println(after.FileBytes < 200_000, err)
	// Output:
	// true <nil>
	// <nil>
	// true <nil>
}

func ExampleDB_Backup() {
	d, done := exampleDB()
	defer done()
	ctx := context.Background()
	if _, err := d.Add(ctx, db.Document{ID: "tea.txt", Text: "Green tea."}); err != nil {
		fmt.Println(err)
		return
	}
	backup := d.Path() + ".backup"
	fmt.Println(d.Backup(ctx, backup))
	report, err := db.CheckFile(ctx, backup, nil)
	fmt.Println(report.Documents, err)
	// Output:
	// <nil>
	// 1 <nil>
}

func ExampleRestore() {
	d, done := exampleDB()
	defer done()
	ctx := context.Background()
	if _, err := d.Add(ctx, db.Document{ID: "tea.txt", Text: "Green tea."}); err != nil {
		fmt.Println(err)
		return
	}
	backup := d.Path() + ".backup"
	if err := d.Backup(ctx, backup); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := d.Delete(ctx, "tea.txt"); err != nil {
		fmt.Println(err)
		return
	}
	d.Close() // nobody may have the file open that is replaced
	fmt.Println(db.Restore(ctx, backup, d.Path(), &db.RestoreOptions{Replace: true}))
	restored, err := db.Open(d.Path(), nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer restored.Close()
	doc, err := restored.Get(ctx, "tea.txt")
	fmt.Println(doc.Text, err)
	// Output:
	// <nil>
	// Green tea. <nil>
}

func ExampleRepair() {
	d, done := exampleDB()
	defer done()
	ctx := context.Background()
	if _, err := d.Add(ctx, dbtest.Corpus()...); err != nil {
		fmt.Println(err)
		return
	}
	path := d.Path()
	d.Close()
	data, err := os.ReadFile(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	clear(data[:8192]) // the first page, which says what the file is
	if err := os.WriteFile(path, data, 0o600); err != nil {
		fmt.Println(err)
		return
	}
	_, err = db.Open(path, nil, nil)
	fmt.Println(errors.Is(err, db.ErrCorrupt))
	report, err := db.Repair(ctx, path, "", dbtest.HashEncoder(64), nil)
	fmt.Println(report.Documents, len(report.Lost), len(report.Doubtful), filepath.Base(report.Kept), err)
	// Output:
	// true
	// 12 0 0 notes.db.damaged <nil>
}

func ExampleCheckFile() {
	d, done := exampleDB()
	defer done()
	ctx := context.Background()
	if _, err := d.Add(ctx, dbtest.Corpus()...); err != nil {
		fmt.Println(err)
		return
	}
	path := d.Path()
	d.Close()
	data, err := os.ReadFile(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	data = bytes.ReplaceAll(data, []byte("Two minutes are enough"), []byte("Ten minutes are enough"))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		fmt.Println(err)
		return
	}
	report, err := db.CheckFile(ctx, path, nil)
	fmt.Println(len(report.Problems) > 0, errors.Is(err, db.ErrCorrupt))
	// Output:
	// true true
}
