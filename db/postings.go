package db

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Postings say which documents hold a term, how often, and in which passages. They are kept in blocks:
// one record holds a term's entries of DocumentsPerBlock documents. A block begins with the number of
// its entries; an entry is, as uvarints,
//
//	documents since the one before (the first: since the block's first, plus 1)
//	times in the title
//	times in the text
//	bytes of the passage list that follows
//	passage list: ordinals since the one before (the first: plus 1), times in that passage
//
// so that a reader who wants documents only can step over the passages.

// posting is one entry.
type posting struct {
	offset      int // document number within the block
	title, text uint32
	passages    []byte // encoded passage list
}

// encodePassages encodes a passage list.
func encodePassages(ps []passageCount) []byte {
	b := make([]byte, 0, 2*len(ps))
	last := int64(-1)
	for _, p := range ps {
		b = binary.AppendUvarint(b, uint64(int64(p.ordinal)-last))
		b = binary.AppendUvarint(b, uint64(p.count))
		last = int64(p.ordinal)
	}
	return b
}

// decodePassages undoes encodePassages.
func decodePassages(p []byte) ([]passageCount, error) {
	var ps []passageCount
	last := int64(-1)
	for r := (reader{p: p}); len(r.p) > 0; {
		delta, count := r.uvarint(), r.uvarint()
		if r.err != nil {
			return nil, r.err
		}
		if delta == 0 || delta > MaxPassages || last+int64(delta) >= MaxPassages || count == 0 || count > MaxTextBytes {
			return nil, errors.New("passage out of range")
		}
		last += int64(delta)
		ps = append(ps, passageCount{uint32(last), uint32(count)})
	}
	return ps, nil
}

// appendPosting encodes an entry that follows one at offset last.
func appendPosting(b []byte, p posting, last int) []byte {
	b = binary.AppendUvarint(b, uint64(p.offset-last))
	b = binary.AppendUvarint(b, uint64(p.title))
	b = binary.AppendUvarint(b, uint64(p.text))
	b = binary.AppendUvarint(b, uint64(len(p.passages)))
	return append(b, p.passages...)
}

// eachPosting calls fn for each entry of a block.
func eachPosting(payload []byte, fn func(p posting)) error {
	r := reader{p: payload}
	n := r.uvarint()
	last := -1
	for range n {
		delta, title, text, size := r.uvarint(), r.uvarint(), r.uvarint(), r.uvarint()
		if delta == 0 || delta > uint64(DocumentsPerBlock-1-last) || title+text == 0 ||
			title > MaxHeaderBytes || text > MaxTextBytes || size > uint64(len(r.p)) {
			r.fail()
			return errors.New("posting out of range")
		}
		last += int(delta)
		fn(posting{last, uint32(title), uint32(text), r.bytes(int(size))})
	}
	return r.end()
}

// postingCount is the number of entries of a block.
func postingCount(payload []byte) int {
	n, _ := binary.Uvarint(payload)
	return int(min(n, DocumentsPerBlock))
}

// postingEdits gathers what a transaction changes in postings and lengths, so that each record is
// read and written once.
type postingEdits struct {
	blocks  map[string][]postingEdit       // by key of the record, in the order made
	lengths map[uint64]map[int]lengthEntry // by block
}

type postingEdit struct {
	posting
	remove bool // the entry at posting.offset goes
}

type lengthEntry struct {
	present bool
	tokens  uint32
}

func newPostingEdits() *postingEdits {
	return &postingEdits{make(map[string][]postingEdit), make(map[uint64]map[int]lengthEntry)}
}

// document adds or removes the postings and the length of document num.
func (e *postingEdits) document(num uint64, a *analysis, remove bool) {
	block, offset := num>>blockShift, int(num&(DocumentsPerBlock-1))
	for term, c := range a.terms {
		key := string(postingsKey(term, block))
		edit := postingEdit{posting{offset: offset}, remove}
		if !remove {
			edit.posting = posting{offset, c.title, c.text, encodePassages(c.passages)}
		}
		e.blocks[key] = append(e.blocks[key], edit)
	}
	if e.lengths[block] == nil {
		e.lengths[block] = make(map[int]lengthEntry)
	}
	e.lengths[block][offset] = lengthEntry{!remove, uint32(a.tokens)}
}

