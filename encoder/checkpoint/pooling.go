package checkpoint

import (
	"encoding/json"
	"fmt"
	"strings"
)

// PoolingMode says how the vectors of the tokens of a text become one vector. It is one of the
// constants below, or several joined with "+": their vectors are then put one after the other.
type PoolingMode string

// The modes of sentence-transformers, under the names it gives them.
const (
	PoolCLS          PoolingMode = "cls"                  // the first token
	PoolMax          PoolingMode = "max"                  // the largest of each coordinate
	PoolMean         PoolingMode = "mean"                 // the mean over all tokens
	PoolMeanSqrtLen  PoolingMode = "mean_sqrt_len_tokens" // the sum over the root of their number
	PoolWeightedMean PoolingMode = "weightedmean"         // the mean, token i (from 1) counted i times
	PoolLastToken    PoolingMode = "lasttoken"            // the last token
)

// poolingFlags are the older keys of a pooling config.json, in the order in which sentence-transformers
// joins their vectors.
var poolingFlags = []struct {
	key  string
	mode PoolingMode
}{
	{"pooling_mode_cls_token", PoolCLS},
	{"pooling_mode_max_tokens", PoolMax},
	{"pooling_mode_mean_tokens", PoolMean},
	{"pooling_mode_mean_sqrt_len_tokens", PoolMeanSqrtLen},
	{"pooling_mode_weightedmean_tokens", PoolWeightedMean},
	{"pooling_mode_lasttoken", PoolLastToken},
}

// Modes returns the single modes p is made of, in the order of their vectors.
func (p PoolingMode) Modes() []PoolingMode {
	var modes []PoolingMode
	for m := range strings.SplitSeq(string(p), "+") {
		modes = append(modes, PoolingMode(m))
	}
	return modes
}

func joinModes(modes []PoolingMode) PoolingMode {
	var s []string
	for _, m := range modes {
		s = append(s, string(m))
	}
	return PoolingMode(strings.Join(s, "+"))
}

// poolingConfig is what 1_Pooling/config.json says.
type poolingConfig struct {
	mode          PoolingMode
	dimension     int // of a token vector; 0 when the file does not say
	excludePrompt bool
}

// parsePooling reads a pooling config.json: flags that may be combined, or since version 5.3 of
// sentence-transformers the name or a list of names under "pooling_mode".
func parsePooling(data []byte) (poolingConfig, error) {
	c := poolingConfig{}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return c, err
	}
	get := func(key string, v any) error {
		if r, ok := raw[key]; ok {
			if err := json.Unmarshal(r, v); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
		return nil
	}
	include := true
	for key, v := range map[string]any{
		"word_embedding_dimension": &c.dimension, "embedding_dimension": &c.dimension, "include_prompt": &include,
	} {
		if err := get(key, v); err != nil {
			return c, err
		}
	}
	c.excludePrompt = !include

	var modes []PoolingMode
	if r, ok := raw["pooling_mode"]; ok && string(r) != "null" {
		var one PoolingMode
		if json.Unmarshal(r, &one) == nil {
			modes = []PoolingMode{PoolingMode(strings.ToLower(string(one)))}
		} else if err := get("pooling_mode", &modes); err != nil {
			return c, err
		}
	} else {
		for _, f := range poolingFlags {
			on := false
			if err := get(f.key, &on); err != nil {
				return c, err
			}
			if on {
				modes = append(modes, f.mode)
			}
			delete(raw, f.key)
		}
		for key := range raw {
			if strings.HasPrefix(key, "pooling_mode_") {
				return c, fmt.Errorf("%w: %s", ErrUnsupported, key)
			}
		}
		if len(modes) == 0 {
			modes = []PoolingMode{PoolMean}
		}
	}
	if len(modes) == 0 {
		return c, fmt.Errorf("%w: pooling_mode is empty", ErrFormat)
	}
	for _, m := range modes {
		if !knownMode(m) {
			return c, fmt.Errorf("%w: pooling mode %q", ErrUnsupported, m)
		}
	}
	c.mode = joinModes(modes)
	return c, nil
}

func knownMode(m PoolingMode) bool {
	for _, f := range poolingFlags {
		if f.mode == m {
			return true
		}
	}
	return false
}
