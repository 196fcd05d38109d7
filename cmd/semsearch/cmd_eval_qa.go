package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/internal/eval"
)

type evalQAOptions struct {
	model, reader, squad string
	endToEnd             bool
	limit                int
	json                 bool
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
temporary database, each question is asked of it, and the first answer counts.`,
		Example: `  semsearch eval qa --squad dev-v2.0.json
  semsearch eval qa --squad dev-v1.1.json --end-to-end --limit 500 --json`,
		Annotations: exitCodes("done", "", "an error"),
		Args:        noArgs,
		RunE:        func(cmd *cobra.Command, args []string) error { return a.runEvalQA(cmd.Context(), o) },
	}
	modelFlag(cmd, &o.model)
	readerFlag(cmd, &o.reader)
	cmd.Flags().Var(&fileFlag{&o.squad}, "squad", "file of questions (SQuAD 1.1 or 2.0)")
	cmd.Flags().BoolVar(&o.endToEnd, "end-to-end", false, "find the paragraph as well")
	limitFlag(cmd, &o.limit, "questions")
	jsonFlag(cmd, &o.json)
	return cmd
}

func (a *app) runEvalQA(ctx context.Context, o evalQAOptions) error {
	if err := required([2]string{"squad", o.squad}); err != nil {
		return err
	}
	if err := checkLimit(o.limit); err != nil {
		return err
	}
	if o.model != "" && !o.endToEnd {
		return usage("--model is for --end-to-end; without it nothing is encoded")
	}
	set, err := eval.OpenSQuAD(o.squad)
	if err != nil {
		return err
	}
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
		rep, err = rd.EndToEnd(ctx, enc, set, &eval.EndToEndOptions{Limit: o.limit, Progress: show})
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
	ms := []measure{{name: "exact_match", value: rep.Exact}, {name: "f1", value: rep.F1}, {name: "total", value: rep.Questions}}
	if set.V2 {
		ms = append(ms, measure{name: "has_ans_f1", value: rep.HasAnsF1}, measure{name: "no_ans_accuracy", value: rep.NoAnsAcc})
	}
	if o.endToEnd {
		ms = append(ms, measure{name: "right_document", value: rep.RightDocument})
	}
	return a.printMeasures(o.json, ms)
}
