package db_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

// benchText is a text of n words, drawn as in a natural language: some often, many seldom.
func benchText(r *rand.Rand, n int) string {
	var b strings.Builder
	for i := range n {
		x := r.Float64()
		fmt.Fprintf(&b, "word%d ", int(x*x*x*20000))
		if i%12 == 11 {
			b.WriteString(". ")
		}
	}
	return b.String()
}

func benchDocs(r *rand.Rand, first, n int) []db.Document {
	docs := make([]db.Document, n)
	for i := range docs {
		docs[i] = db.Document{ID: fmt.Sprint("doc", first+i), Title: "A title", Text: benchText(r, 150)}
	}
	return docs
}

func BenchmarkAdd(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprint("documents=", n), func(b *testing.B) {
			d, err := db.Open(filepath.Join(b.TempDir(), "t.db"), dbtest.HashEncoder(384), nil)
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			r := rand.New(rand.NewPCG(1, 2))
			bytes, first := 0, 0
			for b.Loop() {
				docs := benchDocs(r, first, n)
				first += n
				for _, doc := range docs {
					bytes += len(doc.Text)
				}
				if _, err := d.Add(ctx, docs...); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(bytes / b.N))
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "documents/s")
			s, _ := d.Stats(ctx)
			b.ReportMetric(float64(s.FileBytes)/float64(s.Documents), "file-B/document")
		})
	}
}

func BenchmarkQuery(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		path := filepath.Join(b.TempDir(), "t.db")
		d, err := db.Open(path, dbtest.HashEncoder(384), nil)
		if err != nil {
			b.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 2))
		for i := 0; i < n; i += 500 {
			if _, err := d.Add(ctx, benchDocs(r, i, 500)...); err != nil {
				b.Fatal(err)
			}
		}
		for _, mode := range []db.Mode{db.Dense, db.Lexical, db.Hybrid} {
			b.Run(fmt.Sprintf("documents=%d/%v", n, mode), func(b *testing.B) {
				for b.Loop() {
					if _, err := d.Query(ctx, benchText(r, 6), &db.QueryOptions{Mode: mode}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run(fmt.Sprintf("documents=%d/check", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := d.Check(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
		for _, enc := range []db.Encoder{dbtest.HashEncoder(384), nil} {
			b.Run(fmt.Sprintf("documents=%d/open/encoder=%v", n, enc != nil), func(b *testing.B) {
				for b.Loop() {
					d, err := db.Open(path, enc, nil)
					if err != nil {
						b.Fatal(err)
					}
					d.Close()
				}
			})
		}
	}
}

// Reading with the lock of the file held, and taken for each call.
func BenchmarkGet(b *testing.B) {
	for _, shared := range []bool{false, true} {
		b.Run(fmt.Sprint("shared=", shared), func(b *testing.B) {
			d, err := db.Open(filepath.Join(b.TempDir(), "t.db"), dbtest.HashEncoder(384), &db.Options{Shared: shared})
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			dbtest.Add(b, d, benchDocs(rand.New(rand.NewPCG(1, 2)), 0, 100)...)
			for b.Loop() {
				if _, err := d.Get(ctx, "doc7"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What goes over a whole file of 2,000 documents.
func BenchmarkWhole(b *testing.B) {
	dir := b.TempDir()
	path := filepath.Join(dir, "t.db")
	d, err := db.Open(path, dbtest.HashEncoder(384), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	r := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < 2000; i += 500 {
		dbtest.Add(b, d, benchDocs(r, i, 500)...)
	}
	for _, x := range []struct {
		name string
		run  func(out string) error
	}{
		{"backup", func(out string) error { return d.Backup(ctx, out) }},
		{"compact", func(string) error { return d.Compact(ctx) }},
		{"scrub", func(string) error { return d.Scrub(ctx) }},
		{"check", func(string) error { _, err := d.Check(ctx); return err }},
		{"repair", func(out string) error {
			src := filepath.Join(dir, "src.db")
			if _, err := os.Stat(src); err != nil {
				if err := d.Backup(ctx, src); err != nil {
					return err
				}
			}
			_, err := db.Repair(ctx, src, out, nil, nil)
			return err
		}},
	} {
		b.Run(x.name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				if err := x.run(filepath.Join(dir, fmt.Sprint(x.name, n))); err != nil {
					b.Fatal(err)
				}
				n++
			}
			if fi, err := os.Stat(path); err == nil {
				b.SetBytes(fi.Size())
			}
		})
	}
}
