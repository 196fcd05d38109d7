package qa

import (
	"context"

	"github.com/semsearch/semsearch/db"
)

// Explanation is how a question came to its answers.
type Explanation struct {
	Question   string
	Answers    []Answer    // what Ask returns
	Passages   []Passage   // what was read, best ranked first
	Candidates []Candidate // distinct spans, most evidence first, given as answers or not

	Titles      bool         // passages were read with their titles
	Calibration *Calibration // nil when there is none
}

// Passage is a passage with what the retriever and the reader say of it.
type Passage struct {
	Hit       db.Hit
	Retrieval float64 // 0.4 cosine + 0.6 BM25, each over the best of the passages read
	Reading   Reading
}

// Candidate is a span that may be an answer.
type Candidate struct {
	Answer     Answer
	Rank       int     // of its passage, from 1
	Null       float64 // null score of its passage
	Evidence   float64 // see Ask
	Answerable float64 // probability that the documents hold an answer; 1 without a calibration
	Given      bool    // it is an answer
	Features   []Feature
}

// Feature is one thing that a Calibration looks at. What it adds to the log odds is 0 for
// a value that is common among the questions of the fit; all of these and the bias of the
// regression add up to the log odds.
type Feature struct {
	Name       string
	Value      float64
	Answerable float64 // what it adds to the log odds of Candidate.Answerable
	Right      float64 // what it adds to the log odds of Answer.Confidence
}

// Explain answers a question as Ask does and tells how.
func (a *Answerer) Explain(ctx context.Context, question string, o *AskOptions) (*Explanation, error) {
	t, err := a.ask(ctx, question, o)
	if err != nil {
		return nil, err
	}
	e := &Explanation{Question: question, Answers: t.answers(), Titles: t.titles, Calibration: t.cal}
	for i, r := range retrievalScores(t.hits) {
		e.Passages = append(e.Passages, Passage{Hit: t.hits[i], Retrieval: r, Reading: t.readings[i]})
	}
	for i := range t.found {
		f := &t.found[i]
		c := Candidate{Answer: f.answer(), Rank: f.rank + 1, Null: f.null, Evidence: f.evidence, Answerable: f.answerable}
		for _, an := range e.Answers {
			c.Given = c.Given || an.ID == c.Answer.ID && an.Start == c.Answer.Start && an.End == c.Answer.End
		}
		for j, name := range featureNames {
			v := Feature{Name: name, Value: f.features[j]}
			if t.cal != nil {
				v.Answerable, v.Right = t.cal.Answerable.adds(name, v.Value), t.cal.Right.adds(name, v.Value)
			}
			c.Features = append(c.Features, v)
		}
		e.Candidates = append(e.Candidates, c)
	}
	return e, nil
}

// adds is what a feature adds to the log odds.
func (r *Regression) adds(name string, value float64) float64 {
	for _, t := range r.Terms {
		if t.Feature == name {
			return t.Weight * (value - t.Mean)
		}
	}
	return 0
}
