package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/eval"
	"github.com/semsearch/semsearch/qa"
)

type evalQAOptions struct {
	model, reader, squad     string
	endToEnd, withoutArticle bool
	by                       string
	evalOptions
}

func newEvalQA(a *app) *cobra.Command {
	var o evalQAOptions
	cmd := &cobra.Command{
		Use:   "qa [flags] --squad FILE",
		Short: "Measure a reader on questions with answers",
		Long: `Measure a reader on a file of SQuAD 1.1 or 2.0, by the rules of the official scripts: exact_match and f1
in percent, and for 2.0 has_ans_f1 over the questions that have an answer and no_ans_accuracy over
those that have none.

Each question is read with its own paragraph. With --end-to-end all paragraphs are added to a
temporary database, each question is asked of it as semsearch ask asks, and the first answer counts:
right_document is the share of questions whose first answer stands in the paragraph asked about,
declined the share that got no answer. With --without-article each question is asked a second time, of
the database without the article that it is about: without_article_declined is the share that got no
answer then, as it should be, but for what another article answers too.

All questions of an article lie in the same half, by its title. They are also more alike than questions
of many articles: with --ci-by article (or paragraph) the intervals draw whole articles, and say what to
expect of other ones. They are wider, and with fewer than 20 articles not wide enough.`,
		Example: `  semsearch eval qa --squad dev-v2.0.json
  semsearch eval qa --squad dev-v1.1.json --end-to-end --limit 500 --json
  semsearch eval qa --squad dev-v1.1.json --end-to-end --without-article --half tune`,
		Annotations: exitCodes("done", "", "an error"),
		Args:        noArgs,
		RunE:        func(cmd *cobra.Command, args []string) error { return a.runEvalQA(cmd.Context(), o) },
	}
	modelFlag(cmd, &o.model)
	readerFlag(cmd, &o.reader)
	cmd.Flags().Var(&fileFlag{&o.squad}, "squad", "file of questions (SQuAD 1.1 or 2.0)")
	cmd.Flags().BoolVar(&o.endToEnd, "end-to-end", false, "find the paragraph as well")
	cmd.Flags().BoolVar(&o.withoutArticle, "without-article", false, "with --end-to-end: ask again without the article")
	cmd.Flags().StringVar(&o.by, "ci-by", "question", "what the intervals draw: question, paragraph or article")
	evalFlags(cmd, &o.evalOptions, "questions")
	return cmd
}

func (a *app) runEvalQA(ctx context.Context, o evalQAOptions) error {
	if err := required([2]string{"squad", o.squad}); err != nil {
		return err
	}
	half, err := o.check()
	if err != nil {
		return err
	}
	groups, ok := map[string]func(*eval.QuestionResult) string{
		"question":  nil,
		"paragraph": func(q *eval.QuestionResult) string { return q.Paragraph },
		"article":   func(q *eval.QuestionResult) string { return q.Article },
	}[o.by]
	if !ok {
		return usage("--ci-by %s: want question, paragraph or article", quote(o.by))
	}
	if !o.endToEnd {
		if o.model != "" {
			return usage("--model is for --end-to-end; without it nothing is encoded")
		}
		if o.withoutArticle {
			return usage("--without-article is for --end-to-end")
		}
	}
	set, err := eval.OpenSQuAD(o.squad)
	if err != nil {
		return err
	}
	if set = set.Half(half); len(set.Questions) == 0 {
		return nothingIn(o.squad, half, "questions")
	}
	out, err := createResults(o.perQuery, o.squad)
	if err != nil {
		return err
	}
	defer out.close()
	rd, err := a.models.reader(o.reader)
	if err != nil {
		return err
	}
	show, clear := a.meter("questions")
	defer clear()
	var rep *eval.QAReport
	if o.endToEnd {
		enc, err := a.models.encoder(o.model)
		if err != nil {
			return err
		}
		ask := func(ctx context.Context, r qa.Retriever, question string) ([]qa.Answer, error) {
			return rd.Ask(ctx, r, question, &qa.AskOptions{Query: &db.QueryOptions{}})
		}
		rep, err = eval.EndToEndFunc(ctx, enc, ask, set, &eval.EndToEndOptions{
			Limit: o.limit, WithoutArticle: o.withoutArticle, Progress: show,
		})
		if err != nil {
			return err
		}
	} else {
		rep, err = eval.QA(ctx, rd, set, &eval.QAOptions{Threshold: rd.Threshold(), Limit: o.limit, Progress: show})
		if err != nil {
			return err
		}
	}
	clear()
	columns := o.columns()
	mean := func(name string, of func(*eval.QuestionResult) (float64, bool)) measure {
		values := rep.Values(of)
		if groups == nil {
			return o.mean(name, values)
		}
		var names []string
		for i := range rep.PerQuestion {
			if _, ok := of(&rep.PerQuestion[i]); ok {
				names = append(names, groups(&rep.PerQuestion[i]))
			}
		}
		return o.meanOfGroups(name, values, names)
	}
	ms := []measure{mean("exact_match", columns["exact_match"]), mean("f1", columns["f1"]), {name: "total", value: rep.Questions}}
	if set.V2 {
		ms = append(ms,
			mean("has_ans_f1", func(q *eval.QuestionResult) (float64, bool) { return q.F1, !q.NoAnswer }),
			mean("no_ans_accuracy", func(q *eval.QuestionResult) (float64, bool) { return q.Exact, q.NoAnswer }))
	}
	for _, name := range []string{"right_document", "declined", "without_article_declined"} {
		if of, ok := columns[name]; ok {
			ms = append(ms, mean(name, of))
		}
	}
	results := make([]eval.Result, len(rep.PerQuestion))
	for i := range rep.PerQuestion {
		q := &rep.PerQuestion[i]
		results[i] = eval.Result{ID: q.ID, Measures: map[string]float64{}}
		for name, of := range columns {
			results[i].Measures[name], _ = of(q)
		}
	}
	if err := out.write(results); err != nil {
		return err
	}
	return a.printMeasures(o.json, ms, nil)
}

// columns are the measures of a question, by name; the figures are their means.
func (o *evalQAOptions) columns() map[string]func(*eval.QuestionResult) (float64, bool) {
	percent := func(yes bool) (float64, bool) {
		if yes {
			return 100, true
		}
		return 0, true
	}
	c := map[string]func(*eval.QuestionResult) (float64, bool){
		"exact_match": func(q *eval.QuestionResult) (float64, bool) { return q.Exact, true },
		"f1":          func(q *eval.QuestionResult) (float64, bool) { return q.F1, true },
	}
	if o.endToEnd {
		c["right_document"] = func(q *eval.QuestionResult) (float64, bool) { return percent(q.RightDocument) }
		c["declined"] = func(q *eval.QuestionResult) (float64, bool) { return percent(!q.Answered) }
	}
	if o.withoutArticle {
		c["without_article_declined"] = func(q *eval.QuestionResult) (float64, bool) { return percent(!q.WithoutAnswered) }
	}
	return c
}
