package db

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/semsearch/semsearch/index"
)

// now is the clock; tests set it.
var now = time.Now

// Add writes documents in one transaction: all of them or, if it returns an error, none. A document
// whose id is present is replaced; one whose content is the same (see [ContentHash]) is left alone and
// not encoded again. When Add returns nil the documents survive a crash and every later query sees them.
//
// The order of work: validate, skip what is unchanged, cut into passages, encode outside any lock, then
// under the writer lock stage the change of the graph, write and commit, and publish the graph. ctx is
// honoured until the commit begins. Memory is taken for all documents of the call; a few hundred at
// once are a good measure, and one by one is slow because each call waits for the disk.
//
// Errors: [ErrInvalid] for a bad document or an id given twice, [ErrNoEncoder], [ErrEncoder],
// [ErrReadOnly], [ErrClosed], [ErrCorrupt], and those of the encoder, ctx and the operating system.
func (d *DB) Add(ctx context.Context, docs ...Document) (AddResult, error) {
	if err := d.enter(ctx); err != nil {
		return AddResult{}, err
	}
	defer d.leave()
	if d.o.ReadOnly {
		return AddResult{}, ErrReadOnly
	}
	ps := make([]*prepared, len(docs))
	seen := make(map[string]bool, len(docs))
	for i, doc := range docs {
		if err := doc.validate(); err != nil {
			return AddResult{}, err
		}
		if seen[doc.ID] {
			return AddResult{}, fmt.Errorf("document %q: id given twice: %w", doc.ID, ErrInvalid)
		}
		seen[doc.ID] = true
		doc.Format = doc.format()
		ps[i] = &prepared{doc: doc, hash: ContentHash(doc)}
	}
	if len(docs) == 0 {
		return AddResult{}, nil
	}
	for {
		// Another writer may change what is present while this one encodes; so look, encode what is
		// missing, and look again under the lock.
		plan, err := d.look(ctx, ps)
		if err == nil && len(plan.missing) > 0 {
			err = d.prepare(ctx, plan.missing)
		}
		if err != nil {
			return AddResult{}, err
		}
		if err := d.lock(ctx); err != nil {
			return AddResult{}, err
		}
		plan, err = d.plan(ps)
		if err == nil && len(plan.missing) > 0 {
			d.unlock()
			continue
		}
		if err == nil {
			err = d.write(ctx, plan)
		}
		d.unlock()
		if err != nil {
			return AddResult{}, err
		}
		return plan.result, nil
	}
}

// plan is what a writer is about to do.
type plan struct {
	result  AddResult
	missing []*prepared // not made ready yet
	add     []*prepared
	remove  []oldDocument
}

type oldDocument struct {
	num    uint64
	record documentRecord
}

// look is plan with the file's lock.
func (d *DB) look(ctx context.Context, ps []*prepared) (*plan, error) {
	if err := d.beginRead(ctx); err != nil {
		return nil, err
	}
	defer d.endRead()
	return d.plan(ps)
}

// plan compares documents with those present.
func (d *DB) plan(ps []*prepared) (*plan, error) {
	p := &plan{}
	return p, d.view(func(t *txn) error {
		for _, doc := range ps {
			num, rec, ok, err := t.document(doc.doc.ID)
			if err != nil {
				return err
			}
			if ok && rec.Hash == doc.hash {
				p.result.Unchanged++
				continue
			}
			if doc.passages == nil {
				p.missing = append(p.missing, doc)
				continue
			}
			if ok {
				p.result.Replaced++
				p.remove = append(p.remove, oldDocument{num, rec})
			} else {
				p.result.Added++
			}
			p.result.Passages += len(doc.passages)
			p.add = append(p.add, doc)
		}
		return nil
	})
}

// document looks a document up by its id.
func (t *txn) document(id string) (num uint64, rec documentRecord, ok bool, err error) {
	p, ok, err := t.get(bucketIDs, []byte(id))
	if err != nil || !ok {
		return 0, rec, false, err
	}
	if len(p) != 8 {
		return 0, rec, false, fmt.Errorf("%s: %d bytes: %w", recordName(bucketIDs, []byte(id)), len(p), ErrCorrupt)
	}
	num = binary.LittleEndian.Uint64(p)
	if err := t.decode(bucketDocuments, key64(num), &rec); err != nil {
		return 0, rec, false, err
	}
	if rec.ID != id {
		return 0, rec, false, fmt.Errorf("%s: has id %q, want %q: %w", recordName(bucketDocuments, key64(num)), rec.ID, id, ErrCorrupt)
	}
	return num, rec, true, nil
}

// DeleteOptions is how DeleteWith deletes. A nil *DeleteOptions and the zero value do what Delete does.
type DeleteOptions struct {
	// Secure overwrites all free space of the file with zeros after the documents are removed, so that
	// nothing of them is left in the file, nor of any that were deleted or replaced before: see DB.Scrub.
	Secure bool
}

