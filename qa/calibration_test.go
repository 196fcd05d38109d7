package qa

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/encoder/checkpoint"
)

// tinyReader is the checkpoint with random weights.
func tinyReader(t testing.TB) *Reader {
	t.Helper()
	ck, err := checkpoint.Open("testdata/tiny-reader")
	if err != nil {
		t.Fatal(err)
	}
	rd, err := NewReader(ck, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rd
}

// madeUp draws samples of which the score tells answerable ones from others and the
// length right ones from wrong ones.
func madeUp(n int) []Sample {
	rng := rand.New(rand.NewPCG(3, 4))
	out := make([]Sample, n)
	for i := range out {
		s := Sample{Features: map[string]float64{}, Answerable: i%2 == 0}
		for _, name := range featureNames {
			s.Features[name] = rng.NormFloat64()
		}
		if s.Answerable {
			s.Features[featScore] += 3
			s.Right = s.Features[featLength]+rng.NormFloat64() > 0
		}
		out[i] = s
	}
	return out
}

func TestFitCalibration(t *testing.T) {
	rd := tinyReader(t)
	samples := madeUp(2000)
	c, err := FitCalibration(rd, samples, &FitOptions{Lost: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	if c.Reader != rd.Fingerprint() || c.Fitted.Answerable != 1000 || c.Fitted.Unanswerable != 1000 {
		t.Errorf("%+v", c)
	}
	// At a distance of 3 deviations, 10 % lost leave about 4 % of the others.
	if math.Abs(c.Fitted.Lost-0.1) > 0.005 || c.Fitted.Declined < 0.93 {
		t.Errorf("lost %v, declined %v", c.Fitted.Lost, c.Fitted.Declined)
	}
	again, err := FitCalibration(rd, samples, &FitOptions{Lost: 0.1})
	if err != nil || !reflect.DeepEqual(c, again) {
		t.Errorf("fitted twice, not the same: %v", err)
	}
	// Probabilities agree with what happens, on samples not fitted to.
	var expected, came float64
	var n int
	for _, s := range madeUp(6000)[2000:] {
		if s.Answerable && c.Answerable.Probability(s.Features) >= c.MinAnswerable {
			expected += c.Right.Probability(s.Features)
			if s.Right {
				came++
			}
			n++
		}
	}
	if n < 1000 || math.Abs(expected-came)/float64(n) > 0.05 {
		t.Errorf("%v right expected of %d, %v came", expected, n, came)
	}

	var buf bytes.Buffer
	if _, err := c.WriteTo(&buf); err != nil {
		t.Fatal(err)
	}
	first := buf.String()
	read, err := ReadCalibration("c.json", &buf)
	if err != nil || !reflect.DeepEqual(read, c) {
		t.Fatalf("read back %+v, %v", read, err)
	}
	buf.Reset()
	if _, err := read.WriteTo(&buf); err != nil || buf.String() != first {
		t.Errorf("written again, not the same bytes: %v", err)
	}
}

func TestFitCalibrationErrors(t *testing.T) {
	rd := tinyReader(t)
	good := madeUp(100)
	alike := madeUp(100)
	for i := range alike {
		alike[i].Answerable = true
	}
	lacking := madeUp(100)
	delete(lacking[7].Features, featNear)
	for name, f := range map[string]func() error{
		"no reader":  func() error { _, err := FitCalibration(nil, good, nil); return err },
		"no samples": func() error { _, err := FitCalibration(rd, nil, nil); return err },
		"one kind":   func() error { _, err := FitCalibration(rd, alike, nil); return err },
		"lacking":    func() error { _, err := FitCalibration(rd, lacking, nil); return err },
		"lost":       func() error { _, err := FitCalibration(rd, good, &FitOptions{Lost: 2}); return err },
		"ridge":      func() error { _, err := FitCalibration(rd, good, &FitOptions{Ridge: math.NaN()}); return err },
	} {
		if err := f(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadCalibrationErrors(t *testing.T) {
	for name, text := range map[string]string{
		"empty":        ``,
		"no object":    `[]`,
		"version":      `{"version":2}`,
		"no version":   `{}`,
		"field":        `{"version":1,"other":1}`,
		"bar":          `{"version":1,"min_answerable":1.5}`,
		"feature":      `{"version":1,"right":{"terms":[{"feature":"luck","weight":1}]}}`,
		"twice":        `{"version":1,"right":{"terms":[{"feature":"score"},{"feature":"score"}]}}`,
		"number":       `{"version":1,"right":{"bias":1e999}}`,
		"large":        `{"version":1,"reader":"` + strings.Repeat("x", maxCalibrationBytes) + `"}`,
		"wrong number": `{"version":"1"}`,
	} {
		if c, err := ReadCalibration("c.json", strings.NewReader(text)); !errors.Is(err, ErrCalibration) || !strings.Contains(err.Error(), "c.json") {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
}

func FuzzReadCalibration(f *testing.F) {
	f.Add([]byte(`{"version":1,"reader":"x","answerable":{"bias":1,"terms":[{"feature":"score","weight":1,"mean":2}]},"min_answerable":0.5}`))
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`null`))
	features := make([]float64, len(featureNames))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ReadCalibration("c", bytes.NewReader(data))
		if err != nil {
			if !errors.Is(err, ErrCalibration) {
				t.Error(err)
			}
			return
		}
		if p := c.Right.probability(features); !(p >= 0 && p <= 1) {
			t.Errorf("probability %v", p)
		}
		var buf bytes.Buffer
		if _, err := c.WriteTo(&buf); err != nil {
			t.Fatal(err)
		}
		if again, err := ReadCalibration("c", &buf); err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%+v read back as %+v, %v", c, again, err)
		}
	})
}

// calibrated says that documents answer when the score is above bar, and that answers are
// right with the logit of the margin.
func calibrated(rd *Reader, bar float64) *Calibration {
	return &Calibration{
		Version: CalibrationVersion, Reader: rd.Fingerprint(), MinAnswerable: 0.5,
		Answerable: Regression{Terms: []Term{{Feature: featScore, Weight: 1, Mean: bar}}},
		Right:      Regression{Bias: 0.25, Terms: []Term{{Feature: featMargin, Weight: 0.5, Mean: 1}, {Feature: featRank, Weight: -1}}},
	}
}

// TestCalibrationBelongsToReader: one that was fitted to other weights is refused, or, in
// a folder, left alone.
func TestCalibrationBelongsToReader(t *testing.T) {
	rd := tinyReader(t)
	own, other := calibrated(rd, 0), calibrated(rd, 0)
	other.Reader = "bert-16-0000000000000000"
	if _, err := NewAnswerer(&shelf{}, rd, &AnswererOptions{Calibration: other}); !errors.Is(err, ErrCalibration) || !strings.Contains(err.Error(), other.Reader) {
		t.Errorf("answerer: %v", err)
	}
	if _, err := NewReader(rd.Checkpoint(), &ReaderOptions{Calibration: other}); !errors.Is(err, ErrCalibration) {
		t.Errorf("reader: %v", err)
	}
	if r, err := NewReader(rd.Checkpoint(), &ReaderOptions{Calibration: own}); err != nil || r.Calibration() != own {
		t.Errorf("reader: %v", err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/tiny-reader")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		cal  *Calibration
		want bool
	}{{"none", nil, false}, {"own", own, true}, {"other", other, false}} {
		if c.cal != nil {
			var buf bytes.Buffer
			if _, err := c.cal.WriteTo(&buf); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, CalibrationFile), buf.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		got, err := Open(dir)
		if err != nil || (got.Calibration() != nil) != c.want {
			t.Errorf("%s in the folder: %v, %v", c.name, got, err)
		}
		fromFS, err := OpenFS(os.DirFS(dir), "tiny")
		if err != nil || (fromFS.Calibration() != nil) != c.want {
			t.Errorf("%s in the file system: %v, %v", c.name, fromFS, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, CalibrationFile), []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); !errors.Is(err, ErrCalibration) || !strings.Contains(err.Error(), CalibrationFile) {
		t.Errorf("damaged: %v", err)
	}
}

// TestCalibratedAnswers works out by hand what is given and with which confidence.
func TestCalibratedAnswers(t *testing.T) {
	rd := tinyReader(t)
	hits := []db.Hit{{ID: "a", Text: "one"}, {ID: "b", Text: "two"}, {ID: "c", Text: "four"}}
	span := func(text string, score float64) []Span { return []Span{{End: len(text), Text: text, Score: score}} }
	readings := []Reading{{Spans: span("one", 3), Windows: 1}, {Spans: span("two", 4), Windows: 1}, {Spans: span("four", -1), Windows: 1}}
	ask := func(bar float64, own AskOptions) *trace {
		opt, err := fillAskOptions(rd, &own)
		if err != nil {
			t.Fatal(err)
		}
		tr := &trace{question: "which", hits: hits, readings: readings, opt: opt, own: own, cal: calibrated(rd, bar)}
		tr.weigh()
		return tr
	}
	ids := func(as []Answer) (s string) {
		for _, a := range as {
			s += a.ID
		}
		return s
	}
	got := ask(2, AskOptions{}).answers()
	if ids(got) != "ab" { // evidence 3, 4 - 2 ln 2 = 2.61 and -1 - 2 ln 3 = -3.20; the last is below the bar
		t.Fatalf("answers %s", ids(got))
	}
	sigmoid := func(z float64) float64 { return 1 / (1 + math.Exp(-z)) }
	lead := 3 - (4 - 2*math.Ln2)
	if want := sigmoid(0.25 + 0.5*(lead-1)); math.Abs(got[0].Confidence-want) > 1e-12 {
		t.Errorf("confidence %v, want %v", got[0].Confidence, want)
	}
	if want := sigmoid(0.25 + 0.5*(-lead-1) - math.Ln2); math.Abs(got[1].Confidence-want) > 1e-12 {
		t.Errorf("confidence %v, want %v", got[1].Confidence, want)
	}
	for _, c := range []struct {
		name string
		bar  float64
		own  AskOptions
		want string
	}{
		{"first below the bar", 3.5, AskOptions{}, ""},
		{"all above", -2, AskOptions{}, "abc"},
		{"any confidence", 99, AskOptions{MinConfidence: ptr(0.0)}, "abc"},
		{"some confidence", 99, AskOptions{MinConfidence: ptr(0.3)}, "a"},
		{"certainty", -9, AskOptions{MinConfidence: ptr(1.0)}, ""},
		{"threshold", 99, AskOptions{Threshold: ptr(-3.5)}, "b"},
		{"confidence before threshold", 99, AskOptions{Threshold: ptr(-3.5), MinConfidence: ptr(0.0)}, "abc"},
		{"one", -2, AskOptions{K: 1}, "a"},
	} {
		if got := ids(ask(c.bar, c.own).answers()); got != c.want {
			t.Errorf("%s: answers %q, want %q", c.name, got, c.want)
		}
	}
}

// TestFeatures works the features out by hand.
func TestFeatures(t *testing.T) {
	rd := tinyReader(t)
	hits := []db.Hit{
		{ID: "a", Title: "Towers", Text: "The tower is 330 metres tall.", DenseRank: 1, Cosine: 0.8, LexicalRank: 2, BM25: 3},
		{ID: "b", Text: "It was built in 1889 by Eiffel, and it is 330 metres tall.", DenseRank: 2, Cosine: 0.4, LexicalRank: 1, BM25: 6},
	}
	at := func(i int, text string, score float64) Span {
		s := strings.Index(hits[i].Text, text)
		return Span{Start: s, End: s + len(text), Text: text, Score: score}
	}
	readings := []Reading{
		{Spans: []Span{at(0, "330 metres", 5)}, Null: -4, Windows: 1},
		{Spans: []Span{at(1, "330 metres", 2), at(1, "1889", 1)}, Null: -2, Windows: 1},
	}
	opt, err := fillAskOptions(rd, nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &trace{question: "How tall is the tower that Eiffel built in Lyon?", hits: hits, readings: readings, opt: opt}
	tr.weigh()
	if len(tr.found) != 2 || tr.found[0].span.Text != "330 metres" || len(tr.found[0].same) != 1 {
		t.Fatalf("found %+v", tr.found)
	}
	// Terms: tall, tower, eiffel, built, lyon. The first passage has tall and, in text and
	// title, tower; the second tall, eiffel and built.
	idf := func(df float64) float64 { return math.Log(1 + (2-df+0.5)/(df+0.5)) }
	all := idf(2) + 3*idf(1) + idf(0)
	first, second := 5.0, 1-2*math.Ln2
	share := math.Exp(first) / (math.Exp(first) + math.Exp(second) + math.Exp(-1.5))
	want := map[string]float64{
		featScore: 5, featNull: -4, featNulls: -3, featMargin: first - second, featShare: math.Log(share / (1 - share)), featRank: 0,
		featRetrieval: 0.4 + 0.6*0.5, featLead: 0.7 - (0.4*0.5 + 0.6),
		featCoverage: (idf(2) + idf(1)) / all, featWords: 2.0 / 5, featNear: (idf(2) + idf(1)) / all,
		featMissing: 1.0 / 5, featLength: math.Log(3), featAgreement: 1,
	}
	if len(want) != len(featureNames) {
		t.Fatalf("%d features, want %d", len(featureNames), len(want))
	}
	for i, name := range featureNames {
		if got := tr.found[0].features[i]; math.Abs(got-want[name]) > 1e-9 {
			t.Errorf("%s is %v, want %v", name, got, want[name])
		}
	}
}

// TestExplainAddsUp: the parts of an explanation are those of the probabilities, and its
// answers are those of Ask.
func TestExplainAddsUp(t *testing.T) {
	ctx := context.Background()
	rd := tinyReader(t)
	s := &shelf{hits: []db.Hit{hit(t, "a", docA, "Der Turm", "Paris."), hit(t, "b", docB, "In 1889", "tall."), hit(t, "c", docC, "The", "fair.")}}
	a, err := NewAnswerer(s, rd, &AnswererOptions{Calibration: calibrated(rd, 0)})
	if err != nil {
		t.Fatal(err)
	}
	e, err := a.Explain(ctx, "when was it built", nil)
	if err != nil {
		t.Fatal(err)
	}
	answers, err := a.Ask(ctx, "when was it built", nil)
	if err != nil || !reflect.DeepEqual(answers, e.Answers) {
		t.Errorf("answers %+v, %v, explained %+v", answers, err, e.Answers)
	}
	if len(e.Passages) != 3 || len(e.Candidates) < 3 || e.Calibration != a.Calibration() {
		t.Fatalf("%d passages, %d candidates", len(e.Passages), len(e.Candidates))
	}
	given := 0
	for i, c := range e.Candidates {
		zr, za := e.Calibration.Right.Bias, e.Calibration.Answerable.Bias
		values := map[string]float64{}
		for _, f := range c.Features {
			zr, za, values[f.Name] = zr+f.Right, za+f.Answerable, f.Value
		}
		if p := 1 / (1 + math.Exp(-zr)); math.Abs(p-c.Answer.Confidence) > 1e-12 {
			t.Errorf("candidate %d: parts make %v, confidence is %v", i, p, c.Answer.Confidence)
		}
		if p := 1 / (1 + math.Exp(-za)); math.Abs(p-c.Answerable) > 1e-12 || math.Abs(e.Calibration.Answerable.Probability(values)-p) > 1e-12 {
			t.Errorf("candidate %d: parts make %v, answerable is %v", i, p, c.Answerable)
		}
		if c.Given {
			given++
		}
	}
	if given != len(answers) {
		t.Errorf("%d of the candidates given, %d answers", given, len(answers))
	}
	if _, err := json.Marshal(e); err != nil {
		t.Error(err)
	}
	sample, ok := e.Sample(true, false)
	if !ok || !sample.Answerable || sample.Right || len(sample.Features) != len(featureNames) {
		t.Errorf("%+v, %v", sample, ok)
	}
	if _, ok := new(Explanation).Sample(true, true); ok {
		t.Error("a sample of nothing")
	}
}
