package db

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"os"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// CrashPoints are the named steps of a commit, in order.
var CrashPoints = crashPoints

// CompactPoints are the named steps of a compaction, in order.
var CompactPoints = compactPoints

// SetCrash sets what happens at crash points; nil for nothing.
func SetCrash(f func(point string) error) { crash = f }

// SetNow sets the clock.
func SetNow(f func() time.Time) { now = f }

// Terms is what text is analysed into.
func Terms(text string) (ts []string, starts []int) {
	terms(text, func(t string, at int) { ts = append(ts, t); starts = append(starts, at) })
	return ts, starts
}

// WalkPages verifies the pages of a file.
func WalkPages(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	_, err = walkPages(f, fi.Size())
	return err
}

// SetVersion makes a file claim a format version.
func SetVersion(path string, version uint32) error {
	return Rewrite(path, func(tx *bolt.Tx) error {
		return (&txn{tx: tx}).put(bucketMeta, []byte(keyVersion), binary.LittleEndian.AppendUint32(nil, version))
	})
}

// Rewrite changes a file behind the package's back.
func Rewrite(path string, fn func(tx *bolt.Tx) error) error {
	b, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		return err
	}
	defer b.Close()
	return b.Update(fn)
}

// Seal appends the checksum of a record, so that tests can forge one.
func Seal(bucketName string, key, payload []byte) []byte {
	for b, name := range bucketNames {
		if name == bucketName {
			return seal(bucket(b), key, payload)
		}
	}
	panic(bucketName)
}

// Broken is the error that every call gives after a write of unknown outcome, or nil.
func (d *DB) Broken() error { return d.broken() }

// DocumentBytes returns, for each document of a file, the bytes of its records as they stand in the file: those
// that hold its content, and those of its passages and vectors and of what says which encoder made them.
func DocumentBytes(path string) (content, vectors map[string][][]byte, err error) {
	content, vectors = map[string][][]byte{}, map[string][][]byte{}
	b, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		return nil, nil, err
	}
	defer b.Close()
	return content, vectors, b.View(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("ids")).ForEach(func(id, v []byte) error {
			num := binary.LittleEndian.Uint64(v)
			config := []byte(keyConfig)
			vectors[string(id)] = [][]byte{slices.Concat(config, tx.Bucket([]byte("meta")).Get(config))}
			for b, to := range map[bucket]map[string][][]byte{
				bucketDocuments: content, bucketTexts: content, bucketPassages: vectors, bucketVectors: vectors,
			} {
				from, to2 := key64(num), key64(num+1)
				if b == bucketPassages || b == bucketVectors {
					from, to2 = key64(passageID(num, 0)), key64(passageID(num+1, 0))
				}
				c := tx.Bucket([]byte(bucketNames[b])).Cursor()
				for k, v := c.Seek(from); k != nil && bytes.Compare(k, to2) < 0; k, v = c.Next() {
					to[string(id)] = append(to[string(id)], slices.Concat(k, v))
				}
			}
			return nil
		})
	})
}

// Descriptor is the number of the file's descriptor.
func (d *DB) Descriptor() int { return int(d.file.Fd()) }

// Salvage searches a file as Repair does, and returns how many records of documents and passages it finds.
func Salvage(ctx context.Context, f io.ReaderAt, size int64) (int, error) {
	s, err := newSalvager(ctx, f, size)
	if err != nil {
		return 0, err
	}
	return len(s.documents) + len(s.texts) + len(s.passages) + len(s.vectors), nil
}
