package transformer

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Config is the part of a Hugging Face config.json that the forward pass depends on.
type Config struct {
	ModelType             string  `json:"model_type"`              // "bert"
	VocabSize             int     `json:"vocab_size"`              // ids are 0..VocabSize-1
	HiddenSize            int     `json:"hidden_size"`             // numbers a token
	NumHiddenLayers       int     `json:"num_hidden_layers"`       //
	NumAttentionHeads     int     `json:"num_attention_heads"`     // divides HiddenSize
	IntermediateSize      int     `json:"intermediate_size"`       // width of the feed-forward part
	HiddenAct             string  `json:"hidden_act"`              // its activation, see Validate
	MaxPositionEmbeddings int     `json:"max_position_embeddings"` // longest sequence in tokens
	TypeVocabSize         int     `json:"type_vocab_size"`         // type ids are 0..TypeVocabSize-1
	LayerNormEps          float64 `json:"layer_norm_eps"`          // added to the variance
	PositionEmbeddingType string  `json:"position_embedding_type"` // "absolute"
	IsDecoder             bool    `json:"is_decoder"`              // false
	AddCrossAttention     bool    `json:"add_cross_attention"`     // false
}

// ParseConfig reads a config.json. What it leaves out has the value it has in bert-base-uncased, as
// in Hugging Face transformers. The result is not validated.
func ParseConfig(data []byte) (Config, error) {
	c := Config{
		ModelType: "bert", VocabSize: 30522, HiddenSize: 768, NumHiddenLayers: 12, NumAttentionHeads: 12,
		IntermediateSize: 3072, HiddenAct: "gelu", MaxPositionEmbeddings: 512, TypeVocabSize: 2,
		LayerNormEps: 1e-12, PositionEmbeddingType: "absolute",
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return c, nil
}

// maxSize bounds each size, so that no product of two overflows.
const maxSize = 1 << 24

// Validate says whether the configuration describes a model that New can build. The error wraps
// ErrUnsupported when it needs something that is not done here (another model type, position
// embeddings that are not absolute, a decoder, an activation other than gelu, gelu_new, gelu_fast,
// gelu_pytorch_tanh, relu, silu and swish) and ErrConfig when its numbers make no sense.
func (c Config) Validate() error {
	switch {
	case c.ModelType != "bert":
		return fmt.Errorf("%w: model_type %q, want \"bert\"", ErrUnsupported, c.ModelType)
	case c.PositionEmbeddingType != "absolute" && c.PositionEmbeddingType != "":
		return fmt.Errorf("%w: position_embedding_type %q, want \"absolute\"", ErrUnsupported, c.PositionEmbeddingType)
	case c.IsDecoder:
		return fmt.Errorf("%w: is_decoder", ErrUnsupported)
	case c.AddCrossAttention:
		return fmt.Errorf("%w: add_cross_attention", ErrUnsupported)
	case activations[c.HiddenAct].float == nil:
		known := strings.Join(slices.Sorted(maps.Keys(activations)), ", ")
		return fmt.Errorf("%w: hidden_act %q, want one of %s", ErrUnsupported, c.HiddenAct, known)
	}
	for _, f := range []struct {
		key   string
		value int
	}{
		{"vocab_size", c.VocabSize},
		{"hidden_size", c.HiddenSize},
		{"num_hidden_layers", c.NumHiddenLayers},
		{"num_attention_heads", c.NumAttentionHeads},
		{"intermediate_size", c.IntermediateSize},
		{"max_position_embeddings", c.MaxPositionEmbeddings},
		{"type_vocab_size", c.TypeVocabSize},
	} {
		if f.value < 1 || f.value > maxSize {
			return fmt.Errorf("%w: %s is %d, want 1 to %d", ErrConfig, f.key, f.value, maxSize)
		}
	}
	if c.HiddenSize%c.NumAttentionHeads != 0 {
		return fmt.Errorf("%w: hidden_size %d is no multiple of num_attention_heads %d", ErrConfig, c.HiddenSize, c.NumAttentionHeads)
	}
	if !(c.LayerNormEps >= 0) || math.IsInf(c.LayerNormEps, 0) {
		return fmt.Errorf("%w: layer_norm_eps is %v", ErrConfig, c.LayerNormEps)
	}
	return nil
}
