package eval

import (
	"context"
	"fmt"

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
	HasAns      int     // questions with an answer
	HasAnsExact float64 // exact match over these
	HasAnsF1    float64
	NoAns       int     // questions without
	NoAnsAcc    float64 // share left unanswered; exact match and F1 are the same here

	Answered      int     // questions that got any answer
	RightDocument float64 // end to end only: share of questions whose first answer lies in the context asked about
	AnyExact      float64 // end to end only: best exact match among all answers given to a question
	AnyF1         float64

	Declined        float64 // share of the questions left unanswered
	WithoutDeclined float64 // the same when the article was taken out of the database; see EndToEndOptions.WithoutArticle

	PerQuestion []QuestionResult  // in the order of the set
	Predictions map[string]string // question id -> answer, "" for none; the form the official scripts read
}

// QuestionResult is the outcome of one question.
type QuestionResult struct {
	ID              string
	Article         string  // title of the article
	Paragraph       string  // id of the context
	Exact, F1       float64 // 0..100
	NoAnswer        bool    // the set says that there is none
	Answered        bool
	RightDocument   bool // end to end only: the first answer lies in the context asked about
	WithoutAnswered bool // an answer was given although the article was taken out
}

// Values returns one number of each question, in order, for [Mean] and
// [Bootstrap]. Questions for which of says no are left out.
func (r *QAReport) Values(of func(*QuestionResult) (v float64, ok bool)) []float64 {
	out := make([]float64, 0, len(r.PerQuestion))
	for i := range r.PerQuestion {
		if v, ok := of(&r.PerQuestion[i]); ok {
			out = append(out, v)
		}
	}
	return out
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

// AskAll asks the first limit questions of the set (0 means all) and scores the
// first answer of each. The documents asked hold the ids of set.Documents.
// progress may be nil.
func AskAll(ctx context.Context, ask Asker, set *SQuAD, limitTo int, progress func(done, total int)) (*QAReport, error) {
	t := newTally(set)
	qs := limit(set.Questions, limitTo)
	for i := range qs {
		if err := t.ask(ctx, ask, &qs[i]); err != nil {
			return nil, err
		}
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
	set             *SQuAD
	results         []QuestionResult
	anyExact, anyF1 float64
	predictions     map[string]string
}

func newTally(set *SQuAD) *tally { return &tally{set: set, predictions: map[string]string{}} }

// ask asks q of a database and scores what comes back.
func (t *tally) ask(ctx context.Context, ask Asker, q *Question) error {
	answers, err := put(ctx, ask, q)
	if err != nil {
		return err
	}
	var first string
	var anyExact, anyF1 float64
	for j, a := range answers {
		if j == 0 {
			first = a.Text
		}
		e, f := q.Score(a.Text, t.set.V2)
		anyExact, anyF1 = max(anyExact, e), max(anyF1, f)
	}
	if len(answers) == 0 {
		anyExact, anyF1 = q.Score("", t.set.V2)
	}
	t.anyExact, t.anyF1 = t.anyExact+anyExact, t.anyF1+anyF1
	r := t.add(q, first)
	r.RightDocument = len(answers) > 0 && answers[0].ID == t.set.Contexts[q.Context].ID
	return nil
}

// put asks one question.
func put(ctx context.Context, ask Asker, q *Question) ([]qa.Answer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	answers, err := ask(ctx, q.Text)
	if err != nil {
		return nil, fmt.Errorf("question %q: %w", q.ID, err)
	}
	return answers, nil
}

func (t *tally) add(q *Question, answer string) *QuestionResult {
	e, f := q.Score(answer, t.set.V2)
	t.predictions[q.ID] = answer
	t.results = append(t.results, QuestionResult{
		ID: q.ID, Article: t.set.article(q), Paragraph: t.set.Contexts[q.Context].ID,
		Exact: 100 * e, F1: 100 * f, NoAnswer: t.set.V2 && len(q.Answers) == 0, Answered: answer != "",
	})
	return &t.results[len(t.results)-1]
}

func (t *tally) report() *QAReport {
	r := &QAReport{Questions: len(t.results), PerQuestion: t.results, Predictions: t.predictions}
	exact := func(has, hasNot bool) []float64 {
		return r.Values(func(q *QuestionResult) (float64, bool) { return q.Exact, q.NoAnswer && hasNot || !q.NoAnswer && has })
	}
	f1 := func(has, hasNot bool) []float64 {
		return r.Values(func(q *QuestionResult) (float64, bool) { return q.F1, q.NoAnswer && hasNot || !q.NoAnswer && has })
	}
	r.Exact, r.F1 = mean(exact(true, true)), mean(f1(true, true))
	r.HasAns, r.HasAnsExact, r.HasAnsF1 = len(exact(true, false)), mean(exact(true, false)), mean(f1(true, false))
	r.NoAns, r.NoAnsAcc = len(exact(false, true)), mean(exact(false, true))
	r.RightDocument = mean(r.Values(func(q *QuestionResult) (float64, bool) { return percent(q.RightDocument), true }))
	r.Declined = mean(r.Values(func(q *QuestionResult) (float64, bool) { return percent(!q.Answered), true }))
	for _, q := range t.results {
		if q.Answered {
			r.Answered++
		}
	}
	n := float64(max(1, len(t.results)))
	r.AnyExact, r.AnyF1 = 100*t.anyExact/n, 100*t.anyF1/n
	return r
}

// percent is 100 for yes and 0 for no: its mean is a share in percent.
func percent(yes bool) float64 {
	if yes {
		return 100
	}
	return 0
}
