package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/internal/eval"
)

func newEval(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Measure models on judged data",
		Long: `Measure how good retrieval, reading and embeddings are, on files of judged data. A database that is
needed is made in a temporary folder and removed afterwards.

Every figure has its confidence interval beside it: the bootstrap over queries, questions or pairs.
Two runs are held against each other by semsearch eval compare, from the files that --per-query writes.`,
		Example:     "  semsearch eval sts --pairs pairs.jsonl",
		Annotations: exitCodes("done", "", "an error"),
		Args:        needSubcommand,
		RunE:        func(cmd *cobra.Command, args []string) error { return usage("no subcommand of eval") },
	}
	cmd.AddCommand(newEvalRetrieval(a), newEvalQA(a), newEvalSTS(a), newEvalCompare(a), newEvalCalibrate(a))
	return cmd
}

// measure is a name and a value, in the order of printing.
type measure struct {
	name  string
	value any            // float64 or int
	in    *eval.Interval // nil when there is none
}

// printMeasures prints measures as a table, or as one flat object, to which more adds keys. The ends of an
// interval are NAME_low and NAME_high; a figure that is not defined is null.
func (a *app) printMeasures(asJSON bool, ms []measure, more map[string]any) error {
	if asJSON {
		out := map[string]any{"schema": jsonSchema}
		for _, m := range ms {
			out[m.name] = jsonNumber(m.value)
			if m.in != nil {
				out[m.name+"_low"], out[m.name+"_high"] = jsonNumber(m.in.Low), jsonNumber(m.in.High)
			}
		}
		for key, v := range more {
			out[key] = v
		}
		return a.printJSON(out)
	}
	var rows [][2]string
	for _, m := range ms {
		rows = append(rows, [2]string{m.name, m.String()})
	}
	return a.printTable(rows)
}

// jsonNumber is v as JSON can write it.
func jsonNumber(v any) any {
	if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return nil
	}
	return v
}

// String is the value, and its interval in brackets.
func (m measure) String() string {
	f, ok := m.value.(float64)
	if !ok {
		return fmt.Sprint(m.value)
	}
	digits := 4
	if math.Abs(f) > 1 {
		digits = 2
	}
	if math.IsNaN(f) {
		return "not defined"
	}
	s := fmt.Sprintf("%.*f", digits, f)
	if m.in != nil {
		s += fmt.Sprintf(" [%.*f, %.*f]", digits, m.in.Low, digits, m.in.High)
	}
	return s
}

// intervalOptions are the flags for intervals.
type intervalOptions struct {
	level     float64
	resamples int
	seed      uint64
	bca       bool
}

func intervalFlags(cmd *cobra.Command, o *intervalOptions, resamples int) {
	cmd.Flags().Float64Var(&o.level, "ci", eval.DefaultLevel, "`level` of the confidence intervals; 0 leaves them out")
	cmd.Flags().IntVar(&o.resamples, "resamples", resamples, "`number` of bootstrap resamples of an interval")
	cmd.Flags().Uint64Var(&o.seed, "seed", eval.DefaultSeed, "seed of the resamples, from 1")
	cmd.Flags().BoolVar(&o.bca, "bca", false, "bias-corrected and accelerated intervals instead of percentiles")
}

func (o *intervalOptions) check() error {
	if !(o.level >= 0 && o.level < 1) {
		return usage("--ci %v: want 0 or more, and less than 1", o.level)
	}
	if o.seed == 0 {
		return usage("--seed 0: want a number from 1 up")
	}
	return positive("--resamples", o.resamples)
}

func (o *intervalOptions) bootstrap() *eval.BootstrapOptions {
	return &eval.BootstrapOptions{Level: o.level, Resamples: o.resamples, Seed: o.seed, BCa: o.bca}
}

// mean is the measure that is the mean of values.
func (o *intervalOptions) mean(name string, values []float64) measure {
	m := measure{name: name, value: eval.Mean(values)}
	if o.level > 0 && len(values) > 0 {
		in := eval.Bootstrap(values, o.bootstrap())
		m.in = &in
	}
	return m
}

// meanOfGroups is mean with an interval over groups; groups[i] is the one of values[i].
func (o *intervalOptions) meanOfGroups(name string, values []float64, groups []string) measure {
	m := measure{name: name, value: eval.Mean(values)}
	if o.level > 0 && len(values) > 0 {
		in := eval.BootstrapGroups(values, groups, o.bootstrap())
		m.in = &in
	}
	return m
}

