package eval

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/qa"
)

// EndToEndOptions says how questions are asked of a database. The zero value,
// and nil, are the defaults.
type EndToEndOptions struct {
	Ask      *qa.AskOptions        // for EndToEnd; nil means the defaults
	Dir      string                // where the temporary database is made; "" means the system's folder
	Limit    int                   // at most this many questions; 0 means all. All contexts are added regardless.
	Progress func(done, total int) // called after each question, from the calling goroutine

	// WithoutArticle asks each question a second time, of the database without
	// any context of the article that it was asked about: QAReport.WithoutDeclined.
	// Articles are told apart by their titles; there must be two at least.
	// Another article may hold the answer too, so not every answer is a wrong one.
	// Every context is encoded twice at most, whatever the number of questions.
	WithoutArticle bool
}

// DatabaseAsker asks a question of the passages that r finds: answers, best
// first, and none when there is no answer.
type DatabaseAsker func(ctx context.Context, r qa.Retriever, question string) ([]qa.Answer, error)

// EndToEnd is EndToEndFunc with qa.Ask.
func EndToEnd(ctx context.Context, enc db.Encoder, rd *qa.Reader, set *SQuAD, o *EndToEndOptions) (*QAReport, error) {
	var opt *qa.AskOptions
	if o != nil {
		opt = o.Ask
	}
	ask := func(ctx context.Context, r qa.Retriever, question string) ([]qa.Answer, error) {
		return qa.Ask(ctx, r, rd, question, opt)
	}
	return EndToEndFunc(ctx, enc, ask, set, o)
}

// EndToEndFunc adds every context of the set to a temporary database, one
// document each, asks each question of it and scores the first answer. The
// database is removed afterwards. Errors are ErrFormat when WithoutArticle
// meets a set of one article, and those of db and ask.
func EndToEndFunc(ctx context.Context, enc db.Encoder, ask DatabaseAsker, set *SQuAD, o *EndToEndOptions) (*QAReport, error) {
	var opt EndToEndOptions
	if o != nil {
		opt = *o
	}
	articles := set.byArticle()
	if opt.WithoutArticle && len(articles) < 2 {
		return nil, fmt.Errorf("all questions are about one article, there is nothing without it: %w", ErrFormat)
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
	docs := set.Documents()
	if _, err := d.Add(ctx, docs...); err != nil {
		return nil, err
	}
	of := func(ctx context.Context, question string) ([]qa.Answer, error) { return ask(ctx, d, question) }
	if !opt.WithoutArticle {
		return AskAll(ctx, of, set, opt.Limit, opt.Progress)
	}

	total := 2 * len(limit(set.Questions, opt.Limit))
	done := 0
	progress := func(int, int) {
		if done++; opt.Progress != nil {
			opt.Progress(done, total)
		}
	}
	rep, err := AskAll(ctx, of, set, opt.Limit, progress)
	if err != nil {
		return nil, err
	}
	asked := make(map[string][]int) // questions of each article
	for i := range rep.PerQuestion {
		title := set.article(&set.Questions[i])
		asked[title] = append(asked[title], i)
	}
	for _, art := range articles {
		if len(asked[art.title]) == 0 {
			continue
		}
		if err := without(ctx, d, docs, art.contexts, func() error {
			for _, i := range asked[art.title] {
				answers, err := put(ctx, of, &set.Questions[i])
				if err != nil {
					return err
				}
				rep.PerQuestion[i].WithoutAnswered = len(answers) > 0
				progress(0, 0)
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	rep.WithoutDeclined = mean(rep.Values(func(q *QuestionResult) (float64, bool) { return percent(!q.WithoutAnswered), true }))
	return rep, nil
}

// without takes the documents with these ids out of d, calls f and adds them
// again. So what f sees is a database without them in everything: ranks,
// scores and the statistics of words.
func without(ctx context.Context, d *db.DB, docs []db.Document, ids map[string]bool, f func() error) error {
	var out []db.Document
	var names []string
	for _, doc := range docs {
		if ids[doc.ID] {
			out, names = append(out, doc), append(names, doc.ID)
		}
	}
	if _, err := d.Delete(ctx, names...); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	_, err := d.Add(ctx, out...)
	return err
}

// article is the contexts of one title.
type article struct {
	title    string
	contexts map[string]bool // ids
}

// byArticle returns the articles in the order of the file.
func (s *SQuAD) byArticle() []article {
	at := map[string]int{}
	var out []article
	for i := range s.Contexts {
		title := s.article(&Question{Context: i})
		n, ok := at[title]
		if !ok {
			n = len(out)
			at[title] = n
			out = append(out, article{title, map[string]bool{}})
		}
		out[n].contexts[s.Contexts[i].ID] = true
	}
	return out
}
