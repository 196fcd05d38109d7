package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"github.com/semsearch/semsearch/db"
)

// Defaults of Options.
const (
	DefaultMaxBytes    = 64 << 20 // 64 MiB
	DefaultMaxUnpacked = 1 << 30  // 1 GiB
	DefaultMaxEntries  = 100_000
	DefaultMaxDepth    = 3
	DefaultTimeout     = 10 * time.Second
)

// Options says what is read and how far. The zero value, and nil, are the defaults.
type Options struct {
	// MaxBytes is the size of the largest file that is read, in a folder or in an archive, and of the
	// longest text that is made of one; 0 means DefaultMaxBytes. A file is held in memory while it is
	// added, so more costs memory.
	MaxBytes int64

	// MaxUnpacked is how many bytes all that is packed in one file may have together; 0 means
	// DefaultMaxUnpacked. What is read before the limit is kept.
	MaxUnpacked int64

	// MaxEntries is how many files one archive may hold, those in archives inside of it included; 0 means
	// DefaultMaxEntries.
	MaxEntries int

	// MaxDepth is how deep archives may lie in archives; 0 means DefaultMaxDepth. An archive in none has
	// depth 1.
	MaxDepth int

	// Timeout is the longest time for making one document; 0 means DefaultTimeout, less means none.
	Timeout time.Duration

	// Encoding is that of text files which are neither UTF-8 nor marked as anything else, by its label in
	// the WHATWG Encoding Standard, such as windows-1252; "" means that they are an error.
	Encoding string

	// Fields are the columns of CSV and the keys of JSON that are taken, in dotted form for keys inside of
	// objects ("author.name"); none means all.
	Fields []string

	// Program is the program that is run to read a PDF: one whose main calls [RunChild] first. "" means
	// that PDFs are read in this process, where a damaged one can use up all memory or overflow the stack.
	Program string

	// Names says why a file in an archive is not read, by its path in it, "" if it is; nil means
	// [Filter.Member] of the zero Filter.
	Names func(name string) (skipped string)
}

func (o *Options) fill() Options {
	var f Options
	if o != nil {
		f = *o
	}
	if f.MaxBytes <= 0 {
		f.MaxBytes = DefaultMaxBytes
	}
	if f.MaxUnpacked <= 0 {
		f.MaxUnpacked = DefaultMaxUnpacked
	}
	if f.MaxEntries <= 0 {
		f.MaxEntries = DefaultMaxEntries
	}
	if f.MaxDepth <= 0 {
		f.MaxDepth = DefaultMaxDepth
	}
	if f.Timeout == 0 {
		f.Timeout = DefaultTimeout
	}
	if f.Names == nil {
		f.Names = (*Filter)(nil).Member
	}
	return f
}

// Keys of [db.Document].Metadata that this package sets. A document whose text is its file has none of them.
const (
	// MetaFormat is the Format of the file that the text was made from.
	MetaFormat = "semsearch.format"

	// MetaMap is the [Map] from the text to the file, as [Map.String] writes it. It is missing when the
	// format has no places that mean anything to people, as in DOCX.
	MetaMap = "semsearch.map"
)

// Item is what a file gives: a document, or the reason why there is none.
type Item struct {
	// Member is the path of the document inside of the archive, with "!/" for each archive in it:
	// "mail.zip!/2024/a.eml". It is "" when the file is the document.
	Member string

	// Doc has Title, Text, Format and Metadata set; the caller knows the rest.
	Doc db.Document

	Err     error  // why it cannot be read; it does not name the file
	Skipped string // why it was left out on purpose, in words
}

// Separator stands between the path of an archive and that of a file in it.
const Separator = "!/"

// Documents reads the file at path and calls fn with what it gives: one document for most formats, one for
// each file of an archive, in the order of the archive. A symbolic link is followed.
//
// What is wrong with the file or with one of its members is given as an Item with Err set, an
// [fs.PathError] or one that wraps an error of this package, and what comes after it is read all the same.
// Documents itself returns the first error of fn, or that of ctx.
func Documents(ctx context.Context, path string, o *Options, fn func(Item) error) error {
	f := o.fill()
	data, err := read(path, f.MaxBytes)
	if err != nil {
		return fn(Item{Err: err})
	}
	return FromBytes(ctx, path, data, &f, fn)
}

