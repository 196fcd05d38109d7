package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden figures")

// figureOf runs the command and returns the figure.
func figureOf(t *testing.T, stdin string, args ...string) ([]byte, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(args, strings.NewReader(stdin), &out, io.Discard)
	return out.Bytes(), err
}

func TestGolden(t *testing.T) {
	for name, args := range map[string][]string{
		"training":    {"-kind", "training", "testdata/training.jsonl"},
		"recall":      {"-kind", "recall", "testdata/recall.json"},
		"reliability": {"-kind", "reliability", "testdata/reliability.json"},
		"lines":       {"-kind", "lines", "-logx", "-title", "Recall & speed", "testdata/lines.csv"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := figureOf(t, "", args...)
			if err != nil {
				t.Fatal(err)
			}
			again, err := figureOf(t, "", args...)
			if err != nil || !bytes.Equal(got, again) {
				t.Errorf("drawn twice, the figures differ: %v", err)
			}
			if err := wellFormed(got); err != nil {
				t.Errorf("not XML: %v", err)
			}
			golden := filepath.Join("testdata", name+".svg")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s is another figure; go test -update rewrites it, and git diff shows what changed", golden)
			}
		})
	}
}

func wellFormed(svg []byte) error {
	dec := xml.NewDecoder(bytes.NewReader(svg))
	for {
		_, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// What a figure says is what its input says.
func TestWords(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"-kind", "training", "testdata/training.jsonl"}, []string{">static 1<", ">static 2<", ">reader<", ">steps<", ">loss<", "<title>Training</title>"}},
		{[]string{"-kind", "training", "-x", "minutes", "-y", "loss,f1", "testdata/training.jsonl"}, []string{">reader loss<", ">reader f1<", ">minutes<", ">loss, f1<"}},
		{[]string{"-kind", "recall", "testdata/recall.json"}, []string{">lexical<", ">hybrid<", ">recall@k<", ">1<", ">10<", ">100<"}},
		{[]string{"-kind", "recall", "testdata/recall.json", "testdata/recall.json"}, []string{">recall lexical<"}},
		// ECE by hand: (400 * 0.05 + 1200 * 0.35) / 1600 and (400 * 0.02 + 1200 * 0.02) / 1600.
		{[]string{"-kind", "reliability", "testdata/reliability.json"}, []string{">before ECE 0.275<", ">after ECE 0.020<", ">perfect<", ">1.2k<", ">400<"}},
		{[]string{"-kind", "lines", "-logx", "testdata/lines.csv"}, []string{">HNSW, M=16<", ">exact &lt;scan&gt;<", ">queries/s<", ">recall@10<", ">1k<"}},
	} {
		got, err := figureOf(t, "", c.args...)
		if err != nil {
			t.Errorf("%q: %v", c.args, err)
		}
		for _, w := range c.want {
			if !bytes.Contains(got, []byte(w)) {
				t.Errorf("%q: no %s in\n%s", c.args, w, got)
			}
		}
	}
}

// Lists of bins may stand side by side.
func TestBins(t *testing.T) {
	const list = `[{"confidence": 0.5, "accuracy": 0.25, "count": 8, "low": 0, "high": 1}]`
	for in, want := range map[string]string{
		`{"bins": ` + list + `}`:                                     ">ECE 0.250<",
		`{"schema": 1, "bins": ` + list + `, "x": {}}`:               ">ECE 0.250<",
		`{"bins_score": ` + list + `, "bins": ` + list + `}`:         ">confidence ECE 0.250<",
		`{"bins": ` + list + `, "ece": 2, "bins_raw": ` + list + `}`: ">raw ECE 0.250<",
	} {
		got, err := figureOf(t, in, "-kind", "reliability", "-")
		if err != nil || !bytes.Contains(got, []byte(want)) {
			t.Errorf("%s: %v, no %s", in, err, want)
		}
	}
}

