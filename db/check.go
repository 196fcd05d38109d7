package db

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/semsearch/semsearch/db/chunk"
)

// Problem is one finding of Check.
type Problem struct {
	Record  string // such as "passage 12/3" or "postings \"tea\" block 0"
	Message string
}

// String is "record: message".
func (p Problem) String() string { return p.Record + ": " + p.Message }

// Report is what Check looked at and found.
type Report struct {
	Documents, Passages, Vectors, Nodes, Terms int
	Problems                                   []Problem // the first maxProblems
	Omitted                                    int       // problems beyond those
}

const maxProblems = 1000

// Check reads the whole file and compares everything with everything: the pages, the checksum of each
// record, the counts; documents with their texts and hashes; passages with texts; vectors and graph with
// passages; postings and lengths with the texts analysed anew. Writers wait until it is done. It takes
// about as long as adding everything again with vectors that cost nothing.
//
// If anything is wrong the report lists it and the error wraps [ErrCorrupt]. Other errors mean that the
// check could not be made.
func (d *DB) Check(ctx context.Context) (Report, error) {
	if err := d.enter(ctx); err != nil {
		return Report{}, err
	}
	defer d.leave()
	if err := d.lock(ctx); err != nil {
		return Report{}, err
	}
	defer d.unlock()
	c := &checker{ctx: ctx, d: d}
	err := c.run()
	switch {
	case err != nil && !errors.Is(err, ErrCorrupt):
		return c.report, err
	case err != nil:
		c.problem("database", "%v", err)
	}
	if n := len(c.report.Problems); n > 0 {
		return c.report, fmt.Errorf("%s: %d problems, the first: %s: %w", d.path, n+c.report.Omitted, c.report.Problems[0], ErrCorrupt)
	}
	return c.report, nil
}

// CheckFile is Check for a file that may be too damaged for Open: it opens the file for reading, without an
// encoder, and looks as far as it gets. o may be nil; only its Timeout counts. Damage is in the report, and
// the error wraps [ErrCorrupt]; other errors are those of Open and Check.
func CheckFile(ctx context.Context, path string, o *Options) (Report, error) {
	opts := Options{ReadOnly: true, MustExist: true}
	if o != nil {
		opts.Timeout = o.Timeout
	}
	d, err := open(path, nil, &opts, true)
	if err != nil {
		if errors.Is(err, ErrCorrupt) {
			msg := strings.TrimPrefix(strings.TrimSuffix(err.Error(), ": "+ErrCorrupt.Error()), path+": ")
			return Report{Problems: []Problem{{"database", msg}}}, err
		}
		return Report{}, err
	}
	report, err := d.Check(ctx)
	return report, errors.Join(err, d.Close())
}

type checker struct {
	ctx    context.Context
	d      *DB
	t      *txn
	report Report

	block     uint64            // of documents being gathered
	gathered  map[int]*analysis // of that block, by offset
	expected  int               // postings records that there should be
	lengths   int               // likewise
	passages  map[uint64]uint32 // number of passages by document
	sums      counts            // added up
	docsSeen  map[uint64]string // id by document number
	textBytes map[uint64]uint64 // by document number
}

func (c *checker) problem(record, format string, args ...any) {
	if len(c.report.Problems) == maxProblems {
		c.report.Omitted++
		return
	}
	msg := strings.TrimSuffix(fmt.Sprintf(format, args...), ": "+ErrCorrupt.Error())
	msg = strings.TrimPrefix(msg, record+": ")
	c.report.Problems = append(c.report.Problems, Problem{record, msg})
}

// damage notes an error of a record and goes on, unless it is of another kind.
func (c *checker) damage(record string, err error) error {
	if err == nil || !errors.Is(err, ErrCorrupt) {
		return err
	}
	c.problem(record, "%v", err)
	return nil
}

