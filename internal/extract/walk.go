package extract

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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
// link. Inside a folder these are left out, and given with Skipped set: hidden files and folders (names
// that begin with a dot), files without a known extension, and symbolic links to folders, so that a loop
// of links ends. A symbolic link to a file is given like the file.
//
// Walk stops at the first error of fn and returns it, and stops when ctx is done.
func Walk(ctx context.Context, path string, fn func(Entry) error) error {
	fi, err := os.Stat(path)
	if err != nil {
		return fn(Entry{Path: path, Err: err})
	}
	if !fi.IsDir() {
		return fn(Entry{Path: path})
	}
	return walkFolder(ctx, path, fn)
}

func walkFolder(ctx context.Context, dir string, fn func(Entry) error) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		// ReadDir returns what it read before the error: say it and go on with those.
		if err := fn(Entry{Path: dir, Err: fmt.Errorf("reading the folder: %w", err)}); err != nil {
			return err
		}
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		path := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), ".") {
			if err := fn(Entry{Path: path, Skipped: "hidden"}); err != nil {
				return err
			}
			continue
		}
		if e.IsDir() {
			if err := walkFolder(ctx, path, fn); err != nil {
				return err
			}
			continue
		}
		if err := fn(inFolder(path, e)); err != nil {
			return err
		}
	}
	return nil
}

// inFolder decides about a file or a link met inside a folder.
func inFolder(path string, e fs.DirEntry) Entry {
	known := Known(path)
	if e.Type()&fs.ModeSymlink != 0 {
		fi, err := os.Stat(path)
		if err == nil && fi.IsDir() {
			return Entry{Path: path, Skipped: "symbolic link to a folder"}
		}
		if err != nil && known {
			return Entry{Path: path, Err: brokenLink(err)}
		}
	}
	if !known {
		return Entry{Path: path, Skipped: "not a known type"}
	}
	return Entry{Path: path}
}

func brokenLink(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("broken symbolic link: %w", fs.ErrNotExist)
	}
	return err
}
