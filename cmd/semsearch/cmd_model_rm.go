package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/internal/hub"
)

func newModelRm(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "rm ORG/NAME[@REVISION]...",
		Short: "Remove models that were pulled",
		Long: `Remove models from the folder that semsearch and the tools of Hugging Face share: all of a model, or with
a revision that one. A database that was filled with a model needs it to be asked.`,
		Example: `  semsearch model rm sentence-transformers/all-MiniLM-L6-v2
  semsearch model rm org/name@v1.0`,
		Annotations: exitCodes("all were removed", "some were not there; the others were removed", "an error"),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("no model to remove")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.runModelRm(cmd.Context(), args) },
	}
}

func (a *app) runModelRm(ctx context.Context, args []string) error {
	cache, err := hub.DefaultCache()
	if err != nil {
		return err
	}
	var refs []hub.Ref
	for _, arg := range args {
		ref, err := hub.ParseRef(arg)
		if err != nil {
			return err
		}
		refs = append(refs, ref)
	}
	missing := 0
	var freed int64
	err = each(ctx, refs, func(ref hub.Ref) error {
		n, err := cache.Remove(ctx, ref)
		if errors.Is(err, hub.ErrNotPulled) {
			missing++
			a.complain("%v", err)
			return nil
		}
		freed += n
		return err
	})
	if err != nil {
		return err
	}
	if missing > 0 {
		a.say("hint: semsearch model ls lists the models")
	}
	a.say("%s removed, %s freed", counted(len(refs)-missing, "model"), sizeString(freed))
	if missing > 0 {
		return errNothing
	}
	return nil
}
