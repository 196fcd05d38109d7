package eval

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestReadBEIR(t *testing.T) {
	docs, err := ReadCorpus("c", strings.NewReader("\xef\xbb\xbf{\"_id\":\"1\",\"title\":\"T\",\"text\":\"one\"}\r\n\n{\"id\":2,\"text\":\"two\"}"))
	if want := []Doc{{"1", "T", "one"}, {"2", "", "two"}}; err != nil || !reflect.DeepEqual(docs, want) {
		t.Errorf("corpus: %v, %v", docs, err)
	}
	queries, err := ReadQueries("q", strings.NewReader(`{"_id":"q1","text":"who"}`))
	if want := []Query{{"q1", "who"}}; err != nil || !reflect.DeepEqual(queries, want) {
		t.Errorf("queries: %v, %v", queries, err)
	}
	want := Qrels{"q1": {"1": 2, "2": 0}, "q2": {"1": -1}}
	for name, in := range map[string]string{
		"header":    "query-id\tcorpus-id\tscore\nq1\t1\t2\nq1\t2\t0\nq2\t1\t-1\n",
		"no header": "q1\t1\t2\nq1\t2\t0\nq2\t1\t-1",
		"trec":      "q1 0 1 2\r\nq1 0 2 0\r\nq2 0 1 -1\r\n",
		"repeated":  "q1\t1\t2\nq1\t1\t2\nq1\t2\t0\n\nq2\t1\t-1\n",
	} {
		if got, err := ReadQrels(name, strings.NewReader(in)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("qrels, %s: %v, %v", name, got, err)
		}
	}
}

const squad11 = `{"version":"1.1","data":[{"title":"T_x","paragraphs":[{"context":"Der Zürichsee liegt bei Zürich.","qas":[
{"id":"a","question":"Wo?","answers":[{"text":"Zürich","answer_start":24},{"text":"bei Zürich","answer_start":20}]},
{"id":"b","question":"Was?","answers":[{"text":"Zürichsee","answer_start":99}]}]},
{"context":"Der Zürichsee liegt bei Zürich.","qas":[{"id":"c","question":"Wer?","answers":[{"text":"niemand","answer_start":0}]}]}]}]}`

func TestReadSQuAD(t *testing.T) {
	s, err := ReadSQuAD("s", strings.NewReader(squad11))
	if err != nil {
		t.Fatal(err)
	}
	if s.V2 || len(s.Contexts) != 1 || len(s.Questions) != 3 || s.Contexts[0].Title != "T_x" {
		t.Fatalf("%+v", s)
	}
	// Starts are code points in the file and bytes here; a wrong one is found again, an absent answer is -1.
	for i, want := range []int{25, 4, -1} {
		if got := s.Questions[i].Answers[0].Start; got != want {
			t.Errorf("question %d: answer at %d, want %d", i, got, want)
		}
	}
	docs := s.Documents()
	if len(docs) != 1 || docs[0].Title != "T x" || docs[0].ID != s.Contexts[0].ID {
		t.Errorf("documents %+v", docs)
	}
	s, err = ReadSQuAD("s", strings.NewReader(`{"version":"v2.0","data":[{"paragraphs":[{"context":"x","qas":[{"id":1,"question":"?","is_impossible":true,"answers":[]}]}]}]}`))
	if err != nil || !s.V2 || !s.Questions[0].Impossible || s.Questions[0].ID != "1" {
		t.Errorf("2.0: %+v, %v", s, err)
	}
}

func TestReadSTS(t *testing.T) {
	got, err := ReadSTS("s", strings.NewReader("{\"a\":\"x\",\"b\":\"y\",\"score\":2.5}\n{\"sentence1\":\"u\",\"sentence2\":\"v\",\"score\":0}\n"))
	if want := []Pair{{"1", "x", "y", 2.5}, {"2", "u", "v", 0}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}

// Each error names the file and the line, and is ErrFormat.
func TestReadErrors(t *testing.T) {
	read := map[string]func(in string) error{
		"corpus":  func(in string) error { _, err := ReadCorpus("f", strings.NewReader(in)); return err },
		"queries": func(in string) error { _, err := ReadQueries("f", strings.NewReader(in)); return err },
		"qrels":   func(in string) error { _, err := ReadQrels("f", strings.NewReader(in)); return err },
		"squad":   func(in string) error { _, err := ReadSQuAD("f", strings.NewReader(in)); return err },
		"sts":     func(in string) error { _, err := ReadSTS("f", strings.NewReader(in)); return err },
	}
	for _, c := range []struct{ form, in, where string }{
		{"corpus", "{\"_id\":\"1\",\"text\":\"x\"}\nnot json", "f:2:"},
		{"corpus", `{"text":"x"}`, "f:1:"},
		{"corpus", `{"_id":"1"}`, "f:1:"},
		{"corpus", `{"_id":["1"],"text":"x"}`, "f:1:"},
		{"corpus", "{\"_id\":\"1\",\"text\":\"x\"}\n{\"_id\":\"1\",\"text\":\"y\"}", "f:2:"},
		{"corpus", "{\"_id\":\"1\",\"text\":\"\xff\"}", "f:1:"},
		{"queries", "\n{\"_id\":\"1\"}", "f:2:"},
		{"qrels", "q\td", "f:1:"},
		{"qrels", "q\td\t1\nq\te\tx", "f:2:"},
		{"qrels", "q\td\t1\n\td\t1", "f:2:"},
		{"qrels", "q\td\t1\nq\td\t2", "f:2:"},
		{"squad", "{\n\"data\":[\n{]", "f:3:"},
		{"squad", "{\n\"data\":\n3}", "f:3:"},
		{"squad", `{}`, "f:1:"},
		{"squad", `{"data":[{"paragraphs":[{"qas":[]}]}]}`, "f:1:"},
		{"squad", "{\"data\":[{\"paragraphs\":[{\"context\":\"x\",\"qas\":[\n{\"id\":\"a\"}]}]}]}", "f:2:"},
		{"squad", `{"data":[{"paragraphs":[{"context":"x","qas":[{"question":"?"}]}]}]}`, "f:1:"},
		{"squad", "{\"data\":[],\n\"x\":\"\xff\"}", "f:2:"},
		{"sts", `{"a":"x","b":"y"}`, "f:1:"},
		{"sts", "{\"a\":\"x\",\"b\":\"y\",\"score\":1}\n{\"a\":\"x\",\"score\":1}", "f:2:"},
	} {
		err := read[c.form](c.in)
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.where) {
			t.Errorf("%s %q: %v, want ErrFormat at %s", c.form, c.in, err, c.where)
		}
	}
}

func TestOpenRetrieval(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	if _, err := OpenRetrieval(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"corpus.jsonl":  `{"_id":"1","title":"only a title","text":" "}` + "\n" + `{"_id":"2","text":""}`,
		"queries.jsonl": `{"_id":"q","text":"title"}`,
		"qrels.tsv":     "q\t1\t1\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := OpenRetrieval(dir)
	if err != nil || s.Name != "set" || len(s.Docs) != 2 || len(s.Documents()) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}