// apply writes the edits.
func (e *postingEdits) apply(t *txn) error {
	for _, key := range slices.Sorted(maps.Keys(e.blocks)) {
		if err := e.applyBlock(t, []byte(key), e.blocks[key]); err != nil {
			return err
		}
	}
	for _, block := range slices.Sorted(maps.Keys(e.lengths)) {
		if err := e.applyLengths(t, block, e.lengths[block]); err != nil {
			return err
		}
	}
	return nil
}

func (e *postingEdits) applyBlock(t *txn, key []byte, edits []postingEdit) error {
	old, ok, err := t.get(bucketPostings, key)
	if err != nil {
		return err
	}
	var entries [DocumentsPerBlock]*posting
	if ok {
		if err := eachPosting(old, func(p posting) { entries[p.offset] = &p }); err != nil {
			return fmt.Errorf("%s: %v: %w", recordName(bucketPostings, key), err, ErrCorrupt)
		}
	}
	for i := range edits {
		at := edits[i].offset
		if edits[i].remove != (entries[at] != nil) {
			return fmt.Errorf("%s: entry %d does not match its document: %w", recordName(bucketPostings, key), at, ErrCorrupt)
		}
		entries[at] = nil
		if !edits[i].remove {
			entries[at] = &edits[i].posting
		}
	}
	payload := encodePostings(&entries)
	prefix := key[:len(key)-8]
	if payload == nil {
		if err := t.del(bucketPostings, key); err != nil {
			return err
		}
		more, err := t.has(bucketPostings, prefix)
		if err == nil && !more {
			t.counts.Terms--
		}
		return err
	}
	if !ok {
		known, err := t.has(bucketPostings, prefix)
		if err != nil {
			return err
		}
		if !known {
			t.counts.Terms++
		}
	}
	return t.put(bucketPostings, key, payload)
}

// encodePostings encodes a block, or returns nil if it has no entries.
func encodePostings(entries *[DocumentsPerBlock]*posting) []byte {
	n, size := 0, 2+checksumBytes
	for _, p := range entries {
		if p != nil {
			n++
			size += 8 + len(p.passages)
		}
	}
	if n == 0 {
		return nil
	}
	b := binary.AppendUvarint(make([]byte, 0, size), uint64(n))
	last := -1
	for i, p := range entries {
		if p != nil {
			b = appendPosting(b, *p, last)
			last = i
		}
	}
	return b
}

// A record of lengths holds, for each document of a block, its number of tokens plus 1, or 0 where
// there is no document.
const lengthsBytes = 4 * DocumentsPerBlock

func (e *postingEdits) applyLengths(t *txn, block uint64, edits map[int]lengthEntry) error {
	key := key64(block)
	old, ok, err := t.get(bucketLengths, key)
	if err != nil {
		return err
	}
	b := make([]byte, lengthsBytes, lengthsBytes+checksumBytes)
	if ok {
		if len(old) != lengthsBytes {
			return fmt.Errorf("%s: %d bytes: %w", recordName(bucketLengths, key), len(old), ErrCorrupt)
		}
		copy(b, old)
	}
	for offset, l := range edits {
		v := uint32(0)
		if l.present {
			v = l.tokens + 1
		}
		binary.LittleEndian.PutUint32(b[4*offset:], v)
	}
	for _, c := range b {
		if c != 0 {
			return t.put(bucketLengths, key, b)
		}
	}
	if !ok {
		return nil
	}
	return t.del(bucketLengths, key)
}

// documentLength is a document's number of tokens according to its block's record of lengths.
func documentLength(lengths []byte, offset int) (tokens uint32, ok bool) {
	if len(lengths) != lengthsBytes {
		return 0, false
	}
	v := binary.LittleEndian.Uint32(lengths[4*offset:])
	return v - 1, v != 0
}
