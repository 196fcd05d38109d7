package db_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

var ctx = context.Background()

func query(t testing.TB, d *db.DB, q string, o *db.QueryOptions) []db.Hit {
	t.Helper()
	hits, err := d.Query(ctx, q, o)
	if err != nil {
		t.Fatalf("query %q: %v", q, err)
	}
	return hits
}

func list(t testing.TB, d *db.DB, prefix string) (ids []string) {
	t.Helper()
	for info, err := range d.List(ctx, &db.ListOptions{Prefix: prefix}) {
		if err != nil {
			t.Fatalf("list %q: %v", prefix, err)
		}
		ids = append(ids, info.ID)
	}
	return ids
}

func TestAddQueryGet(t *testing.T) {
	d := dbtest.Open(t)
	docs := dbtest.Corpus()
	if got, want := dbtest.Add(t, d, docs...), (db.AddResult{Added: 12, Passages: 14}); got != want {
		t.Errorf("Add = %+v, want %+v", got, want)
	}
	for _, mode := range []db.Mode{db.Hybrid, db.Dense, db.Lexical} {
		hits := query(t, d, "how hot is the water for green tea", &db.QueryOptions{K: 3, Mode: mode})
		if len(hits) != 3 || hits[0].ID != "tea.txt" {
			t.Fatalf("%v: %+v, want tea.txt first of 3", mode, hits)
		}
		for i, h := range hits {
			doc, err := d.Get(ctx, h.ID)
			if err != nil {
				t.Fatal(err)
			}
			if got := doc.Text[h.Start:h.End]; got != h.Text {
				t.Errorf("%v hit %d: text %q, document has %q", mode, i, h.Text, got)
			}
			if (h.DenseRank > 0) != (mode != db.Lexical) || (h.LexicalRank > 0) != (mode != db.Dense) {
				t.Errorf("%v hit %d: ranks %d and %d", mode, i, h.DenseRank, h.LexicalRank)
			}
			if i > 0 && h.Score > hits[i-1].Score {
				t.Errorf("%v hit %d: score %v after %v", mode, i, h.Score, hits[i-1].Score)
			}
		}
	}
	for _, doc := range docs {
		got, err := d.Get(ctx, doc.ID)
		if err != nil {
			t.Fatal(err)
		}
		if doc.Format == "" {
			doc.Format = db.FormatText
		}
		if !reflect.DeepEqual(*got, doc) {
			t.Errorf("Get(%q) = %+v, want %+v", doc.ID, *got, doc)
		}
	}
	if _, err := d.Get(ctx, "nobody"); !errors.Is(err, db.ErrNotFound) {
		t.Errorf("Get of a missing id: %v", err)
	}
}

// TestFusion computes the fused score of every hit anew from what the legs give alone.
func TestFusion(t *testing.T) {
	d := dbtest.Open(t)
	dbtest.Add(t, d, dbtest.Corpus()...)
	const q = "water minutes coffee night"
	type entry struct {
		rank  int
		score float64
	}
	leg := func(mode db.Mode) (m map[string]entry, best float64) {
		m = map[string]entry{}
		for i, h := range query(t, d, q, &db.QueryOptions{K: 20, Mode: mode}) {
			m[fmt.Sprint(h.ID, h.Passage)] = entry{i + 1, h.Score}
			best = max(best, h.Score)
		}
		return m, best
	}
	dense, bestDense := leg(db.Dense)
	lexical, bestLexical := leg(db.Lexical)
	if len(dense) == 0 || len(lexical) == 0 || len(dense) == len(lexical) {
		t.Fatalf("legs of %d and %d hits show nothing", len(dense), len(lexical))
	}
	byScore := func(wd, wl float64) func(d, l entry) float64 {
		return func(d, l entry) float64 {
			return wd*max(0, d.score/bestDense) + wl*max(0, l.score/bestLexical)
		}
	}
	byRank := func(wd, wl, k float64) func(d, l entry) float64 {
		part := func(w float64, e entry) float64 {
			if e.rank == 0 {
				return 0
			}
			return w / (k + float64(e.rank))
		}
		return func(d, l entry) float64 { return part(wd, d) + part(wl, l) }
	}
	for name, tt := range map[string]struct {
		o    db.QueryOptions
		want func(d, l entry) float64
	}{
		"score":          {db.QueryOptions{}, byScore(0.4, 0.6)},
		"score weighted": {db.QueryOptions{DenseWeight: 2, LexicalWeight: 0.5}, byScore(2, 0.5)},
		"rank":           {db.QueryOptions{Fusion: db.RankFusion}, byRank(1, 1, 60)},
		"rank weighted": {db.QueryOptions{Fusion: db.RankFusion, DenseWeight: 2, LexicalWeight: 0.5, RankConstant: 10},
			byRank(2, 0.5, 10)},
	} {
		t.Run(name, func(t *testing.T) {
			o := tt.o
			o.K = 20
			for i, h := range query(t, d, q, &o) {
				key := fmt.Sprint(h.ID, h.Passage)
				want := tt.want(dense[key], lexical[key])
				if h.DenseRank != dense[key].rank || h.LexicalRank != lexical[key].rank || math.Abs(h.Score-want) > 1e-12 {
					t.Errorf("hit %d %s: ranks %d, %d, score %v; want %d, %d, %v", i, key,
						h.DenseRank, h.LexicalRank, h.Score, dense[key].rank, lexical[key].rank, want)
				}
			}
		})
	}
}

