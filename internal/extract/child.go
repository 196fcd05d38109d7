package extract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"
)

// childEnv, set in the environment of a process, makes [RunChild] read a PDF. Its value is the limit of the
// text in bytes.
const childEnv = "SEMSEARCH_EXTRACT_PDF"

// Exit codes of a child.
const (
	childFailed = 3 // with the reason on its standard output
	childMemory = 4
)

// childAnswer is what a child writes to its standard output.
type childAnswer struct {
	Pages     []string `json:"pages,omitempty"`
	Error     string   `json:"error,omitempty"`
	Encrypted bool     `json:"encrypted,omitempty"`
	TooLarge  bool     `json:"too_large,omitempty"`
}

// RunChild is called first by the main of [Options].Program. It returns at once, unless the process was
// started to read a PDF: then it reads the file on standard input, writes what it found to standard output
// and ends the process.
func RunChild() {
	v, ok := os.LookupEnv(childEnv)
	if !ok {
		return
	}
	limit, err := strconv.ParseInt(v, 10, 64)
	if err != nil || limit <= 0 {
		limit = DefaultMaxBytes
	}
	os.Exit(child(os.Stdin, os.Stdout, limit))
}

func child(in io.Reader, out io.Writer, limit int64) int {
	debug.SetMaxStack(256 << 20)
	debug.SetMemoryLimit(maxPDFMemory)
	go func() { // the limit above is one that the collector tries to keep; this one holds
		var m runtime.MemStats
		for {
			time.Sleep(20 * time.Millisecond)
			if runtime.ReadMemStats(&m); m.HeapAlloc+m.StackInuse > maxPDFMemory {
				os.Exit(childMemory)
			}
		}
	}()
	data, err := io.ReadAll(in)
	var a childAnswer
	if err == nil {
		a.Pages, err = pdfPagesHere(context.Background(), data, limit)
	}
	code := 0
	if err != nil {
		a = childAnswer{Error: err.Error(), Encrypted: errors.Is(err, ErrEncrypted), TooLarge: errors.Is(err, ErrTooLarge)}
		code = childFailed
	}
	if json.NewEncoder(out).Encode(a) != nil {
		return childFailed
	}
	return code
}

// pdfPagesApart reads a PDF in a process of its own, which is ended when ctx is done.
func pdfPagesApart(ctx context.Context, data []byte, o Options) ([]string, error) {
	cmd := exec.CommandContext(ctx, o.Program)
	cmd.Env = append(os.Environ(), childEnv+"="+strconv.FormatInt(o.MaxBytes, 10))
	cmd.Stdin = bytes.NewReader(data)
	out := &boundedBuffer{left: o.MaxBytes*2 + 1<<20}
	cmd.Stdout = out
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, fmt.Errorf("starting the process that reads PDF: %w", err)
	}
	var a childAnswer
	if json.Unmarshal(out.b.Bytes(), &a) == nil && (a.Error != "" || err == nil) {
		switch {
		case a.Encrypted:
			return nil, ErrEncrypted
		case a.TooLarge:
			return nil, fmt.Errorf("%w: a text of more than %d bytes", ErrTooLarge, o.MaxBytes)
		case a.Error != "":
			return nil, &childError{a.Error}
		}
		return a.Pages, nil
	}
	if exit != nil && exit.ExitCode() == childMemory {
		return nil, fmt.Errorf("%w: reading the PDF takes more than %d bytes of memory", ErrExpands, maxPDFMemory)
	}
	return nil, fmt.Errorf("%w: PDF: its reader broke down", ErrDamaged)
}

// childError is an ErrDamaged in the words of the child.
type childError struct{ message string }

func (e *childError) Error() string { return e.message }
func (e *childError) Unwrap() error { return ErrDamaged }

// boundedBuffer keeps what is written up to a size.
type boundedBuffer struct {
	b    bytes.Buffer
	left int64
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		return 0, errors.New("too much output")
	}
	b.left -= int64(len(p))
	return b.b.Write(p)
}
