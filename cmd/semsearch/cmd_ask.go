package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/qa"
)

type askOptions struct {
	db, model, reader, mode string
	k, passages             int
	json                    bool
}

func newAsk(a *app) *cobra.Command {
	var o askOptions
	cmd := &cobra.Command{
		Use:   "ask [flags] QUESTION...",
		Short: "Answer a question from the documents",
		Long: `Answer a question with words of the documents. Nothing is made up: every answer is a piece of a
document, and the place it stands at is given with it.

Passages are found as by semsearch query and then read with the question. An answer is printed with
its place (document id, line and column), its score from 0 to 1, and the sentence around it. Others
follow when their score is at least 0.1; --json gives them all. When no passage answers the question,
nothing is printed and the exit code is 1.`,
		Example: `  semsearch ask "How long does a burn have to be cooled?"
  semsearch ask -k 1 --json "When is a smoke alarm replaced?" | jq -r '.answers[].text'`,
		Annotations: exitCodes("there is an answer", "there is no answer", "an error"),
		RunE: func(cmd *cobra.Command, args []string) error {
			question, err := words("question", args)
			if err != nil {
				return err
			}
			return a.runAsk(cmd.Context(), o, question)
		},
	}
	dbFlag(cmd, &o.db)
	modelFlag(cmd, &o.model)
	readerFlag(cmd, &o.reader)
	modeFlag(cmd, &o.mode)
	cmd.Flags().IntVarP(&o.k, "answers", "k", qa.DefaultAnswers, "most `number` of answers")
	cmd.Flags().IntVar(&o.passages, "passages", qa.DefaultPassages, "`number` of passages to read; more finds more and takes longer")
	jsonFlag(cmd, &o.json)
	return cmd
}

func (a *app) runAsk(ctx context.Context, o askOptions, question string) error {
	if err := positive("-k", o.k); err != nil {
		return err
	}
	if err := positive("--passages", o.passages); err != nil {
		return err
	}
	mode, err := parseMode(o.mode)
	if err != nil {
		return err
	}
	enc, err := a.encoderFor(mode, o.model)
	if err != nil {
		return err
	}
	return a.withDB(o.db, enc, true, func(d *db.DB, _ location) error {
		rd, err := a.models.reader(o.reader)
		if err != nil {
			return err
		}
		answers, err := rd.Ask(ctx, d, question, &qa.AskOptions{
			K: o.k, Passages: o.passages, Query: &db.QueryOptions{Mode: mode},
		})
		if err != nil {
			return err
		}
		ids := make([]string, len(answers))
		for i, an := range answers {
			ids[i] = an.ID
		}
		c, err := a.cite(ctx, d, ids)
		if err != nil {
			return err
		}
		if o.json {
			out := struct {
				Schema  int          `json:"schema"`
				Answers []jsonAnswer `json:"answers"`
			}{jsonSchema, []jsonAnswer{}}
			for _, an := range answers {
				out.Answers = append(out.Answers, newJSONAnswer(an, c))
			}
			if err := a.printJSON(out); err != nil {
				return err
			}
		} else if err := a.printAnswers(answers, c); err != nil {
			return err
		}
		if len(answers) == 0 {
			if !o.json {
				a.say("no answer in the documents; semsearch query shows passages on the subject")
			}
			return errNothing
		}
		return nil
	})
}
