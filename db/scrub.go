package db

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

// Scrub overwrites the free space of the file with zeros. bbolt never changes a page in place: it writes
// a new one and frees the old one, with what is in it. So texts, titles, ids and words of documents that
// were deleted or replaced stay in the file until their pages are used again. After Scrub they are gone
// from it. It takes the writer lock, and waits for reads that began before it.
//
// What Scrub cannot reach: backups and other copies, blocks that the file system or the disk have moved
// elsewhere (copy on write, snapshots, wear levelling), swap.
//
// Errors: [ErrReadOnly], [ErrCorrupt], [ErrClosed], and those of ctx and the operating system.
func (d *DB) Scrub(ctx context.Context) error {
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
	return d.scrub(ctx)
}

// scrub is Scrub for who holds the writer lock.
func (d *DB) scrub(ctx context.Context) error {
	if err := d.broken(); err != nil {
		return err
	}
	// A read that began before the last commit may still be using pages that are free now.
	select {
	case <-d.nextHandle().idle:
	case <-ctx.Done():
		return ctx.Err()
	}
	fi, err := d.file.Stat()
	if err != nil {
		return err
	}
	if err := d.zeroFree(ctx, fi.Size()); err != nil {
		return fmt.Errorf("%s: overwriting free space: %w", d.path, err)
	}
	return d.file.Sync()
}

// zeroRun is how many bytes are overwritten at once.
const zeroRun = 256 << 10

func (d *DB) zeroFree(ctx context.Context, size int64) error {
	m, err := newestMeta(d.file)
	if err != nil {
		return fmt.Errorf("%w: %w", err, ErrCorrupt)
	}
	page := int64(m.pageSize)
	s := &salvager{f: d.file, size: size, page: page, pages: uint64(size / page)}
	free, ok := s.free(m)
	if !ok {
		return fmt.Errorf("free list: page %d: %w", m.freelist, ErrCorrupt)
	}
	zeros, buf := make([]byte, zeroRun), make([]byte, zeroRun)
	zero := func(from, to int64) error {
		for ; from < to; from += zeroRun {
			if err := ctx.Err(); err != nil {
				return err
			}
			b := buf[:min(zeroRun, to-from)]
			if _, err := d.file.ReadAt(b, from); err != nil && err != io.EOF {
				return err
			}
			if bytes.Equal(b, zeros[:len(b)]) {
				continue
			}
			if _, err := d.file.WriteAt(zeros[:len(b)], from); err != nil {
				return err
			}
		}
		return nil
	}
	for id := uint64(2); id < m.pages; id++ {
		first := id
		for id < m.pages && free.has(id) {
			id++
		}
		if first < id {
			if err := zero(int64(first)*page, int64(id)*page); err != nil {
				return err
			}
		}
	}
	return zero(int64(m.pages)*page, size) // never used, or by a commit that a crash interrupted
}

// newestMeta reads the meta page of the current state. Both must be whole.
func newestMeta(f io.ReaderAt) (metaPage, error) {
	m, err := readMeta(f, 0)
	if err != nil {
		return m, fmt.Errorf("meta page 0: %w", err)
	}
	m1, err := readMeta(f, int64(m.pageSize))
	if err != nil {
		return m, fmt.Errorf("meta page 1: %w", err)
	}
	if m1.txid > m.txid {
		m = m1
	}
	return m, nil
}
