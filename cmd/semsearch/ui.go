package main

// Rules for words.
//
//   - Results go to standard output and nothing else does. Everything else goes to standard error, each
//     line beginning with "semsearch: ".
//   - An error is one line, "semsearch: error: " and then the thing and what is wrong with it, in lower
//     case and without a full stop: "notes.txt: no such file or directory".
//   - A hint follows an error only when there is something to do, and says what to type:
//     "semsearch: hint: ".
//   - Words are those of the documentation: database, document, passage, encoder, reader. No names of
//     functions, types or packages, no stack.
//   - Bytes of documents are printed without control characters: a file cannot move the cursor or change
//     colours. Colours are used on a terminal only, and never when NO_COLOR is set.
//   - Being quiet is fine: what went well is said in at most one line, and only by commands that change
//     something.

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/encoder/checkpoint"
	"github.com/semsearch/semsearch/internal/extract"
	"github.com/semsearch/semsearch/qa"
)

// say prints a line of talk.
func (a *app) say(format string, args ...any) {
	fmt.Fprintf(a.stderr, "semsearch: %s\n", printable(fmt.Sprintf(format, args...)))
}

// complain prints an error that does not end the run.
func (a *app) complain(format string, args ...any) { a.say("error: "+format, args...) }

// fail prints the error that ends a run, and its hint.
func (a *app) fail(cmd *cobra.Command, err error) {
	for line := range strings.Lines(strings.TrimSpace(err.Error())) {
		a.complain("%s", strings.TrimSpace(line))
	}
	if h := hintFor(err); h != "" {
		a.say("hint: %s", h)
	} else if errors.As(err, new(*usageError)) && cmd != nil {
		a.say("hint: see %s --help", cmd.CommandPath())
	}
}

// hinted is an error with something to do about it.
type hinted struct {
	error
	hint string
}

func (h *hinted) Unwrap() error { return h.error }

func withHint(err error, hint string) error { return &hinted{err, hint} }

// usageError is a wrong argument.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// hintFor says what can be done about err; "" when nothing comes to mind.
func hintFor(err error) string {
	var h *hinted
	if errors.As(err, &h) {
		return h.hint
	}
	switch {
	case errors.Is(err, db.ErrEncoderMismatch):
		return "pass the --model DIR that the documents were added with, or add them to a new database"
	case errors.Is(err, db.ErrLocked):
		return "wait until the other command has ended, or let this one wait with --wait 1m"
	case errors.Is(err, db.ErrNotExist):
		return "semsearch add makes a database; see semsearch add --help"
	case errors.Is(err, db.ErrVersion):
		return "the file was written by another version of semsearch: use that one, or add the documents to a new database"
	case errors.Is(err, db.ErrCorrupt):
		return "semsearch repair brings back what can be read; semsearch check says what is damaged"
	case errors.Is(err, db.ErrNotDatabase):
		return "name another file with --db; a new one is made by semsearch add"
	case errors.Is(err, qa.ErrNotReader):
		return "--reader wants the folder of a question answering model, see semsearch model inspect DIR"
	case errors.Is(err, checkpoint.ErrUnsupported):
		return "see semsearch model inspect --help for the models that can be read"
	case errors.Is(err, extract.ErrInvalidUTF8):
		return "name its encoding with --encoding, for example windows-1252"
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full; what was committed before is safe"
	case errors.Is(err, syscall.EFBIG), errors.Is(err, syscall.EDQUOT):
		return "the file may not grow, by a limit or a quota; what was committed before is safe"
	}
	return ""
}

// reason is the message of a file system error without its path, and of others as they are.
func reason(err error) string { return extract.Reason(err) }

// counted is "1 document", "2 documents".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return group(int64(n)) + " " + what + "s"
}

// group writes a number with a comma between thousands.
func group(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// quote shows a string of the user's as it is, in quotes.
func quote(s string) string { return strconv.Quote(s) }

// printable replaces control characters but newline by a replacement character, so that a text or a file
// name cannot steer the terminal. Characters that turn the direction of writing are among them.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case r == '\ufeff':
			return -1
		case unicode.IsControl(r), r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			return '\ufffd'
		}
		return r
	}, s)
}

// terminal is what is known about an output.
type terminal struct {
	is    bool
	width int // columns; 0 when unknown
	color bool
}

func terminalOf(f *os.File) terminal {
	var t terminal
	t.width, t.is = terminalSize(f)
	t.color = t.is && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return t
}

// Styles of results on a terminal (ECMA-48, SGR).
const (
	styleDim   = "2"
	styleBold  = "1"
	styleTitle = "1"
	stylePlace = "36"
	styleFound = "1;32"
)

func (t terminal) style(code, s string) string {
	if !t.color || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}
