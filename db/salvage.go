package db

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
)

// This file finds what is left in a damaged file. It does not use bbolt, and trusts nothing but the
// checksum of a record: every page is searched for records, whatever its header says, and a record is
// taken when its checksum is right for one of the buckets. What a record is worth depends on where it
// lies: pages that are not part of the current state hold old records, of documents that were deleted
// since. See salvager.findState.

// place is where the value of a record lies in the file.
type place struct {
	off  int64
	n    int  // bytes, checksum included
	live bool // in a page of the current state
}

// textID is the key of a block of text, taken apart.
type textID struct {
	num   uint64
	block uint32
}

// salvager is what is known of a damaged file.
type salvager struct {
	f     io.ReaderAt
	size  int64
	page  int64  // page size
	pages uint64 // in the file; the last may be cut

	live    pageSet // pages of the current state
	trusted bool    // it is the newest there was
	counts  *counts // of that state; nil if they are lost

	documents map[uint64]place
	texts     map[textID]place
	passages  map[uint64]place
	vectors   map[uint64]place
	ids       map[string]uint64 // of the current state
	named     map[uint64]string // ids turned round
	lengths   map[uint64][]byte // of the current state
	config    *config
	next      uint64 // the largest number of a next document that was found
}

// pageSet is a set of page numbers.
type pageSet []uint64

func newPageSet(n uint64) pageSet    { return make(pageSet, n/64+1) }
func (s pageSet) has(id uint64) bool { return id/64 < uint64(len(s)) && s[id/64]>>(id%64)&1 != 0 }
func (s pageSet) add(id uint64)      { s[id/64] |= 1 << (id % 64) }

// newSalvager searches a file. It returns ErrNotDatabase if there is no record of a database in it.
func newSalvager(ctx context.Context, f io.ReaderAt, size int64) (*salvager, error) {
	s := &salvager{
		f: f, size: size, page: pageSize,
		documents: map[uint64]place{}, texts: map[textID]place{}, passages: map[uint64]place{}, vectors: map[uint64]place{},
		ids: map[string]uint64{}, named: map[uint64]string{}, lengths: map[uint64][]byte{},
	}
	metas := s.readMetas()
	s.pages = uint64((size + s.page - 1) / s.page)
	if err := s.findState(ctx, metas); err != nil {
		return nil, err
	}
	if err := s.findRecords(ctx); err != nil {
		return nil, err
	}
	if len(s.documents)+len(s.texts)+len(s.passages) == 0 && s.config == nil {
		return nil, ErrNotDatabase
	}
	return s, nil
}

// looseMeta is a meta page that may be damaged.
type looseMeta struct {
	metaPage
	whole bool // its checksum is right
}

// readMetas reads both meta pages and finds the page size.
func (s *salvager) readMetas() []looseMeta {
	read := func(off int64) (m looseMeta, ok bool) {
		var err error
		if m.metaPage, err = readMeta(s.f, off); err == nil {
			size := m.pageSize
			m.whole = size >= 1024 && size <= 1<<26 && bits.OnesCount32(size) == 1
			return m, m.whole
		}
		var b [metaBytes]byte
		if _, err := s.f.ReadAt(b[:], off+pageHeader); err != nil {
			return m, false
		}
		m.metaPage = metaPage{native.Uint32(b[8:]), native.Uint64(b[16:]), native.Uint64(b[32:]), native.Uint64(b[40:]), native.Uint64(b[48:])}
		return m, true
	}
	m0, ok0 := read(0)
	if m0.whole {
		s.page = int64(m0.pageSize)
	} else {
		for off := int64(1024); off <= 1<<26 && off < s.size; off <<= 1 {
			if m, err := readMeta(s.f, off); err == nil && int64(m.pageSize) == off {
				s.page = off
			}
		}
	}
	var out []looseMeta
	if ok0 {
		out = append(out, m0)
	}
	if m1, ok := read(s.page); ok {
		out = append(out, m1)
	}
	return out
}

