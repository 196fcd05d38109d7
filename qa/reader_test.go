package qa

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/encoder/checkpoint"
	"github.com/semsearch/semsearch/encoder/tokenizer"
	"github.com/semsearch/semsearch/encoder/transformer"
)

// TestReaderAgainstPyTorch reads with a small random checkpoint and compares
// ids, logits and the best span with PyTorch's, see testdata/make.py.
func TestReaderAgainstPyTorch(t *testing.T) {
	var cases []struct {
		Question, Passage string
		MaxTokens         int `json:"max_tokens"`
		Overlap           int
		IDs               [][]int32
		Logits            [][][2]float64
		Null              float64
		Best              []float64 // score, start and end byte before widening
	}
	loadJSON(t, "testdata/reader.json", &cases)
	ck, err := checkpoint.Open("testdata/tiny-reader")
	if err != nil {
		t.Fatal(err)
	}
	several := 0
	for _, c := range cases {
		rd, err := NewReader(ck, &ReaderOptions{MaxTokens: c.MaxTokens, Overlap: c.Overlap})
		if err != nil {
			t.Fatal(err)
		}
		if rd.Threshold() != 1.5 {
			t.Fatalf("threshold %v, want the 1.5 of config.json", rd.Threshold())
		}
		spy := &recorder{scorer: rd.model}
		rd.model = spy
		rs, err := rd.Read(context.Background(), c.Question, []string{c.Passage}, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := rs[0]
		if len(spy.ids) != len(c.IDs) || r.Windows != len(c.IDs) {
			t.Fatalf("%q: %d windows, want %d", c.Passage, len(spy.ids), len(c.IDs))
		}
		if len(c.IDs) > 1 {
			several++
		}
		for w, want := range c.IDs {
			if !slices.Equal(spy.ids[w], want) {
				t.Fatalf("%q, window %d: ids %v, want %v", c.Passage, w, spy.ids[w], want)
			}
			for i, l := range c.Logits[w] {
				if d := max(math.Abs(float64(spy.start[w][i])-l[0]), math.Abs(float64(spy.end[w][i])-l[1])); d > 2e-5 {
					t.Fatalf("%q, window %d, token %d: logits %v %v, want %v", c.Passage, w, i, spy.start[w][i], spy.end[w][i], l)
				}
			}
		}
		if math.Abs(r.Null-c.Null) > 1e-4 {
			t.Errorf("%q: null score %v, want %v", c.Passage, r.Null, c.Null)
		}
		checkSpans(t, c.Passage, r.Spans)
		if c.Best == nil {
			if len(r.Spans) > 0 {
				t.Errorf("%q: spans in nothing", c.Passage)
			}
			continue
		}
		// The best pair of tokens may be only punctuation, which is no span.
		raw := c.Passage[int(c.Best[1]):int(c.Best[2])]
		if _, _, ok := tidy(raw, 0, len(raw)); !ok {
			continue
		}
		best := r.Spans[0]
		if math.Abs(best.Score-c.Best[0]) > 1e-4 {
			t.Errorf("%q: best span %q scores %v, want %q with %v", c.Passage, best.Text, best.Score, raw, c.Best[0])
		}
		if core := strings.Trim(raw, " .,?'"); !strings.Contains(best.Text, core) {
			t.Errorf("%q: best span %q, want %q or more", c.Passage, best.Text, core)
		}
	}
	if several == 0 {
		t.Error("no case has several windows")
	}
}

// recorder keeps what passes between a reader and its model, one entry a sequence.
type recorder struct {
	scorer
	ids        [][]int32
	start, end [][]float32
}

func (s *recorder) score(ctx context.Context, b transformer.Batch, start, end []float32) error {
	if err := s.scorer.score(ctx, b, start, end); err != nil {
		return err
	}
	for i := range len(b.Starts) - 1 {
		lo, hi := b.Starts[i], b.Starts[i+1]
		s.ids, s.start, s.end = append(s.ids, b.IDs[lo:hi]), append(s.start, start[lo:hi]), append(s.end, end[lo:hi])
	}
	return nil
}

// TestBatchingChangesNothing: a passage is read alike alone, among others, and
// with any token budget.
func TestBatchingChangesNothing(t *testing.T) {
	ck, err := checkpoint.Open("testdata/tiny-reader")
	if err != nil {
		t.Fatal(err)
	}
	passages := []string{
		"the old mill stands near the river",
		"", " \n ",
		strings.Repeat("the tall tower of Paris was built in 1889 by the king, ", 12),
		"London", "日本語 😀 stone",
	}
	ctx := context.Background()
	var want []Reading
	for _, budget := range []int{1, 40, 100, 1000, 0} {
		rd, err := NewReader(ck, &ReaderOptions{MaxTokens: 40, Overlap: 10, BatchTokens: budget})
		if err != nil {
			t.Fatal(err)
		}
		got, err := rd.Read(ctx, "Who built the tower?", passages, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
			if got[3].Windows < 3 {
				t.Fatalf("%d windows, want several", got[3].Windows)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("budget %d: %v, want %v", budget, got, want)
		}
		for i, p := range passages {
			alone, err := rd.Read(ctx, "Who built the tower?", []string{p}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(alone[0], want[i]) {
				t.Errorf("budget %d, passage %d alone: %v, want %v", budget, i, alone[0], want[i])
			}
		}
	}
}

func TestBudgetBoundsBatches(t *testing.T) {
	model := &noise{}
	rd := testReader(t, pieces{3}, model, &ReaderOptions{MaxTokens: 30, BatchTokens: 100})
	var passages []string
	for range 40 {
		passages = append(passages, strings.Repeat("word ", 23))
	}
	if _, err := rd.Read(context.Background(), "who", passages, nil); err != nil {
		t.Fatal(err)
	}
	for i, n := range model.tokens {
		if n > 100 || n < 60 && i < len(model.tokens)-1 {
			t.Errorf("forward pass of %d tokens with a budget of 100", n)
		}
	}
}

// TestOffsets: spans of any script are cut from the passage at their bytes.
func TestOffsets(t *testing.T) {
	for _, c := range []struct {
		passage string
		want    string
		piece   int
	}{
		{"東京タワーは1958年に開業した。", "1958", 1},
		{"Das Café Müller in Köln öffnete 1890.", "Müller", 99},
		{"The flag is 🇫🇷 and the face 😀 smiles.", "😀", 99},
		{"résumé: naïve façade — coöperate", "façade", 99},
		{"Кто построил Эрмитаж в Петербурге?", "Эрмитаж", 99},
		{"ecole supe\u0301rieure", "supe\u0301rieure", 99},
	} {
		model := wordModel{}
		for _, tk := range (pieces{c.piece}).Tokens(c.want) {
			model[tk.ID] = 6
		}
		rd := testReader(t, pieces{c.piece}, model, nil)
		rs, err := rd.Read(context.Background(), "what", []string{"x " + c.passage}, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkSpans(t, "x "+c.passage, rs[0].Spans)
		if got := rs[0].Spans[0].Text; got != c.want {
			t.Errorf("%q: %q, want %q", c.passage, got, c.want)
		}
	}
}

func TestReadErrors(t *testing.T) {
	ctx := context.Background()
	rd := testReader(t, pieces{3}, &noise{}, nil)
	for _, q := range []string{"", "  \n\t", "\u00a0"} {
		if _, err := rd.Read(ctx, q, []string{"x"}, nil); !errors.Is(err, ErrInvalid) {
			t.Errorf("question %q: %v", q, err)
		}
	}
	for _, o := range []*ReadOptions{{Spans: -1}, {MaxAnswerTokens: -1}} {
		if _, err := rd.Read(ctx, "who", nil, o); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if rs, err := rd.Read(ctx, "who", nil, nil); err != nil || len(rs) != 0 {
		t.Errorf("no passages: %v, %v", rs, err)
	}
	if rs, err := rd.Read(ctx, "who", []string{"", " "}, nil); err != nil || len(rs) != 2 || len(rs[0].Spans)+len(rs[1].Spans) > 0 {
		t.Errorf("empty passages: %v, %v", rs, err)
	}
	var none *Reader
	if _, err := none.Read(ctx, "who", nil, nil); !errors.Is(err, ErrInvalid) {
		t.Errorf("nil reader: %v", err)
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := rd.Read(done, "who", []string{"x"}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		rd := testReader(t, pieces{3}, like(map[string]float32{"x": bad}), nil)
		if _, err := rd.Read(ctx, "who", []string{"x"}, nil); !errors.Is(err, ErrModel) {
			t.Errorf("logit %v: %v", bad, err)
		}
	}
}

// TestCancelBetweenBatches: the context is seen while a long list is read.
func TestCancelBetweenBatches(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	model := &stopper{after: 3, cancel: cancel}
	rd := testReader(t, pieces{3}, model, &ReaderOptions{BatchTokens: 1})
	_, err := rd.Read(ctx, "who", slices.Repeat([]string{"one two"}, 50), nil)
	if !errors.Is(err, context.Canceled) || model.calls != 3 {
		t.Errorf("%v after %d batches", err, model.calls)
	}
}

type stopper struct {
	noise
	after  int
	cancel func()
}

func (s *stopper) score(ctx context.Context, b transformer.Batch, start, end []float32) error {
	if s.calls+1 == s.after {
		s.cancel()
	}
	return s.noise.score(ctx, b, start, end)
}

func TestReaderOptions(t *testing.T) {
	nan := math.NaN()
	for _, o := range []*ReaderOptions{{MaxTokens: -1}, {Overlap: -1}, {QuestionTokens: -1}, {BatchTokens: -1}, {Threshold: &nan}, {MaxTokens: 4}} {
		if _, err := newReader(pieces{3}, &noise{}, 512, 0, o); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, c := range []struct{ limit, max, questions int }{{512, 384, 64}, {128, 128, 62}, {0, 384, 64}, {5, 5, 1}} {
		rd, err := newReader(pieces{3}, &noise{}, c.limit, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if rd.opt.MaxTokens != c.max || rd.opt.QuestionTokens != c.questions {
			t.Errorf("a model of %d tokens: windows of %d, questions of %d", c.limit, rd.opt.MaxTokens, rd.opt.QuestionTokens)
		}
	}
	// A long question leaves room for the passage.
	model := &noise{}
	rd := testReader(t, pieces{3}, model, &ReaderOptions{MaxTokens: 50})
	rs, err := rd.Read(context.Background(), strings.Repeat("why ", 500), []string{strings.Repeat("because ", 30)}, nil)
	if err != nil || len(rs[0].Spans) == 0 || slices.Max(model.tokens) > 4096 {
		t.Errorf("long question: %v, %v", rs, err)
	}
}

// noPairs has a template without a leading token.
type noPairs struct{ pieces }

func (p noPairs) BuildPair(a, b []tokenizer.Token) tokenizer.Encoding {
	e := p.pieces.BuildPair(a, b)
	return tokenizer.Encoding{IDs: e.IDs[1:], TypeIDs: e.TypeIDs[1:], Special: e.Special[1:], Offsets: e.Offsets[1:]}
}

func TestNotReader(t *testing.T) {
	if _, err := newReader(noPairs{}, &noise{}, 512, 0, nil); !errors.Is(err, ErrNotReader) {
		t.Errorf("template without a leading token: %v", err)
	}
	if _, err := NewReader(nil, nil); !errors.Is(err, ErrInvalid) {
		t.Errorf("no checkpoint: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	open := func(old, new string) error {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS("testdata/tiny-reader")); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "config.json")
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), old) {
			t.Fatalf("config.json does not hold %s", old)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(data), old, new, 1)), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err = Open(dir)
		return err
	}
	if err := open("BertForQuestionAnswering", "BertForMaskedLM"); !errors.Is(err, ErrNotReader) || !strings.Contains(err.Error(), "BertForMaskedLM") {
		t.Errorf("another architecture: %v", err)
	}
	if err := open("1.5", `"high"`); !errors.Is(err, checkpoint.ErrFormat) || !strings.Contains(err.Error(), "semsearch_null_threshold") {
		t.Errorf("threshold that is no number: %v", err)
	}
	if err := open("1.5", "null"); err != nil {
		t.Errorf("threshold null: %v", err)
	}
}

func BenchmarkDecode(b *testing.B) {
	rd := testReader(b, pieces{3}, &noise{}, nil)
	passage := strings.Repeat("the tall tower of Paris was built in 1889 by the king, ", 25)
	ctx := context.Background()
	for b.Loop() {
		if _, err := rd.Read(ctx, "who built the tower", []string{passage}, nil); err != nil {
			b.Fatal(err)
		}
	}
}
