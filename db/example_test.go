package db_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

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
