package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/internal/eval"
)

type evalSTSOptions struct {
	model, pairs string
	limit        int
	json         bool
}

func newEvalSTS(a *app) *cobra.Command {
	var o evalSTSOptions
	cmd := &cobra.Command{
		Use:   "sts [flags] --pairs FILE",
		Short: "Measure an encoder on pairs of sentences",
		Long: `Measure how well the cosine of two sentences follows what people said about them: the rank correlation
(spearman) and the linear one (pearson), -1 to 1.

FILE has lines of {"a", "b", "score"}, or of {"sentence1", "sentence2", "score"}.`,
		Example:     "  semsearch eval sts --pairs sts-test.jsonl",
		Annotations: exitCodes("done", "", "an error"),
		Args:        noArgs,
		RunE:        func(cmd *cobra.Command, args []string) error { return a.runEvalSTS(cmd.Context(), o) },
	}
	modelFlag(cmd, &o.model)
	cmd.Flags().Var(&fileFlag{&o.pairs}, "pairs", "file of pairs (JSON lines)")
	limitFlag(cmd, &o.limit, "pairs")
	jsonFlag(cmd, &o.json)
	return cmd
}

func (a *app) runEvalSTS(ctx context.Context, o evalSTSOptions) error {
	if err := required([2]string{"pairs", o.pairs}); err != nil {
		return err
	}
	if err := checkLimit(o.limit); err != nil {
		return err
	}
	pairs, err := eval.OpenSTS(o.pairs)
	if err != nil {
		return err
	}
	if o.limit > 0 && o.limit < len(pairs) {
		pairs = pairs[:o.limit]
	}
	enc, err := a.models.encoder(o.model)
	if err != nil {
		return err
	}
	rep, err := eval.STS(ctx, enc, pairs)
	if err != nil {
		return err
	}
	return a.printMeasures(o.json, []measure{
		{name: "spearman", value: rep.Spearman}, {name: "pearson", value: rep.Pearson}, {name: "pairs", value: rep.Pairs},
	})
}
