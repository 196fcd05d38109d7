package eval

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// ErrDifferentItems is returned when two lists of results are not about the
// same queries, questions or pairs.
var ErrDifferentItems = errors.New("results of different items")

// DefaultComparisons is the number of resamples and of random sign flips of a
// comparison.
const DefaultComparisons = 10000

// CompareOptions says how two lists of results are compared. The zero value,
// and nil, are the defaults.
type CompareOptions struct {
	Bootstrap BootstrapOptions // of the interval; its Resamples, 0 means 10000, is also the number of sign flips
	Worst     int              // losses to return; 0 means 10
}

// Comparison is what B does better or worse than A.
type Comparison struct {
	Items    int
	A, B     float64 // the figure of each
	Diff     float64 // B - A
	Interval         // of Diff, by resampling items
	P        float64 // two-sided; see Compare
	Wins     int     // items in which B is larger
	Losses   int
	Ties     int
	Worst    []Change // the largest losses, largest first
}

// Change is one item of a comparison.
type Change struct {
	ID   string
	A, B float64
}

// Compare holds a measure of a against one of b, item by item. Both lists have
// the same ids, in any order; otherwise it is ErrDifferentItems.
//
// P is the share of sign flips of the differences, item by item, that give a
// mean at least as far from zero (Fisher's randomisation test; for retrieval see
// Smucker, Allan and Carterette 2007). All flips are tried when there are no
// more than resamples, else that many random ones, and then P is (1 + those) /
// (1 + resamples).
func Compare(a, b []Result, measureA, measureB string, o *CompareOptions) (*Comparison, error) {
	opt := o.fill()
	pairs, err := pair(a, b)
	if err != nil {
		return nil, err
	}
	va, vb, err := columns(pairs, measureA, measureB)
	if err != nil {
		return nil, err
	}
	diffs := make([]float64, len(pairs))
	c := &Comparison{Items: len(pairs)}
	for i := range pairs {
		diffs[i] = vb[i] - va[i]
		switch {
		case diffs[i] > 0:
			c.Wins++
		case diffs[i] < 0:
			c.Losses++
			c.Worst = append(c.Worst, Change{pairs[i].a.ID, va[i], vb[i]})
		default:
			c.Ties++
		}
	}
	slices.SortStableFunc(c.Worst, func(x, y Change) int { return cmp.Compare(x.B-x.A, y.B-y.A) })
	c.Worst = limit(c.Worst, opt.Worst)
	c.A, c.B, c.Diff = mean(va), mean(vb), mean(diffs)
	c.Interval = bootstrap(len(diffs), meanOf(diffs), opt.Bootstrap)
	c.P = signFlip(diffs, opt.Bootstrap)
	return c, nil
}

// CompareSpearman is Compare for the rank correlation of the measure human,
// which both lists have alike, with the measures ofA and ofB. In the interval
// items are drawn and ranked anew. For P, the ranks that an item has in a and
// in b change places; they are not ranked anew. There are no wins and losses.
func CompareSpearman(a, b []Result, human, ofA, ofB string, o *CompareOptions) (*Comparison, error) {
	return compareCorrelation(a, b, human, ofA, ofB, o, spearmanOf, ranks)
}

// ComparePearson is CompareSpearman for the linear correlation. For P, values
// change places after both sides have got mean 0 and variance 1.
func ComparePearson(a, b []Result, human, ofA, ofB string, o *CompareOptions) (*Comparison, error) {
	return compareCorrelation(a, b, human, ofA, ofB, o, pearsonOf, standard)
}

func compareCorrelation(a, b []Result, human, ofA, ofB string, o *CompareOptions,
	of func(x, y []float64) statistic, place func([]float64) []float64) (*Comparison, error) {
	opt := o.fill()
	pairs, err := pair(a, b)
	if err != nil {
		return nil, err
	}
	ha, hb, err := columns(pairs, human, human)
	if err != nil {
		return nil, err
	}
	for i := range pairs {
		if ha[i] != hb[i] {
			return nil, fmt.Errorf("id %q: %s is %v and %v: %w", pairs[i].a.ID, human, ha[i], hb[i], ErrDifferentItems)
		}
	}
	va, vb, err := columns(pairs, ofA, ofB)
	if err != nil {
		return nil, err
	}
	sa, sb := of(ha, va), of(ha, vb)
	ones := slices.Repeat([]int32{1}, len(pairs))
	c := &Comparison{Items: len(pairs), A: sa(ones), B: sb(ones)}
	c.Diff = c.B - c.A
	c.Interval = bootstrap(len(pairs), func(counts []int32) float64 { return sb(counts) - sa(counts) }, opt.Bootstrap)
	c.P = swap(place(ha), place(va), place(vb), opt.Bootstrap)
	return c, nil
}

func (o *CompareOptions) fill() CompareOptions {
	var f CompareOptions
	if o != nil {
		f = *o
	}
	f.Bootstrap.Resamples = cmp.Or(f.Bootstrap.Resamples, DefaultComparisons)
	f.Bootstrap = f.Bootstrap.fill()
	f.Worst = cmp.Or(f.Worst, 10)
	return f
}

