package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/semsearch/semsearch/encoder/safetensors"
)

// weights finds tensors by name over the files of a checkpoint. It implements transformer.Int8Weights.
type weights struct {
	folder  folder
	quant   *quantization
	main    string            // the file to name when a tensor is in none
	tensors map[string]*shard // by tensor name
	closers []io.Closer
}

// shard is one safetensors file.
type shard struct {
	name string
	file *safetensors.File
}

const (
	weightsFile = "model.safetensors"
	indexFile   = "model.safetensors.index.json"
)

// openWeights opens model.safetensors, or else the shards that the index names.
func openWeights(f folder, q *quantization) (_ *weights, err error) {
	w := &weights{folder: f, quant: q, main: weightsFile, tensors: make(map[string]*shard)}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if f.has(weightsFile) {
		s, err := w.open(weightsFile)
		if err != nil {
			return nil, err
		}
		for _, name := range s.file.Names() {
			w.tensors[name] = s
		}
		return w, nil
	}
	w.main = indexFile
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	ok, err := f.json(indexFile, &index)
	if err != nil {
		return nil, err
	}
	if !ok {
		if f.has("pytorch_model.bin") {
			return nil, f.errorf("pytorch_model.bin", "%w: weights in PyTorch's format, want %s", ErrUnsupported, weightsFile)
		}
		return nil, f.errorf(weightsFile, "%w", fs.ErrNotExist)
	}
	shards := make(map[string]*shard)
	for _, tensor := range slices.Sorted(maps.Keys(index.WeightMap)) {
		file := index.WeightMap[tensor]
		s := shards[file]
		if s == nil {
			if !fs.ValidPath(file) || strings.ContainsAny(file, `\:`) {
				return nil, f.errorf(indexFile, "%w: shard %q leaves the folder", ErrFormat, file)
			}
			if s, err = w.open(file); err != nil {
				return nil, err
			}
			shards[file] = s
		}
		if _, ok := s.file.Info(tensor); !ok {
			return nil, f.errorf(indexFile, "%w: %s is not in %s", ErrFormat, tensor, file)
		}
		w.tensors[tensor] = s
	}
	return w, nil
}

func (w *weights) open(file string) (*shard, error) {
	r, size, closer, err := w.folder.readerAt(file)
	if err != nil {
		return nil, err
	}
	w.closers = append(w.closers, closer)
	f, err := safetensors.Open(r, size)
	if err != nil {
		return nil, w.folder.errorf(file, "%w", formatError(err))
	}
	return &shard{file, f}, nil
}

func (w *weights) close() {
	for _, c := range w.closers {
		c.Close()
	}
}

// find returns the shard of a tensor and its name there: the layer norms of old checkpoints have
// gamma and beta instead of weight and bias.
func (w *weights) find(name string) (*shard, string) {
	if s := w.tensors[name]; s != nil {
		return s, name
	}
	for now, old := range map[string]string{"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"} {
		if before, ok := strings.CutSuffix(name, now); ok {
			if s := w.tensors[before+old]; s != nil {
				return s, before + old
			}
		}
	}
	return nil, name
}

// Has says whether some file has the tensor.
func (w *weights) Has(name string) bool {
	s, _ := w.find(name)
	return s != nil
}

// Tensor returns a tensor as float32, also one that is int8; its error names the file too.
func (w *weights) Tensor(name string, shape ...int) ([]float32, error) {
	s, stored := w.find(name)
	if s == nil {
		return nil, w.folder.errorf(w.main, "%w: %s: %w", ErrFormat, name, safetensors.ErrNotFound)
	}
	g, err := w.matrix(s, stored)
	if err != nil {
		return nil, err
	}
	if g != nil {
		return w.dequantized(s, stored, g, shape)
	}
	t, err := s.file.Float32(stored, shape...)
	if errors.Is(err, safetensors.ErrDType) {
		err = fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	if err != nil {
		return nil, w.folder.errorf(s.name, "%w", formatError(err))
	}
	return t, nil
}
