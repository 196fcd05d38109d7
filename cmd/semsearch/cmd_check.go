package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
)

type checkOptions struct {
	db   string
	json bool
}

func newCheck(a *app) *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check [flags]",
		Short: "Check the database for damage",
		Long: `Read the whole database and check everything in it: pages, checksums, counts, texts, the word index and
the graph. Nothing is changed or repaired. Problems are printed one a line.`,
		Example:     "  semsearch check --db notes.db && cp notes.db backup/",
		Annotations: exitCodes("no problem was found", "", "problems were found, or the check could not be made"),
		Args:        noArgs,
		RunE:        func(cmd *cobra.Command, args []string) error { return a.runCheck(cmd.Context(), o) },
	}
	dbFlag(cmd, &o.db)
	jsonFlag(cmd, &o.json)
	return cmd
}

type jsonProblem struct {
	Record  string `json:"record"`
	Message string `json:"message"`
}

// jsonCheck is what check --json prints.
type jsonCheck struct {
	Schema    int           `json:"schema"`
	OK        bool          `json:"ok"`
	Documents int           `json:"documents"`
	Passages  int           `json:"passages"`
	Vectors   int           `json:"vectors"`
	Nodes     int           `json:"nodes"`
	Terms     int           `json:"terms"`
	Problems  []jsonProblem `json:"problems"`
	Omitted   int           `json:"problems_omitted"`
}

func (a *app) runCheck(ctx context.Context, o checkOptions) error {
	loc, err := locate(o.db, false)
	if err != nil {
		return err
	}
	report, err := db.CheckFile(ctx, loc.path, &db.Options{Timeout: a.wait.timeout()})
	if err != nil && !errors.Is(err, db.ErrCorrupt) {
		return err
	}
	if o.json {
		out := jsonCheck{
			Schema: jsonSchema, OK: len(report.Problems) == 0, Documents: report.Documents, Passages: report.Passages,
			Vectors: report.Vectors, Nodes: report.Nodes, Terms: report.Terms, Problems: []jsonProblem{}, Omitted: report.Omitted,
		}
		for _, p := range report.Problems {
			out.Problems = append(out.Problems, jsonProblem{p.Record, p.Message})
		}
		if err := a.printJSON(out); err != nil {
			return err
		}
	} else if err := a.printReport(loc, report); err != nil {
		return err
	}
	if len(report.Problems) == 0 {
		return nil
	}
	a.complain("%s is damaged: %s", loc.path, counted(len(report.Problems)+report.Omitted, "problem"))
	a.say("hint: restore the file from a backup with semsearch restore, or bring back what can be read with semsearch repair")
	return errReported
}

func (a *app) printReport(loc location, r db.Report) error {
	if len(r.Problems) == 0 {
		_, err := fmt.Fprintf(a.stdout, "%s is sound: %s, %s, %s, %s\n", oneLine(loc.path),
			counted(r.Documents, "document"), counted(r.Passages, "passage"), counted(r.Vectors, "vector"), counted(r.Terms, "term"))
		return err
	}
	for _, p := range r.Problems {
		if _, err := fmt.Fprintln(a.stdout, oneLine(p.Record+": "+p.Message)); err != nil {
			return err
		}
	}
	return nil
}
