package qa

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/semsearch/semsearch/db"
)

// Answerer answers questions: a retriever that finds passages, a reader that reads them,
// and a calibration that says how far to trust what was read. It is safe for concurrent
// use when the retriever is.
type Answerer struct {
	r   Retriever
	rd  *Reader
	cal *Calibration
}

// AnswererOptions says how an Answerer is made. The zero value, and nil, are the defaults.
type AnswererOptions struct {
	Calibration   *Calibration // nil means that of the reader, if it has one
	NoCalibration bool         // use none, even if the reader has one
}

// NewAnswerer returns an Answerer. It is ErrInvalid when the retriever or the reader is
// nil, and ErrCalibration when the calibration was fitted to another reader.
func NewAnswerer(r Retriever, rd *Reader, o *AnswererOptions) (*Answerer, error) {
	if r == nil || rd == nil {
		return nil, fmt.Errorf("no retriever or no reader: %w", ErrInvalid)
	}
	a := &Answerer{r: r, rd: rd, cal: rd.Calibration()}
	if o == nil {
		return a, nil
	}
	if o.Calibration != nil {
		if err := o.Calibration.fits(rd); err != nil {
			return nil, err
		}
		a.cal = o.Calibration
	}
	if o.NoCalibration {
		a.cal = nil
	}
	return a, nil
}

// Calibration returns the calibration in use, nil when there is none.
func (a *Answerer) Calibration() *Calibration { return a.cal }

// Ask answers a question; see the function Ask.
func (a *Answerer) Ask(ctx context.Context, question string, o *AskOptions) ([]Answer, error) {
	t, err := a.ask(ctx, question, o)
	if err != nil {
		return nil, err
	}
	return t.answers(), nil
}

// Stream answers a question while it is read: it gives the best answer so far each time
// that changes, its confidence included. The last one given is the first that Ask
// returns. An answer may be given and then declined when more was read: the stream then
// gives an Answer whose Text is empty. Passages are read one after the other, best first,
// which takes longer in all than reading them together. An error ends the stream.
func (a *Answerer) Stream(ctx context.Context, question string, o *AskOptions) iter.Seq2[Answer, error] {
	return func(yield func(Answer, error) bool) {
		t, err := a.retrieve(ctx, question, o)
		if err != nil {
			yield(Answer{}, err)
			return
		}
		var last Answer
		for n := range t.hits {
			if n > 0 && t.late() {
				return
			}
			rs, err := a.readHits(ctx, t, t.hits[n:n+1])
			if err != nil {
				yield(Answer{}, err)
				return
			}
			t.readings = append(t.readings, rs...)
			part := *t
			part.hits = t.hits[:n+1]
			part.weigh()
			var best Answer
			if as := part.answers(); len(as) > 0 {
				best = as[0]
			}
			if best.ID == last.ID && best.Text == last.Text && best.Start == last.Start && best.Confidence == last.Confidence {
				continue
			}
			last = best
			if !yield(best, nil) {
				return
			}
		}
	}
}

// trace is a question on its way to its answers.
type trace struct {
	question string
	opt      AskOptions // filled in
	own      AskOptions // as given
	cal      *Calibration
	titles   bool // passages are read with their titles
	begun    time.Time

	hits     []db.Hit
	readings []Reading // of the first hits
	found    []found   // distinct spans, most evidence first
}

// ask retrieves, reads and weighs.
func (a *Answerer) ask(ctx context.Context, question string, o *AskOptions) (*trace, error) {
	t, err := a.retrieve(ctx, question, o)
	if err != nil {
		return nil, err
	}
	if err := a.read(ctx, t); err != nil {
		return nil, err
	}
	t.weigh()
	return t, nil
}

// retrieve finds the passages to read.
func (a *Answerer) retrieve(ctx context.Context, question string, o *AskOptions) (*trace, error) {
	opt, err := fillAskOptions(a.rd, o)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(question) == "" {
		return nil, fmt.Errorf("empty question: %w", ErrInvalid)
	}
	t := &trace{question: question, opt: opt, cal: a.cal, begun: time.Now()}
	if o != nil {
		t.own = *o
	}
	switch {
	case opt.Titles != nil:
		t.titles = *opt.Titles
	case a.cal != nil:
		t.titles = a.cal.Titles
	}
	hits, err := a.r.Query(ctx, question, opt.Query)
	if err != nil {
		return nil, err
	}
	t.hits = hits[:min(len(hits), opt.Passages)]
	return t, nil
}

// read reads all passages together, or, under a limit of time, one after the other.
func (a *Answerer) read(ctx context.Context, t *trace) error {
	for len(t.readings) < len(t.hits) {
		n := len(t.readings)
		next := t.hits[n:]
		if t.opt.Time > 0 {
			if n > 0 && t.late() {
				break
			}
			next = next[:1]
		}
		rs, err := a.readHits(ctx, t, next)
		if err != nil {
			return err
		}
		t.readings = append(t.readings, rs...)
	}
	t.hits = t.hits[:len(t.readings)]
	return nil
}

// readHits reads the passages of hits.
func (a *Answerer) readHits(ctx context.Context, t *trace, hits []db.Hit) ([]Reading, error) {
	// What a span is worth depends on the others beside it, so their number does not follow
	// K where K is small.
	o := &ReadOptions{Spans: max(t.opt.K, DefaultSpans), MaxAnswerTokens: t.opt.MaxAnswerTokens}
	passages := make([]string, len(hits))
	for i, h := range hits {
		passages[i] = h.Text
		if t.titles {
			o.Titles = append(o.Titles, h.Title)
		}
	}
	return a.rd.Read(ctx, t.question, passages, o)
}

// late reports whether the time for reading is over.
func (t *trace) late() bool { return t.opt.Time > 0 && time.Since(t.begun) >= t.opt.Time }

// byThreshold reports whether the threshold of the reader decides what is an answer.
func (t *trace) byThreshold() bool {
	return t.own.MinConfidence == nil && (t.own.Threshold != nil || t.cal == nil)
}

// weigh fills in the spans found, with features and probabilities.
func (t *trace) weigh() {
	t.found = weigh(t.hits, t.readings, &t.opt, t.byThreshold())
	describe(t.question, t.hits, t.readings, t.found)
	t.cal.apply(t.found)
}

// given reports whether a span is given as an answer.
func (t *trace) given(f *found) bool {
	switch {
	case t.own.MinConfidence != nil:
		return f.confidence >= *t.own.MinConfidence
	case t.byThreshold():
		return f.passes
	}
	return f.answerable >= t.cal.MinAnswerable
}

// answers are those of the spans that are given, best first. Unless a confidence was asked
// for, there are none when the best span is not given: the others are weaker.
func (t *trace) answers() []Answer {
	var out []Answer
	for i := range t.found {
		f := &t.found[i]
		if !t.given(f) {
			if i == 0 && t.own.MinConfidence == nil {
				return nil
			}
			continue
		}
		if len(out) == t.opt.K {
			break
		}
		out = append(out, f.answer())
	}
	return out
}
