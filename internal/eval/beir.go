package eval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/semsearch/semsearch/db"
)

// RetrievalSet is a corpus, queries over it, and which documents answer them.
type RetrievalSet struct {
	Name    string // base name of the folder
	Docs    []Doc
	Queries []Query
	Qrels   Qrels
}

// Doc is one line of corpus.jsonl.
type Doc struct{ ID, Title, Text string }

// Query is one line of queries.jsonl.
type Query struct{ ID, Text string }

// Qrels maps a query id and a document id to a grade. A document without an
// entry is unjudged and counts as irrelevant, as does one with a grade of 0 or
// less.
type Qrels map[string]map[string]int

// qrelsNames are the places of the judgements in the folder of a set.
var qrelsNames = []string{"qrels.tsv", "qrels.trec", "qrels.txt", "qrels/test.tsv"}

// OpenRetrieval reads the folder of a set in the form of BEIR (Thakur et al.
// 2021): corpus.jsonl, queries.jsonl and the judgements, which are one of
// qrels.tsv, qrels.trec, qrels.txt (see ReadQrels for their forms) and, as BEIR
// lays it out, qrels/test.tsv. Errors name the file and line and are ErrFormat,
// so when there is more than one file of judgements, or those of the file
// system.
func OpenRetrieval(dir string) (*RetrievalSet, error) {
	s := &RetrievalSet{Name: filepath.Base(dir)}
	qrels, err := findQrels(dir)
	if err != nil {
		return nil, err
	}
	if s.Docs, err = readFile(filepath.Join(dir, "corpus.jsonl"), ReadCorpus); err != nil {
		return nil, err
	}
	if s.Queries, err = readFile(filepath.Join(dir, "queries.jsonl"), ReadQueries); err != nil {
		return nil, err
	}
	if s.Qrels, err = readFile(qrels, ReadQrels); err != nil {
		return nil, err
	}
	return s, nil
}

// findQrels is the path of the judgements of a set.
func findQrels(dir string) (string, error) {
	if fi, err := os.Stat(dir); err != nil {
		return "", err
	} else if !fi.IsDir() {
		return "", fmt.Errorf("%s: not a folder: %w", dir, ErrFormat)
	}
	found := ""
	for _, name := range qrelsNames {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if fi, err := os.Stat(p); err != nil || fi.IsDir() {
			continue
		}
		if found != "" {
			return "", fmt.Errorf("%s: beside %s, and which of them holds the judgements is not said: %w", p, filepath.Base(found), ErrFormat)
		}
		found = p
	}
	if found == "" {
		return "", fmt.Errorf("%s: no judgements, want one of %s: %w", dir, strings.Join(qrelsNames, ", "), fs.ErrNotExist)
	}
	return found, nil
}

// Documents returns the corpus as documents for a database, in file order.
// A document without any text is left out: there is nothing to find in it.
func (s *RetrievalSet) Documents() []db.Document {
	docs := make([]db.Document, 0, len(s.Docs))
	for _, d := range s.Docs {
		text := d.Text
		if blank(text) {
			text = d.Title
		}
		if blank(text) {
			continue
		}
		docs = append(docs, db.Document{ID: d.ID, Title: d.Title, Text: text, Format: "text"})
	}
	return docs
}

func blank(s string) bool { return len(bytes.TrimSpace([]byte(s))) == 0 }

// ident is an id that may be written as a JSON string or number.
type ident string

func (id *ident) UnmarshalJSON(b []byte) error {
	var err error
	if *id, err = parseIdent(b); err != nil {
		return fmt.Errorf("id is %w", err)
	}
	return nil
}

// parseIdent reads a JSON string or number; null and nothing are "".
func parseIdent(b []byte) (ident, error) {
	if len(b) == 0 || string(b) == "null" {
		return "", nil
	}
	if b[0] == '"' {
		var s string
		err := json.Unmarshal(b, &s)
		return ident(s), err
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return "", errors.New("neither a string nor a number")
	}
	return ident(n), nil
}

// beirRecord is a line of corpus.jsonl or queries.jsonl. BEIR writes _id.
type beirRecord struct {
	UnderID ident   `json:"_id"`
	ID      ident   `json:"id"`
	Title   string  `json:"title"`
	Text    *string `json:"text"`
}

// readRecords gives f the id of each record; ids are present and differ.
func readRecords(name string, r io.Reader, f func(id string, rec *beirRecord)) error {
	seen := map[string]int{}
	return eachRecord(name, r, func(line int, rec *beirRecord) error {
		id := string(rec.UnderID)
		if id == "" {
			id = string(rec.ID)
		}
		switch {
		case id == "":
			return formatError(name, line, `no "_id" and no "id"`)
		case seen[id] > 0:
			return formatError(name, line, "id %q again, first in line %d", id, seen[id])
		case rec.Text == nil:
			return formatError(name, line, `no "text"`)
		}
		seen[id] = line
		f(id, rec)
		return nil
	})
}

// ReadCorpus reads corpus.jsonl: {"_id" or "id", "title", "text"} a line; the
// title may be absent. name is used in errors.
func ReadCorpus(name string, r io.Reader) ([]Doc, error) {
	var out []Doc
	err := readRecords(name, r, func(id string, rec *beirRecord) {
		out = append(out, Doc{ID: id, Title: rec.Title, Text: *rec.Text})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ReadQueries reads queries.jsonl: {"_id" or "id", "text"} a line. name is
// used in errors.
func ReadQueries(name string, r io.Reader) ([]Query, error) {
	var out []Query
	err := readRecords(name, r, func(id string, rec *beirRecord) {
		out = append(out, Query{ID: id, Text: *rec.Text})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ReadQrels reads judgements, one a line: query, document, grade (BEIR), or
// query, an ignored column, document, grade (TREC). All lines have the columns
// of the first. The first line is taken for
// a header, and left out, when a word without digits stands in place of the
// grade. Columns are separated by tabs if the line has one, else by spaces.
// The same pair twice is an error unless the grades agree. name is used in
// errors.
func ReadQrels(name string, r io.Reader) (Qrels, error) {
	out := Qrels{}
	first, wide := true, 0 // columns of the first line
	err := eachLine(name, r, func(line int, b []byte) error {
		cols := bytes.Split(b, []byte("\t"))
		if len(cols) == 1 {
			cols = bytes.Fields(b)
		}
		for i := range cols {
			cols[i] = bytes.TrimSpace(cols[i])
		}
		header := first
		first = false
		if len(cols) != 3 && len(cols) != 4 {
			return formatError(name, line, "%d columns, want 3 (query, document, grade) or 4 (TREC: query, iteration, document, grade)", len(cols))
		}
		if wide == 0 {
			wide = len(cols)
		} else if len(cols) != wide {
			return formatError(name, line, "%d columns, the lines before have %d", len(cols), wide)
		}
		q, d, g := string(cols[0]), string(cols[len(cols)-2]), string(cols[len(cols)-1])
		grade, err := strconv.Atoi(g)
		if err != nil {
			if header && isWord(g) {
				return nil
			}
			return formatError(name, line, "grade %q is not a whole number", g)
		}
		if q == "" || d == "" {
			return formatError(name, line, "empty query or document id")
		}
		if old, ok := out[q][d]; ok && old != grade {
			return formatError(name, line, "query %q, document %q: grade %d, was %d before", q, d, grade, old)
		}
		if out[q] == nil {
			out[q] = map[string]int{}
		}
		out[q][d] = grade
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// isWord says whether s is not empty and holds no digit.
func isWord(s string) bool { return s != "" && !strings.ContainsAny(s, "0123456789") }
