package encoder_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/semsearch/semsearch/encoder"
	"github.com/semsearch/semsearch/encoder/checkpoint"
)

var ctx = context.Background()

func passages(t testing.TB, e *encoder.Encoder, ps ...string) [][]float32 {
	t.Helper()
	vs, err := e.EncodePassages(ctx, ps)
	if err != nil {
		t.Fatal(err)
	}
	if len(vs) != len(ps) {
		t.Fatalf("%d vectors for %d passages", len(vs), len(ps))
	}
	return vs
}

func length(v []float32) float64 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}

// randomTexts are texts of 0 to n words of the fixtures' vocabulary.
func randomTexts(r *rand.Rand, count, n int) []string {
	words := strings.Fields("green tea is steeped below boiling the river bank snow falls in cold a long minute hottest , ?")
	texts := make([]string, count)
	for i := range texts {
		var b strings.Builder
		for range r.IntN(n + 1) {
			b.WriteString(words[r.IntN(len(words))] + " ")
		}
		texts[i] = b.String()
	}
	return texts
}

// TestOrderAndBatches encodes the same texts in batches of all sizes and alone: order and bits stay.
func TestOrderAndBatches(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	texts := randomTexts(rand.New(rand.NewPCG(1, 2)), 60, 30)
	for _, name := range []string{"mean", "concat", "last"} {
		want := passages(t, open(t, name, nil), texts...)
		for i, text := range texts {
			if l := length(want[i]); math.Abs(l-1) > 1e-6 {
				t.Errorf("%s: %q has length %v", name, text, l)
			}
		}
		for _, batch := range []int{1, 7, 100} {
			e := open(t, name, &encoder.Options{BatchTokens: batch})
			for _, procs := range []int{1, 3} {
				runtime.GOMAXPROCS(procs)
				for i, v := range passages(t, e, texts...) {
					if !slices.Equal(v, want[i]) {
						t.Errorf("%s: %q differs in batches of %d tokens on %d cores", name, texts[i], batch, procs)
					}
				}
			}
		}
		for i, text := range texts[:10] {
			if v := passages(t, open(t, name, nil), text)[0]; !slices.Equal(v, want[i]) {
				t.Errorf("%s: %q differs alone", name, text)
			}
		}
	}
}

func TestEmptyAndOddTexts(t *testing.T) {
	e := open(t, "mean", nil)
	vs := passages(t, e, "", " \n\t", "\x00\xff\xfe", "☃", strings.Repeat("tea ", 10000), strings.Repeat("x", 100000))
	for i, v := range vs {
		if l := length(v); math.Abs(l-1) > 1e-6 {
			t.Errorf("text %d has length %v", i, l)
		}
	}
	if !slices.Equal(vs[0], vs[1]) {
		t.Error("white space is not as nothing")
	}
	q, err := e.EncodeQuery(ctx, "")
	if err != nil || !slices.Equal(q, vs[0]) {
		t.Errorf("empty query: %v", err)
	}
	if vs := passages(t, e); len(vs) != 0 {
		t.Errorf("%d vectors of nothing", len(vs))
	}
}

// TestMaxTokens checks that a passage of MaxTokens tokens is whole and the token after it is not seen.
func TestMaxTokens(t *testing.T) {
	for _, tc := range []struct {
		name string
		o    *encoder.Options
		want int
	}{
		{"mean", nil, 16 - 2},
		{"mean", &encoder.Options{MaxTokens: 40}, 40 - 2},
		{"mean", &encoder.Options{MaxTokens: 9}, 9 - 2},
		{"concat", nil, 40 - 2 - 2}, // "passage: "
		{"last", &encoder.Options{PassagePrompt: new(string)}, 40 - 2},
	} {
		e := open(t, tc.name, tc.o)
		if e.MaxTokens() != tc.want {
			t.Errorf("%s %+v: MaxTokens is %d, want %d", tc.name, tc.o, e.MaxTokens(), tc.want)
			continue
		}
		full := strings.Repeat("tea ", tc.want-1) + "snow"
		if n := e.CountTokens(full); n != tc.want {
			t.Fatalf("%d tokens, want %d", n, tc.want)
		}
		vs := passages(t, e, full, full+" river", strings.TrimSuffix(full, " snow"))
		if !slices.Equal(vs[0], vs[1]) {
			t.Errorf("%s %+v: a token past the end is seen", tc.name, tc.o)
		}
		if slices.Equal(vs[0], vs[2]) {
			t.Errorf("%s %+v: the last token is not seen", tc.name, tc.o)
		}
	}
}