// FromBytes is [Documents] for the bytes of a file called name.
func FromBytes(ctx context.Context, name string, data []byte, o *Options, fn func(Item) error) error {
	f := o.fill()
	j := &job{o: f, fn: fn, unpacked: f.MaxUnpacked, entries: f.MaxEntries}
	return j.file(ctx, "", name, data, 0)
}

// job is the reading of one file with all that is packed in it.
type job struct {
	o        Options
	fn       func(Item) error
	unpacked int64 // bytes that may still be unpacked
	entries  int   // members that may still come
}

// file gives the documents of one file or member.
func (j *job) file(ctx context.Context, member, name string, data []byte, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	format := Detect(name, data)
	if format == Zip {
		format = zipKind(data)
	}
	if format.Archive() {
		if depth >= j.o.MaxDepth {
			return j.fn(Item{Member: member, Err: fmt.Errorf("%w: archives in %d archives", ErrDepth, depth)})
		}
		return j.archive(ctx, format, member, name, data, depth+1)
	}
	doc, attached, err := j.document(ctx, format, name, data)
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	if err := j.fn(Item{Member: member, Doc: doc, Err: err}); err != nil {
		return err
	}
	if len(attached) > 0 && depth >= j.o.MaxDepth {
		return j.fn(Item{Member: member, Err: fmt.Errorf("%w: its %d attachments are left out", ErrDepth, len(attached))})
	}
	for _, a := range attached {
		if err := j.member(ctx, member, a.name, a.data, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// member gives the documents of a file in an archive, or attached to a mail.
func (j *job) member(ctx context.Context, in, name string, data []byte, depth int) error {
	clean := memberName(name)
	full := clean
	if in != "" {
		full = in + Separator + clean
	}
	if why := j.o.Names(clean); why != "" {
		return j.fn(Item{Member: full, Skipped: why})
	}
	return j.file(ctx, full, clean, data, depth)
}

// memberName makes a path inside of an archive fit for an id: without "..", and never absolute.
func memberName(name string) string {
	name = strings.ToValidUTF8(strings.ReplaceAll(name, "\\", "/"), "\ufffd")
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if name == "" {
		return "unnamed"
	}
	if len(name) > maxMemberName {
		name = strings.ToValidUTF8(name[len(name)-maxMemberName:], "")
	}
	return name
}

// maxMemberName leaves room for the path of the archive in an id (see db.MaxIDBytes).
const maxMemberName = 1024

// attachment is a file that came with a document.
type attachment struct {
	name string
	data []byte
}

// result is what a format makes of a file.
type result struct {
	title    string
	text     string
	format   string // of the text, db.FormatText if ""
	where    *Map
	attached []attachment
}

// document makes one document of a file that is no archive.
func (j *job) document(ctx context.Context, format Format, name string, data []byte) (db.Document, []attachment, error) {
	if j.o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, j.o.Timeout, ErrTimeout)
		defer cancel()
	}
	res, err := j.guarded(ctx, format, name, data)
	if errors.Is(err, context.DeadlineExceeded) && errors.Is(context.Cause(ctx), ErrTimeout) {
		err = ErrTimeout
	}
	if err != nil {
		return db.Document{}, nil, err
	}
	if int64(len(res.text)) > max(j.o.MaxBytes, int64(len(data))*2) || len(res.text) > db.MaxTextBytes {
		return db.Document{}, nil, fmt.Errorf("%w: a text of %d bytes", ErrTooLarge, len(res.text))
	}
	if blank(res.text) {
		err = ErrEmpty
		if len(res.attached) == 0 {
			return db.Document{}, nil, err
		}
	}
	doc := db.Document{Title: res.title, Text: res.text, Format: res.format}
	if doc.Title == "" {
		doc.Title = fileTitle(name)
	}
	identity := res.where == nil && (format == Text || format == Markdown || format == Code || res.text == string(data))
	if !identity {
		doc.Metadata = map[string]string{MetaFormat: string(format)}
		if res.where != nil {
			doc.Metadata[MetaMap] = res.where.String()
		}
	}
	return doc, res.attached, err
}

// guarded runs the reader of a format. Libraries that panic on a damaged file make it an error.
func (j *job) guarded(ctx context.Context, format Format, name string, data []byte) (res result, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			res, err = result{}, fmt.Errorf("%w: %s: %.200v", ErrDamaged, format, r)
		}
	}()
	return j.read(ctx, format, name, data)
}

