package qa

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"

	"github.com/semsearch/semsearch/internal/calibrate"
)

// CalibrationFile is the name of a calibration in the folder of a reader.
const CalibrationFile = "calibration.json"

// CalibrationVersion is the version of the form of a calibration.
//
// 1: first release
const CalibrationVersion = 1

// maxCalibrationBytes bounds what is read of a calibration.
const maxCalibrationBytes = 1 << 20

// ErrCalibration is returned when a calibration cannot be used: it is damaged, of a later
// version, or was fitted to another reader.
var ErrCalibration = errors.New("unusable calibration")

// Calibration turns what reader and retriever say into probabilities: two logistic
// regressions on features of an answer, fitted to questions that the reader was not
// trained on. docs/models.md describes its file. It must not be changed while in use.
type Calibration struct {
	Version int    `json:"version"`
	Reader  string `json:"reader"` // fingerprint of the reader's checkpoint

	// Answerable gives the probability that the documents hold an answer to the question at
	// all. An answer is given when it reaches MinAnswerable.
	Answerable    Regression `json:"answerable"`
	MinAnswerable float64    `json:"min_answerable"`

	// Right gives the probability that an answer that is given is right: Answer.Confidence.
	Right Regression `json:"right"`

	Titles bool `json:"titles"` // passages are read with their titles, see AskOptions.Titles

	Fitted Fitted `json:"fitted"`
}

// Regression is a logistic regression on named features. The value of Answer's evidence
// is Bias + the sum of Weight * (feature - Mean): Mean is the mean of the feature over
// the questions of the fit, so that each term says how an answer differs from a common one.
type Regression struct {
	Bias  float64 `json:"bias"`
	Terms []Term  `json:"terms"`
}

// Term is one feature of a Regression.
type Term struct {
	Feature string  `json:"feature"`
	Weight  float64 `json:"weight"`
	Mean    float64 `json:"mean"`
}

// Fitted says how a Calibration came to be. It changes nothing.
type Fitted struct {
	Answerable   int     `json:"answerable_questions"`   // questions asked of the full database
	Unanswerable int     `json:"unanswerable_questions"` // questions asked without the article that answers them
	Passages     int     `json:"passages"`               // AskOptions.Passages
	Mode         string  `json:"mode"`                   // how passages were found
	Lost         float64 `json:"lost"`                   // share of the first kind below MinAnswerable
	Declined     float64 `json:"declined"`               // share of the second kind below it
}

// ReadCalibration reads a calibration in JSON; name is used in errors, which are
// ErrCalibration or those of r. It is not checked here that it fits a reader.
func ReadCalibration(name string, r io.Reader) (*Calibration, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxCalibrationBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(data) > maxCalibrationBytes {
		return nil, fmt.Errorf("%s: over %d bytes: %w", name, maxCalibrationBytes, ErrCalibration)
	}
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("%s: %v: %w", name, err, ErrCalibration)
	}
	if head.Version != CalibrationVersion {
		return nil, fmt.Errorf("%s: version %d, want %d: %w", name, head.Version, CalibrationVersion, ErrCalibration)
	}
	c := new(Calibration)
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(c); err != nil {
		return nil, fmt.Errorf("%s: %v: %w", name, err, ErrCalibration)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// WriteTo writes the calibration as indented JSON that ReadCalibration reads.
func (c *Calibration) WriteTo(w io.Writer) (int64, error) {
	data, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		return 0, fmt.Errorf("calibration: %v: %w", err, ErrCalibration)
	}
	n, err := w.Write(append(data, '\n'))
	return int64(n), err
}

// check says what is wrong with a calibration.
func (c *Calibration) check() error {
	if c.Version != CalibrationVersion {
		return fmt.Errorf("version %d, want %d: %w", c.Version, CalibrationVersion, ErrCalibration)
	}
	if !(c.MinAnswerable >= 0 && c.MinAnswerable <= 1) {
		return fmt.Errorf("min_answerable is %v, not 0 to 1: %w", c.MinAnswerable, ErrCalibration)
	}
	for _, r := range []struct {
		name string
		*Regression
	}{{"answerable", &c.Answerable}, {"right", &c.Right}} {
		if !finite(r.Bias) {
			return fmt.Errorf("%s: bias is %v: %w", r.name, r.Bias, ErrCalibration)
		}
		seen := map[string]bool{}
		for _, t := range r.Terms {
			switch {
			case !slices.Contains(featureNames, t.Feature):
				return fmt.Errorf("%s: unknown feature %q: %w", r.name, t.Feature, ErrCalibration)
			case seen[t.Feature]:
				return fmt.Errorf("%s: feature %q twice: %w", r.name, t.Feature, ErrCalibration)
			case !finite(t.Weight) || !finite(t.Mean):
				return fmt.Errorf("%s: feature %q has weight %v and mean %v: %w", r.name, t.Feature, t.Weight, t.Mean, ErrCalibration)
			}
			seen[t.Feature] = true
		}
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// Probability applies the regression to the features of a Candidate, by name. A feature
// that is not there is taken to be common.
func (r *Regression) Probability(features map[string]float64) float64 {
	z := r.Bias
	for _, t := range r.Terms {
		if v, ok := features[t.Feature]; ok {
			z += t.Weight * (v - t.Mean)
		}
	}
	return calibrate.Sigmoid(z)
}

// probability applies the regression to features in the order of featureNames.
func (r *Regression) probability(features []float64) float64 {
	z := r.Bias
	for _, t := range r.Terms {
		z += t.Weight * (features[slices.Index(featureNames, t.Feature)] - t.Mean)
	}
	return calibrate.Sigmoid(z)
}

// apply gives the spans their probabilities. A nil calibration knows none.
func (c *Calibration) apply(all []found) {
	for i := range all {
		f := &all[i]
		if c == nil {
			f.answerable, f.confidence = 1, f.share
			continue
		}
		f.answerable = c.Answerable.probability(f.features)
		f.confidence = c.Right.probability(f.features)
	}
}

// fits reports whether the calibration was fitted to the reader. One that names no reader
// fits none.
func (c *Calibration) fits(rd *Reader) error {
	if err := c.check(); err != nil {
		return err
	}
	if own := rd.Fingerprint(); c.Reader != own || own == "" {
		return fmt.Errorf("fitted to reader %q, this is %q: %w", c.Reader, own, ErrCalibration)
	}
	return nil
}

// readCalibrationFS reads the calibration in a folder. It is nil without an error when
// there is none.
func readCalibrationFS(fsys fs.FS) (*Calibration, error) {
	f, err := fsys.Open(CalibrationFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadCalibration(CalibrationFile, f)
}
