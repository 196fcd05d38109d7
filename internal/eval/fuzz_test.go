package eval

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
)

// windows is the same file with a byte order mark and CRLF line ends.
func windows(in string) string { return "\xef\xbb\xbf" + strings.ReplaceAll(in, "\n", "\r\n") }

// sameOnWindows checks that read gives one result for both.
func sameOnWindows[T any](t *testing.T, in string, read func(string, io.Reader) (T, error)) (T, error) {
	t.Helper()
	a, err := read("f", strings.NewReader(in))
	if strings.HasPrefix(in, "\xef\xbb\xbf") || strings.Contains(in, "\r") {
		return a, err
	}
	b, err2 := read("f", strings.NewReader(windows(in)))
	if !reflect.DeepEqual(a, b) || (err == nil) != (err2 == nil) {
		t.Errorf("%T: %v, %v; with BOM and CRLF %v, %v", a, a, err, b, err2)
	}
	return a, err
}

func FuzzReadLines(f *testing.F) {
	f.Add("{\"_id\":\"1\",\"title\":\"T\",\"text\":\"one\"}\n\n{\"id\":2,\"text\":\"\\u00e4\"}\n")
	f.Add("{\"a\":\"x\",\"b\":\"y\",\"score\":2.5}\n{\"sentence1\":\"\",\"sentence2\":\"ä\",\"score\":-1e3}")
	f.Add("{\"_id\":\"1\",\"text\":\"x\"}\n{\"_id\":\"1\",\"text\":\"x\"}")
	f.Add("{\"_id\":{},\"text\":\"x\"}\n\xff")
	f.Fuzz(func(t *testing.T, in string) {
		docs, err := sameOnWindows(t, in, ReadCorpus)
		queries, err2 := sameOnWindows(t, in, ReadQueries)
		if (err == nil) != (err2 == nil) || len(docs) != len(queries) {
			t.Errorf("corpus: %d, %v; queries: %d, %v", len(docs), err, len(queries), err2)
		}
		seen := map[string]bool{}
		for i, d := range docs {
			if d.ID == "" || seen[d.ID] || queries[i] != (Query{d.ID, d.Text}) {
				t.Errorf("document %d: %+v, query %+v", i, d, queries[i])
			}
			seen[d.ID] = true
		}
		_, _ = sameOnWindows(t, in, ReadSTS)
	})
}

// What was read, written again, reads the same.
func FuzzReadQrels(f *testing.F) {
	f.Add("query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td 2\t0\n")
	f.Add("q1 0 d1 1\nq1 Q0 d2 -3")
	f.Add("q\td\t1\nq\td\t1\n\nq\te\t+7")
	f.Add("\xef\xbb\xbfa b\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		a, err := sameOnWindows(t, in, ReadQrels)
		if err != nil {
			return
		}
		var b strings.Builder
		b.WriteString("\xef\xbb\xbf") // an id may start with one
		for q, grades := range a {
			for d, g := range grades {
				fmt.Fprintf(&b, "%s\t%s\t%d\n", q, d, g)
			}
		}
		again, err := ReadQrels("again", strings.NewReader(b.String()))
		if err != nil || !reflect.DeepEqual(a, again) {
			t.Errorf("%v became %v, %v", a, again, err)
		}
	})
}

func FuzzReadSQuAD(f *testing.F) {
	f.Add(squad11)
	f.Add("{\"data\":[\n{\"paragraphs\":[{\"context\":\"ä b\",\"qas\":[{\"id\":1,\"question\":\"?\",\"answers\":[{\"text\":\"b\",\"answer_start\":2}]},\n{\"id\":1}]}]}]}")
	f.Add(`{"version":{},"data":[{"paragraphs":null},null,{"DATA":0,"paragraphs":[{"qas":null}]}]}`)
	f.Add("{\"version\":2,\"version\":2,\"data\":[{}],\"data\":[{\"paragraphs\":[{}]}]}")
	f.Fuzz(func(t *testing.T, in string) {
		s, err := sameOnWindows(t, in, ReadSQuAD)
		if err != nil {
			var line int
			if _, scan := fmt.Sscanf(err.Error(), "f:%d:", &line); scan != nil || line < 1 || line > 1+strings.Count(in, "\n") {
				t.Errorf("%v: no line of the %d of the file", err, 1+strings.Count(in, "\n"))
			}
			return
		}
		seen := map[string]bool{}
		for _, q := range s.Questions {
			if q.ID == "" || seen[q.ID] {
				t.Errorf("question id %q", q.ID)
			}
			seen[q.ID] = true
			text := s.Contexts[q.Context].Text
			for _, a := range q.Answers {
				if a.Start < 0 && strings.Contains(text, a.Text) || a.Start >= 0 && !strings.HasPrefix(text[a.Start:], a.Text) {
					t.Errorf("answer %+v in %q", a, text)
				}
			}
		}
	})
}

func FuzzScore(f *testing.F) {
	f.Add("The cat", "a cat.")
	f.Add("...", "")
	f.Add("ΑΣ", "ας \u00a0the")
	f.Add("a\xffb", "İ")
	f.Fuzz(func(t *testing.T, a, b string) {
		e, x, y := Exact(a, b), F1(a, b), F1(b, a)
		if !near(x, y) || x < 0 || x > 1 {
			t.Errorf("F1 %v one way, %v the other", x, y)
		}
		if n := Normalize(a); e == 1 && x != 1 && n != "" {
			t.Errorf("equal, but F1 is %v", x)
		} else if strings.TrimSpace(n) != n || strings.Contains(n, "  ") || strings.ContainsAny(n, `!"#'(),-.:;?`) {
			t.Errorf("normal form %q", n)
		}
		q := Question{Answers: []Gold{{Text: "unlikely x y z"}, {Text: b}}}
		if e2, f2 := q.Score(a, false); e2 < e || f2 < x {
			t.Errorf("best of two golds %v, %v, of one %v, %v", e2, f2, e, x)
		}
	})
}

// What was read, written again, reads the same.
func FuzzReadResults(f *testing.F) {
	f.Add("{\"id\":\"q1\",\"ndcg@10\":0.5,\"f1\":1e-9}\n\n{\"id\":2,\"f1\":-0,\"ndcg@10\":3}\n")
	f.Add("{\"id\":\"\\u00e4\\n\",\"\":1}")
	f.Add("{\"id\":\"a\",\"x\":1}\n{\"id\":\"a\",\"x\":null}")
	f.Add("{\"id\":\"a\",\"x\":1,\"x\":2,\"ID\":3}\nnull")
	f.Fuzz(func(t *testing.T, in string) {
		a, err := sameOnWindows(t, in, ReadResults)
		if err != nil {
			return
		}
		var b strings.Builder
		if err := WriteResults(&b, a); err != nil {
			t.Fatal(err)
		}
		again, err := ReadResults("again", strings.NewReader(b.String()))
		if err != nil || !reflect.DeepEqual(a, again) {
			t.Errorf("%v became %v, %v", a, again, err)
		}
		if c, err := compareAll(a, again); err != nil || c != len(Measures(a)) {
			t.Errorf("%d measures of %d compared, %v", c, len(Measures(a)), err)
		}
	})
}

// compareAll compares each measure of a and b, which are the same.
func compareAll(a, b []Result) (n int, err error) {
	for _, m := range Measures(a) {
		c, err := Compare(a, b, m, m, &CompareOptions{Bootstrap: BootstrapOptions{Resamples: 3}})
		if err != nil || c.Ties != len(a) || c.P != 1 {
			return n, fmt.Errorf("%s: %+v, %w", m, c, err)
		}
		n++
	}
	return n, nil
}
