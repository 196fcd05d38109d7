package tokenizer

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// golden is what testdata/generate.js got from the Rust tokenizers library.
type golden struct {
	Tokenizers string
	Texts      []string
	Results    map[string]struct {
		Single, Pair []answer
		Truncated    []struct {
			Max int
			IDs [][]int32
		}
		Size int
	}
}

type answer struct {
	IDs, Types, Special []int32
	Offsets             []int
}

var loadGolden = sync.OnceValues(func() (*golden, error) {
	f, err := os.Open("testdata/golden.json.gz")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	g := new(golden)
	return g, json.NewDecoder(z).Decode(g)
})

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// testTokenizers returns every tokenizer of testdata/tokenizers.json as a file of its own, with
// the vocabulary of testdata/vocab.txt put in.
var testTokenizers = sync.OnceValues(func() (map[string][]byte, error) {
	lines, err := os.ReadFile("testdata/vocab.txt")
	if err != nil {
		return nil, err
	}
	vocab := make(map[string]int)
	for i, s := range strings.Split(strings.TrimSuffix(string(lines), "\n"), "\n") {
		vocab[s] = i
	}
	data, err := os.ReadFile("testdata/tokenizers.json")
	if err != nil {
		return nil, err
	}
	var all map[string]map[string]any
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	out := make(map[string][]byte)
	for name, tok := range all {
		tok["model"].(map[string]any)["vocab"] = vocab
		if out[name], err = json.Marshal(tok); err != nil {
			return nil, err
		}
	}
	return out, nil
})

func load(t testing.TB, name string) *Tokenizer {
	t.Helper()
	all, err := testTokenizers()
	if err != nil {
		t.Fatal(err)
	}
	data, ok := all[name]
	if !ok {
		t.Fatalf("testdata/tokenizers.json: no tokenizer %q", name)
	}
	tok, err := FromJSON(data)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return tok
}

// plain returns tok without its one-pass path.
func plain(tok *Tokenizer) *Tokenizer {
	return &Tokenizer{
		tokens: tok.tokens, ids: tok.ids, raw: tok.raw, norm: tok.norm, normalizer: tok.normalizer,
		preTokenizer: tok.preTokenizer, model: tok.model, single: tok.single, pair: tok.pair, maxLength: tok.maxLength,
		trim: tok.trim, pad: tok.pad,
	}
}

func (a answer) encoding() Encoding {
	e := Encoding{IDs: a.IDs, TypeIDs: a.Types}
	for i, s := range a.Special {
		e.Special = append(e.Special, s == 1)
		e.Offsets = append(e.Offsets, [2]int{a.Offsets[2*i], a.Offsets[2*i+1]})
	}
	return e
}

func show(tok *Tokenizer, e Encoding) string {
	var b strings.Builder
	for i, id := range e.IDs {
		fmt.Fprintf(&b, " %s[%d:%d]", tok.Text(id), e.Offsets[i][0], e.Offsets[i][1])
		if e.TypeIDs[i] != 0 {
			fmt.Fprintf(&b, "/%d", e.TypeIDs[i])
		}
		if e.Special[i] {
			b.WriteByte('*')
		}
	}
	return b.String()
}

