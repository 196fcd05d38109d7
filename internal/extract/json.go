package extract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxJSONDepth is how deep values may lie in one another.
const maxJSONDepth = 10_000

// readJSON writes each value of a JSON text, or of several one after the other as in JSON lines, as a line
// "author.name: value": the keys that lead to it and a string, a number or a truth value. Lists add nothing
// to the keys, and an object in a list is a paragraph. fields are the keys taken, with all that is below
// them; none means all. ok is false if it is no JSON: then the file is text.
func readJSON(ctx context.Context, b *builder, fields []string) (ok bool, err error) {
	text := b.src.text
	base := 0
	if strings.HasPrefix(text, byteOrderMark) {
		base = len(byteOrderMark)
	}
	dec := json.NewDecoder(strings.NewReader(text[base:]))
	dec.UseNumber()
	type level struct {
		object bool
		path   int  // length of the path outside
		key    bool // the next string of an object is a key
	}
	var levels []level
	path := ""
	paragraph := func() {
		if n := len(b.text); n > 0 && !strings.HasSuffix(string(b.text[max(0, n-2):]), "\n\n") {
			b.glue("\n")
		}
	}
	// ended says that a value is complete.
	ended := func() {
		if n := len(levels); n > 0 && levels[n-1].object {
			path = path[:levels[n-1].path]
			levels[n-1].key = true
		}
	}
	for n := 0; ; n++ {
		if n%1024 == 0 {
			if err := stopped(ctx); err != nil {
				return false, err
			}
		}
		before := base + int(dec.InputOffset())
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) && len(levels) == 0 {
			break
		}
		if err != nil {
			return false, nil
		}
		end := base + int(dec.InputOffset())
		start := before
		for start < end && strings.IndexByte(" \t\r\n,:", text[start]) >= 0 {
			start++
		}
		switch t := tok.(type) {
		case json.Delim:
			switch t {
			case '{', '[':
				if len(levels) >= maxJSONDepth {
					return false, fmt.Errorf("%w: JSON in %d levels", ErrDepth, len(levels))
				}
				levels = append(levels, level{t == '{', len(path), t == '{'})
			default:
				levels = levels[:len(levels)-1]
				if t == '}' && (len(levels) == 0 || !levels[len(levels)-1].object) || len(levels) == 0 {
					paragraph()
				}
				ended()
			}
			continue
		case string:
			if l := len(levels); l > 0 && levels[l-1].object && levels[l-1].key {
				levels[l-1].key = false
				levels[l-1].path = len(path)
				if path != "" {
					path += "."
				}
				if len(path) < maxJSONPath {
					path += oneLine(t)
				}
				continue
			}
			if strings.TrimSpace(t) != "" && wanted(path, fields) {
				if path != "" {
					b.glue(path + ": ")
				}
				if end-start == len(t)+2 && text[start+1:end-1] == t {
					b.copy(start+1, end-1)
				} else {
					b.put(clean(t), start)
				}
				b.glue("\n")
			}
		case json.Number, bool:
			if wanted(path, fields) {
				if path != "" {
					b.glue(path + ": ")
				}
				b.copy(start, end)
				b.glue("\n")
			}
		}
		if len(levels) == 0 {
			paragraph()
		}
		ended()
	}
	return true, nil
}

// maxJSONPath is the length of a path from which no more keys are added.
const maxJSONPath = 1024

func oneLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// wanted reports whether a path is one of fields, or below one.
func wanted(path string, fields []string) bool {
	return len(fields) == 0 || slices.ContainsFunc(fields, func(f string) bool {
		return path == f || strings.HasPrefix(path, f) && len(path) > len(f) && path[len(f)] == '.'
	})
}
