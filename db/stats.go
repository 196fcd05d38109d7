package db

import (
	"context"

	"github.com/semsearch/semsearch/index"
)

// Stats describes a database.
type Stats struct {
	Documents     int
	Passages      int
	Vectors       int
	Terms         int    // distinct terms
	Tokens        int64  // terms of all documents, repeats and titles included
	TextBytes     int64  // bytes of all texts
	FileBytes     int64  // size of the file
	Commit        uint64 // number of the last commit
	FormatVersion int    // of the file; an older one than FormatVersion until the next write
	Dim           int    // dimensions of the vectors; 0 if no encoder was ever given
	Fingerprint   string // of the encoder that filled the database; empty likewise
	MaxTokens     int    // of a passage, as remembered
	OverlapTokens int    // of passages, as remembered
	Index         index.Stats
}

// Stats counts what is in the database. It loads the graph if Open did not.
func (d *DB) Stats(ctx context.Context) (Stats, error) {
	if err := d.enter(ctx); err != nil {
		return Stats{}, err
	}
	defer d.leave()
	if err := d.beginRead(ctx); err != nil {
		return Stats{}, err
	}
	defer d.endRead()
	ix, err := d.graph(ctx, false)
	if err != nil {
		return Stats{}, err
	}
	var s Stats
	err = d.view(func(t *txn) error {
		c := &t.counts
		s = Stats{
			Documents: c.documents(), Passages: c.passages(), Vectors: int(c.Buckets[bucketVectors].Keys),
			Terms: int(c.Terms), Tokens: int64(c.Tokens), TextBytes: int64(c.TextBytes), Commit: c.Commit,
			FormatVersion: int(d.version.Load()), Dim: int(d.config.Dim), Fingerprint: d.config.Fingerprint,
			MaxTokens: int(d.config.MaxTokens), OverlapTokens: int(d.config.OverlapTokens),
		}
		return nil
	})
	if err != nil {
		return Stats{}, err
	}
	if ix != nil {
		s.Index = ix.Stats()
	}
	h := d.hold()
	defer d.release(h)
	fi, err := h.file.Stat()
	if err != nil {
		return Stats{}, err
	}
	s.FileBytes = fi.Size()
	return s, nil
}
