package tokenizer

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// modelsGolden is what testdata/models.js got from the Rust tokenizers library.
type modelsGolden struct {
	Texts   []string
	Results map[string]struct {
		Single, Pair []answer
		Size         int
	}
}

func gunzip(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

var loadModelsGolden = sync.OnceValues(func() (*modelsGolden, error) {
	data, err := gunzip("testdata/models.golden.json.gz")
	if err != nil {
		return nil, err
	}
	g := new(modelsGolden)
	if err := json.Unmarshal(data, g); err != nil {
		return nil, err
	}
	for _, r := range g.Results {
		for _, list := range [][]answer{r.Single, r.Pair} {
			for i := range list {
				list[i].undelta()
			}
		}
	}
	return g, nil
})

// undelta turns distances and lengths back into offsets.
func (a *answer) undelta() {
	end := 0
	for i := 0; i < len(a.Offsets); i += 2 {
		a.Offsets[i] += end
		a.Offsets[i+1] += a.Offsets[i]
		end = a.Offsets[i+1]
	}
}

// spm is what the tests take from a SentencePiece model, by a reader of their own.
type spm struct {
	pieces   []any // [piece, score]
	charsmap []byte
}

var loadSPM = sync.OnceValues(func() (*spm, error) {
	data, err := gunzip("testdata/unigram.model.gz")
	if err != nil {
		return nil, err
	}
	m := new(spm)
	protoFields(data, func(number int, value []byte) {
		switch number {
		case 1:
			piece, score := "", float32(0)
			protoFields(value, func(number int, value []byte) {
				switch number {
				case 1:
					piece = string(value)
				case 2:
					score = math.Float32frombits(binary.LittleEndian.Uint32(value))
				}
			})
			m.pieces = append(m.pieces, []any{piece, score})
		case 3:
			protoFields(value, func(number int, value []byte) {
				if number == 2 {
					m.charsmap = value
				}
			})
		}
	})
	return m, nil
})

// protoFields calls yield with the fields of a sound protobuf message, numbers left out.
func protoFields(b []byte, yield func(number int, value []byte)) {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		b = b[n:]
		switch tag & 7 {
		case 0:
			_, n = binary.Uvarint(b)
			b = b[n:]
		case 2:
			size, n := binary.Uvarint(b)
			yield(int(tag>>3), b[n:n+int(size)])
			b = b[n+int(size):]
		case 5:
			yield(int(tag>>3), b[:4])
			b = b[4:]
		}
	}
}

func testCharsmap(t testing.TB) *charsmap {
	m, err := loadSPM()
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCharsmap(m.charsmap)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// modelTokenizers returns every tokenizer of testdata/models.json as a file of its own, with its
// vocabulary put in.
var modelTokenizers = sync.OnceValues(func() (map[string][]byte, error) {
	m, err := loadSPM()
	if err != nil {
		return nil, err
	}
	lines, err := os.ReadFile("testdata/vocab.txt")
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile("testdata/bpe.json")
	if err != nil {
		return nil, err
	}
	var bpes map[string]struct {
		Tokens []string
		Merges [][2]string
	}
	if err := json.Unmarshal(data, &bpes); err != nil {
		return nil, err
	}
	if data, err = os.ReadFile("testdata/models.json"); err != nil {
		return nil, err
	}
	var all map[string]map[string]any
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	out := make(map[string][]byte)
	for name, tok := range all {
		model := tok["model"].(map[string]any)
		vocab := model["vocab"].(map[string]any)
		first, last := vocab["first"].([]any), vocab["last"].([]any)
		if from := vocab["from"].(string); from == "unigram.model.gz" {
			list := []any{}
			for _, s := range first {
				list = append(list, []any{s, 0})
			}
			list = append(list, m.pieces[3:]...)
			for _, s := range last {
				list = append(list, []any{s, 0})
			}
			model["vocab"] = list
		} else {
			tokens := strings.Split(strings.TrimSuffix(string(lines), "\n"), "\n")
			if from != "vocab.txt" {
				tokens = bpes[from].Tokens
				// Both ways of writing merges are read.
				merges := []any{}
				for _, g := range bpes[from].Merges {
					if name == "roberta" || name == "bpe_ends" {
						merges = append(merges, g[0]+" "+g[1])
					} else {
						merges = append(merges, g)
					}
				}
				model["merges"] = merges
			}
			ids := map[string]int{}
			for _, list := range [][]any{first, strs(tokens), last} {
				for _, s := range list {
					ids[s.(string)] = len(ids)
				}
			}
			model["vocab"] = ids
		}
		putCharsmap(tok, m.charsmap)
		if out[name], err = json.Marshal(tok); err != nil {
			return nil, err
		}
	}
	return out, nil
})

func strs(list []string) (out []any) {
	for _, s := range list {
		out = append(out, s)
	}
	return out
}

// putCharsmap fills in the charsmaps that models.json leaves out.
func putCharsmap(v any, charsmap []byte) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["precompiled_charsmap"]; ok {
			v["precompiled_charsmap"] = charsmap
		}
		for _, x := range v {
			putCharsmap(x, charsmap)
		}
	case []any:
		for _, x := range v {
			putCharsmap(x, charsmap)
		}
	}
}