// read makes a text of a file.
func (j *job) read(ctx context.Context, format Format, name string, data []byte) (result, error) {
	res := result{format: format.dbFormat()}
	switch format {
	case DOCX:
		return readDOCX(ctx, data, j)
	case ODT:
		return readODT(ctx, data, j)
	case EPUB:
		return readEPUB(ctx, data, j)
	case PDF:
		return readPDF(ctx, data, j.o)
	case Email:
		return readEmail(ctx, data, j.o)
	case HTML:
		src, err := decode(data, htmlCharset(data), j.o.Encoding)
		if err != nil {
			return res, err
		}
		b := newBuilder(src)
		title, err := readHTML(ctx, b)
		if err != nil {
			return res, err
		}
		res.title = title
		res.text, res.where = b.build()
		return res, nil
	}
	// Text of some kind, or Unknown, for which decode has the better message.
	src, err := decode(data, "", j.o.Encoding)
	if err != nil {
		return res, err
	}
	if format == Unknown {
		return res, fmt.Errorf("%w: %s", ErrBinary, binaryName(data))
	}
	b := newBuilder(src)
	structured := false
	switch format {
	case CSV:
		structured, err = readCSV(ctx, b, name, j.o.Fields)
	case JSON, JSONLines:
		structured, err = readJSON(ctx, b, j.o.Fields)
	}
	if err != nil {
		return res, err
	}
	if !structured { // the text is the file
		b = newBuilder(src)
		b.copy(0, len(src.text))
		if format == Markdown {
			res.title = markdownTitle(strings.TrimPrefix(src.text, byteOrderMark))
		}
	}
	res.text, res.where = b.build()
	return res, nil
}

// File reads the file at path as one document with Source (path as given) set. The ID is left empty, because
// only the caller knows what the path is relative to. An archive is an error: see [Documents].
func File(path string, o *Options) (db.Document, error) {
	f := o.fill()
	data, err := read(path, f.MaxBytes)
	if err != nil {
		return db.Document{}, err
	}
	doc, err := single(path, data, &f)
	doc.Source = path
	return doc, err
}

// Bytes makes a document of the bytes of a file called name, with the default options. The ID and the Source
// are left empty.
func Bytes(name string, data []byte) (db.Document, error) { return single(name, data, nil) }

var errSeveral = errors.New("it holds several documents")

func single(name string, data []byte, o *Options) (doc db.Document, err error) {
	err = FromBytes(context.Background(), name, data, o, func(it Item) error {
		if it.Member != "" {
			return errSeveral
		}
		doc = it.Doc
		return it.Err
	})
	if err != nil {
		return db.Document{}, err
	}
	return doc, nil
}

// read returns the bytes of a regular file of at most max bytes.
func read(path string, max int64) ([]byte, error) {
	// Look before opening: opening a named pipe waits for a writer.
	fi, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := regular(fi); err != nil {
		return nil, err
	}
	if fi.Size() > max {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, fi.Size(), max)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(f, max)
}

func regular(fi fs.FileInfo) error {
	switch m := fi.Mode(); {
	case m.IsRegular():
		return nil
	case m.IsDir():
		return fmt.Errorf("%w: a folder", ErrNotRegular)
	case m&fs.ModeNamedPipe != 0:
		return fmt.Errorf("%w: a named pipe", ErrNotRegular)
	case m&fs.ModeSocket != 0:
		return fmt.Errorf("%w: a socket", ErrNotRegular)
	case m&fs.ModeDevice != 0:
		return fmt.Errorf("%w: a device", ErrNotRegular)
	default:
		return ErrNotRegular
	}
}

// Read reads r to its end; more than max bytes are [ErrTooLarge]. A max of 0 means [DefaultMaxBytes].
// It is for input whose size is not known before, such as standard input.
func Read(r io.Reader, max int64) ([]byte, error) {
	if max <= 0 {
		max = DefaultMaxBytes
	}
	data, err := io.ReadAll(io.LimitReader(r, max+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > max {
		return nil, fmt.Errorf("%w: over the limit of %d bytes", ErrTooLarge, max)
	}
	return data, nil
}

// Reason is the message of an error of this package or of the file system, without the path that an
// [fs.PathError] repeats: callers name the file themselves.
func Reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// stopped returns why ctx is done, nil while it is not.
func stopped(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
