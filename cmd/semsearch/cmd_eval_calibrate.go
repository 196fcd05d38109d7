package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/calibrate"
	"github.com/semsearch/semsearch/internal/eval"
	"github.com/semsearch/semsearch/qa"
)

type calibrateOptions struct {
	model, reader, db, out, mode string
	samples, save                string
	squads                       []string
	passages, limit              int
	lost                         float64
	all, titles                  bool
	json                         bool
}

func newEvalCalibrate(a *app) *cobra.Command {
	var o calibrateOptions
	cmd := &cobra.Command{
		Use:   "calibrate [flags] --squad FILE...",
		Short: "Fit how sure answers are on questions with answers",
		Long: `Fit the confidence of answers, and the point below which there is no answer, on files of questions in
the form of SQuAD that the reader was not trained on. --out writes them to a file, for semsearch ask
--calibration or, as calibration.json, for the folder of the reader.

Every question is asked twice: of all paragraphs, and of those of other articles, which do not answer
it. An answer is right when its words agree with a known answer by F1 0.5 or more. The articles are
divided into two halves by their titles: parameters are fitted on one, and every figure printed is
measured on the other. With --all they are fitted on both, and the figures say how well they fit.
--save keeps what was asked in a file; --samples fits again from it, with another --lost, in no time.

With --db, questions are asked of that database instead. The title of an article is then the id or
title of the document that answers its questions.

Figures: accuracy, share of first answers that are right, of the full database, and accuracy_fitted,
the same of the questions fitted to; ece, expected
calibration error of the confidence, ten bins, over first answers of both kinds of asking; ece_given,
the same over answers that are given; ece_answered, over those given of the full database; ece_score,
ece_temperature, ece_platt, ece_isotonic, over the same answers as ece: the score of an answer as it
is, and one-parameter, two-parameter and free rising functions of it; declined, percent of questions
without their article that get no answer; lost, percent of the others that get none; auc, how well
confidence tells right answers from wrong ones, over answers given of the full database. Intervals are
95 percent, the bootstrap over questions.`,
		Example: `  semsearch eval calibrate --squad dev-v1.1.json --out calibration.json
  semsearch ask --calibration calibration.json "Who built the tower?"`,
		Annotations: exitCodes("done", "", "an error"),
		Args:        noArgs,
		RunE:        func(cmd *cobra.Command, args []string) error { return a.runEvalCalibrate(cmd.Context(), o) },
	}
	modelFlag(cmd, &o.model)
	readerFlag(cmd, &o.reader)
	cmd.Flags().Var(&fileList{list: &o.squads}, "squad", "file of questions (SQuAD 1.1 or 2.0); may be given several times")
	cmd.Flags().Var(&fileFlag{&o.db}, "db", "ask this database instead of a temporary one of the paragraphs")
	cmd.Flags().Var(&fileFlag{&o.out}, "out", "write the calibration to this file")
	cmd.Flags().Var(&fileFlag{&o.save}, "save", "write what was asked to this file, as JSON Lines")
	cmd.Flags().Var(&fileFlag{&o.samples}, "samples", "read what --save wrote instead of asking")
	modeFlag(cmd, &o.mode)
	cmd.Flags().IntVar(&o.passages, "passages", qa.DefaultPassages, "`number` of passages to read")
	cmd.Flags().BoolVar(&o.titles, "titles", false, "read passages with the titles of their documents, from now on")
	cmd.Flags().Float64Var(&o.lost, "lost", qa.DefaultLost, "`share` of answerable questions that may be declined")
	cmd.Flags().BoolVar(&o.all, "all", false, "fit on all articles instead of half of them")
	cmd.Flags().IntVar(&o.limit, "limit", 0, "at most this many questions of each file, evenly spread; 0 means all")
	jsonFlag(cmd, &o.json)
	return cmd
}

// fileList is a flag that takes a path and may be given several times.
type fileList struct{ list *[]string }

func (f *fileList) String() string { return "" }
func (f *fileList) Type() string   { return "FILE" }
func (f *fileList) Set(s string) error {
	if s == "" {
		return errors.New("the path is empty")
	}
	*f.list = append(*f.list, s)
	return nil
}

// asked is a question that was asked, with its first answer.
type asked struct {
	Reader     string             `json:"reader"` // fingerprint
	Passages   int                `json:"passages"`
	Mode       string             `json:"mode"`
	Titles     bool               `json:"titles"`
	Article    string             `json:"article"`
	Question   string             `json:"question"` // id
	Answerable bool               `json:"answerable"`
	Right      bool               `json:"right"`
	Score      float64            `json:"score"` // of the first answer
	Features   map[string]float64 `json:"features"`
}

