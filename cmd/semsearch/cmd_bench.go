package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/encoder/checkpoint"
	"github.com/semsearch/semsearch/encoder/transformer"
)

func newBench(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:         "bench",
		Short:       "Measure speed on this machine",
		Long:        "Measure speed on this machine.",
		Example:     "  semsearch bench encode",
		Annotations: exitCodes("done", "", "an error"),
		Args:        needSubcommand,
		RunE:        func(cmd *cobra.Command, args []string) error { return usage("no subcommand of bench") },
	}
	cmd.AddCommand(newBenchEncode(a))
	return cmd
}

type benchOptions struct {
	shape   string
	dtype   string
	batch   int
	length  int
	mix     bool
	threads int
	seconds float64
	json    bool
}

// benchShapes are models by name; their weights are made up.
var benchShapes = map[string]transformer.Config{
	"minilm-l6": benchConfig(6, 384, 12, 1536),
	"bert-base": benchConfig(12, 768, 12, 3072),
}

func benchConfig(layers, hidden, heads, intermediate int) transformer.Config {
	return transformer.Config{
		ModelType: "bert", VocabSize: 30522, HiddenSize: hidden, NumHiddenLayers: layers, NumAttentionHeads: heads,
		IntermediateSize: intermediate, HiddenAct: "gelu", MaxPositionEmbeddings: 512, TypeVocabSize: 2, LayerNormEps: 1e-12,
	}
}

// mixLengths are the lengths of the paragraphs of English Wikipedia that have 8 to 256 tokens: 64 quantiles,
// half a step from the ends.
var mixLengths = []int{
	8, 8, 9, 10, 11, 12, 13, 15, 16, 19, 21, 24, 26, 30, 33, 35, 38, 41, 43, 46, 49, 52, 54, 57, 60, 63, 66, 68, 71, 73, 75, 78,
	81, 84, 86, 89, 92, 95, 97, 100, 103, 106, 110, 113, 117, 120, 124, 127, 131, 135, 139, 143, 147, 151, 157, 162, 168, 175,
	182, 191, 201, 214, 227, 244,
}

func newBenchEncode(a *app) *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "encode [flags]",
		Short: "Measure how fast a model computes hidden states",
		Long: `Measure how many tokens a second a model takes from token ids to the hidden states of its last layer:
no tokenizer, no pooling. The same batch is computed again and again for a few seconds.

The model is a folder, or the name of a shape: minilm-l6 (6 layers, 384 wide), bert-base (12 layers,
768 wide), or default, that of the encoder inside the program. The weights of a named shape are made
up, which does not change the speed. With --mix a batch is 64 sequences as long as paragraphs of
Wikipedia, 8 to 244 tokens; without, --batch sequences of --length tokens.`,
		Example: `  semsearch bench encode --shape minilm-l6 --dtype int8 --threads 1
  semsearch bench encode --shape models/my-encoder --mix --json`,
		Annotations: exitCodes("done", "", "an error"),
		Args:        noArgs,
		RunE:        func(cmd *cobra.Command, args []string) error { return a.runBenchEncode(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.shape, "shape", "default", "minilm-l6, bert-base, default, or the folder of a model")
	f.StringVar(&o.dtype, "dtype", "", "f32 or int8 (default: that of the folder, or f32)")
	f.IntVar(&o.batch, "batch", 32, "sequences in a batch")
	f.IntVar(&o.length, "length", 128, "tokens in a sequence")
	f.BoolVar(&o.mix, "mix", false, "64 sequences of lengths as they occur, in place of --batch and --length")
	f.IntVar(&o.threads, "threads", 0, "cores to use (default: all)")
	f.Float64Var(&o.seconds, "seconds", 2, "how long to measure")
	jsonFlag(cmd, &o.json)
	return cmd
}

