package db

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"
	"runtime/debug"

	bolt "go.etcd.io/bbolt"
)

// This file is the one door to bbolt. bbolt answers damage with a panic, a memory fault or fewer
// keys than there were; behind this door damage is always an error that wraps ErrCorrupt.

// guarded runs fn and turns a panic or a memory fault in it into an error.
func guarded(what string, fn func() error) (err error) {
	// The setting holds for this goroutine; a fault in the mapped file is then a panic, not a crash.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: %v: %w", what, r, ErrCorrupt)
		}
	}()
	return fn()
}

// txn is a transaction whose records are checked.
type txn struct {
	tx      *bolt.Tx
	counts  counts // of the state the transaction began with; kept up by put and del
	buckets [numBuckets + 1]*bolt.Bucket
}

// view runs fn in a read transaction. What fn takes out must be copied: payloads lie in the mapped file.
// Keep it short: while it runs, no writer can enlarge the file's mapping or reuse old pages.
func (d *DB) view(fn func(t *txn) error) error {
	if err := d.broken(); err != nil {
		return err
	}
	h := d.hold()
	defer d.release(h)
	return guarded("reading", func() error {
		return h.bolt.View(func(tx *bolt.Tx) error {
			t := &txn{tx: tx}
			if err := t.readCounts(); err != nil {
				return err
			}
			return fn(t)
		})
	})
}

// handle is an opening of the file that reads hold on to, so that it is not closed under them.
type handle struct {
	bolt    *bolt.DB
	file    *os.File
	refs    int           // guarded by DB.handles
	retired bool          // likewise: no more references will be taken
	idle    chan struct{} // closed when it is retired and no longer held
}

func (d *DB) newHandle() *handle {
	return &handle{bolt: d.bolt, file: d.file, idle: make(chan struct{})}
}

// hold takes a reference of the current handle.
func (d *DB) hold() *handle {
	d.handles.Lock()
	defer d.handles.Unlock()
	d.handle.refs++
	return d.handle
}

func (d *DB) release(h *handle) {
	d.handles.Lock()
	defer d.handles.Unlock()
	if h.refs--; h.refs == 0 {
		d.released.Broadcast()
		if h.retired {
			close(h.idle)
		}
	}
}

// nextHandle makes a new handle of what the writer uses now and returns the old one. When that is idle, no read
// is under way that began before.
func (d *DB) nextHandle() (old *handle) {
	d.handles.Lock()
	defer d.handles.Unlock()
	old, d.handle = d.handle, d.newHandle()
	if old == nil { // Open
		return nil
	}
	old.retired = true
	if old.refs == 0 {
		close(old.idle)
	}
	return old
}

// update runs fn in a write transaction and commits it with the new counts. If it returns an error,
// nothing was changed. The caller holds the writer lock.
func (d *DB) update(fn func(t *txn) error) (err error) {
	if err := d.broken(); err != nil {
		return err
	}
	var before uint64
	var tx *bolt.Tx
	committing, done := false, false
	err = guarded("writing", func() error {
		d.growBy()
		tx, err = d.bolt.Begin(true)
		if err != nil {
			done = true
			return err
		}
		t := &txn{tx: tx}
		err = t.readCounts()
		before = t.counts.Commit
		if err == nil && d.upgrade != nil {
			err = t.upgrade(d.upgrade)
		}
		if err == nil {
			err = fn(t)
		}
		if err == nil {
			t.counts.Commit++
			err = t.put(bucketMeta, []byte(keyCounts), t.counts.encode())
		}
		if err == nil {
			err = crashPoint("commit")
		}
		if err != nil {
			rollbackErr := tx.Rollback()
			done = true
			return errors.Join(err, rollbackErr)
		}
		committing = true
		if err := tx.Commit(); err != nil {
			done = true
			return fmt.Errorf("commit: %w", err)
		}
		done = true
		return nil
	})
	switch {
	case err == nil:
		if d.upgrade != nil {
			d.upgrade = nil
			d.version.Store(FormatVersion)
		}
	case !done:
		// A panic half way: nobody may touch the file again. If even the rollback fails, bbolt keeps its
		// writer lock.
		held := tx == nil || guarded("rollback", tx.Rollback) != nil
		d.setBroken(fmt.Errorf("an earlier write failed: %w", err), held)
	case committing:
		// A failed write leaves the old state. A failed sync of the last page may leave either.
		now := counts{}
		if e := d.view(func(t *txn) error { now = t.counts; return nil }); e != nil || now.Commit != before {
			d.setBroken(fmt.Errorf("a commit failed and its outcome is not known, open the database again: %w", err), false)
		}
	}
	return err
}

// upgrade makes a file of an older version one of the current: sums are those of the current version.
func (t *txn) upgrade(sums *[numBuckets]keyCount) error {
	t.counts.Buckets = *sums
	return t.put(bucketMeta, []byte(keyVersion), binary.LittleEndian.AppendUint32(nil, FormatVersion))
}

// growBy makes a growing file grow by an eighth, so that small files stay small and large ones are
// not enlarged at every commit.
func (d *DB) growBy() {
	fi, err := d.file.Stat()
	if err != nil {
		return
	}
	d.bolt.AllocSize = int(min(max(fi.Size()/8, 64<<10), 16<<20)) / pageSize * pageSize
}

