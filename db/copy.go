package db

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Backup writes a copy of the database, as it is at this moment, to a new file. Queries and writers go on
// meanwhile. The copy holds no free pages and no old records, so it is as small as the file can be; it is a
// database of its own, which Open opens and [Restore] brings back.
//
// Every record's checksum is verified as it is read, and again as the copy is read back from its file: damage
// is [ErrCorrupt], and no copy appears. The file gets its name when it is whole and on disk. While Backup
// runs, space freed by writers cannot be used again, and one that lets the file grow beyond the mapped
// gigabyte waits. With Options.Shared, writers of other processes wait.
//
// Errors: fs.ErrExist if there is a file at path, [ErrCorrupt], [ErrClosed], and those of ctx and the
// operating system.
func (d *DB) Backup(ctx context.Context, path string) error {
	if err := d.enter(ctx); err != nil {
		return err
	}
	defer d.leave()
	err := d.beginRead(ctx)
	if err == nil {
		defer d.endRead()
		err = d.copyTo(ctx, path, false)
	}
	if err != nil {
		return fmt.Errorf("backup of %s: %w", d.path, err)
	}
	return nil
}

// copyTo makes a verified copy at path.
func (d *DB) copyTo(ctx context.Context, path string, replace bool) error {
	if _, err := os.Lstat(path); err == nil && !replace {
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	return withTemporary(path, replace, func(tmp string) error { return d.copyFile(ctx, tmp) })
}

// copyFile writes all records to a new file and verifies it.
func (d *DB) copyFile(ctx context.Context, path string) error {
	var want counts
	err := d.view(func(t *txn) error {
		want = t.counts
		want.Buckets = [numBuckets]keyCount{}
		return t.copyRecords(ctx, path, &want)
	})
	if err == nil {
		err = crashPoint("copied")
	}
	if err == nil {
		err = verifyCopy(ctx, path, &want)
	}
	return err
}

// copyBytes is how much a transaction of a copy holds.
const copyBytes = 32 << 20

// copyRecords writes all records to a new file, in order. c is filled with the counts of the copy.
func (t *txn) copyRecords(ctx context.Context, path string, c *counts) error {
	b, err := bolt.Open(path, 0o600, &bolt.Options{
		PageSize: pageSize, Timeout: time.Second, FreelistType: bolt.FreelistMapType, NoSync: true, NoGrowSync: true, NoStatistics: true,
		OpenFile: func(name string, flag int, perm os.FileMode) (*os.File, error) {
			return os.OpenFile(name, flag|os.O_EXCL, perm)
		},
	})
	if err != nil {
		return plain(err)
	}
	to := &copier{ctx: ctx, from: t, b: b, counts: c}
	err = guarded("copying", to.run)
	if to.tx != nil {
		_ = to.tx.Rollback()
	}
	if err = errors.Join(err, b.Close()); err != nil {
		return err
	}
	return finishCopy(path)
}

// finishCopy brings a copy to the disk, which nothing has done before. The file has grown in steps: what was not
// used of the last one goes.
func finishCopy(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return plain(err)
	}
	m, err := newestMeta(f)
	if err == nil {
		err = f.Truncate(int64(m.pages) * int64(m.pageSize))
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// copier copies records from one file to another.
type copier struct {
	ctx    context.Context
	from   *txn
	b      *bolt.DB
	counts *counts
	tx     *bolt.Tx // under way in the copy
	size   int      // of what it holds
}

// bucket returns a bucket of the copy, in a transaction that has room.
func (c *copier) bucket(b bucket, need int) (*bolt.Bucket, error) {
	if c.tx != nil && c.size+need > copyBytes {
		if err := c.commit(); err != nil {
			return nil, err
		}
	}
	if c.tx == nil {
		if err := c.ctx.Err(); err != nil {
			return nil, err
		}
		tx, err := c.b.Begin(true)
		if err != nil {
			return nil, err
		}
		c.tx, c.size = tx, 0
	}
	c.size += need
	bb, err := c.tx.CreateBucketIfNotExists([]byte(bucketNames[b]))
	if err == nil {
		bb.FillPercent = fillPercent[b]
	}
	return bb, err
}

func (c *copier) commit() error {
	tx := c.tx
	c.tx = nil
	return tx.Commit()
}

func (c *copier) run() error {
	for b := range bucket(len(bucketNames)) {
		if b == bucketMeta {
			continue
		}
		if err := c.records(b); err != nil {
			return err
		}
	}
	from := c.from
	for b := range numBuckets {
		if got, want := c.counts.Buckets[b].Keys, from.counts.Buckets[b].Keys; got != want {
			return fmt.Errorf("bucket %s has %d records, want %d: %w", b, got, want, ErrCorrupt)
		}
	}
	to := &txn{}
	if _, err := c.bucket(bucketMeta, 0); err != nil {
		return err
	}
	to.tx = c.tx
	for e, err := range from.scan(bucketMeta, nil, nil) {
		if err == nil {
			err = to.put(bucketMeta, bytes.Clone(e.key), slices.Clip(bytes.Clone(e.payload)))
		}
		if err != nil {
			return err
		}
	}
	err := errors.Join(
		to.put(bucketMeta, []byte(keyVersion), binary.LittleEndian.AppendUint32(nil, FormatVersion)),
		to.put(bucketMeta, []byte(keyCounts), c.counts.encode()),
	)
	if err != nil {
		return err
	}
	return c.commit()
}

// records copies a bucket.
func (c *copier) records(b bucket) error {
	bb, err := c.bucket(b, 0)
	if err != nil {
		return err
	}
	n := 0
	for e, err := range c.from.scan(b, nil, nil) {
		if err != nil {
			return err
		}
		if n++; n%1024 == 0 && c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		need := len(e.key) + len(e.payload) + checksumBytes
		if c.size+need <= copyBytes {
			c.size += need
		} else if bb, err = c.bucket(b, need); err != nil {
			return err
		}
		value := seal(b, e.key, slices.Clip(e.payload))
		if err := bb.Put(e.key, value); err != nil {
			return fmt.Errorf("%s: %w", recordName(b, e.key), err)
		}
		c.counts.Buckets[b].add(e.key, value)
	}
	return nil
}

// verifyCopy reads a copy back: its pages, and every record's checksum.
func verifyCopy(ctx context.Context, path string, want *counts) error {
	d, err := open(path, nil, &Options{ReadOnly: true, MustExist: true, Timeout: -1}, false)
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	err = d.view(func(t *txn) error {
		if t.counts != *want {
			return fmt.Errorf("copy: other counts: %w", ErrCorrupt)
		}
		for b := range bucket(len(bucketNames)) {
			n := 0
			for _, err := range t.scan(b, nil, nil) {
				if err != nil {
					return fmt.Errorf("copy: %w", err)
				}
				if n++; n%1024 == 0 && ctx.Err() != nil {
					return ctx.Err()
				}
			}
		}
		return nil
	})
	return errors.Join(err, d.Close())
}

// compactName is the name of a copy that is to replace the file. Only who holds the file's lock makes one, so
// one that is left by a crash can be removed by the next who does.
func compactName(path string) string {
	dir, base := splitPath(path)
	return filepath.Join(dir, "."+base+".compact")
}

// Compact writes the database anew and gives the space of what was deleted back to the system. Nothing that
// was deleted or replaced is in the new file. Queries go on meanwhile; writers wait. It needs as much free
// space on the disk as the new file takes. The new file is verified, and takes the place of the old one in
// one step, under its name and its lock: a crash leaves the one or the other.
//
// The old file is gone when Compact returns, but the system may not have overwritten it, nor other copies of
// the file.
//
// Errors: [ErrReadOnly], [ErrCorrupt] for damage, with nothing changed, [ErrClosed], and those of ctx and the
// operating system.
func (d *DB) Compact(ctx context.Context) error {
	if err := d.enter(ctx); err != nil {
		return err
	}
	defer d.leave()
	if d.o.ReadOnly {
		return ErrReadOnly
	}
	if err := d.lock(ctx); err != nil {
		return err
	}
	defer d.unlock()
	if err := d.compact(ctx); err != nil {
		return fmt.Errorf("compacting %s: %w", d.path, err)
	}
	return nil
}

func (d *DB) compact(ctx context.Context) error {
	if err := d.broken(); err != nil {
		return err
	}
	path, err := realPath(d.path)
	if err != nil {
		return err
	}
	tmp := compactName(path)
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return plain(err)
	}
	defer os.Remove(tmp)
	if err := d.copyFile(ctx, tmp); err != nil {
		return err
	}
	if fi, err := d.file.Stat(); err == nil {
		_ = os.Chmod(tmp, fi.Mode().Perm())
	}
	if err := crashPoint("verified"); err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		return d.replaceClosed(tmp, path)
	}
	fresh := &DB{path: tmp, o: d.o}
	if err := fresh.openBolt(false, time.Now()); err != nil {
		return err
	}
	if err := putInPlace(tmp, path, true); err != nil {
		return errors.Join(err, fresh.closeBolt())
	}
	d.bolt, d.file, d.upgrade = fresh.bolt, fresh.file, nil
	d.version.Store(FormatVersion)
	old := d.nextHandle()
	finish := func() {
		<-old.idle
		_ = guarded("closing", old.bolt.Close)
	}
	select {
	case <-old.idle:
		finish()
	default:
		go finish() // reads under way go on in the old file; the last one lets go of it
	}
	return crashPoint("replaced")
}

