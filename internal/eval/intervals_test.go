package eval

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// lcg is the generator of testdata/reference.py.
type lcg uint64

func (g *lcg) next() uint64 {
	*g = *g*6364136223846793005 + 1442695040888963407
	return uint64(*g) >> 33
}

// The intervals of pure Python, from the same draws.
func TestIntervalsReference(t *testing.T) {
	var cases []struct {
		Kind      string
		X, Values []float64
		Groups    []string
		Level     float64
		Rounds    int
		State     lcg
		Low, High float64
		BCaLow    float64 `json:"bca_low"`
		BCaHigh   float64 `json:"bca_high"`
		Statistic float64
	}
	loadJSON(t, "intervals.json", &cases)
	kinds := map[string]int{}
	for i, c := range cases {
		kinds[c.Kind]++
		var stat statistic
		var plain float64
		switch c.Kind {
		case "mean":
			stat, plain = meanOf(c.Values), mean(c.Values)
		case "spearman":
			stat, plain = spearmanOf(c.X, c.Values), Spearman(c.X, c.Values)
		case "pearson":
			stat, plain = pearsonOf(c.X, c.Values), Pearson(c.X, c.Values)
		}
		n := len(c.Values)
		if c.Kind == "groups" {
			var sums, sizes []float64
			sums, sizes, plain = grouped(c.Values, c.Groups), grouped(slices.Repeat([]float64{1}, n), c.Groups), mean(c.Values)
			stat, n = ratioOf(sums, sizes), len(sums)
		}
		if at := stat(slices.Repeat([]int32{1}, n)); !near(at, c.Statistic) || !near(plain, c.Statistic) {
			t.Errorf("case %d, %s: %v of the items, %v by its function, want %v", i, c.Kind, at, plain, c.Statistic)
		}
		samples := resample(n, stat, c.Rounds, func() int { return int(c.State.next() % uint64(n)) })
		got := ends(n, stat, samples, BootstrapOptions{Level: c.Level})
		if !near(got.Low, c.Low) || !near(got.High, c.High) {
			t.Errorf("case %d, %s: %v, want %v, %v", i, c.Kind, got, c.Low, c.High)
		}
		got = ends(n, stat, samples, BootstrapOptions{Level: c.Level, BCa: true})
		if !near(got.Low, c.BCaLow) || !near(got.High, c.BCaHigh) {
			t.Errorf("case %d, %s: BCa %v, want %v, %v", i, c.Kind, got, c.BCaLow, c.BCaHigh)
		}
		if c.Low == c.BCaLow && c.High == c.BCaHigh {
			t.Errorf("case %d: BCa moves nothing", i)
		}
	}
	if kinds["mean"] < 5 || kinds["spearman"] < 3 || kinds["pearson"] < 3 || kinds["groups"] < 2 {
		t.Errorf("cases %v", kinds)
	}
}

// A resample is a list of items; its statistic by counts is that of the list.
func TestStatisticsOfCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "n")
		value := rapid.SampledFrom([]float64{-3, -1, 0, 0.5, 1, 2, 1e6})
		x := rapid.SliceOfN(value, n, n).Draw(t, "x")
		y := rapid.SliceOfN(value, n, n).Draw(t, "y")
		counts := make([]int32, n)
		var lx, ly []float64
		for range rapid.IntRange(1, 40).Draw(t, "size") {
			i := rapid.IntRange(0, n-1).Draw(t, "item")
			counts[i]++
			lx, ly = append(lx, x[i]), append(ly, y[i])
		}
		for _, c := range []struct {
			name      string
			got, want float64
		}{
			{"mean", meanOf(x)(counts), mean(lx)},
			{"spearman", spearmanOf(x, y)(counts), Spearman(lx, ly)},
			{"pearson", pearsonOf(x, y)(counts), Pearson(lx, ly)},
		} {
			if math.IsNaN(c.got) != math.IsNaN(c.want) || math.Abs(c.got-c.want) > 1e-7*max(1, math.Abs(c.want)) {
				t.Fatalf("%s of counts %v: %v, of the list %v", c.name, counts, c.got, c.want)
			}
		}
	})
}

// The interval holds the true mean about as often as its level says. Draws
// with a fixed seed: the test does not change from run to run.
func TestCoverage(t *testing.T) {
	const samples, n = 400, 50
	for _, bca := range []bool{false, true} {
		rng := rand.New(rand.NewPCG(5, 5))
		inside := 0
		for i := range samples {
			values := make([]float64, n)
			for j := range values {
				values[j] = rng.Float64() * rng.Float64() // mean 1/4
			}
			in := Bootstrap(values, &BootstrapOptions{Level: 0.9, Resamples: 400, Seed: uint64(i + 1), BCa: bca})
			if in.Low <= 0.25 && 0.25 <= in.High {
				inside++
			}
		}
		// Three standard errors of a share of 0.9 over 400 samples are 0.045.
		if share := float64(inside) / samples; share < 0.855 || share > 0.945 {
			t.Errorf("BCa %v: the mean lies in %.3f of the intervals, want 0.9", bca, share)
		}
	}
}

