package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/extract"
)

// embedBatch is how many lines are encoded at once.
const embedBatch = 64

type embedOptions struct {
	model       string
	query, json bool
}

func newEmbed(a *app) *cobra.Command {
	var o embedOptions
	cmd := &cobra.Command{
		Use:   "embed [flags]",
		Short: "Turn lines of standard input into vectors",
		Long: `Turn every line of standard input into a vector. Plain output is one line a text, numbers with spaces
between them. Vectors are those of passages, or with --query those of queries; the two differ only
for encoders that have prompts.`,
		Example: `  printf 'green tea\nblack tea\n' | semsearch embed
  semsearch embed --json < sentences.txt | jq '.vectors | length'`,
		Annotations: exitCodes("done", "", "an error"),
		Args:        noArgs,
		RunE:        func(cmd *cobra.Command, args []string) error { return a.runEmbed(cmd.Context(), o) },
	}
	modelFlag(cmd, &o.model)
	cmd.Flags().BoolVar(&o.query, "query", false, "encode the lines as queries")
	jsonFlag(cmd, &o.json)
	return cmd
}

// jsonVector is a text of embed --json.
type jsonVector struct {
	Text   string    `json:"text"`
	Vector []float32 `json:"vector"`
}

func (a *app) runEmbed(ctx context.Context, o embedOptions) error {
	enc, err := a.models.encoder(o.model)
	if err != nil {
		return err
	}
	// The object is printed piece by piece: it may be larger than memory.
	if o.json {
		if _, err := fmt.Fprintf(a.stdout, `{"schema":%d,"vectors":[`, jsonSchema); err != nil {
			return err
		}
	}
	var texts []string
	written := 0
	flush := func() error {
		vectors, err := encodeAll(ctx, enc, texts, o.query)
		if err != nil {
			return err
		}
		for i, v := range vectors {
			if err := a.printVector(o.json, written, texts[i], v); err != nil {
				return err
			}
			written++
		}
		texts = texts[:0]
		return a.flush() // who reads a pipe gets each batch when it is ready
	}
	lines := newLineReader(a.stdin, extract.DefaultMaxBytes)
	for lines.next() {
		if lines.tooLong {
			return fmt.Errorf("standard input:%d: %w", lines.number, extract.ErrTooLarge)
		}
		if !utf8.Valid(lines.line) {
			return fmt.Errorf("standard input:%d: %w", lines.number, extract.ErrInvalidUTF8)
		}
		if texts = append(texts, string(lines.line)); len(texts) == embedBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if lines.err != nil {
		return fmt.Errorf("standard input: %w", lines.err)
	}
	if err := flush(); err != nil {
		return err
	}
	if o.json {
		_, err = fmt.Fprintln(a.stdout, "]}")
	}
	return err
}

func encodeAll(ctx context.Context, enc db.Encoder, texts []string, query bool) ([][]float32, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	if !query {
		return enc.EncodePassages(ctx, texts)
	}
	out := make([][]float32, len(texts))
	for i, t := range texts {
		v, err := enc.EncodeQuery(ctx, t)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func (a *app) printVector(asJSON bool, n int, text string, v []float32) error {
	if asJSON {
		b, err := json.Marshal(jsonVector{text, v})
		if err != nil {
			return err
		}
		if n > 0 {
			b = append([]byte{','}, b...)
		}
		_, err = a.stdout.Write(b)
		return err
	}
	var b []byte
	for i, x := range v {
		if i > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendFloat(b, float64(x), 'g', -1, 32)
	}
	_, err := a.stdout.Write(append(b, '\n'))
	return err
}