// Delete removes documents in one transaction and returns how many of the ids were present. Ids that
// are not are no error. The file does not get smaller; the space is used again, and until then still holds
// what was in it: see [DB.DeleteWith] and [DB.Compact].
func (d *DB) Delete(ctx context.Context, ids ...string) (int, error) {
	return d.DeleteWith(ctx, nil, ids...)
}

// DeleteWith is Delete with options. An error of overwriting comes with the number of documents removed, which
// they are.
func (d *DB) DeleteWith(ctx context.Context, o *DeleteOptions, ids ...string) (int, error) {
	if err := d.enter(ctx); err != nil {
		return 0, err
	}
	defer d.leave()
	if d.o.ReadOnly {
		return 0, ErrReadOnly
	}
	for _, id := range ids {
		if err := validID(id); err != nil {
			return 0, err
		}
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	if err := d.lock(ctx); err != nil {
		return 0, err
	}
	defer d.unlock()
	p := &plan{}
	err := d.view(func(t *txn) error {
		for _, id := range ids {
			num, rec, ok, err := t.document(id)
			if err != nil {
				return err
			}
			if ok {
				p.remove = append(p.remove, oldDocument{num, rec})
			}
		}
		return nil
	})
	if err == nil {
		err = d.write(ctx, p)
	}
	if err != nil {
		return 0, err
	}
	if o != nil && o.Secure {
		err = d.scrub(ctx)
	}
	return len(p.remove), err
}

// write carries a plan out. The caller holds the writer lock.
func (d *DB) write(ctx context.Context, p *plan) error {
	if len(p.add) == 0 && len(p.remove) == 0 {
		return nil
	}
	ix, err := d.graph(ctx, true)
	if err != nil {
		return err
	}
	if ix == nil {
		return fmt.Errorf("database without vectors has documents: %w", ErrCorrupt)
	}
	if err := crashPoint("stage"); err != nil {
		return err
	}
	var next uint64
	if err := d.view(func(t *txn) error { next = t.counts.NextDocument; return nil }); err != nil {
		return err
	}
	if next > math.MaxUint64>>ordinalBits-uint64(len(p.add)) {
		return fmt.Errorf("no document numbers are left: %w", ErrInvalid)
	}
	batch := ix.Begin()
	defer batch.Discard()
	if err := stage(ctx, batch, p, next); err != nil {
		return err
	}
	// A query that misses a passage while the epoch is odd, or has moved on, has met this commit
	// half way and looks again.
	d.epoch.Add(1)
	defer d.epoch.Add(1)
	err = d.update(func(t *txn) error {
		if err := crashPoint("begin"); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		edits := newPostingEdits()
		for _, old := range p.remove {
			if err := t.removeDocument(old, edits); err != nil {
				return err
			}
		}
		if err := crashPoint("remove"); err != nil {
			return err
		}
		for i, doc := range p.add {
			if err := t.addDocument(next+uint64(i), doc, edits); err != nil {
				return err
			}
		}
		t.counts.NextDocument = next + uint64(len(p.add))
		if err := edits.apply(t); err != nil {
			return err
		}
		if err := crashPoint("postings"); err != nil {
			return err
		}
		return t.putGraph(batch)
	})
	if err == nil {
		batch.Commit()
	}
	return err
}

// stage makes the change of the graph in memory, where nobody sees it yet.
func stage(ctx context.Context, batch *index.Batch, p *plan, next uint64) error {
	for _, old := range p.remove {
		for ord := range int(old.record.Passages) {
			if err := ctx.Err(); err != nil {
				return err
			}
			id := passageID(old.num, ord)
			if err := batch.Delete(id); err != nil {
				err = fmt.Errorf("%s: %w", recordName(bucketNodes, key64(id)), err)
				if errors.Is(err, index.ErrNotFound) || errors.Is(err, index.ErrCorrupt) {
					err = fmt.Errorf("%w: %w", err, ErrCorrupt)
				}
				return err
			}
		}
	}
	for i, doc := range p.add {
		for ord, v := range doc.vectors {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := batch.Insert(passageID(next+uint64(i), ord), v); err != nil {
				return fmt.Errorf("document %q passage %d: %w", doc.doc.ID, ord, err)
			}
		}
	}
	return nil
}

// addDocument writes a document and everything that belongs to it alone.
func (t *txn) addDocument(num uint64, p *prepared, edits *postingEdits) error {
	a := p.analysis
	added := p.added
	if added.IsZero() {
		added = now()
	}
	rec := documentRecord{
		Format: uint8(slices.Index(formatNames[:], p.doc.Format)), Added: added,
		TextBytes: uint64(len(p.doc.Text)), Passages: uint32(len(p.passages)),
		Tokens: uint32(a.tokens), TitleTokens: uint32(a.titleTokens), Hash: p.hash,
		ID: p.doc.ID, Title: p.doc.Title, Source: p.doc.Source, Metadata: p.doc.Metadata,
	}
	if err := errors.Join(
		t.put(bucketIDs, []byte(p.doc.ID), binary.LittleEndian.AppendUint64(nil, num)),
		t.put(bucketDocuments, key64(num), rec.encode()),
		crashPoint("document"),
	); err != nil {
		return err
	}
	for block, text := 0, p.doc.Text; len(text) > 0; block++ {
		n := min(len(text), TextBlockBytes)
		b := make([]byte, n, n+checksumBytes)
		copy(b, text)
		if err := t.put(bucketTexts, textKey(num, block), b); err != nil {
			return err
		}
		text = text[n:]
	}
	if err := crashPoint("text"); err != nil {
		return err
	}
	for ord := range p.passages {
		if err := t.put(bucketPassages, key64(passageID(num, ord)), p.passages[ord].encode()); err != nil {
			return err
		}
		t.counts.PassageTokens += uint64(p.passages[ord].Tokens)
	}
	if err := crashPoint("passages"); err != nil {
		return err
	}
	for ord, v := range p.vectors {
		if err := t.put(bucketVectors, key64(passageID(num, ord)), encodeVector(v)); err != nil {
			return err
		}
	}
	edits.document(num, a, false)
	t.counts.Tokens += uint64(rec.Tokens)
	t.counts.TextBytes += rec.TextBytes
	return crashPoint("vectors")
}

// removeDocument undoes addDocument.
func (t *txn) removeDocument(old oldDocument, edits *postingEdits) error {
	num, rec := old.num, &old.record
	text, err := t.text(num, int(rec.TextBytes), 0, int(rec.TextBytes))
	if err != nil {
		return err
	}
	edits.document(num, analyze(rec.Title, text, nil), true)
	for block := range textBlocks(int(rec.TextBytes)) {
		if err := t.del(bucketTexts, textKey(num, block)); err != nil {
			return err
		}
	}
	for ord := range int(rec.Passages) {
		key := key64(passageID(num, ord))
		var pr passageRecord
		if err := t.decode(bucketPassages, key, &pr); err != nil {
			return err
		}
		t.counts.PassageTokens -= uint64(pr.Tokens)
		if err := t.del(bucketPassages, key); err != nil {
			return err
		}
		if err := t.del(bucketVectors, key); err != nil {
			return err
		}
	}
	t.counts.Tokens -= uint64(rec.Tokens)
	t.counts.TextBytes -= rec.TextBytes
	if err := t.del(bucketDocuments, key64(num)); err != nil {
		return err
	}
	return t.del(bucketIDs, []byte(rec.ID))
}

// putGraph writes the nodes that a batch changed.
func (t *txn) putGraph(batch *index.Batch) error {
	for id, rec := range batch.Changes() {
		key := key64(id)
		if rec == nil {
			if err := t.del(bucketNodes, key); err != nil {
				return err
			}
			continue
		}
		if err := t.put(bucketNodes, key, slices.Clip(rec)); err != nil {
			return err
		}
	}
	if err := t.put(bucketMeta, []byte(keyGraph), slices.Clip(batch.Meta())); err != nil {
		return err
	}
	if n, v := t.counts.Buckets[bucketNodes].Keys, t.counts.Buckets[bucketVectors].Keys; n != v {
		return fmt.Errorf("%d nodes for %d vectors: %w", n, v, ErrCorrupt)
	}
	return crashPoint("nodes")
}

// textBlocks is the number of records that hold a text of n bytes.
func textBlocks(n int) int { return (n + TextBlockBytes - 1) / TextBlockBytes }

// text returns a copy of bytes [start, end) of the text of document num, which has size bytes.
func (t *txn) text(num uint64, size, start, end int) (string, error) {
	if start < 0 || start > end || end > size {
		return "", fmt.Errorf("text %d: bytes %d..%d of %d: %w", num, start, end, size, ErrCorrupt)
	}
	var b strings.Builder
	b.Grow(end - start)
	for block := start / TextBlockBytes; b.Len() < end-start; block++ {
		key := textKey(num, block)
		p, err := t.must(bucketTexts, key)
		if err != nil {
			return "", err
		}
		if want := min(size-block*TextBlockBytes, TextBlockBytes); len(p) != want {
			return "", fmt.Errorf("%s: %d bytes, want %d: %w", recordName(bucketTexts, key), len(p), want, ErrCorrupt)
		}
		from := start + b.Len() - block*TextBlockBytes
		to := min(end-block*TextBlockBytes, len(p))
		b.Write(p[from:to])
	}
	return b.String(), nil
}