// openModel reads a tokenizer of models.json, or makes one of a SentencePiece model.
func openModel(name string) (*Tokenizer, error) {
	if o, ok := map[string]*SentencePieceOptions{
		"t5_model":      {Class: "T5Tokenizer", ExtraIDs: 2},
		"deberta_model": {Class: "DebertaV2Tokenizer", LowerCase: true, SplitPunct: true},
	}[name]; ok {
		data, err := gunzip("testdata/" + strings.TrimSuffix(name, "_model") + ".model.gz")
		if err != nil {
			return nil, err
		}
		return FromSentencePiece(data, o)
	}
	all, err := modelTokenizers()
	if err != nil {
		return nil, err
	}
	data, ok := all[name]
	if !ok {
		return nil, fmt.Errorf("testdata/models.json: no tokenizer %q", name)
	}
	return FromJSON(data)
}

var modelCache sync.Map

func loadModel(t testing.TB, name string) *Tokenizer {
	t.Helper()
	if tok, ok := modelCache.Load(name); ok {
		return tok.(*Tokenizer)
	}
	tok, err := openModel(name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	modelCache.Store(name, tok)
	return tok
}

func modelNames(t testing.TB) []string {
	all, err := modelTokenizers()
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

// TestModelsGolden compares ids and offsets with those of the Rust library, and of pairs the type
// ids and the special-tokens mask too.
func TestModelsGolden(t *testing.T) {
	g, err := loadModelsGolden()
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Texts) < 500 || len(g.Results) < 25 {
		t.Fatalf("models.golden.json.gz: %d texts and %d tokenizers", len(g.Texts), len(g.Results))
	}
	for name, want := range g.Results {
		t.Run(name, func(t *testing.T) {
			real := loadModel(t, name)
			tok := likeLibrary(real)
			tokens := func(text string) []Token { return libraryTrim(real, text, tok.Tokens(text)) }
			if tok.VocabSize() != want.Size {
				t.Errorf("VocabSize() = %d, want %d", tok.VocabSize(), want.Size)
			}
			if len(want.Single) != len(g.Texts) || len(want.Pair) == 0 {
				t.Fatalf("%d answers and %d pairs for %d texts", len(want.Single), len(want.Pair), len(g.Texts))
			}
			for i, text := range g.Texts {
				got := tok.Build(tokens(text))
				want := want.Single[i]
				e := Encoding{IDs: want.IDs, TypeIDs: got.TypeIDs, Special: got.Special}
				for k := 0; k < len(want.Offsets); k += 2 {
					e.Offsets = append(e.Offsets, [2]int{want.Offsets[k], want.Offsets[k+1]})
				}
				if len(e.IDs) != len(got.IDs) {
					e.TypeIDs, e.Special = make([]int32, len(e.IDs)), make([]bool, len(e.IDs))
				}
				if got, want := show(tok, got), show(tok, e); got != want {
					t.Errorf("%.200q\n got%.600s\nwant%.600s", text, got, want)
				}
			}
			for _, text := range g.Texts {
				if real.trim == nil {
					break
				}
				if bad := sameButLetters(text, real.Tokens(text), tokens(text)); bad != "" {
					t.Errorf("%.200q: %s", text, bad)
				}
			}
			for i, want := range want.Pair {
				a, b := tokens(g.Texts[7*i]), tokens(g.Texts[7*i+1])
				if got, want := show(tok, tok.BuildPair(a, b)), show(tok, want.encoding()); got != want {
					t.Errorf("%.200q, %.200q\n got%.600s\nwant%.600s", g.Texts[7*i], g.Texts[7*i+1], got, want)
				}
			}
		})
	}
}

// libraryCharsmap forgets, as the library does, what goes from the beginning.
type libraryCharsmap struct{ *charsmap }

func (m libraryCharsmap) normalize(s *state) {
	if _, ok := m.edit(s); ok {
		s.commit(0)
	}
}

// likeLibrary returns tok with the offsets that the library gets wrong got wrong, but for trimming.
func likeLibrary(tok *Tokenizer) *Tokenizer {
	var swap func(n normalizer) normalizer
	swap = func(n normalizer) normalizer {
		switch n := n.(type) {
		case *charsmap:
			return libraryCharsmap{n}
		case sequence:
			var seq sequence
			for _, m := range n {
				seq = append(seq, swap(m))
			}
			return seq
		}
		return n
	}
	like := plain(tok)
	like.normalizer = swap(tok.normalizer)
	like.trim = nil
	return like
}

// libraryTrim is trim as the library does it: by counting.
func libraryTrim(t *Tokenizer, text string, tokens []Token) []Token {
	if t.trim == nil {
		return tokens
	}
	ahead := func(at, n int) int {
		for ; n > 0; n-- {
			_, size := utf8.DecodeRuneInString(text[at:])
			at += size
		}
		return at
	}
	back := func(at, n int) int {
		for ; n > 0; n-- {
			_, size := utf8.DecodeLastRuneInString(text[:at])
			at -= size
		}
		return at
	}
	isBlank := func(r rune) bool { return r == 'Ġ' || classOf(r)&isSpace != 0 }
	tokens = slices.Clone(tokens)
	for i := range tokens {
		x := &tokens[i]
		s := t.Text(x.ID)
		if t.trim.added[x.ID] {
			s = text[x.Start:x.End]
		}
		leading := utf8.RuneCountInString(s) - utf8.RuneCountInString(strings.TrimLeftFunc(s, isBlank))
		trailing := utf8.RuneCountInString(s) - utf8.RuneCountInString(strings.TrimRightFunc(s, isBlank))
		if leading > 0 {
			if t.trim.prefix && (i == 0 || x.Start == 0) && leading == 1 {
				leading = 0
			}
			x.Start = min(ahead(x.Start, leading), x.End)
		}
		if trailing > 0 && utf8.RuneCountInString(text[:x.End]) >= trailing {
			x.End = max(back(x.End, trailing), x.Start)
		}
	}
	return tokens
}

// sameButLetters returns what is wrong if a trimmed token differs from the library's by more than
// letters that the library took.
func sameButLetters(text string, ours, library []Token) string {
	if len(ours) != len(library) {
		return fmt.Sprintf("%d tokens, want %d", len(ours), len(library))
	}
	for i, x := range ours {
		y := library[i]
		if x == y {
			continue
		}
		between := text[min(x.Start, y.Start):max(x.Start, y.Start)] + text[min(x.End, y.End):max(x.End, y.End)]
		if x.ID != y.ID || strings.TrimSpace(between) == "" {
			return fmt.Sprintf("token %d: %v, want %v", i, x, y)
		}
	}
	return ""
}

// TestSplitPatterns compares the expressions of GPT-2 and its successors with the library's on every
// text of up to four characters of each kind they tell apart.
func TestSplitPatterns(t *testing.T) {
	if race {
		t.Skip("long, and shares nothing")
	}
	var want struct {
		Alphabet []string
		Patterns map[string]string
		SHA256   map[string]string
	}
	if err := json.Unmarshal(readFile(t, "testdata/split.json"), &want); err != nil {
		t.Fatal(err)
	}
	if len(want.SHA256) != 3 {
		t.Fatalf("split.json has %d sums", len(want.SHA256))
	}
	for name, sum := range want.SHA256 {
		var pat pattern = gptPattern{}
		if name != "gpt2" {
			var err error
			if pat, err = compile(want.Patterns[name]); err != nil {
				t.Fatal(err)
			}
		}
		h := sha256.New()
		n := len(want.Alphabet)
		total := 1
		for size := 1; size <= 4; size++ {
			total *= n
			for i := range total {
				var text []byte
				for k, x := 0, i; k < size; k++ {
					text = append(text, want.Alphabet[x%n]...)
					x /= n
				}
				line := append(text[:len(text):len(text)], '\t')
				for at := 0; at < len(text); {
					start, end := pat.next(text, at)
					if start != at || end <= at {
						t.Fatalf("%s: %q: match [%d:%d) at %d", name, text, start, end, at)
					}
					if at > 0 {
						line = append(line, ' ')
					}
					line = fmt.Append(line, utf8.RuneCount(text[:end]))
					at = end
				}
				h.Write(append(line, '\n'))
			}
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != sum {
			t.Errorf("%s: sha256 %s, want %s", name, got, sum)
		}
	}
}

// checkModel returns what is wrong with the tokens of text under tok, or "". Bytes of an unknown run
// may share all of it.
func checkModel(tok *Tokenizer, text string, tokens []Token) string {
	at := boundaries(text)
	for i, x := range tokens {
		empty := tok.trim != nil && x.Start == x.End
		switch {
		case x.ID < 0 || int(x.ID) >= tok.VocabSize():
			return fmt.Sprintf("token %d: id %d of %d", i, x.ID, tok.VocabSize())
		case x.Start < 0 || x.Start >= x.End && !empty || x.End > len(text):
			return fmt.Sprintf("token %d: [%d:%d) of %d bytes", i, x.Start, x.End, len(text))
		case !at[x.Start] || !at[x.End]:
			return fmt.Sprintf("token %d: [%d:%d) cuts a character", i, x.Start, x.End)
		}
	}
	if tok.trim != nil {
		tokens = untrimmed(tok).Tokens(text)
	}
	for i := 1; i < len(tokens); i++ {
		x, p := tokens[i], tokens[i-1]
		if x.Start < p.Start || x.End < p.End {
			return fmt.Sprintf("token %d: [%d:%d) after [%d:%d)", i, x.Start, x.End, p.Start, p.End)
		}
		u, _ := tok.model.(*unigram)
		bytes := u != nil && u.bytes != nil && x.Start == p.Start && x.End == p.End
		if x.Start < p.End && utf8.RuneCountInString(text[x.Start:p.End]) != 1 && !bytes {
			return fmt.Sprintf("token %d: [%d:%d) shares more than one character with [%d:%d)", i, x.Start, x.End, p.Start, p.End)
		}
	}
	return ""
}

func untrimmed(tok *Tokenizer) *Tokenizer {
	u := plain(tok)
	u.trim = nil
	return u
}

func TestModelsInvariants(t *testing.T) {
	g, err := loadModelsGolden()
	if err != nil {
		t.Fatal(err)
	}
	const seed = 12
	r := rand.New(rand.NewPCG(seed, seed))
	texts := append(g.Texts[:200:200], "\xff", "a\xffb", "caf\xc3", "\xed\xa0\x80 x", "<mask>\xf0\x9f", " \xe4\xb8tea")
	for range 150 {
		texts = append(texts, randomText(r))
	}
	if race {
		texts = texts[len(texts)-40:]
	}
	for _, name := range modelNames(t) {
		tok := loadModel(t, name)
		for _, text := range texts {
			if bad := checkModel(tok, text, tok.Tokens(text)); bad != "" {
				t.Errorf("%s, seed %d: %.300q: %s", name, seed, text, bad)
			}
		}
	}
}

// TestMerge compares the two ways of merging.
func TestMerge(t *testing.T) {
	tok := loadModel(t, "roberta")
	m := tok.model.(*bpe)
	r := rand.New(rand.NewPCG(3, 3))
	corpus := string(readFile(t, "testdata/corpus.txt"))
	for range 300 {
		start := r.IntN(len(corpus) - 200)
		word := []byte(corpus[start : start+2+r.IntN(190)])
		var s scratch
		symbols := func() []symbol {
			syms := m.split(nil, word)
			m.link(syms)
			return syms
		}
		a, b := symbols(), symbols()
		mergeLinear(m, a)
		mergeHeap(m, &s, b)
		gone := func(x symbol) bool { return x.id < 0 }
		if a, b := slices.DeleteFunc(a, gone), slices.DeleteFunc(b, gone); !slices.Equal(a, b) {
			t.Fatalf("%q:\nlinear %v\nheap   %v", word, a, b)
		}
	}
}

// TestModelsLarge makes sure that no path is slower than linear, or n log n: each text is a lot of
// what is worst for some part, and what is quadratic in it takes minutes.
func TestModelsLarge(t *testing.T) {
	if race {
		t.Skip("long, and shares nothing")
	}
	for _, name := range []string{"xlm_roberta", "unigram_whole", "unigram_bytes", "roberta_prefix", "llama", "bpe_ends", "merged_next"} {
		tok := loadModel(t, name)
		for _, s := range []string{"a", "tea", "ab ", " ", "\u0301", "中", "▁", "👍", "\r\n", "'", "1", "<mask>", "\xff"} {
			size := 20_000
			if name == "llama" || name == "unigram_whole" || name == "roberta_prefix" && s == "tea" {
				size = 100_000 // one word of it
			}
			text := strings.Repeat(s, size/len(s))
			tokens := tok.Tokens(text)
			if len(tokens) > 0 && tokens[len(tokens)-1].End > len(text) {
				t.Errorf("%s: %q: last token %v", name, s, tokens[len(tokens)-1])
			}
		}
	}
}