// jsonBench is what bench encode --json prints.
type jsonBench struct {
	Schema       int       `json:"schema"`
	Shape        string    `json:"shape"`
	DType        string    `json:"dtype"`
	Kernels      string    `json:"kernels"`
	Threads      int       `json:"threads"`
	Sequences    int       `json:"sequences"`
	Tokens       int       `json:"tokens"`
	Runs         int       `json:"runs"`
	LoadMS       float64   `json:"load_ms"`
	FirstMS      float64   `json:"first_ms"`
	MedianMS     float64   `json:"median_ms"`
	BestMS       float64   `json:"best_ms"`
	CPUMS        float64   `json:"cpu_ms,omitempty"`            // processor time of all cores in the run with the least, where the system tells
	TokensPerSec float64   `json:"tokens_per_s"`                // of the median
	BestTokens   float64   `json:"best_tokens_per_s"`           // of the best run
	PeakBytes    int64     `json:"peak_memory_bytes,omitempty"` // of the process, where the system tells
	First        []float32 `json:"first"`                       // the first numbers of the result, to compare programs
}

func (a *app) runBenchEncode(ctx context.Context, o benchOptions) error {
	switch {
	case o.dtype != "" && o.dtype != "f32" && o.dtype != "int8":
		return usage("--dtype %s: want f32 or int8", quote(o.dtype))
	case o.batch < 1 || o.length < 1 || o.batch > 1<<16 || o.length > 1<<16:
		return usage("--batch and --length: want 1 or more, and at most %d", 1<<16)
	case o.threads < 0:
		return usage("--threads %d: want 0 or more", o.threads)
	case !(o.seconds > 0) || o.seconds > 3600:
		return usage("--seconds %v: want more than 0 and at most 3600", o.seconds)
	}
	if o.threads > 0 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(o.threads))
	}
	start := time.Now()
	m, err := a.benchModel(o)
	if err != nil {
		return err
	}
	r := jsonBench{Schema: jsonSchema, Shape: o.shape, DType: "f32", Kernels: transformer.Kernels(m.Int8Layers() > 0),
		Threads: runtime.GOMAXPROCS(0), LoadMS: milliseconds(time.Since(start))}
	if m.Int8Layers() > 0 {
		r.DType = "int8"
	}
	lengths := slices.Repeat([]int{o.length}, o.batch)
	if o.mix {
		lengths = mixLengths
	}
	b := benchBatch(m.Config(), lengths)
	r.Sequences, r.Tokens = len(lengths), len(b.IDs)
	hidden := make([]float32, len(b.IDs)*m.Config().HiddenSize)
	least := time.Duration(math.MaxInt64)
	run := func() (time.Duration, error) {
		start, cpu := time.Now(), cpuTime()
		err := m.Forward(ctx, b, hidden)
		least = min(least, cpuTime()-cpu)
		return time.Since(start), err
	}
	first, err := run()
	if err != nil {
		return err
	}
	r.FirstMS = milliseconds(first)
	var times []time.Duration
	for until := time.Now().Add(time.Duration(o.seconds * float64(time.Second))); len(times) < 3 || time.Now().Before(until); {
		t, err := run()
		if err != nil {
			return err
		}
		times = append(times, t)
	}
	slices.Sort(times)
	r.Runs = len(times)
	r.MedianMS, r.BestMS = milliseconds(times[len(times)/2]), milliseconds(times[0])
	r.TokensPerSec, r.BestTokens = math.Round(float64(r.Tokens)/r.MedianMS*1000), math.Round(float64(r.Tokens)/r.BestMS*1000)
	r.CPUMS = milliseconds(least)
	r.PeakBytes = peakMemory()
	r.First = hidden[:min(8, len(hidden))]
	if o.json {
		return a.printJSON(r)
	}
	rows := [][2]string{
		{"model", fmt.Sprintf("%s, %s, %s kernels", r.Shape, r.DType, r.Kernels)},
		{"batch", fmt.Sprintf("%s, %s", counted(r.Sequences, "sequence"), counted(r.Tokens, "token"))},
		{"threads", fmt.Sprint(r.Threads)},
		{"tokens/s", fmt.Sprintf("%s, best %s", group(int64(r.TokensPerSec)), group(int64(r.BestTokens)))},
		{"time", fmt.Sprintf("%.2f ms, best %.2f ms of %s", r.MedianMS, r.BestMS, counted(r.Runs, "run"))},
	}
	if r.CPUMS > 0 {
		rows = append(rows, [2]string{"processor", fmt.Sprintf("%.2f ms on all cores, the best run", r.CPUMS)})
	}
	if r.PeakBytes > 0 {
		rows = append(rows, [2]string{"peak memory", fmt.Sprintf("%.1f MB", float64(r.PeakBytes)/1e6)})
	}
	return a.printTable(rows)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// benchModel makes or opens the model.