func (c *checker) run() error {
	fi, err := c.d.file.Stat()
	if err != nil {
		return err
	}
	pages, err := walkPages(c.d.file, fi.Size())
	if err != nil {
		return err // beyond this point bbolt would be led astray
	}
	return c.d.view(func(t *txn) error {
		c.t = t
		for b := range numBuckets {
			if msg := pages.differs(b, &t.counts, c.d.version.Load()); msg != "" {
				c.problem("bucket "+b.String(), "%s", msg)
			}
		}
		for _, step := range []func() error{c.ids, c.documents, c.texts, c.vectors, c.postings, c.graph} {
			if err := step(); err != nil {
				return err
			}
			if err := c.ctx.Err(); err != nil {
				return err
			}
		}
		return nil
	})
}

// each calls fn for each whole record of a bucket and notes the others.
func (c *checker) each(b bucket, fn func(name string, e entry) error) error {
	n := 0
	for e, err := range c.t.scan(b, nil, nil) {
		if n++; n%1024 == 0 && c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		name := recordName(b, e.key)
		if err == nil {
			err = fn(name, e)
		}
		if err := c.damage(name, err); err != nil {
			return err
		}
	}
	return nil
}

// ids checks that each id leads to a document.
func (c *checker) ids() error {
	c.docsSeen = make(map[uint64]string)
	return c.each(bucketIDs, func(name string, e entry) error {
		if len(e.payload) != 8 {
			c.problem(name, "%d bytes", len(e.payload))
			return nil
		}
		num := binary.LittleEndian.Uint64(e.payload)
		if other, ok := c.docsSeen[num]; ok {
			c.problem(name, "leads to document %d, as id %q does", num, other)
		}
		c.docsSeen[num] = string(e.key)
		return nil
	})
}

// documents checks documents, their texts and passages, and block by block their postings.
func (c *checker) documents() error {
	c.passages = make(map[uint64]uint32)
	c.textBytes = make(map[uint64]uint64)
	c.gathered = make(map[int]*analysis)
	err := c.each(bucketDocuments, func(name string, e entry) error {
		if len(e.key) != 8 {
			c.problem(name, "key of %d bytes", len(e.key))
			return nil
		}
		num := binary.BigEndian.Uint64(e.key)
		var rec documentRecord
		if err := decodeAs(bucketDocuments, e.key, e.payload, &rec); err != nil {
			return err
		}
		c.report.Documents++
		c.passages[num], c.textBytes[num] = rec.Passages, rec.TextBytes
		if id, ok := c.docsSeen[num]; !ok || id != rec.ID {
			c.problem(name, "has id %q, which leads elsewhere or nowhere", rec.ID)
		}
		delete(c.docsSeen, num)
		if num >= c.t.counts.NextDocument {
			c.problem(name, "is numbered beyond the next document, %d", c.t.counts.NextDocument)
		}
		if num>>blockShift != c.block {
			if err := c.postingsBlock(); err != nil {
				return err
			}
			c.block = num >> blockShift
		}
		return c.document(name, num, &rec)
	})
	if err != nil {
		return err
	}
	if err := c.postingsBlock(); err != nil {
		return err
	}
	for num, id := range c.docsSeen {
		c.problem(recordName(bucketIDs, []byte(id)), "leads to document %d, which is missing", num)
	}
	for _, x := range []struct {
		name      string
		got, want uint64
	}{
		{"tokens", c.t.counts.Tokens, c.sums.Tokens},
		{"passage tokens", c.t.counts.PassageTokens, c.sums.PassageTokens},
		{"text bytes", c.t.counts.TextBytes, c.sums.TextBytes},
	} {
		if x.got != x.want {
			c.problem("meta \"counts\"", "%s %d, the documents have %d", x.name, x.got, x.want)
		}
	}
	return nil
}

