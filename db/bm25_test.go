package db_test

import (
	"cmp"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

// Scores and ranking of documents equal those of an implementation that we did not write: see
// testdata/bm25/make.mjs.
func TestBM25(t *testing.T) {
	var ref struct {
		Docs    []struct{ ID, Title, Text string }
		Queries []string
		Scores  [][]float64
	}
	data, err := os.ReadFile("testdata/bm25/bm25.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &ref); err != nil {
		t.Fatal(err)
	}
	if len(ref.Docs) < 200 || len(ref.Queries) < 10 {
		t.Fatal("reference is too small")
	}
	// Passages of 12 words, with overlap, so that documents have several; and a history of other documents.
	o := &db.Options{Chunk: chunkOf(12)}
	o.Chunk.OverlapTokens = 6
	d := dbtest.OpenFile(t, t.TempDir()+"/t.db", dbtest.HashEncoder(8), o)
	var docs, others []db.Document
	for i, x := range ref.Docs {
		docs = append(docs, db.Document{ID: x.ID, Title: x.Title, Text: x.Text})
		if i%3 == 0 {
			others = append(others, db.Document{ID: x.ID, Text: "An older version with water and bread."}, db.Document{ID: "gone" + x.ID, Text: x.Text})
		}
	}
	dbtest.Add(t, d, others...)
	dbtest.Add(t, d, docs[:100]...)
	dbtest.Add(t, d, docs[100:]...)
	for _, x := range others {
		if x.ID[0] == 'g' {
			if _, err := d.Delete(ctx, x.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	s, err := d.Stats(ctx)
	if err != nil || s.Documents != len(docs) || s.Passages < 2*len(docs) {
		t.Fatalf("%+v, %v", s, err)
	}

	for i, q := range ref.Queries {
		type scored struct {
			id    string
			score float64
		}
		var want []scored
		for j, score := range ref.Scores[i] {
			if score > 0 {
				want = append(want, scored{ref.Docs[j].ID, score})
			}
		}
		slices.SortStableFunc(want, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
		hits := query(t, d, q, &db.QueryOptions{Mode: db.Lexical, K: 1000, PerDocument: 1})
		if len(hits) != len(want) {
			t.Errorf("%q: %d documents, want %d", q, len(hits), len(want))
			continue
		}
		byID := map[string]float64{}
		for _, w := range want {
			byID[w.id] = w.score
		}
		for k, h := range hits {
			if math.Abs(h.Score-want[k].score) > 1e-9*want[k].score || math.Abs(h.BM25-byID[h.ID]) > 1e-9*byID[h.ID] || h.LexicalRank != k+1 {
				t.Errorf("%q rank %d: %s %v, want %s %v (%s has %v)", q, k+1, h.ID, h.Score, want[k].id, want[k].score, h.ID, byID[h.ID])
			}
		}
		// Without the limit the best passage of each document carries that score, the others no more.
		best := map[string]float64{}
		for _, h := range query(t, d, q, &db.QueryOptions{Mode: db.Lexical, K: 100000}) {
			best[h.ID] = max(best[h.ID], h.Score)
			if h.Score <= 0 {
				t.Errorf("%q: %s/%d has score %v", q, h.ID, h.Passage, h.Score)
			}
		}
		for id, w := range byID {
			if math.Abs(best[id]-w) > 1e-9*w {
				t.Errorf("%q: best passage of %s has %v, want %v", q, id, best[id], w)
			}
		}
		// A small depth cuts the same ranking.
		for k, h := range query(t, d, q, &db.QueryOptions{Mode: db.Lexical, K: 3, Depth: 3, PerDocument: 1}) {
			if h.ID != hits[k].ID || h.Score != hits[k].Score {
				t.Errorf("%q: depth 3 has %s at rank %d, want %s", q, h.ID, k+1, hits[k].ID)
			}
		}
	}
}

// The passage that holds the words comes first within its document.
func TestBestPassage(t *testing.T) {
	d := dbtest.OpenFile(t, t.TempDir()+"/t.db", dbtest.HashEncoder(8), &db.Options{Chunk: chunkOf(10)})
	dbtest.Add(t, d,
		db.Document{ID: "a", Title: "Kettles", Text: "The kettle is on the stove in the kitchen.\n\nThe kettle whistles when the water is hot.\n\nPour the water over the leaves and wait."},
		db.Document{ID: "b", Text: "Nothing of the kind."})
	hits := query(t, d, "kettle water", &db.QueryOptions{Mode: db.Lexical})
	if len(hits) != 3 || hits[0].Passage != 1 || hits[1].Score >= hits[0].Score {
		t.Errorf("%+v", hits)
	}
}
