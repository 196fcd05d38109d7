package db_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

// A document that is one long line, with and without spaces, is kept and found. SEMSEARCH_LONG makes the
// lines 100 MB long.
func TestBigDocument(t *testing.T) {
	size := 1 << 20
	if os.Getenv("SEMSEARCH_LONG") != "" {
		size = 100 << 20
	}
	r := rand.New(rand.NewPCG(1, 1))
	line := make([]byte, size)
	for i := range line {
		line[i] = byte('a' + r.IntN(26))
	}
	d := dbtest.OpenFile(t, t.TempDir()+"/t.db", dbtest.HashEncoder(8), &db.Options{M: 4, EfConstruction: 16})
	solid := string(line)
	for i := 0; i+8 <= len(line); i += 8 { // words that come again, as they do in a book
		n := r.IntN(20000)
		copy(line[i:], fmt.Sprintf("w%06d ", n*n/20000))
	}
	copy(line[size/2:], " needle ")
	start := time.Now()
	dbtest.Add(t, d, db.Document{ID: "solid", Text: solid}, db.Document{ID: "words", Text: string(line)})
	t.Logf("added in %v", time.Since(start))
	for id, want := range map[string]string{"solid": solid, "words": string(line)} {
		if doc, err := d.Get(ctx, id); err != nil || doc.Text != want {
			t.Errorf("%s: %d bytes, %v", id, len(doc.Text), err)
		}
	}
	hits := query(t, d, "needle", &db.QueryOptions{Mode: db.Lexical})
	if len(hits) != 1 || !strings.Contains(hits[0].Text, "needle") || hits[0].Line != 1 || hits[0].Col != hits[0].Start+1 {
		t.Errorf("%d hits", len(hits))
	}
	for info, err := range d.List(ctx, nil) {
		if err != nil || info.Bytes != size || info.Passages < size/6400 {
			t.Errorf("%+v, %v", info, err)
		}
	}
}

func TestTooBig(t *testing.T) {
	if testing.Short() {
		t.Skip()
	}
	d := dbtest.Open(t)
	_, err := d.Add(ctx, db.Document{ID: "a", Text: strings.Repeat("x", db.MaxTextBytes+1)})
	if !errors.Is(err, db.ErrInvalid) || !strings.Contains(err.Error(), "at most 536870912") {
		t.Errorf("%v", err)
	}
}
