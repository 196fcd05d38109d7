package db

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/semsearch/semsearch/index"
)

// DB is an open database. Its methods may be called from many goroutines at once: queries run beside
// each other and beside a writer, writers wait for one another.
type DB struct {
	path   string
	o      Options // filled
	enc    Encoder // nil if there is none
	config config
	bolt   *bolt.DB // used by the writer; readers go through handle
	file   *os.File // the same open file that bolt uses

	handles  sync.Mutex
	handle   *handle    // what reads use now; guarded by handles
	released *sync.Cond // of handles: the references of a handle are down to 0

	version atomic.Uint32         // of the file's format
	upgrade *[numBuckets]keyCount // the current version's sums, in a file of an older one; nil otherwise; the writer's

	calls  sync.RWMutex  // read-locked by every call, locked by Close
	closed bool          // guarded by calls
	writer chan struct{} // holds one token while a writer runs
	turns  turns

	ix    atomic.Pointer[index.HNSW] // nil until loaded
	epoch atomic.Uint64              // odd from before a commit until its graph is published
	state atomic.Pointer[brokenState]
}

// Open opens the database at path, and creates it if it is missing. enc may be nil: documents can then
// be listed, read and deleted, and searched by words, but not added or searched by meaning.
//
// The file is locked against other processes until Close: exclusively, or with Options.ReadOnly
// against writers only. Open verifies every page of the file and, with an encoder, loads vectors and
// graph into memory; that takes time and memory in proportion to the file.
//
// Errors: [ErrNotExist], [ErrNotDatabase], [ErrVersion], [ErrLocked], [ErrEncoderMismatch],
// [ErrCorrupt], [ErrInvalid] for options, or what the operating system said.
func Open(path string, enc Encoder, o *Options) (*DB, error) { return open(path, enc, o, false) }

// open is Open. With lenient, counts that do not match the records are left for Check to report.
func open(path string, enc Encoder, o *Options, lenient bool) (*DB, error) {
	opts, err := o.fill()
	if err != nil {
		return nil, err
	}
	d := &DB{path: path, o: opts, enc: enc, writer: make(chan struct{}, 1)}
	if enc != nil {
		c := opts.config()
		c.Dim = uint32(max(enc.Dim(), 0))
		if _, err := index.New(c.indexOptions()); err != nil {
			return nil, fmt.Errorf("encoder %s: %w: %w", enc.Fingerprint(), err, ErrInvalid)
		}
	}
	d.released = sync.NewCond(&d.handles)
	if err := d.open(lenient); err != nil {
		d.abandon()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

func (d *DB) open(lenient bool) error {
	fi, err := os.Stat(d.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if d.o.MustExist || d.o.ReadOnly {
			return ErrNotExist
		}
		if err := d.create(); err != nil {
			return err
		}
	case err != nil:
		return plain(err)
	case fi.IsDir():
		return fmt.Errorf("is a directory: %w", ErrNotDatabase)
	case !fi.Mode().IsRegular():
		return fmt.Errorf("is not a regular file: %w", ErrNotDatabase)
	case fi.Size() == 0:
		return fmt.Errorf("is an empty file: %w", ErrNotDatabase)
	}

	if d.config, err = d.connect(time.Now().Add(d.o.Timeout), lenient); err != nil {
		return err
	}
	if err := d.bind(); err != nil {
		return err
	}
	if d.enc != nil {
		if err := d.loadIndex(); err != nil {
			return err
		}
	}
	return d.startTurns()
}

// connect opens a file that is there and verifies it. Without lenient, its counts must match.
func (d *DB) connect(deadline time.Time, lenient bool) (c config, err error) {
	// bbolt reads the list of free pages as soon as it opens a file for writing. So the file is opened
	// for reading first, and its pages verified.
	if err := d.openBolt(true, deadline); err != nil {
		return c, err
	}
	pages, err := d.verify(&c)
	if err != nil {
		return c, err
	}
	if !d.o.ReadOnly {
		if err := d.closeBolt(); err != nil {
			return c, err
		}
		if err := d.openBolt(false, deadline); err != nil {
			return c, err
		}
		if path, err := realPath(d.path); err == nil {
			_ = os.Remove(compactName(path)) // of a compaction that a crash interrupted
		}
	}
	d.nextHandle()
	if err := d.compareCounts(pages); err != nil && !(lenient && errors.Is(err, ErrCorrupt)) {
		return c, err
	}
	return c, nil
}

// plain drops the path from an error of package os, because Open names it already.
func plain(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s: %w", pe.Op, pe.Err)
	}
	return err
}

// openBolt opens the file with bbolt and waits for its lock until the deadline.
func (d *DB) openBolt(readOnly bool, deadline time.Time) error {
	mmap := 0
	if runtime.GOOS != "windows" && strconv.IntSize == 64 {
		mmap = 1 << 30 // address space only: a growing file then need not be mapped anew, which waits for readers
	}
	mode := exclusive
	if readOnly {
		mode = shared
	}
	open := func() error {
		return guarded("opening", func() (err error) {
			d.bolt, err = bolt.Open(d.path, 0o600, &bolt.Options{
				ReadOnly:        readOnly,
				Timeout:         max(time.Until(deadline), time.Millisecond),
				InitialMmapSize: mmap,
				FreelistType:    bolt.FreelistMapType,
				NoStatistics:    true,
				OpenFile: func(name string, flag int, perm os.FileMode) (*os.File, error) {
					f, err := os.OpenFile(name, flag&^os.O_CREATE, perm)
					if err == nil && lockFirst {
						err = waitLock(context.Background(), f, mode, deadline)
						if err != nil {
							_ = f.Close()
							return nil, err
						}
					}
					d.file = f
					return f, err
				},
			})
			return err
		})
	}
	err := open()
	for err == nil && !named(d.file, d.path) {
		// The file was replaced while we waited for its lock.
		if err = d.closeBolt(); err == nil {
			err = open()
		}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, berrors.ErrTimeout):
		return ErrLocked
	case errors.Is(err, ErrLocked), errors.Is(err, ErrCorrupt):
		return err
	}
	d.bolt = nil
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return plain(err)
	}
	// Whatever bbolt dislikes about the file, the walk over its pages can say better.
	if f, openErr := os.Open(d.path); openErr == nil {
		defer f.Close()
		if fi, statErr := f.Stat(); statErr == nil {
			if _, walkErr := walkPages(f, fi.Size()); walkErr != nil {
				return walkErr
			}
		}
	}
	return fmt.Errorf("%w: %w", err, ErrCorrupt)
}

