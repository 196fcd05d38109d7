package db_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

// repairFile makes a file that has been lived in: several commits, free pages with old records, documents
// deleted and replaced, a text of more than one record.
func repairFile(t testing.TB, path string, enc db.Encoder) {
	t.Helper()
	d, err := db.Open(path, enc, &db.Options{Chunk: chunkOf(200)})
	if err != nil {
		t.Fatal(err)
	}
	dbtest.Add(t, d, dbtest.Corpus()[:6]...)
	dbtest.Add(t, d, dbtest.Corpus()[6:]...)
	for i := range 20 {
		dbtest.Add(t, d, killDocument(i, 1))
	}
	dbtest.Add(t, d, db.Document{ID: "long", Title: "Long", Text: strings.Repeat("A long text about water, bread and stars. ", 1700)})
	dbtest.Add(t, d, killDocument(3, 2), killDocument(4, 2))
	if _, err := d.Delete(ctx, "cat.txt", killDocument(7, 1).ID); err != nil {
		t.Fatal(err)
	}
	dbtest.Add(t, d, db.Document{ID: "last", Text: "Last words.", Metadata: map[string]string{"a": "b"}, Source: "x/y"})
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// contents is every document of a file as List and Get give it.
func contents(t testing.TB, path string, enc db.Encoder) map[string]string {
	t.Helper()
	d := dbtest.OpenFile(t, path, enc, nil)
	out := map[string]string{}
	for info, err := range d.List(ctx, nil) {
		if err != nil {
			t.Fatal(err)
		}
		doc, err := d.Get(ctx, info.ID)
		if err != nil {
			t.Fatal(err)
		}
		out[info.ID] = fmt.Sprintf("%+v %+v", *doc, info)
	}
	dbtest.Check(t, d)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

// The repair of a file that is whole is the same database.
func TestRepairWhole(t *testing.T) {
	dir := t.TempDir()
	src, dst := filepath.Join(dir, "src.db"), filepath.Join(dir, "dst.db")
	enc := dbtest.HashEncoder(16)
	repairFile(t, src, enc)
	before, err := os.ReadFile(src)
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	report, err := db.Repair(ctx, src, dst, nil, &db.RepairOptions{Progress: func(done, total int) {
		calls++
		if done > total || total != 32 {
			t.Errorf("progress %d of %d", done, total)
		}
	}})
	if err != nil || len(report.Lost)+len(report.Doubtful)+report.Encoded != 0 || report.Documents != 32 || calls == 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	if got, want := contents(t, dst, enc), contents(t, src, enc); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	s, d := dbtest.OpenFile(t, src, enc, nil), dbtest.OpenFile(t, dst, enc, nil)
	if got, want := state(t, d), state(t, s); got != want {
		t.Errorf("other answers:\n%s\nwant\n%s", got, want)
	}
	if after, err := os.ReadFile(src); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the damaged file was changed, %v", err)
	}
	// Numbers of documents are not used again.
	dbtest.Add(t, d, db.Document{ID: "fresh", Text: "Fresh words."})
	dbtest.Check(t, d)
}

// Every document whose records still stand somewhere in a damaged file, each with the element of a page that leads to it, is
// brought back, as it was; others are named; nothing else appears. SEMSEARCH_DAMAGE_ROUNDS sets the number of files: of each five, three have a
// byte changed, one is cut, and one has lost some of its pages.
func TestRepairDamage(t *testing.T) {
	dir := t.TempDir()
	path, broken, fixed := filepath.Join(dir, "whole.db"), filepath.Join(dir, "broken.db"), filepath.Join(dir, "fixed.db")
	enc := dbtest.HashEncoder(16)
	repairFile(t, path, enc)
	want := contents(t, path, enc)
	content, vectors, err := db.DocumentBytes(path)
	if err != nil || len(content) != len(want) || len(vectors) != len(want) {
		t.Fatalf("%d, %d, %v", len(content), len(vectors), err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rounds := number(t, "SEMSEARCH_DAMAGE_ROUNDS", 60)
	seed := uint64(20240607)
	r := rand.New(rand.NewPCG(seed, 5))
	all, some, doubtful := 0, 0, 0
	for round := range rounds {
		data := bytes.Clone(whole)
		var what string
		single := false
		switch round % 5 {
		case 3:
			data = data[:2*pageBytes+r.IntN(len(data)-2*pageBytes)]
			what = fmt.Sprintf("cut to %d bytes", len(data))
		case 4:
			var lost []int
			for range 1 + r.IntN(6) {
				p := r.IntN(len(data) / pageBytes)
				clear(data[p*pageBytes : (p+1)*pageBytes])
				lost = append(lost, p)
			}
			what = fmt.Sprintf("pages %v are zero", lost)
		default:
			at := r.IntN(len(data))
			if round%2 == 0 { // where the structure is
				at = at/pageBytes*pageBytes + r.IntN(200)
			}
			data[at] ^= byte(1 + r.IntN(255))
			what = fmt.Sprintf("byte %d (page %d offset %d) changed from %#x to %#x", at, at/pageBytes, at%pageBytes, whole[at], data[at])
			single = true
		}
		what = fmt.Sprintf("seed %d, round %d: %s", seed, round, what)
		if err := errors.Join(os.WriteFile(broken, data, 0o600), os.RemoveAll(fixed)); err != nil {
			t.Fatal(err)
		}
		var with db.Encoder
		if round%2 == 0 {
			with = enc
		}
		watch := time.AfterFunc(time.Minute, func() { panic(what + ": no end after a minute") })
		report, err := db.Repair(ctx, broken, fixed, with, nil)
		watch.Stop()
		if errors.Is(err, db.ErrNotDatabase) && !single { // no record is left
			for id := range want {
				if stands(data, content[id][0]) {
					t.Errorf("%s: %v; but there is %s", what, err, id)
				}
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		got := contents(t, fixed, enc)
		if len(got) != report.Documents {
			t.Errorf("%s: %d documents, the report has %d", what, len(got), report.Documents)
		}
		for id := range want {
			_, back := got[id]
			if back {
				continue
			}
			sound := !slices.ContainsFunc(content[id], func(b []byte) bool { return !stands(data, b) })
			if with == nil {
				sound = sound && !slices.ContainsFunc(vectors[id], func(b []byte) bool { return !stands(data, b) })
			}
			if sound {
				t.Errorf("%s: %s is not damaged, and not brought back: %.200v", what, id, report.Lost)
			}
			if single && !slices.ContainsFunc(report.Lost, func(l db.Lost) bool { return l.ID == id }) {
				t.Errorf("%s: %s is lost without a word: %.200v", what, id, report.Lost)
			}
		}
		for id, doc := range got {
			if doc == want[id] || slices.Contains(report.Doubtful, id) && !single {
				continue
			}
			if sameButPassages(doc, want[id]) && report.Encoded > 0 {
				continue // cut anew
			}
			t.Errorf("%s: %s is\n%s\nwant\n%s", what, id, doc, want[id])
		}
		doubtful += len(report.Doubtful)
		if len(report.Lost) == 0 {
			all++
		} else {
			some++
		}
	}
	t.Logf("%d files with every document back, %d with some lost, %d documents doubtful", all, some, doubtful)
	if all == 0 || some == 0 {
		t.Error("the test does not reach both")
	}
}

// stands says whether a record, key and value, is somewhere in a file, together with an element of a page that leads to
// it. Old values can outlive the page that began them; without it nothing says where they begin and end.
func stands(data, record []byte) bool {
	for from := 0; ; from++ {
		i := bytes.Index(data[from:], record)
		if i < 0 {
			return false
		}
		from += i
		for at := max(from-1<<20, 0); at+16 <= from; at++ {
			e := data[at:]
			if binary.NativeEndian.Uint32(e[4:]) == uint32(from-at) &&
				binary.NativeEndian.Uint32(e[8:])+binary.NativeEndian.Uint32(e[12:]) == uint32(len(record)) {
				return true
			}
		}
	}
}

// sameButPassages compares two of contents without the number of passages.
func sameButPassages(a, b string) bool {
	ai, bi := strings.Index(a, " Passages:"), strings.Index(b, " Passages:")
	return ai >= 0 && bi >= 0 && a[:ai] == b[:bi]
}

// In place: the repaired file takes the name, the damaged one is kept under another.
func TestRepairInPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	enc := dbtest.HashEncoder(16)
	repairFile(t, path, enc)
	want := contents(t, path, enc)
	for _, kept := range []string{path + ".damaged", path + ".damaged-2"} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		data[100]++ // of a meta page
		data[16]++
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Open(path, enc, nil); !errors.Is(err, db.ErrCorrupt) {
			t.Fatalf("open: %v", err)
		}
		report, err := db.Repair(ctx, path, "", enc, nil)
		if err != nil || report.Kept != kept || len(report.Lost) > 0 {
			t.Fatalf("%+v, %v", report, err)
		}
		if b, err := os.ReadFile(kept); err != nil || !bytes.Equal(b, data) {
			t.Errorf("%s is not the damaged file, %v", kept, err)
		}
		if got := contents(t, path, enc); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	}
}

func TestRepairErrors(t *testing.T) {
	dir := t.TempDir()
	src := filepath.Join(dir, "src.db")
	enc := dbtest.HashEncoder(16)
	repairFile(t, src, enc)
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	held := filepath.Join(dir, "held.db")
	copyFile(t, src, held)
	dbtest.OpenFile(t, held, enc, nil)
	for _, x := range []struct {
		ctx      context.Context
		src, dst string
		enc      db.Encoder
		want     error
	}{
		{ctx, filepath.Join(dir, "none.db"), "out.db", enc, db.ErrNotExist},
		{ctx, dir, "out.db", enc, db.ErrNotDatabase},
		{ctx, write("garbage.db", []byte(strings.Repeat("garbage ", 5000))), "out.db", enc, db.ErrNotDatabase},
		{ctx, write("empty.db", nil), "out.db", enc, db.ErrNotDatabase},
		{ctx, src, "src.db", enc, fs.ErrExist},
		{ctx, src, "no/out.db", enc, fs.ErrNotExist},
		{ctx, src, "out.db", dbtest.HashEncoder(32), db.ErrEncoderMismatch},
		{canceled, src, "out.db", enc, context.Canceled},
		{ctx, held, "out.db", enc, db.ErrLocked},
	} {
		dst := filepath.Join(dir, filepath.FromSlash(x.dst))
		_, err := db.Repair(x.ctx, x.src, dst, x.enc, &db.RepairOptions{Timeout: -1})
		if !errors.Is(err, x.want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s to %s: %v, want %v", x.src, x.dst, err, x.want)
		}
		if _, err := os.Stat(filepath.Join(dir, "out.db")); err == nil {
			t.Errorf("%s: a file was made", x.src)
		}
	}
	if names, _ := filepath.Glob(filepath.Join(dir, ".*")); len(names) != 0 {
		t.Errorf("left behind: %q", names)
	}
}

// A database that is reached by a symbolic link stays where it is.
func TestReplaceBehindLink(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "real"), 0o700); err != nil {
		t.Fatal(err)
	}
	real, link, backup := filepath.Join(dir, "real", "t.db"), filepath.Join(dir, "link.db"), filepath.Join(dir, "backup.db")
	if err := os.Symlink(filepath.Join("real", "t.db"), link); err != nil {
		t.Skip(err)
	}
	enc := dbtest.HashEncoder(16)
	repairFile(t, real, enc)
	want := contents(t, real, enc)
	d := dbtest.OpenFile(t, link, enc, nil)
	size := fileSize(t, real)
	if err := errors.Join(d.Backup(ctx, backup), d.Compact(ctx), d.Close()); err != nil {
		t.Fatal(err)
	}
	if fileSize(t, real) >= size {
		t.Error("the file behind the link was not compacted")
	}
	if err := db.Restore(ctx, backup, link, &db.RestoreOptions{Replace: true}); err != nil {
		t.Fatal(err)
	}
	report, err := db.Repair(ctx, link, "", enc, nil)
	if err != nil || filepath.Base(report.Kept) != "t.db.damaged" {
		t.Errorf("%+v, %v", report, err)
	}
	if fi, err := os.Lstat(link); err != nil || fi.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v, %v", fi, err)
	}
	if got := contents(t, real, enc); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// Searching whatever bytes ends, and takes no memory for numbers that are not true.
func FuzzSalvage(f *testing.F) {
	whole, err := os.ReadFile(filepath.Join("testdata", "format", fmt.Sprintf("v%d.db", db.FormatVersion)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:5*pageBytes])
	f.Add(whole[3*pageBytes:])
	f.Add([]byte("garbage"))
	for _, at := range []int{16 + 40 + 5, 16 + 8 + 3, pageBytes + 16 + 44, 3*pageBytes + 10, 4*pageBytes + 12} {
		b := bytes.Clone(whole)
		b[at] ^= 0x40
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if n, err := db.Salvage(ctx, bytes.NewReader(data), int64(len(data))); err != nil && !errors.Is(err, db.ErrNotDatabase) {
			t.Errorf("%d records, %v", n, err)
		}
	})
}
