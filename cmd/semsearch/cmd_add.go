package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/extract"
)

type addOptions struct {
	db, model string
	id, title string
	jsonl     bool
	maxSize   byteSize
	verbose   bool
}

func newAdd(a *app) *cobra.Command {
	o := addOptions{maxSize: extract.DefaultMaxBytes}
	cmd := &cobra.Command{
		Use:   "add [flags] PATH...",
		Short: "Add files and folders, or replace what was added before",
		Long: `Add files and folders to the database, and make it when there is none.

In a folder, text (.txt) and Markdown (.md) files are taken; other files, hidden ones and symbolic
links to folders are left out, which -v shows. A file that is named is taken whatever it is called, as
long as it is text in UTF-8. "-" is standard input and needs --id.

The id of a document is the path of its file, relative to the folder of the .semsearch.db that was
found, or to the working folder when the database is named; outside of that folder it is the absolute
path. Adding an id again replaces the document. A file that has not changed is skipped.

With --jsonl each line is a document: {"id" (or "_id"), "title", "text", "format", "source",
"metadata"}, of which id and text must be there.

Documents are written in batches, each whole or not at all, and what -v has printed as added is safe.
A file that cannot be added is an error that names it; the others are added all the same.`,
		Example: `  semsearch add notes/ README.md
  semsearch add --db recipes.db recipes/
  pandoc -t markdown letter.docx | semsearch add --id letter.md -
  semsearch add --jsonl corpus.jsonl`,
		Annotations: exitCodes("everything was added, or was there unchanged", "there was no file to add", "an error; with others added if only some files failed"),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("no file or folder to add")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.runAdd(cmd.Context(), o, args) },
	}
	dbFlag(cmd, &o.db)
	modelFlag(cmd, &o.model)
	cmd.Flags().StringVar(&o.id, "id", "", "id of the document on standard input")
	cmd.Flags().StringVar(&o.title, "title", "", "title of the document on standard input")
	cmd.Flags().BoolVar(&o.jsonl, "jsonl", false, "read JSON lines, one document a line")
	cmd.Flags().Var(&o.maxSize, "max-size", "size of the largest file or line")
	cmd.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "name every document added, and everything left out")
	return cmd
}

func (a *app) runAdd(ctx context.Context, o addOptions, args []string) error {
	stdin := 0
	for _, arg := range args {
		switch arg {
		case "-":
			stdin++
		case "":
			return usage("a path is empty")
		}
	}
	switch {
	case stdin > 1:
		return usage(`"-" is given %d times`, stdin)
	case stdin == 1 && o.id == "" && !o.jsonl:
		return withHint(errors.New("standard input has no id"), "name the document with --id")
	case o.id != "" && (stdin == 0 || o.jsonl):
		return usage(`--id is for "-" without --jsonl`)
	case o.title != "" && (stdin == 0 || o.jsonl):
		return usage(`--title is for "-" without --jsonl`)
	}
	loc, err := locate(o.db, true)
	if err != nil {
		return err
	}
	ad := &adder{app: a, loc: loc, model: o.model, verbose: o.verbose, started: time.Now()}
	err = a.addAll(ctx, ad, o, args)
	if err == nil {
		err = ad.flush(ctx)
	}
	return ad.finish(err)
}

