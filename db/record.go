package db

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"slices"
	"time"
)

// Every value in the file is a payload followed by a checksum: CRC-32C, little-endian, over the
// bucket's name, the key and the payload, so that a record found in the wrong place is damage too.
// Numbers in payloads are little-endian; a string is its length as uvarint, then its bytes.

const checksumBytes = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is the CRC-32C of a record.
func checksum(b bucket, key, payload []byte) uint32 {
	c := crc32.Update(0, castagnoli, []byte(bucketNames[b]))
	c = crc32.Update(c, castagnoli, key)
	return crc32.Update(c, castagnoli, payload)
}

// seal appends the checksum to a payload. It may write into the payload's spare capacity.
func seal(b bucket, key, payload []byte) []byte {
	return binary.LittleEndian.AppendUint32(payload, checksum(b, key, payload))
}

// unseal verifies a value and returns its payload, still in the memory of the file.
func unseal(b bucket, key, value []byte) ([]byte, error) {
	n := len(value) - checksumBytes
	if n < 0 {
		return nil, fmt.Errorf("%s: %d bytes, too few for a checksum: %w", recordName(b, key), len(value), ErrCorrupt)
	}
	got, want := checksum(b, key, value[:n]), binary.LittleEndian.Uint32(value[n:])
	if got != want {
		return nil, fmt.Errorf("%s: checksum %08x, want %08x: %w", recordName(b, key), got, want, ErrCorrupt)
	}
	return value[:n:n], nil
}

var errShort = errors.New("record is too short")

// reader takes a payload apart. After the first failure err is set and all values are zero.
type reader struct {
	p   []byte
	err error
}

func (r *reader) bytes(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.p) {
		r.fail()
		return nil
	}
	b := r.p[:n]
	r.p = r.p[n:]
	return b
}

func (r *reader) fail() {
	if r.err == nil {
		r.err = errShort
	}
	r.p = nil
}

func (r *reader) u8() uint8 {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.p)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.p = r.p[n:]
	return v
}

func (r *reader) string() string {
	n := r.uvarint()
	if n > uint64(len(r.p)) {
		r.fail()
		return ""
	}
	return string(r.bytes(int(n)))
}

