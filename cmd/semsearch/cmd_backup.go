package main

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
)

type backupOptions struct{ db string }

func newBackup(a *app) *cobra.Command {
	var o backupOptions
	cmd := &cobra.Command{
		Use:   "backup [flags] OUT",
		Short: "Copy the database to a new file, verified",
		Long: `Copy the database, as it is at this moment, to a new file. Every record is verified as it is read and
again as the copy is read back; OUT appears only when it is whole and on disk. A damaged database is an
error. The copy is a database itself: any command reads it with --db, semsearch restore brings it back.`,
		Example:     `  semsearch backup --db notes.db "notes-$(date +%F).db"`,
		Annotations: exitCodes("the copy was made", "", "an error, and no copy was made"),
		Args:        oneFile("OUT, the file to make"),
		RunE:        func(cmd *cobra.Command, args []string) error { return a.runBackup(cmd.Context(), o, args[0]) },
	}
	dbFlag(cmd, &o.db)
	return cmd
}

// oneFile is an argument that names a file.
func oneFile(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0 || args[0] == "":
			return usage("no %s", what)
		case len(args) > 1:
			return usage("%s takes one argument, got also %s", cmd.CommandPath(), quote(args[1]))
		}
		return nil
	}
}

func (a *app) runBackup(ctx context.Context, o backupOptions, out string) error {
	return a.withDB(o.db, nil, true, func(d *db.DB, loc location) error {
		if err := d.Backup(ctx, out); err != nil {
			if errors.Is(err, fs.ErrExist) {
				return withHint(err, "name a file that does not exist yet")
			}
			return err
		}
		s, err := d.Stats(ctx)
		if err != nil {
			return err
		}
		size := int64(0)
		if fi, err := os.Stat(out); err == nil {
			size = fi.Size()
		}
		a.say("%s copied to %s, %s", counted(s.Documents, "document"), out, sizeString(size))
		return nil
	})
}
