package db_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

const pageBytes = 8192

// A disk may lose any of the pages of a commit that a crash interrupts, and a bad one may lose a page of a
// commit that it has acknowledged. In the first case the file is as it was before. In the second it is as
// it is after, or Open or a read says that it is damaged: a page that was lost leaves an older one in its
// place, whose checksums are right.
func TestTornCommit(t *testing.T) {
	dir := t.TempDir()
	path, torn := filepath.Join(dir, "t.db"), filepath.Join(dir, "torn.db")
	enc := dbtest.HashEncoder(16)
	d, err := db.Open(path, enc, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	dbtest.Add(t, d, dbtest.Corpus()...)
	read := func() ([]byte, string) {
		t.Helper()
		s, err := tryState(d)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return data, s
	}
	// outcome opens a file: its state, or what Open, a read or Check says.
	outcome := func(data []byte) (string, error) {
		t.Helper()
		if err := os.WriteFile(torn, data, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := db.Open(torn, enc, nil)
		if err != nil {
			return "", err
		}
		defer d.Close()
		s, err := tryState(d)
		if _, checkErr := d.Check(ctx); err == nil {
			err = checkErr
		}
		return s, err
	}
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	noticed, stale := 0, 0
	rounds := 12 * deep(t, "SEMSEARCH_DAMAGE_ROUNDS", 1, 40)
	for round := range rounds {
		before, old := read()
		doc := db.Document{ID: fmt.Sprint("doc", round%3), Text: fmt.Sprintf("Version %d of a text about water and bread.", round)}
		if round%4 == 3 {
			if _, err := d.Delete(ctx, doc.ID); err != nil {
				t.Fatal(err)
			}
		} else {
			dbtest.Add(t, d, doc)
		}
		after, now := read()
		for len(before) < len(after) {
			before = append(before, 0)
		}
		var data, meta []int // changed pages
		for p := range len(after) / pageBytes {
			switch {
			case bytes.Equal(before[p*pageBytes:(p+1)*pageBytes], after[p*pageBytes:(p+1)*pageBytes]):
			case p < 2:
				meta = append(meta, p)
			default:
				data = append(data, p)
			}
		}
		if len(meta) != 1 || len(data) < 2 {
			t.Fatalf("seed %d, round %d: pages %v and %v changed", seed, round, meta, data)
		}
		with := func(base []byte, pages ...int) []byte {
			b := bytes.Clone(base)
			for _, p := range pages {
				copy(b[p*pageBytes:(p+1)*pageBytes], after[p*pageBytes:])
			}
			return b
		}
		// Interrupted: some pages, not the meta page.
		var some []int
		for _, p := range data {
			if r.IntN(2) == 0 {
				some = append(some, p)
			}
		}
		if got, err := outcome(with(before, some...)); err != nil || got != old {
			t.Errorf("seed %d, round %d: with pages %v of %v: %v\n%s", seed, round, some, data, err, got)
		}
		// Acknowledged: all pages but one.
		for _, lost := range data {
			b := bytes.Clone(after)
			copy(b[lost*pageBytes:(lost+1)*pageBytes], before[lost*pageBytes:])
			got, err := outcome(b)
			switch {
			case err != nil && !errors.Is(err, db.ErrCorrupt):
				t.Errorf("seed %d, round %d: without page %d: %v", seed, round, lost, err)
			case err == nil && got != now:
				t.Errorf("seed %d, round %d: without page %d: another answer:\n%s", seed, round, lost, got)
			case err != nil:
				noticed++
				if strings.Contains(err.Error(), "other records than the last commit left") {
					stale++
				}
			}
		}
	}
	t.Logf("%d lost pages noticed, %d of them by the sums of records alone", noticed, stale)
	if noticed == 0 {
		t.Error("no lost page was noticed: the test does not reach them")
	}
}

// A record that is replaced by an older one, with a right checksum, is noticed by Open.
func TestStaleRecord(t *testing.T) {
	path := makeFile(t)
	d := dbtest.OpenFile(t, path, dbtest.HashEncoder(dbtest.Dim), nil)
	var old []byte
	record := func(fn func(b *bolt.Bucket) error) {
		t.Helper()
		if err := db.Rewrite(path, func(tx *bolt.Tx) error { return fn(tx.Bucket([]byte("ids"))) }); err != nil {
			t.Fatal(err)
		}
	}
	d.Close()
	record(func(b *bolt.Bucket) error { old = bytes.Clone(b.Get([]byte("tea.txt"))); return nil })
	d, err := db.Open(path, dbtest.HashEncoder(dbtest.Dim), nil)
	if err != nil {
		t.Fatal(err)
	}
	dbtest.Add(t, d, db.Document{ID: "tea.txt", Text: "Another tea."})
	d.Close()
	record(func(b *bolt.Bucket) error { return b.Put([]byte("tea.txt"), old) })
	if _, err := db.Open(path, nil, nil); !errors.Is(err, db.ErrCorrupt) || !strings.Contains(err.Error(), "bucket ids holds other records than the last commit left") {
		t.Errorf("%v", err)
	}
	report, err := db.CheckFile(ctx, path, nil)
	if !errors.Is(err, db.ErrCorrupt) || !strings.Contains(fmt.Sprint(report.Problems), "bucket ids: holds other records") {
		t.Errorf("%v, %v", report, err)
	}
}

// Pages that lead back to themselves or to a page above must not be walked for ever.
func TestCyclicPages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	d, err := db.Open(path, dbtest.HashEncoder(16), nil)
	if err != nil {
		t.Fatal(err)
	}
	var docs []db.Document
	for i := range 400 {
		docs = append(docs, db.Document{ID: fmt.Sprintf("a rather long id of a document with the number %04d", i), Text: fmt.Sprint("text ", i)})
	}
	dbtest.Add(t, d, docs...)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	branches, tried := 0, 0
	for p := 2; p < len(whole)/pageBytes; p++ {
		page := whole[p*pageBytes : (p+1)*pageBytes]
		if native.Uint16(page[8:]) != 1 || native.Uint64(page) != uint64(p) {
			continue
		}
		branches++
		for i := range int(native.Uint16(page[10:])) {
			for _, child := range []int{p, 0, 1, len(whole)} {
				data := bytes.Clone(whole)
				native.PutUint64(data[p*pageBytes+16+16*i+8:], uint64(child))
				if err := os.WriteFile(path, data, 0o600); err != nil {
					t.Fatal(err)
				}
				within(t, time.Minute, fmt.Sprintf("page %d, child %d is page %d", p, i, child), func() {
					d, err := db.Open(path, nil, nil)
					if err == nil {
						d.Close()
					}
					if !errors.Is(err, db.ErrCorrupt) {
						t.Errorf("page %d, child %d is page %d: %v", p, i, child, err)
					}
					if _, err := db.CheckFile(ctx, path, nil); !errors.Is(err, db.ErrCorrupt) {
						t.Errorf("page %d, child %d is page %d: check: %v", p, i, child, err)
					}
				})
				tried++
			}
			if i > 3 {
				break
			}
		}
	}
	if branches == 0 || tried == 0 {
		t.Error("no branch page found")
	}
}

// A file that is cut short while it is open gives errors: reading beyond its end is a memory fault.
func TestCutWhileOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	enc := dbtest.HashEncoder(16)
	d, err := db.Open(path, enc, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		dbtest.Add(t, d, killDocument(i, 1))
	}
	if err := os.Truncate(path, 2*pageBytes); err != nil {
		t.Skipf("the system does not cut a file that is mapped: %v", err)
	}
	failed := 0
	for i := range 40 {
		if _, err := d.Get(ctx, killDocument(i, 1).ID); err != nil {
			failed++
			if !errors.Is(err, db.ErrCorrupt) {
				t.Errorf("get: %v", err)
			}
		}
	}
	if failed == 0 {
		t.Error("nothing was lost: the test cuts nothing")
	}
	for what, err := range map[string]error{
		"query": second(d.Query(ctx, "document", &db.QueryOptions{Mode: db.Lexical})),
		"check": second(d.Check(ctx)),
		"add":   second(d.Add(ctx, killDocument(41, 1))),
	} {
		if !errors.Is(err, db.ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
	}
	within(t, time.Minute, "close", func() { _ = d.Close() })
}

func second[T any](_ T, err error) error { return err }
