package db_test

import (
	"fmt"
	"math/rand/v2"
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
