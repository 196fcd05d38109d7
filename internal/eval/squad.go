package eval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/semsearch/semsearch/db"
)

// SQuAD is questions on contexts with the right answers (Rajpurkar et al. 2016,
// 2018).
type SQuAD struct {
	Version   string // as the file says
	V2        bool   // the rules of 2.0 apply: some questions may have no answer
	Contexts  []Context
	Questions []Question // in file order
}

// Context is a paragraph. Equal paragraphs of a file are one Context.
type Context struct{ ID, Title, Text string }

// Question is a question on Contexts[Context].
type Question struct {
	ID, Text   string
	Context    int
	Answers    []Gold // none: the context does not answer it
	Impossible bool   // as a 2.0 file says
}

// Gold is a right answer. Start is the byte offset of Text in the context, or
// -1 when it is not there.
type Gold struct {
	Text  string
	Start int
}

// OpenSQuAD reads a file, see ReadSQuAD.
func OpenSQuAD(path string) (*SQuAD, error) { return readFile(path, ReadSQuAD) }

// squadFile is the form of both versions. answer_start counts code points.
type squadFile struct {
	Version json.RawMessage `json:"version"`
	Data    []struct {
		Title      string `json:"title"`
		Paragraphs []struct {
			Context *string `json:"context"`
			QAs     []struct {
				ID         json.RawMessage `json:"id"`
				Question   *string         `json:"question"`
				Impossible *bool           `json:"is_impossible"`
				Answers    []struct {
					Text  *string `json:"text"`
					Start int     `json:"answer_start"`
				} `json:"answers"`
			} `json:"qas"`
		} `json:"paragraphs"`
	} `json:"data"`
}

// ReadSQuAD reads SQuAD 1.1 or 2.0 JSON. It is 2.0 when the version is 2,
// v2, or one of these with a point and more, or when a question says
// is_impossible. A question that comes again with the same id, paragraph and
// answers is taken once; the same id for another one is an error. The whole
// file is held in memory. Errors name the line and are ErrFormat; name is used in them.
func ReadSQuAD(name string, r io.Reader) (*SQuAD, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	data = bytes.TrimPrefix(data, utf8BOM)
	if i := invalidUTF8(data); i >= 0 {
		return nil, formatError(name, lineAt(data, i), "invalid UTF-8")
	}
	var f squadFile
	if err := json.Unmarshal(data, &f); err != nil {
		at := int64(len(data))
		var syntax *json.SyntaxError
		var kind *json.UnmarshalTypeError
		if errors.As(err, &syntax) {
			at = syntax.Offset
		} else if errors.As(err, &kind) {
			at = kind.Offset
		}
		return nil, formatError(name, lineAt(data, int(at)), "%v", err)
	}
	if f.Data == nil {
		return nil, formatError(name, 1, `no "data"`)
	}
	version, err := parseIdent(f.Version)
	if err != nil {
		return nil, formatError(name, lineOf(data, "version"), "version: %v", err)
	}
	s := &SQuAD{Version: string(version)}
	major, _, _ := strings.Cut(strings.TrimPrefix(s.Version, "v"), ".")
	s.V2 = major == "2"

	contexts := map[string]int{}
	ids := map[ident]int{} // number of the question, from 1
	for ai, art := range f.Data {
		for pi, par := range art.Paragraphs {
			where := fmt.Sprintf("article %d (%s), paragraph %d", ai+1, art.Title, pi+1)
			if par.Context == nil {
				return nil, formatError(name, lineOf(data, "data", ai, "paragraphs", pi), `%s: no "context"`, where)
			}
			c, ok := contexts[*par.Context]
			if !ok {
				c = len(s.Contexts)
				contexts[*par.Context] = c
				s.Contexts = append(s.Contexts, Context{ID: fmt.Sprintf("context-%05d", c+1), Title: art.Title, Text: *par.Context})
			}
			for qi, qa := range par.QAs {
				bad := func(format string, args ...any) error {
					return formatError(name, lineOf(data, "data", ai, "paragraphs", pi, "qas", qi), format, args...)
				}
				id, err := parseIdent(qa.ID)
				switch {
				case err != nil:
					return nil, bad(`%s: question with "id": %v`, where, err)
				case id == "":
					return nil, bad(`%s: question without "id"`, where)
				case qa.Question == nil:
					return nil, bad(`question %q: no "question"`, id)
				}
				q := Question{ID: string(id), Text: *qa.Question, Context: c}
				if qa.Impossible != nil {
					s.V2 = true
					q.Impossible = *qa.Impossible
				}
				for _, a := range qa.Answers {
					if a.Text == nil {
						return nil, bad(`question %q: answer without "text"`, id)
					}
					q.Answers = append(q.Answers, Gold{Text: *a.Text, Start: byteOffset(*par.Context, a.Start, *a.Text)})
				}
				if n := ids[id]; n > 0 {
					if reflect.DeepEqual(q, s.Questions[n-1]) {
						continue
					}
					return nil, bad("question id %q twice", id)
				}
				s.Questions = append(s.Questions, q)
				ids[id] = len(s.Questions)
			}
		}
	}
	return s, nil
}

// Documents returns each context as one document for a database.
func (s *SQuAD) Documents() []db.Document {
	docs := make([]db.Document, 0, len(s.Contexts))
	for _, c := range s.Contexts {
		if !blank(c.Text) {
			docs = append(docs, db.Document{ID: c.ID, Title: strings.ReplaceAll(c.Title, "_", " "), Text: c.Text, Format: "text"})
		}
	}
	return docs
}

// byteOffset turns a start in code points into bytes. If the answer is not
// there, its first place in the context is taken.
func byteOffset(context string, start int, answer string) int {
	n := 0
	for i := range context {
		if n == start {
			if strings.HasPrefix(context[i:], answer) {
				return i
			}
			break
		}
		n++
	}
	return strings.Index(context, answer)
}

// lineAt is the 1-based line of byte i.
func lineAt(data []byte, i int) int {
	return 1 + bytes.Count(data[:min(max(i, 0), len(data))], []byte("\n"))
}

// lineOf is the line where the value at path starts in the JSON data, or 1 if
// there is none. A string of the path is a key, as encoding/json matches keys,
// an int an index. It reads all that lies before, so it is for errors.
func lineOf(data []byte, path ...any) int {
	dec := json.NewDecoder(bytes.NewReader(data))
	var skip json.RawMessage
	for _, step := range path {
		if _, err := dec.Token(); err != nil { // { or [
			return 1
		}
		found := false
		for i := 0; !found && dec.More(); i++ {
			at := any(i)
			if key, ok := step.(string); ok {
				t, err := dec.Token()
				if err != nil {
					return 1
				}
				if s, ok := t.(string); ok && strings.EqualFold(s, key) {
					at = key
				}
			}
			if found = at == step; !found && dec.Decode(&skip) != nil {
				return 1
			}
		}
		if !found {
			return 1
		}
	}
	at := int(dec.InputOffset())
	at += len(data[at:]) - len(bytes.TrimLeft(data[at:], " \t\r\n:,"))
	return lineAt(data, at)
}

// invalidUTF8 is the place of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return -1
}