// findState finds out which pages are part of the current state. From the newest meta page a tree leads to
// all of them, and the list of free pages names all others; either will do. If neither is whole, the pages that
// the tree still reaches are part of it, and of others nothing is known.
func (s *salvager) findState(ctx context.Context, metas []looseMeta) error {
	s.trusted = len(metas) == 2 && metas[0].whole && metas[1].whole
	if s.trusted {
		m := metas[0].metaPage
		if metas[1].txid > m.txid {
			m = metas[1].metaPage
		}
		s.live = s.state(m)
		return ctx.Err()
	}
	// One of the meta pages is gone, and it may have been the newer one. The state that counts the most
	// commits is the newest; its root may have to be searched for.
	roots, err := s.findRoots(ctx)
	if err != nil {
		return err
	}
	var candidates []metaPage
	for _, m := range metas {
		candidates = append(candidates, m.metaPage)
	}
	for _, root := range roots {
		candidates = append(candidates, metaPage{root: root, freelist: noFreelist})
	}
	var best metaPage
	commit, found := uint64(0), false
	for _, m := range candidates {
		t := s.reach(m.root)
		if t.counts != nil && (!found || t.counts.Commit > commit) {
			best, commit, found = m, t.counts.Commit, true
		}
	}
	if !found {
		s.live = newPageSet(s.pages)
		return nil
	}
	s.live = s.state(best)
	return nil
}

// state returns the pages of the state that a meta page leads to.
func (s *salvager) state(m metaPage) pageSet {
	t := s.reach(m.root)
	s.counts = t.counts
	w := &walker{f: s.f, m: metaPage{pageSize: uint32(s.page), pages: uint64(s.size / s.page)}, used: newPageSet(s.pages), buckets: map[string]found{}}
	if w.page(m.root, nil, nil, 0, nil) == nil && t.counts != nil {
		l := layout{w.m, w.buckets}
		whole := true
		for b := range numBuckets {
			whole = whole && (l.differs(b, t.counts, 1) == "" || l.differs(b, t.counts, FormatVersion) == "")
		}
		if whole {
			return w.used
		}
	}
	if free, ok := s.free(m); ok {
		live, overlap := newPageSet(s.pages), false
		for id := uint64(2); id < min(m.pages, s.pages); id++ {
			if !free.has(id) {
				live.add(id)
			} else if t.pages.has(id) {
				overlap = true
			}
		}
		if s.trusted || !overlap && !t.broken {
			return live
		}
	}
	return t.pages
}

// free reads the list of free pages.
func (s *salvager) free(m metaPage) (pageSet, bool) {
	// The number of pages may be damaged, or the file cut; memory is taken in proportion to it.
	if m.freelist < 2 || m.freelist >= s.pages || m.pages < 2 || m.pages > max(16*s.pages, 1<<24) {
		return nil, false
	}
	head, err := s.read(int64(m.freelist)*s.page, pageHeader+8)
	if err != nil || native.Uint64(head) != m.freelist || native.Uint16(head[8:]) != flagFreelist {
		return nil, false
	}
	count, off := uint64(native.Uint16(head[10:])), int64(pageHeader)
	if count == 0xFFFF {
		count, off = native.Uint64(head[pageHeader:]), off+8
	}
	if count > m.pages {
		return nil, false
	}
	list, err := s.read(int64(m.freelist)*s.page+off, int64(count)*8)
	if err != nil {
		return nil, false
	}
	free, last := newPageSet(m.pages), uint64(1)
	for i := range count {
		id := native.Uint64(list[i*8:])
		if id <= last || id >= m.pages {
			return nil, false
		}
		free.add(id)
		last = id
	}
	return free, true
}

// read reads n bytes at off, all of which must be in the file.
func (s *salvager) read(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > s.size || n > s.size-off {
		return nil, io.ErrUnexpectedEOF
	}
	b := make([]byte, n)
	_, err := s.f.ReadAt(b, off)
	return b, err
}

