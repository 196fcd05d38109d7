package db_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

// model is a database as a map. It cuts nothing and indexes nothing: it takes passages as the real one
// reports them and compares every vector and every word.
type model struct {
	docs map[string]db.Document
	enc  db.Encoder
}

// lexical scores documents with BM25, written down anew.
func (m *model) lexical(q string) map[string]float64 {
	bags := map[string]map[string]int{}
	lengths := map[string]float64{}
	total := 0.0
	for id, doc := range m.docs {
		bags[id] = map[string]int{}
		for _, w := range strings.Fields(doc.Title + " " + doc.Text) {
			bags[id][w]++
			lengths[id]++
			total++
		}
	}
	scores := map[string]float64{}
	for _, w := range strings.Fields(q) {
		df := 0.0
		for _, bag := range bags {
			if bag[w] > 0 {
				df++
			}
		}
		n := float64(len(m.docs))
		for id, bag := range bags {
			if tf := float64(bag[w]); tf > 0 {
				scores[id] += math.Log(1+(n-df+0.5)/(df+0.5)) * tf * 2.2 / (tf + 1.2*(0.25+0.75*lengths[id]/(total/n)))
			}
		}
	}
	return scores
}

func randomText(r *rand.Rand) string {
	var b strings.Builder
	for i := range r.IntN(60) {
		if i > 0 {
			b.WriteString([]string{" ", " ", " ", "\n", "\n\n"}[r.IntN(5)])
		}
		fmt.Fprintf(&b, "w%d", r.IntN(50)*r.IntN(3))
	}
	return b.String()
}

// Random calls on the real thing and on the model must agree. SEMSEARCH_MODEL_SEED sets the seed,
// SEMSEARCH_MODEL_STEPS the number of calls; without it there are 250, if ten seconds are enough for them.
func TestModel(t *testing.T) {
	seed, steps, limit := rand.Uint64(), 250, 10*time.Second
	if s := os.Getenv("SEMSEARCH_MODEL_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	if s := os.Getenv("SEMSEARCH_MODEL_STEPS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		steps, limit = n, 1<<62
	}
	r := rand.New(rand.NewPCG(seed, 0))
	enc := dbtest.HashEncoder(24)
	path := filepath.Join(t.TempDir(), "t.db")
	o := &db.Options{Chunk: chunkOf(8 + r.IntN(30)), M: 4}
	o.Chunk.OverlapTokens = r.IntN(4)
	open := func() *db.DB {
		d, err := db.Open(path, enc, o)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		return d
	}
	d := open()
	defer func() { d.Close() }()
	m := &model{map[string]db.Document{}, enc}
	fatal := func(step int, format string, args ...any) {
		t.Helper()
		t.Fatalf("SEMSEARCH_MODEL_SEED=%d, step %d: %s", seed, step, fmt.Sprintf(format, args...))
	}
	name := func() string { return fmt.Sprintf("doc%02d", r.IntN(60)) }
	began, done := time.Now(), 0
	for step := range steps {
		if time.Since(began) > limit {
			break
		}
		done++
		switch r.IntN(11) {
		case 0, 1, 2, 3:
			var docs []db.Document
			var want db.AddResult
			for range 1 + r.IntN(5) {
				doc := db.Document{ID: name(), Title: fmt.Sprintf("w%d", r.IntN(20)), Text: randomText(r)}
				if old, ok := m.docs[doc.ID]; ok && r.IntN(3) == 0 {
					doc = old
				}
				if slices.ContainsFunc(docs, func(x db.Document) bool { return x.ID == doc.ID }) {
					continue
				}
				docs = append(docs, doc)
				switch old, ok := m.docs[doc.ID]; {
				case !ok:
					want.Added++
				case db.ContentHash(old) == db.ContentHash(doc):
					want.Unchanged++
				default:
					want.Replaced++
				}
			}
			if r.IntN(8) == 0 { // a call that fails changes nothing
				if _, err := d.Add(ctx, append(docs, db.Document{ID: "bad", Text: "\xff"})...); err == nil {
					fatal(step, "a bad document was added")
				}
				continue
			}
			got, err := d.Add(ctx, docs...)
			if err != nil {
				fatal(step, "add: %v", err)
			}
			got.Passages = 0
			if got != want {
				fatal(step, "add: %+v, want %+v", got, want)
			}
			for _, doc := range docs {
				m.docs[doc.ID] = doc
			}
		case 4, 5:
			ids := []string{name(), name()}
			want := 0
			for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
				if _, ok := m.docs[id]; ok {
					want++
					delete(m.docs, id)
				}
			}
			if got, err := d.DeleteWith(ctx, &db.DeleteOptions{Secure: r.IntN(4) == 0}, ids...); got != want || err != nil {
				fatal(step, "delete: %d, %v, want %d", got, err, want)
			}
		case 6:
			other := filepath.Join(t.TempDir(), "other.db")
			kind := r.IntN(3)
			if kind == 0 {
				if err := d.Backup(ctx, other); err != nil {
					fatal(step, "backup: %v", err)
				}
			}
			if err := d.Close(); err != nil {
				fatal(step, "close: %v", err)
			}
			switch kind {
			case 0:
				if err := db.Restore(ctx, other, path, &db.RestoreOptions{Replace: true}); err != nil {
					fatal(step, "restore: %v", err)
				}
			case 1:
				if report, err := db.Repair(ctx, path, other, nil, nil); err != nil || len(report.Lost)+len(report.Doubtful) > 0 || report.Documents != len(m.docs) {
					fatal(step, "repair: %+v, %v", report, err)
				}
				path = other
			}
			d = open()
		case 10:
			if err := d.Compact(ctx); err != nil {
				fatal(step, "compact: %v", err)
			}
		case 7:
			if report, err := d.Check(ctx); err != nil {
				fatal(step, "check: %v: %v", err, report.Problems)
			}
			var got []string
			for info, err := range d.List(ctx, nil) {
				if err != nil {
					fatal(step, "list: %v", err)
				}
				got = append(got, info.ID)
				doc, err := d.Get(ctx, info.ID)
				if err != nil || doc.Text != m.docs[info.ID].Text || doc.Title != m.docs[info.ID].Title {
					fatal(step, "get %s: %+v, %v", info.ID, doc, err)
				}
			}
			if want := slices.Sorted(maps.Keys(m.docs)); !slices.Equal(got, want) {
				fatal(step, "list: %q, want %q", got, want)
			}
		default:
			q := fmt.Sprintf("w%d w%d w%d", r.IntN(50), r.IntN(50), r.IntN(50))
			compareLexical(t, d, m, q, func(format string, args ...any) { t.Helper(); fatal(step, format, args...) })
			compareDense(t, d, m, q, func(format string, args ...any) { t.Helper(); fatal(step, format, args...) })
		}
	}
	if report, err := d.Check(ctx); err != nil {
		fatal(steps, "check: %v: %v", err, report.Problems)
	}
	t.Logf("SEMSEARCH_MODEL_SEED=%d, %d steps", seed, done)
	if done < 20 {
		t.Errorf("only %d steps", done)
	}
}

