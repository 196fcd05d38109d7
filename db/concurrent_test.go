package db_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

// Queries, reads and several writers at once. Every document that is replaced keeps the word of its id in
// both versions, so a query never misses it and never sees a torn one.
func TestConcurrent(t *testing.T) {
	d := dbtest.OpenFile(t, t.TempDir()+"/t.db", dbtest.HashEncoder(32), &db.Options{Chunk: chunkOf(20)})
	version := func(n, g int) db.Document {
		return db.Document{ID: fmt.Sprintf("doc%d", n), Title: fmt.Sprintf("unique%d", n),
			Text: strings.Repeat(fmt.Sprintf("version%d of unique%d.\n\n", g, n), 1+g%5)}
	}
	const docs, writers, rounds = 12, 3, 12
	for n := range docs {
		dbtest.Add(t, d, version(n, 0))
	}
	stop := make(chan struct{})
	var readers, writing sync.WaitGroup
	for r := range 4 {
		readers.Go(func() {
			for i := r; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				n := i % docs
				mode := db.Mode(i % 3)
				hits, err := d.Query(ctx, fmt.Sprintf("unique%d", n), &db.QueryOptions{Mode: mode, K: 5})
				if err != nil {
					t.Errorf("query: %v", err)
					return
				}
				if mode == db.Lexical && (len(hits) == 0 || hits[0].ID != fmt.Sprintf("doc%d", n)) {
					t.Errorf("doc%d is not found", n)
				}
				for _, h := range hits {
					if strings.HasPrefix(h.ID, "doc") && !strings.Contains(h.Text, strings.Replace(h.ID, "doc", "unique", 1)) {
						t.Errorf("%s has text %q", h.ID, h.Text)
					}
				}
				if _, err := d.Get(ctx, fmt.Sprintf("doc%d", n)); err != nil {
					t.Errorf("get: %v", err)
				}
				seen := 0
				for _, err := range d.List(ctx, nil) {
					if err != nil {
						t.Errorf("list: %v", err)
					}
					seen++
				}
				if seen < docs {
					t.Errorf("list has %d documents, want at least %d", seen, docs)
				}
			}
		})
	}
	for w := range writers {
		writing.Go(func() {
			for g := 1; g <= rounds; g++ {
				for n := w; n < docs; n += writers {
					if _, err := d.Add(ctx, version(n, g)); err != nil {
						t.Errorf("add: %v", err)
					}
				}
				if _, err := d.Add(ctx, db.Document{ID: fmt.Sprint("temp", w), Text: fmt.Sprint("temporary ", w, " unique")}); err != nil {
					t.Errorf("add: %v", err)
				}
				if _, err := d.Delete(ctx, fmt.Sprint("temp", w)); err != nil {
					t.Errorf("delete: %v", err)
				}
			}
		})
	}
	writing.Wait()
	close(stop)
	readers.Wait()
	dbtest.Check(t, d)
	if s, err := d.Stats(ctx); err != nil || s.Documents != docs {
		t.Errorf("%+v, %v", s, err)
	}
}

// Two writers of the same document: both succeed, one after the other, and the encoder is asked again
// when what was present changed meanwhile.
func TestSameDocumentTwice(t *testing.T) {
	d := dbtest.Open(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := db.AddResult{}
	for i := range 16 {
		wg.Go(func() {
			r, err := d.Add(ctx, db.Document{ID: "a", Text: fmt.Sprint("text ", i%2)})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			total.Added += r.Added
			total.Replaced += r.Replaced
			total.Unchanged += r.Unchanged
		})
	}
	wg.Wait()
	if total.Added != 1 || total.Added+total.Replaced+total.Unchanged != 16 {
		t.Errorf("%+v", total)
	}
}

// Close waits for calls under way.
func TestCloseWaits(t *testing.T) {
	for range 5 {
		d, err := db.Open(t.TempDir()+"/t.db", dbtest.HashEncoder(8), nil)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				for n := range 50 {
					_, err := d.Add(ctx, db.Document{ID: fmt.Sprint(i, n), Text: "text"})
					if err == nil {
						_, err = d.Query(ctx, "text", nil)
					}
					if errors.Is(err, db.ErrClosed) {
						return
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	}
}