func (t *txn) readCounts() error {
	p, ok, err := t.get(bucketMeta, []byte(keyCounts))
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("meta %q is missing: %w", keyCounts, ErrCorrupt)
	}
	if err := t.counts.decode(p); err != nil {
		return fmt.Errorf("meta %q: %v: %w", keyCounts, err, ErrCorrupt)
	}
	return nil
}

func (t *txn) bucket(b bucket) (*bolt.Bucket, error) {
	if t.buckets[b] == nil {
		bb := t.tx.Bucket([]byte(bucketNames[b]))
		if bb == nil {
			return nil, fmt.Errorf("bucket %s is missing: %w", b, ErrCorrupt)
		}
		bb.FillPercent = fillPercent[b]
		t.buckets[b] = bb
	}
	return t.buckets[b], nil
}

// get returns the payload of a record, valid until the transaction ends.
func (t *txn) get(b bucket, key []byte) (payload []byte, ok bool, err error) {
	bb, err := t.bucket(b)
	if err != nil {
		return nil, false, err
	}
	v := bb.Get(key)
	if v == nil {
		return nil, false, nil
	}
	p, err := unseal(b, key, v)
	return p, err == nil, err
}

// must is get for a record that has to be there.
func (t *txn) must(b bucket, key []byte) ([]byte, error) {
	p, ok, err := t.get(b, key)
	if err == nil && !ok {
		err = fmt.Errorf("%s is missing: %w", recordName(b, key), ErrCorrupt)
	}
	return p, err
}

// put writes a record. It keeps key and payload until the transaction ends, and may append to payload.
func (t *txn) put(b bucket, key, payload []byte) error {
	bb, err := t.bucket(b)
	if err != nil {
		return err
	}
	value := seal(b, key, payload)
	if b < numBuckets {
		if old := bb.Get(key); old != nil {
			t.counts.Buckets[b].remove(key, old)
		}
		t.counts.Buckets[b].add(key, value)
	}
	if err := bb.Put(key, value); err != nil {
		return fmt.Errorf("%s: %w", recordName(b, key), err)
	}
	return nil
}

// del removes a record, which has to be there.
func (t *txn) del(b bucket, key []byte) error {
	bb, err := t.bucket(b)
	if err != nil {
		return err
	}
	old := bb.Get(key)
	if old == nil {
		return fmt.Errorf("%s is missing: %w", recordName(b, key), ErrCorrupt)
	}
	if b < numBuckets {
		t.counts.Buckets[b].remove(key, old)
	}
	if err := bb.Delete(key); err != nil {
		return fmt.Errorf("%s: %w", recordName(b, key), err)
	}
	return nil
}

// has reports whether any key starts with prefix.
func (t *txn) has(b bucket, prefix []byte) (bool, error) {
	bb, err := t.bucket(b)
	if err != nil {
		return false, err
	}
	k, _ := bb.Cursor().Seek(prefix)
	return k != nil && bytes.HasPrefix(k, prefix), nil
}

// entry is a record met by scan; key and payload are valid until the next step.
type entry struct{ key, payload []byte }

// scan yields the records whose keys start with prefix, from the first key that is not less than
// from on, in order. A record that fails its checksum is yielded with its error; the scan goes on.
func (t *txn) scan(b bucket, prefix, from []byte) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		bb, err := t.bucket(b)
		if err != nil {
			yield(entry{}, err)
			return
		}
		if bytes.Compare(from, prefix) < 0 {
			from = prefix
		}
		c := bb.Cursor()
		for k, v := c.Seek(from); k != nil && bytes.HasPrefix(k, prefix); k, v = c.Next() {
			p, err := unseal(b, k, v)
			if !yield(entry{k, p}, err) {
				return
			}
		}
	}
}

// decode reads a record into v, which has to be there.
func (t *txn) decode(b bucket, key []byte, v interface{ decode([]byte) error }) error {
	p, err := t.must(b, key)
	if err != nil {
		return err
	}
	return decodeAs(b, key, p, v)
}

// decodeAs decodes a payload and names the record if it cannot be.
func decodeAs(b bucket, key, payload []byte, v interface{ decode([]byte) error }) error {
	if err := v.decode(payload); err != nil {
		return fmt.Errorf("%s: %v: %w", recordName(b, key), err, ErrCorrupt)
	}
	return nil
}

// enter begins a call: it fails after Close, and holds Close back until leave.
func (d *DB) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.calls.RLock()
	if d.closed {
		d.calls.RUnlock()
		return ErrClosed
	}
	return nil
}

func (d *DB) leave() { d.calls.RUnlock() }

// lock takes the file's lock and the writer lock, waiting until ctx ends.
func (d *DB) lock(ctx context.Context) error {
	if err := d.beginWrite(ctx); err != nil {
		return err
	}
	if err := d.takeWriter(ctx); err != nil {
		d.endWrite()
		return err
	}
	return nil
}

func (d *DB) unlock() {
	d.leaveWriter()
	d.endWrite()
}

// takeWriter takes the writer lock alone. Who takes both locks takes the file's first.
func (d *DB) takeWriter(ctx context.Context) error {
	select {
	case d.writer <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *DB) leaveWriter() { <-d.writer }

type brokenState struct {
	err  error
	held bool // bbolt holds its writer lock for good: it must not be closed
}

func (d *DB) broken() error {
	if s := d.state.Load(); s != nil {
		return s.err
	}
	return nil
}

func (d *DB) setBroken(err error, held bool) { d.state.CompareAndSwap(nil, &brokenState{err, held}) }
