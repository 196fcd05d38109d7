package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/extract"
)

type lsOptions struct {
	db         string
	long, json bool
}

func newLs(a *app) *cobra.Command {
	var o lsOptions
	cmd := &cobra.Command{
		Use:   "ls [flags] [PREFIX]",
		Short: "List documents",
		Long: `List the ids of all documents, or of those whose id begins with PREFIX, in the order of their bytes.
With -l each line is: passages, bytes, when it was added, id, title.`,
		Example: `  semsearch ls
  semsearch ls -l notes/
  semsearch ls --json | jq '.documents[] | select(.passages > 100) | .id'`,
		Annotations: exitCodes("there are documents", "there are none", "an error"),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("more than one prefix")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			prefix := ""
			if len(args) == 1 {
				prefix = args[0]
			}
			return a.runLs(cmd.Context(), o, prefix)
		},
	}
	dbFlag(cmd, &o.db)
	cmd.Flags().BoolVarP(&o.long, "long", "l", false, "more than the id")
	jsonFlag(cmd, &o.json)
	return cmd
}

// jsonDocument is a document of ls --json. Added is RFC 3339 in UTC, Hash is SHA-256 in hexadecimal.
type jsonDocument struct {
	ID       string            `json:"id"`
	Title    string            `json:"title"`
	Source   string            `json:"source"`
	Format   string            `json:"format"`
	Bytes    int               `json:"bytes"`
	Passages int               `json:"passages"`
	Added    time.Time         `json:"added"`
	Hash     string            `json:"hash"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

func (a *app) runLs(ctx context.Context, o lsOptions, prefix string) error {
	return a.withDB(o.db, nil, true, func(d *db.DB, _ location) error {
		out := struct {
			Schema    int            `json:"schema"`
			Documents []jsonDocument `json:"documents"`
		}{jsonSchema, []jsonDocument{}}
		n := 0
		for doc, err := range d.List(ctx, &db.ListOptions{Prefix: prefix}) {
			if err != nil {
				return err
			}
			n++
			switch {
			case o.json:
				delete(doc.Metadata, extract.MetaMap) // long, and for semsearch alone
				out.Documents = append(out.Documents, jsonDocument{
					ID: doc.ID, Title: doc.Title, Source: doc.Source, Format: doc.Format, Bytes: doc.Bytes,
					Passages: doc.Passages, Added: doc.Added.UTC(), Hash: hex.EncodeToString(doc.Hash[:]), Metadata: doc.Metadata,
				})
			case o.long:
				_, err = fmt.Fprintf(a.stdout, "%5d %9d  %s  %s  %s\n", doc.Passages, doc.Bytes,
					doc.Added.Local().Format("2006-01-02 15:04"), a.out.style(stylePlace, oneLine(doc.ID)), oneLine(doc.Title))
			default:
				_, err = fmt.Fprintln(a.stdout, oneLine(doc.ID))
			}
			if err != nil {
				return err
			}
		}
		if o.json {
			if err := a.printJSON(out); err != nil {
				return err
			}
		}
		if n == 0 {
			return errNothing
		}
		return nil
	})
}