// pageAt reads page id, as much of it as there is, into buf. It returns nil if there is no head.
func (s *salvager) pageAt(id uint64, buf []byte) []byte {
	off := int64(id) * s.page
	n := min(s.page, s.size-off)
	if n < pageHeader {
		return nil
	}
	if _, err := s.f.ReadAt(buf[:n], off); err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	return buf[:n]
}

// reached is what a root page leads to.
type reached struct {
	pages  pageSet
	broken bool    // something was in the way
	counts *counts // nil if the record is lost
}

// reach follows the pages below a root as far as they can be read. Nothing is taken twice, so it ends.
func (s *salvager) reach(root uint64) *reached {
	t := &reached{pages: newPageSet(s.pages)}
	s.reachPage(t, root, 0, true)
	return t
}

func (s *salvager) reachPage(t *reached, id uint64, depth int, top bool) {
	if id < 2 || id >= s.pages || depth >= maxDepth || t.pages.has(id) {
		t.broken = true
		return
	}
	p := s.pageAt(id, make([]byte, min(s.page, s.size)))
	if p == nil {
		t.broken = true
		return
	}
	if native.Uint64(p) != id {
		t.broken = true
	}
	for i := range min(uint64(native.Uint32(p[12:])), s.pages-id-1) + 1 {
		t.pages.add(id + i)
	}
	count := int(native.Uint16(p[10:]))
	if len(p) >= pageHeader+pageElement {
		// Data follow the elements at once, so the first element says how many there are.
		pos := int(native.Uint32(p[pageHeader:]))
		if native.Uint16(p[8:]) == flagLeaf {
			pos = int(native.Uint32(p[pageHeader+4:]))
		}
		if count > 0 && pos != count*pageElement {
			t.broken = true
		}
	}
	count = min(count, (len(p)-pageHeader)/pageElement)
	switch native.Uint16(p[8:]) {
	case flagBranch:
		if count == 0 {
			t.broken = true
		}
		for i := range count {
			s.reachPage(t, native.Uint64(p[pageHeader+i*pageElement+8:]), depth+1, top)
		}
	case flagLeaf:
		if top {
			s.reachBuckets(t, p, id, depth)
		}
		s.eachRecord(p, int64(id)*s.page, func(b bucket, key, value []byte, _ int64) {
			if b == bucketMeta && string(key) == keyCounts {
				c := new(counts)
				if c.decode(value[:len(value)-checksumBytes]) == nil && (t.counts == nil || c.Commit > t.counts.Commit) {
					t.counts = c
				}
			}
		})
	default:
		t.broken = true
	}
}

// reachBuckets follows the buckets of a page of the top level.
func (s *salvager) reachBuckets(t *reached, p []byte, id uint64, depth int) {
	found := 0
	for b := range bucketNames {
		root, ok := rootOf(p, bucketNames[b])
		if !ok {
			continue
		}
		found++
		if root != 0 {
			s.reachPage(t, root, depth+1, false)
		}
	}
	if found != len(bucketNames) {
		t.broken = true
	}
}

// rootOf finds a bucket in a page of the top level: the element that has its name.
func rootOf(p []byte, name string) (root uint64, ok bool) {
	for i := 0; pageHeader+(i+1)*pageElement <= len(p); i++ {
		e := p[pageHeader+i*pageElement:]
		off := pageHeader + i*pageElement + int(native.Uint32(e[4:]))
		if native.Uint32(e) == leafBucket && int(native.Uint32(e[8:])) == len(name) && off >= 0 && off+len(name)+16 <= len(p) &&
			string(p[off:off+len(name)]) == name {
			return native.Uint64(p[off+len(name):]), true
		}
	}
	return 0, false
}

// findRoots finds all pages that look like a root: they have the buckets of a database.
func (s *salvager) findRoots(ctx context.Context) ([]uint64, error) {
	var roots []uint64
	buf := make([]byte, min(s.page, s.size))
	for id := uint64(2); id < s.pages; id++ {
		if id%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		p := s.pageAt(id, buf)
		if p == nil || !bytes.Contains(p, []byte(bucketNames[bucketDocuments])) {
			continue
		}
		n := 0
		for _, name := range bucketNames {
			if _, ok := rootOf(p, name); ok {
				n++
			}
		}
		if n >= 2 {
			roots = append(roots, id)
		}
	}
	return roots, nil
}

