package checkpoint

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"

	"github.com/semsearch/semsearch/encoder/transformer"
)

// Fingerprint names what the checkpoint computes, for example "bert-384-0f343b0931126a20": the kind
// of model, the size of its vectors and the first 16 hex digits of a SHA-256 over the configuration,
// the tokenizer, the weights, the pooling and the prompts. It is the same in every process and on
// every machine, wherever the folder lies, whatever it is called and however the weights are split
// over files. Two checkpoints with the same fingerprint give the same vectors.
func (c *Checkpoint) Fingerprint() string { return c.fingerprint }

// fingerprintVersion is part of the hash. What is hashed must not change without it: a field added to
// the settings or to transformer.Config needs omitzero, so that older models keep their fingerprint.
//
// 1: first release
const fingerprintVersion = 1

// hash computes the fingerprint. Every part is written with its length before it.
func (c *Checkpoint) hash(tok *tokenizerFiles, w *weights) (string, error) {
	settings, err := json.Marshal(struct {
		Version       int
		Tokenizer     string
		Options       json.RawMessage
		Config        transformer.Config
		MaxTokens     int
		Pooling       PoolingMode
		Normalize     bool
		LowerCase     bool
		Prompts       map[string]string // json sorts the keys
		DefaultPrompt string
		ExcludePrompt bool
		Quantization  json.RawMessage `json:",omitzero"` // quantization_config
		Int8          bool            `json:",omitzero"` // Options.Int8 of a float checkpoint
	}{fingerprintVersion, tok.file, tok.said, c.Config, c.MaxTokens, c.Pooling, c.Normalize, c.LowerCase, c.Prompts, c.DefaultPrompt, c.ExcludePrompt, c.quantSaid, c.int8})
	if err != nil {
		return "", err
	}
	h := sha256.New()
	put(h, settings)
	put(h, tok.data)
	buf := make([]byte, 1<<16)
	for _, name := range slices.Sorted(maps.Keys(w.tensors)) {
		s := w.tensors[name]
		info, _ := s.file.Info(name)
		put(h, fmt.Appendf(nil, "%s %s %v", name, info.DType, info.Shape))
		r, err := s.file.Raw(name)
		if err == nil {
			_, err = io.CopyBuffer(h, r, buf)
		}
		if err != nil {
			return "", w.folder.errorf(s.name, "%s: %w", name, err)
		}
	}
	return fmt.Sprintf("%s-%d-%x", c.Config.ModelType, c.Config.HiddenSize*len(c.Pooling.Modes()), h.Sum(nil)[:8]), nil
}

// put writes a length and the bytes.
func put(h hash.Hash, b []byte) {
	h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(b))))
	h.Write(b)
}
