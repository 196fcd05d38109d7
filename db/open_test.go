package db_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

// makeFile makes a database of the corpus and returns its path.
func makeFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.db")
	d, err := db.Open(path, dbtest.HashEncoder(dbtest.Dim), nil)
	if err != nil {
		t.Fatal(err)
	}
	dbtest.Add(t, d, dbtest.Corpus()...)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	foreign := func(name string, buckets ...string) string {
		path := filepath.Join(dir, name)
		b, err := bolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		if err := b.Update(func(tx *bolt.Tx) error {
			for _, name := range buckets {
				bb, err := tx.CreateBucket([]byte(name))
				if err != nil {
					return err
				}
				if _, err := bb.CreateBucket([]byte("nested")); err != nil {
					return err
				}
				for range 1000 {
					n, _ := bb.NextSequence()
					if err := bb.Put([]byte{byte(n >> 8), byte(n)}, make([]byte, 100)); err != nil {
						return err
					}
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return path
	}
	whole, err := os.ReadFile(makeFile(t))
	if err != nil {
		t.Fatal(err)
	}
	newer := write("newer.db", whole)
	if err := db.SetVersion(newer, 7); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "missing.db")
	for _, x := range []struct {
		path string
		o    db.Options
		want error
		text string
	}{
		{missing, db.Options{MustExist: true}, db.ErrNotExist, missing + ": no such database"},
		{missing, db.Options{ReadOnly: true}, db.ErrNotExist, ""},
		{filepath.Join(dir, "no", "t.db"), db.Options{}, fs.ErrNotExist, "folder " + filepath.Join(dir, "no")},
		{dir, db.Options{}, db.ErrNotDatabase, "is a directory"},
		{write("empty.db", nil), db.Options{}, db.ErrNotDatabase, "empty file"},
		{write("garbage.db", []byte(strings.Repeat("garbage ", 5000))), db.Options{}, db.ErrNotDatabase, "another kind"},
		{write("short.db", []byte("garbage")), db.Options{}, db.ErrNotDatabase, "another kind"},
		{write("zeros.db", make([]byte, 100000)), db.Options{}, db.ErrNotDatabase, "another kind"},
		{foreign("foreign.db", "things", "other"), db.Options{}, db.ErrNotDatabase, "another program"},
		{foreign("foreign2.db", "meta"), db.Options{}, db.ErrNotDatabase, "another program"},
		{foreign("foreign3.db"), db.Options{}, db.ErrNotDatabase, "another program"},
		{write("cut1.db", whole[:20000]), db.Options{}, db.ErrCorrupt, "too short"},
		{write("cut2.db", whole[:8192]), db.Options{}, db.ErrCorrupt, "meta page 1"},
		{write("cut3.db", whole[:100]), db.Options{}, db.ErrCorrupt, ""},
		{newer, db.Options{}, db.ErrVersion, "format version 7, this program knows 1 to 2"},
		{newer, db.Options{ReadOnly: true}, db.ErrVersion, ""},
		{write("t.db", whole), db.Options{Chunk: chunkOf(100)}, db.ErrInvalid, "Chunk.MaxTokens is 200 in this database, not 100"},
		{write("t.db", whole), db.Options{M: 5}, db.ErrInvalid, "M is 16"},
		{write("t.db", whole), db.Options{M: -5}, db.ErrInvalid, "M is -5"},
		{missing, db.Options{M: 1}, db.ErrInvalid, ""},
	} {
		d, err := db.Open(x.path, dbtest.HashEncoder(dbtest.Dim), &x.o)
		if err == nil {
			d.Close()
		}
		if !errors.Is(err, x.want) || !strings.Contains(err.Error(), x.text) || !strings.HasPrefix(err.Error(), x.path) && x.want != db.ErrInvalid {
			t.Errorf("%s: %v; want %v, %q", x.path, err, x.want, x.text)
		}
		if _, err := os.Stat(missing); err == nil {
			t.Errorf("%s was created", missing)
		}
	}
	// Nothing that is not a database was touched, and nothing is left behind.
	if b, _ := os.ReadFile(filepath.Join(dir, "garbage.db")); !bytes.HasPrefix(b, []byte("garbage ")) {
		t.Error("garbage.db was changed")
	}
	if names, _ := filepath.Glob(filepath.Join(dir, ".*")); len(names) != 0 {
		t.Errorf("left behind: %q", names)
	}
}

func TestEncoderMismatch(t *testing.T) {
	path := makeFile(t)
	_, err := db.Open(path, dbtest.HashEncoder(32), nil)
	if !errors.Is(err, db.ErrEncoderMismatch) || !strings.Contains(err.Error(), "hash-64@1") || !strings.Contains(err.Error(), "hash-32@1") {
		t.Errorf("%v", err)
	}
	d, err := db.Open(path, dbtest.HashEncoder(dbtest.Dim), nil)
	if err != nil {
		t.Fatalf("after a mismatch: %v", err)
	}
	d.Close()
}

func TestLocked(t *testing.T) {
	path := makeFile(t)
	enc := dbtest.HashEncoder(dbtest.Dim)
	d := dbtest.OpenFile(t, path, enc, nil)
	start := time.Now()
	for _, readOnly := range []bool{false, true} {
		_, err := db.Open(path, enc, &db.Options{Timeout: 200 * time.Millisecond, ReadOnly: readOnly})
		if !errors.Is(err, db.ErrLocked) {
			t.Errorf("read only %v: %v", readOnly, err)
		}
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
	d.Close()

	r1 := dbtest.OpenFile(t, path, enc, &db.Options{ReadOnly: true})
	r2 := dbtest.OpenFile(t, path, enc, &db.Options{ReadOnly: true})
	for _, d := range []*db.DB{r1, r2} {
		if hits := query(t, d, "green tea", nil); hits[0].ID != "tea.txt" {
			t.Errorf("%+v", hits[0])
		}
		if _, err := d.Add(ctx, db.Document{ID: "a", Text: "x"}); !errors.Is(err, db.ErrReadOnly) {
			t.Errorf("Add: %v", err)
		}
		if _, err := d.Delete(ctx, "tea.txt"); !errors.Is(err, db.ErrReadOnly) {
			t.Errorf("Delete: %v", err)
		}
	}
	if _, err := db.Open(path, enc, &db.Options{Timeout: -1}); !errors.Is(err, db.ErrLocked) {
		t.Errorf("writer beside readers: %v", err)
	}
}

// Many goroutines that all open a missing file must end up with one database.
func TestCreateRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			d, err := db.Open(path, dbtest.HashEncoder(dbtest.Dim), &db.Options{Timeout: time.Minute})
			if err != nil {
				t.Error(err)
				return
			}
			defer d.Close()
			if _, err := d.Add(ctx, db.Document{ID: string(rune('a' + i)), Text: "tea"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	d := dbtest.OpenFile(t, path, nil, nil)
	if ids := list(t, d, ""); len(ids) != 8 {
		t.Errorf("%q", ids)
	}
}

func TestPermission(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("the superuser may do anything")
	}
	path := makeFile(t)
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Open(path, nil, nil); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("writing: %v", err)
	}
	d, err := db.Open(path, nil, &db.Options{ReadOnly: true})
	if err != nil {
		t.Fatalf("reading: %v", err)
	}
	d.Close()
}