func (a *app) benchModel(o benchOptions) (*transformer.Model, error) {
	c, ok := benchShapes[o.shape]
	if o.shape == "default" {
		enc, err := a.models.encoder("")
		if err != nil {
			return nil, err
		}
		ck := checkpointOf(enc)
		if ck == nil {
			return nil, usage("the encoder inside the program has no shape")
		}
		c, ok = ck.Config, true
	}
	if ok {
		w := madeUp{rand.New(rand.NewPCG(1, 2))}
		if o.dtype == "int8" {
			return transformer.New(c, madeUp8{w}, "")
		}
		return transformer.New(c, w, "")
	}
	ck, err := checkpoint.OpenWith(o.shape, &checkpoint.Options{Int8: o.dtype == "int8"})
	if err != nil {
		return nil, err
	}
	if o.dtype == "f32" && ck.Quantized() {
		return nil, usage("--dtype f32: %s is int8", o.shape)
	}
	if o.length > ck.Config.MaxPositionEmbeddings && !o.mix {
		return nil, usage("--length %d: the model has %d positions", o.length, ck.Config.MaxPositionEmbeddings)
	}
	return ck.Model, nil
}

// benchBatch is sequences of ids that are spread over the vocabulary.
func benchBatch(c transformer.Config, lengths []int) transformer.Batch {
	b := transformer.Batch{Starts: []int{0}}
	for _, n := range lengths {
		for range min(n, c.MaxPositionEmbeddings) {
			b.IDs = append(b.IDs, int32((1000+len(b.IDs)*7919%28000)%c.VocabSize))
		}
		b.Starts = append(b.Starts, len(b.IDs))
	}
	return b
}

// madeUp gives random numbers for every tensor that is asked for.
type madeUp struct{ r *rand.Rand }

func (w madeUp) Has(string) bool { return true }

func (w madeUp) Tensor(name string, shape ...int) ([]float32, error) {
	n, mean := 1, float32(0)
	for _, d := range shape {
		n *= d
	}
	if strings.HasSuffix(name, "LayerNorm.weight") {
		mean = 1
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = mean + (w.r.Float32()-0.5)*0.14 // a deviation of 0.04
	}
	return x, nil
}

// madeUp8 does the same in int8 for the matrices that are int8 in a quantised checkpoint.
type madeUp8 struct{ madeUp }

func (w madeUp8) Int8(name string, rows, cols int) (*transformer.Int8Matrix, error) {
	t := &transformer.Int8Matrix{Q: make([]int8, rows*cols), Scale: make([]float32, rows)}
	for i := range t.Q {
		t.Q[i] = int8(w.r.IntN(255) - 127)
	}
	for i := range t.Scale {
		t.Scale[i] = 0.07 / 127
	}
	return t, nil
}

// peakMemory is the most memory the process had at once, 0 where the system does not tell.
func peakMemory() int64 {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(data) {
		if v, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(string(v)), " kB"), 10, 64)
			if err != nil {
				return 0
			}
			return n * 1024
		}
	}
	return 0
}