func TestComparisonsReference(t *testing.T) {
	var cases []struct {
		A, B               []float64
		Difference, P      float64
		Wins, Losses, Ties int
		Rounds             int
		State              lcg
	}
	loadJSON(t, "comparisons.json", &cases)
	exact, random := 0, 0
	for i, c := range cases {
		a, b := results("m", c.A), results("m", c.B)
		slices.Reverse(b) // order does not matter
		got, err := Compare(a, b, "m", "m", nil)
		if err != nil {
			t.Fatal(err)
		}
		if got.Items != len(c.A) || got.Wins != c.Wins || got.Losses != c.Losses || got.Ties != c.Ties || !near(got.Diff, c.Difference) {
			t.Errorf("case %d: %+v, want %+v", i, got, c)
		}
		if c.Rounds == 0 {
			exact++
			if !near(got.P, c.P) {
				t.Errorf("case %d: p %v, want %v", i, got.P, c.P)
			}
			continue
		}
		random++
		var moved []float64
		var sum float64
		for j := range c.A {
			if d := c.B[j] - c.A[j]; d != 0 {
				moved = append(moved, d)
				sum += d
			}
		}
		p := randomly(make([]uint64, len(moved)/64+1), sum, 1e-9, c.Rounds, func() uint64 {
			w := c.State.next() << 31
			return w ^ c.State.next()
		}, flipped(moved))
		if !near(p, c.P) {
			t.Errorf("case %d: p of the same flips %v, want %v", i, p, c.P)
		}
		if d := math.Abs(got.P - c.P); d > 0.08 { // other flips; of 500 the standard error is below 0.023
			t.Errorf("case %d: p %v, with other flips %v", i, got.P, c.P)
		}
	}
	if exact < 3 || random < 2 {
		t.Errorf("%d cases of all flips, %d of random ones", exact, random)
	}
}

func TestHalvesReference(t *testing.T) {
	var want map[string]int
	loadJSON(t, "halves.json", &want)
	count := map[Half]int{}
	for key, bit := range want {
		h := HalfOf(key)
		count[h]++
		if h != []Half{Tune, Report}[bit] {
			t.Errorf("%q lies in %v", key, h)
		}
	}
	if count[Tune] < 10 || count[Report] < 10 {
		t.Errorf("halves %v", count)
	}
}

// 2,400 questions, as there are in a development set: under a second.
func BenchmarkBootstrap(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	x, y := make([]float64, 2400), make([]float64, 2400)
	for i := range x {
		x[i] = 100 * rng.Float64()
		y[i] = x[i] + 50*rng.Float64()
	}
	b.Run("mean", func(b *testing.B) {
		for b.Loop() {
			Bootstrap(x, nil)
		}
	})
	b.Run("mean-bca", func(b *testing.B) {
		for b.Loop() {
			Bootstrap(x, &BootstrapOptions{BCa: true})
		}
	})
	b.Run("spearman", func(b *testing.B) {
		for b.Loop() {
			BootstrapSpearman(x, y, nil)
		}
	})
	b.Run("compare", func(b *testing.B) {
		rx, ry := results("m", x), results("m", y)
		for b.Loop() {
			if _, err := Compare(rx, ry, "m", "m", nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Groups of one value are values, and alike values in few groups make a wider
// interval than as many single ones.
func TestBootstrapGroups(t *testing.T) {
	var values []float64
	var single, tens []string
	for i := range 200 {
		values = append(values, float64(i/10%2)) // alike in tens
		single, tens = append(single, string(rune('a'+i))), append(tens, string(rune('a'+i/10)))
	}
	plain := Bootstrap(values, nil)
	if in := BootstrapGroups(values, single, nil); !near(in.Low, plain.Low) || !near(in.High, plain.High) {
		t.Errorf("%v by groups of one, %v by values", in, plain)
	}
	in := BootstrapGroups(values, tens, nil)
	if r := (in.High - in.Low) / (plain.High - plain.Low); r < 2.5 || r > 4 { // the root of ten
		t.Errorf("%v by groups, %v by values", in, plain)
	}
	if in := BootstrapGroups(values, tens[1:], nil); in != (Interval{}) {
		t.Errorf("other lengths: %v", in)
	}
	if in := BootstrapGroups(nil, nil, nil); in != (Interval{}) {
		t.Errorf("nothing: %v", in)
	}
}
