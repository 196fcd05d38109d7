//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// command is semsearch with the small models of the scripts, in an empty folder.
func command(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("semsearch")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SEMSEARCH_DB=")
	return cmd
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	var ee *exec.ExitError
	if err == nil {
		return 0
	}
	if !errors.As(err, &ee) {
		t.Fatal(err)
	}
	return ee.ExitCode()
}

// Ctrl-C while adding from a pipe that stays open: the batches before are safe, the exit code is 130.
func TestInterruptAdd(t *testing.T) {
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
	for i := range batchDocuments + 5 {
		fmt.Fprintf(in, "{\"id\": \"doc%d\", \"text\": \"text number %d\"}\n", i, i)
	}
	var said strings.Builder
	lines := bufio.NewScanner(talk)
	added := 0
	for added < batchDocuments && lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "semsearch: added ") {
			added++
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
	}
	if code := exitCode(t, cmd.Wait()); code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
	if !strings.Contains(said.String(), fmt.Sprintf("semsearch: %d added", batchDocuments)) || strings.Contains(said.String(), "error") {
		t.Errorf("said:\n%s", said.String())
	}
	out, err := command(t, dir, "ls", "--db", "t.db").Output()
	if err != nil || strings.Count(string(out), "\n") != batchDocuments {
		t.Errorf("%d documents, %v", strings.Count(string(out), "\n"), err)
	}
	if out, err := command(t, dir, "check", "--db", "t.db").CombinedOutput(); err != nil {
		t.Errorf("check: %v\n%s", err, out)
	}
}

// Ctrl-C while waiting for standard input ends at once and says nothing.
func TestInterruptEmbed(t *testing.T) {
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		cmd := command(t, t.TempDir(), "embed")
		var said bytes.Buffer
		cmd.Stderr = &said
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Until a first batch has come out, the signal may meet a process that has not set itself up.
		fmt.Fprint(in, strings.Repeat("tea\n", 4*embedBatch))
		if _, err := io.ReadFull(out, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, out) }()
		start := time.Now()
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if code := exitCode(t, cmd.Wait()); code != exitInterrupted || said.Len() > 0 {
			t.Errorf("%v: exit code %d, said %q", sig, code, said.String())
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%v: took %v", sig, d)
		}
	}
}

// A reader of the output that goes away ends the command quietly.
func TestBrokenPipe(t *testing.T) {
	cmd := command(t, t.TempDir(), "embed")
	cmd.Stdin = strings.NewReader(strings.Repeat("tea\n", 20_000))
	var said bytes.Buffer
	cmd.Stderr = &said
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := r.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if code := exitCode(t, cmd.Wait()); code != exitInterrupted || said.Len() > 0 {
		t.Errorf("exit code %d, said %q", code, said.String())
	}
}

// Results that cannot be written are an error, not a success.
func TestOutputError(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.md"), []byte("Tea."), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := command(t, dir, "add", "a.md").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, args := range [][]string{{"ls"}, {"query", "tea"}, {"query", "--json", "tea"}, {"query", "--mode", "lexical", "zebra", "--json"}, {"info"}, {"version"}, {"--help"}} {
		cmd := command(t, dir, args...)
		cmd.Stdout = full
		var said bytes.Buffer
		cmd.Stderr = &said
		if code := exitCode(t, cmd.Run()); code != exitError || !strings.Contains(said.String(), "semsearch: error: standard output: no space left on device") {
			t.Errorf("%v: exit code %d, said %q", args, code, said.String())
		}
	}
}
