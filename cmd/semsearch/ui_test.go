package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/qa"
)

// Every command has an example, and its help ends with its exit codes.
func TestHelp(t *testing.T) {
	seen := 0
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, c := range cmd.Commands() {
			if c.Name() != "help" && c.Name() != "completion" {
				visit(c)
			}
		}
		seen++
		var out bytes.Buffer
		cmd.SetOut(&out)
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		help := out.String()
		if cmd.Example == "" || cmd.Short == "" || cmd.Long == "" {
			t.Errorf("%s: no example, or not described", cmd.CommandPath())
		}
		_, codes, ok := strings.Cut(help, "\nExit codes:\n")
		if !ok || !strings.HasSuffix(help, "  130  interrupted\n") || !strings.Contains(codes, "  2    ") {
			t.Errorf("%s: help does not end with the exit codes:\n%s", cmd.CommandPath(), help)
		}
		for line := range strings.Lines(cmd.Long + "\n" + cmd.Example) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > 105 {
				t.Errorf("%s: a line of %d columns: %s", cmd.CommandPath(), n, line)
			}
		}
	}
	visit(newRoot(&app{stdout: io.Discard, stderr: io.Discard}))
	if seen < 15 {
		t.Errorf("only %d commands", seen)
	}
}

func TestByteSize(t *testing.T) {
	for s, want := range map[string]int64{
		"1": 1, "500000": 500000, "512KiB": 512 << 10, "512 kib": 512 << 10, "64MB": 64e6, "1GiB": 1 << 30, "2k": 2048, "3M": 3 << 20, "9B": 9,
	} {
		var b byteSize
		if err := b.Set(s); err != nil || int64(b) != want {
			t.Errorf("%q: %d, %v, want %d", s, b, err, want)
		}
	}
	for _, s := range []string{"", "x", "-1", "0", "1.5MB", "MB", "99999999999GiB", "1 TB"} {
		if err := new(byteSize).Set(s); err == nil {
			t.Errorf("%q: no error", s)
		}
	}
	for n, want := range map[int64]string{5: "5 B", 1024: "1 KiB", 1536: "1.5 KiB", 64 << 20: "64 MiB", 1<<30 + 1<<29: "1.5 GiB"} {
		if got := sizeString(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestGroup(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234"} {
		if got := group(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	if got := counted(1, "document") + " " + counted(2, "passage"); got != "1 document 2 passages" {
		t.Error(got)
	}
}

func TestPrintable(t *testing.T) {
	if got := printable("\ufeffa\x1b[31m\tb\nc\x00\u0085\u202e\u2066é日"); got != "a\ufffd[31m\tb\nc\ufffd\ufffd\ufffd\ufffdé日" {
		t.Errorf("%q", got)
	}
}

func TestDocumentID(t *testing.T) {
	root := t.TempDir()
	t.Chdir(root)
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	loc := location{root: wd}
	for path, want := range map[string]string{
		"a.md": "a.md", "./b/../a.md": "a.md", "b//c.md": "b/c.md", filepath.Join(wd, "b", "c.md"): "b/c.md",
		"../x.md": filepath.ToSlash(filepath.Join(filepath.Dir(wd), "x.md")), "..a.md": "..a.md",
	} {
		if got, err := loc.id(path); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", path, got, err, want)
		}
	}
}

func TestAround(t *testing.T) {
	for _, tt := range []struct{ passage, answer, want string }{
		{"One. Two is here. Three.", "is", "Two >>is<< here."},
		{"Two is here", "is", "Two >>is<< here"},
		{"# Head\n\nTwo is\nhere! Three.", "is", "Two >>is<< here!"},
		{"- one\n- two is\n  here\n- three", "is", "- two >>is<< here"},
		{"| a | b |\n| c | is |\n| d | e |", "is", "| c | >>is<< |"},
		{"See e.g. the way it is, cf. No. 3 there. End.", "is", "See e.g. the way it >>is<<, cf."},
		{"Mr. J. Smith is 3.5 m tall. End.", "3.5 m", "J. Smith is >>3.5 m<< tall."},
		{"1. First is it.\n2. Second.", "is", "1. First >>is<< it."},
		{"He said \"stop.\" Then it is over.", "is", "Then it >>is<< over."},
		{"Is it? It is.", "is", "It >>is<<."},
		{strings.Repeat("word ", 100) + "is " + strings.Repeat("more ", 100), "is",
			"… " + strings.TrimSpace(strings.Repeat("word ", 47)) + " >>is<< " + strings.TrimSpace(strings.Repeat("more ", 47)) + " …"},
		{strings.Repeat("x", 500) + "is", "is", "… " + strings.Repeat("x", 240) + ">>is<<"},
		{strings.Repeat("日", 200) + "is" + strings.Repeat("日", 200), "is", "… " + strings.Repeat("日", 80) + ">>is<<" + strings.Repeat("日", 80) + " …"},
		{"", "", ">><<"},
	} {
		start := strings.Index(tt.passage, " "+tt.answer) + 1
		if start == 0 {
			start = strings.Index(tt.passage, tt.answer)
		}
		an := qa.Answer{Text: tt.answer, Passage: tt.passage, Start: 1000 + start, End: 1000 + start + len(tt.answer), Hit: db.Hit{Start: 1000}}
		before, after := around(an, 0)
		got := strings.Join(strings.Fields(before+">>"+tt.answer+"<<"+after), " ")
		if got != strings.Join(strings.Fields(tt.want), " ") {
			t.Errorf("%q:\n got %q\nwant %q", tt.passage, got, tt.want)
		}
	}
	// An answer that does not stand where it says is printed without a sentence.
	if b, a := around(qa.Answer{Text: "is", Passage: "short", Start: 90, End: 92}, 0); b != "" || a != "" {
		t.Errorf("%q, %q", b, a)
	}
}

// On a terminal the answer and only the answer is coloured.
func TestAnswerColour(t *testing.T) {
	var out bytes.Buffer
	a := &app{stdout: &out, out: terminal{is: true, color: true, width: 80}}
	passage := "Green tea (at 80 °C) is good."
	start := strings.Index(passage, "80 °C")
	err := a.printAnswers([]qa.Answer{{Text: "80 °C", ID: "a.md", Line: 1, Col: 1, Start: start, End: start + len("80 °C"), Passage: passage}}, false, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := "    Green tea (at \x1b[1;32m80\x1b[0m \x1b[1;32m°C)\x1b[0m is good.\n"
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("%q does not end with %q", out.String(), want)
	}
}

func TestSnippet(t *testing.T) {
	join := func(lines [][]string) string {
		var out []string
		for _, l := range lines {
			s := strings.Join(l, " ")
			if len([]rune(s)) > 42 {
				t.Errorf("line too long: %q", s)
			}
			out = append(out, s)
		}
		return strings.Join(out, "\n")
	}
	text := "# Title\n\n## Care\n\n" + strings.Repeat("Nothing of note here. ", 10) + "Water the plant daily. " + strings.Repeat("Nothing again. ", 10)
	got := join(snippet(text, "Title", terms("how to water a plant"), 40, 2))
	want := "… Water the plant daily. Nothing again.\nNothing again. Nothing again. Nothing …"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := join(snippet("# Title\n\n## Care\n\nWater.", "Title", nil, 40, 3)); got != "Care — Water." {
		t.Errorf("%q", got)
	}
	if got := join(snippet("| a | b |\n|---|:-:|\n| c | d |\n", "", nil, 40, 3)); got != "| a | b | | c | d |" {
		t.Errorf("%q", got)
	}
	if got := snippet("", "", nil, 40, 3); len(got) != 0 {
		t.Errorf("%q", got)
	}
	if got := snippet(strings.Repeat("x", 100), "", nil, 40, 1); len(got) != 1 || len(got[0]) != 1 {
		t.Errorf("%q", got)
	}
}

func TestLineReader(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	in := "\ufeffone\r\n\n" + long + "\nthree\n" + strings.Repeat("y", 9) + "\nlast"
	r := newLineReader(strings.NewReader(in), 100)
	type line struct {
		text    string
		tooLong bool
	}
	var got []line
	for r.next() {
		got = append(got, line{string(r.line), r.tooLong})
	}
	want := []line{{"one", false}, {"", false}, {"", true}, {"three", false}, {"yyyyyyyyy", false}, {"last", false}}
	if len(got) != len(want) || r.err != nil || r.number != len(want) {
		t.Fatalf("%v, %v", got, r.err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("line %d: %v, want %v", i+1, got[i], want[i])
		}
	}
	r = newLineReader(strings.NewReader(long), 1<<20)
	if !r.next() || len(r.line) != len(long) || r.next() {
		t.Error("a long line is cut")
	}
	r = newLineReader(io.MultiReader(strings.NewReader("cut"), errReader{}), 100)
	if r.next() || r.err == nil {
		t.Errorf("an error in a line: %q, %v", r.line, r.err)
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("broken") }

// A read that waits ends with the context, and what it gets later is not lost in a buffer in use.
func TestInterruptible(t *testing.T) {
	pr, pw := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	r := &interruptible{ctx: ctx, r: pr}
	go func() { _, _ = pw.Write([]byte("abc")) }()
	b := make([]byte, 2)
	if n, err := r.Read(b); n != 2 || err != nil || string(b) != "ab" {
		t.Fatalf("%d %v %q", n, err, b)
	}
	if n, err := r.Read(b); n != 1 || err != nil || b[0] != 'c' {
		t.Fatalf("%d %v %q", n, err, b)
	}
	time.AfterFunc(20*time.Millisecond, cancel)
	if n, err := r.Read(b); n != 0 || err != context.Canceled {
		t.Fatalf("%d %v", n, err)
	}
	if n, err := r.Read(b); n != 0 || err != context.Canceled {
		t.Fatalf("again: %d %v", n, err)
	}
	r = &interruptible{ctx: context.Background(), r: strings.NewReader("rest")}
	if all, err := io.ReadAll(r); err != nil || string(all) != "rest" {
		t.Fatalf("%q %v", all, err)
	}
}
