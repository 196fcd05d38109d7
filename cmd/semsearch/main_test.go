package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
	"github.com/semsearch/semsearch/internal/extract"
	"github.com/semsearch/semsearch/qa"
)

func TestMain(m *testing.M) {
	extract.RunChild()
	testscript.Main(m, map[string]func(){
		// With the hashing encoder and the reader below: what most scripts run.
		"semsearch": func() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, testModels{})) },
		// With the models inside the program.
		"semsearch-full": main,
		// Another program that holds the lock of a database until its standard input ends.
		"hold": hold,
	})
}

// TestScript runs the scripts of testdata/script. Those whose name begins with full_ need the models inside
// the program.
func TestScript(t *testing.T) {
	hub := newHub(t)
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "")
			env.Setenv("SEMSEARCH_DB", "")
			env.Setenv("MODELS", modelsDir)
			env.Setenv("SCRIPTS", scriptsDir)
			env.Setenv("FIXTURES", fixturesDir)
			env.Setenv("HF_ENDPOINT", hub)
			env.Setenv("HF_HOME", filepath.Join(env.WorkDir, ".hf"))
			for _, name := range []string{"HF_TOKEN", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "HTTP_PROXY", "http_proxy"} {
				env.Setenv(name, "")
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":    cmdExits,
			"json":     cmdJSON,
			"hold-db":  cmdHold,
			"utf16":    cmdUTF16,
			"repeat":   cmdRepeat,
			"damage":   cmdDamage,
			"samples":  cmdSamples,
			"hostile":  cmdHostile,
			"fifo":     cmdFifo,
			"handbook": cmdHandbook,
		},
		Condition: func(cond string) (bool, error) {
			if cond == "full" {
				return haveModels(), nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
	})
}

// haveModels reports whether models are inside the program.
func haveModels() bool {
	_, err := builtinModels{}.encoder("")
	if err == nil {
		_, err = builtinModels{}.reader("")
	}
	return err == nil
}

// cmdExits runs a command and demands an exit code: exits 2 semsearch query.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var ee *exec.ExitError
	if errors.As(err, &ee) {
		got = ee.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// testModels stands in for the models inside the program. A folder named "other" is another encoder.
type testModels struct{}

func (testModels) encoder(dir string) (db.Encoder, error) {
	if os.Getenv("NO_MODEL") != "" { // set by scripts for commands that must not load one
		return nil, errors.New("the encoder was loaded")
	}
	switch dir {
	case "":
		return dbtest.HashEncoder(dbtest.Dim), nil
	case "other":
		return dbtest.HashEncoder(2 * dbtest.Dim), nil
	}
	return builtinModels{}.encoder(dir)
}

func (testModels) reader(dir string) (reader, error) {
	if dir == "" {
		return numberReader{}, nil
	}
	return builtinModels{}.reader(dir)
}

// numberReader answers with the first number of a passage that shares a word with the question. More words
// shared is a better score.
type numberReader struct{}

var number = regexp.MustCompile(`\d+`)

func (numberReader) Threshold() float64 { return 0 }

func (numberReader) Read(_ context.Context, question string, passages []string, _ *qa.ReadOptions) ([]qa.Reading, error) {
	find := terms(question)
	out := make([]qa.Reading, len(passages))
	for i, p := range passages {
		seen := map[string]bool{}
		for w := range strings.FieldsSeq(p) {
			if t := term(w); find[t] {
				seen[t] = true
			}
		}
		at := number.FindStringIndex(p)
		if len(seen) == 0 || at == nil {
			continue
		}
		out[i].Spans = []qa.Span{{Start: at[0], End: at[1], Text: p[at[0]:at[1]], Score: float64(len(seen))}}
	}
	return out, nil
}

func (r numberReader) Ask(ctx context.Context, rt qa.Retriever, question string, o *qa.AskOptions) ([]qa.Answer, error) {
	query := *o.Query
	query.K = cmp.Or(o.Passages, qa.DefaultPassages)
	most := cmp.Or(o.K, qa.DefaultAnswers)
	hits, err := rt.Query(ctx, question, &query)
	if err != nil {
		return nil, err
	}
	var out []qa.Answer
	for _, h := range hits {
		rs, _ := r.Read(ctx, question, []string{h.Text}, nil)
		if len(out) == most || len(rs[0].Spans) == 0 {
			continue
		}
		s := rs[0].Spans[0]
		before := h.Text[:s.Start]
		line, col := h.Line+strings.Count(before, "\n"), len([]rune(before[strings.LastIndex(before, "\n")+1:]))+1
		if line == h.Line {
			col += h.Col - 1
		}
		out = append(out, qa.Answer{
			Text: s.Text, Score: s.Score / 10, ID: h.ID, Start: h.Start + s.Start, End: h.Start + s.End,
			Line: line, Col: col, Passage: h.Text, Hit: h, Span: s,
		})
	}
	return out, nil
}
