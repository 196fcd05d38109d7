package extract

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// readCSV writes each row of a table (RFC 4180; also with semicolons, tabs or bars between fields) as a
// paragraph with a line "column: value" for each field that is not empty, so that a passage says what its
// values are. Without a row of names at the top the values stand alone. fields are the columns taken, none
// means all. ok is false if it is no such table: then nothing was written, and the file is text.
func readCSV(ctx context.Context, b *builder, name string, fields []string) (ok bool, err error) {
	text := b.src.text
	base := 0
	if strings.HasPrefix(text, byteOrderMark) {
		base = len(byteOrderMark)
	}
	comma := delimiter(text[base:], name)
	r := newCSVReader(text[base:], comma)
	starts := []int{base}
	for i := base; ; {
		n := strings.IndexByte(text[i:], '\n')
		if n < 0 {
			break
		}
		i += n + 1
		starts = append(starts, i)
	}
	var header []string
	var take []bool
	for row := 0; ; row++ {
		if row%256 == 0 {
			if err := stopped(ctx); err != nil {
				return false, err
			}
		}
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, nil
		}
		if row == 0 && isHeader(rec) {
			header = slices.Clone(rec)
			for i := range header {
				header[i] = strings.TrimSpace(strings.Clone(header[i]))
				take = append(take, len(fields) == 0 || slices.ContainsFunc(fields, func(f string) bool { return strings.EqualFold(f, header[i]) }))
			}
			continue
		}
		if len(b.text) > 0 && row > 0 && !strings.HasSuffix(string(b.text[max(0, len(b.text)-2):]), "\n\n") {
			b.glue("\n")
		}
		for i, v := range rec {
			if strings.TrimSpace(v) == "" || i < len(take) && !take[i] || i >= len(take) && len(fields) > 0 {
				continue
			}
			line, col := r.FieldPos(i)
			at := starts[line-1] + col - 1
			if i < len(header) {
				b.glue(header[i] + ": ")
			}
			if at < len(text) && text[at] == '"' {
				at++
			}
			if strings.HasPrefix(text[min(at, len(text)):], v) {
				b.copy(at, at+len(v))
			} else {
				b.put(v, min(at, len(text)))
			}
			b.glue("\n")
		}
	}
	if len(b.text) == 0 { // a header alone
		if len(fields) > 0 && header != nil {
			return true, nil
		}
		return false, nil
	}
	return true, nil
}

func newCSVReader(text string, comma rune) *csv.Reader {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = comma
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	return r
}

// delimiter is what stands between the fields: of those that cut the first rows into the same number of
// fields, the one that makes most.
func delimiter(text, name string) rune {
	if n := strings.ToLower(name); strings.HasSuffix(n, ".tsv") || strings.HasSuffix(n, ".tab") {
		return '\t'
	}
	head := text
	if len(head) > 32<<10 {
		head = head[:strings.LastIndexByte(head[:32<<10], '\n')+1]
		head = strings.ToValidUTF8(head, "")
	}
	best, bestSame := ',', 0
	for _, comma := range []rune{',', ';', '\t', '|'} {
		r := newCSVReader(head, comma)
		first, same := 0, 0
		for range 100 {
			rec, err := r.Read()
			if err != nil {
				break
			}
			if first == 0 {
				first = len(rec)
			}
			if len(rec) == first && first > 1 {
				same += first
			} else {
				same--
			}
		}
		if same > bestSame {
			best, bestSame = comma, same
		}
	}
	return best
}

// isHeader reports whether a row can be the names of columns: short texts, all different, no numbers.
func isHeader(rec []string) bool {
	seen := map[string]bool{}
	for _, v := range rec {
		v = strings.TrimSpace(v)
		if v == "" || utf8.RuneCountInString(v) > 64 || strings.Contains(v, "\n") || seen[v] {
			return false
		}
		if _, err := strconv.ParseFloat(strings.ReplaceAll(v, ",", "."), 64); err == nil {
			return false
		}
		seen[v] = true
	}
	return true
}
