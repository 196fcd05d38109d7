package db

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// This file is about taking turns with other processes. Without Options.Shared a database holds the lock of
// its file from Open to Close. With it, each call takes the lock and lets go of it when it is done, and
// before it looks whether the file is still as it was left: if another process has written, it is opened anew.

// turns is the lock of the file as the calls of this process share it.
type turns struct {
	on bool // Options.Shared, where the system can do it

	mu      sync.Mutex
	changed *sync.Cond // of mu: any of what follows
	mode    lockMode   // of the file
	readers int        // calls that rely on the lock for reading
	writer  bool       // a call writes, or waits for its turn to
	writing bool       // it has the lock; reads may go on beside it
	busy    bool       // the lock is being taken
	drain   bool       // no new readers until those there are have ended
	since   time.Time  // when the lock was taken
	txid    uint64     // the state of the file when it was last looked at
}

// longestTurn is how long the lock is held for reads that overlap before others get their turn.
const longestTurn = 100 * time.Millisecond

// wait waits for a change. ctx ends it.
func (s *turns) wait(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed.Broadcast()
	})
	defer stop()
	s.changed.Wait()
	return ctx.Err()
}

// beginRead takes the file's lock for a call that reads. After it the file is as this process knows it.
func (d *DB) beginRead(ctx context.Context) error {
	s := &d.turns
	if !s.on {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.busy, s.drain, s.writer && !s.writing:
		case s.mode != unlocked && !s.writing && time.Since(s.since) > longestTurn:
			s.drain = true
			continue
		case s.mode != unlocked:
			s.readers++
			return nil
		default:
			if err := d.takeLock(ctx, shared); err != nil {
				return err
			}
			s.readers++
			return nil
		}
		if err := s.wait(ctx); err != nil {
			return err
		}
	}
}

// endRead ends what beginRead began.
func (d *DB) endRead() {
	s := &d.turns
	if !s.on {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readers--
	if s.readers == 0 && !s.writing {
		d.dropLock()
	}
	s.changed.Broadcast()
}

// beginWrite takes the file's lock for a call that writes: reads of this process end first, unless it holds
// the lock for writing already, and then go on beside it.
func (d *DB) beginWrite(ctx context.Context) error {
	if d.o.ReadOnly {
		return d.beginRead(ctx)
	}
	s := &d.turns
	if !s.on {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.busy || s.writer {
		if err := s.wait(ctx); err != nil {
			return err
		}
	}
	s.writer = true
	err := error(nil)
	for s.readers > 0 || s.busy {
		if err = s.wait(ctx); err != nil {
			break
		}
	}
	if err == nil {
		err = d.takeLock(ctx, exclusive)
	}
	s.writer, s.writing = err == nil, err == nil
	s.changed.Broadcast()
	return err
}

// endWrite ends what beginWrite began. If reads are under way, the last of them lets go of the lock.
func (d *DB) endWrite() {
	if d.o.ReadOnly {
		d.endRead()
		return
	}
	s := &d.turns
	if !s.on {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writer, s.writing = false, false
	if m, err := newestMeta(d.file); err == nil {
		s.txid = m.txid
	}
	if s.readers > 0 {
		s.drain = true
	} else {
		d.dropLock()
	}
	s.changed.Broadcast()
}

// takeLock takes the lock, held by no call, and looks at the file. The caller holds turns.mu, which is let go
// while it waits.
func (d *DB) takeLock(ctx context.Context, mode lockMode) error {
	s := &d.turns
	s.busy = true
	s.mu.Unlock()
	got, err := d.lockFile(ctx, mode)
	s.mu.Lock()
	s.busy = false
	s.changed.Broadcast()
	if err != nil {
		return fmt.Errorf("%s: %w", d.path, err)
	}
	s.mode, s.since = got, time.Now()
	return nil
}

// dropLock lets go of the lock. The caller holds turns.mu.
func (d *DB) dropLock() {
	s := &d.turns
	held := s.mode != unlocked && d.bolt != nil
	s.drain, s.mode = false, unlocked
	if !held {
		return
	}
	markHolder(d.file, unlocked)
	_ = flock(d.file, unlocked) // an error would leave the file locked, which does no harm to it
}

// lockFile locks the file and opens it anew if it is not as it was left. The lock it gets may be more than it
// was asked for.
func (d *DB) lockFile(ctx context.Context, mode lockMode) (lockMode, error) {
	if err := d.broken(); err != nil {
		return unlocked, err
	}
	deadline := time.Now().Add(d.o.Timeout)
	if d.bolt != nil {
		if err := waitLock(ctx, d.file, mode, deadline); err != nil {
			return unlocked, err
		}
		m, err := newestMeta(d.file)
		if err == nil && m.txid == d.turns.txid && named(d.file, d.path) {
			return mode, nil
		}
		// Another process has written to the file or replaced it.
		if err := d.closeBolt(); err != nil {
			return unlocked, err
		}
	}
	if err := d.openAgain(deadline); err != nil {
		_ = d.closeBolt()
		return unlocked, err
	}
	m, err := newestMeta(d.file)
	if err != nil {
		return unlocked, errors.Join(err, d.closeBolt(), ErrCorrupt)
	}
	d.turns.txid = m.txid
	if d.o.ReadOnly {
		return shared, nil
	}
	return exclusive, nil
}

// openAgain opens a file that another process has changed.
func (d *DB) openAgain(deadline time.Time) error {
	d.epoch.Add(2)
	c, err := d.connect(deadline, false)
	if err != nil {
		return err
	}
	if c.Dim == 0 && d.enc != nil { // open for reading, and nobody has written yet
		c.Dim, c.Fingerprint = d.config.Dim, d.config.Fingerprint
	}
	if c != d.config {
		if d.enc != nil {
			return fmt.Errorf("another database is in its place: %w", ErrInvalid)
		}
		d.config = c // no encoder: nothing reads it but under the lock
	}
	if d.ix.Load() != nil {
		return d.loadIndex()
	}
	return nil
}

// startTurns lets go of the lock that Open took.
func (d *DB) startTurns() error {
	s := &d.turns
	s.changed = sync.NewCond(&s.mu)
	s.on = d.o.Shared && lockFirst
	if !s.on {
		return nil
	}
	m, err := newestMeta(d.file)
	if err != nil {
		return errors.Join(err, ErrCorrupt)
	}
	s.txid, s.mode = m.txid, exclusive
	s.mu.Lock()
	defer s.mu.Unlock()
	d.dropLock()
	return nil
}
