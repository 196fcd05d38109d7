package db

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// This file reads bbolt's pages by itself, every offset checked, before bbolt is let near them:
// bbolt trusts its pages, and a damaged one can make it read fewer keys, walk in circles or exhaust
// the stack, which no recover can catch. The layout is that of bbolt's format version 2:
//
//	page    | id u64 | flags u16 | count u16 | overflow u32 | elements, then keys and values
//	branch  | pos u32 | ksize u32 | child u64 |              one element a child, 16 bytes
//	leaf    | flags u32 | pos u32 | ksize u32 | vsize u32 |  one element a key, 16 bytes
//	bucket  | root u64 | sequence u64 |                      the value of a bucket; root 0: a page follows
//	meta    | magic u32 | version u32 | pageSize u32 | flags u32 | bucket | freelist u64 | pages u64 | txid u64 | FNV-1a u64 |
//
// pos counts from the element. Numbers are in the byte order of the machine.

const (
	boltMagic    = 0xED0CDAED
	boltVersion  = 2
	pageHeader   = 16
	pageElement  = 16
	metaBytes    = 64
	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagFreelist = 0x10
	leafBucket   = 0x01
	noFreelist   = 1<<64 - 1
	maxDepth     = 64 // pages from the root to a leaf
)

var native = binary.NativeEndian

// metaPage is one of the two pages that name the current state of the file.
type metaPage struct {
	pageSize                    uint32
	root, freelist, pages, txid uint64
}

var errNoMeta = errors.New("no bbolt meta page")

// readMeta reads the meta page at off. It returns errNoMeta if there is none, not even a damaged one.
func readMeta(f io.ReaderAt, off int64) (m metaPage, err error) {
	var b [metaBytes]byte
	if _, err := f.ReadAt(b[:], off+pageHeader); err != nil {
		return m, errNoMeta
	}
	if native.Uint32(b[0:]) != boltMagic {
		return m, errNoMeta
	}
	if got, want := keyHash(b[:56]), native.Uint64(b[56:]); got != want {
		return m, fmt.Errorf("checksum %016x, want %016x", got, want)
	}
	if v := native.Uint32(b[4:]); v != boltVersion {
		return m, fmt.Errorf("bbolt version %d, want %d", v, boltVersion)
	}
	return metaPage{native.Uint32(b[8:]), native.Uint64(b[16:]), native.Uint64(b[32:]), native.Uint64(b[40:]), native.Uint64(b[48:])}, nil
}

// layout is what walkPages learns of a file.
type layout struct {
	metaPage
	buckets map[string]found // top-level buckets
}

// found is what the walk finds in a bucket: its records counted in both ways.
type found struct {
	keyCount
	keySum uint64 // sum of keyHash of the keys: what format version 1 had as Sum
}

// as returns the count of a format version.
func (f found) as(version uint32) keyCount {
	if version < 2 {
		return keyCount{f.Keys, f.keySum}
	}
	return f.keyCount
}

// walkPages verifies the pages of a bbolt file from the newest meta page down: every page in use lies
// in the file, says who it is, is used once and holds keys in order; every other page is on the list of
// free ones. Both meta pages must be whole: with one of them gone nobody can tell whether the other is
// the newest. It returns ErrNotDatabase for a file that never was a bbolt file, ErrCorrupt for damage.
func walkPages(f io.ReaderAt, size int64) (*layout, error) {
	m0, err0 := readMeta(f, 0)
	if err0 != nil {
		for off := int64(1024); off <= 1024<<14 && off < size; off <<= 1 {
			if _, err := readMeta(f, off); err == nil {
				return nil, fmt.Errorf("meta page 0: %v: %w", err0, ErrCorrupt)
			}
		}
		if errors.Is(err0, errNoMeta) {
			return nil, fmt.Errorf("a file of another kind: %w", ErrNotDatabase)
		}
		return nil, fmt.Errorf("meta page 0: %v: %w", err0, ErrCorrupt)
	}
	m := m0
	m1, err1 := readMeta(f, int64(m0.pageSize))
	if err1 != nil {
		return nil, fmt.Errorf("meta page 1: %v: %w", err1, ErrCorrupt)
	}
	if m1.txid > m0.txid {
		m = m1
	}
	if m1.pageSize != m0.pageSize || m.pageSize < 1024 || m.pageSize > 1<<26 || bits.OnesCount32(m.pageSize) != 1 {
		return nil, fmt.Errorf("meta pages: page sizes %d and %d: %w", m0.pageSize, m1.pageSize, ErrCorrupt)
	}
	if m.pages < 2 || m.pages > uint64(size)/uint64(m.pageSize) {
		return nil, fmt.Errorf("file of %d bytes is too short for %d pages of %d: %w", size, m.pages, m.pageSize, ErrCorrupt)
	}
	w := &walker{f: f, m: m, used: make([]uint64, m.pages/64+1), buckets: make(map[string]found)}
	w.used[0] = 3 // the meta pages
	err := w.page(m.root, nil, nil, 0, nil)
	if err == nil {
		err = w.freelist()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrCorrupt)
	}
	return &layout{m, w.buckets}, nil
}

