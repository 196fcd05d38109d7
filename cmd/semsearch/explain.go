package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/semsearch/semsearch/qa"
)

// jsonExplain is how a question came to its answers, for ask --explain --json.
type jsonExplain struct {
	MinAnswerable *float64          `json:"min_answerable,omitempty"` // with a calibration
	Passages      []jsonReadPassage `json:"passages"`
	Candidates    []jsonCandidate   `json:"candidates"`
	Attribution   *jsonAttribution  `json:"attribution,omitempty"` // of the first candidate
}

type jsonReadPassage struct {
	Rank      int        `json:"rank"`
	Hit       jsonHit    `json:"hit"`
	Retrieval float64    `json:"retrieval"`
	Null      float64    `json:"null"`
	Windows   int        `json:"windows"`
	Spans     []jsonSpan `json:"spans"`
}

type jsonSpan struct {
	Text  string  `json:"text"`
	Start int     `json:"start"` // bytes in the passage
	End   int     `json:"end"`
	Score float64 `json:"score"` // over the null score
	Logit float64 `json:"logit"` // start and end logit
}

type jsonCandidate struct {
	Text       string        `json:"text"`
	ID         string        `json:"id"`
	Start      int           `json:"start"`
	End        int           `json:"end"`
	Rank       int           `json:"rank"` // of its passage
	Given      bool          `json:"given"`
	Evidence   float64       `json:"evidence"`
	Score      float64       `json:"score"`
	Confidence float64       `json:"confidence"`
	Answerable float64       `json:"answerable"`
	Features   []jsonFeature `json:"features"`
}

type jsonFeature struct {
	Name       string  `json:"name"`
	Value      float64 `json:"value"`
	Answerable float64 `json:"answerable"` // log odds added
	Confidence float64 `json:"confidence"`
}

type jsonAttribution struct {
	Method   string     `json:"method"`
	Score    float64    `json:"score"`
	Question []jsonWord `json:"question"`
	Passage  []jsonWord `json:"passage"`
}

type jsonWord struct {
	Text   string  `json:"text"`
	Start  int     `json:"start"`
	End    int     `json:"end"`
	Weight float64 `json:"weight"`
}

// newJSONExplain is nil when nothing was to be explained.
func newJSONExplain(got *answered, c *cites) *jsonExplain {
	e := got.explanation
	if e == nil {
		return nil
	}
	out := &jsonExplain{Passages: []jsonReadPassage{}, Candidates: []jsonCandidate{}}
	if e.Calibration != nil {
		out.MinAnswerable = &e.Calibration.MinAnswerable
	}
	for i, p := range e.Passages {
		j := jsonReadPassage{Rank: i + 1, Hit: newJSONHit(p.Hit, c), Retrieval: p.Retrieval, Null: p.Reading.Null, Windows: p.Reading.Windows, Spans: []jsonSpan{}}
		for _, s := range p.Reading.Spans {
			j.Spans = append(j.Spans, jsonSpan{Text: s.Text, Start: s.Start, End: s.End, Score: s.Score, Logit: s.Score + p.Reading.Null})
		}
		out.Passages = append(out.Passages, j)
	}
	for _, can := range e.Candidates {
		j := jsonCandidate{
			Text: can.Answer.Text, ID: can.Answer.ID, Start: can.Answer.Start, End: can.Answer.End, Rank: can.Rank, Given: can.Given,
			Evidence: can.Evidence, Score: can.Answer.Score, Confidence: can.Answer.Confidence, Answerable: can.Answerable,
		}
		for _, f := range can.Features {
			j.Features = append(j.Features, jsonFeature{Name: f.Name, Value: f.Value, Answerable: f.Answerable, Confidence: f.Right})
		}
		out.Candidates = append(out.Candidates, j)
	}
	if at := got.attribution; at != nil {
		words := func(ws []qa.WordWeight) []jsonWord {
			out := []jsonWord{}
			for _, w := range ws {
				out = append(out, jsonWord{Text: w.Text, Start: w.Start, End: w.End, Weight: w.Weight})
			}
			return out
		}
		out.Attribution = &jsonAttribution{Method: "occlusion", Score: at.Score, Question: words(at.Question), Passage: words(at.Passage)}
	}
	return out
}

const (
	explainCandidates = 5 // spans shown
	explainWords      = 8 // words of a passage shown
)