// document checks one document.
func (c *checker) document(name string, num uint64, rec *documentRecord) error {
	c.sums.TextBytes += rec.TextBytes
	c.sums.Tokens += uint64(rec.Tokens)
	text, err := c.t.text(num, int(rec.TextBytes), 0, int(rec.TextBytes))
	if err != nil {
		return c.damage(name, err)
	}
	doc := Document{Title: rec.Title, Text: text, Format: formatNames[rec.Format], Source: rec.Source, Metadata: rec.Metadata}
	if ContentHash(doc) != rec.Hash {
		c.problem(name, "content does not have the stored hash")
	}
	spans := make([]passageRecord, 0, rec.Passages)
	for ord := range int(rec.Passages) {
		key := key64(passageID(num, ord))
		var pr passageRecord
		if err := c.t.decode(bucketPassages, key, &pr); err != nil {
			if err := c.damage(recordName(bucketPassages, key), err); err != nil {
				return err
			}
			continue
		}
		c.report.Passages++
		c.sums.PassageTokens += uint64(pr.Tokens)
		if uint64(pr.End) > rec.TextBytes || ord > 0 && len(spans) == ord && pr.Start <= spans[ord-1].Start {
			c.problem(recordName(bucketPassages, key), "range %d..%d in a text of %d bytes", pr.Start, pr.End, rec.TextBytes)
			continue
		}
		spans = append(spans, pr)
	}
	if len(spans) != int(rec.Passages) {
		return nil // noted already
	}
	a := analyze(rec.Title, text, spans)
	places := make([]chunk.Span, len(spans))
	for i, pr := range spans {
		places[i] = chunk.Span{Start: int(pr.Start), End: int(pr.End)}
	}
	covered := 0
	for i, at := range locate(text, places) {
		pr := spans[i]
		rn := recordName(bucketPassages, key64(passageID(num, i)))
		if pr.Line != at.Line || pr.Col != at.Col {
			c.problem(rn, "at %d:%d, want %d:%d", pr.Line, pr.Col, at.Line, at.Col)
		}
		if pr.Tokens != a.passageTokens[i] {
			c.problem(rn, "%d tokens, want %d", pr.Tokens, a.passageTokens[i])
		}
		if int(pr.Start) > covered && !blank(text[covered:pr.Start]) {
			c.problem(rn, "text before it, from byte %d, is in no passage", covered)
		}
		covered = max(covered, int(pr.End))
	}
	if !blank(text[covered:]) {
		c.problem(name, "text from byte %d on is in no passage", covered)
	}
	if int(rec.Tokens) != a.tokens || int(rec.TitleTokens) != a.titleTokens {
		c.problem(name, "%d tokens, %d of them in the title; want %d and %d", rec.Tokens, rec.TitleTokens, a.tokens, a.titleTokens)
	}
	c.gathered[int(num&(DocumentsPerBlock-1))] = a
	return nil
}

// postingsBlock compares what was gathered of a block of documents with its postings and lengths.
func (c *checker) postingsBlock() error {
	if len(c.gathered) == 0 {
		return nil
	}
	edits := newPostingEdits()
	for offset, a := range c.gathered {
		edits.document(c.block<<blockShift|uint64(offset), a, false)
	}
	clear(c.gathered)
	c.expected += len(edits.blocks)
	for _, key := range slices.Sorted(maps.Keys(edits.blocks)) {
		name := recordName(bucketPostings, []byte(key))
		got, err := c.t.must(bucketPostings, []byte(key))
		if err != nil {
			if err := c.damage(name, err); err != nil {
				return err
			}
			continue
		}
		entries := [DocumentsPerBlock]*posting{}
		for i := range edits.blocks[key] {
			p := &edits.blocks[key][i].posting
			entries[p.offset] = p
		}
		if want := encodePostings(&entries); !bytes.Equal(got, want) {
			c.problem(name, "does not match the documents")
		}
	}
	key := key64(c.block)
	got, err := c.t.must(bucketLengths, key)
	if err != nil {
		return c.damage(recordName(bucketLengths, key), err)
	}
	c.lengths++
	want := make([]byte, lengthsBytes)
	for offset, l := range edits.lengths[c.block] {
		binary.LittleEndian.PutUint32(want[4*offset:], l.tokens+1)
	}
	if !bytes.Equal(got, want) {
		c.problem(recordName(bucketLengths, key), "does not match the documents")
	}
	return nil
}