func TestReplaceAndSkip(t *testing.T) {
	d := dbtest.Open(t)
	dbtest.Add(t, d, dbtest.Corpus()...)
	tea := dbtest.Corpus()[0]
	if got, want := dbtest.Add(t, d, tea), (db.AddResult{Unchanged: 1}); got != want {
		t.Errorf("same document: %+v, want %+v", got, want)
	}
	before, err := d.Stats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	tea.Text = "Matcha is whisked with a bamboo brush."
	if got, want := dbtest.Add(t, d, tea, db.Document{ID: "new", Text: "Oolong."}), (db.AddResult{Added: 1, Replaced: 1, Passages: 2}); got != want {
		t.Errorf("changed document: %+v, want %+v", got, want)
	}
	if hits := query(t, d, "Celsius", &db.QueryOptions{Mode: db.Lexical}); len(hits) != 0 {
		t.Errorf("the old text is still found: %+v", hits)
	}
	if hits := query(t, d, "bamboo brush", nil); hits[0].ID != "tea.txt" {
		t.Errorf("the new text is not found: %+v", hits)
	}
	after, err := d.Stats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if after.Documents != before.Documents+1 || after.Index.Len != after.Vectors || after.Vectors != after.Passages {
		t.Errorf("stats %+v after %+v", after, before)
	}
	hash, ok, err := d.Hash(ctx, "tea.txt")
	if err != nil || !ok || hash != db.ContentHash(tea) {
		t.Errorf("Hash = %x, %v, %v", hash, ok, err)
	}
	if _, ok, err := d.Hash(ctx, "nobody"); ok || err != nil {
		t.Errorf("Hash of a missing id = %v, %v", ok, err)
	}
}

func TestContentHash(t *testing.T) {
	base := db.Document{ID: "a", Title: "t", Text: "x", Source: "s", Metadata: map[string]string{"k": "v", "l": "w"}}
	same := base
	same.ID, same.Format = "b", db.FormatText
	if db.ContentHash(base) != db.ContentHash(same) {
		t.Error("id or the default format changes the hash")
	}
	for i, doc := range []db.Document{
		{Title: "tx", Text: "", Source: "s", Metadata: base.Metadata},
		{Title: "t", Text: "x", Source: "", Metadata: base.Metadata},
		{Title: "t", Text: "x", Source: "s", Metadata: map[string]string{"k": "v"}},
		{Title: "t", Text: "x", Source: "s", Metadata: map[string]string{"k": "vl", "w": ""}},
		{Title: "t", Text: "x", Source: "s", Format: db.FormatMarkdown, Metadata: base.Metadata},
	} {
		if db.ContentHash(doc) == db.ContentHash(base) {
			t.Errorf("document %d has the same hash", i)
		}
	}
}

func TestDelete(t *testing.T) {
	d := dbtest.Open(t)
	dbtest.Add(t, d, dbtest.Corpus()...)
	n, err := d.Delete(ctx, "tea.txt", "nobody", "bread.md", "tea.txt")
	if n != 2 || err != nil {
		t.Errorf("Delete = %d, %v, want 2", n, err)
	}
	for _, mode := range []db.Mode{db.Hybrid, db.Dense, db.Lexical} {
		for _, h := range query(t, d, "tea bread water", &db.QueryOptions{Mode: mode, K: 100}) {
			if h.ID == "tea.txt" || h.ID == "bread.md" {
				t.Errorf("%v: found deleted %s", mode, h.ID)
			}
		}
	}
	dbtest.Check(t, d)
	ids := list(t, d, "")
	if n, err := d.Delete(ctx, ids...); n != 10 || err != nil {
		t.Errorf("Delete of all = %d, %v", n, err)
	}
	s, err := d.Stats(ctx)
	if err != nil || s.Documents+s.Passages+s.Vectors+s.Terms+int(s.Tokens)+int(s.TextBytes)+s.Index.Len != 0 {
		t.Errorf("stats of an empty database: %+v, %v", s, err)
	}
	if hits := query(t, d, "tea", nil); len(hits) != 0 {
		t.Errorf("hits in an empty database: %+v", hits)
	}
	dbtest.Add(t, d, dbtest.Corpus()...)
	if hits := query(t, d, "green tea", nil); hits[0].ID != "tea.txt" {
		t.Errorf("after adding again: %+v", hits[0])
	}
}

