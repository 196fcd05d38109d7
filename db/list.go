package db

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
)

// ListOptions is what List lists. A nil *ListOptions lists everything.
type ListOptions struct {
	Prefix string // only ids that start with it
}

// Get returns a document as it was added. Its error is [ErrNotFound] if no document has the id.
func (d *DB) Get(ctx context.Context, id string) (*Document, error) {
	if err := d.enter(ctx); err != nil {
		return nil, err
	}
	defer d.leave()
	if err := validID(id); err != nil {
		return nil, err
	}
	if err := d.beginRead(ctx); err != nil {
		return nil, err
	}
	defer d.endRead()
	var doc *Document
	return doc, d.view(func(t *txn) error {
		num, rec, ok, err := t.document(id)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("document %q: %w", id, ErrNotFound)
		}
		text, err := t.text(num, int(rec.TextBytes), 0, int(rec.TextBytes))
		if err != nil {
			return err
		}
		doc = &Document{ID: rec.ID, Title: rec.Title, Text: text, Format: formatNames[rec.Format], Source: rec.Source, Metadata: rec.Metadata}
		return nil
	})
}

// Hash returns the ContentHash of a document, and whether the document is present. Callers compare it
// with that of a file to skip the file early.
func (d *DB) Hash(ctx context.Context, id string) (hash [32]byte, ok bool, err error) {
	if err := d.enter(ctx); err != nil {
		return hash, false, err
	}
	defer d.leave()
	if err := validID(id); err != nil {
		return hash, false, err
	}
	if err := d.beginRead(ctx); err != nil {
		return hash, false, err
	}
	defer d.endRead()
	err = d.view(func(t *txn) error {
		_, rec, found, err := t.document(id)
		hash, ok = rec.Hash, found
		return err
	})
	return hash, ok, err
}

// listPage is how many documents are read in one transaction.
const listPage = 256

// List yields the documents in the order of their ids, by bytes. It reads a page at a time and holds
// nothing in between: the loop may take its time and may call any method, and what is added or deleted
// meanwhile may or may not be seen. An error is yielded last, with an empty DocumentInfo.
func (d *DB) List(ctx context.Context, o *ListOptions) iter.Seq2[DocumentInfo, error] {
	prefix := ""
	if o != nil {
		prefix = o.Prefix
	}
	return func(yield func(DocumentInfo, error) bool) {
		from := []byte(prefix)
		for {
			page, next, err := d.listPage(ctx, []byte(prefix), from)
			for _, info := range page {
				if !yield(info, nil) {
					return
				}
			}
			if err != nil {
				yield(DocumentInfo{}, err)
				return
			}
			if next == nil {
				return
			}
			from = next
		}
	}
}

// listPage reads one page of List; next is where the one after begins, nil at the end.
func (d *DB) listPage(ctx context.Context, prefix, from []byte) (page []DocumentInfo, next []byte, err error) {
	if err := d.enter(ctx); err != nil {
		return nil, nil, err
	}
	defer d.leave()
	if err := d.beginRead(ctx); err != nil {
		return nil, nil, err
	}
	defer d.endRead()
	err = d.view(func(t *txn) error {
		for e, err := range t.scan(bucketIDs, prefix, from) {
			if err != nil {
				return err
			}
			if len(page) == listPage {
				next = append(next, e.key...)
				return nil
			}
			if len(e.payload) != 8 {
				return fmt.Errorf("%s: %d bytes: %w", recordName(bucketIDs, e.key), len(e.payload), ErrCorrupt)
			}
			var rec documentRecord
			if err := t.decode(bucketDocuments, key64(binary.LittleEndian.Uint64(e.payload)), &rec); err != nil {
				return err
			}
			if rec.ID != string(e.key) {
				return fmt.Errorf("%s: its document has id %q: %w", recordName(bucketIDs, e.key), rec.ID, ErrCorrupt)
			}
			page = append(page, rec.info())
		}
		return nil
	})
	return page, next, err
}
