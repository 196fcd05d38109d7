package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/encoder/checkpoint"
)

type quantizeOptions struct {
	keepEmbeddings bool
	json           bool
}

func newModelQuantize(a *app) *cobra.Command {
	var o quantizeOptions
	cmd := &cobra.Command{
		Use:   "quantize [flags] DIR OUT",
		Short: "Make an int8 copy of a model",
		Long: `Write an int8 copy of the model in the folder DIR to the new folder OUT: smaller, and several times
as fast, for a small loss. The copy is used like any other model, and other programs that know the
int-quantized format of compressed-tensors read it too. A database belongs to the original or to the
copy, not to both.

What is printed: how large the weights were and are, and how near the copy comes to the original on
a few built-in texts.`,
		Example:     "  semsearch model quantize models/all-MiniLM-L6-v2 models/all-MiniLM-L6-v2-int8",
		Annotations: exitCodes("done", "", "an error"),
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) < 2:
				return usage("want the folder of a model and that of the copy")
			case len(args) > 2:
				return usage("more than two folders")
			case args[0] == "" || args[1] == "":
				return usage("the path is empty")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runQuantize(cmd.Context(), args[0], args[1], o)
		},
	}
	cmd.Flags().BoolVar(&o.keepEmbeddings, "keep-embeddings", false, "leave the word and position embeddings as they are")
	jsonFlag(cmd, &o.json)
	return cmd
}

// jsonQuantize is what model quantize --json prints.
type jsonQuantize struct {
	Schema      int     `json:"schema"`
	Fingerprint string  `json:"fingerprint"`
	Matrices    int     `json:"matrices"`
	Before      int64   `json:"bytes_before"`
	After       int64   `json:"bytes_after"`
	Cosine      float64 `json:"token_cosine"`
	Worst       float64 `json:"worst_token_cosine"`
	TextCosine  float64 `json:"text_cosine"`
}

func (a *app) runQuantize(ctx context.Context, dir, out string, o quantizeOptions) error {
	r, err := checkpoint.Quantize(ctx, dir, out, &checkpoint.QuantizeOptions{KeepEmbeddings: o.keepEmbeddings})
	switch {
	case errors.Is(err, fs.ErrExist):
		return withHint(err, "name a folder that does not exist yet")
	case err != nil:
		return err
	}
	if o.json {
		return a.printJSON(jsonQuantize{jsonSchema, r.Fingerprint, r.Matrices, r.Before, r.After, r.Cosine, r.WorstCosine, r.TextCosine})
	}
	return a.printTable([][2]string{
		{"int8", group(int64(r.Matrices)) + " matrices"},
		{"before", group(r.Before) + " bytes"},
		{"after", fmt.Sprintf("%s bytes, %.1f%%", group(r.After), 100*float64(r.After)/float64(max(1, r.Before)))},
		{"fingerprint", r.Fingerprint},
		{"text cosine", fmt.Sprintf("%.5f", r.TextCosine)},
		{"token cosine", fmt.Sprintf("%.5f, worst %.5f of %d", r.Cosine, r.WorstCosine, r.Tokens)},
	})
}
