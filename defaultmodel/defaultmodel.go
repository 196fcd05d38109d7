// Package defaultmodel is the model that comes with semsearch: an encoder and a reader, embedded in
// the programs that import this package and in no others.
//
// Both were trained from nothing by the recipe in the folder train; README.md in this folder is the
// model card: data, licences, budget, scores, known failures. They know English.
//
//	enc, err := defaultmodel.Encoder()
//	d, err := db.Open("notes.db", enc, nil)
//	rd, err := defaultmodel.Reader()
//	answers, err := qa.Ask(ctx, d, rd, "When do tomatoes go outside?", nil)
//
// The weights are read and unpacked at the first call, once for the process, and shared. All of it is safe for
// concurrent use. A later release may carry other weights: a database remembers the fingerprint of its
// encoder, and opening it with another one is db.ErrEncoderMismatch.
package defaultmodel

import (
	"embed"
	"fmt"
	"io/fs"
	"sync"

	"github.com/semsearch/semsearch/encoder"
	"github.com/semsearch/semsearch/encoder/checkpoint"
	"github.com/semsearch/semsearch/qa"
)

// Names of the two checkpoints, as errors and listings show them.
const (
	EncoderName = "semsearch default encoder"
	ReaderName  = "semsearch default reader"
)

//go:embed encoder reader
var files embed.FS

var (
	loadEncoder = sync.OnceValues(func() (*encoder.Encoder, error) {
		ck, err := open("encoder", EncoderName)
		if err != nil {
			return nil, err
		}
		return encoder.New(ck, nil)
	})
	loadReader = sync.OnceValues(func() (*qa.Reader, error) {
		sub, err := fs.Sub(files, "reader")
		if err != nil {
			return nil, fmt.Errorf("defaultmodel: %w", err)
		}
		rd, err := qa.OpenFS(sub, ReaderName)
		if err != nil {
			return nil, fmt.Errorf("defaultmodel: %w", err)
		}
		return rd, nil
	})
)

// Encoder returns the embedded encoder: text to unit vectors. An error means that the program was built
// from a damaged copy of this package.
func Encoder() (*encoder.Encoder, error) { return loadEncoder() }

// Reader returns the embedded reader: a question and passages to spans. Errors are as for Encoder.
func Reader() (*qa.Reader, error) { return loadReader() }

func open(folder, name string) (*checkpoint.Checkpoint, error) {
	sub, err := fs.Sub(files, folder)
	if err != nil {
		return nil, fmt.Errorf("defaultmodel: %w", err)
	}
	ck, err := checkpoint.OpenFS(sub, name)
	if err != nil {
		return nil, fmt.Errorf("defaultmodel: %w", err)
	}
	return ck, nil
}
