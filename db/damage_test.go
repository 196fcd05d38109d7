package db_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

// tryState is state for a file that may be damaged.
func tryState(d *db.DB) (string, error) {
	var b strings.Builder
	for info, err := range d.List(ctx, nil) {
		if err != nil {
			return "", err
		}
		doc, err := d.Get(ctx, info.ID)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%+v %d %x\n", *doc, info.Passages, info.Hash)
	}
	for _, q := range []string{"water for tea", "bread and stars"} {
		for _, mode := range []db.Mode{db.Dense, db.Lexical} {
			hits, err := d.Query(ctx, q, &db.QueryOptions{K: 50, Mode: mode})
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "%+v\n", hits)
		}
	}
	s, err := d.Stats(ctx)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&b, "%d %d %d", s.Documents, s.Passages, s.Terms)
	return b.String(), nil
}

// A file with one byte changed, or cut short, gives the right answers or an error that wraps ErrCorrupt;
// never other answers, a panic or a hang. SEMSEARCH_DAMAGE_ROUNDS sets the number of files: of each five, four
// have a byte changed and one is cut.
func TestDamage(t *testing.T) {
	rounds := number(t, "SEMSEARCH_DAMAGE_ROUNDS", 240)
	enc := dbtest.HashEncoder(16)
	dir := t.TempDir()
	path := filepath.Join(dir, "whole.db")
	d, err := db.Open(path, enc, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Several commits, so that there are free pages and a graph with more than one record a page.
	dbtest.Add(t, d, dbtest.Corpus()[:6]...)
	dbtest.Add(t, d, dbtest.Corpus()[6:]...)
	dbtest.Add(t, d, db.Document{ID: "long", Text: strings.Repeat("A long text about water, bread and stars. ", 1700)})
	if _, err := d.Delete(ctx, "cat.txt"); err != nil {
		t.Fatal(err)
	}
	want, err := tryState(d)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(20240607)
	r := rand.New(rand.NewPCG(seed, 0))
	noticed, harmless := 0, 0
	broken := filepath.Join(dir, "broken.db")
	for round := range rounds {
		data := append([]byte(nil), whole...)
		var what string
		switch at := r.IntN(len(data)); round % 5 {
		case 4:
			data = data[:at]
			what = fmt.Sprintf("cut to %d bytes", at)
		default:
			if round%2 == 0 { // near the start of a page, where bbolt keeps what it trusts
				at = at/8192*8192 + r.IntN(200)
			}
			x := byte(1 << r.IntN(8))
			if round%3 == 0 {
				x = byte(1 + r.IntN(255))
			}
			data[at] ^= x
			what = fmt.Sprintf("byte %d (page %d offset %d) changed from %#x to %#x", at, at/8192, at%8192, whole[at], data[at])
		}
		what = fmt.Sprintf("seed %d, round %d: %s", seed, round, what)
		if err := os.WriteFile(broken, data, 0o600); err != nil {
			t.Fatal(err)
		}
		watch := time.AfterFunc(time.Minute, func() { panic(what + ": no end after a minute") })
		d, err := db.Open(broken, enc, nil)
		if err != nil {
			watch.Stop()
			if !errors.Is(err, db.ErrCorrupt) && (len(data) > 100 || !errors.Is(err, db.ErrNotDatabase)) {
				t.Errorf("%s: open: %v", what, err)
			}
			noticed++
			continue
		}
		got, err := tryState(d)
		_, checkErr := d.Check(ctx)
		switch {
		case checkErr != nil && !errors.Is(checkErr, db.ErrCorrupt):
			t.Errorf("%s: check: %v", what, checkErr)
		case err != nil && !errors.Is(err, db.ErrCorrupt):
			t.Errorf("%s: %v", what, err)
		case err != nil && checkErr == nil:
			t.Errorf("%s: %v; but Check finds nothing", what, err)
		case err == nil && got != want:
			t.Errorf("%s: another answer:\n%s", what, got)
		case checkErr != nil:
			noticed++
		default:
			harmless++
		}
		if round%4 == 0 { // writing into a damaged file
			_, err := d.Add(ctx, db.Document{ID: "tea.txt", Text: "New words."}, db.Document{ID: "cat.txt", Text: "A cat."})
			if err == nil {
				_, err = d.Delete(ctx, "long")
			}
			if err != nil && !errors.Is(err, db.ErrCorrupt) {
				t.Errorf("%s: write: %v", what, err)
			}
			if _, err := d.Check(ctx); checkErr == nil && err != nil {
				t.Errorf("%s: check after writing: %v", what, err)
			}
		}
		if err := d.Close(); err != nil {
			t.Errorf("%s: close: %v", what, err)
		}
		watch.Stop()
	}
	t.Logf("%d changes noticed, %d harmless", noticed, harmless)
	if noticed == 0 || harmless == 0 {
		t.Errorf("%d changes noticed, %d harmless: the test does not reach both", noticed, harmless)
	}
}

// Damage that Open cannot see, because pages and keys are whole, is found when the record is read.
func TestCheckNamesRecords(t *testing.T) {
	path := makeFile(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(whole), "Two minutes are enough")
	for ; at >= 0; at = nextIndex(string(whole), "Two minutes are enough", at) {
		whole[at] = 'X'
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(path, dbtest.HashEncoder(dbtest.Dim), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Get(ctx, "tea.txt"); !errors.Is(err, db.ErrCorrupt) || !strings.Contains(err.Error(), "text 1 block 0: checksum") {
		t.Errorf("Get: %v", err)
	}
	if _, err := d.Get(ctx, "bread.md"); err != nil {
		t.Errorf("Get of another: %v", err)
	}
	report, err := d.Check(ctx)
	if !errors.Is(err, db.ErrCorrupt) || len(report.Problems) == 0 || !strings.Contains(fmt.Sprint(report.Problems), "text 1 block 0: checksum") {
		t.Errorf("Check: %v, %v", err, report.Problems)
	}
	if _, err := d.Delete(ctx, "tea.txt"); !errors.Is(err, db.ErrCorrupt) {
		t.Errorf("Delete: %v", err)
	}
}

func nextIndex(s, sub string, after int) int {
	i := strings.Index(s[after+1:], sub)
	if i < 0 {
		return -1
	}
	return after + 1 + i
}
