package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
)

type queryOptions struct {
	db, model, mode string
	fusion          string
	k               int
	perDocument     int
	full, json      bool
}

func newQuery(a *app) *cobra.Command {
	var o queryOptions
	cmd := &cobra.Command{
		Use:   "query [flags] TEXT...",
		Short: "Find passages",
		Long: `Find the passages of the documents that fit a text best, by meaning and by words.

Each hit is its rank, its score, where it begins (document id, line and column) and the title of its
document, then the passage. Scores of different modes cannot be compared.`,
		Example: `  semsearch query what to do about a burn
  semsearch query --mode lexical -k 3 "blossom end rot"
  semsearch query --json power cut | jq -r '.hits[].id'`,
		Annotations: exitCodes("something was found", "nothing was found", "an error"),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := words("text to look for", args)
			if err != nil {
				return err
			}
			return a.runQuery(cmd.Context(), o, text)
		},
	}
	dbFlag(cmd, &o.db)
	modelFlag(cmd, &o.model)
	modeFlag(cmd, &o.mode)
	fusionFlag(cmd, &o.fusion)
	cmd.Flags().IntVarP(&o.k, "hits", "k", 10, "`number` of hits")
	cmd.Flags().IntVar(&o.perDocument, "per-document", 0, "most hits of one document; 0 means no limit")
	cmd.Flags().BoolVar(&o.full, "full", false, "print whole passages")
	jsonFlag(cmd, &o.json)
	return cmd
}

func (a *app) runQuery(ctx context.Context, o queryOptions, text string) error {
	if err := positive("-k", o.k); err != nil {
		return err
	}
	if o.perDocument < 0 {
		return usage("--per-document %d: want 0 or more", o.perDocument)
	}
	mode, err := parseMode(o.mode)
	if err != nil {
		return err
	}
	fusion, err := parseFusion(o.fusion)
	if err != nil {
		return err
	}
	enc, err := a.encoderFor(mode, o.model)
	if err != nil {
		return err
	}
	return a.withDB(o.db, enc, true, func(d *db.DB, _ location) error {
		hits, err := d.Query(ctx, text, &db.QueryOptions{K: o.k, Mode: mode, Fusion: fusion, PerDocument: o.perDocument})
		if err != nil {
			return err
		}
		ids := make([]string, len(hits))
		for i, h := range hits {
			ids[i] = h.ID
		}
		c, err := a.cite(ctx, d, ids)
		if err != nil {
			return err
		}
		if o.json {
			out := struct {
				Schema int       `json:"schema"`
				Hits   []jsonHit `json:"hits"`
			}{jsonSchema, []jsonHit{}}
			for _, h := range hits {
				out.Hits = append(out.Hits, newJSONHit(h, c))
			}
			if err := a.printJSON(out); err != nil {
				return err
			}
		} else if err := a.printHits(hits, c, text, o.full); err != nil {
			return err
		}
		if len(hits) == 0 {
			return errNothing
		}
		return nil
	})
}
