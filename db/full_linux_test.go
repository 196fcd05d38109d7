package db_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

// When the file cannot grow, Add says so, what was acknowledged stays, and the file opens again.
func TestDiskFull(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Skip(err)
	}
	path := filepath.Join(t.TempDir(), "t.db")
	// A limit on the size of files acts like a full disk; Go ignores the signal that comes with it.
	cmd := exec.Command(sh, "-c", `ulimit -f 1400 && exec "$0" "$@"`, exe, "-test.run=^$", path)
	cmd.Env = append(os.Environ(), childEnv+"=limit")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", bytes.TrimSpace(out))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^documents (\d+)$`).FindSubmatch(out)
	if m == nil {
		t.Fatal("no count")
	}
	n, _ := strconv.Atoi(string(m[1]))
	if n == 0 {
		t.Fatal("nothing was added before the limit")
	}
	d := dbtest.OpenFile(t, path, dbtest.HashEncoder(32), nil)
	for i := range n {
		want := killDocument(i, 1)
		if got, err := d.Get(ctx, want.ID); err != nil || got.Text != want.Text {
			t.Errorf("document %d: %v", i, err)
		}
	}
	if ids := list(t, d, ""); len(ids) != n {
		t.Errorf("%d documents, want %d", len(ids), n)
	}
	dbtest.Add(t, d, db.Document{ID: "more", Text: "room again"})
}
