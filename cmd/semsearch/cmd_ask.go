package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/qa"
)

type askOptions struct {
	db, model, reader, mode string
	calibration             string
	k, passages, context    int
	minConfidence           float64
	hasMin                  bool // --min-confidence was given
	time                    time.Duration
	explain, json           bool
}

func newAsk(a *app) *cobra.Command {
	var o askOptions
	cmd := &cobra.Command{
		Use:   "ask [flags] QUESTION...",
		Short: "Answer a question from the documents",
		Long: `Answer a question with words of the documents. Nothing is made up: every answer is a piece of a
document, and the place it stands at is given with it.

Passages are found as by semsearch query and then read with the question. An answer is printed with
its place (document id, line and column), how likely it is right (confidence, from 0 to 1), and the
sentence around it. Others follow when their confidence is at least 0.1; --json gives them all.

When the documents do not seem to hold an answer, nothing is printed and the exit code is 1. How sure
that must be was fitted with the reader; --min-confidence takes the place of it: 0 gives the best piece
of text whatever it is worth. A reader without a calibration has a score instead, which orders
answers but is no probability; semsearch eval calibrate makes one.

--explain says how the answer came about: the passages with their ranks and scores, the spans with the
reader's logits, what made the confidence, and which words of the question the answer hangs on.`,
		Example: `  semsearch ask "How long do I hold a burn under water?"
  semsearch ask -k 1 --json "When is a smoke alarm replaced?" | jq -r '.answers[].text'
  semsearch ask --min-confidence 0.7 "How warm is the water for green tea?"`,
		Annotations: exitCodes("there is an answer", "there is no answer", "an error"),
		RunE: func(cmd *cobra.Command, args []string) error {
			question, err := words("question", args)
			if err != nil {
				return err
			}
			o.hasMin = cmd.Flags().Changed("min-confidence")
			return a.runAsk(cmd.Context(), o, question)
		},
	}
	dbFlag(cmd, &o.db)
	modelFlag(cmd, &o.model)
	readerFlag(cmd, &o.reader)
	cmd.Flags().Var(&fileFlag{&o.calibration}, "calibration", "file that eval calibrate wrote (default: that of the reader)")
	modeFlag(cmd, &o.mode)
	cmd.Flags().IntVarP(&o.k, "answers", "k", qa.DefaultAnswers, "most `number` of answers")
	cmd.Flags().IntVar(&o.passages, "passages", qa.DefaultPassages, "`number` of passages to read; more finds more and takes longer")
	cmd.Flags().DurationVar(&o.time, "time", 0, "`how long` to read, such as 50ms; the worst ranked passages are left out")
	cmd.Flags().Float64Var(&o.minConfidence, "min-confidence", 0, "least `confidence` of an answer, 0 to 1 (default: as fitted)")
	cmd.Flags().IntVar(&o.context, "context", 0, "`number` of sentences to print before and after that of the answer")
	cmd.Flags().BoolVar(&o.explain, "explain", false, "say how the answers came about")
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
	switch {
	case !(o.minConfidence >= 0 && o.minConfidence <= 1):
		return usage("--min-confidence %v: want a number from 0 to 1", o.minConfidence)
	case o.context < 0:
		return usage("--context %d: want 0 or more", o.context)
	case o.time < 0:
		return usage("--time %v: want 0 or more", o.time)
	}
	mode, err := parseMode(o.mode)
	if err != nil {
		return err
	}
	var cal *qa.Calibration
	if o.calibration != "" {
		f, err := os.Open(o.calibration)
		if err != nil {
			return err
		}
		cal, err = qa.ReadCalibration(o.calibration, f)
		f.Close()
		if err != nil {
			return err
		}
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
		opt := &qa.AskOptions{K: o.k, Passages: o.passages, Query: &db.QueryOptions{Mode: mode}, Time: o.time}
		if o.hasMin {
			opt.MinConfidence = &o.minConfidence
		}
		got, err := a.answer(ctx, o, d, rd, cal, question, opt)
		if err != nil {
			return err
		}
		var ids []string
		for _, an := range got.answers {
			ids = append(ids, an.ID)
			for _, p := range an.Support {
				ids = append(ids, p.ID)
			}
		}
		if got.explanation != nil {
			for _, p := range got.explanation.Passages {
				ids = append(ids, p.Hit.ID)
			}
		}
		c, err := a.cite(ctx, d, ids)
		if err != nil {
			return err
		}
		if o.json {
			out := struct {
				Schema  int          `json:"schema"`
				Answers []jsonAnswer `json:"answers"`
				Explain *jsonExplain `json:"explain,omitempty"`
			}{jsonSchema, []jsonAnswer{}, newJSONExplain(got, c)}
			for _, an := range got.answers {
				out.Answers = append(out.Answers, newJSONAnswer(an, got.calibrated, c))
			}
			if err := a.printJSON(out); err != nil {
				return err
			}
		} else {
			if err := a.printAnswers(got.answers, got.calibrated, c, o.context); err != nil {
				return err
			}
			if err := a.printExplanation(got); err != nil {
				return err
			}
		}
		if len(got.answers) == 0 {
			switch {
			case o.json:
			case o.hasMin && o.minConfidence > 0:
				a.say("no answer with a confidence of %v or more; semsearch query shows passages on the subject", o.minConfidence)
			default:
				a.say("no answer in the documents; semsearch query shows passages on the subject")
			}
			return errNothing
		}
		return nil
	})
}

// answered is what came of a question.
type answered struct {
	answers     []qa.Answer
	calibrated  bool // confidences are probabilities
	explanation *qa.Explanation
	attribution *qa.Attribution
}

// answer asks a question. Only a reader of package qa has a calibration and explains itself.
func (a *app) answer(ctx context.Context, o askOptions, d *db.DB, rd reader, cal *qa.Calibration, question string, opt *qa.AskOptions) (*answered, error) {
	own, ok := rd.(qaReader)
	if !ok {
		if o.explain || cal != nil {
			return nil, errors.New("this reader has neither explanations nor a calibration")
		}
		answers, err := rd.Ask(ctx, d, question, opt)
		return &answered{answers: answers}, err
	}
	an, err := qa.NewAnswerer(d, own.Reader, &qa.AnswererOptions{Calibration: cal})
	if err != nil {
		if o.calibration != "" {
			err = named(o.calibration, err)
		}
		return nil, err
	}
	got := &answered{calibrated: an.Calibration() != nil}
	if !o.explain {
		got.answers, err = an.Ask(ctx, question, opt)
		return got, err
	}
	if got.explanation, err = an.Explain(ctx, question, opt); err != nil {
		return nil, err
	}
	got.answers = got.explanation.Answers
	if cs := got.explanation.Candidates; len(cs) > 0 {
		title := ""
		if got.explanation.Titles {
			title = cs[0].Answer.Hit.Title
		}
		if got.attribution, err = own.Attribute(ctx, question, title, cs[0].Answer.Passage, cs[0].Answer.Span); err != nil {
			return nil, err
		}
	}
	return got, nil
}