func (d *DB) closeBolt() error {
	b := d.bolt
	d.bolt = nil
	if b == nil {
		return nil
	}
	return guarded("closing", b.Close)
}

// abandon lets go of everything after a failed Open.
func (d *DB) abandon() {
	if d.bolt != nil {
		_ = d.closeBolt()
	} else if d.file != nil {
		_ = letGo(d.file) // bbolt panicked while it held the file, or has closed it
	}
}

// verify walks the pages and reads the records that say what the file is, and what it remembers.
func (d *DB) verify(c *config) (*layout, error) {
	fi, err := d.file.Stat()
	if err != nil {
		return nil, err
	}
	pages, err := walkPages(d.file, fi.Size())
	if err != nil {
		return nil, err
	}
	return pages, guarded("reading", func() error {
		return d.bolt.View(func(tx *bolt.Tx) error {
			t := &txn{tx: tx}
			if tx.Bucket([]byte(bucketNames[bucketMeta])) == nil {
				return fmt.Errorf("a bbolt file of another program: %w", ErrNotDatabase)
			}
			magic, ok, err := t.get(bucketMeta, []byte(keyMagic))
			switch {
			case len(pages.buckets) > int(numBuckets) && (err != nil || !ok):
				return fmt.Errorf("meta %q is damaged or missing: %w", keyMagic, ErrCorrupt)
			case err != nil || !ok:
				return fmt.Errorf("a bbolt file of another program: %w", ErrNotDatabase)
			case string(magic) != Magic:
				return fmt.Errorf("meta %q is %q: %w", keyMagic, magic, ErrNotDatabase)
			}
			v, err := t.must(bucketMeta, []byte(keyVersion))
			if err != nil {
				return err
			}
			if len(v) != 4 {
				return fmt.Errorf("meta %q: %d bytes: %w", keyVersion, len(v), ErrCorrupt)
			}
			n := binary.LittleEndian.Uint32(v)
			if n < oldestVersion || n > FormatVersion {
				return fmt.Errorf("file has format version %d, this program knows %d to %d: %w", n, oldestVersion, FormatVersion, ErrVersion)
			}
			d.version.Store(n)
			return t.decode(bucketMeta, []byte(keyConfig), c)
		})
	})
}