// A stage taken up again goes on where it was, and one begun again is another line.
func TestRuns(t *testing.T) {
	data, err := os.ReadFile("testdata/training.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	f, err := readTraining(&options{y: "loss"}, []input{{"log", data}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]point{
		"static 1": {{x: 50, y: 4.2}, {x: 100, y: 3.1}, {x: 150, y: 2.9}},
		"static 2": {{x: 50, y: 2.8}, {x: 100, y: 2.7}},
		"reader":   {{x: 50, y: 4.3}, {x: 100, y: 3.4}, {x: 150, y: 3}},
	}
	for _, s := range f.series {
		w := want[s.name]
		if len(w) != len(s.points) {
			t.Errorf("%s: %v, want %v", s.name, s.points, w)
			continue
		}
		for i := range w {
			if s.points[i] != w[i] {
				t.Errorf("%s: point %d is %v, want %v", s.name, i, s.points[i], w[i])
			}
		}
		delete(want, s.name)
	}
	if len(want) > 0 {
		t.Errorf("no line for %v", want)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		stdin, want string
		args        []string
	}{
		{"", "no input", []string{"-kind", "lines"}},
		{"", `-kind "pie": want`, []string{"-kind", "pie", "-"}},
		{"", "-width 10", []string{"-kind", "lines", "-width", "10", "-"}},
		{"", "none.csv", []string{"-kind", "lines", "none.csv"}},
		{"", "standard input:1: no header", []string{"-kind", "lines", "-"}},
		{"a\n", "standard input:1: 1 columns", []string{"-kind", "lines", "-"}},
		{"x,y\n1,2\n1,b\n", `standard input:3: y is "b", want a number`, []string{"-kind", "lines", "-"}},
		{"x,y\n1,2,3\n", "record on line 2: wrong number of fields", []string{"-kind", "lines", "-"}},
		{"x,y\n", "nothing to draw", []string{"-kind", "lines", "-"}},
		{"x,y\n0,1\n", "x is 0, which a logarithmic axis", []string{"-kind", "lines", "-logx", "-"}},
		{"x,y\n1,-1\n", "y is -1, or its interval", []string{"-kind", "lines", "-logy", "-"}},
		{"x,y\n1,NaN\n", "NaN cannot be drawn", []string{"-kind", "lines", "-"}},
		{"s,x,y\n" + strings.Repeat("long ", 60) + ",1,1\n", "make it wider", []string{"-kind", "lines", "-"}},
		{"{}", `no "curve"`, []string{"-kind", "recall", "-"}},
		{"{\n\n!", "standard input:3: ", []string{"-kind", "recall", "-"}},
		{`{"curve":[{"mode":"dense","k":1}]}`, "point 1 of the curve", []string{"-kind", "recall", "-"}},
		{"{}", `no "bins"`, []string{"-kind", "reliability", "-"}},
		{`{"bins":[{"confidence":1}]}`, "bin 1: want", []string{"-kind", "reliability", "-"}},
		{`{"bins":[{"confidence":1,"accuracy":1,"count":0}]}`, "no bin holds anything", []string{"-kind", "reliability", "-"}},
		{"{\"bins\":\n[}", "standard input:2: ", []string{"-kind", "reliability", "-"}},
		{"[]", "standard input: no JSON object", []string{"-kind", "reliability", "-"}},
		{`{"bins":[]}x`, "standard input:1: ", []string{"-kind", "reliability", "-"}},
		{`{"bins":{"a":3}}`, "bins: a: ", []string{"-kind", "reliability", "-"}},
		{"{\"step\":1,\"loss\":2}\n{", "standard input:2: ", []string{"-kind", "training", "-"}},
		{`{"stage":"reader","step":1}`, "no line has loss", []string{"-kind", "training", "-"}},
		{`{"stage":"reader","step":1,"loss":2}`, `standard input:1: no number "hours"`, []string{"-kind", "training", "-x", "hours", "-"}},
		{"", `-y "": an empty name`, []string{"-kind", "training", "-y", "", "-"}},
	} {
		if out, err := figureOf(t, c.stdin, c.args...); err == nil || !strings.Contains(err.Error(), c.want) || len(out) > 0 {
			t.Errorf("%q of %q: %v, want %s", c.args, c.stdin, err, c.want)
		}
	}
	if _, err := figureOf(t, "", "-help"); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-help: %v", err)
	}
}

// An input is not written over, and a figure goes where -o says.
func TestOut(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.csv"), filepath.Join(dir, "out.svg")
	if err := os.WriteFile(in, []byte("x,y\n1,1\n2,3\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := figureOf(t, "", "-kind", "lines", "-o", in, in); err == nil || !strings.Contains(err.Error(), "is also read") {
		t.Errorf("%v", err)
	}
	if _, err := figureOf(t, "", "-kind", "lines", "-o", out, in); err != nil {
		t.Fatal(err)
	}
	a, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	b, err := figureOf(t, "x,y\n1,1\n2,3\n", "-kind", "lines", "-")
	if err != nil || !bytes.Equal(a, b) {
		t.Errorf("from standard input another figure: %v", err)
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		log       bool
		want      string
	}{
		{0, 1, false, "0 0.2 0.4 0.6 0.8 1"},
		{-0.3, 0.3, false, "-0.3 -0.2 -0.1 0 0.1 0.2 0.3"},
		{0, 16.7e6, false, "0 5M 10M 15M"},
		{1.9, 4.3, false, "2 2.5 3 3.5 4"},
		{30, 8000, true, "50 100 200 500 1k 2k 5k"},
		{1e-3, 1e9, true, "0.001 0.1 10 1k 100k 10M 1G"},
		{4, 5, true, "5"},
	} {
		var got []string
		for _, tick := range (ticks{log: c.log}).Ticks(c.low, c.high) {
			if tick.Value < c.low || tick.Value > c.high {
				t.Errorf("%v outside %v..%v", tick.Value, c.low, c.high)
			}
			if tick.Label != "" {
				got = append(got, tick.Label)
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%v to %v: %s, want %s", c.low, c.high, s, c.want)
		}
	}
}
