package checkpoint_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/semsearch/semsearch/encoder/checkpoint"
	"github.com/semsearch/semsearch/encoder/safetensors"
	"github.com/semsearch/semsearch/encoder/transformer"
)

// readTensors opens a file of tensors.
func readTensors(t *testing.T, name string) *safetensors.File {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return f
}

// hidden runs a checkpoint over the ids in the expected.json of a fixture.
func hidden(t *testing.T, c *checkpoint.Checkpoint, fixture string) []float32 {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(fixtures, fixture, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ IDs, Types [][]int32 }
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	b := transformer.Batch{Starts: []int{0}}
	for i := range v.IDs {
		b.IDs, b.TypeIDs = append(b.IDs, v.IDs[i]...), append(b.TypeIDs, v.Types[i]...)
		b.Starts = append(b.Starts, len(b.IDs))
	}
	x := make([]float32, len(b.IDs)*c.Config.HiddenSize)
	if err := c.Model.Forward(context.Background(), b, x); err != nil {
		t.Fatal(err)
	}
	return x
}

// distance is the largest and the root mean square difference.
func distance(a, b []float32) (worst, rms float64) {
	if len(a) != len(b) {
		return math.Inf(1), math.Inf(1)
	}
	for i := range a {
		d := math.Abs(float64(a[i]) - float64(b[i]))
		if !(d <= worst) {
			worst = d
		}
		rms += d * d
	}
	return worst, math.Sqrt(rms / float64(len(a)))
}

// TestInt8Parity holds int8 checkpoints against NumPy, which rounds weights and inputs to int8 too. An input that lies
// halfway between two integers may go to the other one here, so single numbers differ more than the rest; without rounding
// inputs all of them would.
func TestInt8Parity(t *testing.T) {
	for name, layers := range map[string]int{"int8": 2, "int8-foreign": 1} {
		c, err := checkpoint.Open(filepath.Join(fixtures, name))
		if err != nil {
			t.Fatal(err)
		}
		if !c.Quantized() || c.Model.Int8Layers() != layers {
			t.Errorf("%s: quantized %v, %d layers in int8", name, c.Quantized(), c.Model.Int8Layers())
		}
		x := readTensors(t, filepath.Join(fixtures, name, "expected.safetensors"))
		want, err := x.Float32("hidden")
		if err != nil {
			t.Fatal(err)
		}
		float, err := x.Float32("float")
		if err != nil {
			t.Fatal(err)
		}
		got := hidden(t, c, name)
		worst, rms := distance(got, want)
		_, toFloat := distance(got, float)
		t.Logf("%s: max |Δ| = %.2g, rms %.2g; rms to float inputs %.2g", name, worst, rms, toFloat)
		if !(worst < 0.03 && rms < toFloat/20) {
			t.Errorf("%s: max |Δ| = %v, rms %v, to float inputs %v", name, worst, rms, toFloat)
		}
	}
}

