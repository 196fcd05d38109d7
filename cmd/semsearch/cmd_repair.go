package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
)

type repairOptions struct {
	db, model, out string
	json           bool
}

func newRepair(a *app) *cobra.Command {
	var o repairOptions
	cmd := &cobra.Command{
		Use:   "repair [flags]",
		Short: "Bring back what can be read of a damaged database",
		Long: `Bring back what can be read of a damaged database, also of one that no other command opens.

The file is searched for records whose checksums are right. Every document whose text is whole is
brought back, and the word index and the graph are made anew. Vectors that were lost are made anew
with the encoder that filled the database.

The repaired database takes the place of the damaged one, which is kept as FILE.damaged. With --out
it is made there, and the damaged file stays as it is. Documents that are lost are printed one a line,
and so are doubtful ones: nothing that can be read says whether they were deleted before.`,
		Example: `  semsearch repair --db notes.db
  semsearch repair --db notes.db --out repaired.db`,
		Annotations: exitCodes("every document was brought back", "some documents are lost or doubtful; the others were brought back", "an error"),
		Args:        noArgs,
		RunE:        func(cmd *cobra.Command, args []string) error { return a.runRepair(cmd.Context(), o) },
	}
	dbFlag(cmd, &o.db)
	modelFlag(cmd, &o.model)
	cmd.Flags().Var(&fileFlag{&o.out}, "out", "make the repaired database here, and leave the damaged one alone")
	jsonFlag(cmd, &o.json)
	return cmd
}

type jsonLost struct {
	Document uint64 `json:"document"`
	ID       string `json:"id"`
	Reason   string `json:"reason"`
}

// jsonRepair is what repair --json prints.
type jsonRepair struct {
	Schema    int        `json:"schema"`
	Documents int        `json:"documents"`
	Passages  int        `json:"passages"`
	Encoded   int        `json:"passages_encoded"`
	Doubtful  []string   `json:"doubtful"`
	Lost      []jsonLost `json:"lost"`
	Kept      string     `json:"kept,omitempty"`
}

func (a *app) runRepair(ctx context.Context, o repairOptions) error {
	loc, err := locate(o.db, false)
	if err != nil {
		return err
	}
	enc, err := a.models.encoder(o.model)
	if err != nil {
		return err
	}
	opts := &db.RepairOptions{Timeout: a.wait.timeout()}
	report, err := db.Repair(ctx, loc.path, o.out, enc, opts)
	if errors.Is(err, db.ErrEncoderMismatch) && o.model == "" {
		a.say("the database was filled by another encoder: documents that lost vectors cannot be brought back without --model")
		report, err = db.Repair(ctx, loc.path, o.out, nil, opts)
	}
	if err != nil {
		return err
	}
	if o.json {
		out := jsonRepair{
			Schema: jsonSchema, Documents: report.Documents, Passages: report.Passages, Encoded: report.Encoded,
			Doubtful: append([]string{}, report.Doubtful...), Lost: []jsonLost{}, Kept: report.Kept,
		}
		for _, l := range report.Lost {
			out.Lost = append(out.Lost, jsonLost{l.Document, l.ID, l.Reason})
		}
		if err := a.printJSON(out); err != nil {
			return err
		}
	} else if err := a.printRepair(report); err != nil {
		return err
	}
	a.say("%s brought back, %s lost, %s doubtful; %s, %s of them encoded anew",
		counted(report.Documents, "document"), group(int64(len(report.Lost))), group(int64(len(report.Doubtful))),
		counted(report.Passages, "passage"), group(int64(report.Encoded)))
	if report.Kept != "" {
		a.say("the damaged file is kept as %s", report.Kept)
	}
	if len(report.Lost)+len(report.Doubtful) > 0 {
		return errNothing
	}
	return nil
}

func (a *app) printRepair(r db.RepairReport) error {
	for _, l := range r.Lost {
		if _, err := fmt.Fprintf(a.stdout, "lost      %s\n", oneLine(l.String())); err != nil {
			return err
		}
	}
	for _, id := range r.Doubtful {
		if _, err := fmt.Fprintf(a.stdout, "doubtful  %s\n", oneLine(id)); err != nil {
			return err
		}
	}
	return nil
}
