//go:build unix

package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// TestFull adds until the file may not grow any more, as on a full disk. What was acknowledged before stays,
// and the error says what is wrong.
func TestFull(t *testing.T) {
	needEncoder(t)
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	const count = 2000
	lines := make([]string, count)
	for i := range lines {
		lines[i] = fmt.Sprintf("{\"id\": \"%04d\", \"text\": \"%s %d\"}\n", i, words[i%len(words)], i)
	}
	// The limit is in KiB; the signal that comes with it would end the process before it could see the error.
	cmd := command(dir)
	cmd.Path, cmd.Args = shell, []string{"bash", "-c", `trap "" XFSZ; ulimit -f 1024; exec "$0" "$@"`, binary, "add", "-v", "--jsonl", "--db", "t.db", "-"}
	cmd.Stdin = strings.NewReader(strings.Join(lines, ""))
	out, err := cmd.CombinedOutput()
	said := string(out)
	if code := exitCode(t, err); code != 2 {
		t.Fatalf("exit code %d, want 2\n%s", code, last(said))
	}
	if !strings.Contains(said, "semsearch: error: ") || !strings.Contains(said, "file too large") || strings.Contains(said, "goroutine") {
		t.Errorf("said:\n%s", last(said))
	}
	acknowledged := strings.Count(said, "semsearch: added ")
	if acknowledged == 0 || acknowledged+70 > count {
		t.Fatalf("%d documents acknowledged\n%s", acknowledged, last(said))
	}
	output(t, 0, dir, "check", "--db", "t.db")
	list, _ := output(t, 0, dir, "ls", "--db", "t.db")
	if n := strings.Count(list, "\n"); n != acknowledged {
		t.Errorf("%d documents, %d were acknowledged", n, acknowledged)
	}
	// With room again, adding goes on where it stopped.
	again := command(dir, "add", "--jsonl", "--db", "t.db", "-")
	again.Stdin = strings.NewReader(strings.Join(lines[:acknowledged+70], ""))
	if out, err := again.CombinedOutput(); err != nil || !strings.Contains(string(out), fmt.Sprintf("70 added, 0 replaced, %d unchanged", acknowledged)) {
		t.Errorf("%v\n%s", err, out)
	}
	output(t, 0, dir, "check", "--db", "t.db")
}

// last is the last lines of a text.
func last(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}