// findRecords searches every page.
func (s *salvager) findRecords(ctx context.Context) error {
	buf := make([]byte, min(s.page, s.size))
	for id := uint64(2); id < s.pages; id++ {
		if id%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if p := s.pageAt(id, buf); p != nil {
			live := s.live.has(id)
			s.eachRecord(p, int64(id)*s.page, func(b bucket, key, value []byte, off int64) {
				s.keep(b, key, value[:len(value)-checksumBytes], place{off, len(value), live})
			})
		}
	}
	return nil
}

// keep notes a record. Of two with the same key the one of the current state counts.
func (s *salvager) keep(b bucket, key, payload []byte, at place) {
	switch b {
	case bucketDocuments:
		keepPlace(s.documents, binary.BigEndian.Uint64(key), at)
	case bucketTexts:
		keepPlace(s.texts, textID{binary.BigEndian.Uint64(key), binary.BigEndian.Uint32(key[8:])}, at)
	case bucketPassages:
		keepPlace(s.passages, binary.BigEndian.Uint64(key), at)
	case bucketVectors:
		keepPlace(s.vectors, binary.BigEndian.Uint64(key), at)
	case bucketIDs:
		if at.live && len(payload) == 8 {
			num := binary.LittleEndian.Uint64(payload)
			s.ids[string(key)], s.named[num] = num, string(key)
		}
	case bucketLengths:
		if at.live && len(payload) == lengthsBytes {
			s.lengths[binary.BigEndian.Uint64(key)] = bytes.Clone(payload)
		}
	case bucketMeta:
		var c config
		var n counts
		switch string(key) {
		case keyConfig: // it changes once, when the first encoder is known
			if c.decode(payload) == nil && (s.config == nil || s.config.Dim == 0) {
				s.config = &c
			}
		case keyCounts:
			if n.decode(payload) == nil {
				s.next = max(s.next, n.NextDocument)
			}
		}
	}
}

func keepPlace[K comparable](m map[K]place, key K, at place) {
	if old, ok := m[key]; !ok || at.live && !old.live {
		m[key] = at
	}
}

// payload reads a record again.
func (s *salvager) payload(b bucket, key []byte, at place) ([]byte, error) {
	v, err := s.read(at.off, int64(at.n))
	if err != nil {
		return nil, err
	}
	return unseal(b, key, v)
}

// eachRecord calls fn for each record in a page that starts at off in the file, and for those of buckets
// that lie within it. Values may go on in the pages that follow.
func (s *salvager) eachRecord(p []byte, off int64, fn func(b bucket, key, value []byte, off int64)) {
	s.eachElement(p, off, fn)
	// A small bucket lies in the page of its parent: after its name, the header and a page of its own. That
	// begins with the page number 0 and the mark of a leaf.
	for at := pageHeader; ; at++ {
		i := bytes.Index(p[at:], inlineLeaf)
		if i < 0 {
			break
		}
		at += i
		s.eachElement(p[at:], off+int64(at), fn)
	}
	for _, name := range bucketNames {
		for at := 0; ; {
			i := bytes.Index(p[at:], []byte(name))
			if i < 0 {
				break
			}
			at += i + len(name)
			if at+16+pageHeader+pageElement <= len(p) && native.Uint64(p[at:]) == 0 {
				s.eachElement(p[at+16:], off+int64(at)+16, fn)
			}
		}
	}
}

// inlineLeaf is how the page of a bucket begins that lies in the page of its parent.
var inlineLeaf = native.AppendUint16(make([]byte, 8), flagLeaf)

