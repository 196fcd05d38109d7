package db_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

// readerFile is what testdata/format/read.py prints.
type readerFile struct {
	Version, Dim, Terms int
	Commit              uint64
	Fingerprint         string
	MaxTokens           int `json:"max_tokens"`
	Overlap             int
	Tokens              int64
	TextBytes           int64 `json:"text_bytes"`
	Documents           []struct {
		ID, Title, Source, Format, Text, Hash string
		Metadata                              map[string]string
		Added                                 int64
		Passages                              []struct {
			Start, End, Line, Col int
			Vector                []float32
		}
	}
	Postings map[string]map[string][]any // term, id: times in the title, in the text, places
}

// A reader written in another language, from docs/format.md alone, finds in a file what this package says is in it.
func TestFormatReader(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3: ", err)
	}
	enc := dbtest.HashEncoder(16)
	current := filepath.Join(t.TempDir(), "current.db")
	copyFile(t, filepath.Join("testdata", "format", fmt.Sprintf("v%d.db", db.FormatVersion)), current)
	lived := filepath.Join(t.TempDir(), "lived.db")
	repairFile(t, lived, enc)
	compacted := filepath.Join(t.TempDir(), "compacted.db")
	if err := db.Restore(ctx, lived, compacted, nil); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{current, lived, compacted} {
		out, err := exec.Command(python, filepath.Join("testdata", "format", "read.py"), path).Output()
		if err != nil {
			stderr := ""
			if ee, ok := err.(*exec.ExitError); ok {
				stderr = string(ee.Stderr)
			}
			t.Fatalf("%s: %v\n%s", path, err, stderr)
		}
		var got readerFile
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		compareReader(t, path, &got, enc)
	}
}

func compareReader(t *testing.T, path string, got *readerFile, enc db.Encoder) {
	t.Helper()
	d := dbtest.OpenFile(t, path, enc, nil)
	s, err := d.Stats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	passages := 0
	for _, doc := range got.Documents {
		passages += len(doc.Passages)
	}
	if got.Version != s.FormatVersion || got.Dim != s.Dim || got.Terms != s.Terms || got.Commit != s.Commit || got.Fingerprint != s.Fingerprint ||
		got.MaxTokens != s.MaxTokens || got.Overlap != s.OverlapTokens || got.Tokens != s.Tokens || got.TextBytes != s.TextBytes ||
		len(got.Documents) != s.Documents || passages != s.Passages || len(got.Documents) == 0 {
		t.Errorf("%s: %+v\nstats %+v", path, got, s)
	}
	infos := map[string]db.DocumentInfo{}
	for info, err := range d.List(ctx, nil) {
		if err != nil {
			t.Fatal(err)
		}
		infos[info.ID] = info
	}
	// Every passage, as a query gives it.
	hits := map[string]db.Hit{}
	for _, h := range query(t, d, "water", &db.QueryOptions{Mode: db.Dense, Exact: true, K: 10000}) {
		hits[fmt.Sprint(h.ID, "/", h.Passage)] = h
	}
	q, err := enc.EncodeQuery(ctx, "water")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string][2]int{} // postings, by analysing the texts here
	for _, doc := range got.Documents {
		g, err := d.Get(ctx, doc.ID)
		if err != nil {
			t.Fatal(err)
		}
		read := db.Document{ID: doc.ID, Title: doc.Title, Text: doc.Text, Format: doc.Format, Source: doc.Source}
		if len(doc.Metadata) > 0 {
			read.Metadata = doc.Metadata
		}
		info := infos[doc.ID]
		if !reflect.DeepEqual(*g, read) || fmt.Sprintf("%x", info.Hash) != doc.Hash || info.Added.UnixNano() != doc.Added || info.Passages != len(doc.Passages) {
			t.Errorf("%s: document %+v\nwant %+v, %+v", path, read, *g, info)
		}
		for i, p := range doc.Passages {
			h, ok := hits[fmt.Sprint(doc.ID, "/", i)]
			dot := float32(0)
			for j, x := range p.Vector {
				dot += x * q[j]
			}
			if !ok || h.Start != p.Start || h.End != p.End || h.Line != p.Line || h.Col != p.Col || max(dot-float32(h.Cosine), float32(h.Cosine)-dot) > 1e-5 {
				t.Errorf("%s: %s passage %d: %+v (cosine %v), want %+v", path, doc.ID, i, p, dot, h)
			}
		}
		for i, text := range []string{doc.Title, doc.Text} {
			terms, _ := db.Terms(text)
			for _, term := range terms {
				if want[term] == nil {
					want[term] = map[string][2]int{}
				}
				n := want[term][doc.ID]
				n[i]++
				want[term][doc.ID] = n
			}
		}
	}
	if g, w := slices.Sorted(maps.Keys(got.Postings)), slices.Sorted(maps.Keys(want)); !slices.Equal(g, w) {
		t.Fatalf("%s: terms %q, want %q", path, g, w)
	}
	for term, docs := range got.Postings {
		times := map[string][2]int{}
		for id, p := range docs {
			times[id] = [2]int{int(p[0].(float64)), int(p[1].(float64))}
		}
		if !maps.Equal(times, want[term]) {
			t.Errorf("%s: postings of %q: %v, want %v", path, term, times, want[term])
		}
	}
}