// addAll hands every document to ad.
func (a *app) addAll(ctx context.Context, ad *adder, o addOptions, args []string) error {
	limit := &extract.Options{MaxBytes: int64(o.maxSize)}
	for _, arg := range args {
		var err error
		switch {
		case o.jsonl:
			err = addLines(ctx, ad, arg, int64(o.maxSize))
		case arg == "-":
			err = addStdin(ctx, ad, o)
		default:
			err = extract.Walk(ctx, arg, func(e extract.Entry) error { return addEntry(ctx, ad, e, limit) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addEntry adds what Walk has met.
func addEntry(ctx context.Context, ad *adder, e extract.Entry, limit *extract.Options) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	switch {
	case e.Err != nil:
		ad.failure(e.Path, e.Err)
		return nil
	case e.Skipped != "":
		ad.skip(e.Path, e.Skipped)
		return nil
	case ad.loc.is(e.Path):
		ad.failure(e.Path, errors.New("this is the database itself"))
		return nil
	}
	doc, err := extract.File(e.Path, limit)
	if err != nil {
		ad.failure(e.Path, err)
		return nil
	}
	if doc.ID, err = ad.loc.id(e.Path); err != nil {
		return err
	}
	doc.Source = doc.ID // not the path as given: it is part of the content hash
	return ad.add(ctx, doc, e.Path)
}

func addStdin(ctx context.Context, ad *adder, o addOptions) error {
	data, err := extract.Read(ad.app.stdin, int64(o.maxSize))
	var doc db.Document
	if err == nil {
		doc, err = extract.Bytes(o.id, data)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		ad.failure("standard input", err)
		return nil
	}
	doc.ID = o.id
	if o.title != "" {
		doc.Title = o.title
	}
	return ad.add(ctx, doc, "standard input")
}

// A batch is committed when it holds this much. More is faster for small documents, and loses more when
// the run is interrupted.
const (
	batchDocuments = 64
	batchBytes     = 1 << 20
)

// adder puts documents into the database in batches and counts.
type adder struct {
	app     *app
	loc     location
	model   string
	verbose bool
	started time.Time

	d       *db.DB // opened for the first document, so that a run of errors makes no database
	pending []pendingDocument
	ids     map[string]bool // of pending
	bytes   int

	total           db.AddResult
	failed, skipped int
	hints           map[string]bool // given in this run
	lastProgress    time.Time
	progressShown   bool
}

// pendingDocument is a document of the next batch.
type pendingDocument struct {
	doc    db.Document
	name   string // for errors: the file, or file and line
	exists bool
}

// failure reports a document that cannot be added.
func (ad *adder) failure(name string, err error) {
	ad.failed++
	ad.clearProgress()
	ad.app.complain("%s: %s", name, reason(err))
	if h := hintFor(err); h != "" && !ad.hints[h] { // once is enough
		ad.app.say("hint: %s", h)
		if ad.hints == nil {
			ad.hints = map[string]bool{}
		}
		ad.hints[h] = true
	}
}

// skip reports something left out on purpose.
func (ad *adder) skip(name, why string) {
	ad.skipped++
	if ad.verbose {
		ad.clearProgress()
		ad.app.say("skipped %s: %s", name, why)
	}
}

// committed reports a document that is safely in the database.
func (ad *adder) committed(what, id string) {
	if ad.verbose {
		ad.clearProgress()
		ad.app.say("%s %s", what, id)
	}
}

// add puts doc into the next batch, unless it is in the database already. An error ends the run.
func (ad *adder) add(ctx context.Context, doc db.Document, name string) error {
	if err := ad.open(); err != nil {
		return err
	}
	if ad.ids[doc.ID] { // twice in one run: the later one replaces the earlier one
		if err := ad.flush(ctx); err != nil {
			return err
		}
	}
	hash, exists, err := ad.d.Hash(ctx, doc.ID)
	if errors.Is(err, db.ErrInvalid) {
		ad.failure(name, err)
		return nil
	}
	if err != nil {
		return err
	}
	if exists && hash == db.ContentHash(doc) {
		ad.total.Unchanged++
		ad.committed("unchanged", doc.ID)
		return nil
	}
	ad.pending = append(ad.pending, pendingDocument{doc, name, exists})
	ad.ids[doc.ID] = true
	ad.bytes += len(doc.Text)
	if len(ad.pending) >= batchDocuments || ad.bytes >= batchBytes {
		return ad.flush(ctx)
	}
	return nil
}

func (ad *adder) open() error {
	if ad.d != nil {
		return nil
	}
	enc, err := ad.app.models.encoder(ad.model)
	if err != nil {
		return err
	}
	d, err := ad.app.openDB(ad.loc, enc, &db.Options{Shared: true})
	if err != nil {
		return err
	}
	ad.d, ad.ids = d, map[string]bool{}
	if ad.loc.made {
		ad.app.say("new database %s", ad.loc.path)
	}
	return nil
}

// flush commits the batch. When the database refuses a document, the others are added one by one.
func (ad *adder) flush(ctx context.Context) error {
	batch := ad.pending
	ad.pending, ad.bytes = nil, 0
	clear(ad.ids)
	if len(batch) == 0 {
		return nil
	}
	err := ad.commit(ctx, batch)
	if !errors.Is(err, db.ErrInvalid) {
		return err
	}
	for i := range batch {
		err := ad.commit(ctx, batch[i:i+1])
		if errors.Is(err, db.ErrInvalid) {
			ad.failure(batch[i].name, err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (ad *adder) commit(ctx context.Context, batch []pendingDocument) error {
	docs := make([]db.Document, len(batch))
	for i, p := range batch {
		docs[i] = p.doc
	}
	res, err := ad.d.Add(ctx, docs...)
	if err != nil {
		return err
	}
	ad.total.Added += res.Added
	ad.total.Replaced += res.Replaced
	ad.total.Unchanged += res.Unchanged
	ad.total.Passages += res.Passages
	for _, p := range batch {
		if p.exists {
			ad.committed("replaced", p.doc.ID)
		} else {
			ad.committed("added", p.doc.ID)
		}
	}
	ad.progress()
	return nil
}

// finish closes the database, prints the counts and returns the error of the run.
func (ad *adder) finish(err error) error {
	ad.clearProgress()
	if ad.d != nil {
		if cerr := ad.d.Close(); err == nil {
			err = cerr
		}
	}
	t := ad.total
	if err == nil && ad.failed == 0 && t.Added+t.Replaced+t.Unchanged == 0 {
		if ad.skipped > 0 {
			ad.app.say("nothing to add: %s left out, which -v shows", counted(ad.skipped, "name"))
		} else {
			ad.app.say("nothing to add")
		}
		return errNothing
	}
	if err == nil || t.Added+t.Replaced+t.Unchanged+ad.failed > 0 {
		ad.app.say("%s added, %s replaced, %s unchanged, %s failed; %s in %s",
			group(int64(t.Added)), group(int64(t.Replaced)), group(int64(t.Unchanged)), group(int64(ad.failed)),
			counted(t.Passages, "passage"), time.Since(ad.started).Round(10*time.Millisecond))
	}
	if err == nil && ad.failed > 0 {
		return errReported
	}
	return err
}

// progress redraws one line on a terminal, not more than five times a second.
func (ad *adder) progress() {
	if !ad.app.talk.is || ad.verbose || time.Since(ad.lastProgress) < 200*time.Millisecond {
		return
	}
	ad.lastProgress, ad.progressShown = time.Now(), true
	t := ad.total
	fmt.Fprintf(ad.app.stderr, "\r\x1b[Ksemsearch: %s, %s",
		counted(t.Added+t.Replaced, "document"), counted(t.Passages, "passage"))
}

func (ad *adder) clearProgress() {
	if ad.progressShown {
		fmt.Fprint(ad.app.stderr, "\r\x1b[K")
		ad.progressShown = false
	}
}
