package db_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

// smallDisk mounts a file system of some bytes in memory, for the superuser only.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only the superuser can mount a small disk")
	}
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skip("a small disk cannot be mounted here: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// On a full disk every call that needs room says that there is none, and changes nothing; reading goes on; when
// there is room again, so does writing.
func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, "3m")
	path := filepath.Join(dir, "t.db")
	enc := dbtest.HashEncoder(32)
	d := dbtest.OpenFile(t, path, enc, nil)
	dbtest.Add(t, d, dbtest.Corpus()...)
	// Something else takes space, which becomes free later.
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err == nil {
		_, err = filler.Write(make([]byte, 1<<20))
	}
	if err != nil {
		t.Fatal(err)
	}
	full := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, syscall.ENOSPC) || errors.Is(err, db.ErrCorrupt) || d.Broken() != nil {
			t.Errorf("%s: %v, %v", what, err, d.Broken())
		}
	}
	n := 0
	for ; n < 1000; n++ {
		if _, err := d.Add(ctx, killDocument(n, 1)); err != nil {
			full("add", err)
			break
		}
	}
	if n == 0 || n == 1000 {
		t.Fatalf("%d documents fit", n)
	}
	// What is left of the space goes, too.
	for _, size := range []int{4096, 1} {
		for err = nil; err == nil; {
			_, err = filler.Write(make([]byte, size))
		}
	}
	filler.Close()
	want := state(t, d)
	full("backup", d.Backup(ctx, filepath.Join(dir, "backup.db")))
	full("compact", d.Compact(ctx))
	full("restore", db.Restore(ctx, makeFile(t), filepath.Join(dir, "other.db"), nil))
	_, err = db.Open(filepath.Join(dir, "new.db"), enc, nil)
	full("create", err)
	if got := state(t, d); got != want {
		t.Errorf("other answers:\n%s", got)
	}
	dbtest.Check(t, d)
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 2 {
		t.Errorf("left behind: %v, %v", names, err)
	}
	if err := os.Remove(filler.Name()); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i := range n {
		ids = append(ids, killDocument(i, 1).ID)
	}
	if _, err := d.Delete(ctx, ids...); err != nil {
		t.Fatalf("delete with room again: %v", err)
	}
	if err := d.Compact(ctx); err != nil {
		t.Fatalf("compact with room again: %v", err)
	}
	dbtest.Add(t, d, killDocument(0, 2))
	dbtest.Check(t, d)
}

// On a disk that cannot be written to, a database can be read, and nothing else.
func TestReadOnlyDisk(t *testing.T) {
	dir := smallDisk(t, "3m")
	path := filepath.Join(dir, "t.db")
	enc := dbtest.HashEncoder(dbtest.Dim)
	copyFile(t, makeFile(t), path)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skip("the disk cannot be made read-only here: ", err)
	}
	if _, err := db.Open(path, enc, nil); !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), path) {
		t.Errorf("writing: %v", err)
	}
	if _, err := db.Open(filepath.Join(dir, "new.db"), enc, nil); !errors.Is(err, syscall.EROFS) {
		t.Errorf("creating: %v", err)
	}
	d := dbtest.OpenFile(t, path, enc, &db.Options{ReadOnly: true})
	if hits := query(t, d, "green tea", nil); hits[0].ID != "tea.txt" {
		t.Errorf("%+v", hits[0])
	}
	if err := d.Backup(ctx, filepath.Join(t.TempDir(), "backup.db")); err != nil {
		t.Error(err)
	}
	if _, err := db.Repair(ctx, path, "", enc, nil); !errors.Is(err, syscall.EROFS) {
		t.Errorf("repair: %v", err)
	}
}

// When writing to the file fails, the call says how, nothing is changed, and the next one can succeed.
func TestWriteError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	enc := dbtest.HashEncoder(16)
	d := dbtest.OpenFile(t, path, enc, nil)
	dbtest.Add(t, d, dbtest.Corpus()...)
	if _, err := d.Delete(ctx, "chess.txt"); err != nil {
		t.Fatal(err)
	}
	want := state(t, d)
	// The descriptor that the database writes to becomes one for reading. The lock goes with the one saved.
	fd := d.Descriptor()
	saved, err := syscall.Dup(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(saved)
	other, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(other)
	if err := syscall.Dup3(other, fd, syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	_, addErr := d.Add(ctx, killDocument(1, 1))
	_, deleteErr := d.Delete(ctx, "tea.txt")
	scrubErr := d.Scrub(ctx)
	if err := syscall.Dup3(saved, fd, syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"add": addErr, "delete": deleteErr, "scrub": scrubErr} {
		if errors.Is(err, db.ErrCorrupt) || !errors.Is(err, syscall.EBADF) && !errors.Is(err, syscall.EINVAL) { // EINVAL: growing the file comes first
			t.Errorf("%s: %v", what, err)
		}
	}
	if got := state(t, d); got != want {
		t.Errorf("other answers:\n%s", got)
	}
	dbtest.Check(t, d)
	dbtest.Add(t, d, killDocument(1, 1))
	if _, err := d.Delete(ctx, killDocument(1, 1).ID); err != nil {
		t.Error(err)
	}
	if got := state(t, d); got != want {
		t.Errorf("other answers:\n%s", got)
	}
}
