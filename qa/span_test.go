package qa

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/encoder/tokenizer"
	"pgregory.net/rapid"
)

// TestDecodeReference compares windows and spans with the loops of BERT's
// run_squad.py, run in Python by testdata/make.py.
func TestDecodeReference(t *testing.T) {
	var cases []struct {
		N, Room, Overlap, Longest, Top int
		Windows                        [][2]int
		Context                        []int
		Start, End                     [][]float32
		Nulls                          [][2]float32
		Null                           float64
		Spans                          [][4]float64 // score, first token, last token, probability
	}
	loadJSON(t, "testdata/decode.json", &cases)
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	for ci, c := range cases {
		t.Run(fmt.Sprintf("%d_tokens_%d_room_%d", ci, c.N, c.Room), func(t *testing.T) {
			p := &passage{text: strings.Repeat("x ", c.N)} // token i is bytes [2i,2i+1)
			for i := range c.N {
				p.tokens = append(p.tokens, tokenizer.Token{ID: 1000, Start: 2 * i, End: 2*i + 1})
			}
			got := cut(c.N, c.Room, c.Overlap)
			if !slices.Equal(got, c.Windows) {
				t.Fatalf("windows %v, want %v", got, c.Windows)
			}
			for k, r := range got {
				w := &window{p: p, first: r[0], last: r[1]}
				start := append([]float32{c.Nulls[k][0], 99, 99}, c.Start[k]...) // [CLS] question [SEP]
				end := append([]float32{c.Nulls[k][1], 99, 99}, c.End[k]...)
				if err := w.take(append(start, 99), append(end, 99), 3); err != nil {
					t.Fatal(err)
				}
				p.windows = append(p.windows, w)
			}
			for i, want := range c.Context {
				if got := p.bestWindow(i); got != want {
					t.Errorf("token %d has most context in window %d, want %d", i, got, want)
				}
			}
			r := p.read(ReadOptions{Spans: c.Top, MaxAnswerTokens: c.Longest})
			if math.Abs(r.Null-c.Null) > 1e-9 {
				t.Errorf("null score %v, want %v", r.Null, c.Null)
			}
			if len(r.Spans) != len(c.Spans) {
				t.Fatalf("%d spans, want %d", len(r.Spans), len(c.Spans))
			}
			for i, s := range r.Spans {
				w := c.Spans[i]
				if s.Start != 2*int(w[1]) || s.End != 2*int(w[2])+1 || math.Abs(s.Score-w[0]) > 1e-9 || math.Abs(s.Probability-w[3]) > 1e-9 {
					t.Errorf("span %d: [%d,%d) score %v p %v, want tokens %v", i, s.Start, s.End, s.Score, s.Probability, w)
				}
			}
		})
	}
}

// TestSpansAgainstNaive holds read against every pair of tokens, tried one by
// one, on random text, windows and logits.
func TestSpansAgainstNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawText(t)
		o := &ReaderOptions{
			MaxTokens: rapid.IntRange(8, 40).Draw(t, "max"),
			Overlap:   rapid.IntRange(0, 20).Draw(t, "overlap"),
		}
		ro := &ReadOptions{Spans: rapid.IntRange(1, 6).Draw(t, "spans"), MaxAnswerTokens: rapid.IntRange(1, 12).Draw(t, "longest")}
		tok := pieces{rapid.IntRange(1, 4).Draw(t, "piece")}
		model := &noise{}
		rd, err := newReader(tok, model, 512, 0, o)
		if err != nil {
			t.Fatal(err)
		}
		const question = "who is it"
		got, err := rd.Read(context.Background(), question, []string{text}, ro)
		if err != nil {
			t.Fatal(err)
		}
		checkSpans(t, text, got[0].Spans)
		want, null := naive(rd, question, text, *ro)
		if got[0].Windows > 0 && got[0].Null != null {
			t.Fatalf("null score %v, want %v", got[0].Null, null)
		}
		if len(got[0].Spans) != len(want) {
			t.Fatalf("%d spans, want %d: %v, want %v", len(got[0].Spans), len(want), got[0].Spans, want)
		}
		for i, s := range got[0].Spans {
			w := want[i]
			if s.Start != w.Start || s.End != w.End || math.Abs(s.Score-w.Score) > 1e-9 || math.Abs(s.Probability-w.Probability) > 1e-9 {
				t.Fatalf("span %d is %+v, want %+v", i, s, w)
			}
		}
	})
}

func drawText(t *rapid.T) string {
	part := rapid.SampledFrom([]string{"Paris", "the", " ", " ", "  ", "\n", "1889", ",", ".", "(", ")", "\"", "Queen's", "日本語", "東京タワー",
		"😀", "👨‍👩‍👧", "naïve", "e\u0301te\u0301", "-", "[SEP]", "U.S.", "3.5", "snake_case", "ไทย", "“", "”", "\u00a0", "don't", "?"})
	return strings.Join(rapid.SliceOfN(part, 0, 60).Draw(t, "text"), "")
}

