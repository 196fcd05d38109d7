package qa

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"

	"github.com/semsearch/semsearch/encoder/checkpoint"
	"github.com/semsearch/semsearch/encoder/tokenizer"
	"github.com/semsearch/semsearch/encoder/transformer"
	"github.com/semsearch/semsearch/internal/f32"
)

// Defaults of ReaderOptions and ReadOptions. The first three are those of the
// reference code of BERT (run_squad.py), but for the overlap of windows, which
// there is whatever a step of 128 leaves.
const (
	DefaultMaxTokens       = 384
	DefaultOverlap         = 128
	DefaultQuestionTokens  = 64
	DefaultBatchTokens     = 4096
	DefaultSpans           = 3
	DefaultMaxAnswerTokens = 30
)

// ReaderOptions says how a reader cuts its input. The zero value, and nil, are
// the defaults. No field changes which texts can be read.
type ReaderOptions struct {
	MaxTokens      int      // tokens of one window, question and template included; 0 means 384, at most what the checkpoint takes
	Overlap        int      // tokens that neighboring windows of a passage share; 0 means 128, at most half of what a window holds. Larger gives spans more context and takes longer.
	QuestionTokens int      // tokens read of a question, the rest is cut off; 0 means 64, at most half a window
	BatchTokens    int      // tokens of one forward pass, at least one window; 0 means 4096. Changes memory and speed, never results.
	Threshold      *float64 // see Reader.Threshold; nil means what the checkpoint says, or 0

	// Calibration says how likely answers are right. It must have been fitted to this
	// checkpoint, else NewReader is ErrCalibration. nil means none.
	Calibration *Calibration
}

// ReadOptions says which spans are looked for. The zero value, and nil, are the
// defaults.
type ReadOptions struct {
	Spans           int // most spans of a passage; 0 means 3
	MaxAnswerTokens int // longest span in tokens, before it is widened to whole words; 0 means 30

	// Titles are read before the passages, with a line break between, as context that holds
	// no span: one a passage, at most 200 bytes of each, "" for none. nil means none at all.
	// A passage of several windows has its title in the first. Titles help a reader that was
	// trained with them and confuse one that was not.
	Titles []string
}

// Span is a part of a passage that may answer the question.
type Span struct {
	Start, End  int     // byte range in the passage
	Text        string  // passage[Start:End]
	Score       float64 // start logit + end logit - null score of the passage. Above 0: better than no answer.
	Probability float64 // softmax of the score over all spans of the passage and the null; 0..1, not calibrated
}

// Reading is what a reader found in one passage.
type Reading struct {
	Spans   []Span  // best first, none overlaps another
	Null    float64 // null score: the least of start + end logit of [CLS] over the windows
	Windows int     // how many windows the passage was read in; 0 if it holds no text
}

// Reader answers questions from passages with one checkpoint. It is safe for
// concurrent use.
type Reader struct {
	ck    *checkpoint.Checkpoint
	tok   pairTokenizer
	model scorer
	opt   ReaderOptions // filled in
	tmpl  template
	null  float64 // threshold
	cal   *Calibration
}

// pairTokenizer is what a Reader asks of *tokenizer.Tokenizer.
type pairTokenizer interface {
	Tokens(text string) []tokenizer.Token
	BuildPair(a, b []tokenizer.Token) tokenizer.Encoding
}

// scorer gives each token of a batch its start and its end logit. start and end
// hold as many values as the batch has tokens.
type scorer interface {
	score(ctx context.Context, b transformer.Batch, start, end []float32) error
}

// Open opens the checkpoint in the folder dir and returns a reader with default
// options. See checkpoint.Open for the files and further errors. A calibration in the
// folder is used when it was fitted to this checkpoint; one of other weights is left
// alone. One that cannot be read is ErrCalibration.
func Open(dir string) (*Reader, error) {
	ck, err := checkpoint.Open(dir)
	if err != nil {
		return nil, err
	}
	rd, err := NewReader(ck, nil)
	if err != nil {
		return nil, err
	}
	if err := rd.loadCalibration(os.DirFS(dir)); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return rd, nil
}

// OpenFS opens the checkpoint at the root of a file system, which may be an embed.FS; name
// is its name, also in errors. Otherwise it is Open.
func OpenFS(fsys fs.FS, name string) (*Reader, error) {
	ck, err := checkpoint.OpenFS(fsys, name)
	if err != nil {
		return nil, err
	}
	rd, err := NewReader(ck, nil)
	if err != nil {
		return nil, err
	}
	if err := rd.loadCalibration(fsys); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return rd, nil
}

// loadCalibration takes the calibration in a folder, if there is one for this reader.
func (rd *Reader) loadCalibration(fsys fs.FS) error {
	c, err := readCalibrationFS(fsys)
	if err == nil && c != nil && c.fits(rd) == nil {
		rd.cal = c
	}
	return err
}