// TestQuantizeNumPy quantises a checkpoint and compares every number with what NumPy made of it.
func TestQuantizeNumPy(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	r, err := checkpoint.Quantize(context.Background(), filepath.Join(fixtures, "mean"), out, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := readTensors(t, filepath.Join(out, "model.safetensors"))
	want := readTensors(t, filepath.Join(fixtures, "int8", "model.safetensors"))
	if len(want.Names()) == 0 || strings.Join(got.Names(), " ") != strings.Join(want.Names(), " ") {
		t.Fatalf("tensors %q, want %q", got.Names(), want.Names())
	}
	matrices := 0
	for _, name := range want.Names() {
		a, _ := got.Info(name)
		b, _ := want.Info(name)
		ra, err := got.Raw(name)
		if err != nil {
			t.Fatal(err)
		}
		rb, err := want.Raw(name)
		if err != nil {
			t.Fatal(err)
		}
		x, err := io.ReadAll(ra)
		if err != nil {
			t.Fatal(err)
		}
		y, err := io.ReadAll(rb)
		if err != nil {
			t.Fatal(err)
		}
		if a.DType != b.DType || !bytes.Equal(x, y) {
			t.Errorf("%s (%s) is not what NumPy made (%s)", name, a.DType, b.DType)
		}
		if b.DType == "I8" {
			matrices++
		}
	}
	if matrices != 14 || r.Matrices != matrices {
		t.Errorf("%d matrices in int8, reported %d", matrices, r.Matrices)
	}
	if !(r.Cosine > 0.995 && r.TextCosine > 0.995 && r.WorstCosine > 0.98) || r.Tokens == 0 || r.After >= r.Before {
		t.Errorf("report %+v", r)
	}
}

// TestQuantize looks at the folder that comes out.
func TestQuantize(t *testing.T) {
	ctx := context.Background()
	for _, name := range []string{"mean", "concat", "qa", "last"} {
		for _, keep := range []bool{false, true} {
			dir := filepath.Join(t.TempDir(), "model")
			if err := os.CopyFS(dir, os.DirFS(filepath.Join(fixtures, name))); err != nil {
				t.Fatal(err)
			}
			for _, extra := range []string{"README.md", "pytorch_model.bin", ".hidden", "onnx/model.onnx", "extra/notes.txt"} {
				if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(extra)), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, extra), []byte(extra), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			out := filepath.Join(filepath.Dir(dir), "out")
			r, err := checkpoint.Quantize(ctx, dir, out, &checkpoint.QuantizeOptions{KeepEmbeddings: keep})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			before, err := checkpoint.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			after, err := checkpoint.Open(out)
			if err != nil {
				t.Fatal(err)
			}
			if before.Quantized() || !after.Quantized() || after.Model.Int8Layers() != after.Config.NumHiddenLayers {
				t.Errorf("%s: %d of %d layers in int8", name, after.Model.Int8Layers(), after.Config.NumHiddenLayers)
			}
			if after.Fingerprint() == before.Fingerprint() || after.Fingerprint() != r.Fingerprint {
				t.Errorf("%s: fingerprints %s, %s, reported %s", name, before.Fingerprint(), after.Fingerprint(), r.Fingerprint)
			}
			if after.Architecture != before.Architecture || after.Pooling != before.Pooling || after.MaxTokens != before.MaxTokens ||
				after.Config != before.Config || after.PassagePrompt() != before.PassagePrompt() {
				t.Errorf("%s: opens as %+v", name, after)
			}
			for file, want := range map[string]bool{"README.md": true, "extra/notes.txt": true, "pytorch_model.bin": false, ".hidden": false, "onnx": false} {
				if _, err := os.Stat(filepath.Join(out, file)); (err == nil) != want {
					t.Errorf("%s: %s: %v", name, file, err)
				}
			}
			_, rms := distance(hidden(t, before, name), hidden(t, after, name))
			t.Logf("%s, keep %v: rms |Δ| = %.3f, cosine %.5f", name, keep, rms, r.Cosine)
			if !(rms > 0 && rms < 0.05) {
				t.Errorf("%s: rms |Δ| = %v", name, rms)
			}
			if keep {
				// The same without a copy.
				c, err := checkpoint.OpenWith(dir, &checkpoint.Options{Int8: true})
				if err != nil {
					t.Fatal(err)
				}
				if worst, _ := distance(hidden(t, c, name), hidden(t, after, name)); worst != 0 {
					t.Errorf("%s: Int8 differs from the copy by %v", name, worst)
				}
				if c.Fingerprint() == before.Fingerprint() || c.Fingerprint() == after.Fingerprint() || c.Quantized() {
					t.Errorf("%s: Int8 has fingerprint %s", name, c.Fingerprint())
				}
			}
			if _, err := checkpoint.Quantize(ctx, out, out+"2", nil); !errors.Is(err, checkpoint.ErrQuantized) {
				t.Errorf("%s: twice: %v", name, err)
			}
			again, err := checkpoint.OpenWith(out, &checkpoint.Options{Int8: true})
			if err != nil || again.Fingerprint() != after.Fingerprint() {
				t.Errorf("%s: Int8 of an int8 checkpoint: %v", name, err)
			}
			left, err := os.ReadDir(filepath.Dir(dir))
			if err != nil || len(left) != 2 {
				t.Errorf("%s: %v left, %v", name, left, err)
			}
		}
	}
}

