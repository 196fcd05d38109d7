package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/defaultmodel"
	"github.com/semsearch/semsearch/internal/f32"
	"github.com/semsearch/semsearch/qa"
)

// Floors of what must be found in the handbook. They lie a little below what the models reach, so that a
// retrained model of the same quality passes and a worse one does not.
const (
	floorFirst  = 0.70 // share of queries whose wanted passage is the first hit
	floorThree  = 0.84 // ... among the first three
	floorAnswer = 0.60 // share of questions whose first answer holds the wanted words
)

// pinnedWith is the implementation of the float32 kernels that the files in testdata were written with.
const pinnedWith = "avx512"

// handbook adds examples/handbook to a database and returns the folder to run commands in.
func handbook(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	examples, err := filepath.Abs("../../examples/handbook")
	if err != nil {
		t.Fatal(err)
	}
	// Copied, so that ids are short and the same everywhere.
	if err := os.CopyFS(filepath.Join(dir, "handbook"), os.DirFS(examples)); err != nil {
		t.Fatal(err)
	}
	_, said := output(t, 0, dir, "add", "handbook")
	if !strings.Contains(said, "semsearch: 16 added, 0 replaced, 0 unchanged, 0 failed; ") {
		t.Fatalf("add said:\n%s", said)
	}
	output(t, 0, dir, "check")
	return dir
}

// A pinned file has a question, what is wanted, a line of dashes, and what was found:
//
//	query: how do I stop a nosebleed
//	want: handbook/nosebleed.md "Pinch the soft part"
//	----
//	rank 1 of 10
//	1 handbook/nosebleed.md:6:1 ## Stopping one Sit upright and lean forward. Pinch ...
type pinned struct {
	path           string
	text           string // after "query: "
	wantID, wanted string
	found          string // below the dashes
}

func readPinned(t *testing.T, folder string) []pinned {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.txt"))
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d files in testdata/%s, %v", len(paths), folder, err)
	}
	var out []pinned
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		head, found, ok := strings.Cut(strings.ReplaceAll(string(data), "\r\n", "\n"), "----\n")
		p := pinned{path: path, found: found}
		for line := range strings.Lines(head) {
			line = strings.TrimSuffix(line, "\n")
			if v, is := strings.CutPrefix(line, "query: "); is {
				p.text = v
			}
			if v, is := strings.CutPrefix(line, "want: "); is {
				p.wantID, p.wanted, _ = strings.Cut(v, " ")
				p.wanted = strings.Trim(p.wanted, `"`)
			}
		}
		if !ok || p.text == "" || p.wantID == "" {
			t.Fatalf("%s: want lines query:, want: and ----", path)
		}
		out = append(out, p)
	}
	return out
}