// NewReader returns a reader over a BertForQuestionAnswering checkpoint. It is
// ErrNotReader when ck is another model, ErrInvalid when an option is negative,
// and an error of package checkpoint when the head (qa_outputs) is missing or
// of the wrong shape.
func NewReader(ck *checkpoint.Checkpoint, o *ReaderOptions) (*Reader, error) {
	if ck == nil {
		return nil, fmt.Errorf("no checkpoint: %w", ErrInvalid)
	}
	if !strings.HasSuffix(ck.Architecture, "ForQuestionAnswering") {
		return nil, fmt.Errorf("%s: architecture %q, want BertForQuestionAnswering: %w", ck.Name, ck.Architecture, ErrNotReader)
	}
	hidden := ck.Config.HiddenSize
	head, err := ck.Linear("qa_outputs", 2, hidden)
	if err != nil {
		return nil, err
	}
	threshold := 0.0
	if raw, ok := ck.Raw()["semsearch_null_threshold"]; ok {
		if err := json.Unmarshal(raw, &threshold); err != nil {
			return nil, fmt.Errorf("%s: config.json: semsearch_null_threshold is %s, want a number: %w", ck.Name, raw, checkpoint.ErrFormat)
		}
	}
	limit := ck.Config.MaxPositionEmbeddings
	if ck.MaxTokens > 0 && (limit <= 0 || ck.MaxTokens < limit) {
		limit = ck.MaxTokens
	}
	rd, err := newReader(ck.Tokenizer, &headScorer{model: ck.Model, head: head, hidden: hidden}, limit, threshold, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ck.Name, err)
	}
	rd.ck = ck
	if o != nil && o.Calibration != nil {
		if err := o.Calibration.fits(rd); err != nil {
			return nil, fmt.Errorf("%s: calibration: %w", ck.Name, err)
		}
		rd.cal = o.Calibration
	}
	return rd, nil
}

// newReader fills in the options; limit is what the model takes, in tokens.
func newReader(tok pairTokenizer, model scorer, limit int, threshold float64, o *ReaderOptions) (*Reader, error) {
	rd := &Reader{tok: tok, model: model, null: threshold}
	if o != nil {
		rd.opt = *o
	}
	opt := &rd.opt
	for _, f := range []struct {
		name string
		v    *int
		def  int
	}{
		{"MaxTokens", &opt.MaxTokens, DefaultMaxTokens},
		{"Overlap", &opt.Overlap, DefaultOverlap},
		{"QuestionTokens", &opt.QuestionTokens, DefaultQuestionTokens},
		{"BatchTokens", &opt.BatchTokens, DefaultBatchTokens},
	} {
		if *f.v < 0 {
			return nil, fmt.Errorf("ReaderOptions.%s is %d: %w", f.name, *f.v, ErrInvalid)
		}
		if *f.v == 0 {
			*f.v = f.def
		}
	}
	if opt.Threshold != nil {
		rd.null = *opt.Threshold
	}
	if math.IsNaN(rd.null) {
		return nil, fmt.Errorf("threshold is not a number: %w", ErrInvalid)
	}
	if limit > 0 {
		opt.MaxTokens = min(opt.MaxTokens, limit)
	}
	var err error
	if rd.tmpl, err = probeTemplate(tok); err != nil {
		return nil, err
	}
	room := opt.MaxTokens - rd.tmpl.overhead()
	if room < 2 {
		return nil, fmt.Errorf("windows of %d tokens leave no room beside %d template tokens: %w", opt.MaxTokens, rd.tmpl.overhead(), ErrInvalid)
	}
	opt.QuestionTokens = min(opt.QuestionTokens, room/2)
	return rd, nil
}

// Threshold is how far the null score may lie above a span that is still given
// as an answer: an answer needs Span.Score >= -Threshold.
func (rd *Reader) Threshold() float64 { return rd.null }

// Checkpoint returns the checkpoint that the reader was made from.
func (rd *Reader) Checkpoint() *checkpoint.Checkpoint { return rd.ck }

// Calibration returns the reader's calibration, nil when it has none.
func (rd *Reader) Calibration() *Calibration { return rd.cal }

// Fingerprint names what the reader computes: that of its checkpoint.
func (rd *Reader) Fingerprint() string {
	if rd.ck == nil {
		return ""
	}
	return rd.ck.Fingerprint()
}

