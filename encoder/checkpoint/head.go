package checkpoint

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/semsearch/semsearch/encoder/safetensors"
	"github.com/semsearch/semsearch/internal/f32"
)

// head is a tensor outside the encoder, kept for Linear.
type head struct {
	file  string
	shape []int
	data  []float32
}

// heads reads the tensors outside the encoder, except those of masked language modelling, which are
// as large as the vocabulary, and what is no float. A head in int8 becomes float32.
func (w *weights) heads(prefix string) (map[string]head, error) {
	hs := make(map[string]head)
	for name, s := range w.tensors {
		inner := strings.TrimPrefix(name, prefix)
		if strings.HasPrefix(inner, "embeddings.") || strings.HasPrefix(inner, "encoder.") || strings.HasPrefix(name, "cls.") || w.scalesOnly(name) {
			continue
		}
		info, _ := s.file.Info(name)
		switch info.DType {
		case "F32", "F16", "BF16", "I8":
		default:
			continue
		}
		data, err := w.Tensor(name)
		if err != nil {
			return nil, err
		}
		hs[name] = head{path.Join(w.folder.name, s.name), info.Shape, data}
	}
	return hs, nil
}

// Linear returns the layer y = x·wᵀ + b of a head, such as "qa_outputs": the tensors name.weight,
// shape (out, in), and name.bias, shape (out), which may be missing. The error names the tensor and
// wraps ErrFormat, and safetensors.ErrNotFound or safetensors.ErrShape. Each call packs the weights
// anew: keep the result.
func (c *Checkpoint) Linear(name string, out, in int) (*f32.Linear, error) {
	w, err := c.head(name+".weight", out, in)
	if err != nil {
		return nil, err
	}
	b, err := c.head(name+".bias", out)
	if err != nil && !errors.Is(err, safetensors.ErrNotFound) {
		return nil, err
	}
	return f32.NewLinear(w, b, out, in), nil
}

func (c *Checkpoint) head(name string, shape ...int) ([]float32, error) {
	h, ok := c.heads[name]
	if !ok {
		return nil, fmt.Errorf("%s: %w: %s: %w", c.Name, ErrFormat, name, safetensors.ErrNotFound)
	}
	if !slices.Equal(h.shape, shape) {
		return nil, fmt.Errorf("%s: %w: %s: %w: %v, want %v", h.file, ErrFormat, name, safetensors.ErrShape, h.shape, shape)
	}
	return h.data, nil
}
