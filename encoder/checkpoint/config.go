package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/semsearch/semsearch/encoder/transformer"
)

// architectures are the values of "architectures" in a config.json that can be opened.
var architectures = []string{
	"BertModel", "BertForMaskedLM", "BertForQuestionAnswering", "BertForSequenceClassification", "BertForTokenClassification",
}

// config reads config.json.
func (c *Checkpoint) config(f folder) error {
	const name = "config.json"
	data, err := f.read(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &c.raw); err != nil {
		return f.errorf(name, "%w: %w", ErrFormat, err)
	}
	var v struct {
		Architectures []string `json:"architectures"`
		ModelType     *string  `json:"model_type"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return f.errorf(name, "%w: %w", ErrFormat, err)
	}
	switch {
	case len(v.Architectures) > 0:
		c.Architecture = v.Architectures[0]
	case v.ModelType != nil && *v.ModelType == "bert":
		c.Architecture = "BertModel"
	case v.ModelType != nil:
		return f.errorf(name, "%w: model_type %q, want \"bert\"", ErrUnsupported, *v.ModelType)
	default:
		return f.errorf(name, "%w: neither architectures nor model_type", ErrUnsupported)
	}
	if !slices.Contains(architectures, c.Architecture) {
		return f.errorf(name, "%w: architecture %q, want one of %s", ErrUnsupported, c.Architecture, strings.Join(architectures, ", "))
	}
	c.Config, err = transformer.ParseConfig(data)
	if err == nil {
		err = c.Config.Validate()
	}
	if errors.Is(err, transformer.ErrUnsupported) {
		err = fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	if err != nil {
		return f.errorf(name, "%w", formatError(err))
	}
	if c.poolDim != 0 && c.poolDim != c.Config.HiddenSize {
		return f.errorf(name, "%w: hidden_size is %d, but pooling expects %d", ErrFormat, c.Config.HiddenSize, c.poolDim)
	}
	return nil
}

// length reads sentence_bert_config.json and sets MaxTokens as sentence-transformers does: what this
// file says, or else what the tokenizer says, and at most the positions of the model.
func (c *Checkpoint) length(f folder) error {
	const name = "sentence_bert_config.json"
	var v struct {
		MaxSeqLength *float64 `json:"max_seq_length"`
		LowerCase    bool     `json:"do_lower_case"`
		Task         *string  `json:"transformer_task"`
	}
	if _, err := f.json(name, &v); err != nil {
		return err
	}
	if v.Task != nil && *v.Task != "feature-extraction" {
		return f.errorf(name, "%w: transformer_task %q", ErrUnsupported, *v.Task)
	}
	c.LowerCase = v.LowerCase
	limit, from, key := v.MaxSeqLength, name, "max_seq_length"
	if limit == nil {
		var t struct {
			MaxLength *float64 `json:"model_max_length"` // 1e30 where it is not known
		}
		from, key = "tokenizer_config.json", "model_max_length"
		if _, err := f.json(from, &t); err != nil {
			return err
		}
		limit = t.MaxLength
	}
	c.MaxTokens = c.Config.MaxPositionEmbeddings
	if limit != nil {
		if !(*limit >= 1) {
			return f.errorf(from, "%w: %s is %v", ErrFormat, key, *limit)
		}
		c.MaxTokens = int(min(*limit, float64(c.MaxTokens)))
	}
	return nil
}

// Raw returns config.json as it was read, for keys that this package does not know.
func (c *Checkpoint) Raw() map[string]json.RawMessage {
	raw := make(map[string]json.RawMessage, len(c.raw))
	for k, v := range c.raw {
		raw[k] = slices.Clone(v)
	}
	return raw
}
