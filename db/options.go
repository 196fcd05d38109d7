package db

import (
	"cmp"
	"fmt"
	"time"

	"github.com/semsearch/semsearch/db/chunk"
)

// Options is how Open opens a database. A nil *Options and the zero value mean the defaults.
type Options struct {
	// ReadOnly opens the file with a shared lock: many readers, no writer. The file must exist.
	ReadOnly bool

	// Shared lets go of the file's lock between calls, so that other processes can take turns: each call
	// takes the lock and waits for it as Open does, with ErrLocked at the end. Encoding is done without it.
	// When another process has written meanwhile, the next call opens the file anew, which verifies it
	// and loads vectors and graph again. Without Shared, the lock is held from Open to Close. Not on
	// Windows, where it does nothing.
	Shared bool

	// MustExist makes Open fail with ErrNotExist instead of creating a missing file.
	MustExist bool

	// Timeout is how long Open waits for another process to let go of the file, before ErrLocked.
	// 0 means 5 seconds; negative means do not wait.
	Timeout time.Duration

	// Chunk is how texts are cut into passages. It is remembered when the file is created; later the
	// remembered values hold, and another one that is not zero is ErrInvalid. Chunk.Count is not
	// remembered; nil means the encoder's own count where it is a TokenCounter, else an estimate.
	Chunk chunk.Options

	// M and EfConstruction shape the graph (see package index). Remembered like Chunk; 0 means 16 and
	// 200. More of either finds more, takes more memory and adds more slowly.
	M, EfConstruction int
}

const (
	defaultTimeout        = 5 * time.Second
	defaultMaxTokens      = 200
	defaultM              = 16
	defaultEfConstruction = 200
	defaultSeed           = 1
)

// fill checks the options and fills in what is not remembered in the file.
func (o *Options) fill() (Options, error) {
	var f Options
	if o != nil {
		f = *o
	}
	for _, x := range []struct {
		name string
		v    int
	}{{"Chunk.MaxTokens", f.Chunk.MaxTokens}, {"Chunk.OverlapTokens", f.Chunk.OverlapTokens}, {"M", f.M}, {"EfConstruction", f.EfConstruction}} {
		if x.v < 0 || x.v > 1<<20 {
			return f, fmt.Errorf("%s is %d: %w", x.name, x.v, ErrInvalid)
		}
	}
	if m := cmp.Or(f.Chunk.MaxTokens, defaultMaxTokens); f.Chunk.OverlapTokens >= m {
		return f, fmt.Errorf("Chunk.OverlapTokens is %d, not below MaxTokens %d: %w", f.Chunk.OverlapTokens, m, ErrInvalid)
	}
	f.Timeout = patience(f.Timeout)
	return f, nil
}

// config is what a new file remembers of the options.
func (o *Options) config() config {
	return config{
		M:              uint32(cmp.Or(o.M, defaultM)),
		EfConstruction: uint32(cmp.Or(o.EfConstruction, defaultEfConstruction)),
		Seed:           defaultSeed,
		MaxTokens:      uint32(cmp.Or(o.Chunk.MaxTokens, defaultMaxTokens)),
		OverlapTokens:  uint32(o.Chunk.OverlapTokens),
	}
}