// evalOptions are the flags that all measuring commands have.
type evalOptions struct {
	intervalOptions
	half     string
	perQuery string
	limit    int
	json     bool
}

// evalFlags adds them; what says what is counted: queries, questions or pairs.
func evalFlags(cmd *cobra.Command, o *evalOptions, what string) {
	intervalFlags(cmd, &o.intervalOptions, eval.DefaultResamples)
	cmd.Flags().StringVar(&o.half, "half", "", "use one `half` of the "+what+": tune (to choose by) or report (to publish)")
	cmd.Flags().Var(&fileFlag{&o.perQuery}, "per-query", "also write what was measured of each to this file (JSON lines), for semsearch eval compare")
	cmd.Flags().IntVar(&o.limit, "limit", 0, "at most this many "+what+"; 0 means all")
	jsonFlag(cmd, &o.json)
}

// check checks them and returns the half.
func (o *evalOptions) check() (eval.Half, error) {
	if o.limit < 0 {
		return 0, usage("--limit %d: want 0 or more", o.limit)
	}
	if err := o.intervalOptions.check(); err != nil {
		return 0, err
	}
	switch o.half {
	case "":
		return eval.Whole, nil
	case "tune":
		return eval.Tune, nil
	case "report":
		return eval.Report, nil
	}
	return 0, usage("--half %s: want tune or report", quote(o.half))
}

// resultsFile is a file of results that takes its name when it is whole.
type resultsFile struct {
	path string
	f    *os.File // nil: not wanted
	temp bool     // f has another name as yet
}

// createResults makes room for the results, before the work. path may be empty. It is refused when it is one
// of the files that are read.
func createResults(path string, inputs ...string) (*resultsFile, error) {
	if path == "" {
		return &resultsFile{}, nil
	}
	old, err := os.Stat(path)
	if err == nil {
		for _, in := range inputs {
			if fi, err := os.Stat(in); err == nil && os.SameFile(old, fi) {
				return nil, usage("--per-query %s: is also read", path)
			}
		}
		if !old.Mode().IsRegular() { // a device or a pipe
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			return &resultsFile{path: path, f: f}, err
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return nil, fmt.Errorf("--per-query: %w", err)
	}
	return &resultsFile{path, f, true}, nil
}

// write writes the results and gives the file its name.
func (r *resultsFile) write(results []eval.Result) error {
	if r.f == nil {
		return nil
	}
	if err := eval.WriteResults(r.f, results); err != nil {
		return named(r.path, err)
	}
	if r.temp {
		if err := r.f.Chmod(0o644); err != nil {
			return err
		}
	}
	if err := r.f.Close(); err != nil {
		return err
	}
	if r.temp {
		if err := os.Rename(r.f.Name(), r.path); err != nil {
			return err
		}
	}
	r.f = nil
	return nil
}

// close removes what is left when the work did not come to its end.
func (r *resultsFile) close() {
	if r.f == nil {
		return
	}
	r.f.Close()
	if r.temp {
		os.Remove(r.f.Name())
	}
}

// meter returns a function that redraws "done of total things" on a terminal, and one that clears it.
func (a *app) meter(things string) (show func(done, total int), clear func()) {
	var last time.Time
	shown := false
	show = func(done, total int) {
		if !a.talk.is || time.Since(last) < 200*time.Millisecond {
			return
		}
		last, shown = time.Now(), true
		fmt.Fprintf(a.stderr, "\r\x1b[Ksemsearch: %s of %s %s", group(int64(done)), group(int64(total)), things)
	}
	return show, func() {
		if shown {
			fmt.Fprint(a.stderr, "\r\x1b[K")
			shown = false
		}
	}
}

// required reports a flag that has no value.
func required(flags ...[2]string) error {
	for _, f := range flags {
		if f[1] == "" {
			return usage("--%s is missing", f[0])
		}
	}
	return nil
}

// nothingIn says that a file, or a half of it, holds nothing to measure: what is "pairs", say.
func nothingIn(file string, half eval.Half, what string) error {
	if half != eval.Whole {
		file += ", half " + half.String()
	}
	return fmt.Errorf("%s: no %s", file, what)
}