// Read looks for spans of each passage that answer the question. The result has
// one Reading a passage, in order; a passage without text has none of either. A
// passage longer than a window is read in several, see ReaderOptions. Passages
// do not influence each other.
//
// Read is ErrInvalid when the question holds no words or an option is negative,
// the error of ctx when that is done, and ErrModel when the checkpoint computes
// values that are not numbers.
func (rd *Reader) Read(ctx context.Context, question string, passages []string, o *ReadOptions) ([]Reading, error) {
	if rd == nil {
		return nil, fmt.Errorf("no reader: %w", ErrInvalid)
	}
	opt, err := fillReadOptions(o)
	if err != nil {
		return nil, err
	}
	if opt.Titles != nil && len(opt.Titles) != len(passages) {
		return nil, fmt.Errorf("%d titles of %d passages: %w", len(opt.Titles), len(passages), ErrInvalid)
	}
	if strings.TrimSpace(question) == "" {
		return nil, fmt.Errorf("empty question: %w", ErrInvalid)
	}
	q := rd.tok.Tokens(question)
	if len(q) == 0 {
		return nil, fmt.Errorf("question %q holds no tokens: %w", question, ErrInvalid)
	}
	q = q[:min(len(q), rd.opt.QuestionTokens)]
	if err := ctx.Err(); err != nil {
		return nil, err
	}

	texts := make([]*passage, len(passages))
	var wins []*window
	for i, p := range passages {
		title := ""
		if opt.Titles != nil {
			title = opt.Titles[i]
		}
		texts[i] = rd.newPassage(title, p, rd.opt.MaxTokens-rd.tmpl.overhead()-len(q))
		wins = append(wins, texts[i].windows...)
	}
	if err := rd.scoreWindows(ctx, q, wins); err != nil {
		return nil, err
	}
	out := make([]Reading, len(passages))
	for i, p := range texts {
		out[i] = p.read(opt)
	}
	return out, nil
}

func fillReadOptions(o *ReadOptions) (ReadOptions, error) {
	var opt ReadOptions
	if o != nil {
		opt = *o
	}
	if opt.Spans < 0 || opt.MaxAnswerTokens < 0 {
		return opt, fmt.Errorf("negative ReadOptions: %w", ErrInvalid)
	}
	if opt.Spans == 0 {
		opt.Spans = DefaultSpans
	}
	if opt.MaxAnswerTokens == 0 {
		opt.MaxAnswerTokens = DefaultMaxAnswerTokens
	}
	return opt, nil
}

// scoreWindows runs the model over all windows, as many in one forward pass as
// the token budget takes, and leaves the logits in them.
func (rd *Reader) scoreWindows(ctx context.Context, q []tokenizer.Token, wins []*window) error {
	for len(wins) > 0 {
		b := transformer.Batch{Starts: []int{0}}
		n := 0
		for n < len(wins) {
			size := rd.tmpl.overhead() + len(q) + len(wins[n].tokens())
			if n > 0 && len(b.IDs)+size > rd.opt.BatchTokens {
				break
			}
			enc := rd.tok.BuildPair(q, wins[n].tokens())
			if len(enc.IDs) != size || len(enc.TypeIDs) != size {
				return fmt.Errorf("tokenizer made %d ids and %d type ids of %d tokens: %w", len(enc.IDs), len(enc.TypeIDs), size, ErrNotReader)
			}
			b.IDs = append(b.IDs, enc.IDs...)
			b.TypeIDs = append(b.TypeIDs, enc.TypeIDs...)
			b.Starts = append(b.Starts, len(b.IDs))
			n++
		}
		start, end := make([]float32, len(b.IDs)), make([]float32, len(b.IDs))
		if err := rd.model.score(ctx, b, start, end); err != nil {
			return err
		}
		for i, w := range wins[:n] {
			lo, hi := b.Starts[i], b.Starts[i+1]
			if err := w.take(start[lo:hi], end[lo:hi], rd.tmpl.before+len(q)+rd.tmpl.between); err != nil {
				return err
			}
		}
		wins = wins[n:]
	}
	return nil
}

// headScorer is the model of a checkpoint with its linear layer.
type headScorer struct {
	model  *transformer.Model
	head   *f32.Linear // (2, hidden): start, end
	hidden int
}

func (s *headScorer) score(ctx context.Context, b transformer.Batch, start, end []float32) error {
	n := len(b.IDs)
	hidden := make([]float32, n*s.hidden) // (tokens, hidden)
	if err := s.model.Forward(ctx, b, hidden); err != nil {
		return err
	}
	logits := make([]float32, 2*n) // (tokens, 2)
	s.head.Apply(logits, hidden, n)
	for i := range n {
		start[i], end[i] = logits[2*i], logits[2*i+1]
	}
	return nil
}

// template is how many tokens the tokenizer's template puts around the two
// texts of a pair: [CLS] question [SEP] passage [SEP] is 1, 1, 1.
type template struct {
	before, between, after int
	special                map[int32]bool // the ids of these tokens
}

func (t template) overhead() int { return t.before + t.between + t.after }

// probeTemplate builds a pair of one token each and looks where they went.
func probeTemplate(tok pairTokenizer) (template, error) {
	t := template{special: map[int32]bool{}}
	one := []tokenizer.Token{{ID: 0, Start: 0, End: 1}}
	enc := tok.BuildPair(one, one)
	if len(enc.Special) != len(enc.IDs) {
		return t, fmt.Errorf("tokenizer marks %d of %d tokens: %w", len(enc.Special), len(enc.IDs), ErrNotReader)
	}
	texts := 0
	for i, special := range enc.Special {
		switch {
		case !special:
			texts++
			continue
		case texts == 0:
			t.before++
		case texts == 1:
			t.between++
		default:
			t.after++
		}
		t.special[enc.IDs[i]] = true
	}
	if texts != 2 || t.before == 0 {
		return t, fmt.Errorf("tokenizer has no template for pairs with a leading token: %w", ErrNotReader)
	}
	return t, nil
}
