package tokenizer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// boundaries are the places where a code point of text begins or ends; a byte that is no part of
// one counts for itself.
func boundaries(text string) []bool {
	at := make([]bool, len(text)+1)
	at[len(text)] = true
	for i := range text {
		at[i] = true
	}
	return at
}

// check returns what is wrong with the tokens of text, or "".
func check(tok *Tokenizer, text string, tokens []Token) string {
	at := boundaries(text)
	for i, x := range tokens {
		switch {
		case x.ID < 0 || int(x.ID) >= tok.VocabSize():
			return fmt.Sprintf("token %d: id %d of %d", i, x.ID, tok.VocabSize())
		case x.Start < 0 || x.Start >= x.End || x.End > len(text):
			return fmt.Sprintf("token %d: [%d:%d) of %d bytes", i, x.Start, x.End, len(text))
		case !at[x.Start] || !at[x.End]:
			return fmt.Sprintf("token %d: [%d:%d) cuts a character", i, x.Start, x.End)
		}
		if i == 0 {
			continue
		}
		p := tokens[i-1]
		if x.Start < p.Start || x.End < p.End {
			return fmt.Sprintf("token %d: [%d:%d) after [%d:%d)", i, x.Start, x.End, p.Start, p.End)
		}
		if x.Start < p.End && utf8.RuneCountInString(text[x.Start:p.End]) != 1 {
			return fmt.Sprintf("token %d: [%d:%d) shares more than one character with [%d:%d)", i, x.Start, x.End, p.Start, p.End)
		}
	}
	return ""
}

// surface returns what is wrong with the text that each token covers: normalised, it must be the
// token.
func surface(tok *Tokenizer, text string, tokens []Token) string {
	unknown := tok.model.(*wordPiece).unknown
	for i, x := range tokens {
		s := tok.Text(x.ID)
		if x.ID == unknown || text[x.Start:x.End] == s {
			continue
		}
		covered := strings.Join(strings.Fields(normalizeString(tok.normalizer, text[x.Start:x.End])), "")
		s = strings.TrimPrefix(s, "##")
		shared := i > 0 && tokens[i-1].End > x.Start || i+1 < len(tokens) && tokens[i+1].Start < x.End
		if covered != s && (!shared || !strings.Contains(covered, s)) {
			return fmt.Sprintf("token %d: %q covers %q, normalised %q", i, tok.Text(x.ID), text[x.Start:x.End], covered)
		}
	}
	return ""
}

// agree returns where the one-pass path and the stages differ, or where Encode and Tokens do.
func agree(tok *Tokenizer, text string, tokens []Token) string {
	if stages := plain(tok).Tokens(text); !slices.Equal(stages, tokens) {
		return fmt.Sprintf("one pass %v\nstages   %v", tokens, stages)
	}
	over := tok.Overhead(false)
	for _, limit := range []int{1, over, over + 1, over + len(tokens)/2, over + len(tokens), over + len(tokens) + 1} {
		e := tok.Encode(text, limit)
		n := min(len(tokens), max(limit-over, 0))
		whole := limit <= 0
		if whole {
			n = len(tokens)
		}
		want := tok.Build(tokens[:n])
		if !whole && len(want.IDs) > limit {
			want.IDs = want.IDs[:limit]
		}
		if !slices.Equal(e.IDs, want.IDs) || e.Truncated != (n < len(tokens)) {
			return fmt.Sprintf("Encode of at most %d: %v, truncated %v; want %v", limit, e.IDs, e.Truncated, want.IDs)
		}
		if len(e.TypeIDs) != len(e.IDs) || len(e.Offsets) != len(e.IDs) || len(e.Special) != len(e.IDs) {
			return fmt.Sprintf("Encode of at most %d: lengths %d %d %d %d", limit, len(e.IDs), len(e.TypeIDs), len(e.Offsets), len(e.Special))
		}
	}
	return ""
}

// randomText mixes scripts, marks, controls, specials and bytes that are no UTF-8.
func randomText(r *rand.Rand) string {
	ranges := [][2]rune{{0, 0x7f}, {0x20, 0x7e}, {0x61, 0x7a}, {0xa0, 0x24f}, {0x300, 0x36f}, {0x370, 0x4ff}, {0x590, 0x6ff}, {0x900, 0x97f},
		{0x1100, 0x11ff}, {0x1e00, 0x1fff}, {0x2000, 0x206f}, {0x2100, 0x218f}, {0x3000, 0x30ff}, {0x4e00, 0x4e50}, {0xac00, 0xad00},
		{0xf900, 0xfb4f}, {0xff00, 0xffff}, {0x1d15e, 0x1d172}, {0x1f300, 0x1f6ff}, {0, utf8.MaxRune}}
	words := []string{"[MASK]", "[CLS]", "<Q>", "XY", "green tea", "Café", " ", "  ", "\r\n", "''", "ab", "İ", "ﬁ", "e\u0301", "한국", "中", "\xff", "\xe4\xb8", "\xf0\x9f", "\xed\xa0\x80"}
	var b strings.Builder
	for range r.IntN(30) {
		if r.IntN(3) == 0 {
			b.WriteString(words[r.IntN(len(words))])
			continue
		}
		p := ranges[r.IntN(len(ranges))]
		for range 1 + r.IntN(6) {
			b.WriteRune(p[0] + rune(r.IntN(int(p[1]-p[0]+1))))
		}
	}
	return b.String()
}

