package main

import (
	"context"
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
)

type restoreOptions struct {
	db    string
	force bool
}

func newRestore(a *app) *cobra.Command {
	var o restoreOptions
	cmd := &cobra.Command{
		Use:   "restore [flags] BACKUP",
		Short: "Bring a database back from a backup",
		Long: `Make the database out of a backup, or out of any database file. The backup is verified as it is read,
and so is what was written. A database that is there is replaced with --force only, in one step at the
end, and not while another command has it open.`,
		Example:     `  semsearch restore --db notes.db --force notes-2026-11-24.db`,
		Annotations: exitCodes("the database was restored", "", "an error, and nothing was changed"),
		Args:        oneFile("BACKUP, the file to restore from"),
		RunE:        func(cmd *cobra.Command, args []string) error { return a.runRestore(cmd.Context(), o, args[0]) },
	}
	dbFlag(cmd, &o.db)
	cmd.Flags().BoolVar(&o.force, "force", false, "replace the database that is there")
	return cmd
}

func (a *app) runRestore(ctx context.Context, o restoreOptions, backup string) error {
	loc, err := locate(o.db, true)
	if err != nil {
		return err
	}
	err = db.Restore(ctx, backup, loc.path, &db.RestoreOptions{Replace: o.force, Timeout: a.wait.timeout()})
	switch {
	case errors.Is(err, fs.ErrExist):
		return withHint(err, "--force replaces it")
	case err != nil:
		return err
	}
	return a.withDB(loc.path, nil, true, func(d *db.DB, loc location) error {
		s, err := d.Stats(ctx)
		if err == nil {
			a.say("%s restored to %s", counted(s.Documents, "document"), loc.path)
		}
		return err
	})
}
