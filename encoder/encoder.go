package encoder

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"

	"github.com/semsearch/semsearch/encoder/checkpoint"
)

// Options changes how texts are encoded. The zero value follows the checkpoint.
type Options struct {
	// QueryPrompt and PassagePrompt are put before each query and each passage. nil means the prompt
	// that the checkpoint has for them, if any.
	QueryPrompt, PassagePrompt *string

	// MaxTokens is the longest sequence, template tokens and prompt counted; the rest of a text is
	// cut off. 0 means what the checkpoint says. More, up to the positions of the model, reads more
	// of a long text and takes longer, but the model may not have been trained for it.
	MaxTokens int

	// BatchTokens bounds the tokens that are in memory at once in one call; 0 means 4096. A token
	// takes about 4*HiddenSize bytes here, and no more than 2048 of them 16*HiddenSize more.
	BatchTokens int

	// Int8 runs a float checkpoint in int8, see checkpoint.Options: faster, in less memory, with
	// another fingerprint. It is for Open; New takes a checkpoint as it was opened.
	Int8 bool
}

const defaultBatchTokens = 4096

// Encoder encodes text. It is safe for concurrent use.
type Encoder struct {
	ck      *checkpoint.Checkpoint
	modes   []checkpoint.PoolingMode
	query   prompt
	passage prompt
	max     int // tokens of a sequence
	room    int // tokens of a passage
	batch   int
	id      string
	states  sync.Pool // of *state
}

// prompt is a text before a text.
type prompt struct {
	text string
	skip int // tokens at the start of the sequence that do not count in the pooling
}

// Open opens the checkpoint in a folder and makes an encoder of it; nil options mean the zero
// Options. The errors are those of checkpoint.Open and of New.
func Open(dir string, o *Options) (*Encoder, error) {
	var co checkpoint.Options
	if o != nil {
		co.Int8 = o.Int8
	}
	ck, err := checkpoint.OpenWith(dir, &co)
	if err != nil {
		return nil, err
	}
	return New(ck, o)
}

// New makes an encoder of an open checkpoint; nil options mean the zero Options. A folder without
// modules.json is pooled by the mean over all tokens. The error wraps ErrNotEncoder for a model with
// a head and no modules.json, and ErrOptions.
func New(ck *checkpoint.Checkpoint, o *Options) (*Encoder, error) {
	if o == nil {
		o = new(Options)
	}
	switch ck.Architecture {
	case "BertModel", "BertForMaskedLM":
	default:
		if !ck.SentenceEncoder {
			return nil, fmt.Errorf("%s: %w: a %s without modules.json", ck.Name, ErrNotEncoder, ck.Architecture)
		}
	}
	e := &Encoder{ck: ck, modes: ck.Pooling.Modes(), max: ck.MaxTokens, batch: defaultBatchTokens, id: ck.Fingerprint()}
	if o.MaxTokens != 0 {
		e.max = o.MaxTokens
	}
	if o.BatchTokens != 0 {
		e.batch = o.BatchTokens
	}
	if e.max < 0 || e.max > ck.Config.MaxPositionEmbeddings {
		return nil, fmt.Errorf("%s: %w: MaxTokens is %d, the model has %d positions", ck.Name, ErrOptions, e.max, ck.Config.MaxPositionEmbeddings)
	}
	if e.batch < 0 {
		return nil, fmt.Errorf("%s: %w: BatchTokens is %d", ck.Name, ErrOptions, e.batch)
	}
	query, passage := ck.QueryPrompt(), ck.PassagePrompt()
	if o.QueryPrompt != nil {
		query = *o.QueryPrompt
	}
	if o.PassagePrompt != nil {
		passage = *o.PassagePrompt
	}
	var err error
	if e.query, _, err = e.prompt("QueryPrompt", query); err != nil {
		return nil, err
	}
	if e.passage, e.room, err = e.prompt("PassagePrompt", passage); err != nil {
		return nil, err
	}
	if passage != ck.PassagePrompt() || e.max != ck.MaxTokens {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", e.max, passage))
		e.id += fmt.Sprintf("+%x", sum[:4])
	}
	return e, nil
}

// prompt prepares a prompt; room is the number of tokens it leaves for the text.
func (e *Encoder) prompt(name, text string) (p prompt, room int, err error) {
	p.text = text
	room = e.max - e.ck.Tokenizer.Overhead(false) - e.CountTokens(text)
	if room < 1 {
		return p, 0, fmt.Errorf("%s: %w: %s leaves no room for a text in %d tokens", e.ck.Name, ErrOptions, name, e.max)
	}
	if e.ck.ExcludePrompt && text != "" {
		// As sentence-transformers counts: what the prompt alone becomes, less the last token
		// where the template puts one.
		enc := e.ck.Tokenizer.Encode(e.lower(text), 0)
		p.skip = len(enc.IDs)
		if n := len(enc.Special); n > 0 && enc.Special[n-1] {
			p.skip--
		}
	}
	return p, room, nil
}

// lower is the text as the tokenizer is to see it.
func (e *Encoder) lower(text string) string {
	if e.ck.LowerCase {
		return strings.ToLower(text)
	}
	return text
}

// Dim returns the length of the vectors.
func (e *Encoder) Dim() int { return e.ck.Config.HiddenSize * len(e.modes) }

// Fingerprint names what passages are encoded with: that of the checkpoint, with a suffix when
// Options change the prompt of passages or the length at which they are cut. Vectors may be compared
// when the fingerprints are equal. It does not depend on the prompt of queries, which changes how
// one searches but not what is stored.
func (e *Encoder) Fingerprint() string { return e.id }

// CountTokens returns how many tokens a text has, without prompt and template tokens.
func (e *Encoder) CountTokens(text string) int { return len(e.ck.Tokenizer.Tokens(e.lower(text))) }

// MaxTokens returns how many tokens a passage may have, as CountTokens counts them, before its end
// is cut off.
func (e *Encoder) MaxTokens() int { return e.room }

// Checkpoint returns the checkpoint the encoder was made of.
func (e *Encoder) Checkpoint() *checkpoint.Checkpoint { return e.ck }