func TestPrompts(t *testing.T) {
	query, passage := "query: ", "passage: "
	e := open(t, "concat", nil)
	none := open(t, "concat", &encoder.Options{QueryPrompt: new(string), PassagePrompt: new(string)})
	q, err := e.EncodeQuery(ctx, "hot tea")
	if err != nil {
		t.Fatal(err)
	}
	byHand := passages(t, none, query+"hot tea", passage+"hot tea", "hot tea")
	if !slices.Equal(q, byHand[0]) {
		t.Error("the query has another prompt")
	}
	if p := passages(t, e, "hot tea")[0]; !slices.Equal(p, byHand[1]) || slices.Equal(p, byHand[2]) {
		t.Error("the passage has another prompt")
	}
	swapped := open(t, "concat", &encoder.Options{QueryPrompt: &passage, PassagePrompt: &query})
	if v, err := swapped.EncodeQuery(ctx, "hot tea"); err != nil || !slices.Equal(v, byHand[1]) {
		t.Errorf("prompt of the options: %v", err)
	}
}

func TestFingerprint(t *testing.T) {
	text := "other: "
	same := "passage: "
	base := open(t, "concat", nil)
	if base.Fingerprint() != base.Checkpoint().Fingerprint() {
		t.Errorf("%s without options, the checkpoint has %s", base.Fingerprint(), base.Checkpoint().Fingerprint())
	}
	for name, tc := range map[string]struct {
		o     encoder.Options
		equal bool
	}{
		"query prompt":        {encoder.Options{QueryPrompt: &text}, true},
		"passage prompt":      {encoder.Options{PassagePrompt: &text}, false},
		"no passage prompt":   {encoder.Options{PassagePrompt: new(string)}, false},
		"same passage prompt": {encoder.Options{PassagePrompt: &same}, true},
		"length":              {encoder.Options{MaxTokens: 20}, false},
		"same length":         {encoder.Options{MaxTokens: 40}, true},
		"batch":               {encoder.Options{BatchTokens: 7}, true},
	} {
		e := open(t, "concat", &tc.o)
		if (e.Fingerprint() == base.Fingerprint()) != tc.equal {
			t.Errorf("%s: %s, without options %s", name, e.Fingerprint(), base.Fingerprint())
		}
		if e.Fingerprint() != open(t, "concat", &tc.o).Fingerprint() {
			t.Errorf("%s: not stable", name)
		}
	}
}

func TestNewErrors(t *testing.T) {
	long := strings.Repeat("tea ", 38)
	for name, tc := range map[string]struct {
		fixture string
		o       *encoder.Options
		want    error
		text    string
	}{
		"a reader":       {"qa", nil, encoder.ErrNotEncoder, "BertForQuestionAnswering"},
		"too long":       {"mean", &encoder.Options{MaxTokens: 41}, encoder.ErrOptions, "40 positions"},
		"negative":       {"mean", &encoder.Options{MaxTokens: -1}, encoder.ErrOptions, "MaxTokens is -1"},
		"template only":  {"mean", &encoder.Options{MaxTokens: 2}, encoder.ErrOptions, "no room"},
		"negative batch": {"mean", &encoder.Options{BatchTokens: -1}, encoder.ErrOptions, "BatchTokens"},
		"query prompt":   {"concat", &encoder.Options{QueryPrompt: &long}, encoder.ErrOptions, "QueryPrompt"},
		"passage prompt": {"concat", &encoder.Options{PassagePrompt: &long}, encoder.ErrOptions, "PassagePrompt"},
		"nothing":        {"nothing", nil, fs.ErrNotExist, "nothing"},
	} {
		_, err := encoder.Open(filepath.Join(fixtures, tc.fixture), tc.o)
		if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: %v, want %v with %q", name, err, tc.want, tc.text)
		}
	}
}