func TestList(t *testing.T) {
	d := dbtest.Open(t)
	var docs []db.Document
	for i := range 600 {
		docs = append(docs, db.Document{ID: fmt.Sprintf("%c/%03d", 'a'+i%2, i), Text: "number", Metadata: map[string]string{"n": fmt.Sprint(i)}})
	}
	dbtest.Add(t, d, docs...)
	ids := list(t, d, "a/")
	if len(ids) != 300 || ids[0] != "a/000" || ids[299] != "a/598" {
		t.Errorf("prefix a/: %d ids, %q to %q", len(ids), ids[0], ids[len(ids)-1])
	}
	if n := len(list(t, d, "")); n != 600 {
		t.Errorf("%d ids", n)
	}
	if ids := list(t, d, "c"); ids != nil {
		t.Errorf("prefix c: %q", ids)
	}
	n := 0
	for info, err := range d.List(ctx, nil) { // a loop may write
		if err != nil {
			t.Fatal(err)
		}
		if info.Bytes != 6 || info.Passages != 1 || info.Format != db.FormatText || info.Metadata["n"] == "" || info.Added.IsZero() {
			t.Errorf("info %+v", info)
		}
		if n%100 == 0 {
			if _, err := d.Delete(ctx, info.ID); err != nil {
				t.Fatal(err)
			}
		}
		if n++; n == 550 {
			break
		}
	}
}

func TestLineAndColumn(t *testing.T) {
	d := dbtest.OpenFile(t, t.TempDir()+"/t.db", dbtest.HashEncoder(16), &db.Options{Chunk: chunkOf(4)})
	text := "eins zwei drei vier. Fünf größer sieben acht.\r\n\n  neun zehn elf zwölf\n\n日本語の 文。次の 文。"
	dbtest.Add(t, d, db.Document{ID: "x", Text: text})
	want := map[string][2]int{
		"eins zwei drei vier.":     {1, 1},
		"Fünf größer sieben acht.": {1, 22},
		"neun zehn elf zwölf":      {3, 3},
		"日本語の 文。次の 文。":             {5, 1},
	}
	for _, h := range query(t, d, "eins fünf neun 文 の日本語", nil) {
		w, ok := want[h.Text]
		if !ok || h.Line != w[0] || h.Col != w[1] {
			t.Errorf("%q at %d:%d, want %v", h.Text, h.Line, h.Col, w)
		}
		delete(want, h.Text)
	}
	if len(want) != 0 {
		t.Errorf("not found: %v", want)
	}
}

func TestPerDocument(t *testing.T) {
	d := dbtest.OpenFile(t, t.TempDir()+"/t.db", dbtest.HashEncoder(64), &db.Options{Chunk: chunkOf(8)})
	long := strings.Repeat("Rivers carry water to the sea. ", 300)
	dbtest.Add(t, d,
		db.Document{ID: "long", Text: long},
		db.Document{ID: "short", Text: "Some water, with words that have nothing to do with it, and the sea."},
		db.Document{ID: "other", Text: "The sea is far from these hills. Nobody here has a boat."})
	for _, mode := range []db.Mode{db.Hybrid, db.Dense, db.Lexical} {
		for _, per := range []int{1, 2} {
			hits := query(t, d, "rivers carry water to the sea", &db.QueryOptions{Mode: mode, PerDocument: per, K: 10})
			n := map[string]int{}
			for i, h := range hits {
				n[h.ID]++
				if per == 1 && mode == db.Hybrid && h.DenseRank > 3 {
					t.Errorf("hit %d: dense rank %d among 3 documents", i, h.DenseRank)
				}
			}
			if n["long"] != per || n["short"] == 0 || n["other"] == 0 {
				t.Errorf("%v, %d a document: %v", mode, per, n)
			}
		}
		if hits := query(t, d, "rivers carry water to the sea", &db.QueryOptions{Mode: mode, K: 7}); len(hits) != 7 {
			t.Errorf("%v: %d hits, want 7", mode, len(hits))
		}
	}
}

