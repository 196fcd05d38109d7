package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/internal/eval"
)

type evalCompareOptions struct {
	intervalOptions
	measure, against string
	worst            int
	json             bool
}

func newEvalCompare(a *app) *cobra.Command {
	var o evalCompareOptions
	cmd := &cobra.Command{
		Use:   "compare [flags] A B",
		Short: "Hold two evaluations against each other",
		Long: `Say whether B is better than A, query by query. A and B are files that --per-query of the other
commands wrote, over the same queries, questions or pairs; other files are refused.

For each measure: the mean of each and their difference, B less A, with the interval of the difference
(paired bootstrap); p, the chance of a difference as large, either way, if it did not matter which
of the two results of a query is whose (randomisation test by sign flips); how many queries B wins, loses
and ties; and the largest losses, by id. For pairs of sentences the measures are spearman and
pearson.

Many measures, or many runs, looked at together find differences by chance: choose one before.`,
		Example: `  semsearch eval compare float32.jsonl int8.jsonl
  semsearch eval compare --measure hybrid_ndcg@10 --against lexical_ndcg@10 all.jsonl all.jsonl`,
		Annotations: exitCodes("done", "", "an error"),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("%d files, want two", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.runEvalCompare(o, args[0], args[1]) },
	}
	intervalFlags(cmd, &o.intervalOptions, eval.DefaultComparisons)
	cmd.Flags().StringVar(&o.measure, "measure", "", "compare only the measure of this `name`")
	cmd.Flags().StringVar(&o.against, "against", "", "`name` of the measure in A, when it is another there")
	cmd.Flags().IntVar(&o.worst, "worst", 5, "`number` of losses to print; 0 means none")
	jsonFlag(cmd, &o.json)
	return cmd
}

// jsonComparison is a measure in compare --json. What is not defined is left out.
type jsonComparison struct {
	Measure  string       `json:"measure"`
	Against  string       `json:"against,omitempty"`
	Items    int          `json:"items"`
	A        *float64     `json:"a,omitempty"`
	B        *float64     `json:"b,omitempty"`
	Diff     *float64     `json:"difference,omitempty"`
	DiffLow  *float64     `json:"difference_low,omitempty"`
	DiffHigh *float64     `json:"difference_high,omitempty"`
	P        *float64     `json:"p,omitempty"`
	Wins     *int         `json:"wins,omitempty"`
	Losses   *int         `json:"losses,omitempty"`
	Ties     *int         `json:"ties,omitempty"`
	Worst    []jsonChange `json:"worst,omitempty"`
}

type jsonChange struct {
	ID string  `json:"id"`
	A  float64 `json:"a"`
	B  float64 `json:"b"`
}

func (a *app) runEvalCompare(o evalCompareOptions, fileA, fileB string) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.worst < 0 {
		return usage("--worst %d: want 0 or more", o.worst)
	}
	if o.against != "" && o.measure == "" {
		return usage("--against needs --measure")
	}
	ra, err := eval.OpenResults(fileA)
	if err != nil {
		return err
	}
	rb, err := eval.OpenResults(fileB)
	if err != nil {
		return err
	}
	opt := &eval.CompareOptions{Bootstrap: *o.bootstrap(), Worst: max(o.worst, 1)}
	correlations := slices.Contains(eval.Measures(ra), "cosine") && slices.Contains(eval.Measures(ra), "human")
	var names []string
	switch {
	case o.measure != "":
		names = []string{o.measure}
	case correlations:
		names = []string{"spearman", "pearson"}
	default:
		for _, name := range eval.Measures(rb) {
			if slices.Contains(eval.Measures(ra), name) {
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			return withHint(fmt.Errorf("%s and %s have no measure in common", fileA, fileB), "name them with --measure and --against")
		}
	}
	out := []jsonComparison{}
	for i, name := range names {
		against := name
		if o.against != "" {
			against = o.against
		}
		var c *eval.Comparison
		wins := true
		switch {
		case correlations && name == "spearman":
			c, err = eval.CompareSpearman(ra, rb, "human", "cosine", "cosine", opt)
			wins = false
		case correlations && name == "pearson":
			c, err = eval.ComparePearson(ra, rb, "human", "cosine", "cosine", opt)
			wins = false
		default:
			c, err = eval.Compare(ra, rb, against, name, opt)
		}
		if err != nil {
			return fmt.Errorf("%s and %s: %w", fileA, fileB, err)
		}
		c.Worst = c.Worst[:min(o.worst, len(c.Worst))]
		if o.json {
			out = append(out, o.jsonComparison(c, name, wins))
			continue
		}
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		if err := a.printComparison(o, c, name, wins); err != nil {
			return err
		}
	}
	if o.json {
		return a.printJSON(map[string]any{"schema": jsonSchema, "comparisons": out})
	}
	return nil
}

func (o *evalCompareOptions) jsonComparison(c *eval.Comparison, name string, wins bool) jsonComparison {
	defined := func(v float64) *float64 {
		if math.IsNaN(v) {
			return nil
		}
		return &v
	}
	j := jsonComparison{
		Measure: name, Against: o.against, Items: c.Items,
		A: defined(c.A), B: defined(c.B), Diff: defined(c.Diff), P: defined(c.P),
	}
	if o.level > 0 {
		j.DiffLow, j.DiffHigh = defined(c.Low), defined(c.High)
	}
	if wins {
		j.Wins, j.Losses, j.Ties = &c.Wins, &c.Losses, &c.Ties
		for _, w := range c.Worst {
			j.Worst = append(j.Worst, jsonChange(w))
		}
	}
	return j
}

func (a *app) printComparison(o evalCompareOptions, c *eval.Comparison, name string, wins bool) error {
	digits := 4
	if max(math.Abs(c.A), math.Abs(c.B)) > 1 {
		digits = 2
	}
	fixed := func(v float64) string {
		if math.IsNaN(v) {
			return "not defined"
		}
		return strconv.FormatFloat(v, 'f', digits, 64)
	}
	diff := fixed(c.Diff)
	if c.Diff > 0 {
		diff = "+" + diff
	}
	if o.level > 0 && !math.IsNaN(c.Low) {
		diff += fmt.Sprintf(" [%s, %s]", fixed(c.Low), fixed(c.High))
	}
	title := name
	if o.against != "" {
		title += " against " + o.against
	}
	p := "not defined"
	if !math.IsNaN(c.P) {
		p = strconv.FormatFloat(c.P, 'f', 4, 64)
	}
	rows := [][2]string{{"measure", title}, {"items", strconv.Itoa(c.Items)}, {"a", fixed(c.A)}, {"b", fixed(c.B)}, {"difference", diff}, {"p", p}}
	if wins {
		rows = append(rows, [2]string{"wins, losses, ties", fmt.Sprintf("%d, %d, %d", c.Wins, c.Losses, c.Ties)})
		for _, w := range c.Worst {
			rows = append(rows, [2]string{"loss", strings.Join([]string{fixed(w.A), "to", fixed(w.B), w.ID}, " ")})
		}
	}
	return a.printTable(rows)
}
