package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/semsearch/semsearch/db/chunk"
)

// RepairOptions is how Repair works. A nil *RepairOptions and the zero value mean the defaults.
type RepairOptions struct {
	// Timeout is how long Repair waits for another process to let go of the damaged file; see Options.Timeout.
	Timeout time.Duration

	// Progress, if it is not nil, is called after each batch with the number of documents written and
	// the number of all.
	Progress func(done, total int)
}

// Lost is a document that Repair could not bring back.
type Lost struct {
	Document uint64 // its number in the file
	ID       string // empty if that is lost, too
	Reason   string
}

// String is "id: reason".
func (l Lost) String() string {
	if l.ID == "" {
		return fmt.Sprintf("document %d: %s", l.Document, l.Reason)
	}
	return fmt.Sprintf("%s: %s", l.ID, l.Reason)
}

// RepairReport is what Repair did.
type RepairReport struct {
	Documents int // brought back, each with the content hash that it was added with
	Passages  int // of those
	Encoded   int // passages among them whose vectors were lost, and made anew

	// Doubtful are ids of documents brought back that may have been deleted before the damage: nothing
	// that can still be read says whether.
	Doubtful []string

	Lost []Lost // by number

	Kept string // where the damaged file is now, if it was repaired in place
}

// Repair makes a new database at dst, which must not exist, out of what can be read of the one at src, which
// is not changed. If dst is empty, the new database takes the name src in one step, and the damaged file is
// kept as src with ".damaged" after it (".damaged-2" and so on if that is taken). src may be so damaged that Open refuses it: its pages are searched for records whose
// checksums are right.
//
// A document is brought back if its record and all of its text are found and together have the hash of its
// content; its number and the time it was added stay. Lines, columns, word index and graph are made anew.
// Passages and vectors are taken over; those that are lost need the encoder that filled src. Without it
// (enc is nil) their documents are among the lost, and so are all documents if src no longer says which
// encoder filled it. Old records that stand in free pages help out where the current ones are damaged, but
// documents that were deleted stay so, as far as that can be told: see RepairReport.Doubtful.
//
// dst is checked before it gets its name. Errors: [ErrNotExist], [ErrNotDatabase] if nothing of a database
// is left in src, [ErrEncoderMismatch], [ErrLocked], fs.ErrExist for dst, those of enc, ctx and the
// operating system. The report tells how far it came.
func Repair(ctx context.Context, src, dst string, enc Encoder, o *RepairOptions) (RepairReport, error) {
	r := &repairer{ctx: ctx, enc: enc}
	if o != nil {
		r.o = *o
	}
	if err := r.run(src, dst); err != nil {
		return r.report, err
	}
	return r.report, nil
}

type repairer struct {
	ctx    context.Context
	o      RepairOptions
	enc    Encoder
	s      *salvager
	d      *DB // the new one
	report RepairReport
	alien  bool // vectors are of no use: nobody knows which encoder made them
}

