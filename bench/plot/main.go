// Command plot draws the figures of semsearch as SVG: curves of training, recall over the number of
// documents, reliability of confidences, and lines from a table.
//
//	go -C bench/plot run . -kind training -o curve.svg /path/to/log.jsonl
//	go -C bench/plot run . -kind recall -o recall.svg /path/to/eval.json
//
// With go -C, files are taken from the folder bench/plot: name them by their whole paths. The kinds and
// their inputs are described by -help. The same inputs give the same bytes.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const help = `Usage: plot -kind KIND [-o FILE] [flags] INPUT...

Kinds and their inputs:
  training     JSON lines of a training run: {"stage", "step", "tokens", "loss", ...}. One line a stage, and a run of
               it; -x and -y choose what is drawn over what (-y loss,stsb_dev)
  recall       what semsearch eval retrieval --curve --json prints: {"curve": [{"mode", "k", "recall", "low", "high"}]}
  reliability  bins of a calibration, as semsearch eval calibrate --json prints them: {"bins": [{"confidence", "accuracy",
               "count"}]}, 0 to 1; more lists may stand beside it as bins_NAME, or bins be an object of lists by name
  lines        CSV with a header, which names the axes: series, x, y, and, if the lines have intervals, low and high; or
               x and y alone

Several inputs are drawn into one figure, each under the name of its file. - is standard input.

`

func main() {
	err := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "plot: error: %v\n", err)
		os.Exit(2)
	}
}

// options are the flags.
type options struct {
	kind, out, title string
	x, y             string
	logX, logY       bool
	width, height    float64
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var o options
	fs := flag.NewFlagSet("plot", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprint(stderr, help)
		fs.PrintDefaults()
	}
	fs.StringVar(&o.kind, "kind", "", "training, recall, reliability or lines")
	fs.StringVar(&o.out, "o", "", "write the figure to this `file`; standard output without it")
	fs.StringVar(&o.title, "title", "", "`title` of the figure; each kind has its own")
	fs.StringVar(&o.x, "x", "", "for training: step, tokens, minutes or another `key`; tokens where all lines have them")
	fs.StringVar(&o.y, "y", "loss", "for training: `keys` to draw, with commas between")
	fs.BoolVar(&o.logX, "logx", false, "logarithmic x axis")
	fs.BoolVar(&o.logY, "logy", false, "logarithmic y axis")
	fs.Float64Var(&o.width, "width", 480, "width in `points`")
	fs.Float64Var(&o.height, "height", 300, "height in `points`")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return errors.New("no input; see -help")
	}
	if !(o.width >= 200 && o.width <= 5000 && o.height >= 150 && o.height <= 5000) {
		return fmt.Errorf("-width %v, -height %v: want 200 to 5000 and 150 to 5000", o.width, o.height)
	}
	read := map[string]func(o *options, in []input) (*figure, error){
		"training": readTraining, "recall": readRecall, "reliability": readReliability, "lines": readLines,
	}[o.kind]
	if read == nil {
		return fmt.Errorf("-kind %q: want training, recall, reliability or lines", o.kind)
	}
	var inputs []input
	for _, name := range fs.Args() {
		in := input{name: name}
		var err error
		if name == "-" {
			in.name = "standard input"
			in.data, err = io.ReadAll(stdin)
		} else {
			in.data, err = os.ReadFile(name)
		}
		if err != nil {
			return err
		}
		inputs = append(inputs, in)
	}
	fig, err := read(&o, inputs)
	if err != nil {
		return err
	}
	if o.title != "" {
		fig.title = o.title
	}
	fig.logX, fig.logY = fig.logX || o.logX, fig.logY || o.logY
	svg, err := fig.svg(o.width, o.height)
	if err != nil {
		return err
	}
	if o.out == "" {
		_, err = stdout.Write(svg)
		return err
	}
	for _, in := range inputs {
		a, errA := os.Stat(in.name)
		b, errB := os.Stat(o.out)
		if errA == nil && errB == nil && os.SameFile(a, b) {
			return fmt.Errorf("-o %s: is also read", o.out)
		}
	}
	return os.WriteFile(o.out, svg, 0o644)
}

// input is a file.
type input struct {
	name string
	data []byte
}

// label is the name of a line: that of its input stands before it when there are several.
func label(in []input, i int, name string) string {
	if len(in) == 1 {
		return name
	}
	base := filepath.Base(in[i].name)
	base = strings.TrimSuffix(base, filepath.Ext(base))
	if name == "" {
		return base
	}
	return base + " " + name
}