// compareCounts compares the keys found by the walk with the stored counts.
func (d *DB) compareCounts(pages *layout) error {
	return d.view(func(t *txn) error {
		if uint64(t.tx.ID()) != pages.txid {
			// Another process wrote between the two openings. Nobody can any more.
			fi, err := d.file.Stat()
			if err == nil {
				pages, err = walkPages(d.file, fi.Size())
			}
			if err != nil {
				return err
			}
		}
		version := d.version.Load()
		for b := range numBuckets {
			if msg := pages.differs(b, &t.counts, version); msg != "" {
				return fmt.Errorf("bucket %s %s: %w", b, msg, ErrCorrupt)
			}
		}
		d.upgrade = nil
		if version < FormatVersion {
			d.upgrade = new([numBuckets]keyCount)
			for b := range numBuckets {
				d.upgrade[b] = pages.buckets[b.String()].keyCount
			}
		}
		return nil
	})
}

// differs says how what was found of a bucket differs from what the last commit left; "" if it does not.
func (l *layout) differs(b bucket, c *counts, version uint32) string {
	f, ok := l.buckets[b.String()]
	got, want := f.as(version), c.Buckets[b]
	switch {
	case !ok:
		return "is missing"
	case got.Keys != want.Keys:
		return fmt.Sprintf("has %d records, want %d", got.Keys, want.Keys)
	case got.Sum != want.Sum:
		return "holds other records than the last commit left"
	}
	return ""
}

// bind compares what was asked for with what the file remembers, and lets a file without an encoder
// remember the first one it meets.
func (d *DB) bind() error {
	c := d.config
	for _, x := range []struct {
		name      string
		got, want int
	}{
		{"Chunk.MaxTokens", d.o.Chunk.MaxTokens, int(c.MaxTokens)},
		{"Chunk.OverlapTokens", d.o.Chunk.OverlapTokens, int(c.OverlapTokens)},
		{"M", d.o.M, int(c.M)},
		{"EfConstruction", d.o.EfConstruction, int(c.EfConstruction)},
	} {
		if x.got != 0 && x.got != x.want {
			return fmt.Errorf("%s is %d in this database, not %d: %w", x.name, x.want, x.got, ErrInvalid)
		}
	}
	if d.enc == nil {
		return nil
	}
	if c.Fingerprint == "" && c.Dim == 0 {
		c.Dim, c.Fingerprint = uint32(d.enc.Dim()), d.enc.Fingerprint()
		if !d.o.ReadOnly {
			if err := d.update(func(t *txn) error {
				return t.put(bucketMeta, []byte(keyConfig), c.encode())
			}); err != nil {
				return err
			}
		}
		d.config = c
		return nil
	}
	if got := d.enc.Fingerprint(); got != c.Fingerprint {
		return fmt.Errorf("filled by %s, opened with %s: %w", c.Fingerprint, got, ErrEncoderMismatch)
	}
	if got := d.enc.Dim(); got != int(c.Dim) {
		return fmt.Errorf("filled by %s with %d dimensions, opened with %d: %w", c.Fingerprint, c.Dim, got, ErrEncoderMismatch)
	}
	return nil
}