// TestQuantizeErrors makes sure that a failure leaves nothing behind.
func TestQuantizeErrors(t *testing.T) {
	ctx := context.Background()
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	root := t.TempDir()
	dir := filepath.Join(root, "model")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(fixtures, "mean"))); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		ctx      context.Context
		dir, out string
		want     error
	}{
		"cancelled":  {cancelled, dir, filepath.Join(root, "out"), context.Canceled},
		"exists":     {ctx, dir, dir, fs.ErrExist},
		"inside":     {ctx, dir, filepath.Join(dir, "out"), fs.ErrInvalid},
		"no model":   {ctx, filepath.Join(root, "none"), filepath.Join(root, "out"), fs.ErrNotExist},
		"no folder":  {ctx, dir, filepath.Join(root, "none", "out"), fs.ErrNotExist},
		"not a file": {ctx, root, filepath.Join(filepath.Dir(root), "out"), fs.ErrNotExist},
	} {
		if _, err := checkpoint.Quantize(tc.ctx, tc.dir, tc.out, nil); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	left, err := os.ReadDir(root)
	if err != nil || len(left) != 1 {
		t.Errorf("%v left, %v", left, err)
	}
}

// editTensors rewrites model.safetensors.
func editTensors(t *testing.T, f fstest.MapFS, change func(list map[string]safetensors.Tensor)) {
	t.Helper()
	data := f["model.safetensors"].Data
	src, err := safetensors.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	list := make(map[string]safetensors.Tensor)
	for _, name := range src.Names() {
		info, _ := src.Info(name)
		r, err := src.Raw(name)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		list[name] = safetensors.Tensor{Name: name, DType: info.DType, Shape: info.Shape, Raw: raw}
	}
	change(list)
	var out []safetensors.Tensor
	for _, x := range list {
		out = append(out, x)
	}
	var buf bytes.Buffer
	if err := safetensors.Write(&buf, out, nil); err != nil {
		t.Fatal(err)
	}
	f["model.safetensors"] = &fstest.MapFile{Data: buf.Bytes()}
}

