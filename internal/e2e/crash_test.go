package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// words make up the texts of documents; they need no sense.
var words = strings.Fields(`tea bread wheel river window garden letter candle winter engine copper pocket
	silver market island shadow mirror button forest ladder`)

// TestKill kills semsearch add at random moments of one growing database. After each time the database opens,
// check finds nothing, and every document that add had named as added or replaced is there in that version or
// a later one.
func TestKill(t *testing.T) {
	needEncoder(t)
	rounds := 3
	if s := os.Getenv("SEMSEARCH_CRASH_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("SEMSEARCH_CRASH_ROUNDS is %q", s)
		}
		rounds = n
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	dir := t.TempDir()
	acknowledged := map[string]int{} // id -> version
	version, lost := 0, 0
	for round := range rounds {
		delay := time.Duration(rnd.IntN(600)) * time.Millisecond
		acks := killedAdd(t, dir, rnd, &version, delay)
		for id, v := range acks {
			acknowledged[id] = v
		}
		output(t, 0, dir, "check", "--db", "t.db")
		present := versions(t, dir)
		for id, v := range acknowledged {
			if got, ok := present[id]; !ok || got < v {
				lost++
				t.Errorf("round %d (seed %d, killed after %v): %s was acknowledged in version %d, found %d (there: %v)", round, seed, delay, id, v, got, ok)
			}
		}
		if len(acks) == 0 {
			t.Errorf("round %d: nothing was acknowledged", round)
		}
		t.Logf("round %d: killed %v after the first acknowledgement, %d of this round acknowledged, %d present", round, delay, len(acks), len(present))
	}
	out, _ := output(t, 0, dir, "query", "--db", "t.db", "silver island")
	if out == "" {
		t.Error("the query finds nothing")
	}
}

// killedAdd runs add on endless documents, kills it some time after the first acknowledgement, and returns the
// versions that were acknowledged. Every document has its version as the title.
func killedAdd(t *testing.T, dir string, rnd *rand.Rand, version *int, delay time.Duration) map[string]int {
	t.Helper()
	cmd := command(dir, "add", "-v", "--jsonl", "--db", "t.db", "-")
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
	// Each line of the input is a version of one of 300 documents, so that all are replaced in time. What was
	// sent is needed to know which version an acknowledgement means: they come in the order of the lines.
	type sent struct {
		id      string
		version int
	}
	queue := make(chan sent, 1<<20)
	go func() {
		defer close(queue)
		for {
			*version++
			s := sent{fmt.Sprintf("doc%03d", *version%300), *version}
			text := make([]string, 10+rnd.IntN(60))
			for i := range text {
				text[i] = words[rnd.IntN(len(words))]
			}
			line, _ := json.Marshal(map[string]string{"id": s.id, "title": strconv.Itoa(s.version), "text": strings.Join(text, " ")})
			queue <- s
			if _, err := in.Write(append(line, '\n')); err != nil {
				return // killed
			}
		}
	}()
	acks := map[string]int{}
	lines := bufio.NewScanner(talk)
	var timer *time.Timer
	for lines.Scan() {
		verb, id, ok := strings.Cut(strings.TrimPrefix(lines.Text(), "semsearch: "), " ")
		if !ok || verb != "added" && verb != "replaced" {
			if verb != "new" {
				t.Errorf("add said: %s", lines.Text())
			}
			continue
		}
		s := <-queue
		if s.id != id {
			t.Fatalf("acknowledged %s, the next line was %s", id, s.id)
		}
		acks[id] = s.version
		if timer == nil {
			timer = time.AfterFunc(delay, func() { _ = cmd.Process.Kill() })
		}
	}
	_ = cmd.Wait()
	in.Close()
	for range queue { // until the writer has ended, as it uses rnd
	}
	if timer == nil {
		t.Fatal("add ended before it acknowledged anything")
	}
	return acks
}

// versions returns the documents present and their versions.
func versions(t *testing.T, dir string) map[string]int {
	t.Helper()
	var list struct{ Documents []struct{ ID, Title string } }
	object(t, &list, 0, dir, "ls", "--db", "t.db", "--json")
	out := map[string]int{}
	for _, d := range list.Documents {
		v, err := strconv.Atoi(d.Title)
		if err != nil {
			t.Fatalf("%s has the title %q", d.ID, d.Title)
		}
		out[d.ID] = v
	}
	return out
}

// TestBeside has other commands use the database while an add waits for more to add.
func TestBeside(t *testing.T) {
	needEncoder(t)
	dir := t.TempDir()
	holder := command(dir, "add", "-v", "--jsonl", "--db", "t.db", "-")
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	talk, err := holder.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Wait() }()
	defer in.Close()
	for i := range 64 { // a batch
		fmt.Fprintf(in, "{\"id\": \"%d\", \"text\": \"tea\"}\n", i)
	}
	lines := bufio.NewScanner(talk)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "semsearch: added ") {
		t.Fatalf("the holder said %q", lines.Text())
	}
	go func() { _, _ = io.Copy(io.Discard, talk) }()
	var others sync.WaitGroup
	for _, args := range [][]string{{"query", "--db", "t.db", "tea"}, {"ls", "--db", "t.db"}, {"rm", "--db", "t.db", "1"}} {
		others.Go(func() {
			if said, err := command(dir, args...).CombinedOutput(); err != nil {
				t.Errorf("%v: %v: %s", args, err, said)
			}
		})
	}
	others.Wait()
	fmt.Fprintln(in, "{\"id\": \"64\", \"text\": \"tea\"}")
	in.Close()
	if err := holder.Wait(); err != nil {
		t.Errorf("the holder: %v", err)
	}
	listed, _ := output(t, 0, dir, "ls", "--db", "t.db")
	if got := strings.Fields(listed); len(got) != 64 || slices.Contains(got, "1") {
		t.Errorf("afterwards there are %v", got)
	}
	output(t, 0, dir, "check", "--db", "t.db")
}

// TestReaders has several commands read at once.
func TestReaders(t *testing.T) {
	needEncoder(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.md"), []byte("Green tea.\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	output(t, 0, dir, "add", "a.md")
	errs := make(chan error)
	for range 4 {
		go func() { errs <- command(dir, "query", "tea").Run() }()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
