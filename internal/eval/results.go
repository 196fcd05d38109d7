package eval

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Result is what was measured of one query, question or pair.
type Result struct {
	ID       string
	Measures map[string]float64
}

// WriteResults writes results as JSON Lines: an object with "id", a string,
// and each measure by its name, in the order of the names.
func WriteResults(w io.Writer, results []Result) error {
	bw := bufio.NewWriter(w)
	for _, r := range results {
		id, err := json.Marshal(r.ID)
		if err != nil {
			return err
		}
		fmt.Fprintf(bw, `{"id":%s`, id)
		for _, name := range slices.Sorted(maps.Keys(r.Measures)) {
			key, err := json.Marshal(name)
			if err != nil {
				return err
			}
			v, err := json.Marshal(r.Measures[name])
			if err != nil {
				return fmt.Errorf("%s of %q: %w", name, r.ID, err)
			}
			fmt.Fprintf(bw, ",%s:%s", key, v)
		}
		bw.WriteString("}\n")
	}
	return bw.Flush()
}

// OpenResults reads a file, see ReadResults.
func OpenResults(path string) ([]Result, error) { return readFile(path, ReadResults) }

// ReadResults reads what WriteResults wrote. Ids differ, each line has the
// measures of the first, and there is one line at least. name is used in
// errors, which are ErrFormat.
func ReadResults(name string, r io.Reader) ([]Result, error) {
	var out []Result
	seen := map[string]int{}
	err := eachRecord(name, r, func(line int, rec *map[string]json.RawMessage) error {
		id, err := parseIdent((*rec)["id"])
		switch {
		case err != nil:
			return formatError(name, line, `"id": %v`, err)
		case id == "":
			return formatError(name, line, `no "id"`)
		case seen[string(id)] > 0:
			return formatError(name, line, "id %q again, first in line %d", id, seen[string(id)])
		}
		seen[string(id)] = line
		delete(*rec, "id")
		res := Result{ID: string(id), Measures: make(map[string]float64, len(*rec))}
		for _, key := range slices.Sorted(maps.Keys(*rec)) {
			var v *float64
			if err := json.Unmarshal((*rec)[key], &v); err != nil || v == nil {
				return formatError(name, line, "%q is %s, want a number", key, (*rec)[key])
			}
			res.Measures[key] = *v
		}
		if len(out) > 0 {
			for key := range out[0].Measures {
				if _, ok := res.Measures[key]; !ok {
					return formatError(name, line, "no %q, which the first line has", key)
				}
			}
			for key := range res.Measures {
				if _, ok := out[0].Measures[key]; !ok {
					return formatError(name, line, "%q, which the first line has not", key)
				}
			}
		}
		out = append(out, res)
		return nil
	})
	if err == nil && len(out) == 0 {
		err = formatError(name, 1, "no results")
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Measures returns the names of the measures of results, sorted.
func Measures(results []Result) []string {
	if len(results) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(results[0].Measures))
}