// TestGolden compares ids, type ids, offsets and the special-tokens mask with those of the Rust
// library, of each text and of pairs of texts.
func TestGolden(t *testing.T) {
	g, err := loadGolden()
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Texts) < 200 || len(g.Results) < 10 {
		t.Fatalf("golden.json.gz: %d texts and %d tokenizers", len(g.Texts), len(g.Results))
	}
	for name, want := range g.Results {
		tok := load(t, name)
		bert := strings.Contains(" uncased cased cased_without_accents uncased_with_accents unclean only_clean only_chinese bert_processing odd_template ", " "+name+" ")
		if (tok.fast != nil) != bert {
			t.Errorf("%s: one-pass path: %v, want %v", name, tok.fast != nil, bert)
		}
		for path, tok := range map[string]*Tokenizer{"": tok, "/stages": plain(tok)} {
			t.Run(name+path, func(t *testing.T) {
				if tok.VocabSize() != want.Size {
					t.Errorf("VocabSize() = %d, want %d", tok.VocabSize(), want.Size)
				}
				if len(want.Single) != len(g.Texts) || len(want.Pair) == 0 {
					t.Fatalf("%d answers and %d pairs for %d texts", len(want.Single), len(want.Pair), len(g.Texts))
				}
				for i, text := range g.Texts {
					if got, want := show(tok, tok.Encode(text, 0)), show(tok, want.Single[i].encoding()); got != want {
						t.Errorf("%.200q\n got%.600s\nwant%.600s", text, got, want)
					}
				}
				for i, want := range want.Pair {
					a, b := tok.Tokens(g.Texts[i]), tok.Tokens(g.Texts[i+1])
					if got, want := show(tok, tok.BuildPair(a, b)), show(tok, want.encoding()); got != want {
						t.Errorf("%.200q, %.200q\n got%.600s\nwant%.600s", g.Texts[i], g.Texts[i+1], got, want)
					}
				}
				for _, tr := range want.Truncated {
					for i, ids := range tr.IDs {
						if got := tok.Encode(g.Texts[i], tr.Max); fmt.Sprint(got.IDs) != fmt.Sprint(ids) {
							t.Errorf("Encode(%q, %d) = %d, want %d", g.Texts[i], tr.Max, got.IDs, ids)
						} else if full := len(want.Single[i].IDs); got.Truncated != (full > tr.Max) {
							t.Errorf("Encode(%q, %d).Truncated = %v with %d tokens", g.Texts[i], tr.Max, got.Truncated, full)
						}
					}
				}
			})
		}
	}
}

// joinsNormalizer is the one of that name in testdata/unicode.js: A before the text, and a charsmap that
// makes 1 of it, and of all that is one grapheme with it.
type joinsNormalizer struct{ *charsmap }

func (n joinsNormalizer) normalize(s *state) {
	s.chars = slices.Insert(s.chars, 0, char{r: 'A'})
	n.charsmap.normalize(s)
}

func joins(t testing.TB) normalizer {
	units := make([]uint32, 512)
	units[0] = 256 << 10
	units[256^'A'] = 128<<10 | 1<<8 | 'A'
	units[256^'A'^128] = 1 << 31
	data := binary.LittleEndian.AppendUint32(nil, 2048)
	for _, u := range units {
		data = binary.LittleEndian.AppendUint32(data, u)
	}
	m, err := newCharsmap(append(data, "1\x00"...))
	if err != nil {
		t.Fatal(err)
	}
	return joinsNormalizer{m}
}

// TestUnicode compares each normalizer with the Rust library on every code point there is.
func TestUnicode(t *testing.T) {
	if race {
		t.Skip("long, and shares nothing")
	}
	var want struct{ SHA256 map[string]string }
	if err := json.Unmarshal(readFile(t, "testdata/unicode.json"), &want); err != nil {
		t.Fatal(err)
	}
	normalizers := map[string]normalizer{
		"clean":    bertNormalizer{clean: true},
		"chinese":  bertNormalizer{chinese: true},
		"accents":  bertNormalizer{accents: true},
		"uncased":  bertNormalizer{true, true, true, true},
		"lower":    lower{},
		"strip":    stripAccents{},
		"nfd":      unicodeForm{},
		"nfc":      unicodeForm{composed: true},
		"nfkd":     unicodeForm{compatible: true},
		"nfkc":     unicodeForm{compatible: true, composed: true},
		"nmt":      nmt{},
		"charsmap": testCharsmap(t),
		"joins":    joins(t),
	}
	if len(want.SHA256) != len(normalizers) {
		t.Fatalf("unicode.json has %d sums, want %d", len(want.SHA256), len(normalizers))
	}
	for name, n := range normalizers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s state
			var b bytes.Buffer
			h := sha256.New()
			for r := rune(0); r <= utf8.MaxRune; r++ {
				if !utf8.ValidRune(r) {
					continue
				}
				s.load(string(r), 0)
				n.normalize(&s)
				b.Reset()
				b.Write(strconv.AppendInt(b.AvailableBuffer(), int64(r), 16))
				b.WriteByte('\t')
				for _, c := range s.chars {
					b.WriteRune(c.r)
				}
				b.WriteByte('\n')
				h.Write(b.Bytes())
			}
			if got := hex.EncodeToString(h.Sum(nil)); got != want.SHA256[name] {
				t.Errorf("sha256 %s, want %s", got, want.SHA256[name])
			}
		})
	}
}
