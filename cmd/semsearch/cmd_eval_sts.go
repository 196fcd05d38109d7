package main

import (
	"context"
	"math"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/internal/eval"
)

type evalSTSOptions struct {
	model, pairs string
	evalOptions
}

func newEvalSTS(a *app) *cobra.Command {
	var o evalSTSOptions
	cmd := &cobra.Command{
		Use:   "sts [flags] --pairs FILE",
		Short: "Measure an encoder on pairs of sentences",
		Long: `Measure how well the cosine of two sentences follows what people said about them: the rank correlation
(spearman) and the linear one (pearson), -1 to 1.

FILE has lines of {"a", "b", "score"}, or of {"sentence1", "sentence2", "score"}. A pair lies in the
half that its number says, and --per-query writes its score as human and its cosine.`,
		Example:     "  semsearch eval sts --pairs sts-test.jsonl",
		Annotations: exitCodes("done", "", "an error"),
		Args:        noArgs,
		RunE:        func(cmd *cobra.Command, args []string) error { return a.runEvalSTS(cmd.Context(), o) },
	}
	modelFlag(cmd, &o.model)
	cmd.Flags().Var(&fileFlag{&o.pairs}, "pairs", "file of pairs (JSON lines)")
	evalFlags(cmd, &o.evalOptions, "pairs")
	return cmd
}

func (a *app) runEvalSTS(ctx context.Context, o evalSTSOptions) error {
	if err := required([2]string{"pairs", o.pairs}); err != nil {
		return err
	}
	half, err := o.check()
	if err != nil {
		return err
	}
	pairs, err := eval.OpenSTS(o.pairs)
	if err != nil {
		return err
	}
	pairs = eval.HalfOfPairs(pairs, half)
	if o.limit > 0 && o.limit < len(pairs) {
		pairs = pairs[:o.limit]
	}
	if len(pairs) == 0 {
		return nothingIn(o.pairs, half, "pairs")
	}
	out, err := createResults(o.perQuery, o.pairs)
	if err != nil {
		return err
	}
	defer out.close()
	enc, err := a.models.encoder(o.model)
	if err != nil {
		return err
	}
	rep, err := eval.STS(ctx, enc, pairs)
	if err != nil {
		return err
	}
	spearman, pearson := measure{name: "spearman", value: rep.Spearman}, measure{name: "pearson", value: rep.Pearson}
	if o.level > 0 && !math.IsNaN(rep.Spearman) {
		in := eval.BootstrapSpearman(rep.Human, rep.Cosine, o.bootstrap())
		spearman.in = &in
	}
	if o.level > 0 && !math.IsNaN(rep.Pearson) {
		in := eval.BootstrapPearson(rep.Human, rep.Cosine, o.bootstrap())
		pearson.in = &in
	}
	results := make([]eval.Result, len(pairs))
	for i, p := range pairs {
		results[i] = eval.Result{ID: p.ID, Measures: map[string]float64{"human": rep.Human[i], "cosine": rep.Cosine[i]}}
	}
	if err := out.write(results); err != nil {
		return err
	}
	return a.printMeasures(o.json, []measure{spearman, pearson, {name: "pairs", value: rep.Pairs}}, nil)
}
