package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
)

// folder is where the files of a checkpoint lie.
type folder struct {
	fsys fs.FS
	dir  string // inside fsys
	name string // for errors
}

// sub is a folder inside f.
func (f folder) sub(dir string) folder {
	return folder{f.fsys, path.Join(f.dir, dir), path.Join(f.name, dir)}
}

// errorf makes an error about one file.
func (f folder) errorf(file, format string, a ...any) error {
	return fmt.Errorf("%s: %w", path.Join(f.name, file), fmt.Errorf(format, a...))
}

// read returns a whole file.
func (f folder) read(file string) ([]byte, error) {
	data, err := fs.ReadFile(f.fsys, path.Join(f.dir, file))
	if err != nil {
		return nil, f.errorf(file, "%w", cause(err))
	}
	return data, nil
}

// json decodes a file into v; false when it does not exist.
func (f folder) json(file string, v any) (bool, error) {
	data, err := f.read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return false, f.errorf(file, "%w: %w", ErrFormat, err)
	}
	return true, nil
}

// has says whether a file is there.
func (f folder) has(file string) bool {
	_, err := fs.Stat(f.fsys, path.Join(f.dir, file))
	return err == nil
}

// readerAt opens a file for random access. A file system without it is read into memory.
func (f folder) readerAt(file string) (io.ReaderAt, int64, io.Closer, error) {
	h, err := f.fsys.Open(path.Join(f.dir, file))
	if err != nil {
		return nil, 0, nil, f.errorf(file, "%w", cause(err))
	}
	info, err := h.Stat()
	if err == nil && info.IsDir() {
		err = errors.New("is a directory")
	}
	if err != nil {
		h.Close()
		return nil, 0, nil, f.errorf(file, "%w", cause(err))
	}
	if r, ok := h.(io.ReaderAt); ok {
		return r, info.Size(), h, nil
	}
	data, err := io.ReadAll(h)
	if err != nil {
		h.Close()
		return nil, 0, nil, f.errorf(file, "%w", err)
	}
	return bytes.NewReader(data), int64(len(data)), h, nil
}

// cause strips the path that fs errors carry, since errorf says it in the caller's terms.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// formatError marks an error that has no mark yet as ErrFormat.
func formatError(err error) error {
	if errors.Is(err, ErrUnsupported) || errors.Is(err, ErrFormat) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrFormat, err)
}
