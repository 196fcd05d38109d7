//go:build unix

package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// While one command adds, others query and add, and nothing is lost.
func TestBesideAdd(t *testing.T) {
	dir := t.TempDir()
	cmd := command(t, dir, "add", "-v", "--jsonl", "--db", "t.db", "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	talk, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(talk)
	batch := func(from int) {
		t.Helper()
		for i := range batchDocuments {
			fmt.Fprintf(in, "{\"id\": \"doc%d\", \"text\": \"text number %d\"}\n", from+i, from+i)
		}
		for added := 0; added < batchDocuments; {
			if !lines.Scan() {
				t.Fatal("the command has ended")
			}
			if strings.Contains(lines.Text(), "semsearch: added ") {
				added++
			}
		}
	}
	batch(0)
	// It now waits for more, with the database open.
	if out, err := command(t, dir, "query", "--wait", "20s", "--db", "t.db", "text number 7").CombinedOutput(); err != nil || !strings.Contains(string(out), "doc7") {
		t.Errorf("query: %v\n%s", err, out)
	}
	if err := os.WriteFile(dir+"/other.md", []byte("Written by another."), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := command(t, dir, "add", "--wait", "20s", "--db", "t.db", "other.md").CombinedOutput(); err != nil {
		t.Errorf("add: %v\n%s", err, out)
	}
	batch(batchDocuments)
	in.Close()
	for lines.Scan() {
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	out, err := command(t, dir, "check", "--db", "t.db").CombinedOutput()
	if err != nil || !strings.Contains(string(out), fmt.Sprintf("is sound: %d documents", 2*batchDocuments+1)) {
		t.Errorf("check: %v\n%s", err, out)
	}
}

// --wait 0 does not wait.
func TestWaitFlag(t *testing.T) {
	for s, want := range map[string]time.Duration{"0": -1, "0s": -1, "90s": 90 * time.Second, "1h": time.Hour} {
		w := defaultWait
		if err := w.Set(s); err != nil || w.timeout() != want {
			t.Errorf("%s: %v, %v", s, w.timeout(), err)
		}
	}
	for _, s := range []string{"", "-1s", "5", "soon"} {
		w := defaultWait
		if err := w.Set(s); err == nil || w != defaultWait {
			t.Errorf("%q is taken", s)
		}
	}
}
