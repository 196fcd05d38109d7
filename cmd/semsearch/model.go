package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/defaultmodel"
	"github.com/semsearch/semsearch/encoder"
	"github.com/semsearch/semsearch/encoder/checkpoint"
	"github.com/semsearch/semsearch/internal/eval"
	"github.com/semsearch/semsearch/qa"
)

// models is where encoders and readers come from. Tests put small ones in its place.
type models interface {
	// encoder opens the encoder in a folder or of a name; "" means the one inside the program.
	encoder(dir string) (db.Encoder, error)

	// reader opens the reader in a folder or of a name; "" means the one inside the program.
	reader(dir string) (reader, error)
}

// reader reads passages and answers from them.
type reader interface {
	eval.Reader
	Ask(ctx context.Context, r qa.Retriever, question string, o *qa.AskOptions) ([]qa.Answer, error)
	Threshold() float64
}

// builtinModels opens the models inside the program, and folders.
type builtinModels struct{}

func (builtinModels) encoder(dir string) (db.Encoder, error) {
	if dir == "" {
		enc, err := defaultmodel.Encoder()
		if err != nil {
			return nil, fmt.Errorf("encoder of the program: %w", err)
		}
		return enc, nil
	}
	dir, err := modelDir(dir)
	if err != nil {
		return nil, err
	}
	enc, err := encoder.Open(dir, nil)
	if err != nil {
		return nil, err
	}
	return enc, nil
}

func (builtinModels) reader(dir string) (reader, error) {
	var rd *qa.Reader
	var err error
	if dir == "" {
		if rd, err = defaultmodel.Reader(); err != nil {
			err = fmt.Errorf("reader of the program: %w", err)
		}
	} else if dir, err = modelDir(dir); err == nil {
		rd, err = qa.Open(dir)
	}
	if err != nil {
		return nil, err
	}
	return qaReader{rd}, nil
}

// qaReader is a reader with the functions of qa as methods.
type qaReader struct{ *qa.Reader }

func (r qaReader) Ask(ctx context.Context, rt qa.Retriever, question string, o *qa.AskOptions) ([]qa.Answer, error) {
	return qa.Ask(ctx, rt, r.Reader, question, o)
}

// checkpointOf returns the checkpoint behind an encoder or a reader, nil when there is none.
func checkpointOf(v any) *checkpoint.Checkpoint {
	if c, ok := v.(interface {
		Checkpoint() *checkpoint.Checkpoint
	}); ok {
		return c.Checkpoint()
	}
	return nil
}

func modelFlag(cmd *cobra.Command, value *string) {
	cmd.Flags().Var(&folderFlag{fileFlag{value}}, "model", "folder of the encoder, or the name of one that was pulled (default: the one inside the program)")
}

func readerFlag(cmd *cobra.Command, value *string) {
	cmd.Flags().Var(&folderFlag{fileFlag{value}}, "reader", "folder of the reader, or the name of one that was pulled (default: the one inside the program)")
}
