package eval

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/qa"
)

// Reader is what QA measures. *qa.Reader is one.
type Reader interface {
	Read(ctx context.Context, question string, passages []string, o *qa.ReadOptions) ([]qa.Reading, error)
}

// Asker is what AskAll measures: answers over a database, best first.
type Asker func(ctx context.Context, question string) ([]qa.Answer, error)

// QAOptions says how questions are put. The zero value, and nil, are the
// defaults.
type QAOptions struct {
	Read      *qa.ReadOptions       // nil means the defaults
	Threshold float64               // leave a question unanswered when its best span scores below -Threshold; only in sets of SQuAD 2.0 rules
	Limit     int                   // at most this many questions; 0 means all
	Progress  func(done, total int) // called after each question, from the calling goroutine
}

// QAReport holds the figures of the official scripts, 0..100. For a set under
// the rules of SQuAD 1.1 every question counts as having an answer.
type QAReport struct {
	Questions   int
	Exact, F1   float64
	ExactRange  Interval
	F1Range     Interval
	HasAns      int     // questions with an answer
	HasAnsExact float64 // exact match over these
	HasAnsF1    float64
	NoAns       int     // questions without
	NoAnsAcc    float64 // share left unanswered; exact match and F1 are the same here

	Answered      int     // questions that got any answer
	RightDocument float64 // end to end only: share of questions whose first answer lies in the context asked about
	AnyExact      float64 // end to end only: best exact match among all answers given to a question
	AnyF1         float64

	Predictions map[string]string // question id -> answer, "" for none; the form the official scripts read
}

// QA reads each question with its own context, as the official task is set,
// and takes the best span. Errors are those of rd.
func QA(ctx context.Context, rd Reader, set *SQuAD, o *QAOptions) (*QAReport, error) {
	var opt QAOptions
	if o != nil {
		opt = *o
	}
	read := qa.ReadOptions{}
	if opt.Read != nil {
		read = *opt.Read
	}
	read.Spans = 1
	t := newTally(set)
	qs := limit(set.Questions, opt.Limit)
	for i := range qs {
		q := &qs[i]
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rs, err := rd.Read(ctx, q.Text, []string{set.Contexts[q.Context].Text}, &read)
		if err != nil {
			return nil, fmt.Errorf("question %q: %w", q.ID, err)
		}
		var answer string
		if len(rs) != 1 {
			return nil, fmt.Errorf("question %q: reader gave %d readings for 1 passage", q.ID, len(rs))
		}
		if len(rs[0].Spans) > 0 {
			if best := rs[0].Spans[0]; !set.V2 || best.Score >= -opt.Threshold {
				answer = best.Text
			}
		}
		t.add(q, answer)
		if opt.Progress != nil {
			opt.Progress(i+1, len(qs))
		}
	}
	return t.report(), nil
}

// EndToEndOptions says how questions are asked of a database. The zero value,
// and nil, are the defaults.
type EndToEndOptions struct {
	Ask      *qa.AskOptions        // nil means the defaults
	Dir      string                // where the temporary database is made; "" means the system's folder
	Limit    int                   // at most this many questions; 0 means all. All contexts are added regardless.
	Progress func(done, total int) // called after each question, from the calling goroutine
}

// EndToEnd adds every context of the set to a temporary database, one document
// each, asks each question of it with qa.Ask and scores the first answer. The
// database is removed afterwards. Errors are those of db and qa.
func EndToEnd(ctx context.Context, enc db.Encoder, rd *qa.Reader, set *SQuAD, o *EndToEndOptions) (*QAReport, error) {
	var opt EndToEndOptions
	if o != nil {
		opt = *o
	}
	dir, err := os.MkdirTemp(opt.Dir, "semsearch-eval-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	d, err := db.Open(filepath.Join(dir, "eval.db"), enc, nil)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	if _, err := d.Add(ctx, set.Documents()...); err != nil {
		return nil, err
	}
	ask := func(ctx context.Context, question string) ([]qa.Answer, error) {
		return qa.Ask(ctx, d, rd, question, opt.Ask)
	}
	return AskAll(ctx, ask, set, opt.Limit, opt.Progress)
}

// AskAll asks the first limit questions of the set (0 means all) and scores the
// first answer of each. The documents asked hold the ids of set.Documents.
// progress may be nil.
func AskAll(ctx context.Context, ask Asker, set *SQuAD, limitTo int, progress func(done, total int)) (*QAReport, error) {
	t := newTally(set)
	qs := limit(set.Questions, limitTo)
	for i := range qs {
		q := &qs[i]
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		answers, err := ask(ctx, q.Text)
		if err != nil {
			return nil, fmt.Errorf("question %q: %w", q.ID, err)
		}
		var first string
		var anyExact, anyF1 float64
		for j, a := range answers {
			if j == 0 {
				first = a.Text
				if a.ID == set.Contexts[q.Context].ID {
					t.rightDocument++
				}
			}
			e, f := q.Score(a.Text, set.V2)
			anyExact, anyF1 = max(anyExact, e), max(anyF1, f)
		}
		if len(answers) == 0 {
			anyExact, anyF1 = q.Score("", set.V2)
		}
		t.anyExact, t.anyF1 = t.anyExact+anyExact, t.anyF1+anyF1
		t.add(q, first)
		if progress != nil {
			progress(i+1, len(qs))
		}
	}
	return t.report(), nil
}

func limit[T any](s []T, n int) []T {
	if n > 0 && n < len(s) {
		return s[:n]
	}
	return s
}

// tally gathers scores of questions.
type tally struct {
	v2              bool
	exact, f1       []float64
	hasExact        []float64
	hasF1           []float64
	no              []float64
	answered        int
	rightDocument   int
	anyExact, anyF1 float64
	predictions     map[string]string
}

func newTally(set *SQuAD) *tally { return &tally{v2: set.V2, predictions: map[string]string{}} }

func (t *tally) add(q *Question, answer string) {
	e, f := q.Score(answer, t.v2)
	e, f = 100*e, 100*f
	t.exact, t.f1 = append(t.exact, e), append(t.f1, f)
	if t.v2 && len(q.Answers) == 0 {
		t.no = append(t.no, e)
	} else {
		t.hasExact, t.hasF1 = append(t.hasExact, e), append(t.hasF1, f)
	}
	if answer != "" {
		t.answered++
	}
	t.predictions[q.ID] = answer
}

func (t *tally) report() *QAReport {
	n := float64(max(1, len(t.exact)))
	return &QAReport{
		Questions: len(t.exact),
		Exact:     mean(t.exact), ExactRange: interval(t.exact),
		F1: mean(t.f1), F1Range: interval(t.f1),
		HasAns: len(t.hasExact), HasAnsExact: mean(t.hasExact), HasAnsF1: mean(t.hasF1),
		NoAns: len(t.no), NoAnsAcc: mean(t.no),
		Answered:      t.answered,
		RightDocument: 100 * float64(t.rightDocument) / n,
		AnyExact:      100 * t.anyExact / n,
		AnyF1:         100 * t.anyF1 / n,
		Predictions:   t.predictions,
	}
}
