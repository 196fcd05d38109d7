package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
)

// openDB opens the database at loc and names it in the error.
func (a *app) openDB(loc location, enc db.Encoder, o *db.Options) (*db.DB, error) {
	o.Timeout = a.wait.timeout()
	d, err := db.Open(loc.path, enc, o)
	if err != nil && !strings.Contains(err.Error(), loc.path) {
		return nil, named(loc.path, err)
	}
	return d, err
}

// named puts a name before an error.
func named(name string, err error) error { return &namedError{name, err} }

type namedError struct {
	name string
	err  error
}

func (n *namedError) Error() string { return n.name + ": " + n.err.Error() }
func (n *namedError) Unwrap() error { return n.err }

// withDB opens the database named by a flag, which must exist, runs fn and closes it. enc may be nil.
func (a *app) withDB(flag string, enc db.Encoder, readOnly bool, fn func(d *db.DB, loc location) error) error {
	loc, err := locate(flag, false)
	if err != nil {
		return err
	}
	d, err := a.openDB(loc, enc, &db.Options{MustExist: true, ReadOnly: readOnly})
	if err != nil {
		return err
	}
	err = fn(d, loc)
	if cerr := d.Close(); cerr != nil && (err == nil || errors.Is(err, errNothing)) {
		err = cerr
	}
	return err
}

// parseMode reads the value of --mode.
func parseMode(s string) (db.Mode, error) {
	switch s {
	case "hybrid":
		return db.Hybrid, nil
	case "dense":
		return db.Dense, nil
	case "lexical":
		return db.Lexical, nil
	}
	return 0, usage("--mode %s: want hybrid, dense or lexical", quote(s))
}

func modeFlag(cmd *cobra.Command, value *string) {
	cmd.Flags().StringVar(value, "mode", "hybrid", "how to look: hybrid, dense (by meaning) or lexical (by words)")
}

func parseFusion(s string) (db.Fusion, error) {
	switch s {
	case "score":
		return db.ScoreFusion, nil
	case "rank":
		return db.RankFusion, nil
	}
	return 0, usage("--fusion %s: want score or rank", quote(s))
}

func fusionFlag(cmd *cobra.Command, value *string) {
	cmd.Flags().StringVar(value, "fusion", "score", "how hybrid joins meaning and words: score (weighted sum) or rank (reciprocal rank fusion)")
}

// encoderFor opens the encoder for a mode; a lexical query needs none, and loads none.
func (a *app) encoderFor(mode db.Mode, dir string) (db.Encoder, error) {
	if mode == db.Lexical {
		return nil, nil
	}
	return a.models.encoder(dir)
}

// words joins the arguments that make up a query.
func words(what string, args []string) (string, error) {
	s := strings.TrimSpace(strings.Join(args, " "))
	if s == "" {
		return "", usage("no %s", what)
	}
	return s, nil
}

// positive checks the value of a flag that counts something.
func positive(flag string, n int) error {
	if n < 1 {
		return usage("%s %d: want a number from 1 up", flag, n)
	}
	return nil
}

// noArgs is cobra.NoArgs in our words.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%s takes no argument, got %s", cmd.CommandPath(), quote(args[0]))
	}
	return nil
}

// each calls fn unless the context has ended.
func each[T any](ctx context.Context, list []T, fn func(T) error) error {
	for _, v := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(v); err != nil {
			return err
		}
	}
	return nil
}
