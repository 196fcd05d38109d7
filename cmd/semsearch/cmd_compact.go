package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
)

type compactOptions struct{ db string }

func newCompact(a *app) *cobra.Command {
	var o compactOptions
	cmd := &cobra.Command{
		Use:   "compact [flags]",
		Short: "Write the database anew, without what was removed",
		Long: `Write the database anew and give the space of removed and replaced documents back. Nothing of them is in
the new file. It is verified before it takes the place of the old one, in one step; until then it needs
space beside it. A damaged database is an error, and stays as it is.`,
		Example:     `  semsearch compact --db notes.db`,
		Annotations: exitCodes("done", "", "an error, and nothing was changed"),
		Args:        noArgs,
		RunE:        func(cmd *cobra.Command, args []string) error { return a.runCompact(cmd.Context(), o) },
	}
	dbFlag(cmd, &o.db)
	return cmd
}

func (a *app) runCompact(ctx context.Context, o compactOptions) error {
	return a.withDB(o.db, nil, false, func(d *db.DB, loc location) error {
		before, err := d.Stats(ctx)
		if err != nil {
			return err
		}
		if err := d.Compact(ctx); err != nil {
			return err
		}
		after, err := d.Stats(ctx)
		if err != nil {
			return err
		}
		a.say("%s: %s before, %s now", loc.path, sizeString(before.FileBytes), sizeString(after.FileBytes))
		return nil
	})
}
