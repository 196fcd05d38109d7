package extract

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Entry is one thing met by [Walk].
type Entry struct {
	Path    string // the path given to Walk, or a path below it
	Err     error  // why it cannot be read; nil for a file to read
	Skipped string // why it was left out on purpose, in words; "" for a file to read
}

// Walk calls fn with every file to read at or below path, in the order of names, so that the same folder
// gives the same order each time.
//
// A file that is named is always given, whatever it is called; so is the target when path is a symbolic
// link. Inside a folder these are left out, and given with Skipped set: what the filter says (hidden files
// and folders, and files without a known extension, if it says nothing), what a .gitignore or
// .semsearchignore there, or above it in the same git repository, ignores, and symbolic links to folders, so
// that a loop of links ends. A symbolic link to a file is given like the file.
//
// Walk stops at the first error of fn and returns it, and stops when ctx is done.
func Walk(ctx context.Context, path string, f *Filter, fn func(Entry) error) error {
	fi, err := os.Stat(path)
	if err != nil {
		return fn(Entry{Path: path, Err: err})
	}
	if !fi.IsDir() {
		return fn(Entry{Path: path})
	}
	w := &walker{ctx: ctx, filter: f, fn: fn}
	if f == nil || !f.NoIgnore {
		w.reads = true
	}
	var above []ignoreFile
	if w.reads {
		above = ignoreAbove(path)
	}
	return w.folder(path, "", above)
}

type walker struct {
	ctx    context.Context
	filter *Filter
	reads  bool // ignore files
	fn     func(Entry) error
}

// folder walks a folder. rel is its path below the one given, and ignore what has been read on the way.
func (w *walker) folder(dir, rel string, ignore []ignoreFile) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		// ReadDir returns what it read before the error: say it and go on with those.
		if err := w.fn(Entry{Path: dir, Err: fmt.Errorf("reading the folder: %w", err)}); err != nil {
			return err
		}
	}
	abs := ""
	if w.reads {
		ignore = append(ignore[:len(ignore):len(ignore)], readIgnore(dir)...)
		if abs, err = filepath.Abs(dir); err != nil {
			ignore = nil
		}
	}
	for _, e := range entries {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		full, below := filepath.Join(dir, e.Name()), path.Join(rel, e.Name())
		skipped := ""
		if e.IsDir() {
			skipped = w.filter.folder(below)
		}
		if skipped == "" && len(ignore) > 0 {
			if by := ignoredBy(ignore, filepath.Join(abs, e.Name()), e.IsDir()); by != "" {
				skipped = "ignored by " + by
			}
		}
		switch {
		case skipped != "":
			err = w.fn(Entry{Path: full, Skipped: skipped})
		case e.IsDir():
			err = w.folder(full, below, ignore)
		default:
			err = w.fn(w.file(full, below, e))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// file decides about a file or a link met inside a folder.
func (w *walker) file(full, rel string, e fs.DirEntry) Entry {
	skipped := w.filter.file(rel)
	if e.Type()&fs.ModeSymlink != 0 {
		fi, err := os.Stat(full)
		if err == nil && fi.IsDir() {
			return Entry{Path: full, Skipped: "symbolic link to a folder"}
		}
		if err != nil && skipped == "" {
			return Entry{Path: full, Err: brokenLink(err)}
		}
	}
	return Entry{Path: full, Skipped: skipped}
}

func brokenLink(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("broken symbolic link: %w", fs.ErrNotExist)
	}
	return err
}