// replaceClosed is for systems that do not rename files that are open.
func (d *DB) replaceClosed(tmp, path string) error {
	d.handles.Lock() // no read begins
	defer d.handles.Unlock()
	for d.handle.refs > 0 {
		d.released.Wait()
	}
	err := d.closeBolt()
	if err == nil {
		err = putInPlace(tmp, path, true)
	}
	if e := d.openBolt(false, time.Now().Add(time.Second)); e != nil {
		d.setBroken(fmt.Errorf("the database could not be opened again: %w", e), true)
		return errors.Join(err, e)
	}
	d.handle = d.newHandle()
	if err == nil {
		d.version.Store(FormatVersion)
		d.upgrade = nil
	}
	return err
}

// RestoreOptions is how Restore works. A nil *RestoreOptions and the zero value mean the defaults.
type RestoreOptions struct {
	Replace bool          // replace a file that is there, if nobody has it open
	Timeout time.Duration // how long to wait for other processes; see Options.Timeout
}

// Restore makes a database at path out of a backup, or of any database file. The backup is verified as it is
// read and so is what was written; a file at path is replaced only then, in one step, and only with
// RestoreOptions.Replace.
//
// Errors: those of Open for the backup, fs.ErrExist, [ErrLocked] if a process has one of the files open,
// and those of ctx and the operating system.
func Restore(ctx context.Context, backup, path string, o *RestoreOptions) error {
	var opts RestoreOptions
	if o != nil {
		opts = *o
	}
	d, err := open(backup, nil, &Options{ReadOnly: true, MustExist: true, Timeout: opts.Timeout}, false)
	if err != nil {
		return err
	}
	err = d.restoreTo(ctx, path, opts)
	return errors.Join(err, d.Close())
}

func (d *DB) restoreTo(ctx context.Context, path string, o RestoreOptions) error {
	if named(d.file, path) {
		return fmt.Errorf("%s: is the backup itself: %w", path, ErrInvalid)
	}
	if !o.Replace {
		if err := d.copyTo(ctx, path, false); err != nil {
			return fmt.Errorf("restoring %s: %w", d.path, err)
		}
		return nil
	}
	f, err := os.Open(path)
	target := path
	switch {
	case err == nil:
		defer f.Close()
		if target, err = realPath(path); err != nil {
			break
		}
		err = waitLock(ctx, f, exclusive, time.Now().Add(patience(o.Timeout)))
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	default:
		err = plain(err)
	}
	if err == nil {
		err = withTemporary(target, true, func(tmp string) error {
			err := d.copyFile(ctx, tmp)
			if runtime.GOOS == "windows" {
				_ = f.Close() // it does not rename over an open file
			}
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("restoring %s to %s: %w", d.path, path, err)
	}
	return nil
}
