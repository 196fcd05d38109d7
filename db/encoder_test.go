package db_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
)

// badEncoder is the hashing encoder with its answers spoiled.
type badEncoder struct {
	db.Encoder
	passages func(ctx context.Context, vs [][]float32) ([][]float32, error)
	query    func(v []float32) ([]float32, error)
}

func (e *badEncoder) EncodePassages(ctx context.Context, ps []string) ([][]float32, error) {
	vs, err := e.Encoder.EncodePassages(ctx, ps)
	if err != nil || e.passages == nil {
		return vs, err
	}
	return e.passages(ctx, vs)
}

func (e *badEncoder) EncodeQuery(ctx context.Context, q string) ([]float32, error) {
	v, err := e.Encoder.EncodeQuery(ctx, q)
	if err != nil || e.query == nil {
		return v, err
	}
	return e.query(v)
}

// Whatever the encoder does, an Add that fails stores nothing and the next one works.
func TestBadEncoder(t *testing.T) {
	enc := &badEncoder{Encoder: dbtest.HashEncoder(8)}
	d := dbtest.OpenFile(t, t.TempDir()+"/t.db", enc, &db.Options{Chunk: chunkOf(10)})
	dbtest.Add(t, d, db.Document{ID: "first", Text: "First."})
	before := state(t, d)
	var long []db.Document
	for i := range 300 {
		long = append(long, db.Document{ID: fmt.Sprint("long", i), Text: fmt.Sprint("A text about number ", i)})
	}
	errMine := errors.New("out of memory")
	var calls atomic.Int32
	for name, x := range map[string]struct {
		spoil func(ctx context.Context, vs [][]float32) ([][]float32, error)
		want  error
	}{
		"an error in the second batch": {func(_ context.Context, vs [][]float32) ([][]float32, error) {
			if calls.Add(1) > 1 {
				return nil, errMine
			}
			return vs, nil
		}, errMine},
		"too few vectors":  {func(_ context.Context, vs [][]float32) ([][]float32, error) { return vs[1:], nil }, db.ErrEncoder},
		"too many vectors": {func(_ context.Context, vs [][]float32) ([][]float32, error) { return append(vs, vs[0]), nil }, db.ErrEncoder},
		"none":             {func(context.Context, [][]float32) ([][]float32, error) { return nil, nil }, db.ErrEncoder},
		"one too short": {func(_ context.Context, vs [][]float32) ([][]float32, error) {
			vs[len(vs)-1] = vs[0][:7]
			return vs, nil
		}, db.ErrEncoder},
		"one missing": {func(_ context.Context, vs [][]float32) ([][]float32, error) { vs[0] = nil; return vs, nil }, db.ErrEncoder},
		"not a number": {func(_ context.Context, vs [][]float32) ([][]float32, error) {
			vs[len(vs)-1][3] = float32(nan())
			return vs, nil
		}, db.ErrEncoder},
	} {
		enc.passages = x.spoil
		if _, err := d.Add(ctx, long...); !errors.Is(err, x.want) {
			t.Errorf("%s: %v", name, err)
		}
		enc.passages = nil
		if got := state(t, d); got != before {
			t.Errorf("%s: something was stored:\n%s", name, got)
		}
	}
	enc.query = func(v []float32) ([]float32, error) { return v[:3], nil }
	if _, err := d.Query(ctx, "first", nil); !errors.Is(err, db.ErrEncoder) {
		t.Errorf("query: %v", err)
	}
	enc.query = func(v []float32) ([]float32, error) { return nil, errMine }
	if _, err := d.Query(ctx, "first", nil); !errors.Is(err, errMine) {
		t.Errorf("query: %v", err)
	}
	enc.query = nil
	dbtest.Add(t, d, long...)
}

