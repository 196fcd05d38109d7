package dbtest_test

import (
	"context"
	"math"
	"testing"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

func TestHashEncoder(t *testing.T) {
	ctx := context.Background()
	enc := dbtest.HashEncoder(32)
	vs, err := enc.EncodePassages(ctx, []string{"Green tea, hot water", "hot WATER green tea", "red wine stain", ""})
	if err != nil {
		t.Fatal(err)
	}
	dot := func(a, b []float32) (s float64) {
		for i := range a {
			s += float64(a[i]) * float64(b[i])
		}
		return s
	}
	q, err := enc.EncodeQuery(ctx, "Green tea, hot water")
	if err != nil {
		t.Fatal(err)
	}
	for i := range q {
		if q[i] != vs[0][i] || q[i] != vs[1][i] {
			t.Fatal("same words, other vector")
		}
	}
	if math.Abs(dot(q, q)-1) > 1e-6 || dot(q, vs[2]) > 0.6 || dot(vs[3], vs[3]) != 0 || len(q) != enc.Dim() {
		t.Errorf("%v, %v, %v", dot(q, q), dot(q, vs[2]), vs[3])
	}
	if n := enc.(db.TokenCounter).CountTokens("Green tea, 80 degrees"); n != 4 {
		t.Errorf("%d tokens", n)
	}
}

func TestOpen(t *testing.T) {
	d := dbtest.Open(t)
	if r := dbtest.Add(t, d, dbtest.Corpus()...); r.Added != len(dbtest.Corpus()) {
		t.Errorf("%+v", r)
	}
	dbtest.Check(t, d)
}

func TestCorpus(t *testing.T) {
	seen := map[string]bool{}
	for _, doc := range dbtest.Corpus() {
		if seen[doc.ID] || doc.Title == "" || doc.Text == "" || doc.Source == "" {
			t.Errorf("%+v", doc)
		}
		seen[doc.ID] = true
	}
}