// measured says whether figures are measured on the question.
func (s *asked) measured() bool { return eval.HalfOf(s.Article) == eval.Report }

func (a *app) runEvalCalibrate(ctx context.Context, o calibrateOptions) error {
	if len(o.squads) == 0 && o.samples == "" {
		return usage("--squad is missing")
	}
	if len(o.squads) > 0 && o.samples != "" {
		return usage("--squad asks questions and --samples takes what was asked before: want one of them")
	}
	if o.limit < 0 {
		return usage("--limit %d: want 0 or more", o.limit)
	}
	if err := positive("--passages", o.passages); err != nil {
		return err
	}
	if !(o.lost > 0 && o.lost < 1) {
		return usage("--lost %v: want a share above 0 and below 1", o.lost)
	}
	mode, err := parseMode(o.mode)
	if err != nil {
		return err
	}
	opened, err := a.models.reader(o.reader)
	if err != nil {
		return err
	}
	rd, ok := opened.(qaReader)
	if !ok {
		return errors.New("this reader cannot be calibrated")
	}
	var list []asked
	if o.samples != "" {
		list, err = readSamples(o.samples, rd.Fingerprint())
	} else {
		list, err = a.askForCalibration(ctx, o, rd.Reader, mode)
	}
	if err != nil {
		return err
	}
	if o.save != "" {
		if err := writeSamples(o.save, list); err != nil {
			return err
		}
	}
	var fit, measured []asked
	for _, s := range list {
		if o.all || !s.measured() {
			fit = append(fit, s)
		}
		if o.all || s.measured() {
			measured = append(measured, s)
		}
	}
	if len(fit) == 0 || len(measured) == 0 {
		return withHint(errors.New("one half of the articles has no questions"), "give more articles, or --all")
	}
	var samples []qa.Sample
	for _, s := range fit {
		samples = append(samples, qa.Sample{Features: s.Features, Answerable: s.Answerable, Right: s.Right})
	}
	c, err := qa.FitCalibration(rd.Reader, samples, &qa.FitOptions{Lost: o.lost})
	if err != nil {
		return err
	}
	c.Titles, c.Fitted.Passages, c.Fitted.Mode = list[0].Titles, list[0].Passages, list[0].Mode
	if o.out != "" {
		if err := writeWhole(o.out, func(w io.Writer) error { _, err := c.WriteTo(w); return err }); err != nil {
			return err
		}
	}
	rep, err := newCalibrationReport(c, fit, measured)
	if err != nil {
		return err
	}
	ms := rep.measures()
	if o.json {
		return a.printMeasures(true, ms, map[string]any{"bins": rep.bins, "bins_score": rep.binsScore})
	}
	for _, b := range rep.bins {
		if b.Count > 0 {
			ms = append(ms, measure{
				name:  fmt.Sprintf("%.1f to %.1f", b.Low, b.High),
				value: fmt.Sprintf("%.2f right of %s, %.2f expected", b.Accuracy, group(int64(b.Count)), b.Confidence),
			})
		}
	}
	return a.printMeasures(false, ms, nil)
}

// readSamples reads what writeSamples wrote; all of it must be of one reader and one way of asking.
func readSamples(path, reader string) ([]asked, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []asked
	dec := json.NewDecoder(f)
	for {
		var s asked
		err := dec.Decode(&s)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: sample %d: %w", path, len(out)+1, err)
		}
		if s.Reader != reader {
			return nil, fmt.Errorf("%s: sample %d is of reader %q, this is %q", path, len(out)+1, s.Reader, reader)
		}
		if len(out) > 0 && (s.Passages != out[0].Passages || s.Mode != out[0].Mode || s.Titles != out[0].Titles) {
			return nil, fmt.Errorf("%s: sample %d was asked in another way than the first", path, len(out)+1)
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: no samples", path)
	}
	return out, nil
}

func writeSamples(path string, list []asked) error {
	return writeWhole(path, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		for _, s := range list {
			if err := enc.Encode(s); err != nil {
				return err
			}
		}
		return nil
	})
}

