package db

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// withTemporary has write make a file under another name in the folder of path, and then gives it the name
// path, so that what has that name is always whole. With replace, a file that is there is replaced, in one
// step; without, it stays, and the error is fs.ErrExist.
func withTemporary(path string, replace bool, write func(tmp string) error) error {
	tmp, err := temporaryName(path)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	if err := write(tmp); err != nil {
		return err
	}
	return putInPlace(tmp, path, replace)
}

// temporaryName is a name beside path that nobody else uses.
func temporaryName(path string) (string, error) {
	dir, base := splitPath(path)
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("folder %s: %w", dir, plain(err))
	}
	var suffix [8]byte
	_, _ = rand.Read(suffix[:])
	return filepath.Join(dir, "."+base+".new-"+hex.EncodeToString(suffix[:])), nil
}

func splitPath(path string) (dir, base string) {
	dir, base = filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	return dir, base
}

// realPath is the file that path stands for. A symbolic link must not be replaced by the file that is to
// replace the one it leads to.
func realPath(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNotExist
	}
	return real, err
}

// putInPlace gives a file that is whole and on disk its name.
func putInPlace(tmp, path string, replace bool) error {
	if replace {
		if err := os.Rename(tmp, path); err != nil {
			return plain(err)
		}
	} else if err := os.Link(tmp, path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: %w", path, fs.ErrExist)
		}
		// A file system without links: rename, unless somebody was faster.
		if _, statErr := os.Lstat(path); statErr == nil {
			return fmt.Errorf("%s: %w", path, fs.ErrExist)
		}
		if err := os.Rename(tmp, path); err != nil {
			return plain(err)
		}
	}
	dir, _ := splitPath(path)
	if f, err := os.Open(dir); err == nil {
		_ = f.Sync() // not every system can; the name may then be lost in a crash, never the content
		_ = f.Close()
	}
	return nil
}
