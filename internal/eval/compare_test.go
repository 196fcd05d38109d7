package eval

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// results is values as one measure of items "0", "1" and so on.
func results(name string, values []float64) []Result {
	out := make([]Result, len(values))
	for i, v := range values {
		out[i] = Result{ID: strconv.Itoa(i), Measures: map[string]float64{name: v}}
	}
	return out
}

func TestCompareWorst(t *testing.T) {
	a := results("m", []float64{1, 1, 1, 0, 0.5})
	b := results("m", []float64{0.5, 0, 1, 1, 0.25})
	c, err := Compare(a, b, "m", "m", &CompareOptions{Worst: 2})
	if err != nil {
		t.Fatal(err)
	}
	if want := []Change{{"1", 1, 0}, {"0", 1, 0.5}}; !reflect.DeepEqual(c.Worst, want) || c.Losses != 3 || c.Wins != 1 || c.Ties != 1 {
		t.Errorf("%+v, want the losses %v", c, want)
	}
	if !near(c.A, 0.7) || !near(c.B, 0.55) || !near(c.Diff, -0.15) || !(c.Low < c.Diff && c.Diff < c.High) {
		t.Errorf("%+v", c)
	}
	again, err := Compare(a, b, "m", "m", &CompareOptions{Worst: 2})
	if err != nil || !reflect.DeepEqual(c, again) {
		t.Errorf("%+v, then %+v, %v", c, again, err)
	}
	same, err := Compare(a, a, "m", "m", nil)
	if err != nil || same.P != 1 || same.Interval != (Interval{}) || same.Ties != 5 {
		t.Errorf("with itself: %+v, %v", same, err)
	}
}

// Every one of 100 items is better: p is as small as the resamples allow.
func TestCompareClear(t *testing.T) {
	x, y := make([]float64, 100), make([]float64, 100)
	for i := range y {
		y[i] = 1 + float64(i%7)
	}
	c, err := Compare(results("m", x), results("m", y), "m", "m", &CompareOptions{Bootstrap: BootstrapOptions{Resamples: 999}})
	if err != nil || c.P != 1.0/1000 || c.Low <= 0 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestCompareCorrelation(t *testing.T) {
	human := make([]float64, 60)
	good, bad, scaled := make([]float64, 60), make([]float64, 60), make([]float64, 60)
	for i := range human {
		human[i] = float64(i / 3)
		good[i] = float64(i)/60 + 0.02*float64(i*37%11)
		bad[i] = float64(i*29%60) / 60
		scaled[i] = 3*good[i] + 100
	}
	list := func(v []float64) []Result {
		out := results("cosine", v)
		for i := range out {
			out[i].Measures["human"] = human[i]
		}
		return out
	}
	for name, f := range map[string]func(a, b []Result, human, ofA, ofB string, o *CompareOptions) (*Comparison, error){
		"spearman": CompareSpearman, "pearson": ComparePearson,
	} {
		of := map[string]func(x, y []float64) float64{"spearman": Spearman, "pearson": Pearson}[name]
		c, err := f(list(bad), list(good), "human", "cosine", "cosine", &CompareOptions{Bootstrap: BootstrapOptions{Resamples: 1000}})
		if err != nil {
			t.Fatal(err)
		}
		if !near(c.A, of(human, bad)) || !near(c.B, of(human, good)) || !near(c.Diff, c.B-c.A) || c.P > 0.01 || c.Low <= 0 || c.Wins+c.Losses+c.Ties != 0 {
			t.Errorf("%s: %+v", name, c)
		}
		// Scale does not matter to a correlation, so not to the comparison.
		c, err = f(list(scaled), list(good), "human", "cosine", "cosine", &CompareOptions{Bootstrap: BootstrapOptions{Resamples: 1000}})
		if err != nil || math.Abs(c.Diff) > 1e-9 || c.P < 0.99 || math.Abs(c.Low)+math.Abs(c.High) > 1e-9 {
			t.Errorf("%s of the same on another scale: %+v, %v", name, c, err)
		}
		c, err = f(list(make([]float64, 60)), list(good), "human", "cosine", "cosine", nil)
		if err != nil || !math.IsNaN(c.A) || !math.IsNaN(c.Diff) || !math.IsNaN(c.P) || !math.IsNaN(c.Low) {
			t.Errorf("%s against a constant: %+v, %v", name, c, err)
		}
		other := list(good)
		other[7].Measures["human"]++
		if _, err := f(list(good), other, "human", "cosine", "cosine", nil); !errors.Is(err, ErrDifferentItems) || !strings.Contains(err.Error(), `"7"`) {
			t.Errorf("%s of other scores: %v", name, err)
		}
		if _, err := f(list(good), list(good)[1:], "human", "cosine", "cosine", nil); !errors.Is(err, ErrDifferentItems) {
			t.Errorf("%s of other pairs: %v", name, err)
		}
		if _, err := f(list(good), list(good), "people", "cosine", "cosine", nil); !errors.Is(err, ErrFormat) {
			t.Errorf("%s without scores: %v", name, err)
		}
	}
}

func TestCompareRefuses(t *testing.T) {
	a := results("m", []float64{1, 2, 3, 4, 5})
	for _, c := range []struct {
		b    []Result
		want string
	}{
		{a[:4], `1 ("4") only in the first, none only in the second`},
		{a[4:], `4 ("0", "1", "2", ...) only in the first, none only in the second`},
		{append(results("m", make([]float64, 5)), Result{ID: "ü"}), `none only in the first, 1 ("ü") only in the second`},
	} {
		if _, err := Compare(a, c.b, "m", "m", nil); !errors.Is(err, ErrDifferentItems) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	if _, err := Compare(a, a, "m", "n", nil); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), `second: no measure "n"`) {
		t.Errorf("unknown measure: %v", err)
	}
	if _, err := Compare(a, a, "n", "m", nil); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), `first: no measure "n"`) {
		t.Errorf("unknown measure: %v", err)
	}
}

