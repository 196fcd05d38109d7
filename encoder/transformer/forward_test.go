package transformer_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/semsearch/semsearch/encoder/safetensors"
	"github.com/semsearch/semsearch/encoder/transformer"
)

// shape is a model with random weights.
type shape struct{ layers, hidden, heads, inter, vocab, positions int }

func (s shape) config() transformer.Config {
	return transformer.Config{
		ModelType: "bert", VocabSize: s.vocab, HiddenSize: s.hidden, NumHiddenLayers: s.layers,
		NumAttentionHeads: s.heads, IntermediateSize: s.inter, HiddenAct: "gelu",
		MaxPositionEmbeddings: s.positions, TypeVocabSize: 2, LayerNormEps: 1e-12,
	}
}

// randomWeights makes up any tensor that is asked for.
type randomWeights struct{ r *rand.Rand }

func (w randomWeights) Has(string) bool { return true }

func (w randomWeights) Tensor(name string, shape ...int) ([]float32, error) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	mean := float32(0)
	if strings.HasSuffix(name, "LayerNorm.weight") {
		mean = 1
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = mean + float32(w.r.NormFloat64())*0.05
	}
	return x, nil
}

func randomModel(t testing.TB, s shape) *transformer.Model {
	t.Helper()
	m, err := transformer.New(s.config(), randomWeights{rand.New(rand.NewPCG(1, 2))}, "")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// int8Model is the same model in int8.
func int8Model(t testing.TB, s shape) *transformer.Model {
	t.Helper()
	m, err := transformer.New(s.config(), transformer.Quantized(randomWeights{rand.New(rand.NewPCG(1, 2))}), "")
	if err != nil {
		t.Fatal(err)
	}
	if m.Int8Layers() != s.layers {
		t.Fatalf("%d layers in int8", m.Int8Layers())
	}
	return m
}

// models are the two arithmetics by name.
var models = map[string]func(testing.TB, shape) *transformer.Model{"float32": randomModel, "int8": int8Model}

func randomBatch(r *rand.Rand, c transformer.Config, lengths ...int) transformer.Batch {
	b := transformer.Batch{Starts: []int{0}}
	for _, n := range lengths {
		for range n {
			b.IDs = append(b.IDs, r.Int32N(int32(c.VocabSize)))
			b.TypeIDs = append(b.TypeIDs, r.Int32N(2))
		}
		b.Starts = append(b.Starts, len(b.IDs))
	}
	return b
}

func one(b transformer.Batch, i int) transformer.Batch {
	from, to := b.Starts[i], b.Starts[i+1]
	return transformer.Batch{IDs: b.IDs[from:to], TypeIDs: b.TypeIDs[from:to], Starts: []int{0, to - from}}
}

// TestBitIdentical runs the same sequences alone, in a batch longer than one group, and on different
// numbers of cores, which share groups or take whole ones: not one bit may differ.
func TestBitIdentical(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	defer transformer.SetMinWork(0)()
	for kind, model := range models {
		for _, s := range []shape{
			{2, 48, 4, 96, 50, 300},
			{2, 40, 5, 37, 50, 300}, // nothing a multiple of a register
		} {
			m := model(t, s)
			r := rand.New(rand.NewPCG(3, 4))
			lengths := []int{1, 2, 3, 300, 17, 64, 65, 128, 129, 5}
			for len(lengths) < 34 {
				lengths = append(lengths, 1+r.IntN(120))
			}
			b := randomBatch(r, m.Config(), lengths...)
			if n := len(b.IDs); n < 2100 {
				t.Fatalf("%d tokens are only one group", n)
			}
			runtime.GOMAXPROCS(1)
			want := forward(t, m, b)
			for _, procs := range []int{1, 2, 7, 20} {
				runtime.GOMAXPROCS(procs)
				if !slices.Equal(forward(t, m, b), want) {
					t.Errorf("%s %v: batch on %d cores differs", kind, s, procs)
				}
				if procs > 2 {
					continue
				}
				h := m.Config().HiddenSize
				for i := range lengths {
					if got := forward(t, m, one(b, i)); !slices.Equal(got, want[b.Starts[i]*h:b.Starts[i+1]*h]) {
						t.Errorf("%s %v: sequence %d of %d tokens alone on %d cores differs", kind, s, i, lengths[i], procs)
					}
				}
			}
		}
	}
}

// TestConcurrent calls Forward from many goroutines.
func TestConcurrent(t *testing.T) {
	for kind, model := range models {
		for _, least := range []int{0, math.MaxInt} {
			t.Run(fmt.Sprintf("%s/%d", kind, least), func(t *testing.T) {
				defer transformer.SetMinWork(least)()
				testConcurrent(t, model(t, shape{2, 32, 4, 64, 50, 100}))
			})
		}
	}
}

func testConcurrent(t *testing.T, m *transformer.Model) {
	b := randomBatch(rand.New(rand.NewPCG(5, 6)), m.Config(), 10, 100, 1, 40)
	want := forward(t, m, b)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 4 {
				got := make([]float32, len(want))
				if err := m.Forward(context.Background(), b, got); err != nil || !slices.Equal(got, want) {
					t.Errorf("run %d differs: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestForwardInput(t *testing.T) {
	m := randomModel(t, shape{1, 8, 2, 8, 10, 6})
	ids := []int32{1, 2, 3, 4}
	for _, tc := range []struct {
		name   string
		b      transformer.Batch
		room   int
		expect string
	}{
		{"id too large", transformer.Batch{IDs: []int32{1, 10}, Starts: []int{0, 2}}, 2, "token 1 has id 10"},
		{"id negative", transformer.Batch{IDs: []int32{-1}, Starts: []int{0, 1}}, 1, "id -1"},
		{"type too large", transformer.Batch{IDs: ids, TypeIDs: []int32{0, 0, 2, 0}, Starts: []int{0, 4}}, 4, "token 2 has type id 2"},
		{"type negative", transformer.Batch{IDs: ids, TypeIDs: []int32{0, 0, 0, -1}, Starts: []int{0, 4}}, 4, "type id -1"},
		{"types too few", transformer.Batch{IDs: ids, TypeIDs: []int32{0}, Starts: []int{0, 4}}, 4, "1 type ids"},
		{"too long", transformer.Batch{IDs: make([]int32, 9), Starts: []int{0, 2, 9}}, 9, "sequence 1 has 7 tokens"},
		{"no starts", transformer.Batch{IDs: ids}, 4, "starts"},
		{"no starts, no tokens", transformer.Batch{}, 0, "starts"},
		{"first start", transformer.Batch{IDs: ids, Starts: []int{1, 4}}, 4, "starts"},
		{"last start", transformer.Batch{IDs: ids, Starts: []int{0, 3}}, 4, "starts"},
		{"one start", transformer.Batch{IDs: ids, Starts: []int{0}}, 4, "starts"},
		{"empty sequence", transformer.Batch{IDs: ids, Starts: []int{0, 2, 2, 4}}, 4, "sequence 1 is tokens 2 to 2"},
		{"descending", transformer.Batch{IDs: ids, Starts: []int{0, 3, 1, 4}}, 4, "sequence 1 is tokens 3 to 1"},
		{"beyond the end", transformer.Batch{IDs: ids, Starts: []int{0, 5, 4}}, 4, "sequence 0"},
		{"negative", transformer.Batch{IDs: ids, Starts: []int{0, -1, 4}}, 4, "sequence 0"},
		{"no room", transformer.Batch{IDs: ids, Starts: []int{0, 4}}, 3, "room"},
		{"too much room", transformer.Batch{IDs: ids, Starts: []int{0, 4}}, 5, "room"},
	} {
		err := m.Forward(context.Background(), tc.b, make([]float32, tc.room*8))
		if !errors.Is(err, transformer.ErrInput) || !strings.Contains(fmt.Sprint(err), tc.expect) {
			t.Errorf("%s: %v, want ErrInput with %q", tc.name, err, tc.expect)
		}
	}
	if err := m.Forward(context.Background(), transformer.Batch{Starts: []int{0}}, nil); err != nil {
		t.Errorf("no sequences: %v", err)
	}
}

// dyingContext is done after a number of looks.
type dyingContext struct {
	context.Context
	mu   sync.Mutex
	left int
}

func (c *dyingContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestForwardCancel(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	for kind, model := range models {
		for name, tc := range map[string]struct {
			least   int
			lengths []int
		}{
			"one core": {math.MaxInt, []int{40, 50, 3}},
			"team":     {0, []int{40, 50, 3}},
			"groups":   {0, []int{50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50}},
		} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				defer transformer.SetMinWork(tc.least)()
				m := model(t, shape{3, 16, 2, 16, 10, 50})
				b := randomBatch(rand.New(rand.NewPCG(7, 8)), m.Config(), tc.lengths...)
				hidden := make([]float32, len(b.IDs)*16)
				all := &dyingContext{Context: context.Background(), left: math.MaxInt}
				if err := m.Forward(all, b, hidden); err != nil {
					t.Fatal(err)
				}
				looks := math.MaxInt - all.left
				if looks < 3*3*2 {
					t.Errorf("only %d looks at the context", looks)
				}
				for n := range looks - 16 { // the last looks depend on how the goroutines fall
					err := m.Forward(&dyingContext{Context: context.Background(), left: n}, b, hidden)
					if !errors.Is(err, context.Canceled) {
						t.Fatalf("done after %d looks: %v", n, err)
					}
				}
			})
		}
	}
}

// raceEnabled says that the race detector is on; it empties pools at random.
var raceEnabled bool

// TestForwardAllocs makes sure that a warm Forward allocates nothing.
func TestForwardAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("pools do not hold under the race detector")
	}
	for kind, model := range models {
		m := model(t, shape{2, 32, 4, 64, 50, 128})
		for name, lengths := range map[string][]int{"one": {16}, "few": {128, 100, 60}, "many": slices.Repeat([]int{30, 10, 20}, 16)} {
			b := randomBatch(rand.New(rand.NewPCG(9, 10)), m.Config(), lengths...)
			hidden := make([]float32, len(b.IDs)*32)
			run := func() {
				if err := m.Forward(context.Background(), b, hidden); err != nil {
					t.Fatal(err)
				}
			}
			// One core: AllocsPerRun sees to that.
			least := math.Inf(1) // the pool may be emptied now and then
			for range 3 {
				least = min(least, testing.AllocsPerRun(5, run))
			}
			if least > 0 {
				t.Errorf("%s, %s: %v allocations a run", kind, name, least)
			}
			// Several cores.
			restore := transformer.SetMinWork(0)
			run()
			bytes := uint64(math.MaxUint64)
			for range 20 {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				run()
				runtime.ReadMemStats(&after)
				bytes = min(bytes, after.TotalAlloc-before.TotalAlloc)
			}
			restore()
			if bytes > 2<<10 { // a goroutine may be new
				t.Errorf("%s, %s: %d bytes allocated a run", kind, name, bytes)
			}
		}
	}
}