// memory copies a fixture so that a test can damage it.
func memory(t *testing.T, name string) fstest.MapFS {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(fixtures, name))); err != nil {
		t.Fatal(err)
	}
	m := make(fstest.MapFS)
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		m[path] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func openMemory(t *testing.T, m fstest.MapFS) *encoder.Encoder {
	t.Helper()
	ck, err := checkpoint.OpenFS(m, "memory")
	if err != nil {
		t.Fatal(err)
	}
	e, err := encoder.New(ck, nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestNotFinite gives one word a vector of infinities.
func TestNotFinite(t *testing.T) {
	m := memory(t, "mean")
	data := m["model.safetensors"].Data
	header := int(binary.LittleEndian.Uint64(data))
	if !bytes.Contains(data[:header], []byte(`"embeddings.word_embeddings.weight": {"dtype": "F32", "shape": [52, 32], "data_offsets": [0,`)) {
		t.Fatal("the word embeddings lie elsewhere")
	}
	e := openMemory(t, m)
	tea := int(e.Checkpoint().Tokenizer.Tokens("tea")[0].ID)
	binary.LittleEndian.PutUint32(data[8+header+4*32*tea:], math.Float32bits(float32(math.Inf(1))))
	e = openMemory(t, m)
	passages(t, e, "snow")
	vs, err := e.EncodePassages(ctx, []string{"snow", "green tea", "river"})
	if !errors.Is(err, encoder.ErrNotFinite) || vs != nil || !strings.Contains(fmt.Sprint(err), "text 1") {
		t.Errorf("%v, %v", vs, err)
	}
	if _, err := e.EncodeQuery(ctx, "tea"); !errors.Is(err, encoder.ErrNotFinite) {
		t.Errorf("query: %v", err)
	}
}

func TestLowerCase(t *testing.T) {
	m := memory(t, "concat")
	m["tokenizer_config.json"].Data = []byte(`{"do_lower_case": false}`)
	e := openMemory(t, m)
	vs := passages(t, e, "HOT TEA", "hot tea")
	if slices.Equal(vs[0], vs[1]) {
		t.Error("the cased tokenizer does not see case")
	}
	m["sentence_bert_config.json"].Data = []byte(`{"do_lower_case": true}`)
	e = openMemory(t, m)
	vs = passages(t, e, "HOT TEA", "hot tea")
	if !slices.Equal(vs[0], vs[1]) || e.CountTokens("HOT TEA") != 2 {
		t.Error("do_lower_case of sentence_bert_config.json is not followed")
	}
}

// TestNoTemplate drops the post-processor: an empty text then has no token at all.
func TestNoTemplate(t *testing.T) {
	m := memory(t, "mean")
	data := m["tokenizer.json"].Data
	from := bytes.Index(data, []byte(`"post_processor"`))
	to := bytes.Index(data, []byte(`"decoder"`))
	m["tokenizer.json"].Data = slices.Concat(data[:from], data[to:])
	e := openMemory(t, m)
	vs := passages(t, e, "tea", "", "snow")
	if length(vs[1]) != 0 || len(vs[1]) != e.Dim() {
		t.Errorf("empty text: %v", vs[1])
	}
	if math.Abs(length(vs[0])-1) > 1e-6 || math.Abs(length(vs[2])-1) > 1e-6 {
		t.Error("its neighbours are no unit vectors")
	}
	if q, err := e.EncodeQuery(ctx, ""); err != nil || length(q) != 0 {
		t.Errorf("empty query: %v, %v", q, err)
	}
}

func TestCancel(t *testing.T) {
	e := open(t, "mean", nil)
	done, cancel := context.WithCancel(ctx)
	cancel()
	if v, err := e.EncodeQuery(done, "tea"); !errors.Is(err, context.Canceled) || v != nil {
		t.Errorf("query: %v, %v", v, err)
	}
	if vs, err := e.EncodePassages(done, []string{"tea", "snow"}); !errors.Is(err, context.Canceled) || vs != nil {
		t.Errorf("passages: %v, %v", vs, err)
	}
}

func TestConcurrent(t *testing.T) {
	e := open(t, "concat", nil)
	texts := randomTexts(rand.New(rand.NewPCG(3, 4)), 20, 20)
	want := passages(t, e, texts...)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			part := texts[g : g+10]
			vs, err := e.EncodePassages(ctx, part)
			if err != nil {
				t.Error(err)
				return
			}
			for i, v := range vs {
				if !slices.Equal(v, want[g+i]) {
					t.Errorf("goroutine %d: %q differs", g, part[i])
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkEncodePassages(b *testing.B) {
	e := open(b, "mean", nil)
	texts := randomTexts(rand.New(rand.NewPCG(5, 6)), 100, 12)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.EncodePassages(ctx, texts); err != nil {
			b.Fatal(err)
		}
	}
}
