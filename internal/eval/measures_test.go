package eval

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// fixture is testdata/measures.json, written by testdata/make.py.
type fixture struct {
	Rankings []struct {
		Ranked            []string
		Grades            map[string]int
		K                 int
		NDCG, Recall, MRR float64
	}
	Answers []struct {
		Got       string
		Golds     []string
		V2        bool
		Exact, F1 float64
		Normal    string
	}
	Pairs []struct {
		X, Y              []float64
		Pearson, Spearman float64
	}
}

func readFixture(t *testing.T) *fixture {
	t.Helper()
	b, err := os.ReadFile("testdata/measures.json")
	if err != nil {
		t.Fatal(err)
	}
	var f fixture
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Rankings) < 50 || len(f.Answers) < 200 || len(f.Pairs) < 20 {
		t.Fatal("the fixture is too small")
	}
	return &f
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestRankingMeasures(t *testing.T) {
	for i, c := range readFixture(t).Rankings {
		n, r, m := NDCG(c.Ranked, c.Grades, c.K), Recall(c.Ranked, c.Grades, c.K), MRR(c.Ranked, c.Grades, c.K)
		if !near(n, c.NDCG) || !near(r, c.Recall) || !near(m, c.MRR) {
			t.Errorf("ranking %d: %v, %v, %v, want %v, %v, %v", i, n, r, m, c.NDCG, c.Recall, c.MRR)
		}
	}
}

func TestAnswerMeasures(t *testing.T) {
	for i, c := range readFixture(t).Answers {
		q := Question{}
		for _, g := range c.Golds {
			q.Answers = append(q.Answers, Gold{Text: g})
		}
		e, f := q.Score(c.Got, c.V2)
		if !near(e, c.Exact) || !near(f, c.F1) || Normalize(c.Got) != c.Normal {
			t.Errorf("answer %d, %q for %q, v2 %v: exact %v, f1 %v, normal %q; want %v, %v, %q", i, c.Got, c.Golds, c.V2,
				e, f, Normalize(c.Got), c.Exact, c.F1, c.Normal)
		}
	}
}

func TestCorrelations(t *testing.T) {
	for i, c := range readFixture(t).Pairs {
		if p, s := Pearson(c.X, c.Y), Spearman(c.X, c.Y); !near(p, c.Pearson) || !near(s, c.Spearman) {
			t.Errorf("pair %d: %v, %v, want %v, %v", i, p, s, c.Pearson, c.Spearman)
		}
	}
	for _, x := range [][2][]float64{{nil, nil}, {{1}, {2}}, {{1, 2}, {1}}, {{1, 1}, {1, 2}}} {
		if p := Pearson(x[0], x[1]); !math.IsNaN(p) {
			t.Errorf("Pearson(%v) = %v, want NaN", x, p)
		}
	}
}

func TestBootstrap(t *testing.T) {
	var values []float64
	for i := range 400 {
		values = append(values, float64(i%2))
	}
	a, b := Bootstrap(values, 2000, 0.95, 1), Bootstrap(values, 2000, 0.95, 1)
	if a != b {
		t.Errorf("one seed, two intervals: %v, %v", a, b)
	}
	if c := Bootstrap(values, 2000, 0.95, 2); a == c {
		t.Errorf("two seeds, one interval: %v", a)
	}
	// The standard error of the mean is 0.5/20, so the interval is near 0.5 ± 1.96*0.025.
	if math.Abs(a.Low-0.451) > 0.006 || math.Abs(a.High-0.549) > 0.006 {
		t.Errorf("interval %v, want about 0.451 to 0.549", a)
	}
	if z := Bootstrap(nil, 100, 0.95, 1); z != (Interval{}) {
		t.Errorf("no values: %v", z)
	}
}