func TestNewErrors(t *testing.T) {
	data, err := os.ReadFile("testdata/mean/config.json")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := transformer.ParseConfig(data)
	if err != nil {
		t.Fatal(err)
	}
	w := readTensors(t, "testdata/mean/model.safetensors")
	if _, err := transformer.New(cfg, w, ""); err != nil {
		t.Fatal(err)
	}
	used := 0
	for name := range w {
		without := w.clone()
		delete(without, name)
		_, err := transformer.New(cfg, without, "")
		if strings.HasPrefix(name, "pooler.") {
			if err != nil {
				t.Errorf("without %s: %v", name, err)
			}
			continue
		}
		used++
		if !errors.Is(err, safetensors.ErrNotFound) {
			t.Errorf("without %s: %v, want ErrNotFound", name, err)
		}
	}
	if want := 5 + 2*16; used != want {
		t.Errorf("%d tensors used, want %d", used, want)
	}
	if _, err := transformer.New(cfg, w, "bert."); !errors.Is(err, safetensors.ErrNotFound) {
		t.Errorf("wrong prefix: %v", err)
	}
}

func TestConfigValidate(t *testing.T) {
	for _, tc := range []struct {
		json string
		want error
		text string
	}{
		{`{}`, nil, ""},
		{`{"hidden_act": "swish"}`, nil, ""},
		{`{"position_embedding_type": null}`, nil, ""},
		{`{"model_type": "roberta"}`, transformer.ErrUnsupported, "roberta"},
		{`{"model_type": ""}`, transformer.ErrUnsupported, "model_type"},
		{`{"hidden_act": "mish"}`, transformer.ErrUnsupported, "mish"},
		{`{"position_embedding_type": "relative_key_query"}`, transformer.ErrUnsupported, "relative_key_query"},
		{`{"is_decoder": true}`, transformer.ErrUnsupported, "is_decoder"},
		{`{"add_cross_attention": true}`, transformer.ErrUnsupported, "add_cross_attention"},
		{`{"num_attention_heads": 7}`, transformer.ErrConfig, "multiple"},
		{`{"num_attention_heads": 0}`, transformer.ErrConfig, "num_attention_heads is 0"},
		{`{"hidden_size": -1}`, transformer.ErrConfig, "hidden_size is -1"},
		{`{"vocab_size": 99999999999}`, transformer.ErrConfig, "vocab_size"},
		{`{"num_hidden_layers": 0}`, transformer.ErrConfig, "num_hidden_layers"},
		{`{"layer_norm_eps": -1}`, transformer.ErrConfig, "layer_norm_eps"},
		{`{"hidden_size": "large"}`, transformer.ErrConfig, "hidden_size"},
		{`{`, transformer.ErrConfig, ""},
	} {
		c, err := transformer.ParseConfig([]byte(tc.json))
		if err == nil {
			err = c.Validate()
		}
		if !errors.Is(err, tc.want) || tc.want != nil && !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: %v, want %v with %q", tc.json, err, tc.want, tc.text)
		}
	}
}
