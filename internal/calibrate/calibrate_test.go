package calibrate

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// reference is a case of testdata/make.py.
type reference struct {
	X              [][]float64
	Y              []bool
	Weight         []float64
	Ridge, Bias    float64
	Coef           []float64
	Score          []float64
	Levels, Values []float64
	P              []float64
	AUC, ECE       float64
	Brier          float64
	LogLoss        float64 `json:"log_loss"`
}

func references(t *testing.T) []reference {
	t.Helper()
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var out []reference
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 {
		t.Fatal("no cases")
	}
	return out
}

func near(a, b, most float64) bool { return math.Abs(a-b) <= most*(1+math.Abs(b)) }

// TestReference compares with PyTorch and with definitions written out, see testdata/make.py.
func TestReference(t *testing.T) {
	for i, c := range references(t) {
		l, err := Fit(c.X, c.Y, c.Weight, c.Ridge)
		if err != nil {
			t.Fatal(err)
		}
		if !near(l.Bias, c.Bias, 1e-6) {
			t.Errorf("case %d: bias %v, want %v", i, l.Bias, c.Bias)
		}
		for j, w := range l.Weights {
			if !near(w, c.Coef[j], 1e-6) {
				t.Errorf("case %d: weight %d is %v, want %v", i, j, w, c.Coef[j])
			}
		}
		for k, x := range c.X {
			if !near(l.Probability(x), c.P[k], 1e-6) {
				t.Errorf("case %d: example %d has probability %v, want %v", i, k, l.Probability(x), c.P[k])
			}
		}
		f, err := FitIsotonic(c.Score, c.Y)
		if err != nil {
			t.Fatal(err)
		}
		for k, s := range c.Levels {
			if !near(f.Probability(s), c.Values[k], 1e-12) {
				t.Errorf("case %d: isotonic at %v is %v, want %v", i, s, f.Probability(s), c.Values[k])
			}
		}
		for _, m := range []struct {
			name      string
			got, want float64
		}{
			{"AUC", AUC(c.Score, c.Y), c.AUC}, {"ECE", ECE(Bins(c.P, c.Y, 10)), c.ECE},
			{"Brier", Brier(c.P, c.Y), c.Brier}, {"LogLoss", LogLoss(c.P, c.Y), c.LogLoss},
		} {
			if !near(m.got, m.want, 1e-12) {
				t.Errorf("case %d: %s %v, want %v", i, m.name, m.got, m.want)
			}
		}
	}
}

// TestFitIsStationary: at the fit, the likelihood with its penalty has no slope.
func TestFitIsStationary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, d := rapid.IntRange(4, 40).Draw(t, "n"), rapid.IntRange(1, 4).Draw(t, "d")
		ridge := rapid.Float64Range(0.01, 1).Draw(t, "ridge")
		x, y := make([][]float64, n), make([]bool, n)
		for i := range x {
			x[i] = rapid.SliceOfN(rapid.Float64Range(-3, 3), d, d).Draw(t, "x")
			y[i] = rapid.Bool().Draw(t, "y")
		}
		y[0], y[1] = true, false
		l, err := Fit(x, y, nil, ridge)
		if err != nil {
			t.Fatal(err)
		}
		mean, scale := moments(x, nil, float64(n))
		slope := make([]float64, d+1)
		for i := range x {
			r := l.Probability(x[i])
			if y[i] {
				r--
			}
			slope[0] += r / float64(n)
			for j := range d {
				if scale[j] > 0 {
					slope[j+1] += r * (x[i][j] - mean[j]) / scale[j] / float64(n)
				}
			}
		}
		for j := range d {
			slope[j+1] += ridge * l.Weights[j] * scale[j]
		}
		for j, s := range slope {
			if math.Abs(s) > 1e-8 {
				t.Fatalf("slope %d is %v", j, s)
			}
		}
	})
}