func tokenizerNames(t testing.TB) []string {
	all, err := testTokenizers()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func TestInvariants(t *testing.T) {
	g, err := loadGolden()
	if err != nil {
		t.Fatal(err)
	}
	const seed = 11
	r := rand.New(rand.NewPCG(seed, seed))
	texts := slices.Clone(g.Texts)
	if race {
		texts = texts[len(texts)-50:]
	}
	for range 500 {
		if race && len(texts) > 100 {
			break
		}
		texts = append(texts, randomText(r))
	}
	for _, name := range tokenizerNames(t) {
		tok := load(t, name)
		for _, text := range texts {
			tokens := tok.Tokens(text)
			if name != "added_space" { // its added tokens strip white space that others begin with
				if bad := check(tok, text, tokens); bad != "" {
					t.Errorf("%s, seed %d: %.300q: %s", name, seed, text, bad)
				}
			}
			if strings.Contains(" uncased cased cased_without_accents uncased_with_accents only_clean ", " "+name+" ") {
				if bad := surface(tok, text, tokens); bad != "" {
					t.Errorf("%s, seed %d: %.300q: %s", name, seed, text, bad)
				}
			}
			if bad := agree(tok, text, tokens); bad != "" {
				t.Errorf("%s, seed %d: %.300q: %.600s", name, seed, text, bad)
			}
		}
	}
}

// TestInvalidUTF8 has the bytes of broken characters in and beside words.
func TestInvalidUTF8(t *testing.T) {
	uncased, bare := load(t, "uncased"), load(t, "only_chinese")
	for _, text := range []string{"\xff", "a\xffb", "caf\xc3", "\xc3\xa9\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80\x80tea", "[MASK]\xff[MASK]", "\xe4\xb8tea"} {
		for _, tok := range []*Tokenizer{uncased, bare} {
			if bad := check(tok, text, tok.Tokens(text)); bad != "" {
				t.Errorf("%q: %s", text, bad)
			}
		}
	}
	// BERT drops them, and the word around them is whole.
	got := uncased.Tokens("gre\xffen \xfe tea")
	green, _ := uncased.TokenID("green")
	tea, _ := uncased.TokenID("tea")
	if want := []Token{{green, 0, 6}, {tea, 9, 12}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestConcurrent shares one tokenizer; run it with -race.
func TestConcurrent(t *testing.T) {
	g, err := loadGolden()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"uncased", "added", "nfkc_split"} {
		tok := load(t, name)
		want := g.Results[name].Single
		var wg sync.WaitGroup
		for k := range 8 {
			wg.Go(func() {
				for i := range g.Texts {
					i = (i + k*37) % len(g.Texts)
					if got := tok.Encode(g.Texts[i], 0); !slices.Equal(got.IDs, want[i].IDs) {
						t.Errorf("%s: %.200q: ids differ", name, g.Texts[i])
						return
					}
				}
			})
		}
		wg.Wait()
	}
}

// TestLarge makes sure that no path is slower than linear: each text is a lot of what is worst for
// some part, and what is quadratic in it takes minutes.
func TestLarge(t *testing.T) {
	if race {
		t.Skip("long, and shares nothing")
	}
	const size = 100_000
	var toks []*Tokenizer
	names := []string{"uncased", "added", "added_space", "nfkc_split", "bare"}
	for _, name := range names {
		toks = append(toks, load(t, name))
	}
	for _, s := range []string{"tea ", "a", "é", "e\u0301", "\u0323\u0301", "中", "한", "\u302e\u0301", " ", "[", "[MASK]", "<Q> ", "XY", "\xff", "\x00", "İ", "''"} {
		text := strings.Repeat(s, size/len(s))
		for i, tok := range toks {
			tokens := tok.Tokens(text)
			if len(tokens) > 0 && tokens[len(tokens)-1].End > len(text) {
				t.Errorf("%s: %q: last token %v", names[i], s, tokens[len(tokens)-1])
			}
		}
	}
}