// paired is the two results of one id.
type paired struct{ a, b *Result }

// pair brings results of the same ids together, in the order of a.
func pair(a, b []Result) ([]paired, error) {
	inB := make(map[string]*Result, len(b))
	for i := range b {
		inB[b[i].ID] = &b[i]
	}
	out := make([]paired, 0, len(a))
	var onlyA []string
	for i := range a {
		r := inB[a[i].ID]
		if r == nil {
			onlyA = append(onlyA, a[i].ID)
			continue
		}
		out = append(out, paired{&a[i], r})
		delete(inB, a[i].ID)
	}
	var onlyB []string
	for i := range b {
		if inB[b[i].ID] != nil {
			onlyB = append(onlyB, b[i].ID)
		}
	}
	if len(onlyA)+len(onlyB) > 0 {
		return nil, fmt.Errorf("%s only in the first, %s only in the second: %w", some(onlyA), some(onlyB), ErrDifferentItems)
	}
	return out, nil
}

// some says how many ids there are and names the first.
func some(ids []string) string {
	if len(ids) == 0 {
		return "none"
	}
	named := make([]string, 0, 3)
	for _, id := range limit(ids, 3) {
		named = append(named, fmt.Sprintf("%q", id))
	}
	if len(ids) > 3 {
		named = append(named, "...")
	}
	return fmt.Sprintf("%d (%s)", len(ids), strings.Join(named, ", "))
}

// columns is a measure of each side.
func columns(pairs []paired, measureA, measureB string) (a, b []float64, err error) {
	a, b = make([]float64, len(pairs)), make([]float64, len(pairs))
	for i, p := range pairs {
		var okA, okB bool
		if a[i], okA = p.a.Measures[measureA]; !okA {
			return nil, nil, fmt.Errorf("id %q of the first: no measure %q: %w", p.a.ID, measureA, ErrFormat)
		}
		if b[i], okB = p.b.Measures[measureB]; !okB {
			return nil, nil, fmt.Errorf("id %q of the second: no measure %q: %w", p.b.ID, measureB, ErrFormat)
		}
	}
	return a, b, nil
}

// signFlip is P of Compare.
func signFlip(diffs []float64, o BootstrapOptions) float64 {
	moved := slices.DeleteFunc(slices.Clone(diffs), func(d float64) bool { return d == 0 })
	var sum, size float64
	for _, d := range moved {
		sum += d
		size += math.Abs(d)
	}
	return randomise(len(moved), sum, 1e-12*size, o, flipped(moved))
}

// flipped is the sum of diffs after flips.
func flipped(diffs []float64) func(flips []uint64) float64 {
	return func(flips []uint64) float64 {
		var sum float64
		for i, d := range diffs {
			if flips[i/64]>>(i%64)&1 == 1 {
				d = -d
			}
			sum += d
		}
		return sum
	}
}

// swap is P of CompareSpearman and ComparePearson. The values have been put on
// one scale.
func swap(human, a, b []float64, o BootstrapOptions) float64 {
	x, y := make([]float64, len(a)), make([]float64, len(b))
	diff := func(flips []uint64) float64 {
		for i := range a {
			x[i], y[i] = a[i], b[i]
			if flips[i/64]>>(i%64)&1 == 1 {
				x[i], y[i] = b[i], a[i]
			}
		}
		return Pearson(human, y) - Pearson(human, x)
	}
	at := diff(make([]uint64, len(a)/64+1))
	if math.IsNaN(at) {
		return math.NaN()
	}
	return randomise(len(a), at, 1e-12, o, diff)
}

// randomise is the share of flips whose statistic is as far from zero as at,
// but for slack. Bit i of the flips is of item i.
func randomise(n int, at, slack float64, o BootstrapOptions, stat func(flips []uint64) float64) float64 {
	flips := make([]uint64, n/64+1)
	far := 0
	if n < 62 && 1<<n <= o.Resamples {
		for flips[0] = 0; flips[0] < 1<<n; flips[0]++ {
			if math.Abs(stat(flips)) >= math.Abs(at)-slack {
				far++
			}
		}
		return float64(far) / float64(int(1)<<n)
	}
	rng := rand.New(rand.NewPCG(o.Seed, 1))
	return randomly(flips, at, slack, o.Resamples, rng.Uint64, stat)
}

// randomly is randomise with flips that draw gives, 64 items at a time.
func randomly(flips []uint64, at, slack float64, rounds int, draw func() uint64, stat func(flips []uint64) float64) float64 {
	far := 0
	for range rounds {
		for i := range flips {
			flips[i] = draw()
		}
		if math.Abs(stat(flips)) >= math.Abs(at)-slack {
			far++
		}
	}
	return float64(1+far) / float64(1+rounds)
}

// standard is the values with mean 0 and variance 1.
func standard(x []float64) []float64 {
	if len(x) == 0 || constant(x) {
		return x
	}
	d := deviations(x)
	var squares float64
	for _, v := range d {
		squares += v * v
	}
	sd := math.Sqrt(squares / float64(len(d)))
	for i := range d {
		d[i] /= sd
	}
	return d
}