func (r *repairer) run(src, dst string) error {
	inPlace := dst == ""
	if inPlace {
		real, err := realPath(src)
		if err != nil {
			return fmt.Errorf("%s: %w", src, err)
		}
		dst = real
	} else if _, err := os.Lstat(dst); err == nil {
		return fmt.Errorf("%s: %w", dst, os.ErrExist)
	}
	f, err := openLocked(r.ctx, src, r.o.Timeout)
	if err != nil {
		return fmt.Errorf("%s: %w", src, err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%s: %w", src, plain(err))
	}
	if r.s, err = newSalvager(r.ctx, f, fi.Size()); err != nil {
		return fmt.Errorf("%s: %w", src, err)
	}
	err = withTemporary(dst, inPlace, func(tmp string) error {
		if err := r.create(tmp); err != nil {
			return err
		}
		err := r.rebuild()
		if err == nil {
			_, err = r.d.Check(r.ctx)
		}
		err = errors.Join(err, r.d.Close())
		if err == nil && inPlace {
			if runtime.GOOS == "windows" {
				_ = f.Close() // it does not rename over an open file; elsewhere the lock is kept until that is done
			}
			r.report.Kept, err = keepOld(dst)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("repairing %s: %w", src, err)
	}
	return nil
}

// keepOld gives the damaged file a second name, before the first is given to another.
func keepOld(path string) (kept string, err error) {
	for n := 1; n < 1000; n++ {
		kept = path + ".damaged"
		if n > 1 {
			kept += fmt.Sprint("-", n)
		}
		if err = putInPlace(path, kept, false); !errors.Is(err, os.ErrExist) {
			return kept, err
		}
	}
	return "", err
}

// create makes the new database, which remembers what the damaged one did.
func (r *repairer) create(path string) error {
	o := Options{}
	c := r.s.config
	switch {
	case c != nil && c.Dim != 0:
		if r.enc != nil && (r.enc.Fingerprint() != c.Fingerprint || r.enc.Dim() != int(c.Dim)) {
			return fmt.Errorf("filled by %s, repaired with %s: %w", c.Fingerprint, r.enc.Fingerprint(), ErrEncoderMismatch)
		}
	case r.enc != nil:
		r.alien = true
	}
	if c != nil {
		o.Chunk = chunk.Options{MaxTokens: int(c.MaxTokens), OverlapTokens: int(c.OverlapTokens)}
		o.M, o.EfConstruction = int(c.M), int(c.EfConstruction)
	}
	var enc Encoder
	if c == nil || c.Dim == 0 {
		enc = r.enc
	}
	d, err := Open(path, enc, &o)
	if err != nil {
		return err
	}
	r.d = d
	if enc != nil || c == nil {
		return nil
	}
	if err := d.update(func(t *txn) error { return t.put(bucketMeta, []byte(keyConfig), c.encode()) }); err != nil {
		return errors.Join(err, d.Close())
	}
	d.config, d.enc = *c, r.enc
	return nil
}

// candidates returns the numbers of the documents of the current state, ascending, and which of them are
// doubtful.
func (r *repairer) candidates() (nums []uint64, doubtful map[uint64]bool) {
	s := r.s
	current := map[uint64]bool{}
	for num, at := range s.documents {
		if at.live {
			current[num] = true
		}
	}
	for _, num := range s.ids {
		current[num] = true
	}
	for block, l := range s.lengths {
		for offset := range DocumentsPerBlock {
			if _, ok := documentLength(l, offset); ok {
				current[block<<blockShift|uint64(offset)] = true
			}
		}
	}
	doubtful = map[uint64]bool{}
	if c := s.counts; c == nil || c.documents() != len(current) || !s.trusted {
		// The records that say which documents there are do not say it of all of them, or they are not of the
		// last commit.
		newest := map[string]uint64{} // of those that nothing speaks against
		for num, at := range s.documents {
			if current[num] {
				continue
			}
			newer := !s.trusted && c != nil && num >= c.NextDocument
			if _, ok := s.lengths[num>>blockShift]; ok && !newer {
				continue // its block of documents does not have it
			}
			var rec documentRecord
			if p, err := s.payload(bucketDocuments, key64(num), at); err != nil || rec.decode(p) != nil {
				continue
			}
			if _, ok := s.ids[rec.ID]; !ok || newer {
				newest[rec.ID] = max(newest[rec.ID], num)
			}
		}
		for num := range current {
			if at, ok := s.documents[num]; ok {
				var rec documentRecord
				if p, err := s.payload(bucketDocuments, key64(num), at); err != nil || rec.decode(p) != nil {
					continue
				}
				switch other, ok := newest[rec.ID]; {
				case ok && other < num:
					delete(newest, rec.ID)
				case ok:
					delete(current, num) // replaced by a document of the commit that cannot be read
				}
			}
		}
		for _, num := range newest {
			doubtful[num] = true
		}
	}
	nums = slices.AppendSeq(slices.Collect(maps.Keys(current)), maps.Keys(doubtful))
	slices.Sort(nums)
	return nums, doubtful
}

// repairBatch is how many documents are written in one transaction.
const repairBatch = 128

func (r *repairer) rebuild() error {
	nums, doubtful := r.candidates()
	seen := map[string]bool{}
	done := 0
	for batch := range slices.Chunk(nums, repairBatch) {
		var ps []*prepared
		var at []uint64
		for _, num := range batch {
			if err := r.ctx.Err(); err != nil {
				return err
			}
			p, err := r.assemble(num)
			if err == nil && seen[p.doc.ID] {
				err = &lostError{p.doc.ID, "another document has the same id"}
			}
			var lost *lostError
			switch {
			case errors.As(err, &lost):
				r.report.Lost = append(r.report.Lost, Lost{num, cmp.Or(lost.id, r.s.named[num]), lost.reason})
				continue
			case err != nil:
				return err
			}
			seen[p.doc.ID] = true
			ps, at = append(ps, p), append(at, num)
			if doubtful[num] {
				r.report.Doubtful = append(r.report.Doubtful, p.doc.ID)
			}
		}
		if err := r.write(ps, at); err != nil {
			return err
		}
		done += len(batch)
		if r.o.Progress != nil {
			r.o.Progress(done, len(nums))
		}
	}
	slices.Sort(r.report.Doubtful)
	return nil
}

// lostError is why a document cannot be brought back.
type lostError struct{ id, reason string }

func (e *lostError) Error() string { return e.reason }

// assemble puts a document together.
func (r *repairer) assemble(num uint64) (*prepared, error) {
	s := r.s
	at, ok := s.documents[num]
	if !ok {
		return nil, &lostError{"", "its record is lost"}
	}
	payload, err := s.payload(bucketDocuments, key64(num), at)
	if err != nil {
		return nil, err
	}
	var rec documentRecord
	if err := rec.decode(payload); err != nil {
		return nil, &lostError{"", "its record cannot be read: " + err.Error()}
	}
	var text strings.Builder
	for block := range textBlocks(int(rec.TextBytes)) {
		at, ok := s.texts[textID{num, uint32(block)}]
		if !ok {
			return nil, &lostError{rec.ID, fmt.Sprintf("its text is lost from byte %d on", block*TextBlockBytes)}
		}
		p, err := s.payload(bucketTexts, textKey(num, block), at)
		if err != nil {
			return nil, err
		}
		text.Write(p)
	}
	p := &prepared{
		doc:   Document{ID: rec.ID, Title: rec.Title, Text: text.String(), Format: formatNames[rec.Format], Source: rec.Source, Metadata: rec.Metadata},
		hash:  rec.Hash,
		added: rec.Added,
	}
	if ContentHash(p.doc) != rec.Hash {
		return nil, &lostError{rec.ID, "its parts do not have the hash of its content"}
	}
	if err := p.doc.validate(); err != nil {
		return nil, &lostError{rec.ID, err.Error()}
	}
	if !r.cut(p, num, int(rec.Passages)) || r.alien {
		if r.d.enc == nil {
			return nil, &lostError{rec.ID, "passages or vectors are lost, and there is no encoder to make them anew"}
		}
		p.passages, p.vectors = nil, nil
		if err := r.d.prepare(r.ctx, []*prepared{p}); err != nil {
			return nil, err
		}
		r.report.Encoded += len(p.passages)
		return p, nil
	}
	return p, r.fetchVectors(p, num)
}

// cut reads where the passages of a document lie and finds out anew what follows from that. It reports false if
// one is lost.
func (r *repairer) cut(p *prepared, num uint64, n int) bool {
	spans := make([]chunk.Span, 0, min(n, len(p.doc.Text)+1))
	covered := 0
	for ord := range n {
		id := passageID(num, ord)
		at, ok := r.s.passages[id]
		if !ok {
			return false
		}
		payload, err := r.s.payload(bucketPassages, key64(id), at)
		var pr passageRecord
		if err != nil || pr.decode(payload) != nil || int(pr.End) > len(p.doc.Text) {
			return false
		}
		sp := chunk.Span{Start: int(pr.Start), End: int(pr.End)}
		if ord > 0 && sp.Start <= spans[ord-1].Start || sp.Start > covered && !blank(p.doc.Text[covered:sp.Start]) {
			return false
		}
		spans, covered = append(spans, sp), max(covered, sp.End)
	}
	if len(spans) == 0 || !blank(p.doc.Text[covered:]) {
		return false
	}
	p.passages = locate(p.doc.Text, spans)
	p.analysis = analyze(p.doc.Title, p.doc.Text, p.passages)
	for i, n := range p.analysis.passageTokens {
		p.passages[i].Tokens = n
	}
	return true
}

// fetchVectors reads the vectors of a document, and encodes passages that lost theirs.
func (r *repairer) fetchVectors(p *prepared, num uint64) error {
	p.vectors = make([][]float32, len(p.passages))
	var inputs []string
	var missing []int
	for ord, pr := range p.passages {
		id := passageID(num, ord)
		v := make([]float32, r.d.config.Dim)
		at, ok := r.s.vectors[id]
		if ok {
			payload, err := r.s.payload(bucketVectors, key64(id), at)
			ok = err == nil && decodeVector(payload, v) == nil && r.d.checkVector(v) == nil
		}
		if ok {
			p.vectors[ord] = v
			continue
		}
		inputs = append(inputs, passageInput(r.d.titleFor(p.doc.Title), p.doc.Title, p.doc.Text[pr.Start:pr.End]))
		missing = append(missing, ord)
	}
	if len(missing) == 0 {
		return nil
	}
	switch {
	case r.d.enc == nil && r.d.config.Dim == 0:
		return &lostError{p.doc.ID, "it is lost which encoder made the vectors, and there is no encoder to make them anew"}
	case r.d.enc == nil:
		return &lostError{p.doc.ID, fmt.Sprintf("%d of its %d vectors are lost, and there is no encoder to make them anew", len(missing), len(p.passages))}
	}
	for i := 0; i < len(inputs); i += encodeBatch {
		n := min(len(inputs), i+encodeBatch)
		vs, err := r.d.encodePassages(r.ctx, inputs[i:n])
		if err != nil {
			return fmt.Errorf("document %q: %w", p.doc.ID, err)
		}
		for j, v := range vs {
			p.vectors[missing[i+j]] = v
		}
	}
	r.report.Encoded += len(inputs)
	return nil
}

// write writes documents under the numbers that they had.
func (r *repairer) write(ps []*prepared, nums []uint64) error {
	if len(ps) == 0 {
		return nil
	}
	d := r.d
	ix, err := d.graph(r.ctx, true)
	if err != nil {
		return err
	}
	batch := ix.Begin()
	defer batch.Discard()
	for i, p := range ps {
		if err := stage(r.ctx, batch, &plan{add: []*prepared{p}}, nums[i]); err != nil {
			return err
		}
		r.report.Documents++
		r.report.Passages += len(p.passages)
	}
	err = d.update(func(t *txn) error {
		edits := newPostingEdits()
		for i, p := range ps {
			if err := t.addDocument(nums[i], p, edits); err != nil {
				return err
			}
		}
		t.counts.NextDocument = max(r.s.next, nums[len(nums)-1]+1)
		if err := edits.apply(t); err != nil {
			return err
		}
		return t.putGraph(batch)
	})
	if err == nil {
		batch.Commit()
	}
	return err
}