func TestTitleOnly(t *testing.T) {
	d := dbtest.Open(t)
	dbtest.Add(t, d, db.Document{ID: "a", Title: "Elderflower syrup", Text: " \n"}, db.Document{ID: "b", Title: "Elder", Text: "Something about syrup of any kind."})
	for _, mode := range []db.Mode{db.Hybrid, db.Dense, db.Lexical} {
		hits := query(t, d, "elderflower", &db.QueryOptions{Mode: mode})
		if len(hits) == 0 || hits[0].ID != "a" || hits[0].Text != "" || hits[0].Line != 1 {
			t.Errorf("%v: %+v", mode, hits)
		}
	}
	// A title that matches alone is carried by the first passage.
	if hits := query(t, d, "elder", &db.QueryOptions{Mode: db.Lexical}); len(hits) != 1 || hits[0].ID != "b" || hits[0].Passage != 0 {
		t.Errorf("%+v", hits)
	}
}

func TestQueryArguments(t *testing.T) {
	d := dbtest.Open(t)
	dbtest.Add(t, d, dbtest.Corpus()...)
	for _, q := range []string{"", " \n", "\xff", strings.Repeat("x", 1<<20+1)} {
		if _, err := d.Query(ctx, q, nil); !errors.Is(err, db.ErrInvalid) {
			t.Errorf("query %.10q: %v", q, err)
		}
	}
	for _, o := range []db.QueryOptions{{K: -1}, {Depth: -1}, {PerDocument: -2}, {EfSearch: -1}, {Mode: 3}, {Fusion: 2}, {DenseWeight: -1}, {RankConstant: nan()}, {K: db.MaxK + 1}} {
		if _, err := d.Query(ctx, "tea", &o); !errors.Is(err, db.ErrInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if hits := query(t, d, "?!", &db.QueryOptions{Mode: db.Lexical}); len(hits) != 0 {
		t.Errorf("a query without words: %+v", hits)
	}
	if hits := query(t, d, "tea tea xyzzy", &db.QueryOptions{Mode: db.Lexical, K: 50}); len(hits) != 1 {
		t.Errorf("%d hits, want 1", len(hits))
	}
	if hits := query(t, d, "tea", &db.QueryOptions{K: 50, Exact: true, EfSearch: 3}); len(hits) != 14 {
		t.Errorf("%d hits, want all 14 passages", len(hits))
	}
}

func TestInvalidDocuments(t *testing.T) {
	d := dbtest.Open(t)
	for name, doc := range map[string]db.Document{
		"without an id":        {Text: "x"},
		"id is not UTF-8":      {ID: "a\xff", Text: "x"},
		"id has 4097 bytes":    {ID: strings.Repeat("x", 4097), Text: "x"},
		"text is not UTF-8":    {ID: "a", Text: "ab\xc3("},
		"at byte 2":            {ID: "a", Text: "ab\xc3("},
		"title is not UTF-8":   {ID: "a", Title: "\xff", Text: "x"},
		`format "html"`:        {ID: "a", Text: "x", Format: "html"},
		"no text and no title": {ID: "a", Text: " \n", Title: " "},
		"metadata \"k\"":       {ID: "a", Text: "x", Metadata: map[string]string{"k": "\xff"}},
		"at most 1048576 are":  {ID: "a", Text: "x", Source: strings.Repeat("x", 1<<20+1)},
	} {
		_, err := d.Add(ctx, db.Document{ID: "good", Text: "good"}, doc)
		if !errors.Is(err, db.ErrInvalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.Add(ctx, db.Document{ID: "a", Text: "x"}, db.Document{ID: "a", Text: "y"}); !errors.Is(err, db.ErrInvalid) {
		t.Errorf("id given twice: %v", err)
	}
	if _, err := d.Delete(ctx, ""); !errors.Is(err, db.ErrInvalid) {
		t.Errorf("delete of an empty id: %v", err)
	}
	if ids := list(t, d, ""); ids != nil {
		t.Errorf("something was stored: %q", ids)
	}
}

func TestReopen(t *testing.T) {
	path := t.TempDir() + "/t.db"
	enc := dbtest.HashEncoder(dbtest.Dim)
	d := dbtest.OpenFile(t, path, enc, nil)
	dbtest.Add(t, d, dbtest.Corpus()...)
	want := query(t, d, "water and coffee at night", &db.QueryOptions{K: 30})
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for _, o := range []*db.Options{nil, {ReadOnly: true}, {MustExist: true}} {
		d := dbtest.OpenFile(t, path, enc, o)
		if got := query(t, d, "water and coffee at night", &db.QueryOptions{K: 30}); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v: hits differ: %+v, want %+v", o, got, want)
		}
		dbtest.Check(t, d)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestClosed(t *testing.T) {
	d := dbtest.Open(t)
	dbtest.Add(t, d, dbtest.Corpus()...)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	_, err1 := d.Add(ctx, db.Document{ID: "a", Text: "x"})
	_, err2 := d.Query(ctx, "x", nil)
	_, err3 := d.Get(ctx, "x")
	_, err4 := d.Delete(ctx, "x")
	_, err5 := d.Stats(ctx)
	_, err6 := d.Check(ctx)
	_, _, err7 := d.Hash(ctx, "x")
	var err8 error
	for _, err := range d.List(ctx, nil) {
		err8 = err
	}
	for i, err := range []error{err1, err2, err3, err4, err5, err6, err7, err8, d.Close()} {
		if !errors.Is(err, db.ErrClosed) {
			t.Errorf("call %d after Close: %v", i+1, err)
		}
	}
}

func TestWithoutEncoder(t *testing.T) {
	path := t.TempDir() + "/t.db"
	d := dbtest.OpenFile(t, path, dbtest.HashEncoder(dbtest.Dim), nil)
	dbtest.Add(t, d, dbtest.Corpus()...)
	d.Close()

	d = dbtest.OpenFile(t, path, nil, nil)
	if _, err := d.Add(ctx, db.Document{ID: "a", Text: "x"}); !errors.Is(err, db.ErrNoEncoder) {
		t.Errorf("Add: %v", err)
	}
	if r := dbtest.Add(t, d, dbtest.Corpus()...); r.Unchanged != 12 {
		t.Errorf("Add of what is present: %+v", r)
	}
	for _, mode := range []db.Mode{db.Hybrid, db.Dense} {
		if _, err := d.Query(ctx, "tea", &db.QueryOptions{Mode: mode}); !errors.Is(err, db.ErrNoEncoder) {
			t.Errorf("%v query: %v", mode, err)
		}
	}
	if hits := query(t, d, "tea", &db.QueryOptions{Mode: db.Lexical}); len(hits) != 1 || hits[0].ID != "tea.txt" {
		t.Errorf("lexical query: %+v", hits)
	}
	if n, err := d.Delete(ctx, "tea.txt"); n != 1 || err != nil {
		t.Errorf("Delete = %d, %v", n, err)
	}
	if ids := list(t, d, "t"); !reflect.DeepEqual(ids, []string{"train.txt"}) {
		t.Errorf("List: %q", ids)
	}
	s, err := d.Stats(ctx)
	if err != nil || s.Fingerprint != "hash-64@1" || s.Dim != 64 || s.Index.Len != 13 {
		t.Errorf("Stats = %+v, %v", s, err)
	}
	dbtest.Check(t, d)
	d.Close()

	d = dbtest.OpenFile(t, path, dbtest.HashEncoder(dbtest.Dim), nil)
	if hits := query(t, d, "coffee", nil); hits[0].ID != "coffee.txt" {
		t.Errorf("%+v", hits[0])
	}
}

// A database made without an encoder takes the first it meets.
func TestBindLater(t *testing.T) {
	path := t.TempDir() + "/t.db"
	d := dbtest.OpenFile(t, path, nil, nil)
	if hits := query(t, d, "tea", &db.QueryOptions{Mode: db.Lexical}); hits != nil {
		t.Errorf("%+v", hits)
	}
	if s, err := d.Stats(ctx); err != nil || s.Dim != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	d.Close()
	d = dbtest.OpenFile(t, path, dbtest.HashEncoder(8), nil)
	dbtest.Add(t, d, dbtest.Corpus()...)
	d.Close()
	if _, err := db.Open(path, dbtest.HashEncoder(16), nil); !errors.Is(err, db.ErrEncoderMismatch) {
		t.Errorf("%v", err)
	}
}

func TestManyPassages(t *testing.T) {
	d := dbtest.OpenFile(t, t.TempDir()+"/t.db", dbtest.HashEncoder(32), &db.Options{Chunk: chunkOf(12)})
	var b strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&b, "Line %d speaks of item%d and nothing else.\n\n", i, i)
	}
	dbtest.Add(t, d, db.Document{ID: "big", Text: b.String()})
	for _, i := range []int{0, 749, 1499} {
		hits := query(t, d, fmt.Sprintf("item%d", i), &db.QueryOptions{Mode: db.Lexical, K: 1})
		if len(hits) != 1 || hits[0].Line != 2*i+1 || !strings.Contains(hits[0].Text, fmt.Sprintf("item%d ", i)) {
			t.Errorf("item%d: %+v", i, hits)
		}
	}
}
