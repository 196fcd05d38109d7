package checkpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/semsearch/semsearch/encoder/safetensors"
	"github.com/semsearch/semsearch/encoder/transformer"
)

// QuantizeOptions says what Quantize leaves alone. The zero value, and nil, are the defaults.
type QuantizeOptions struct {
	// KeepEmbeddings leaves the word and position embeddings in their float type. They are most of the bytes of
	// a small model and none of its time.
	KeepEmbeddings bool
}

// QuantizeReport is what Quantize has done.
type QuantizeReport struct {
	Matrices      int     // that are int8 now
	Before, After int64   // bytes of all tensors
	Fingerprint   string  // of the new checkpoint
	Tokens        int     // of the built-in texts that both checkpoints were run on
	Cosine        float64 // of their hidden states, float and int8, the mean over the tokens
	WorstCosine   float64 // the least of any token
	TextCosine    float64 // of the mean hidden state of each text, the mean over the texts
}

// Quantize writes an int8 copy of the checkpoint in the folder dir to the folder out, which must not
// exist: it appears when it is complete. docs/models.md describes the format. The other files of dir are copied,
// but for weights in other formats and hidden files.
//
// The error wraps ErrQuantized when dir is quantised already, fs.ErrExist when there is an out, and
// otherwise is one of Open, of the file system or of ctx.
func Quantize(ctx context.Context, dir, out string, o *QuantizeOptions) (*QuantizeReport, error) {
	if o == nil {
		o = new(QuantizeOptions)
	}
	if _, err := os.Lstat(out); err == nil {
		return nil, fmt.Errorf("%s: %w", out, fs.ErrExist)
	}
	if inside(dir, out) {
		return nil, fmt.Errorf("%s: %w: the copy would lie inside its original", out, fs.ErrInvalid)
	}
	c, err := Open(dir)
	if err != nil {
		return nil, err
	}
	if c.Quantized() {
		return nil, fmt.Errorf("%s: %w", dir, ErrQuantized)
	}
	root := folder{os.DirFS(dir), ".", filepath.ToSlash(dir)}
	f := root.sub(c.dir)
	w, err := openWeights(f, new(quantization))
	if err != nil {
		return nil, err
	}
	defer w.close()
	q := quantizer{c: c, f: f, w: w, o: *o}
	if w.Has("bert.embeddings.word_embeddings.weight") {
		q.prefix = "bert."
	}
	if err := q.tensors(ctx); err != nil {
		return nil, err
	}
	config, err := q.config()
	if err != nil {
		return nil, err
	}

	temp, err := os.MkdirTemp(filepath.Dir(filepath.Clean(out)), ".quantize-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	if err := os.Chmod(temp, 0o755); err != nil { // MkdirTemp lets nobody else in
		return nil, err
	}
	to := filepath.Join(temp, filepath.FromSlash(c.dir))
	if err := os.MkdirAll(to, 0o777); err != nil {
		return nil, err
	}
	if err := q.copyFiles(ctx, root, temp); err != nil {
		return nil, err
	}
	if err := create(filepath.Join(to, "config.json"), func(w io.Writer) error { _, err := w.Write(config); return err }); err != nil {
		return nil, err
	}
	err = create(filepath.Join(to, weightsFile), func(w io.Writer) error {
		return safetensors.Write(w, q.out, map[string]string{"format": "pt"})
	})
	if err != nil {
		return nil, err
	}

	after, err := Open(temp)
	if err != nil {
		return nil, fmt.Errorf("the quantised copy: %w", err)
	}
	q.report.Fingerprint = after.Fingerprint()
	if err := q.compare(ctx, after); err != nil {
		return nil, err
	}
	if err := os.Rename(temp, out); err != nil {
		return nil, err
	}
	return &q.report, nil
}

