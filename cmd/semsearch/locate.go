package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// databaseName is the file that is looked for when no database is named.
const databaseName = ".semsearch.db"

// databaseEnv is the environment variable that names a database.
const databaseEnv = "SEMSEARCH_DB"

// location is a database file and the folder that ids are relative to.
//
// The id of a file is its path relative to the root when it lies below the root, else its absolute path,
// both cleaned and with '/'. The root is the folder of the .semsearch.db that was found, so that a file has
// the same id from every folder below it; for a database named by --db or SEMSEARCH_DB it is the working
// folder.
type location struct {
	path string
	root string // absolute
	made bool   // no database was found, and path is where one is to be made
}

// locate finds the database. With create, one in the working folder is proposed when there is none.
func locate(named string, create bool) (location, error) {
	wd, err := os.Getwd()
	if err != nil {
		return location{}, fmt.Errorf("working folder: %w", err)
	}
	if named == "" {
		named = os.Getenv(databaseEnv)
	}
	if named != "" {
		return location{path: named, root: wd}, nil
	}
	for dir := wd; ; {
		path := filepath.Join(dir, databaseName)
		if fi, err := os.Stat(path); err == nil && !fi.IsDir() {
			if dir == wd {
				path = databaseName
			}
			return location{path: path, root: dir}, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			break
		}
		dir = up
	}
	if create {
		return location{path: databaseName, root: wd, made: true}, nil
	}
	return location{}, withHint(
		errors.New("no database: there is no "+databaseName+" in "+wd+" or a folder above it"),
		"semsearch add PATH... makes one here; --db FILE names another")
}

// id returns the document id of the file at path.
func (l location) id(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if rel, err := filepath.Rel(l.root, abs); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel), nil
	}
	return filepath.ToSlash(abs), nil
}

// is reports whether path is the database file itself.
func (l location) is(path string) bool {
	own, err := os.Stat(l.path)
	if err != nil {
		return false
	}
	fi, err := os.Stat(path)
	return err == nil && os.SameFile(own, fi)
}

// dbFlag adds --db.
func dbFlag(cmd *cobra.Command, value *string) {
	cmd.Flags().Var(&fileFlag{value}, "db", "database file (else $"+databaseEnv+", else the nearest "+databaseName+")")
}

// fileFlag is a flag that takes a path, which cannot be empty: an empty one is most often a variable that
// was not set.
type fileFlag struct{ value *string }

func (f *fileFlag) String() string {
	if f.value == nil {
		return ""
	}
	return *f.value
}
func (f *fileFlag) Type() string { return "FILE" }
func (f *fileFlag) Set(s string) error {
	if s == "" {
		return errors.New("the path is empty")
	}
	*f.value = s
	return nil
}

// folderFlag is a fileFlag for a folder.
type folderFlag struct{ fileFlag }

func (f *folderFlag) Type() string { return "DIR" }