// eachElement is eachRecord for one page. The number of elements is not believed: they end where the
// first data begin. Of an element that leads to no record, one number may be damaged; then its data lie
// between those of its neighbors.
func (s *salvager) eachElement(p []byte, off int64, fn func(b bucket, key, value []byte, off int64)) {
	type span struct{ start, end int64 } // of data, from the start of the page
	var spans []span
	first := int64(len(p))
	element := func(i int) (start, ksize, vsize int64) {
		e := p[pageHeader+i*pageElement:]
		return int64(pageHeader+i*pageElement) + int64(native.Uint32(e[4:])), int64(native.Uint32(e[8:])), int64(native.Uint32(e[12:]))
	}
	last := -1 // element that leads to a record
	for i := 0; int64(pageHeader+(i+1)*pageElement) <= first; i++ {
		start, ksize, vsize := element(i)
		spans = append(spans, span{-1, -1})
		if start < int64(pageHeader+(i+1)*pageElement) || ksize == 0 {
			continue
		}
		if s.record(p, off, start, ksize, vsize, fn) {
			last = i
			spans[i] = span{start, start + ksize + vsize}
			first = min(first, start)
		}
	}
	if last < 0 {
		return
	}
	for i, sp := range spans {
		if sp.start >= 0 {
			continue
		}
		start, ksize, vsize := element(i)
		var starts, ends []int64
		switch {
		case i == 0:
			// Data begin after the last element: by the page's own count, or by what was found.
			starts = append(starts, start, pageHeader+int64(native.Uint16(p[10:]))*pageElement, pageHeader+int64(last+1)*pageElement)
		case spans[i-1].end >= 0:
			starts = append(starts, spans[i-1].end, start)
		default:
			starts = append(starts, start)
		}
		if i+1 < len(spans) && spans[i+1].start >= 0 {
			ends = append(ends, spans[i+1].start)
		} else {
			n := int64(len(bytes.TrimRight(p, "\x00")))
			ends = append(ends, n, n+1, n+2, n+3, n+4)
		}
	try:
		for _, at := range starts {
			for _, k := range []int64{ksize, 8, 12} {
				if s.record(p, off, at, k, vsize, fn) {
					break try
				}
				for _, end := range ends {
					if s.record(p, off, at, k, end-at-k, fn) {
						break try
					}
				}
			}
		}
	}
}

// record calls fn if a record lies at start of the page: one whose checksum is right for a bucket.
func (s *salvager) record(p []byte, off, start, ksize, vsize int64, fn func(b bucket, key, value []byte, off int64)) bool {
	if start < pageHeader || ksize <= 0 || ksize > MaxIDBytes || vsize < checksumBytes || vsize > 4*MaxHeaderBytes {
		return false
	}
	var data []byte
	for b := range bucket(len(bucketNames)) {
		if !plausible(b, ksize, vsize) {
			continue
		}
		if data == nil {
			if start+ksize+vsize <= int64(len(p)) {
				data = p[start : start+ksize+vsize]
			} else {
				var err error
				if data, err = s.read(off+start, ksize+vsize); err != nil {
					return false
				}
			}
		}
		key, value := data[:ksize:ksize], data[ksize:]
		if _, err := unseal(b, key, value); err == nil && (b != bucketMeta || metaKey(key)) {
			fn(b, key, value, off+start+ksize)
			return true
		}
	}
	return false
}

func metaKey(key []byte) bool {
	switch string(key) {
	case keyMagic, keyVersion, keyConfig, keyCounts, keyGraph:
		return true
	}
	return false
}

// plausible reports whether a record of a bucket can have a key and a value of these sizes. Postings and
// nodes are made anew, and not looked for.
func plausible(b bucket, ksize, vsize int64) bool {
	switch b {
	case bucketIDs:
		return vsize == 8+checksumBytes
	case bucketDocuments:
		return ksize == 8 && vsize >= 61+checksumBytes
	case bucketTexts:
		return ksize == 12 && vsize <= TextBlockBytes+checksumBytes
	case bucketPassages:
		return ksize == 8 && vsize == 20+checksumBytes
	case bucketVectors:
		return ksize == 8 && vsize%4 == 0
	case bucketLengths:
		return ksize == 8 && vsize == lengthsBytes+checksumBytes
	case bucketMeta:
		return ksize >= 5 && ksize <= 7
	}
	return false
}
