//go:build unix

package db_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

// A test process with this variable set is a child of another: it does what the variable says and nothing else.
const childEnv = "SEMSEARCH_DB_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(m.Run())
	case "write":
		writeForEver(os.Args[len(os.Args)-1])
	case "hold":
		holdForEver(os.Args[len(os.Args)-1])
	case "limit":
		writeUntilFull(os.Args[len(os.Args)-1])
	}
	os.Exit(3)
}

// writeForEver adds, replaces and deletes documents, compacts the file and makes backups, and says "begin ..." before and "done ..." after each
// call. It goes on where the file left off.
func writeForEver(path string) {
	d, err := db.Open(path, dbtest.HashEncoder(32), nil)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("open")
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	for g := int(seed % 1e9); ; g++ {
		var docs []db.Document
		var names []string
		first := r.IntN(40)
		for n := first; n <= first+r.IntN(4); n++ {
			docs = append(docs, killDocument(n, g))
			names = append(names, strconv.Itoa(n))
		}
		call := fmt.Sprintf("add %d %s", g, strings.Join(names, " "))
		do := func() error { _, err := d.Add(ctx, docs...); return err }
		if r.IntN(4) == 0 {
			call = fmt.Sprintf("del %d %d", g, first)
			do = func() error {
				_, err := d.DeleteWith(ctx, &db.DeleteOptions{Secure: r.IntN(2) == 0}, docs[0].ID)
				return err
			}
		}
		switch r.IntN(12) {
		case 0:
			call, do = fmt.Sprint("compact ", g), func() error { return d.Compact(ctx) }
		case 1:
			call, do = fmt.Sprint("backup ", g), func() error { return d.Backup(ctx, fmt.Sprintf("%s.backup%d-%d", path, g, r.Uint64())) }
		}
		fmt.Println("begin", call)
		if err := do(); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println("done", call)
	}
}

// A process killed at any moment leaves a file that opens, is whole, and holds all that was acknowledged,
// each call wholly or not at all. SEMSEARCH_CRASH_ROUNDS sets the number of kills.
func TestKill(t *testing.T) {
	rounds := 5
	if s := os.Getenv("SEMSEARCH_CRASH_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		rounds = n
	}
	exe, err := os.Executable()
	if err != nil {
		t.Skip(err)
	}
	path := filepath.Join(t.TempDir(), "t.db")
	version := map[int]int{} // of each document that is present
	calls := 0
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 2))
	for round := range rounds {
		cmd := exec.Command(exe, "-test.run=^$", path)
		cmd.Env = append(os.Environ(), childEnv+"=write")
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		first, err := lines.ReadString('\n')
		if err != nil || first != "open\n" {
			rest, _ := io.ReadAll(lines)
			t.Fatalf("round %d, seed %d: the child said %q %s, %v", round, seed, first, rest, err)
		}
		timer := time.AfterFunc(time.Duration(20+r.IntN(400))*time.Millisecond, func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
		pending := ""
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				break // a line cut short says nothing
			}
			line = strings.TrimSpace(line)
			switch word, call, _ := strings.Cut(line, " "); word {
			case "begin":
				pending = call
			case "done":
				applyKill(version, call)
				pending = ""
				calls++
			default:
				t.Fatalf("round %d, seed %d: the child said %q", round, seed, line)
			}
		}
		timer.Stop()
		_ = cmd.Wait()
		// The call under way when the process died may have happened or not.
		alternatives := []map[int]int{version}
		if pending != "" {
			done := map[int]int{}
			for k, v := range version {
				done[k] = v
			}
			applyKill(done, pending)
			alternatives = append(alternatives, done)
		}
		version = checkKilled(t, fmt.Sprintf("round %d, seed %d", round, seed), path, alternatives)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d kills, %d acknowledged calls", rounds, calls)
	if rounds >= 5 && calls == 0 {
		t.Error("no call was ever acknowledged")
	}
}

func applyKill(version map[int]int, call string) {
	f := strings.Fields(call)
	if f[0] == "compact" || f[0] == "backup" { // change nothing
		return
	}
	g, _ := strconv.Atoi(f[1])
	for _, s := range f[2:] {
		n, _ := strconv.Atoi(s)
		if f[0] == "del" {
			delete(version, n)
		} else {
			version[n] = g
		}
	}
}

// checkBackups checks that there are only whole backups, and nothing left of a compaction.
func checkBackups(t *testing.T, what, path string) {
	backups, err := filepath.Glob(path + ".backup*")
	if err != nil {
		t.Fatal(err)
	}
	for _, backup := range backups {
		if report, err := db.CheckFile(ctx, backup, nil); err != nil {
			t.Fatalf("%s: %s: %v: %v", what, backup, err, report.Problems)
		}
		if err := os.Remove(backup); err != nil {
			t.Fatal(err)
		}
	}
	names, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range names {
		switch name := e.Name(); {
		case strings.Contains(name, ".new-"): // a backup under way
			if err := os.Remove(filepath.Join(filepath.Dir(path), name)); err != nil {
				t.Fatal(err)
			}
		case name != filepath.Base(path):
			t.Fatalf("%s: %s is left behind", what, name)
		}
	}
}

// checkKilled opens the file and returns which of the states it is in.
func checkKilled(t *testing.T, what, path string, alternatives []map[int]int) map[int]int {
	d, err := db.Open(path, dbtest.HashEncoder(32), nil)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer d.Close()
	if report, err := d.Check(ctx); err != nil {
		t.Fatalf("%s: %v: %v", what, err, report.Problems)
	}
	checkBackups(t, what, path)
	got := map[string]string{}
	for info, err := range d.List(ctx, nil) {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		doc, err := d.Get(ctx, info.ID)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		got[doc.ID] = doc.Text
	}
	var diffs []string
next:
	for _, version := range alternatives {
		if len(got) != len(version) {
			diffs = append(diffs, fmt.Sprintf("%d documents, want %d", len(got), len(version)))
			continue
		}
		for n, g := range version {
			if doc := killDocument(n, g); got[doc.ID] != doc.Text {
				diffs = append(diffs, fmt.Sprintf("%s is %.40q, want %.40q", doc.ID, got[doc.ID], doc.Text))
				continue next
			}
		}
		return version
	}
	t.Fatalf("%s: %q", what, diffs)
	return nil
}

// writeUntilFull adds documents until a limit on the size of files stops it, and then checks itself.
func writeUntilFull(path string) {
	fail := func(format string, args ...any) {
		fmt.Printf(format+"\n", args...)
		os.Exit(1)
	}
	d, err := db.Open(path, dbtest.HashEncoder(32), nil)
	if err != nil {
		fail("open: %v", err)
	}
	version := map[int]int{}
	for n := 0; ; n++ {
		if n == 1000 {
			fail("the limit did not stop it")
		}
		_, err := d.Add(ctx, killDocument(n, 1))
		if err == nil {
			version[n] = 1
			continue
		}
		if errors.Is(err, db.ErrCorrupt) || d.Broken() != nil {
			fail("a full disk is called damage: %v, %v", err, d.Broken())
		}
		fmt.Println("stopped by", err)
		break
	}
	// What there is stays readable, and deleting makes room.
	if _, err := d.Check(ctx); err != nil {
		fail("check: %v", err)
	}
	if hits, err := d.Query(ctx, "document version", nil); err != nil || len(hits) == 0 {
		fail("query: %v", err)
	}
	fmt.Println("documents", len(version))
	if err := d.Close(); err != nil {
		fail("close: %v", err)
	}
	os.Exit(0)
}
