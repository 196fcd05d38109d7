package chunk_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/semsearch/semsearch/db/chunk"
)

func words(s string) int { return len(strings.Fields(s)) }

// letters counts characters that are not white space: additive, like tokens of a long word.
func letters(s string) int {
	n := 0
	for _, r := range s {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// checkSpans verifies what the package promises of any result.
func checkSpans(t interface{ Fatalf(string, ...any) }, text string, spans []chunk.Span, o chunk.Options) {
	covered, lastStart := 0, -1
	limit := o.MaxTokens
	if limit == 0 {
		limit = 200
	}
	for i, s := range spans {
		if s.Start < 0 || s.Start >= s.End || s.End > len(text) || s.Start <= lastStart || i > 0 && s.End <= spans[i-1].End {
			t.Fatalf("span %d is %d..%d after %d, text has %d bytes", i, s.Start, s.End, lastStart, len(text))
		}
		if o.OverlapTokens == 0 && s.Start < covered {
			t.Fatalf("span %d starts at %d, the one before ends at %d", i, s.Start, covered)
		}
		piece := text[s.Start:s.End]
		if strings.TrimSpace(piece) != piece || !utf8.ValidString(piece) {
			t.Fatalf("span %d is %q", i, piece)
		}
		if s.Start > covered && strings.TrimSpace(text[covered:s.Start]) != "" {
			t.Fatalf("%q before span %d is not covered", text[covered:s.Start], i)
		}
		if o.Count != nil && o.Count(piece) > limit && utf8.RuneCountInString(piece) > 1 {
			t.Fatalf("span %d has %d tokens, at most %d are allowed: %q", i, o.Count(piece), limit, piece)
		}
		if len(piece) > 32*limit {
			t.Fatalf("span %d has %d bytes with %d tokens allowed", i, len(piece), limit)
		}
		covered, lastStart = s.End, s.Start
	}
	if strings.TrimSpace(text[covered:]) != "" {
		t.Fatalf("%q at the end is not covered", text[covered:])
	}
}

func TestProperties(t *testing.T) {
	piece := rapid.OneOf(
		rapid.StringMatching(`[a-z]{1,9}`), rapid.String(),
		rapid.SampledFrom([]string{" ", "\n", "\n\n", ". ", "! ", "? ", "Mr. ", "# ", "\n## Head\n", "\n- ", "\n1. ", "\n```\n", "\n~~~~\n", "\n| a | b |\n",
			"\n===\n", "\n---\n", "\n}\n", "\n\tx\n", "日本語。", "。", "\t", "\u00a0", "e\u0301\u0302", "👩\u200d👩\u200d👧", "\r\n", "    ", "> ", "...", "\x00", "\ufeff"}),
		rapid.Map(rapid.IntRange(1, 400), func(n int) string { return strings.Repeat("x", n) }),
		rapid.Map(rapid.IntRange(1, 400), func(n int) string { return strings.Repeat(" ", n) }),
		rapid.Map(rapid.IntRange(1, 40), func(n int) string { return strings.Repeat("A sentence of words. ", n) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(piece, 0, 60).Draw(t, "text"), "")
		o := chunk.Options{MaxTokens: rapid.IntRange(1, 60).Draw(t, "max")}
		o.Count = rapid.SampledFrom([]func(string) int{words, letters}).Draw(t, "count")
		if rapid.Bool().Draw(t, "overlap") {
			o.OverlapTokens = rapid.IntRange(0, 60).Draw(t, "tokens")
		}
		format := chunk.Format(rapid.IntRange(0, 2).Draw(t, "format"))
		spans := chunk.Split(text, format, o)
		checkSpans(t, text, spans, o)
		if (len(spans) == 0) != (strings.TrimSpace(text) == "") {
			t.Fatalf("%d spans of %q", len(spans), text)
		}
	})
}

// Invalid UTF-8 is no reason to panic or to run for ever.
func FuzzSplit(f *testing.F) {
	f.Add("a\xff\xfe b", 1, byte(1))
	f.Add("```\n# x", 3, byte(1))
	f.Add("\xe6\x97", 1, byte(0))
	f.Add("func a() {\n\n}\n\n}", 1, byte(2))
	f.Fuzz(func(t *testing.T, text string, max int, f byte) {
		format := chunk.Format(f % 3)
		headings := chunk.Headings(text, format)
		last := 0
		for _, s := range chunk.Split(text, format, chunk.Options{MaxTokens: 1 + max&63}) {
			if s.Start < last || s.End <= s.Start || s.End > len(text) {
				t.Fatalf("span %v after %d", s, last)
			}
			chunk.Path(text, headings, s)
			last = s.End
		}
	})
}

// Each file in testdata is options, a text and the passages it is cut into, parted by lines of dashes.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, rest, _ := strings.Cut(string(data), "\n")
		text, want, ok := strings.Cut(rest, "\n======== passages\n")
		var format string
		var o chunk.Options
		if _, err := fmt.Sscanf(head, "%s max=%d overlap=%d", &format, &o.MaxTokens, &o.OverlapTokens); err != nil || !ok {
			t.Fatalf("%s: %q: %v", file, head, err)
		}
		o.Count = words
		f := chunk.Text
		switch format {
		case "markdown":
			f = chunk.Markdown
		case "code":
			f = chunk.Code
		}
		spans := chunk.Split(text, f, o)
		checkSpans(t, text, spans, o)
		var got strings.Builder
		for i, s := range spans {
			if i > 0 {
				got.WriteString("\n--------\n")
			}
			got.WriteString(text[s.Start:s.End])
		}
		if os.Getenv("SEMSEARCH_UPDATE") != "" {
			if err := os.WriteFile(file, []byte(head+"\n"+text+"\n======== passages\n"+got.String()+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got.String()+"\n" != want {
			t.Errorf("%s:\n%s\nwant\n%s", file, got.String(), want)
		}
	}
}

func TestSentences(t *testing.T) {
	for _, x := range []string{
		"One. |Two! |Three? |Four… |Five",
		"Dr. Who met J. R. R. Tolkien. |They spoke.",
		"It costs 3.50 euros, e.g. for tea. |See fig. 4 on p. 7.",
		"“Really?” he said. |“Yes.” |(So it was.) |The end.",
		"Wait... what? |No!!! |Stop.",
		"そうです。|本当？|はい。",
		"1. First item is long. |Second sentence.",
		"Version 2. |Next one.",
		"Is it I. |Yes.",
		"यह एक है।| वह दो है।",
	} {
		want := strings.Split(x, "|")
		text := strings.Join(want, "")
		var got []string
		// One token for a sentence and a limit of one: each becomes a span.
		n := len(want)
		spans := chunk.Split(text, chunk.Text, chunk.Options{MaxTokens: 1000, Count: func(s string) int {
			if strings.Contains(text, s) && len(s) < len(text) {
				return 1000
			}
			return 1001
		}})
		for _, s := range spans {
			got = append(got, text[s.Start:s.End])
		}
		for i := range want {
			want[i] = strings.TrimSpace(want[i])
		}
		if len(spans) != n || strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Parts of a long paragraph are of about the same size.
func TestBalance(t *testing.T) {
	text := strings.Repeat("One two three four five. ", 43) // 215 words
	spans := chunk.Split(text, chunk.Text, chunk.Options{MaxTokens: 200, Count: words})
	if len(spans) != 2 {
		t.Fatalf("%d spans", len(spans))
	}
	for _, s := range spans {
		if n := words(text[s.Start:s.End]); n < 90 || n > 125 {
			t.Errorf("%d words", n)
		}
	}
}

func TestHeadingBeginsSpan(t *testing.T) {
	text := "# A\n\ntext\n\n## B\n\n### C\n\nmore\n\n```\n# not a heading\n```\n\nD\n==\n\nlast"
	var got []string
	for _, s := range chunk.Split(text, chunk.Markdown, chunk.Options{}) {
		got = append(got, regexp.MustCompile(`\s+`).ReplaceAllString(text[s.Start:s.End], " "))
	}
	want := "# A text|## B ### C more ``` # not a heading ```|D == last"
	if strings.Join(got, "|") != want {
		t.Errorf("%q, want %q", strings.Join(got, "|"), want)
	}
}

// Time and the bytes given to Count grow with the text, not faster.
func TestLinear(t *testing.T) {
	size := 256 << 10
	if os.Getenv("SEMSEARCH_LONG") != "" {
		size = 16 << 20
	}
	for name, unit := range map[string]string{
		"no spaces":  "x",
		"sentences":  "A sentence of a few words. ",
		"words":      "word ",
		"lines":      "a line\n",
		"paragraphs": "a\n\n",
		"cjk":        "語",
		"marks":      "\u0301",
		"joiners":    "\u200d",
		"stops":      ".",
		"abbr":       "Mr. ",
		"headings":   "# a\n",
		"items":      "- a\n",
		"fences":     "```\n",
		"tables":     "|a|\n",
		"rules":      "---\n",
		"spaces":     " ",
		"space word": strings.Repeat(" ", 1000) + "x",
		"numbers":    "1. ",
		"quotes":     ".\"",
		"invalid":    "\xff",
	} {
		text := strings.Repeat(unit, size/len(unit))
		for _, format := range []chunk.Format{chunk.Text, chunk.Markdown, chunk.Code} {
			counted := 0
			start := time.Now()
			spans := chunk.Split(text, format, chunk.Options{OverlapTokens: 20, Count: func(s string) int { counted += len(s); return chunk.Estimate(s) }})
			took := time.Since(start)
			if counted > 8*len(text)+1000 || took > time.Minute {
				t.Errorf("%s: counted %d bytes of %d, took %v", name, counted, len(text), took)
			}
			if testing.Verbose() {
				t.Logf("%s: counted %.1f times, %d spans, %v", name, float64(counted)/float64(len(text)), len(spans), took)
			}
		}
	}
}

// A tokenizer that takes a long word for one token must not make one passage of a whole file.
func TestOneTokenWord(t *testing.T) {
	text := strings.Repeat("x", 1<<20)
	o := chunk.Options{MaxTokens: 200, Count: words}
	checkSpans(t, text, chunk.Split(text, chunk.Text, o), o)
}

func TestEstimate(t *testing.T) {
	for text, want := range map[string]int{"": 0, " \n": 0, "a": 1, "water": 1, "the kettle": 2, "Hello, world!": 4, "internationalization": 4, "日本語": 3, "Привет": 3, "don't": 3} {
		if got := chunk.Estimate(text); got != want {
			t.Errorf("Estimate(%q) = %d, want %d", text, got, want)
		}
	}
}