// writeWhole writes a file whole or not at all.
func writeWhole(path string, write func(w io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	w := bufio.NewWriter(f)
	if err = write(w); err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Chmod(0o644)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// askForCalibration asks all questions twice.
func (a *app) askForCalibration(ctx context.Context, o calibrateOptions, rd *qa.Reader, mode db.Mode) ([]asked, error) {
	var sets []*eval.SQuAD
	for _, path := range o.squads {
		set, err := eval.OpenSQuAD(path)
		if err != nil {
			return nil, err
		}
		sets = append(sets, set)
	}
	enc, err := a.encoderFor(mode, o.model)
	if err != nil {
		return nil, err
	}
	var d *db.DB
	if o.db != "" {
		d, err = a.openDB(location{path: o.db}, enc, &db.Options{MustExist: true, ReadOnly: true})
	} else {
		var dir string
		if dir, err = os.MkdirTemp("", "semsearch-eval-"); err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		d, err = paragraphs(ctx, filepath.Join(dir, "eval.db"), enc, sets)
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()

	total, done := 0, 0
	for _, set := range sets {
		total += len(spread(set.Questions, o.limit))
	}
	show, clear := a.meter("questions")
	defer clear()
	ask := &qa.AskOptions{Passages: o.passages, Titles: &o.titles, Query: &db.QueryOptions{Mode: mode}}
	var out []asked
	for _, set := range sets {
		for _, q := range spread(set.Questions, o.limit) {
			if len(q.Answers) == 0 {
				continue
			}
			article := articleTitle(set.Contexts[q.Context].Title)
			for _, without := range []bool{false, true} {
				var r qa.Retriever = d
				if without {
					r = &withoutArticle{d, article}
				}
				// No calibration: what the reader has at present must not matter.
				an, err := qa.NewAnswerer(r, rd, &qa.AnswererOptions{NoCalibration: true})
				if err != nil {
					return nil, err
				}
				e, err := an.Explain(ctx, q.Text, ask)
				if err != nil {
					return nil, fmt.Errorf("question %q: %w", q.ID, err)
				}
				right := false
				if len(e.Candidates) > 0 {
					// Without its article a question may still find its answer elsewhere.
					_, f1 := q.Score(e.Candidates[0].Answer.Text, false)
					right = f1 >= 0.5
				}
				if s, ok := e.Sample(!without, right); ok {
					out = append(out, asked{
						Reader: rd.Fingerprint(), Passages: o.passages, Mode: mode.String(), Titles: o.titles, Article: article, Question: q.ID,
						Answerable: s.Answerable, Right: s.Right, Score: e.Candidates[0].Answer.Score, Features: s.Features,
					})
				}
			}
			done++
			show(done, total)
		}
	}
	return out, nil
}

// paragraphs makes a database of all contexts.
func paragraphs(ctx context.Context, path string, enc db.Encoder, sets []*eval.SQuAD) (*db.DB, error) {
	d, err := db.Open(path, enc, nil)
	if err != nil {
		return nil, err
	}
	for i, set := range sets {
		docs := set.Documents()
		for j := range docs {
			docs[j].ID = fmt.Sprintf("%d-%s", i+1, docs[j].ID)
		}
		if _, err := d.Add(ctx, docs...); err != nil {
			d.Close()
			return nil, err
		}
	}
	return d, nil
}

// spread takes at most n of the list, evenly spread; 0 means all.
func spread[T any](list []T, n int) []T {
	if n == 0 || n >= len(list) {
		return list
	}
	out := make([]T, n)
	for i := range out {
		out[i] = list[i*len(list)/n]
	}
	return out
}

func articleTitle(s string) string { return strings.ReplaceAll(s, "_", " ") }

// withoutArticle is a database without the documents that have a title or an id.
type withoutArticle struct {
	r     qa.Retriever
	title string
}

func (w *withoutArticle) Query(ctx context.Context, q string, o *db.QueryOptions) ([]db.Hit, error) {
	query := *o
	for query.K = 4 * o.K; ; query.K *= 4 {
		hits, err := w.r.Query(ctx, q, &query)
		if err != nil {
			return nil, err
		}
		var out []db.Hit
		for _, h := range hits {
			if articleTitle(h.Title) != w.title && h.ID != w.title && len(out) < o.K {
				out = append(out, h)
			}
		}
		if len(out) == o.K || len(hits) < query.K || query.K >= db.MaxK/4 {
			return out, nil
		}
	}
}

// calibrationReport says how well a calibration that was fitted to some questions does on others.
type calibrationReport struct {
	fitted, measured int
	min              float64 // Calibration.MinAnswerable

	all, given, answered outcomes // first answers of both ways of asking; those given; those given of the full database
	score                outcomes // as all, with the score of the answer in place of the confidence
	temperature, platt   []float64
	isotonic             []float64

	fittedRight           []float64 // percent, one a question of the fit asked of the full database
	right, declined, lost []float64 // percent, one a question asked of the full database, without the article, of the full database
	bins, binsScore       []calibrate.Bin
}

// outcomes are probabilities and what came true.
type outcomes struct {
	p     []float64
	right []bool
}

func (o *outcomes) add(p float64, right bool) { o.p, o.right = append(o.p, p), append(o.right, right) }

const calibrationBins = 10

func newCalibrationReport(c *qa.Calibration, fit, measured []asked) (*calibrationReport, error) {
	r := &calibrationReport{fitted: len(fit), measured: len(measured), min: c.MinAnswerable}
	percent := func(is bool) float64 {
		if is {
			return 100
		}
		return 0
	}
	for _, s := range measured {
		p := c.Right.Probability(s.Features)
		given := c.Answerable.Probability(s.Features) >= c.MinAnswerable
		r.all.add(p, s.Right)
		r.score.add(s.Score, s.Right)
		if given {
			r.given.add(p, s.Right)
		}
		if !s.Answerable {
			r.declined = append(r.declined, percent(!given))
			continue
		}
		r.right, r.lost = append(r.right, percent(s.Right)), append(r.lost, percent(!given))
		if given {
			r.answered.add(p, s.Right)
		}
	}

	// The score of an answer, made a probability in other ways, fitted to the same questions.
	var scores outcomes
	var rows [][]float64
	for _, s := range fit {
		if s.Answerable {
			r.fittedRight = append(r.fittedRight, percent(s.Right))
		}
		scores.add(logOdds(s.Score), s.Right)
		rows = append(rows, []float64{logOdds(s.Score)})
	}
	factor, err := calibrate.FitTemperature(scores.p, scores.right)
	if err != nil {
		return nil, err
	}
	platt, err := calibrate.Fit(rows, scores.right, nil, 0)
	if err != nil {
		return nil, err
	}
	isotonic, err := calibrate.FitIsotonic(scores.p, scores.right)
	if err != nil {
		return nil, err
	}
	for _, s := range r.score.p {
		z := logOdds(s)
		r.temperature = append(r.temperature, calibrate.Sigmoid(factor*z))
		r.platt = append(r.platt, platt.Probability([]float64{z}))
		r.isotonic = append(r.isotonic, isotonic.Probability(z))
	}
	r.bins = calibrate.Bins(r.all.p, r.all.right, calibrationBins)
	r.binsScore = calibrate.Bins(r.score.p, r.score.right, calibrationBins)
	return r, nil
}

func (r *calibrationReport) measures() []measure {
	ece := func(o outcomes, p []float64) float64 {
		return calibrate.ECE(calibrate.Bins(p, o.right, calibrationBins))
	}
	share := func(name string, values []float64) measure {
		sum := 0.0
		for _, v := range values {
			sum += v
		}
		in := eval.Bootstrap(values, nil)
		return measure{name: name, value: sum / float64(max(1, len(values))), in: &in}
	}
	return []measure{
		{name: "fitted", value: r.fitted},
		{name: "measured", value: r.measured},
		share("accuracy_fitted", r.fittedRight),
		share("accuracy", r.right),
		{name: "ece_score", value: ece(r.all, r.score.p)},
		{name: "ece_temperature", value: ece(r.all, r.temperature)},
		{name: "ece_platt", value: ece(r.all, r.platt)},
		{name: "ece_isotonic", value: ece(r.all, r.isotonic)},
		{name: "ece", value: ece(r.all, r.all.p)},
		{name: "ece_given", value: ece(r.given, r.given.p)},
		{name: "ece_answered", value: ece(r.answered, r.answered.p)},
		{name: "brier_score", value: calibrate.Brier(r.score.p, r.score.right)},
		{name: "brier", value: calibrate.Brier(r.all.p, r.all.right)},
		{name: "auc", value: calibrate.AUC(r.answered.p, r.answered.right)},
		share("declined", r.declined),
		share("lost", r.lost),
		{name: "min_answerable", value: r.min},
	}
}

// logOdds is the logit of p, within ±20.
func logOdds(p float64) float64 {
	return max(-20, min(20, math.Log(p)-math.Log1p(-p)))
}