// end reports the first failure, or bytes left over.
func (r *reader) end() error {
	if r.err == nil && len(r.p) != 0 {
		return fmt.Errorf("%d bytes too many", len(r.p))
	}
	return r.err
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// config is what the file remembers of how it was made: the meta record "config".
type config struct {
	Dim            uint32 // of the vectors; 0 until an encoder is known
	Metric         uint8  // index.Metric
	M              uint32
	EfConstruction uint32
	Seed           uint64
	MaxTokens      uint32 // of a passage
	OverlapTokens  uint32
	Fingerprint    string // of the encoder; empty until one is known
}

func (c *config) encode() []byte {
	b := binary.LittleEndian.AppendUint32(nil, c.Dim)
	b = append(b, c.Metric)
	b = binary.LittleEndian.AppendUint32(b, c.M)
	b = binary.LittleEndian.AppendUint32(b, c.EfConstruction)
	b = binary.LittleEndian.AppendUint64(b, c.Seed)
	b = binary.LittleEndian.AppendUint32(b, c.MaxTokens)
	b = binary.LittleEndian.AppendUint32(b, c.OverlapTokens)
	return appendString(b, c.Fingerprint)
}

func (c *config) decode(p []byte) error {
	r := reader{p: p}
	*c = config{Dim: r.u32(), Metric: r.u8(), M: r.u32(), EfConstruction: r.u32(), Seed: r.u64(),
		MaxTokens: r.u32(), OverlapTokens: r.u32(), Fingerprint: r.string()}
	return r.end()
}

// counts is what is known of all records together: the meta record "counts". It is written by
// every commit and compared with the file by Open, so that a record that got lost is noticed.
type counts struct {
	Commit        uint64 // number of this commit
	NextDocument  uint64 // number of the next document
	Terms         uint64 // distinct terms
	Tokens        uint64 // tokens of all documents, titles included
	PassageTokens uint64 // tokens of all passages
	TextBytes     uint64
	Buckets       [numBuckets]keyCount
}

// keyCount is the number of records of a bucket and the sum of their hashes (see recordHash), modulo 2^64:
// a digest that does not depend on the order of records, so that a commit keeps it up with the records it
// changes.
type keyCount struct{ Keys, Sum uint64 }

// add counts a record in, remove counts one out.
func (c *keyCount) add(key, value []byte) {
	c.Keys++
	c.Sum += recordHash(key, value)
}

func (c *keyCount) remove(key, value []byte) {
	c.Keys--
	c.Sum -= recordHash(key, value)
}

// recordHash is the hash of a record that is summed up in counts: FNV-1a over the key and the checksum that
// ends the value, mixed (the finalizer of MurmurHash3) so that sums of like records are unlike. The checksum
// stands for the payload. Without it, an older state of a record in the right place, as a lost write
// leaves one, would go unnoticed: it has a right checksum of its own.
func recordHash(key, value []byte) uint64 {
	return mix64(hashOn(keyHash(key), value[max(0, len(value)-checksumBytes):]))
}

// mix64 is the 64-bit finalizer of MurmurHash3.
func mix64(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// keyHash is FNV-1a of a key, 64 bits.
func keyHash(key []byte) uint64 { return hashOn(14695981039346656037, key) }

// hashOn goes on with FNV-1a.
func hashOn(h uint64, b []byte) uint64 {
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

func (c *counts) encode() []byte {
	var b []byte
	for _, v := range []uint64{c.Commit, c.NextDocument, c.Terms, c.Tokens, c.PassageTokens, c.TextBytes} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	for _, k := range c.Buckets {
		b = binary.LittleEndian.AppendUint64(b, k.Keys)
		b = binary.LittleEndian.AppendUint64(b, k.Sum)
	}
	return b
}

func (c *counts) decode(p []byte) error {
	r := reader{p: p}
	*c = counts{Commit: r.u64(), NextDocument: r.u64(), Terms: r.u64(), Tokens: r.u64(), PassageTokens: r.u64(), TextBytes: r.u64()}
	for i := range c.Buckets {
		c.Buckets[i] = keyCount{r.u64(), r.u64()}
	}
	return r.end()
}

func (c *counts) documents() int { return int(c.Buckets[bucketDocuments].Keys) }
func (c *counts) passages() int  { return int(c.Buckets[bucketPassages].Keys) }

// documentRecord is a document without its text.
type documentRecord struct {
	Format      uint8 // chunk.Format
	Added       time.Time
	TextBytes   uint64
	Passages    uint32
	Tokens      uint32 // of title and text
	TitleTokens uint32
	Hash        [32]byte
	ID          string
	Title       string
	Source      string
	Metadata    map[string]string
}

func (d *documentRecord) encode() []byte {
	b := []byte{d.Format}
	b = binary.LittleEndian.AppendUint64(b, uint64(d.Added.UnixNano()))
	b = binary.LittleEndian.AppendUint64(b, d.TextBytes)
	b = binary.LittleEndian.AppendUint32(b, d.Passages)
	b = binary.LittleEndian.AppendUint32(b, d.Tokens)
	b = binary.LittleEndian.AppendUint32(b, d.TitleTokens)
	b = append(b, d.Hash[:]...)
	b = appendString(b, d.ID)
	b = appendString(b, d.Title)
	b = appendString(b, d.Source)
	b = binary.AppendUvarint(b, uint64(len(d.Metadata)))
	for _, k := range slices.Sorted(maps.Keys(d.Metadata)) {
		b = appendString(appendString(b, k), d.Metadata[k])
	}
	return b
}

func (d *documentRecord) decode(p []byte) error {
	r := reader{p: p}
	*d = documentRecord{Format: r.u8(), Added: time.Unix(0, int64(r.u64())), TextBytes: r.u64(),
		Passages: r.u32(), Tokens: r.u32(), TitleTokens: r.u32()}
	copy(d.Hash[:], r.bytes(len(d.Hash)))
	d.ID, d.Title, d.Source = r.string(), r.string(), r.string()
	n := r.uvarint()
	if n > uint64(len(r.p)) {
		r.fail()
		n = 0
	}
	if n > 0 {
		d.Metadata = make(map[string]string, n)
	}
	for range n {
		k := r.string()
		d.Metadata[k] = r.string()
	}
	if err := r.end(); err != nil {
		return err
	}
	if d.TextBytes > MaxTextBytes || d.Passages > MaxPassages || d.Format >= uint8(len(formatNames)) {
		return errors.New("value out of range")
	}
	return nil
}

// passageRecord is where a passage lies in its document.
type passageRecord struct {
	Start, End uint32 // bytes of the text
	Line, Col  uint32 // of Start, from 1
	Tokens     uint32 // terms that start in the passage
}

func (p *passageRecord) encode() []byte {
	b := make([]byte, 0, 20+checksumBytes)
	for _, v := range []uint32{p.Start, p.End, p.Line, p.Col, p.Tokens} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

func (p *passageRecord) decode(b []byte) error {
	r := reader{p: b}
	*p = passageRecord{r.u32(), r.u32(), r.u32(), r.u32(), r.u32()}
	if err := r.end(); err != nil {
		return err
	}
	if p.Start > p.End || p.End > MaxTextBytes || p.Line == 0 || p.Col == 0 {
		return fmt.Errorf("range %d..%d at %d:%d", p.Start, p.End, p.Line, p.Col)
	}
	return nil
}

func encodeVector(v []float32) []byte {
	b := make([]byte, 0, 4*len(v)+checksumBytes)
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// decodeVector reads a vector into v, whose length is the number of dimensions wanted.
func decodeVector(p []byte, v []float32) error {
	if len(p) != 4*len(v) {
		return fmt.Errorf("%d bytes, want %d dimensions", len(p), len(v))
	}
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(p[4*i:]))
	}
	return nil
}