func compareLexical(t *testing.T, d *db.DB, m *model, q string, fatal func(string, ...any)) {
	t.Helper()
	want := m.lexical(q)
	hits, err := d.Query(ctx, q, &db.QueryOptions{Mode: db.Lexical, K: 1000, PerDocument: 1})
	if err != nil {
		fatal("%q: %v", q, err)
	}
	if len(hits) != len(want) {
		fatal("%q: %d documents, want %d", q, len(hits), len(want))
	}
	last := math.Inf(1)
	for _, h := range hits {
		if w := want[h.ID]; math.Abs(h.Score-w) > 1e-9*w || h.Score > last {
			fatal("%q: %s has %v after %v, want %v", q, h.ID, h.Score, last, w)
		}
		last = h.Score
	}
}

// compareDense compares the exact dense ranking with one over all passages that the database reports.
func compareDense(t *testing.T, d *db.DB, m *model, q string, fatal func(string, ...any)) {
	t.Helper()
	vec, err := m.enc.EncodeQuery(context.Background(), q)
	if err != nil {
		fatal("%v", err)
	}
	hits, err := d.Query(ctx, q, &db.QueryOptions{Mode: db.Dense, K: 100000, Exact: true})
	if err != nil {
		fatal("%q: %v", q, err)
	}
	s, err := d.Stats(ctx)
	if err != nil || len(hits) != s.Passages || s.Documents != len(m.docs) {
		fatal("%q: %d hits, stats %+v, %v, want %d documents", q, len(hits), s, err, len(m.docs))
	}
	covered := map[string]int{}
	for i, h := range hits {
		doc, ok := m.docs[h.ID]
		if !ok || h.Text != doc.Text[h.Start:h.End] {
			fatal("%q: %s/%d is %q in %q", q, h.ID, h.Passage, h.Text, doc.Text)
		}
		covered[h.ID]++
		input := doc.Title + "\n" + h.Text
		if h.Text == "" {
			input = doc.Title
		} else if strings.HasPrefix(h.Text, doc.Title) {
			input = h.Text
		}
		ps, _ := m.enc.EncodePassages(ctx, []string{input})
		dot := 0.0
		for j, x := range ps[0] {
			dot += float64(x) * float64(vec[j])
		}
		if math.Abs(dot-h.Cosine) > 1e-5 || h.Score != h.Cosine {
			fatal("%q: %s/%d has cosine %v, want %v", q, h.ID, h.Passage, h.Cosine, dot)
		}
		if i > 0 && cmp.Compare(h.Score, hits[i-1].Score) > 0 {
			fatal("%q: rank %d has %v after %v", q, i+1, h.Score, hits[i-1].Score)
		}
	}
	if len(covered) != len(m.docs) {
		fatal("%q: passages of %d documents, want %d", q, len(covered), len(m.docs))
	}
}