type walker struct {
	f       io.ReaderAt
	m       metaPage
	used    []uint64 // a bit a page
	bufs    [maxDepth][]byte
	buckets map[string]found
}

// pageView is a page being read: what lies beyond the first part is fetched when asked for.
type pageView struct {
	f     io.ReaderAt
	off   int64  // of the page in the file
	size  uint64 // with overflow
	first []byte
}

// at returns n bytes at offset o of the page. They may be overwritten by the next page of the same depth.
func (p *pageView) at(o, n uint64) ([]byte, error) {
	if n > p.size || o > p.size-n {
		return nil, fmt.Errorf("bytes %d..%d of %d", o, o+n, p.size)
	}
	if o+n <= uint64(len(p.first)) {
		return p.first[o : o+n], nil
	}
	b := make([]byte, n)
	if _, err := p.f.ReadAt(b, p.off+int64(o)); err != nil {
		return nil, err
	}
	return b, nil
}

// open reads the head of page id and marks the page as used.
func (w *walker) open(id uint64, depth int) (p pageView, flags, count uint16, err error) {
	if id < 2 || id >= w.m.pages {
		return p, 0, 0, fmt.Errorf("page %d of %d", id, w.m.pages)
	}
	if w.bufs[depth] == nil {
		w.bufs[depth] = make([]byte, w.m.pageSize)
	}
	buf := w.bufs[depth]
	p = pageView{f: w.f, off: int64(id) * int64(w.m.pageSize), first: buf}
	if _, err := w.f.ReadAt(buf, p.off); err != nil {
		return p, 0, 0, fmt.Errorf("page %d: %w", id, err)
	}
	if got := native.Uint64(buf); got != id {
		return p, 0, 0, fmt.Errorf("page %d calls itself page %d", id, got)
	}
	overflow := uint64(native.Uint32(buf[12:]))
	if overflow >= w.m.pages-id {
		return p, 0, 0, fmt.Errorf("page %d: %d pages more, of %d", id, overflow, w.m.pages)
	}
	for i := id; i <= id+overflow; i++ {
		if err := w.use(i); err != nil {
			return p, 0, 0, err
		}
	}
	p.size = (overflow + 1) * uint64(w.m.pageSize)
	return p, native.Uint16(buf[8:]), native.Uint16(buf[10:]), nil
}

func (w *walker) use(id uint64) error {
	if w.used[id/64]>>(id%64)&1 != 0 {
		return fmt.Errorf("page %d is used twice", id)
	}
	w.used[id/64] |= 1 << (id % 64)
	return nil
}