// naive tries all pairs, keeps those that are allowed, and picks greedily.
func naive(rd *Reader, question, text string, o ReadOptions) (out []Span, null float64) {
	q := rd.tok.Tokens(question)
	q = q[:min(len(q), rd.opt.QuestionTokens)]
	toks := rd.tok.Tokens(text)
	room := rd.opt.MaxTokens - 3 - len(q)
	wins := cut(len(toks), room, rd.opt.Overlap)
	edges := (&passage{text: text, tokens: toks, special: map[int32]bool{clsID: true, sepID: true}}).edges()
	type cand struct {
		score float64
		i, j  int
	}
	var all []cand
	null = math.Inf(1)
	for k, w := range wins {
		enc := rd.tok.BuildPair(q, toks[w[0]:w[1]])
		n := len(enc.IDs)
		start, end := make([]float32, n), make([]float32, n)
		b := batchOf(enc)
		if err := (&noise{}).score(context.Background(), b, start, end); err != nil {
			panic(err)
		}
		null = min(null, float64(start[0])+float64(end[0]))
		for a := range n {
			for z := range n {
				i, j := w[0]+a-len(q)-2, w[0]+z-len(q)-2
				if enc.Special[a] || enc.Special[z] || enc.TypeIDs[a] != 1 || enc.TypeIDs[z] != 1 || enc.IDs[a] == sepID || enc.IDs[z] == sepID {
					continue
				}
				if i > j || j-i+1 > o.MaxAnswerTokens || !mostContext(wins, k, i) || !edges[i].ok || !edges[j].ok {
					continue
				}
				all = append(all, cand{float64(start[a]) + float64(end[z]), i, j})
			}
		}
	}
	total := 1.0
	for _, c := range all {
		total += math.Exp(c.score - null)
	}
	slices.SortStableFunc(all, func(x, y cand) int {
		switch {
		case x.score > y.score, x.score == y.score && (x.i < y.i || x.i == y.i && x.j < y.j):
			return -1
		}
		return 1
	})
	for _, c := range all {
		s, e, ok := tidy(text, edges[c.i].start, edges[c.j].end)
		if !ok || len(out) == o.Spans {
			continue
		}
		s = withNegation(text, s)
		free := true
		for _, p := range out {
			free = free && (e <= p.Start || p.End <= s)
		}
		if free {
			out = append(out, Span{Start: s, End: e, Score: c.score - null, Probability: math.Exp(c.score-null) / total})
		}
	}
	return out, null
}

// mostContext reports whether no window gives token i more context than window
// k, and no earlier one as much.
func mostContext(wins [][2]int, k, i int) bool {
	context := func(w [2]int) float64 {
		if i < w[0] || i >= w[1] {
			return -1
		}
		return float64(min(i-w[0], w[1]-1-i)) + 0.01*float64(w[1]-w[0])
	}
	for n, w := range wins {
		if context(w) > context(wins[k]) || n < k && context(w) == context(wins[k]) {
			return false
		}
	}
	return true
}

type failer interface{ Fatalf(string, ...any) }

// checkSpans tests what is promised of every span.
func checkSpans(t failer, text string, spans []Span) {
	bounds := wordBounds(text)
	for i, s := range spans {
		if s.Start < 0 || s.End > len(text) || s.Start >= s.End || text[s.Start:s.End] != s.Text {
			t.Fatalf("span %d: [%d,%d) %q is not in the text", i, s.Start, s.End, s.Text)
		}
		if strings.TrimSpace(s.Text) != s.Text {
			t.Fatalf("span %q has space at its ends", s.Text)
		}
		if open, closed := unmatched(s.Text); open >= 0 || closed >= 0 {
			t.Fatalf("span %q has a bracket without its partner", s.Text)
		}
		if s.Start > 0 && int(bounds[s.Start].before) != s.Start && !strings.ContainsAny(text[s.Start-1:s.Start], ".-'\"([{") {
			t.Fatalf("span %q begins inside a word of %q", s.Text, text)
		}
		for _, o := range spans[:i] {
			if s.Start < o.End && o.Start < s.End {
				t.Fatalf("spans %q and %q overlap", o.Text, s.Text)
			}
		}
		if i > 0 && s.Score > spans[i-1].Score {
			t.Fatalf("span %d scores above its predecessor", i)
		}
		if !(s.Probability >= 0 && s.Probability <= 1) {
			t.Fatalf("span %q has probability %v", s.Text, s.Probability)
		}
	}
}

// TestWindowsCover: every token is in a window, windows are full but the last,
// and neighbors share what was asked for.
func TestWindowsCover(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, room, overlap := rapid.IntRange(0, 300).Draw(t, "n"), rapid.IntRange(1, 50).Draw(t, "room"), rapid.IntRange(0, 60).Draw(t, "overlap")
		wins := cut(n, room, overlap)
		if n == 0 && len(wins) != 0 {
			t.Fatal("windows of nothing")
		}
		at := 0
		for k, w := range wins {
			if w[0] > at || w[1] <= at || w[1]-w[0] > room {
				t.Fatalf("window %d is %v, covered until %d", k, w, at)
			}
			if k < len(wins)-1 && w[1]-w[0] != room {
				t.Fatalf("window %d is %v, not full", k, w)
			}
			if k > 0 && wins[k-1][1]-w[0] != min(overlap, room/2) {
				t.Fatalf("windows %v and %v share %d tokens", wins[k-1], w, wins[k-1][1]-w[0])
			}
			at = w[1]
		}
		if at != n {
			t.Fatalf("covered until %d of %d", at, n)
		}
	})
}