// TestSeparable: a ridge keeps weights finite where outcomes can be told apart.
func TestSeparable(t *testing.T) {
	l, err := Fit([][]float64{{-2}, {-1}, {1}, {2}}, []bool{false, false, true, true}, nil, 1e-3)
	if err != nil || !(l.Weights[0] > 1 && l.Weights[0] < 100) {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestTemperature(t *testing.T) {
	// At logit 2, six of eight are right: the log odds of 3/4 are ln 3.
	logit, y := slices.Repeat([]float64{2}, 8), []bool{true, true, true, true, true, true, false, false}
	f, err := FitTemperature(logit, y)
	if want := math.Log(3) / 2; err != nil || !near(f, want, 1e-9) {
		t.Errorf("%v, %v, want %v", f, err, want)
	}
}

func TestFitErrors(t *testing.T) {
	for name, f := range map[string]func() error{
		"nothing": func() error { _, err := Fit(nil, nil, nil, 0); return err },
		"lengths": func() error { _, err := Fit([][]float64{{1}, {1, 2}}, []bool{true, false}, nil, 0); return err },
		"NaN":     func() error { _, err := Fit([][]float64{{1}, {math.NaN()}}, []bool{true, false}, nil, 0); return err },
		"alike":   func() error { _, err := Fit([][]float64{{1}, {2}}, []bool{true, true}, nil, 0); return err },
		"weight": func() error {
			_, err := Fit([][]float64{{1}, {2}}, []bool{true, false}, []float64{1, -1}, 0)
			return err
		},
		"ridge": func() error { _, err := Fit([][]float64{{1}, {2}}, []bool{true, false}, nil, math.NaN()); return err },
		"temperature": func() error {
			_, err := FitTemperature([]float64{math.Inf(1)}, []bool{true})
			return err
		},
		"isotonic": func() error { _, err := FitIsotonic([]float64{math.NaN()}, []bool{true}); return err },
	} {
		if err := f(); !errors.Is(err, ErrData) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestIsotonicRises: values rise, and average to the share of true ones.
func TestIsotonicRises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "n")
		score := rapid.SliceOfN(rapid.Float64Range(-2, 2), n, n).Draw(t, "score")
		y := rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "y")
		f, err := FitIsotonic(score, y)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSorted(f.Values) || !slices.IsSorted(f.Edges) {
			t.Fatalf("%+v falls", f)
		}
		sum := 0.0
		for i, s := range score {
			sum += f.Probability(s)
			if y[i] {
				sum--
			}
		}
		if math.Abs(sum) > 1e-9 {
			t.Fatalf("expected and observed differ by %v", sum)
		}
	})
}

func TestBins(t *testing.T) {
	p, y := []float64{0, 0.1, 0.1000001, 0.55, 1, 0.95}, []bool{false, true, true, false, true, true}
	b := Bins(p, y, 10)
	for i, want := range []int{2, 1, 0, 0, 0, 1, 0, 0, 0, 2} {
		if b[i].Count != want {
			t.Errorf("bin %d holds %d, want %d", i, b[i].Count, want)
		}
	}
	if b[0].Accuracy != 0.5 || b[9].Accuracy != 1 || !near(b[9].Confidence, 0.975, 1e-12) {
		t.Errorf("%+v", b)
	}
	e := EqualBins(p, y, 4)
	n := 0
	for i, x := range e {
		n += x.Count
		if x.Count < 1 || x.Count > 2 || i > 0 && x.Low < e[i-1].High {
			t.Errorf("bin %d is %+v", i, x)
		}
	}
	if n != len(p) {
		t.Errorf("%d in the bins, want %d", n, len(p))
	}
	if len(EqualBins(p, y, 100)) != len(p) || ECE(nil) != 0 || ECE(Bins(nil, nil, 3)) != 0 {
		t.Error("bins of nothing")
	}
}

func ExampleFit() {
	// Hours of practice, and whether the test was passed.
	hours := [][]float64{{1}, {2}, {3}, {4}, {5}, {6}}
	passed := []bool{false, false, true, false, true, true}
	l, err := Fit(hours, passed, nil, 0.01)
	if err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%.2f %.2f\n", l.Probability([]float64{1}), l.Probability([]float64{6}))
	// Output: 0.06 0.94
}
