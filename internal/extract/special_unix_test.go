//go:build unix

package extract_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/semsearch/semsearch/internal/extract"
)

// A named pipe without a writer would block an open for ever, a device would be read for ever.
func TestFileDoesNotHang(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe.txt")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, path := range []string{pipe, "/dev/zero", "/dev/null"} {
			if _, err := extract.File(path, nil); !errors.Is(err, extract.ErrNotRegular) {
				t.Errorf("%s: %v, want %v", path, err, extract.ErrNotRegular)
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("still reading after 10 seconds")
	}
}

func TestFileUnreadable(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	path := filepath.Join(t.TempDir(), "a.txt")
	if err := os.WriteFile(path, []byte("text"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := extract.File(path, nil); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v, want %v", err, fs.ErrPermission)
	}
}