func TestCancel(t *testing.T) {
	enc := &badEncoder{Encoder: dbtest.HashEncoder(8)}
	d := dbtest.OpenFile(t, t.TempDir()+"/t.db", enc, nil)
	dbtest.Add(t, d, db.Document{ID: "first", Text: "First."})
	cancelled, cancel := context.WithCancel(ctx)
	enc.passages = func(_ context.Context, vs [][]float32) ([][]float32, error) { cancel(); return vs, nil }
	if _, err := d.Add(cancelled, db.Document{ID: "a", Text: "x"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled while encoding: %v", err)
	}
	enc.passages = nil
	_, err1 := d.Add(cancelled, db.Document{ID: "a", Text: "x"})
	_, err2 := d.Query(cancelled, "x", nil)
	_, err3 := d.Delete(cancelled, "first")
	_, err4 := d.Get(cancelled, "first")
	_, err5 := d.Check(cancelled)
	for i, err := range []error{err1, err2, err3, err4, err5} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("call %d with a cancelled context: %v", i+1, err)
		}
	}
	// In the middle of the write, and while waiting for another writer.
	late, cancelLate := context.WithCancel(ctx)
	entered := make(chan struct{})
	goOn := make(chan struct{})
	db.SetCrash(func(p string) error {
		if p == "stage" {
			close(entered)
			<-goOn
			cancelLate()
		}
		return nil
	})
	done := make(chan error)
	go func() { _, err := d.Add(late, db.Document{ID: "a", Text: "x"}); done <- err }()
	<-entered
	short, cancelShort := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancelShort()
	if _, err := d.Add(short, db.Document{ID: "b", Text: "x"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for another writer: %v", err)
	}
	close(goOn)
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled while staging: %v", err)
	}
	db.SetCrash(nil)
	if ids := list(t, d, ""); len(ids) != 1 {
		t.Errorf("stored: %q", ids)
	}
}

// limitedEncoder reads few tokens, and says so.
type limitedEncoder struct {
	db.Encoder
	t   testing.TB
	max int
}

func (e limitedEncoder) MaxTokens() int              { return e.max }
func (e limitedEncoder) CountTokens(text string) int { return len(strings.Fields(text)) }
func (e limitedEncoder) EncodePassages(ctx context.Context, ps []string) ([][]float32, error) {
	for _, p := range ps {
		if n := e.CountTokens(p); n > e.max {
			e.t.Errorf("passage of %d tokens, the encoder reads %d: %q", n, e.max, p)
		}
	}
	return e.Encoder.EncodePassages(ctx, ps)
}

// Title and passage together fit what the encoder reads.
func TestPassagesFitTheEncoder(t *testing.T) {
	for _, max := range []int{12, 40, 256} {
		d := dbtest.OpenFile(t, t.TempDir()+"/t.db", limitedEncoder{dbtest.HashEncoder(8), t, max}, nil)
		text := strings.Repeat("one two three four five six seven eight nine ten eleven. ", 200)
		for i, words := range []int{0, 1, 5, 100, 3000} {
			dbtest.Add(t, d, db.Document{ID: fmt.Sprint(i), Title: strings.Repeat("title ", words), Text: text})
		}
	}
}

// recorder keeps what it was asked to encode.
type recorder struct {
	db.Encoder
	inputs []string
}

func (e *recorder) EncodePassages(ctx context.Context, ps []string) ([][]float32, error) {
	e.inputs = append(e.inputs, ps...)
	return e.Encoder.EncodePassages(ctx, ps)
}

func TestPassageInput(t *testing.T) {
	for _, x := range []struct{ title, text, want string }{
		{"", "Hot water.", "Hot water."},
		{"Tea", "Hot water.", "Tea\nHot water."},
		{" Tea ", "Hot water.", "Tea\nHot water."},
		{"Tea", "Tea with milk.", "Tea with milk."},
		{"Tea", "# Tea\n\nHot water.", "# Tea\n\nHot water."},
		{"Tea", "", "Tea"},
	} {
		enc := &recorder{Encoder: dbtest.HashEncoder(8)}
		d := dbtest.OpenFile(t, t.TempDir()+"/t.db", enc, nil)
		dbtest.Add(t, d, db.Document{ID: "a", Title: x.title, Text: x.text})
		if len(enc.inputs) != 1 || enc.inputs[0] != x.want {
			t.Errorf("title %q, text %q: %q, want %q", x.title, x.text, enc.inputs, x.want)
		}
	}
}