// texts checks that no block of text and no passage is without its document.
func (c *checker) texts() error {
	err := c.each(bucketTexts, func(name string, e entry) error {
		if len(e.key) != 12 {
			c.problem(name, "key of %d bytes", len(e.key))
			return nil
		}
		size, ok := c.textBytes[binary.BigEndian.Uint64(e.key)]
		if !ok || int(binary.BigEndian.Uint32(e.key[8:])) >= textBlocks(int(size)) {
			c.problem(name, "belongs to no document")
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.each(bucketPassages, func(name string, e entry) error { c.owned(name, e); return nil })
}

// owned notes a record keyed by passage whose passage does not exist.
func (c *checker) owned(name string, e entry) {
	if len(e.key) != 8 {
		c.problem(name, "key of %d bytes", len(e.key))
		return
	}
	num, ord := splitPassageID(binary.BigEndian.Uint64(e.key))
	if n, ok := c.passages[num]; !ok || ord >= int(n) {
		c.problem(name, "belongs to no passage")
	}
}

// vectors checks that there is a vector and a node for each passage and no other.
func (c *checker) vectors() error {
	v := make([]float32, c.d.config.Dim)
	err := c.each(bucketVectors, func(name string, e entry) error {
		c.report.Vectors++
		c.owned(name, e)
		if err := decodeVector(e.payload, v); err != nil {
			c.problem(name, "%v", err)
			return nil
		}
		for i, x := range v {
			if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
				c.problem(name, "value %d is %v", i, x)
				break
			}
		}
		return nil
	})
	if err == nil {
		err = c.each(bucketNodes, func(name string, e entry) error {
			c.report.Nodes++
			c.owned(name, e)
			return nil
		})
	}
	if err != nil {
		return err
	}
	for _, num := range slices.Sorted(maps.Keys(c.passages)) {
		for ord := range int(c.passages[num]) {
			key := key64(passageID(num, ord))
			for _, b := range []bucket{bucketVectors, bucketNodes} {
				if _, ok, err := c.t.get(b, key); err == nil && !ok {
					c.problem(recordName(b, key), "is missing")
				}
			}
		}
	}
	return nil
}

// postings checks that there are no more records than the documents account for, and counts terms.
func (c *checker) postings() error {
	records, last := 0, ""
	err := c.each(bucketPostings, func(name string, e entry) error {
		records++
		term, _, ok := splitPostingsKey(e.key)
		if !ok {
			c.problem(name, "malformed key")
			return nil
		}
		if term != last {
			c.report.Terms++
			last = term
		}
		if err := eachPosting(e.payload, func(posting) {}); err != nil {
			c.problem(name, "%v", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	lengths := 0
	if err := c.each(bucketLengths, func(string, entry) error { lengths++; return nil }); err != nil {
		return err
	}
	if len(c.report.Problems) > 0 {
		return nil // what is missing was noted; the sums below would only say it again
	}
	if records != c.expected {
		c.problem("bucket postings", "%d records, the documents account for %d", records, c.expected)
	}
	if lengths != c.lengths {
		c.problem("bucket lengths", "%d records, the documents account for %d", lengths, c.lengths)
	}
	if uint64(c.report.Terms) != c.t.counts.Terms {
		c.problem("meta \"counts\"", "%d terms, there are %d", c.t.counts.Terms, c.report.Terms)
	}
	return nil
}

// graph loads the graph anew and checks it, and the one in memory.
func (c *checker) graph() error {
	stored := 0
	if c.d.config.Dim > 0 {
		ix, err := c.d.readIndex(c.t)
		if err != nil {
			return c.damage("graph", err)
		}
		if err := ix.Check(); err != nil {
			c.problem("graph", "%v", err)
		}
		stored = ix.Len()
	}
	if ix := c.d.ix.Load(); ix != nil {
		if err := ix.Check(); err != nil {
			c.problem("graph in memory", "%v", err)
		}
		if ix.Len() != stored {
			c.problem("graph in memory", "%d nodes, %d are stored", ix.Len(), stored)
		}
	}
	return nil
}

// blank reports whether a text is white space.
func blank(s string) bool { return strings.TrimFunc(s, unicode.IsSpace) == "" }