// printExplanation prints for people how a question came to its answers.
func (a *app) printExplanation(got *answered) error {
	e := got.explanation
	if e == nil {
		return nil
	}
	var b strings.Builder
	if len(e.Answers) > 0 {
		b.WriteByte('\n')
	}
	b.WriteString("passages read\n")
	b.WriteString("  rank  retrieval  cosine (rank)   BM25 (rank)    null   best span\n")
	leg := func(v float64, rank, digits int) string {
		if rank == 0 {
			return "-"
		}
		return fmt.Sprintf("%.*f (%d)", digits, v, rank)
	}
	for i, p := range e.Passages {
		best := "-"
		if s := p.Reading.Spans; len(s) > 0 {
			best = fmt.Sprintf("%+.1f %s", s[0].Score, quoteShort(s[0].Text))
		}
		fmt.Fprintf(&b, "  %4d  %9.2f  %-14s  %-13s  %+5.1f  %s\n", i+1, p.Retrieval, leg(p.Hit.Cosine, p.Hit.DenseRank, 3), leg(p.Hit.BM25, p.Hit.LexicalRank, 2), p.Reading.Null, best)
		fmt.Fprintf(&b, "        %s\n", a.out.style(stylePlace, place(p.Hit.ID, p.Hit.Line, p.Hit.Col)))
	}
	if len(e.Candidates) == 0 {
		b.WriteString("no span in any passage\n")
		_, err := a.stdout.Write([]byte(b.String()))
		return err
	}
	b.WriteString("spans by evidence (score over the null score, less 2 ln rank unless told otherwise)\n")
	for i, c := range e.Candidates {
		if i == explainCandidates {
			fmt.Fprintf(&b, "  and %s more\n", group(int64(len(e.Candidates)-i)))
			break
		}
		fmt.Fprintf(&b, "  %+6.2f  passage %d  %s", c.Evidence, c.Rank, quoteShort(c.Answer.Text))
		if e.Calibration != nil {
			fmt.Fprintf(&b, "  answerable %.2f, confidence %.2f", c.Answerable, c.Answer.Confidence)
		} else {
			fmt.Fprintf(&b, "  score %.2f", c.Answer.Score)
		}
		if !c.Given {
			b.WriteString("  (not given)")
		}
		b.WriteByte('\n')
	}
	first := e.Candidates[0]
	if c := e.Calibration; c != nil {
		fmt.Fprintf(&b, "answerable %.2f, an answer is given from %.2f\n", first.Answerable, c.MinAnswerable)
		fmt.Fprintf(&b, "what made them, in log odds beside the common question (%+.2f answerable, %+.2f confidence)\n", c.Answerable.Bias, c.Right.Bias)
		b.WriteString("  feature        value  answerable  confidence\n")
		for _, f := range first.Features {
			fmt.Fprintf(&b, "  %-11s  %7.2f  %+10.2f  %+10.2f\n", f.Name, f.Value, f.Answerable, f.Right)
		}
	}
	if at := got.attribution; at != nil {
		fmt.Fprintf(&b, "words the first span hangs on (occlusion: its score %.2f falls by so much when the word is hidden)\n", at.Score)
		fmt.Fprintf(&b, "  question: %s\n", weights(at.Question, len(at.Question)))
		fmt.Fprintf(&b, "  passage:  %s\n", weights(at.Passage, explainWords))
	}
	_, err := a.stdout.Write([]byte(b.String()))
	return err
}

// weights lists the n words of most weight, in their order.
func weights(ws []qa.WordWeight, n int) string {
	order := slices.Clone(ws)
	slices.SortStableFunc(order, func(a, b qa.WordWeight) int {
		switch x, y := math.Abs(a.Weight), math.Abs(b.Weight); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	order = order[:min(n, len(order))]
	slices.SortFunc(order, func(a, b qa.WordWeight) int { return a.Start - b.Start })
	var out []string
	for _, w := range order {
		out = append(out, fmt.Sprintf("%s %+.1f", oneLine(w.Text), w.Weight))
	}
	return strings.Join(out, ", ")
}

// quoteShort is a text in quotes on one line, cut when it is long.
func quoteShort(s string) string {
	words := strings.Fields(printable(s))
	if len(words) > 12 {
		words = append(words[:12], "…")
	}
	return quote(strings.Join(words, " "))
}
