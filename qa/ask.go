package qa

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/semsearch/semsearch/db"
)

// Defaults of AskOptions.
const (
	DefaultAnswers    = 3
	DefaultPassages   = 8
	DefaultRankWeight = 2.0
)

// Retriever finds passages for a question, best first. *db.DB is one.
type Retriever interface {
	Query(ctx context.Context, q string, o *db.QueryOptions) ([]db.Hit, error)
}

// AskOptions says how a question is asked. The zero value, and nil, are the
// defaults.
type AskOptions struct {
	K               int              // most answers; 0 means 3
	Passages        int              // passages to read; 0 means 8. More finds more answers and takes longer.
	Query           *db.QueryOptions // how passages are found; nil means hybrid. Its K is ignored, Passages is used.
	MaxAnswerTokens int              // longest answer in tokens, before it is widened to whole words; 0 means 30
	RankWeight      *float64         // weight of the retrieval rank beside the reader's score, see Ask; nil means DefaultRankWeight

	// MinConfidence leaves out answers of a lower confidence, and takes the place of every
	// other rule about what is no answer: 0 gives an answer whenever there is a span. nil
	// means that the calibration decides, see Ask.
	MinConfidence *float64

	// Threshold leaves out answers with Span.Score < -Threshold, in place of what the
	// calibration says. nil means the calibration, or, without one, the reader's threshold.
	// Larger answers more questions, wrongly too.
	Threshold *float64

	// Titles says whether passages are read with the title of their document before them. nil
	// means as the calibration was fitted, without one false.
	Titles *bool

	// Time is how long passages may be read. Those not begun by then are left out, the worst
	// ranked first; the best is always read. 0 means no limit. With a limit the answers
	// depend on the machine.
	Time time.Duration
}

// Answer is a part of a document that answers a question.
type Answer struct {
	Text       string  // document[Start:End]
	Confidence float64 // probability that the answer is right, 0..1; Score when the reader has no calibration
	Score      float64 // 0..1, larger is better; see Ask. Not calibrated.
	ID         string  // document
	Start, End int     // byte range in the document
	Line, Col  int     // of Start, from 1; the column counts code points
	Passage    string  // the passage it was found in
	Hit        db.Hit  // that passage as it was retrieved
	Span       Span    // what the reader said: byte range in Passage, scores before retrieval is weighed in
	Support    []Place // other places that give the same answer, most evidence first
}

// Place is where an answer stands beside the place that was chosen for it.
type Place struct {
	Text       string // document[Start:End]; may differ from Answer.Text in case, articles and punctuation
	ID         string // document
	Start, End int    // byte range in the document
	Line, Col  int    // of Start, from 1; the column counts code points
	Hit        db.Hit // the passage
	Span       Span   // byte range in Hit.Text
}

// Ask finds passages for the question, reads them, and returns answers, best
// first. No answer is an empty slice and no error.
//
// The evidence for a span is what the reader and the retriever say together,
//
//	e = span score - RankWeight * ln(rank of the passage, from 1)
//
// where the span score is relative to the null score of the passage. Spans with the same
// words, but for case, punctuation and articles, are one answer; the one with most
// evidence stands for them and the others are its Support. Of spans that overlap in a
// document only the best is kept. The Score of answer i is the softmax over all distinct
// spans, those that are no answers included, and no answer,
//
//	exp(e_i) / (exp(-threshold) + sum over j of exp(e_j))
//
// With a calibration of the reader, features of the best span say how likely the
// documents hold an answer at all; below Calibration.MinAnswerable there is none. Other
// spans must pass the same bar. Without a calibration a span is an answer when its score
// reaches -threshold, whatever its rank.
//
// Ask is ErrInvalid when the question holds no words or an option is negative.
// Other errors are those of r, of Reader.Read, and of ctx.
func Ask(ctx context.Context, r Retriever, rd *Reader, question string, o *AskOptions) ([]Answer, error) {
	a, err := NewAnswerer(r, rd, nil)
	if err != nil {
		return nil, err
	}
	return a.Ask(ctx, question, o)
}

// fillAskOptions checks the options and fills in the defaults.
func fillAskOptions(rd *Reader, o *AskOptions) (AskOptions, error) {
	var opt AskOptions
	if o != nil {
		opt = *o
	}
	if opt.K < 0 || opt.Passages < 0 || opt.MaxAnswerTokens < 0 || opt.Time < 0 {
		return opt, fmt.Errorf("negative AskOptions: %w", ErrInvalid)
	}
	opt.K = cmp.Or(opt.K, DefaultAnswers)
	opt.Passages = cmp.Or(opt.Passages, DefaultPassages)
	if opt.Threshold == nil {
		t := rd.Threshold()
		opt.Threshold = &t
	}
	if opt.RankWeight == nil {
		w := DefaultRankWeight
		opt.RankWeight = &w
	}
	if math.IsNaN(*opt.Threshold) || math.IsNaN(*opt.RankWeight) || math.IsInf(*opt.RankWeight, 0) {
		return opt, fmt.Errorf("threshold or rank weight is not a number: %w", ErrInvalid)
	}
	if opt.MinConfidence != nil && !(*opt.MinConfidence >= 0 && *opt.MinConfidence <= 1) {
		return opt, fmt.Errorf("MinConfidence is %v, not 0 to 1: %w", *opt.MinConfidence, ErrInvalid)
	}
	query := db.QueryOptions{}
	if opt.Query != nil {
		query = *opt.Query
	}
	query.K = opt.Passages
	opt.Query = &query
	return opt, nil
}

// answer makes the answer of a span.
func (f *found) answer() Answer {
	p := f.place()
	an := Answer{
		Text: p.Text, Confidence: f.confidence, Score: f.share, ID: p.ID,
		Start: p.Start, End: p.End, Line: p.Line, Col: p.Col,
		Passage: f.hit.Text, Hit: *f.hit, Span: f.span,
	}
	for i := range f.same {
		an.Support = append(an.Support, f.same[i].place())
	}
	return an
}

// place says where a span stands in its document.
func (f *found) place() Place {
	line, col := position(f.hit.Line, f.hit.Col, f.hit.Text[:f.span.Start])
	return Place{
		Text: f.span.Text, ID: f.hit.ID,
		Start: f.hit.Start + f.span.Start, End: f.hit.Start + f.span.End,
		Line: line, Col: col, Hit: *f.hit, Span: f.span,
	}
}

// position moves a line and column, both from 1, over text.
func position(line, col int, text string) (int, int) {
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		line += strings.Count(text, "\n")
		text, col = text[i+1:], 1
	}
	return line, col + utf8.RuneCountInString(text)
}
