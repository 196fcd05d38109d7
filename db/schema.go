package db

import (
	"encoding/binary"
	"fmt"
)

// FormatVersion is the version of the file format that this package writes; docs/format.md describes it.
//
// 1: first release
// 2: the sums in counts cover the checksum of each record, not its key alone
const FormatVersion = 2

// oldestVersion is the oldest version that can be opened. A file of an older version than FormatVersion
// becomes one of FormatVersion with its first write.
const oldestVersion = 1

// Magic is the value of the meta record "magic": it tells a database from other bbolt files.
const Magic = "semsearch database"

// Limits of the format.
const (
	MaxTextBytes      = 512 << 20 // bytes of one document's text
	MaxIDBytes        = 4096      // bytes of a document's id
	MaxHeaderBytes    = 1 << 20   // bytes of title, source and metadata together
	MaxPassages       = 1 << 24   // passages of one document
	TextBlockBytes    = 1 << 16   // bytes of text in one record of the bucket texts
	MaxTermBytes      = 64        // bytes of a term; longer ones are cut
	DocumentsPerBlock = 128       // documents whose postings share a record

	ordinalBits = 24 // of a passage id
	blockShift  = 7  // document number >> blockShift = block

	pageSize = 8192 // of a new file: five vectors of 384 numbers a page
)

// bucket is one of the top-level buckets of the file. The order is that of the bucket entries in
// the counts record and must not change.
type bucket uint8

const (
	bucketIDs bucket = iota
	bucketDocuments
	bucketTexts
	bucketPassages
	bucketVectors
	bucketNodes
	bucketLengths
	bucketPostings
	numBuckets // buckets that are counted

	bucketMeta = numBuckets
)

var bucketNames = [...]string{"ids", "documents", "texts", "passages", "vectors", "nodes", "lengths", "postings", "meta"}

// fillPercent is how full a page of the bucket is left when it splits. Keys of most buckets only
// ever ascend, so their pages may be packed; nodes and postings change in place.
var fillPercent = [...]float64{0.6, 1, 1, 1, 1, 0.9, 0.9, 0.7, 0.5}

func (b bucket) String() string { return bucketNames[b] }

// Keys of the bucket meta.
const (
	keyMagic   = "magic"
	keyVersion = "version"
	keyConfig  = "config"
	keyCounts  = "counts"
	keyGraph   = "graph"
)

// passageID is the id of the ordinal-th passage of document num.
func passageID(num uint64, ordinal int) uint64 { return num<<ordinalBits | uint64(ordinal) }

// splitPassageID undoes passageID.
func splitPassageID(id uint64) (num uint64, ordinal int) {
	return id >> ordinalBits, int(id & (MaxPassages - 1))
}

// key64 is the key of a record numbered n.
func key64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// textKey is the key of a block of text.
func textKey(num uint64, block int) []byte {
	return binary.BigEndian.AppendUint32(key64(num), uint32(block))
}

// postingsKey is the key of a term's postings in a block of documents.
func postingsKey(term string, block uint64) []byte {
	return binary.BigEndian.AppendUint64(postingsPrefix(term), block)
}

// postingsPrefix is what the keys of all postings of a term start with.
func postingsPrefix(term string) []byte {
	k := make([]byte, 0, len(term)+9)
	return append(append(k, term...), 0)
}

// splitPostingsKey undoes postingsKey.
func splitPostingsKey(key []byte) (term string, block uint64, ok bool) {
	i := len(key) - 9
	if i < 1 || key[i] != 0 {
		return "", 0, false
	}
	return string(key[:i]), binary.BigEndian.Uint64(key[i+1:]), true
}

// recordName names a record in errors and reports.
func recordName(b bucket, key []byte) string {
	switch b {
	case bucketIDs:
		return fmt.Sprintf("id %q", key)
	case bucketDocuments, bucketLengths:
		if len(key) == 8 {
			what := "document"
			if b == bucketLengths {
				what = "lengths block"
			}
			return fmt.Sprintf("%s %d", what, binary.BigEndian.Uint64(key))
		}
	case bucketTexts:
		if len(key) == 12 {
			return fmt.Sprintf("text %d block %d", binary.BigEndian.Uint64(key), binary.BigEndian.Uint32(key[8:]))
		}
	case bucketPassages, bucketVectors, bucketNodes:
		if len(key) == 8 {
			num, ord := splitPassageID(binary.BigEndian.Uint64(key))
			return fmt.Sprintf("%s %d/%d", [...]string{"passage", "vector", "node"}[b-bucketPassages], num, ord)
		}
	case bucketPostings:
		if term, block, ok := splitPostingsKey(key); ok {
			return fmt.Sprintf("postings %q block %d", term, block)
		}
	}
	return fmt.Sprintf("%s %q", b, key)
}
