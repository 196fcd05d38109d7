package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/internal/hub"
)

func newModelLs(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ls [flags]",
		Short: "List the models that were pulled",
		Long: `List the models in the folder that semsearch and the tools of Hugging Face keep them in, by name. Each
line is: size, commit, name and the revisions that were at this commit when it was pulled. Models that
other tools have fetched are among them, also such as cannot be used here.`,
		Example:     "  semsearch model ls",
		Annotations: exitCodes("there are models", "there are none", "an error"),
		Args:        noArgs,
		RunE:        func(cmd *cobra.Command, args []string) error { return a.runModelLs(asJSON) },
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

func (a *app) runModelLs(asJSON bool) error {
	cache, err := hub.DefaultCache()
	if err != nil {
		return err
	}
	list, err := cache.List()
	if err != nil {
		return err
	}
	out := struct {
		Schema int            `json:"schema"`
		Cache  string         `json:"cache"`
		Models []jsonSnapshot `json:"models"`
	}{jsonSchema, cache.Dir, []jsonSnapshot{}}
	for _, s := range list {
		if asJSON {
			out.Models = append(out.Models, snapshotJSON(s))
			continue
		}
		revisions := ""
		if len(s.Revision) > 0 {
			revisions = "  " + strings.Join(s.Revision, " ")
		}
		if _, err := fmt.Fprintf(a.stdout, "%9s  %s  %s%s\n", sizeString(s.Bytes), s.Commit[:12], a.out.style(stylePlace, oneLine(s.Name)), printable(revisions)); err != nil {
			return err
		}
	}
	if asJSON {
		if err := a.printJSON(out); err != nil {
			return err
		}
	}
	if len(list) == 0 {
		return errNothing
	}
	return nil
}
