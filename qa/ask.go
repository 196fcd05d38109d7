package qa

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
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
	Threshold       *float64         // an answer needs Span.Score >= -threshold; nil means the reader's. Larger answers more questions, wrongly too.
	RankWeight      *float64         // weight of the retrieval rank beside the reader's score, see Ask; nil means DefaultRankWeight
}

// Answer is a part of a document that answers a question.
type Answer struct {
	Text       string  // document[Start:End]
	Score      float64 // 0..1, larger is better; see Ask. Not calibrated.
	ID         string  // document
	Start, End int     // byte range in the document
	Line, Col  int     // of Start, from 1; the column counts code points
	Passage    string  // the passage it was found in
	Hit        db.Hit  // that passage as it was retrieved
	Span       Span    // what the reader said: byte range in Passage, scores before retrieval is weighed in
}

// Ask finds passages for the question, reads them, and returns answers, best
// first. No answer is an empty slice and no error.
//
// The evidence for a span is what the reader and the retriever say together,
//
//	e = span score - RankWeight * ln(rank of the passage, from 1)
//
// where the span score is relative to the null score of the passage. A span
// whose score is below -threshold is no answer, whatever its rank: whether a
// passage answers is for the reader alone to say. Spans with the same words, but
// for case, punctuation and articles, are one answer, and so are spans that
// overlap in a document; the one with most evidence stands for them. The Score
// of answer i is the softmax over all distinct spans, those below the threshold
// included, and no answer,
//
//	exp(e_i) / (exp(-threshold) + sum over j of exp(e_j))
//
// Ask is ErrInvalid when the question holds no words or an option is negative.
// Other errors are those of r, of Reader.Read, and of ctx.
func Ask(ctx context.Context, r Retriever, rd *Reader, question string, o *AskOptions) ([]Answer, error) {
	if r == nil || rd == nil {
		return nil, fmt.Errorf("no retriever or no reader: %w", ErrInvalid)
	}
	opt, err := fillAskOptions(rd, o)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(question) == "" {
		return nil, fmt.Errorf("empty question: %w", ErrInvalid)
	}
	hits, err := r.Query(ctx, question, opt.Query)
	if err != nil {
		return nil, err
	}
	hits = hits[:min(len(hits), opt.Passages)]
	if len(hits) == 0 {
		return nil, nil
	}
	passages := make([]string, len(hits))
	for i, h := range hits {
		passages[i] = h.Text
	}
	readings, err := rd.Read(ctx, question, passages, &ReadOptions{Spans: opt.K, MaxAnswerTokens: opt.MaxAnswerTokens})
	if err != nil {
		return nil, err
	}
	return answers(hits, readings, opt), nil
}

func fillAskOptions(rd *Reader, o *AskOptions) (AskOptions, error) {
	var opt AskOptions
	if o != nil {
		opt = *o
	}
	if opt.K < 0 || opt.Passages < 0 || opt.MaxAnswerTokens < 0 {
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
	query := db.QueryOptions{}
	if opt.Query != nil {
		query = *opt.Query
	}
	query.K = opt.Passages
	opt.Query = &query
	return opt, nil
}

// found is a span of a hit with its evidence.
type found struct {
	hit      *db.Hit
	rank     int // of the hit, from 0
	span     Span
	evidence float64
	passes   int // 1 if the reader prefers it to no answer
}

// answers fuses what retriever and reader say. readings[i] is of hits[i].
func answers(hits []db.Hit, readings []Reading, opt AskOptions) []Answer {
	null := -*opt.Threshold
	var all []found
	for i := range readings {
		for _, s := range readings[i].Spans {
			f := found{hit: &hits[i], rank: i, span: s, evidence: s.Score - *opt.RankWeight*math.Log(float64(i+1))}
			if s.Score >= null {
				f.passes = 1
			}
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(b.passes, a.passes), cmp.Compare(b.evidence, a.evidence), cmp.Compare(a.rank, b.rank), cmp.Compare(a.span.Start, b.span.Start))
	})
	all = distinct(all)

	top := null
	for _, f := range all {
		top = max(top, f.evidence)
	}
	total := 0.0
	if !math.IsInf(top, 0) {
		total = math.Exp(null - top)
		for _, f := range all {
			total += math.Exp(f.evidence - top)
		}
	}
	var out []Answer
	for _, f := range all {
		if f.passes == 0 || len(out) == opt.K {
			break
		}
		line, col := position(f.hit.Line, f.hit.Col, f.hit.Text[:f.span.Start])
		out = append(out, Answer{
			Text:  f.span.Text,
			Score: math.Exp(f.evidence-top) / total,
			ID:    f.hit.ID,
			Start: f.hit.Start + f.span.Start, End: f.hit.Start + f.span.End,
			Line: line, Col: col,
			Passage: f.hit.Text,
			Hit:     *f.hit,
			Span:    f.span,
		})
	}
	return out
}

// distinct keeps the first of those that say the same, or that overlap in a
// document.
func distinct(all []found) []found {
	seen := map[string]bool{}
	var out []found
next:
	for _, f := range all {
		key := answerKey(f.span.Text)
		if seen[key] {
			continue
		}
		for _, g := range out {
			if g.hit.ID == f.hit.ID && g.hit.Start+g.span.Start < f.hit.Start+f.span.End && f.hit.Start+f.span.Start < g.hit.Start+g.span.End {
				continue next
			}
		}
		seen[key] = true
		out = append(out, f)
	}
	return out
}

// answerKey is equal for answers that say the same: lower case, letters, digits
// and symbols only, without English articles.
func answerKey(s string) string {
	fields := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsPunct(r) })
	kept := slices.DeleteFunc(slices.Clone(fields), func(w string) bool { return w == "a" || w == "an" || w == "the" })
	if len(kept) == 0 {
		kept = fields
	}
	if len(kept) == 0 {
		return s
	}
	return strings.Join(kept, " ")
}

// position moves a line and column, both from 1, over text.
func position(line, col int, text string) (int, int) {
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		line += strings.Count(text, "\n")
		text, col = text[i+1:], 1
	}
	return line, col + utf8.RuneCountInString(text)
}