// compare checks found against the file, or writes it with -update.
func (p pinned) compare(t *testing.T, found string) {
	t.Helper()
	if *update {
		if f32.Impl() != pinnedWith {
			t.Fatalf("files are written with the kernels of %s", pinnedWith)
		}
		data := "query: " + p.text + "\nwant: " + p.wantID
		if p.wanted != "" {
			data += ` "` + p.wanted + `"`
		}
		if err := os.WriteFile(p.path, []byte(data+"\n----\n"+found), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if found == p.found {
		return
	}
	report := t.Errorf
	if f32.Impl() != pinnedWith {
		report = t.Logf // near ties fall otherwise where floats are rounded otherwise; the floors hold
	}
	report("%s: %s\ngot\n%swant\n%s", p.path, p.text, found, p.found)
}

// begin is the first words of a text on one line.
func begin(text string) string {
	words := strings.Fields(text)
	if len(words) > 10 {
		words = append(words[:10], "...")
	}
	return strings.Join(words, " ")
}

// holds reports whether text has the words of part, wherever its lines break.
func holds(text, part string) bool {
	return strings.Contains(strings.Join(strings.Fields(text), " "), part)
}

// openHandbook opens the database of handbook with the models inside the program.
func openHandbook(t *testing.T, dir string) *db.DB {
	t.Helper()
	enc, err := defaultmodel.Encoder()
	if err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(filepath.Join(dir, ".semsearch.db"), enc, &db.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestHandbookQueries(t *testing.T) {
	needEncoder(t)
	dir := handbook(t)
	d := openHandbook(t, dir)
	first, three := 0, 0
	list := readPinned(t, "query")
	for _, p := range list {
		hits, err := d.Query(t.Context(), p.text, nil)
		if err != nil {
			t.Fatal(err)
		}
		rank, lines := 0, ""
		for i, h := range hits {
			if rank == 0 && h.ID == p.wantID && holds(h.Text, p.wanted) {
				rank = i + 1
			}
			if i < 3 {
				lines += fmt.Sprintf("%d %s:%d:%d %s\n", i+1, h.ID, h.Line, h.Col, begin(h.Text))
			}
			checkPlace(t, dir, h.ID, h.Start, h.End, h.Line, h.Col, h.Text)
		}
		if rank == 1 {
			first++
		}
		if rank >= 1 && rank <= 3 {
			three++
		}
		head := fmt.Sprintf("rank %d of %d\n", rank, len(hits))
		if rank == 0 {
			head = fmt.Sprintf("rank none of %d\n", len(hits))
		}
		p.compare(t, head+lines)
	}
	share(t, "wanted passage first", first, len(list), floorFirst)
	share(t, "wanted passage in three", three, len(list), floorThree)
}

func TestHandbookQuestions(t *testing.T) {
	needEncoder(t)
	needReader(t)
	dir := handbook(t)
	d := openHandbook(t, dir)
	rd, err := defaultmodel.Reader()
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	list := readPinned(t, "ask")
	for _, p := range list {
		answers, err := qa.Ask(t.Context(), d, rd, p.text, nil)
		if err != nil {
			t.Fatal(err)
		}
		found := ""
		for i, an := range answers {
			found += fmt.Sprintf("%d %s:%d:%d %s\n", i+1, an.ID, an.Line, an.Col, strings.Join(strings.Fields(an.Text), " "))
			checkPlace(t, dir, an.ID, an.Start, an.End, an.Line, an.Col, an.Text)
		}
		switch {
		case p.wantID == "none":
			if len(answers) == 0 {
				right++
			}
		case len(answers) > 0 && answers[0].ID == p.wantID && holds(answers[0].Text, p.wanted):
			right++
		}
		if found == "" {
			found = "no answer\n"
		}
		p.compare(t, found)
	}
	share(t, "first answer right", right, len(list), floorAnswer)
}

// The command finds what the packages find.
func TestHandbookCommand(t *testing.T) {
	needEncoder(t)
	needReader(t)
	dir := handbook(t)
	type place struct {
		ID, Text         string
		Start, End, Line int
	}
	var printed struct{ Hits, Answers []place }
	object(t, &printed, 0, dir, "query", "--json", "how long does a burn take to heal")
	object(t, &printed, 0, dir, "ask", "--json", "How long do I hold a burn under water?")

	d := openHandbook(t, dir)
	rd, err := defaultmodel.Reader()
	if err != nil {
		t.Fatal(err)
	}
	var hits, answers []place
	found, err := d.Query(t.Context(), "how long does a burn take to heal", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range found {
		hits = append(hits, place{h.ID, h.Text, h.Start, h.End, h.Line})
	}
	read, err := qa.Ask(t.Context(), d, rd, "How long do I hold a burn under water?", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, an := range read {
		answers = append(answers, place{an.ID, an.Text, an.Start, an.End, an.Line})
	}
	if len(hits) == 0 || !slices.Equal(printed.Hits, hits) {
		t.Errorf("query: printed %v, want %v", printed.Hits, hits)
	}
	if len(answers) == 0 || !slices.Equal(printed.Answers, answers) {
		t.Errorf("ask: printed %v, want %v", printed.Answers, answers)
	}
}

// share checks a share of right ones against a floor.
func share(t *testing.T, what string, n, of int, floor float64) {
	t.Helper()
	got := float64(n) / float64(of)
	t.Logf("%s: %d of %d", what, n, of)
	if got < floor {
		t.Errorf("%s: %d of %d = %.2f, the floor is %.2f", what, n, of, got, floor)
	}
}

// checkPlace checks that a place is true: bytes start to end of the file are text, and they begin in that
// line and column.
func checkPlace(t *testing.T, dir, id string, start, end, line, col int, text string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(id)))
	if err != nil {
		t.Fatal(err)
	}
	if start < 0 || end > len(data) || start > end || string(data[start:end]) != text {
		t.Errorf("%s: bytes %d to %d are not %q", id, start, end, begin(text))
		return
	}
	before := string(data[:start])
	wantLine := strings.Count(before, "\n") + 1
	wantCol := len([]rune(before[strings.LastIndex(before, "\n")+1:])) + 1
	if line != wantLine || col != wantCol {
		t.Errorf("%s: byte %d is at %d:%d, not %d:%d", id, start, wantLine, wantCol, line, col)
	}
}
