package db_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

func fileSize(t testing.TB, path string) int64 {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fi.Size()
}

// A backup made while a writer is at work is one state of the database, whole.
func TestBackupBesideWriter(t *testing.T) {
	dir := t.TempDir()
	enc := dbtest.HashEncoder(16)
	d := dbtest.OpenFile(t, filepath.Join(dir, "t.db"), enc, nil)
	pair := func(g int) []db.Document { // replaced together: no state has one without the other
		return []db.Document{{ID: "a", Text: fmt.Sprint("version ", g)}, {ID: "b", Text: fmt.Sprint("version ", g)}}
	}
	dbtest.Add(t, d, pair(0)...)
	for i := range 10 {
		dbtest.Add(t, d, killDocument(i, 1))
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for g := 1; ; g++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := d.Add(ctx, pair(g)...); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i := range 5 {
		path := filepath.Join(dir, fmt.Sprintf("backup%d.db", i))
		if err := d.Backup(ctx, path); err != nil {
			t.Fatal(err)
		}
		c := dbtest.OpenFile(t, path, enc, nil)
		a, errA := c.Get(ctx, "a")
		b, errB := c.Get(ctx, "b")
		if errA != nil || errB != nil || a.Text != b.Text {
			t.Errorf("%v, %v, %v, %v", a, b, errA, errB)
		}
		if ids := list(t, c, ""); len(ids) != 12 {
			t.Errorf("%q", ids)
		}
	}
	close(stop)
	wg.Wait()
}

func TestBackupAndRestore(t *testing.T) {
	dir := t.TempDir()
	path, backup, other := filepath.Join(dir, "t.db"), filepath.Join(dir, "backup.db"), filepath.Join(dir, "other.db")
	enc := dbtest.HashEncoder(16)
	repairFile(t, path, enc)
	want := contents(t, path, enc)
	d := dbtest.OpenFile(t, path, enc, nil)
	if err := d.Backup(ctx, backup); err != nil {
		t.Fatal(err)
	}
	if err := d.Backup(ctx, backup); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if err := d.Backup(ctx, filepath.Join(dir, "no", "b.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("to a folder that is missing: %v", err)
	}
	if fileSize(t, backup) >= fileSize(t, path) {
		t.Errorf("the backup has %d bytes, the file %d", fileSize(t, backup), fileSize(t, path))
	}
	if got := contents(t, backup, enc); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	before := state(t, d)
	if _, err := d.Delete(ctx, "tea.txt"); err != nil {
		t.Fatal(err)
	}
	replace := &db.RestoreOptions{Replace: true, Timeout: -1}
	if err := db.Restore(ctx, backup, path, replace); !errors.Is(err, db.ErrLocked) {
		t.Errorf("over an open file: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Restore(ctx, backup, path, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if err := db.Restore(ctx, backup, backup, replace); !errors.Is(err, db.ErrInvalid) {
		t.Errorf("over itself: %v", err)
	}
	if err := db.Restore(ctx, filepath.Join(dir, "none.db"), path, replace); !errors.Is(err, db.ErrNotExist) {
		t.Errorf("from nothing: %v", err)
	}
	for _, to := range []string{path, other} {
		if err := db.Restore(ctx, backup, to, replace); err != nil {
			t.Fatal(err)
		}
		if got := state(t, dbtest.OpenFile(t, to, enc, nil)); got != before {
			t.Errorf("restored:\n%s\nwant\n%s", got, before)
		}
	}
	if names, _ := filepath.Glob(filepath.Join(dir, ".*")); len(names) != 0 {
		t.Errorf("left behind: %q", names)
	}
}

// Damage is not copied: not into a backup, not by restoring, not by compacting.
func TestCopyOfDamage(t *testing.T) {
	dir := t.TempDir()
	path := makeFile(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.ReplaceAll(whole, []byte("Two minutes are enough"), []byte("Two minutes are enouph"))
	if err := os.WriteFile(path, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(path, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out.db")
	for what, err := range map[string]error{"backup": d.Backup(ctx, out), "compact": d.Compact(ctx)} {
		if !errors.Is(err, db.ErrCorrupt) || !strings.Contains(err.Error(), "text 1 block 0") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Restore(ctx, path, out, nil); !errors.Is(err, db.ErrCorrupt) {
		t.Errorf("restore: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, damaged) {
		t.Errorf("the file was changed, %v", err)
	}
	for _, dir := range []string{dir, filepath.Dir(path)} {
		if names, _ := filepath.Glob(filepath.Join(dir, "*.db")); len(names) > 1 || len(names) == 1 && names[0] != path {
			t.Errorf("left behind: %q", names)
		}
		if names, _ := filepath.Glob(filepath.Join(dir, ".*")); len(names) != 0 {
			t.Errorf("left behind: %q", names)
		}
	}
}

// Compacting gives space back, changes no answer, and goes on beside queries; the database stays open and locked.
func TestCompact(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	enc := dbtest.HashEncoder(16)
	d := dbtest.OpenFile(t, path, enc, nil)
	var ids []string
	for i := range 40 {
		doc := killDocument(i, 1)
		dbtest.Add(t, d, doc)
		if i >= 10 {
			ids = append(ids, doc.ID)
		}
	}
	dbtest.Add(t, d, dbtest.Corpus()...)
	if _, err := d.Delete(ctx, ids...); err != nil {
		t.Fatal(err)
	}
	want, size := state(t, d), fileSize(t, path)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if hits, err := d.Query(ctx, "green tea", nil); err != nil || hits[0].ID != "tea.txt" {
					t.Errorf("query: %v, %v", hits, err)
					return
				}
			}
		})
	}
	for range 3 {
		if err := d.Compact(ctx); err != nil {
			t.Fatal(err)
		}
		dbtest.Check(t, d)
	}
	close(stop)
	wg.Wait()
	if got := state(t, d); got != want {
		t.Errorf("after compacting:\n%s\nwant\n%s", got, want)
	}
	if now := fileSize(t, path); now > size*2/3 {
		t.Errorf("%d bytes, %d before", now, size)
	}
	if _, err := db.Open(path, nil, &db.Options{Timeout: -1}); !errors.Is(err, db.ErrLocked) {
		t.Errorf("another opening: %v", err)
	}
	dbtest.Add(t, d, killDocument(50, 1))
	dbtest.Check(t, d)
	want = state(t, d)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	// What a crash leaves of a compaction is removed by the next opening.
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), ".t.db.compact"), []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := state(t, dbtest.OpenFile(t, path, enc, nil)); got != want {
		t.Errorf("after opening again:\n%s\nwant\n%s", got, want)
	}
	if names, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(names) != 0 {
		t.Errorf("left behind: %q", names)
	}
}

func TestCompactErrors(t *testing.T) {
	path := makeFile(t)
	r := dbtest.OpenFile(t, path, nil, &db.Options{ReadOnly: true})
	if err := r.Compact(ctx); !errors.Is(err, db.ErrReadOnly) {
		t.Errorf("read only: %v", err)
	}
	if err := r.Scrub(ctx); !errors.Is(err, db.ErrReadOnly) {
		t.Errorf("read only: %v", err)
	}
	if err := r.Backup(ctx, path+".backup"); err != nil {
		t.Errorf("backup of a file open for reading: %v", err)
	}
	r.Close()
	d := dbtest.OpenFile(t, path, nil, nil)
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if err := d.Compact(canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	d.Close()
	if err := d.Compact(ctx); !errors.Is(err, db.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// secretWords are in a document and nowhere else: in its text, title, source, metadata and id.
var secretWords = []string{"Xylophonist", "Quixotically", "zwieback-source", "Wunderkammer", "secret-identity"}

func secretDocument() db.Document {
	return db.Document{
		ID: "secret-identity", Title: "Quixotically", Source: "zwieback-source",
		Text:     "The Xylophonist plays. " + strings.Repeat("The Xylophonist plays again and again. ", 2000),
		Metadata: map[string]string{"place": "Wunderkammer"},
	}
}

// secretsIn returns which of the secret words a file holds, in any case.
func secretsIn(t testing.TB, path string) (found []string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.ToLower(data)
	for _, w := range secretWords {
		if bytes.Contains(data, []byte(strings.ToLower(w))) {
			found = append(found, w)
		}
	}
	return found
}

// After a secure delete, a scrub or a compaction nothing of a document is in the file, free pages included.
// After a plain delete it still is, or the test would show nothing.
func TestSecureDelete(t *testing.T) {
	for _, x := range []struct {
		name   string
		delete func(d *db.DB) error
		clean  bool
	}{
		{"plain", func(d *db.DB) error { return second(d.Delete(ctx, "secret-identity")) }, false},
		{"secure", func(d *db.DB) error {
			return second(d.DeleteWith(ctx, &db.DeleteOptions{Secure: true}, "secret-identity"))
		}, true},
		{"scrub", func(d *db.DB) error { return errors.Join(second(d.Delete(ctx, "secret-identity")), d.Scrub(ctx)) }, true},
		{"compact", func(d *db.DB) error { return errors.Join(second(d.Delete(ctx, "secret-identity")), d.Compact(ctx)) }, true},
		{"replaced", func(d *db.DB) error {
			_, err := d.Add(ctx, db.Document{ID: "secret-identity", Text: "Nothing."})
			return errors.Join(err, second(d.Delete(ctx, "secret-identity")), second(d.DeleteWith(ctx, &db.DeleteOptions{Secure: true})))
		}, true},
	} {
		t.Run(x.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "t.db")
			d := dbtest.OpenFile(t, path, dbtest.HashEncoder(16), nil)
			dbtest.Add(t, d, dbtest.Corpus()...)
			dbtest.Add(t, d, secretDocument())
			for i := range 5 { // the pages of the document move
				dbtest.Add(t, d, killDocument(i, 1))
			}
			if found := secretsIn(t, path); len(found) != len(secretWords) {
				t.Fatalf("only %q are in the file to begin with", found)
			}
			if _, err := d.Delete(ctx, "cat.txt"); err != nil {
				t.Fatal(err)
			}
			if err := x.delete(d); err != nil {
				t.Fatal(err)
			}
			if found := secretsIn(t, path); len(found) > 0 == x.clean {
				t.Errorf("%q are in the file", found)
			}
			dbtest.Check(t, d)
			dbtest.Add(t, d, killDocument(9, 1))
			want := state(t, d)
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			if found := secretsIn(t, path); len(found) > 0 && x.clean {
				t.Errorf("%q are in the file after closing", found)
			}
			d = dbtest.OpenFile(t, path, dbtest.HashEncoder(16), nil)
			if got := state(t, d); got != want {
				t.Errorf("after opening again:\n%s", got)
			}
		})
	}
}

// At each step of a compaction: if it stops there, the database goes on, and the file is whole.
func TestCompactCrashPoints(t *testing.T) {
	for _, point := range db.CompactPoints {
		t.Run(point, func(t *testing.T) {
			dir := t.TempDir()
			path, clone := filepath.Join(dir, "t.db"), filepath.Join(dir, "clone.db")
			enc := dbtest.HashEncoder(16)
			d := dbtest.OpenFile(t, path, enc, nil)
			dbtest.Add(t, d, dbtest.Corpus()...)
			dbtest.Add(t, d, killDocument(1, 1))
			before := state(t, d)
			db.SetCrash(func(p string) error {
				if p != point {
					return nil
				}
				copyFile(t, path, clone)
				return errCrash
			})
			defer db.SetCrash(nil)
			if err := d.Compact(ctx); !errors.Is(err, errCrash) {
				t.Fatalf("%v", err)
			}
			db.SetCrash(nil)
			for _, d := range []*db.DB{d, dbtest.OpenFile(t, clone, enc, nil)} {
				if got := state(t, d); got != before {
					t.Errorf("stopped at %s:\n%s", point, got)
				}
				dbtest.Check(t, d)
				dbtest.Add(t, d, killDocument(2, 1))
				if err := d.Compact(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
