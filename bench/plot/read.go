package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// readTraining reads logs of training, a JSON object a line.
func readTraining(o *options, in []input) (*figure, error) {
	keys := strings.Split(o.y, ",")
	if slices.Contains(keys, "") {
		return nil, fmt.Errorf("-y %q: an empty name", o.y)
	}
	var runs []*training
	for i := range in {
		of, err := trainingRuns(in, i, keys)
		if err != nil {
			return nil, err
		}
		runs = append(runs, of...)
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("%s: no line has %s", in[0].name, strings.Join(keys, " or "))
	}
	x := o.x
	if x == "" {
		x = "tokens"
		for _, r := range runs {
			if !r.has(x) {
				x = "step"
			}
		}
	}
	f := &figure{title: "Training", x: map[string]string{"step": "steps", "minutes": "minutes"}[x], y: strings.Join(keys, ", ")}
	if f.x == "" {
		f.x = x
	}
	for _, r := range runs {
		for _, key := range keys {
			s := series{name: r.name}
			if len(keys) > 1 {
				s.name += " " + key
			}
			for _, rec := range r.records {
				y, ok := rec.values[key]
				if !ok {
					continue
				}
				at, ok := rec.values[x]
				if !ok {
					return nil, fmt.Errorf("%s:%d: no number %q", r.file, rec.line, x)
				}
				s.points = append(s.points, point{x: at, y: y})
			}
			s.marks = len(s.points) < 20
			if len(s.points) > 0 {
				f.series = append(f.series, s)
			}
		}
	}
	return f, nil
}

// training is one run of one stage.
type training struct {
	file, name string
	records    []record
}

// record is a line of the log.
type record struct {
	line   int
	values map[string]float64
}

func (t *training) has(key string) bool {
	for _, r := range t.records {
		if _, ok := r.values[key]; !ok {
			return false
		}
	}
	return true
}

// trainingRuns splits a log into runs. A stage that begins again at its first step is another run of it. One
// that steps back to a later step was taken up from there: what it overtook is left out.
func trainingRuns(in []input, i int, keys []string) ([]*training, error) {
	var order []string
	runs := map[string][]*training{}
	for n, line := range bytes.Split(in[i].data, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", in[i].name, n+1, err)
		}
		stage, _ := fields["stage"].(string)
		rec := record{n + 1, map[string]float64{}}
		for k, v := range fields {
			if f, ok := v.(float64); ok {
				rec.values[k] = f
			}
		}
		step, ok := rec.values["step"]
		if !ok || !slices.ContainsFunc(keys, func(k string) bool { _, ok := rec.values[k]; return ok }) {
			continue
		}
		of := runs[stage]
		if of == nil {
			order = append(order, stage)
		}
		if len(of) == 0 || step < last(of[len(of)-1].records).values["step"] && step <= of[len(of)-1].records[0].values["step"] {
			of = append(of, &training{file: in[i].name, name: stage})
		}
		run := of[len(of)-1]
		if len(run.records) > 0 && last(run.records).values["step"] > step {
			run.records = slices.DeleteFunc(run.records, func(r record) bool { return r.values["step"] >= step })
		}
		run.records = append(run.records, rec)
		runs[stage] = of
	}
	var out []*training
	for _, stage := range order {
		for n, run := range runs[stage] {
			if len(runs[stage]) > 1 {
				run.name += " " + strconv.Itoa(n+1)
			}
			run.name = label(in, i, strings.TrimSpace(run.name))
			out = append(out, run)
		}
	}
	return out, nil
}

func last[T any](s []T) T { return s[len(s)-1] }

// decode reads the JSON value of an input.
func decode(in input, v any) error {
	if err := json.Unmarshal(in.data, v); err != nil {
		line := 1
		var syntax *json.SyntaxError
		var kind *json.UnmarshalTypeError
		if errors.As(err, &syntax) {
			line += bytes.Count(in.data[:min(int(syntax.Offset), len(in.data))], []byte("\n"))
		} else if errors.As(err, &kind) {
			line += bytes.Count(in.data[:min(int(kind.Offset), len(in.data))], []byte("\n"))
		}
		return fmt.Errorf("%s:%d: %w", in.name, line, err)
	}
	return nil
}

// readRecall reads the curves that semsearch eval retrieval prints.
func readRecall(_ *options, in []input) (*figure, error) {
	f := &figure{title: "Recall", x: "k: documents looked at", y: "recall@k", logX: true, rangeY: [2]float64{0, 1}}
	for i := range in {
		var v struct {
			Curve []struct {
				Mode      string
				K         float64
				Recall    *float64
				Low, High float64
			}
		}
		if err := decode(in[i], &v); err != nil {
			return nil, err
		}
		if len(v.Curve) == 0 {
			return nil, fmt.Errorf("%s: no \"curve\": was it made with --curve --json?", in[i].name)
		}
		at := map[string]int{}
		for n, p := range v.Curve {
			if p.Recall == nil || p.K < 1 {
				return nil, fmt.Errorf("%s: point %d of the curve: want \"k\" and \"recall\"", in[i].name, n+1)
			}
			j, ok := at[p.Mode]
			if !ok {
				j = len(f.series)
				at[p.Mode] = j
				f.series = append(f.series, series{name: label(in, i, p.Mode), marks: true})
			}
			f.series[j].points = append(f.series[j].points, point{x: p.K, y: *p.Recall, low: p.Low, high: p.High})
			if !slices.Contains(f.ticksX, p.K) {
				f.ticksX = append(f.ticksX, p.K)
			}
		}
	}
	return f, nil
}

