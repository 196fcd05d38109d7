package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
)

type infoOptions struct {
	db   string
	json bool
}

func newInfo(a *app) *cobra.Command {
	var o infoOptions
	cmd := &cobra.Command{
		Use:         "info [flags]",
		Short:       "Describe the database",
		Long:        "Describe the database: where it is, what is in it, and which encoder filled it.",
		Example:     "  semsearch info --db notes.db",
		Annotations: exitCodes("done", "", "an error"),
		Args:        noArgs,
		RunE:        func(cmd *cobra.Command, args []string) error { return a.runInfo(cmd.Context(), o) },
	}
	dbFlag(cmd, &o.db)
	jsonFlag(cmd, &o.json)
	return cmd
}

// jsonInfo is what info --json prints.
type jsonInfo struct {
	Schema        int    `json:"schema"`
	Path          string `json:"path"`
	FormatVersion int    `json:"format_version"`
	Commit        uint64 `json:"commit"`
	Encoder       string `json:"encoder"`
	Dim           int    `json:"dim"`
	Documents     int    `json:"documents"`
	Passages      int    `json:"passages"`
	Vectors       int    `json:"vectors"`
	Terms         int    `json:"terms"`
	Tokens        int64  `json:"tokens"`
	TextBytes     int64  `json:"text_bytes"`
	FileBytes     int64  `json:"file_bytes"`
	MaxTokens     int    `json:"passage_max_tokens"`
	OverlapTokens int    `json:"passage_overlap_tokens"`
}

func (a *app) runInfo(ctx context.Context, o infoOptions) error {
	return a.withDB(o.db, nil, true, func(d *db.DB, loc location) error {
		s, err := d.Stats(ctx)
		if err != nil {
			return err
		}
		if o.json {
			return a.printJSON(jsonInfo{
				Schema: jsonSchema, Path: loc.path, FormatVersion: s.FormatVersion, Commit: s.Commit,
				Encoder: s.Fingerprint, Dim: s.Dim, Documents: s.Documents, Passages: s.Passages, Vectors: s.Vectors,
				Terms: s.Terms, Tokens: s.Tokens, TextBytes: s.TextBytes, FileBytes: s.FileBytes,
				MaxTokens: s.MaxTokens, OverlapTokens: s.OverlapTokens,
			})
		}
		encoder := s.Fingerprint
		if encoder == "" {
			encoder = "none yet"
		} else {
			encoder = fmt.Sprintf("%s, %d dimensions", encoder, s.Dim)
		}
		return a.printTable([][2]string{
			{"database", loc.path},
			{"size", sizeString(s.FileBytes)},
			{"format", fmt.Sprintf("version %d", s.FormatVersion)},
			{"encoder", encoder},
			{"documents", group(int64(s.Documents))},
			{"passages", fmt.Sprintf("%s, of at most %d tokens", group(int64(s.Passages)), s.MaxTokens)},
			{"text", sizeString(s.TextBytes)},
			{"terms", group(int64(s.Terms))},
		})
	})
}

// printTable prints names and values, one a line.
func (a *app) printTable(rows [][2]string) error {
	wide := 0
	for _, r := range rows {
		wide = max(wide, len(r[0]))
	}
	for _, r := range rows {
		if _, err := fmt.Fprintf(a.stdout, "%-*s  %s\n", wide, r[0], oneLine(r[1])); err != nil {
			return err
		}
	}
	return nil
}
