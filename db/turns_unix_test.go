//go:build unix

package db_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

// Two openings of a file lock each other out as two processes do, so most of these tests need only one.

func openShared(t testing.TB, path string, enc db.Encoder, readOnly bool) *db.DB {
	t.Helper()
	return dbtest.OpenFile(t, path, enc, &db.Options{Shared: true, ReadOnly: readOnly, Timeout: 30 * time.Second})
}

// What one process writes the others see with their next call, whatever they did before.
func TestSharedSeesOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	enc := dbtest.HashEncoder(16)
	a, b := openShared(t, path, enc, false), openShared(t, path, enc, false)
	r := openShared(t, path, enc, true)
	lexical := openShared(t, path, nil, false)
	for i := range 6 {
		writer := []*db.DB{a, b}[i%2]
		dbtest.Add(t, writer, killDocument(i, 1))
		if i == 3 {
			if err := writer.Compact(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if i == 4 {
			if _, err := writer.DeleteWith(ctx, &db.DeleteOptions{Secure: true}, killDocument(0, 1).ID); err != nil {
				t.Fatal(err)
			}
		}
		want := state(t, writer)
		for j, d := range []*db.DB{a, b, r} {
			if got := state(t, d); got != want {
				t.Fatalf("after %d: process %d sees\n%s\nwant\n%s", i, j, got, want)
			}
		}
		if hits := query(t, lexical, killDocument(i, 1).Title, &db.QueryOptions{Mode: db.Lexical}); len(hits) == 0 {
			t.Errorf("after %d: nothing found by words", i)
		}
	}
	if s, err := r.Stats(ctx); err != nil || s.Documents != 5 {
		t.Errorf("%+v, %v", s, err)
	}
}

// Several processes, each with several goroutines, add, replace, delete and query at once.
func TestSharedConcurrent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	enc := dbtest.HashEncoder(16)
	var wg sync.WaitGroup
	for p := range 3 {
		d := openShared(t, path, enc, false)
		for g := range 2 {
			wg.Go(func() {
				for i := range 6 {
					doc := db.Document{ID: fmt.Sprint("doc", p, g), Text: fmt.Sprintf("unique%d%d version %d", p, g, i)}
					if _, err := d.Add(ctx, doc); err != nil {
						t.Errorf("add: %v", err)
						return
					}
					got, err := d.Get(ctx, doc.ID)
					if err != nil || got.Text != doc.Text {
						t.Errorf("get: %v, %v", got, err)
						return
					}
					hits, err := d.Query(ctx, fmt.Sprintf("unique%d%d", p, g), nil)
					if err != nil || len(hits) == 0 || hits[0].ID != doc.ID {
						t.Errorf("query: %v, %v", hits, err)
						return
					}
				}
			})
		}
	}
	reader := openShared(t, path, nil, true)
	wg.Go(func() {
		for range 20 {
			for _, err := range reader.List(ctx, nil) {
				if err != nil {
					t.Errorf("list: %v", err)
				}
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	wg.Wait()
	if ids := list(t, reader, ""); len(ids) != 6 {
		t.Errorf("%q", ids)
	}
}

// slowEncoder waits for a signal before it encodes passages.
type slowEncoder struct {
	db.Encoder
	begun, end chan struct{}
}

func (e *slowEncoder) EncodePassages(ctx context.Context, ps []string) ([][]float32, error) {
	e.begun <- struct{}{}
	<-e.end
	return e.Encoder.EncodePassages(ctx, ps)
}

// While one process encodes, others read and write; its own Add is done on top of theirs.
func TestSharedWhileEncoding(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	enc := dbtest.HashEncoder(16)
	slow := &slowEncoder{enc, make(chan struct{}), make(chan struct{})}
	d := openShared(t, path, slow, false)
	done := make(chan error)
	go func() { _, err := d.Add(ctx, killDocument(1, 1)); done <- err }()
	<-slow.begun
	other, err := db.Open(path, enc, &db.Options{Timeout: -1})
	if err != nil {
		t.Fatalf("while another process encodes: %v", err)
	}
	dbtest.Add(t, other, killDocument(2, 1))
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	close(slow.end)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if ids := list(t, d, ""); len(ids) != 2 {
		t.Errorf("%q", ids)
	}
}

// A call waits for its turn as long as Timeout says, or until its context ends, and says who is in the way.
func TestSharedTimeout(t *testing.T) {
	path := makeFile(t)
	enc := dbtest.HashEncoder(dbtest.Dim)
	d, err := db.Open(path, enc, &db.Options{Shared: true, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	holder := dbtest.OpenFile(t, path, enc, nil)
	calls := map[string]func(ctx context.Context) error{
		"add":    func(ctx context.Context) error { return second(d.Add(ctx, killDocument(1, 1))) },
		"delete": func(ctx context.Context) error { return second(d.Delete(ctx, "chess.txt")) },
		"get":    func(ctx context.Context) error { return second(d.Get(ctx, "tea.txt")) },
		"query":  func(ctx context.Context) error { return second(d.Query(ctx, "tea", nil)) },
		"stats":  func(ctx context.Context) error { return second(d.Stats(ctx)) },
		"check":  func(ctx context.Context) error { return second(d.Check(ctx)) },
		"backup": func(ctx context.Context) error { return d.Backup(ctx, path+".backup") },
	}
	for what, call := range calls {
		if err := call(ctx); !errors.Is(err, db.ErrLocked) || !strings.HasPrefix(err.Error(), path) && what != "backup" {
			t.Errorf("%s: %v", what, err)
		}
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		if err := call(short); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, db.ErrLocked) {
			t.Errorf("%s: %v", what, err)
		}
		cancel()
	}
	holder.Close()
	for what, call := range calls {
		if err := call(ctx); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A file that was replaced by another database is not taken for the one that was opened.
func TestSharedReplaced(t *testing.T) {
	path, other := makeFile(t), filepath.Join(t.TempDir(), "other.db")
	d, err := db.Open(path, dbtest.HashEncoder(dbtest.Dim), &db.Options{Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	o := dbtest.OpenFile(t, other, dbtest.HashEncoder(16), nil)
	dbtest.Add(t, o, killDocument(1, 1))
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Restore(ctx, other, path, &db.RestoreOptions{Replace: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Query(ctx, "tea", nil); !errors.Is(err, db.ErrInvalid) || !strings.Contains(err.Error(), "another database is in its place") {
		t.Errorf("%v", err)
	}
}

// The error names the process that holds the file, dead ones never.
func TestLockedNamesHolder(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Skip(err)
	}
	path := makeFile(t)
	cmd := exec.Command(exe, "-test.run=^$", path)
	cmd.Env = append(os.Environ(), childEnv+"=hold")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "held\n" {
		t.Fatalf("%q, %v", line, err)
	}
	_, err = db.Open(path, nil, &db.Options{Timeout: -1})
	var locked *db.LockedError
	if !errors.Is(err, db.ErrLocked) || !errors.As(err, &locked) || locked.PID != cmd.Process.Pid {
		t.Errorf("%v, want process %d", err, cmd.Process.Pid)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	d, err := db.Open(path, nil, nil)
	if err != nil {
		t.Fatalf("after the holder has died: %v", err)
	}
	defer d.Close()
	if _, err := db.Open(path, nil, &db.Options{Timeout: -1}); !errors.Is(err, db.ErrLocked) || errors.As(err, &locked) && locked.PID == cmd.Process.Pid {
		t.Errorf("a dead process is named: %v", err)
	}
}

// holdForEver opens a file and keeps it.
func holdForEver(path string) {
	if _, err := db.Open(path, nil, nil); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("held")
	time.Sleep(time.Hour)
}
