package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func newEval(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Measure models on judged data",
		Long: `Measure how good retrieval, reading and embeddings are, on files of judged data. A database that is
needed is made in a temporary folder and removed afterwards.`,
		Example:     "  semsearch eval sts --pairs pairs.jsonl",
		Annotations: exitCodes("done", "", "an error"),
		Args:        needSubcommand,
		RunE:        func(cmd *cobra.Command, args []string) error { return usage("no subcommand of eval") },
	}
	cmd.AddCommand(newEvalRetrieval(a), newEvalQA(a), newEvalSTS(a))
	return cmd
}

// measure is a name and a value, in the order of printing.
type measure struct {
	name  string
	value any // float64 or int
}

// printMeasures prints measures as a table, or as one flat object.
func (a *app) printMeasures(asJSON bool, ms []measure) error {
	if asJSON {
		out := map[string]any{"schema": jsonSchema}
		for _, m := range ms {
			out[m.name] = m.value
		}
		return a.printJSON(out)
	}
	var rows [][2]string
	for _, m := range ms {
		v := fmt.Sprint(m.value)
		if f, ok := m.value.(float64); ok {
			v = fmt.Sprintf("%.4f", f)
			if f > 1 {
				v = fmt.Sprintf("%.2f", f)
			}
		}
		rows = append(rows, [2]string{m.name, v})
	}
	return a.printTable(rows)
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

func limitFlag(cmd *cobra.Command, value *int, what string) {
	cmd.Flags().IntVar(value, "limit", 0, "at most this many "+what+"; 0 means all")
}

func checkLimit(n int) error {
	if n < 0 {
		return usage("--limit %d: want 0 or more", n)
	}
	return nil
}