func TestResults(t *testing.T) {
	in := []Result{
		{"q1", map[string]float64{"ndcg@10": 0.1, "f1": 100. / 3}},
		{"ä\"\n", map[string]float64{"ndcg@10": 0, "f1": -1e-9}},
	}
	var b bytes.Buffer
	if err := WriteResults(&b, in); err != nil {
		t.Fatal(err)
	}
	if want := "{\"id\":\"q1\",\"f1\":33.333333333333336,\"ndcg@10\":0.1}\n{\"id\":\"ä\\\"\\n\",\"f1\":-1e-9,\"ndcg@10\":0}\n"; b.String() != want {
		t.Errorf("%s, want %s", &b, want)
	}
	got, err := ReadResults("r", &b)
	if err != nil || !reflect.DeepEqual(got, in) {
		t.Errorf("%v, %v", got, err)
	}
	if m := Measures(got); !reflect.DeepEqual(m, []string{"f1", "ndcg@10"}) {
		t.Errorf("measures %q", m)
	}
	if m := Measures(nil); m != nil {
		t.Errorf("measures of nothing: %q", m)
	}
	if err := WriteResults(&b, []Result{{"x", map[string]float64{"m": math.NaN()}}}); err == nil || !strings.Contains(err.Error(), `m of "x"`) {
		t.Errorf("NaN: %v", err)
	}
	for in, want := range map[string]string{
		"":                                  "r.jsonl:1: no results",
		"{\"id\":\"a\"}\n{\"id\":\"a\"}":    `r.jsonl:2: id "a" again, first in line 1`,
		`{"f1":1}`:                          `r.jsonl:1: no "id"`,
		`{"id":[],"f1":1}`:                  `r.jsonl:1: "id": neither a string nor a number`,
		`{"id":"a","f1":"1"}`:               `r.jsonl:1: "f1" is "1", want a number`,
		`{"id":"a","f1":null}`:              `r.jsonl:1: "f1" is null, want a number`,
		`[1]`:                               "r.jsonl:1: ",
		"{\"id\":1,\"f1\":1}\n\n{\"id\":2}": `r.jsonl:3: no "f1", which the first line has`,
		"{\"id\":1,\"f1\":1}\n{\"id\":2,\"f1\":1,\"x\":1}": `r.jsonl:2: "x", which the first line has not`,
	} {
		if got, err := ReadResults("r.jsonl", strings.NewReader(in)); !errors.Is(err, ErrFormat) || !strings.HasPrefix(err.Error(), want) || got != nil {
			t.Errorf("%q: %v, %v, want %s", in, got, err, want)
		}
	}
}
