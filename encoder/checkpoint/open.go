package checkpoint

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/semsearch/semsearch/encoder/tokenizer"
	"github.com/semsearch/semsearch/encoder/transformer"
)

// Checkpoint is an opened model folder. It is safe for concurrent use as long as nobody changes its
// fields.
type Checkpoint struct {
	Name         string // of the folder, for people to read
	Architecture string // "BertModel", "BertForQuestionAnswering", ...
	Config       transformer.Config
	Tokenizer    *tokenizer.Tokenizer
	Model        *transformer.Model
	MaxTokens    int // longest sequence, template tokens counted: what the folder says, never more than the model has positions

	SentenceEncoder bool              // there is a modules.json; without it the fields below are defaults
	Pooling         PoolingMode       // PoolMean without modules.json
	Normalize       bool              // the folder asks for unit vectors
	LowerCase       bool              // the text is put into lower case before the tokenizer sees it
	Prompts         map[string]string // texts to put before a text, by name
	DefaultPrompt   string            // name of the prompt for a text of no other kind; "" means none
	ExcludePrompt   bool              // the tokens of the prompt do not count in the pooling

	dir         string // of the transformer, inside the folder
	poolDim     int
	raw         map[string]json.RawMessage
	heads       map[string]head
	fingerprint string
	quant       quantization
	quantSaid   json.RawMessage // quantization_config, nil when there is none
	int8        bool            // a float checkpoint that runs in int8
}

// Options says how a checkpoint is opened. The zero value, and nil, are the defaults.
type Options struct {
	// Int8 runs the encoder layers of a float checkpoint in int8: about three times as fast, in a
	// quarter of the memory, with vectors that differ a little, so that the fingerprint does too. The
	// weights are quantised while they are read, as Quantize does it, which makes opening slower; word
	// embeddings stay float. A checkpoint that is int8 already is opened as it is.
	Int8 bool
}

// Open opens the checkpoint in a folder. The error names the file, and the tensor or key where there
// is one; it wraps ErrUnsupported, ErrFormat or what the file system returned, such as
// fs.ErrNotExist. The folder is not needed afterwards.
func Open(dir string) (*Checkpoint, error) { return OpenWith(dir, nil) }

// OpenWith is Open with options.
func OpenWith(dir string, o *Options) (*Checkpoint, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, cause(err))
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s: %w: a file, want the folder of a model", dir, ErrFormat)
	}
	return open(folder{os.DirFS(dir), ".", filepath.ToSlash(dir)}, readableName(dir), o)
}

// OpenFS opens the checkpoint at the root of a file system, which may be an embed.FS; name is the
// checkpoint's name, also in errors. The errors are those of Open.
func OpenFS(fsys fs.FS, name string) (*Checkpoint, error) { return OpenFSWith(fsys, name, nil) }

// OpenFSWith is OpenFS with options.
func OpenFSWith(fsys fs.FS, name string, o *Options) (*Checkpoint, error) {
	return open(folder{fsys, ".", name}, name, o)
}

// readableName is the last part of the path, except in the cache of the Hugging Face hub, where a
// folder is models--owner--name/snapshots/commit.
func readableName(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	up := filepath.Dir(dir)
	if hub, ok := strings.CutPrefix(filepath.Base(filepath.Dir(up)), "models--"); ok && filepath.Base(up) == "snapshots" {
		return strings.ReplaceAll(hub, "--", "/")
	}
	return filepath.Base(dir)
}

func open(root folder, name string, o *Options) (*Checkpoint, error) {
	if o == nil {
		o = new(Options)
	}
	c := &Checkpoint{Name: name}

	// What the folder says about itself.
	dir, err := c.modules(root)
	if err != nil {
		return nil, err
	}
	if err := c.prompts(root); err != nil {
		return nil, err
	}
	c.dir = dir
	f := root.sub(dir)
	if err := c.config(f); err != nil {
		return nil, err
	}
	if err := c.quantization(f); err != nil {
		return nil, err
	}
	c.int8 = o.Int8 && !c.Quantized()
	if err := c.length(f); err != nil {
		return nil, err
	}
	tok, err := readTokenizer(f)
	if err != nil {
		return nil, err
	}
	if c.Tokenizer, err = tok.build(f); err != nil {
		return nil, err
	}
	if n := c.Tokenizer.VocabSize(); n > c.Config.VocabSize {
		return nil, f.errorf(tok.file, "%w: %d tokens, but vocab_size is %d", ErrFormat, n, c.Config.VocabSize)
	}

	// The weights; they are hashed while the model is built from them.
	w, err := openWeights(f, &c.quant)
	if err != nil {
		return nil, err
	}
	defer w.close()
	sum := make(chan error, 1)
	go func() {
		var err error
		c.fingerprint, err = c.hash(tok, w)
		sum <- err
	}()
	prefix := ""
	if w.Has("bert.embeddings.word_embeddings.weight") {
		prefix = "bert."
	}
	var ws transformer.Int8Weights = w
	if c.int8 {
		ws = transformer.Quantized(w)
	}
	c.Model, err = transformer.New(c.Config, ws, prefix)
	if err == nil {
		c.heads, err = w.heads(prefix)
	}
	if err = cmp.Or(err, <-sum); err != nil {
		return nil, err
	}
	return c, nil
}
