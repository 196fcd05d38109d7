package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
)

type rmOptions struct {
	db     string
	secure bool
}

func newRm(a *app) *cobra.Command {
	var o rmOptions
	cmd := &cobra.Command{
		Use:   "rm [flags] ID...",
		Short: "Remove documents",
		Long: `Remove documents from the database. The files they were read from are not touched. In place of an id
the path of a file is understood as well. All that are there are removed at once, or none on an error.

The database keeps its size, and what was removed stays in its free space until that is used again. With
--secure the free space is overwritten with zeros; semsearch compact makes the database smaller.`,
		Example: `  semsearch rm notes/old.md
  semsearch ls drafts/ | xargs -d '\n' semsearch rm`,
		Annotations: exitCodes("all were removed", "some were not there; the others were removed", "an error, nothing was removed"),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("no id of a document to remove")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.runRm(cmd.Context(), o, args) },
	}
	dbFlag(cmd, &o.db)
	cmd.Flags().BoolVar(&o.secure, "secure", false, "overwrite what was removed, now and before, with zeros")
	return cmd
}

func (a *app) runRm(ctx context.Context, o rmOptions, args []string) error {
	return a.withDB(o.db, nil, false, func(d *db.DB, loc location) error {
		var ids []string
		missing := 0
		err := each(ctx, args, func(arg string) error {
			id, ok, err := present(ctx, d, loc, arg)
			if err != nil {
				return err
			}
			if !ok {
				missing++
				a.complain("%s: no such document", arg)
				return nil
			}
			ids = append(ids, id)
			return nil
		})
		if err != nil {
			return err
		}
		if missing > 0 {
			a.say("hint: semsearch ls lists the ids")
		}
		n := 0
		if len(ids) > 0 {
			n, err = d.DeleteWith(ctx, &db.DeleteOptions{Secure: o.secure}, ids...)
		} else if o.secure {
			err = d.Scrub(ctx)
		}
		if err != nil {
			return err
		}
		a.say("%s removed", counted(n, "document"))
		if missing > 0 {
			return errNothing
		}
		return nil
	})
}

// present returns the id that arg means: itself, or that of the file at arg.
func present(ctx context.Context, d *db.DB, loc location, arg string) (id string, ok bool, err error) {
	if _, ok, err = d.Hash(ctx, arg); ok || err != nil {
		return arg, ok, err
	}
	if id, err = loc.id(arg); err != nil {
		return "", false, err
	}
	_, ok, err = d.Hash(ctx, id)
	return id, ok, err
}