// TestInt8Errors changes an int8 checkpoint so that it cannot be opened.
func TestInt8Errors(t *testing.T) {
	const (
		query = "encoder.layer.1.attention.self.query.weight"
		words = "embeddings.word_embeddings.weight"
	)
	type list = map[string]safetensors.Tensor
	scale := func(name string, change func(x []float32)) func(list) {
		return func(l list) {
			x := make([]float32, len(l[name].Raw)/4)
			for i := range x {
				x[i] = 1
			}
			change(x)
			l[name] = safetensors.Tensor{Name: name, Shape: l[name].Shape, Data: x}
		}
	}
	unsupported, format := checkpoint.ErrUnsupported, checkpoint.ErrFormat
	for name, tc := range map[string]struct {
		tensors func(list) // a change of the weights, and
		old     string     // of the text of config.json
		new     string     //
		config  func(m map[string]any)
		want    error
		says    string
	}{
		"missing scale":   {tensors: func(l list) { delete(l, query+"_scale") }, want: format, says: query + "_scale"},
		"missing scale 2": {tensors: func(l list) { delete(l, words+"_scale") }, want: format, says: words + "_scale"},
		"short scale": {tensors: func(l list) {
			l[query+"_scale"] = safetensors.Tensor{Name: query + "_scale", Shape: []int{16, 1}, Data: make([]float32, 16)}
		}, want: format, says: query + "_scale"},
		"flat scale": {tensors: func(l list) {
			l[query+"_scale"] = safetensors.Tensor{Name: query + "_scale", Shape: []int{32}, Data: make([]float32, 32)}
		}, want: format, says: "[32], want [32 1]"},
		"int8 scale": {tensors: func(l list) {
			l[query+"_scale"] = safetensors.Tensor{Name: query + "_scale", Shape: []int{32, 1}, Int8: make([]int8, 32)}
		}, want: format, says: query + "_scale"},
		"negative scale": {tensors: scale(query+"_scale", func(x []float32) { x[3] = -1 }), want: format, says: query + "_scale: number 3 is -1"},
		"NaN scale":      {tensors: scale(words+"_scale", func(x []float32) { x[0] = float32(math.NaN()) }), want: format, says: "NaN"},
		"infinite scale": {tensors: scale(query+"_scale", func(x []float32) { x[9] = float32(math.Inf(1)) }), want: format, says: "+Inf"},
		"shape": {tensors: func(l list) {
			x := l[query]
			x.Shape = []int{64, 16}
			l[query] = x
		}, want: format, says: query},
		"one dimension": {tensors: func(l list) {
			x := l[query]
			x.Shape = []int{1024}
			l[query] = x
		}, want: format, says: query},
		"float matrix": {tensors: func(l list) {
			l[query] = safetensors.Tensor{Name: query, Shape: []int{32, 32}, Data: make([]float32, 1024)}
		}, want: format, says: query + " is F32, but config_groups.group_0"},
		"zero point": {tensors: func(l list) {
			z := make([]int8, 32)
			z[31] = 1
			l[query+"_zero_point"] = safetensors.Tensor{Name: query + "_zero_point", Shape: []int{32, 1}, Int8: z}
		}, want: unsupported, says: query + "_zero_point"},
		"no config":        {config: func(m map[string]any) { delete(m, "quantization_config") }, want: format, says: "is I8, but config.json has no quantization_config"},
		"ignored":          {old: `"ignore": [`, new: `"ignore": ["re:.*query$",`, want: format, says: "does not target"},
		"not targeted":     {old: `"Embedding"`, new: `"Linear"`, want: format, says: words},
		"method":           {old: `"compressed-tensors"`, new: `"gptq"`, want: unsupported, says: "gptq"},
		"format":           {old: `"int-quantized"`, new: `"pack-quantized"`, want: unsupported, says: "pack-quantized"},
		"status":           {old: `"compressed"`, new: `"frozen"`, want: unsupported, says: "frozen"},
		"bits":             {old: `"num_bits": 8`, new: `"num_bits": 4`, want: unsupported, says: "config_groups.group_0: unsupported checkpoint: weights.num_bits is 4"},
		"type":             {old: `"type": "int"`, new: `"type": "float"`, want: unsupported, says: "float"},
		"asymmetric":       {old: `"symmetric": true`, new: `"symmetric": false`, want: unsupported, says: "symmetric"},
		"strategy":         {old: `"channel"`, new: `"group"`, want: unsupported, says: "group"},
		"static inputs":    {old: `"dynamic": true`, new: `"dynamic": false`, want: unsupported, says: "input_activations.dynamic"},
		"local inputs":     {old: `"dynamic": true`, new: `"dynamic": "local"`, want: unsupported, says: "local"},
		"dynamic weights":  {old: `"dynamic": false`, new: `"dynamic": true`, want: unsupported, says: "weights.dynamic"},
		"inputs by tensor": {old: `"token"`, new: `"tensor"`, want: unsupported, says: "input_activations.strategy"},
		"group size":       {old: `"channel"`, new: `"channel", "group_size": 128`, want: unsupported, says: "group_size"},
		"order":            {old: `"channel"`, new: `"channel", "actorder": "group"`, want: unsupported, says: "actorder"},
		"cache":            {old: `"ignore"`, new: `"kv_cache_scheme": {"num_bits": 8}, "ignore"`, want: unsupported, says: "kv_cache_scheme"},
		"sparsity":         {old: `"ignore"`, new: `"sparsity_config": {"format": "sparse-24"}, "ignore"`, want: unsupported, says: "sparsity_config"},
		"transform":        {old: `"ignore"`, new: `"transform_config": {"config_groups": {"a": {}}}, "ignore"`, want: unsupported, says: "transform_config"},
		"outputs":          {old: `"targets"`, new: `"output_activations": {"num_bits": 8}, "targets"`, want: unsupported, says: "output_activations"},
		"group format":     {old: `"targets"`, new: `"format": "float-quantized", "targets"`, want: unsupported, says: "float-quantized"},
		"expression":       {old: `"Linear"`, new: `"re:("`, want: unsupported, says: "re:("},
		"no targets":       {old: `"targets"`, new: `"target"`, want: format, says: "no targets"},
		"no groups":        {old: `"config_groups"`, new: `"groups"`, want: format, says: "no config_groups"},
		"no weights":       {old: `"weights"`, new: `"weight"`, want: format, says: "weights are missing"},
		"not an object":    {config: func(m map[string]any) { m["quantization_config"] = 3 }, want: format, says: "quantization_config"},
		"older name":       {config: func(m map[string]any) { m["compression_config"] = m["quantization_config"] }, want: unsupported, says: "compression_config"},
	} {
		f := load(t, "int8")
		if tc.tensors != nil {
			editTensors(t, f, tc.tensors)
		}
		config := f["config.json"].Data
		if tc.old != "" {
			if !bytes.Contains(config, []byte(tc.old)) {
				t.Errorf("%s: no %s in config.json", name, tc.old)
			}
			config = bytes.Replace(config, []byte(tc.old), []byte(tc.new), 1)
		}
		if tc.config != nil {
			var m map[string]any
			if err := json.Unmarshal(config, &m); err != nil {
				t.Fatal(err)
			}
			tc.config(m)
			var err error
			if config, err = json.Marshal(m); err != nil {
				t.Fatal(err)
			}
		}
		f["config.json"] = &fstest.MapFile{Data: config}
		_, err := checkpoint.OpenFS(f, "x")
		if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) || !strings.HasPrefix(err.Error(), "x/") {
			t.Errorf("%s: %v\n\twant %v with %q", name, err, tc.want, tc.says)
		}
	}
}

