package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/semsearch/semsearch/defaultmodel"
)

var update = flag.Bool("update", false, "rewrite the files of testdata")

// binary is the command, built by TestMain.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "semsearch-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "semsearch")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	build := exec.Command("go", "build", "-o", binary, "github.com/semsearch/semsearch/cmd/semsearch")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building the command:", err)
		return 1
	}
	return m.Run()
}

// needEncoder and needReader end a test when there is no model inside the program.
func needEncoder(t *testing.T) {
	t.Helper()
	if _, err := defaultmodel.Encoder(); err != nil {
		t.Fatalf("the program has no encoder: %v", err)
	}
}

func needReader(t *testing.T) {
	t.Helper()
	if _, err := defaultmodel.Reader(); err != nil {
		t.Fatalf("the program has no reader: %v", err)
	}
}

// command is the command with arguments, in a folder.
func command(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SEMSEARCH_DB=")
	return cmd
}

// output runs the command, demands an exit code and returns what it printed.
func output(t *testing.T, want int, dir string, args ...string) (stdout, stderr string) {
	t.Helper()
	cmd := command(dir, args...)
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	if got := exitCode(t, cmd.Run()); got != want {
		t.Fatalf("semsearch %q: exit code %d, want %d\n%s", args, got, want, talk.String())
	}
	return out.String(), talk.String()
}

// object runs the command and decodes the JSON object it prints.
func object(t *testing.T, v any, want int, dir string, args ...string) {
	t.Helper()
	out, _ := output(t, want, dir, args...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		t.Fatalf("semsearch %q: %v", args, err)
	}
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
