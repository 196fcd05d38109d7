package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitOK          = 0
	exitNothing     = 1
	exitError       = 2
	exitInterrupted = 130
)

// errNothing ends a run with exitNothing and no words: what was not found is said before, if at all.
var errNothing = errors.New("nothing found")

// errReported ends a run with exitError and no further words: the errors were printed as they came.
var errReported = errors.New("errors were reported")

// app is one run of the command.
type app struct {
	stdin  io.Reader
	stdout io.Writer // results; buffered, flushed at the end of the run and by flush
	flush  func() error
	stderr io.Writer // everything else
	models models
	wait   wait

	out, talk terminal // what stdout and stderr are
}

// run runs the command with args and returns its exit code.
func run(args []string, stdin io.Reader, stdout, stderr *os.File, m models) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second Ctrl-C ends the program at once

	// With the signal ignored, writing to a closed pipe is an error like others, and the database is closed.
	signal.Ignore(syscall.SIGPIPE)

	out := bufio.NewWriterSize(stdout, 64<<10)
	a := &app{
		stdin:  &interruptible{ctx: ctx, r: stdin},
		stdout: out,
		flush:  out.Flush,
		stderr: stderr,
		models: m,
		out:    terminalOf(stdout),
		talk:   terminalOf(stderr),
	}
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if ferr := a.flush(); ferr != nil && (err == nil || errors.Is(err, errNothing)) {
		err = &outputError{ferr}
	}
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil, errors.Is(err, syscall.EPIPE):
		return exitInterrupted
	case errors.Is(err, errNothing):
		return exitNothing
	case errors.Is(err, errReported):
		return exitError
	}
	a.fail(cmd, err)
	return exitError
}

// outputError is a failure to write results.
type outputError struct{ err error }

func (e *outputError) Error() string { return "standard output: " + reason(e.err) }
func (e *outputError) Unwrap() error { return e.err }

// newRoot builds the command with all subcommands.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "semsearch",
		Short: "Find passages by meaning and answer questions from your own files",
		Long: `Semsearch finds passages by meaning and answers questions from your own files.

The documents are kept in one database file. Which one:
  the file named by --db,
  else the one in the environment variable SEMSEARCH_DB,
  else the nearest .semsearch.db in the working folder or a folder above it.`,
		Annotations: exitCodes("found, done", "nothing found, or no answer", "an error, or, from check, a problem"),
		Example: `  semsearch add notes/
  semsearch query how warm should water for green tea be
  semsearch ask "How warm should water for green tea be?"`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version(),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			err := errors.New("unknown command " + quote(args[0]))
			if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
				return withHint(err, "did you mean semsearch "+s[0]+"?")
			}
			return withHint(err, "semsearch help lists the commands")
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			cmd.SetOut(a.stderr)
			if err := cmd.Help(); err != nil {
				return err
			}
			return errReported
		},
	}
	a.wait = defaultWait
	root.PersistentFlags().Var(&a.wait, "wait", "how long to wait while another process holds the database, such as 30s or 5m; 0 does not wait")
	root.SetHelpTemplate(helpTemplate)
	root.SetVersionTemplate("semsearch {{.Version}}\n")
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return withHint(err, "see "+cmd.CommandPath()+" --help")
	})
	root.AddCommand(
		newAdd(a),
		newQuery(a),
		newAsk(a),
		newLs(a),
		newRm(a),
		newInfo(a),
		newCheck(a),
		newRepair(a),
		newBackup(a),
		newRestore(a),
		newCompact(a),
		newEmbed(a),
		newEval(a),
		newModel(a),
		newBench(a),
		newVersion(a),
	)
	return root
}

// helpTemplate is the help of cobra with the exit codes at the end.
const helpTemplate = `{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}{{if or .Runnable .HasSubCommands}}{{.UsageString}}{{end}}{{with index .Annotations "exit codes"}}
Exit codes:
{{.}}{{end}}`

// exitCodes says in the help of a command what its exit codes mean; "" leaves one out.
func exitCodes(ok, nothing, failed string) map[string]string {
	var b strings.Builder
	for _, c := range []struct {
		code int
		what string
	}{{exitOK, ok}, {exitNothing, nothing}, {exitError, failed}, {exitInterrupted, "interrupted"}} {
		if c.what != "" {
			fmt.Fprintf(&b, "  %-3d  %s\n", c.code, c.what)
		}
	}
	return map[string]string{"exit codes": b.String()}
}

// interruptible is standard input that stops waiting when the context ends: a read from a terminal or a
// pipe cannot be cancelled otherwise.
type interruptible struct {
	ctx  context.Context
	r    io.Reader
	buf  []byte
	rest []byte
	err  error
}

func (i *interruptible) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(i.rest) == 0 {
		if i.err != nil {
			return 0, i.err
		}
		if i.buf == nil {
			i.buf = make([]byte, 64<<10)
		}
		buf := i.buf
		done := make(chan struct{})
		var n int
		var err error
		go func() {
			n, err = i.r.Read(buf)
			close(done)
		}()
		select {
		case <-done:
			i.rest, i.err = buf[:n], err
		case <-i.ctx.Done():
			i.err = i.ctx.Err() // the buffer stays with the read that is still under way
			i.buf = nil
			return 0, i.err
		}
	}
	n := copy(p, i.rest)
	i.rest = i.rest[n:]
	if n == 0 {
		return 0, i.err
	}
	return n, nil
}