// inside says whether out lies in dir.
func inside(dir, out string) bool {
	a, err := filepath.Abs(dir)
	b, err2 := filepath.Abs(out)
	if err != nil || err2 != nil {
		return false
	}
	rel, err := filepath.Rel(a, b)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// create writes a file and makes it durable.
func create(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err2 := f.Close(); err == nil {
		err = err2
	}
	return err
}

// quantizer is one run of Quantize.
type quantizer struct {
	c      *Checkpoint
	f      folder // of the weights
	w      *weights
	o      QuantizeOptions
	prefix string // of the names of the encoder's tensors
	out    []safetensors.Tensor
	ignore []string // modules that stay float
	report QuantizeReport
}

// layerMatrix matches the names of the matrices of an encoder layer.
var layerMatrix = regexp.MustCompile(`^encoder\.layer\.\d+\.(attention\.self\.(query|key|value)|attention\.output\.dense|intermediate\.dense|output\.dense)\.weight$`)

const (
	wordsName  = "embeddings.word_embeddings.weight"
	placesName = "embeddings.position_embeddings.weight"
	typesName  = "embeddings.token_type_embeddings.weight"
)

// tensors quantises or copies every tensor.
func (q *quantizer) tensors(ctx context.Context) error {
	var shift []float64 // (hidden) what every row of words and places lost
	if !q.o.KeepEmbeddings {
		shift = make([]float64, q.c.Config.HiddenSize)
	}
	ignore := map[string]bool{q.prefix + "pooler.dense": true}
	if q.c.Architecture == "BertForMaskedLM" { // may be absent, tied to the word embeddings
		ignore["cls.predictions.decoder"] = true
	}
	for _, stored := range slices.Sorted(maps.Keys(q.w.tensors)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		s := q.w.tensors[stored]
		info, _ := s.file.Info(stored)
		q.report.Before += info.End - info.Start
		inner := strings.TrimPrefix(stored, q.prefix)
		table := inner == wordsName || inner == placesName
		switch {
		case layerMatrix.MatchString(inner), table && !q.o.KeepEmbeddings:
			x, err := q.w.Tensor(stored)
			if err != nil {
				return err
			}
			rows, cols := info.Shape[0], info.Shape[1]
			if table {
				centre(x, shift)
			}
			t, err := transformer.QuantizeMatrix(x, rows, cols)
			if err != nil {
				return q.f.errorf(s.name, "%w: %s: %w", ErrFormat, stored, err)
			}
			q.report.Matrices++
			q.add(safetensors.Tensor{Name: stored, Shape: info.Shape, Int8: t.Q})
			q.add(safetensors.Tensor{Name: stored + "_scale", Shape: []int{rows, 1}, Data: t.Scale})
		case inner == typesName && !q.o.KeepEmbeddings: // below, when the shift is known
		default:
			r, err := s.file.Raw(stored)
			if err != nil {
				return q.f.errorf(s.name, "%w", err)
			}
			raw, err := io.ReadAll(r)
			if err != nil {
				return q.f.errorf(s.name, "%s: %w", stored, err)
			}
			q.add(safetensors.Tensor{Name: stored, DType: info.DType, Shape: info.Shape, Raw: raw})
		}
		module, ok := strings.CutSuffix(stored, ".weight")
		if ok && len(info.Shape) == 2 && !layerMatrix.MatchString(inner) && (inner == typesName || !strings.HasPrefix(inner, "embeddings.")) {
			ignore[module] = true
		}
	}
	if q.o.KeepEmbeddings {
		delete(ignore, q.prefix+strings.TrimSuffix(typesName, ".weight")) // no group targets Embedding
	} else {
		x, err := q.w.Tensor(q.prefix+typesName, q.c.Config.TypeVocabSize, q.c.Config.HiddenSize)
		if err != nil {
			return err
		}
		for i := range x {
			x[i] = float32(float64(x[i]) + shift[i%len(shift)])
		}
		q.add(safetensors.Tensor{Name: q.prefix + typesName, Shape: []int{q.c.Config.TypeVocabSize, q.c.Config.HiddenSize}, Data: x})
	}
	q.ignore = slices.Sorted(maps.Keys(ignore))
	return nil
}

func (q *quantizer) add(t safetensors.Tensor) {
	q.out = append(q.out, t)
	q.report.After += int64(len(t.Raw) + len(t.Int8) + 4*len(t.Data))
}

// centre takes the mean of each column from x and adds it to shift (cols).
func centre(x []float32, shift []float64) {
	n := len(shift)
	mean := make([]float64, n)
	for i, v := range x {
		mean[i%n] += float64(v)
	}
	for j := range mean {
		mean[j] = float64(float32(mean[j] / float64(len(x)/n)))
		shift[j] += mean[j]
	}
	for i := range x {
		x[i] = float32(float64(x[i]) - mean[i%n])
	}
}

// config is config.json with the quantization_config at its end.
func (q *quantizer) config() ([]byte, error) {
	type m = map[string]any
	weights := m{"num_bits": 8, "type": "int", "symmetric": true, "strategy": "channel", "dynamic": false}
	inputs := m{"num_bits": 8, "type": "int", "symmetric": true, "strategy": "token", "dynamic": true}
	groups := m{"group_0": m{"targets": []string{"Linear"}, "weights": weights, "input_activations": inputs, "output_activations": nil}}
	if !q.o.KeepEmbeddings {
		groups["group_1"] = m{"targets": []string{"Embedding"}, "weights": weights, "input_activations": nil, "output_activations": nil}
	}
	added, err := json.Marshal(m{
		"quant_method": "compressed-tensors", "format": "int-quantized", "quantization_status": "compressed",
		"config_groups": groups, "ignore": q.ignore, "kv_cache_scheme": nil,
	})
	if err != nil {
		return nil, err
	}
	data, err := q.f.read("config.json")
	if err != nil {
		return nil, err
	}
	end := bytes.LastIndexByte(data, '}') // of an object that has been read before, with keys in it
	var out bytes.Buffer
	err = json.Indent(&out, slices.Concat(bytes.TrimRight(data[:end], " \t\r\n"), []byte(`,"quantization_config":`), added, []byte("}")), "", "  ")
	if err != nil {
		return nil, q.f.errorf("config.json", "%w: %w", ErrFormat, err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// weightFiles are the endings of files that hold weights, which the copy has in one file only.
var weightFiles = []string{".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json", ".pt", ".pth", ".ckpt", ".h5",
	".msgpack", ".ot", ".onnx", ".onnx_data", ".tflite", ".gguf", ".ggml", ".pb", ".mlmodel", ".xml"}

// copyFiles copies every file but the configuration, weights and what is hidden.
func (q *quantizer) copyFiles(ctx context.Context, root folder, to string) error {
	return fs.WalkDir(root.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if name != "." && strings.HasPrefix(path.Base(name), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		isWeights := slices.ContainsFunc(weightFiles, func(end string) bool { return strings.HasSuffix(strings.ToLower(name), end) })
		if d.IsDir() || isWeights || name == path.Join(q.c.dir, "config.json") {
			return nil
		}
		if info, err := fs.Stat(root.fsys, name); err != nil || !info.Mode().IsRegular() {
			return err // a link to a folder, or a device, is left out
		}
		dst := filepath.Join(to, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(dst), 0o777); err != nil {
			return err
		}
		return create(dst, func(w io.Writer) error {
			r, err := root.fsys.Open(name)
			if err != nil {
				return err
			}
			defer r.Close()
			_, err = io.Copy(w, r)
			return err
		})
	})
}

// probes are texts of several kinds and lengths.
var probes = []string{
	"Water boils at 100 degrees Celsius at sea level.",
	"how do I reset my password",
	"The committee meets on the second Tuesday of every month, except in August.",
	"Yes.",
	"In 1889 the tower opened to visitors; at 300 metres it stayed the tallest structure in the world for 41 years.",
	"Tomatoes go outside when the nights stay above ten degrees, which in most gardens is the end of May.",
	"func main() { fmt.Println(\"hello, world\") }",
	"What is the difference between a virus and a bacterium?",
	"The patient was given 40 mg twice a day and reported no side effects after six weeks.",
	"Shares of the company fell 3.2% on Monday after it lowered its forecast for the third quarter in a row.",
	"He closed the door behind him, listened for a while to the rain on the roof, and then, without switching on the light, " +
		"sat down at the table where her letter still lay unopened.",
	"To install the library, add it to the list of dependencies and run the build again. If the compiler reports a missing header, " +
		"check that the development package is installed and that its path is known.",
	"Photosynthesis turns carbon dioxide and water into sugar and oxygen with the energy of light. It takes place in the chloroplasts, " +
		"whose green pigment absorbs red and blue light best. Nearly all life depends on it, directly or through the food chain.",
}

// compare runs both models on the probes.
func (q *quantizer) compare(ctx context.Context, after *Checkpoint) error {
	h := q.c.Config.HiddenSize
	q.report.WorstCosine = 1
	for _, text := range probes {
		if q.c.LowerCase {
			text = strings.ToLower(text)
		}
		enc := q.c.Tokenizer.Encode(text, q.c.MaxTokens)
		n := len(enc.IDs)
		if n == 0 {
			continue
		}
		b := transformer.Batch{IDs: enc.IDs, Starts: []int{0, n}}
		x, y := make([]float32, n*h), make([]float32, n*h)
		if err := errors.Join(q.c.Model.Forward(ctx, b, x), after.Model.Forward(ctx, b, y)); err != nil {
			return err
		}
		mx, my := make([]float32, h), make([]float32, h)
		for t := range n {
			cos := cosine(x[t*h:(t+1)*h], y[t*h:(t+1)*h])
			q.report.Tokens++
			q.report.Cosine += cos
			q.report.WorstCosine = min(q.report.WorstCosine, cos)
			for j := range h {
				mx[j] += x[t*h+j]
				my[j] += y[t*h+j]
			}
		}
		q.report.TextCosine += cosine(mx, my) / float64(len(probes))
	}
	q.report.Cosine /= float64(max(1, q.report.Tokens))
	return nil
}

func cosine(x, y []float32) float64 {
	var xy, xx, yy float64
	for i := range x {
		a, b := float64(x[i]), float64(y[i])
		xy, xx, yy = xy+a*b, xx+a*a, yy+b*b
	}
	return xy / math.Sqrt(xx*yy)
}