// bin is a bin of confidences.
type bin struct {
	Confidence, Accuracy, Count *float64
}

// readReliability reads bins of calibration.
func readReliability(_ *options, in []input) (*figure, error) {
	f := &figure{
		title: "Reliability", x: "confidence (mean of the bin)", y: "share right", diagonal: "perfect",
		rangeX: [2]float64{0, 1}, rangeY: [2]float64{0, 1},
	}
	for i := range in {
		lists, bins, err := readBins(in[i])
		if err != nil {
			return nil, err
		}
		for _, name := range lists {
			s := series{name: label(in, i, name), marks: true}
			total, gap := 0.0, 0.0
			for n, b := range bins[name] {
				if b.Confidence == nil || b.Accuracy == nil || b.Count == nil || *b.Count < 0 {
					return nil, fmt.Errorf("%s: bin %d: want \"confidence\", \"accuracy\" and \"count\"", in[i].name, n+1)
				}
				if *b.Count == 0 {
					continue
				}
				total += *b.Count
				d := *b.Confidence - *b.Accuracy
				gap += *b.Count * max(d, -d)
				s.points = append(s.points, point{x: *b.Confidence, y: *b.Accuracy, size: *b.Count, note: short(*b.Count)})
			}
			if total == 0 {
				return nil, fmt.Errorf("%s: no bin holds anything", in[i].name)
			}
			// Expected calibration error (Naeini, Cooper and Hauskrecht 2015).
			s.name = strings.TrimSpace(fmt.Sprintf("%s ECE %.3f", s.name, gap/total))
			f.series = append(f.series, s)
		}
	}
	return f, nil
}

// readBins reads the lists of bins of an input, in their order: "bins", a list or an object of lists by name,
// and "bins_NAME", lists beside it, which is then confidence.
func readBins(in input) (names []string, lists map[string][]bin, err error) {
	var valid any
	if err := decode(in, &valid); err != nil {
		return nil, nil, err // with its line
	}
	lists = map[string][]bin{}
	enter := func(name string, raw []byte) error {
		var list []bin
		if err := json.Unmarshal(raw, &list); err != nil {
			return fmt.Errorf("bins: %s: %w", name, err)
		}
		names = append(names, name)
		lists[name] = list
		return nil
	}
	err = eachKey(in.data, func(key string, raw json.RawMessage) error {
		switch name, ok := strings.CutPrefix(key, "bins_"); {
		case ok:
			return enter(name, raw)
		case key != "bins":
			return nil
		}
		if raw[0] == '{' {
			return eachKey(raw, func(key string, raw json.RawMessage) error { return enter(key, raw) })
		}
		return enter("", raw)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", in.name, err)
	}
	if len(names) == 0 {
		return nil, nil, fmt.Errorf("%s: no \"bins\"", in.name)
	}
	if i := slices.Index(names, ""); i >= 0 && len(names) > 1 {
		names[i] = "confidence"
		lists["confidence"] = lists[""]
	}
	return names, lists, nil
}

// eachKey calls f with the keys of a JSON object and their values, in order.
func eachKey(data []byte, f func(key string, raw json.RawMessage) error) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return errors.New("no JSON object where one is wanted")
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return err
		}
		if err := f(key.(string), raw); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

// readLines reads tables.
func readLines(_ *options, in []input) (*figure, error) {
	f := &figure{title: "Lines"}
	for i := range in {
		r := csv.NewReader(bytes.NewReader(in[i].data))
		r.TrimLeadingSpace = true
		head, err := r.Read()
		if err == io.EOF {
			return nil, fmt.Errorf("%s:1: no header", in[i].name)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", in[i].name, err)
		}
		if n := len(head); n != 2 && n != 3 && n != 5 {
			return nil, fmt.Errorf("%s:1: %d columns, want x and y, or series, x, y, or series, x, y, low, high", in[i].name, n)
		}
		first := min(1, len(head)-2) // of the numbers
		if f.x == "" {
			f.x, f.y = head[first], head[first+1]
			f.title = f.y + " over " + f.x
		}
		at := map[string]int{}
		for {
			row, err := r.Read()
			if err == io.EOF {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", in[i].name, err)
			}
			var p point
			for n, to := range []*float64{&p.x, &p.y, &p.low, &p.high}[:len(head)-first] {
				line, _ := r.FieldPos(first + n)
				if *to, err = strconv.ParseFloat(strings.TrimSpace(row[first+n]), 64); err != nil {
					return nil, fmt.Errorf("%s:%d: %s is %q, want a number", in[i].name, line, head[first+n], row[first+n])
				}
			}
			name := ""
			if first == 1 {
				name = row[0]
			}
			j, ok := at[name]
			if !ok {
				j = len(f.series)
				at[name] = j
				f.series = append(f.series, series{name: label(in, i, name), marks: true})
			}
			f.series[j].points = append(f.series[j].points, p)
		}
	}
	return f, nil
}