// create makes an empty database under another name and then gives it its own, so that a file that is
// there is always whole. If somebody else was faster, theirs stays.
func (d *DB) create() error {
	err := withTemporary(d.path, false, func(tmp string) error {
		return guarded("creating", func() error {
			b, err := bolt.Open(tmp, 0o600, &bolt.Options{PageSize: pageSize, Timeout: time.Second, FreelistType: bolt.FreelistMapType})
			if err != nil {
				return plain(err)
			}
			err = b.Update(d.initialise)
			return errors.Join(err, b.Close())
		})
	})
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// initialise fills a new file.
func (d *DB) initialise(tx *bolt.Tx) error {
	for _, name := range bucketNames {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	c := d.o.config()
	if d.enc != nil {
		c.Dim, c.Fingerprint = uint32(d.enc.Dim()), d.enc.Fingerprint()
	}
	t := &txn{tx: tx}
	return errors.Join(
		t.put(bucketMeta, []byte(keyMagic), []byte(Magic)),
		t.put(bucketMeta, []byte(keyVersion), binary.LittleEndian.AppendUint32(nil, FormatVersion)),
		t.put(bucketMeta, []byte(keyConfig), c.encode()),
		t.put(bucketMeta, []byte(keyCounts), (&counts{Commit: 1, NextDocument: 1}).encode()),
	)
}

// indexOptions are the options of the graph.
func (c *config) indexOptions() index.Options {
	return index.Options{Dim: int(c.Dim), Metric: index.Metric(c.Metric), M: int(c.M), EfConstruction: int(c.EfConstruction), Seed: c.Seed}
}

// loadIndex reads vectors and graph into memory. No writer may run.
func (d *DB) loadIndex() error {
	return d.view(func(t *txn) error {
		ix, err := d.readIndex(t)
		if err == nil {
			d.ix.Store(ix)
		}
		return err
	})
}

// readIndex builds the graph that the file holds.
func (d *DB) readIndex(t *txn) (*index.HNSW, error) {
	o := d.config.indexOptions()
	nodes, vectors := t.counts.Buckets[bucketNodes].Keys, t.counts.Buckets[bucketVectors].Keys
	if nodes != vectors {
		return nil, fmt.Errorf("%d nodes for %d vectors: %w", nodes, vectors, ErrCorrupt)
	}
	if nodes == 0 {
		return index.New(o)
	}
	meta, err := t.must(bucketMeta, []byte(keyGraph))
	if err != nil {
		return nil, err
	}
	var scanErr error
	scratch := make([]float32, o.Dim) // Load copies what it is given
	ix, err := index.Load(o, meta,
		func(yield func(uint64, []byte) bool) {
			for e, err := range t.scan(bucketNodes, nil, nil) {
				if err == nil && len(e.key) != 8 {
					err = fmt.Errorf("%s: key of %d bytes: %w", recordName(bucketNodes, e.key), len(e.key), ErrCorrupt)
				}
				if err != nil {
					scanErr = err
					return
				}
				if !yield(binary.BigEndian.Uint64(e.key), e.payload) {
					return
				}
			}
		},
		func(id uint64) ([]float32, error) { return scratch, t.vector(id, scratch) })
	if scanErr != nil {
		return nil, scanErr
	}
	if err != nil {
		return nil, fmt.Errorf("graph: %w: %w", err, ErrCorrupt)
	}
	if uint64(ix.Len()) != nodes {
		return nil, fmt.Errorf("graph has %d nodes of %d: %w", ix.Len(), nodes, ErrCorrupt)
	}
	return ix, nil
}

// vector reads a vector into v.
func (t *txn) vector(id uint64, v []float32) error {
	key := key64(id)
	p, err := t.must(bucketVectors, key)
	if err != nil {
		return err
	}
	if err := decodeVector(p, v); err != nil {
		return fmt.Errorf("%s: %v: %w", recordName(bucketVectors, key), err, ErrCorrupt)
	}
	return nil
}

// graph returns the graph, loading it if Open did not. A writer holds the writer lock already.
func (d *DB) graph(ctx context.Context, isWriter bool) (*index.HNSW, error) {
	if ix := d.ix.Load(); ix != nil {
		return ix, nil
	}
	if !isWriter {
		if err := d.takeWriter(ctx); err != nil {
			return nil, err
		}
		defer d.leaveWriter()
		if ix := d.ix.Load(); ix != nil {
			return ix, nil
		}
	}
	if d.config.Dim == 0 {
		return nil, nil // nothing was ever added
	}
	if err := d.loadIndex(); err != nil {
		return nil, err
	}
	return d.ix.Load(), nil
}

// Path returns the path given to Open.
func (d *DB) Path() string { return d.path }

// Encoder returns the encoder given to Open, nil if there was none.
func (d *DB) Encoder() Encoder { return d.enc }

// Close waits for running calls, then lets go of the file. Calls after it return ErrClosed; a second
// Close does too.
func (d *DB) Close() error {
	d.calls.Lock()
	defer d.calls.Unlock()
	if d.closed {
		return ErrClosed
	}
	d.closed = true
	d.ix.Store(nil)
	if s := d.state.Load(); s != nil && s.held {
		return letGo(d.file) // bbolt would wait for its own lock for ever
	}
	if err := d.closeBolt(); err != nil {
		return fmt.Errorf("%s: close: %w", d.path, err)
	}
	return nil
}
