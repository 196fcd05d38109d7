package main

import (
	"context"
	"errors"
	"fmt"
	"os"
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
	dryRun    bool
	encoding  string
	fields    []string
	filter    extract.Filter
}

func newAdd(a *app) *cobra.Command {
	o := addOptions{maxSize: extract.DefaultMaxBytes}
	cmd := &cobra.Command{
		Use:   "add [flags] PATH...",
		Short: "Add files and folders, or replace what was added before",
		Long: `Add files and folders to the database, and make it when there is none.

Read are text, Markdown, source code, HTML, CSV, JSON, PDF, DOCX, ODT, EPUB, mail (.eml, .mbox), and
ZIP, tar and gzip archives of any of these. What a file is, its content says first and its name second.
In a folder, files of a known type are taken; other files, hidden ones, those that a .gitignore or
.semsearchignore ignores, and symbolic links to folders are left out, which -v shows. A file that is
named is taken whatever it is called, as long as it can be read. "-" is standard input and needs --id.

Patterns for --include and --exclude are globs as in '*.md', 'docs/**' and '*.{c,h}': with a slash they
are for the path below the folder that is added, else for the name.

The id of a document is the path of its file, relative to the folder of the .semsearch.db that was
found, or to the working folder when the database is named; outside of that folder it is the absolute
path. A file in an archive adds "!/" and its path there: "mail.zip!/2024/offer.pdf". Adding an id again
replaces the document. A file that has not changed is skipped.

With --jsonl each line is a document: {"id" (or "_id"), "title", "text", "format", "source",
"metadata"}, of which id and text must be there.

Documents are written in batches, each whole or not at all, and what -v has printed as added is safe.
A file that cannot be added is an error that names it; the others are added all the same.`,
		Example: `  semsearch add notes/ README.md
  semsearch add --db recipes.db recipes/
  semsearch add --dry-run --exclude 'vendor/**' --include '*.{go,md}' .
  semsearch add --field title --field body export.json
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
	cmd.Flags().StringArrayVar(&o.filter.Include, "include", nil, "take only files that match `GLOB`, whatever their type; can be given again")
	cmd.Flags().StringArrayVar(&o.filter.Exclude, "exclude", nil, "leave out files and folders that match `GLOB`; can be given again")
	cmd.Flags().BoolVar(&o.filter.Hidden, "hidden", false, "take hidden files and folders")
	cmd.Flags().BoolVar(&o.filter.NoIgnore, "no-ignore", false, "do not follow .gitignore and .semsearchignore")
	cmd.Flags().StringVar(&o.encoding, "encoding", "", "encoding of text that is not UTF-8 and does not say it, such as windows-1252")
	cmd.Flags().StringArrayVar(&o.fields, "field", nil, "column of CSV or key of JSON to take, such as author.name; can be given again")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "only print what would be added")
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
	if err := o.filter.Check(); err != nil {
		return usage("--include or --exclude: %v", err)
	}
	if o.encoding != "" {
		if err := extract.CheckEncoding(o.encoding); err != nil {
			return usage("--encoding: %v", err)
		}
	}
	loc, err := locate(o.db, true)
	if err != nil {
		return err
	}
	ad := &adder{app: a, loc: loc, model: o.model, verbose: o.verbose, dryRun: o.dryRun, started: time.Now()}
	err = a.addAll(ctx, ad, o, args)
	if err == nil {
		err = ad.flush(ctx)
	}
	return ad.finish(err)
}

// addAll hands every document to ad.
func (a *app) addAll(ctx context.Context, ad *adder, o addOptions, args []string) error {
	read := &extract.Options{MaxBytes: int64(o.maxSize), Encoding: o.encoding, Fields: o.fields, Names: o.filter.Member}
	if program, err := os.Executable(); err == nil {
		read.Program = program
	}
	for _, arg := range args {
		var err error
		switch {
		case o.jsonl:
			err = addLines(ctx, ad, arg, int64(o.maxSize))
		case arg == "-":
			err = addStdin(ctx, ad, o, read)
		default:
			err = extract.Walk(ctx, arg, &o.filter, func(e extract.Entry) error { return addEntry(ctx, ad, e, read) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addEntry adds what Walk has met.
func addEntry(ctx context.Context, ad *adder, e extract.Entry, read *extract.Options) error {
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
	id, err := ad.loc.id(e.Path)
	if err != nil {
		return err
	}
	return extract.Documents(ctx, e.Path, read, func(it extract.Item) error { return addItem(ctx, ad, it, id, e.Path) })
}

// addItem adds what a file holds: itself, or a file in it. id is that of the file.
func addItem(ctx context.Context, ad *adder, it extract.Item, id, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if it.Member != "" {
		id += extract.Separator + it.Member
		name += extract.Separator + it.Member
	}
	switch {
	case it.Err != nil:
		ad.failure(name, it.Err)
		return nil
	case it.Skipped != "":
		ad.skip(name, it.Skipped)
		return nil
	}
	doc := it.Doc
	doc.ID = id
	if doc.Source == "" {
		doc.Source = id // not the path as given: it is part of the content hash
	}
	return ad.add(ctx, doc, name)
}

func addStdin(ctx context.Context, ad *adder, o addOptions, read *extract.Options) error {
	data, err := extract.Read(ad.app.stdin, int64(o.maxSize))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		ad.failure("standard input", err)
		return nil
	}
	return extract.FromBytes(ctx, o.id, data, read, func(it extract.Item) error {
		doc, name := it.Doc, "standard input"
		doc.ID = o.id
		if it.Member != "" {
			doc.ID += extract.Separator + it.Member
			name += extract.Separator + it.Member
		} else if o.title != "" {
			doc.Title = o.title
		}
		switch {
		case it.Err != nil:
			ad.failure(name, it.Err)
			return nil
		case it.Skipped != "":
			ad.skip(name, it.Skipped)
			return nil
		}
		return ad.add(ctx, doc, name)
	})
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
	dryRun  bool
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
	if ad.dryRun {
		ad.total.Added++
		_, err := fmt.Fprintln(ad.app.stdout, oneLine(doc.ID))
		return err
	}
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
		if ad.dryRun {
			ad.app.say("%s would be added, %s failed; nothing was written", group(int64(t.Added)), group(int64(ad.failed)))
		} else {
			ad.app.say("%s added, %s replaced, %s unchanged, %s failed; %s in %s",
				group(int64(t.Added)), group(int64(t.Replaced)), group(int64(t.Unchanged)), group(int64(ad.failed)),
				counted(t.Passages, "passage"), time.Since(ad.started).Round(10*time.Millisecond))
		}
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