// TestInt8Variants changes an int8 checkpoint in ways that are allowed.
func TestInt8Variants(t *testing.T) {
	base, err := checkpoint.OpenFS(load(t, "int8"), "x")
	if err != nil {
		t.Fatal(err)
	}
	want := hidden(t, base, "int8")
	for name, tc := range map[string]struct {
		old, new string
		layers   int
		limit    float64 // of the rms difference
	}{
		"no inputs":     {`"input_activations": {`, `"unknown": {`, 0, 0.05},
		"null":          {`"ignore"`, `"kv_cache_scheme": null, "sparsity_config": {}, "ignore"`, 2, 0},
		"by name":       {`"Linear"`, `"Linear", "encoder.layer.0.output.dense"`, 2, 0},
		"by expression": {`"Linear"`, `"re:encoder\\.layer\\..*"`, 2, 0},
	} {
		f := load(t, "int8")
		config := f["config.json"].Data
		if !bytes.Contains(config, []byte(tc.old)) {
			t.Errorf("%s: no %s in config.json", name, tc.old)
		}
		f["config.json"] = &fstest.MapFile{Data: bytes.Replace(config, []byte(tc.old), []byte(tc.new), 1)}
		c, err := checkpoint.OpenFS(f, "x")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		worst, rms := distance(hidden(t, c, "int8"), want)
		if c.Model.Int8Layers() != tc.layers || rms > tc.limit || tc.limit > 0 && worst == 0 {
			t.Errorf("%s: %d layers in int8, |Δ| %v, rms %v", name, c.Model.Int8Layers(), worst, rms)
		}
		if c.Fingerprint() == base.Fingerprint() {
			t.Errorf("%s: the same fingerprint", name)
		}
	}
}
