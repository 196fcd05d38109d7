package eval

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"
)

// ErrFormat is returned when a file of judged data is not in the expected form.
var ErrFormat = errors.New("malformed evaluation data")

var utf8BOM = []byte("\xef\xbb\xbf")

// formatError says what is wrong in which line of which file.
func formatError(name string, line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s: %w", name, line, fmt.Sprintf(format, args...), ErrFormat)
}

// eachLine calls f with every line that is not blank, without its line end.
// The line is valid only during the call. Lines may be of any length.
func eachLine(name string, r io.Reader, f func(line int, b []byte) error) error {
	br := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		b, err := br.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
		if n == 1 {
			b = bytes.TrimPrefix(b, utf8BOM)
		}
		b = bytes.TrimSuffix(b, []byte("\n"))
		b = bytes.TrimSuffix(b, []byte("\r"))
		if len(bytes.TrimSpace(b)) > 0 {
			if !utf8.Valid(b) {
				return formatError(name, n, "invalid UTF-8")
			}
			if err := f(n, b); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// eachRecord is eachLine for JSON Lines.
func eachRecord[T any](name string, r io.Reader, f func(line int, rec *T) error) error {
	return eachLine(name, r, func(line int, b []byte) error {
		var rec T
		if err := json.Unmarshal(b, &rec); err != nil {
			return formatError(name, line, "%v", err)
		}
		return f(line, &rec)
	})
}

// readFile opens path and gives it to read.
func readFile[T any](path string, read func(name string, r io.Reader) (T, error)) (T, error) {
	f, err := os.Open(path)
	if err != nil {
		var zero T
		return zero, err
	}
	defer f.Close()
	return read(path, f)
}