// page verifies the tree below page id, whose keys must lie in [lo, hi); nil is no bound. The keys of
// leaves are counted in c, or if c is nil are the names of top-level buckets.
func (w *walker) page(id uint64, lo, hi []byte, depth int, c *found) error {
	if depth >= maxDepth {
		return fmt.Errorf("page %d: %d levels deep", id, depth)
	}
	p, flags, count, err := w.open(id, depth)
	if err != nil {
		return err
	}
	switch flags {
	case flagBranch:
		err = w.branch(&p, count, lo, hi, depth, c)
	case flagLeaf:
		err = w.leaf(&p, count, lo, hi, depth, c)
	default:
		err = fmt.Errorf("flags %#x", flags)
	}
	if err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

func (w *walker) branch(p *pageView, count uint16, lo, hi []byte, depth int, c *found) error {
	if count == 0 {
		return errors.New("branch without children")
	}
	elems, err := p.at(pageHeader, uint64(count)*pageElement)
	if err != nil {
		return err
	}
	key := func(i int) ([]byte, error) {
		e := elems[i*pageElement:]
		return p.at(pageHeader+uint64(i)*pageElement+uint64(native.Uint32(e)), uint64(native.Uint32(e[4:])))
	}
	k, err := key(0)
	if err != nil {
		return err
	}
	for i := range int(count) {
		next := hi
		if i+1 < int(count) {
			if next, err = key(i + 1); err != nil {
				return err
			}
		}
		if err := inOrder(k, lo, hi, i == 0); err != nil {
			return err
		}
		if next != nil && bytes.Compare(k, next) >= 0 {
			return fmt.Errorf("key %x is not before %x", k, next)
		}
		if err := w.page(native.Uint64(elems[i*pageElement+8:]), k, next, depth+1, c); err != nil {
			return err
		}
		lo, k = k, next
	}
	return nil
}

func (w *walker) leaf(p *pageView, count uint16, lo, hi []byte, depth int, c *found) error {
	elems, err := p.at(pageHeader, uint64(count)*pageElement)
	if err != nil {
		return err
	}
	for i := range int(count) {
		e := elems[i*pageElement:]
		flags, pos, ksize, vsize := native.Uint32(e), uint64(native.Uint32(e[4:])), uint64(native.Uint32(e[8:])), uint64(native.Uint32(e[12:]))
		off := pageHeader + uint64(i)*pageElement + pos
		k, err := p.at(off, ksize)
		if err != nil {
			return err
		}
		if ksize+vsize > p.size || off > p.size-ksize-vsize {
			return fmt.Errorf("value at %d..%d of %d", off+ksize, off+ksize+vsize, p.size)
		}
		if err := inOrder(k, lo, hi, i == 0); err != nil {
			return err
		}
		lo = k
		switch {
		case flags == leafBucket:
			if err := w.bucket(p, k, off+ksize, vsize, depth, c); err != nil {
				return err
			}
		case flags != 0 || c == nil:
			return fmt.Errorf("key %x: element flags %#x", k, flags)
		}
		if c != nil {
			n := min(vsize, checksumBytes)
			end, err := p.at(off+ksize+vsize-n, n)
			if err != nil {
				return err
			}
			c.add(k, end)
			c.keySum += keyHash(k)
		}
	}
	return nil
}

// bucket verifies the bucket whose header lies at off of page p.
func (w *walker) bucket(p *pageView, name []byte, off, size uint64, depth int, parent *found) error {
	b, err := p.at(off, size)
	if err != nil {
		return err
	}
	if size < 16 {
		return fmt.Errorf("bucket %q: header of %d bytes", name, size)
	}
	var c found
	if root := native.Uint64(b); root != 0 {
		name = bytes.Clone(name)
		err = w.page(root, nil, nil, depth+1, &c)
	} else if size < 16+pageHeader || native.Uint16(b[16+8:]) != flagLeaf || native.Uint32(b[16+12:]) != 0 || depth+1 >= maxDepth {
		err = errors.New("damaged page inside")
	} else {
		inner := pageView{size: size - 16, first: b[16:]}
		err = w.leaf(&inner, native.Uint16(b[16+10:]), nil, nil, depth+1, &c)
	}
	if err != nil {
		return fmt.Errorf("bucket %q: %w", name, err)
	}
	if parent == nil {
		w.buckets[string(name)] = c
	}
	return nil
}

// inOrder reports a key that is not above lo (or not below it, for the first key of a page) or not below hi.
func inOrder(k, lo, hi []byte, first bool) error {
	if len(k) == 0 {
		return errors.New("empty key")
	}
	if lo != nil {
		if c := bytes.Compare(lo, k); c > 0 || c == 0 && !first {
			return fmt.Errorf("key %x after %x", k, lo)
		}
	}
	if hi != nil && bytes.Compare(k, hi) >= 0 {
		return fmt.Errorf("key %x is not before %x", k, hi)
	}
	return nil
}

// freelist verifies that each page is either used or on the list of free pages.
func (w *walker) freelist() error {
	if w.m.freelist == noFreelist {
		return nil // a file of another program: this one always writes the list
	}
	p, flags, n, err := w.open(w.m.freelist, 0)
	if err != nil {
		return fmt.Errorf("free list: %w", err)
	}
	count, off := uint64(n), uint64(pageHeader)
	if n == 0xFFFF {
		count = native.Uint64(p.first[pageHeader:])
		off += 8
	}
	if flags != flagFreelist || count > w.m.pages {
		return fmt.Errorf("free list: flags %#x, %d entries", flags, count)
	}
	ids, err := p.at(off, count*8)
	if err != nil {
		return fmt.Errorf("free list: %w", err)
	}
	var last uint64
	for i := range count {
		id := native.Uint64(ids[i*8:])
		if id <= last || id >= w.m.pages {
			return fmt.Errorf("free list: page %d after %d of %d", id, last, w.m.pages)
		}
		if err := w.use(id); err != nil {
			return fmt.Errorf("free list: %w", err)
		}
		last = id
	}
	for id := range w.m.pages {
		if w.used[id/64]>>(id%64)&1 == 0 {
			return fmt.Errorf("page %d is neither used nor free", id)
		}
	}
	return nil
}
