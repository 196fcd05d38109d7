package db

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// Parameters of BM25.
const (
	bm25K1 = 1.2  // how soon more of a term stops counting
	bm25B  = 0.75 // how much the length counts
)

// idf is how much a term tells that is in n of all documents.
func idf(all, n int) float64 {
	return math.Log(1 + (float64(all)-float64(n)+0.5)/(float64(n)+0.5))
}

// bm25 is what a term that occurs tf times in a text of length tokens adds to its score:
//
//	idf * tf*(k1+1) / (tf + k1*(1 - b + b*length/average))
//
// (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.)
func bm25(idf, tf, length, average float64) float64 {
	if average <= 0 {
		average = 1
	}
	return idf * tf * (bm25K1 + 1) / (tf + bm25K1*(1-bm25B+bm25B*length/average))
}

// queryTerm is a term of a query with its postings.
type queryTerm struct {
	term   string
	weight float64 // times in the query
	idf    float64
	blocks []block // ascending
	next   int     // first block not yet scored
}

type block struct {
	number  uint64
	payload []byte
}

// lexical ranks passages by words. Documents are scored first, whole: title and text together are one
// text, so the ranking of documents is that of textbook BM25. Then a document's passages share its
// score in proportion to their own BM25 among all passages; the best one carries all of it. A document
// whose title alone matches is carried by its first passage.
func (t *txn) lexical(ctx context.Context, q string, depth, perDocument int) ([]candidate, error) {
	qts, err := t.queryTerms(ctx, q)
	if err != nil || len(qts) == 0 {
		return nil, err
	}
	docs, err := t.scoreDocuments(ctx, qts, depth)
	if err != nil {
		return nil, err
	}
	var out []candidate
	for _, doc := range docs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		cs, err := t.sharePassages(qts, doc)
		if err != nil {
			return nil, err
		}
		out = append(out, cs...)
	}
	slices.SortFunc(out, byScore)
	out = limit(out, perDocument, depth)
	for i := range out {
		out[i].lexicalRank = i + 1
	}
	return out, nil
}

// queryTerms finds the postings of the query's terms. Terms that no document has are left out.
func (t *txn) queryTerms(ctx context.Context, q string) ([]*queryTerm, error) {
	byTerm := make(map[string]*queryTerm)
	var qts []*queryTerm
	terms(q, func(term string, _ int) {
		qt := byTerm[term]
		if qt == nil {
			qt = &queryTerm{term: term}
			byTerm[term] = qt
			qts = append(qts, qt)
		}
		qt.weight++
	})
	for _, qt := range qts {
		n := 0
		for e, err := range t.scan(bucketPostings, postingsPrefix(qt.term), nil) {
			if err != nil {
				return nil, err
			}
			_, number, ok := splitPostingsKey(e.key)
			if !ok {
				return nil, fmt.Errorf("%s: malformed key: %w", recordName(bucketPostings, e.key), ErrCorrupt)
			}
			n += postingCount(e.payload)
			qt.blocks = append(qt.blocks, block{number, e.payload})
			if len(qt.blocks)%256 == 0 {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
			}
		}
		qt.idf = idf(t.counts.documents(), n)
	}
	return slices.DeleteFunc(qts, func(qt *queryTerm) bool { return len(qt.blocks) == 0 }), nil
}

// scoreDocuments returns the best documents, best first, block by block: all terms of one block of
// documents are scored before the next. The candidates' ids are those of their first passages.
func (t *txn) scoreDocuments(ctx context.Context, qts []*queryTerm, depth int) ([]candidate, error) {
	average := float64(t.counts.Tokens) / max(float64(t.counts.documents()), 1)
	top := topList{n: depth}
	for {
		number, any := uint64(math.MaxUint64), false
		for _, qt := range qts {
			if qt.next < len(qt.blocks) {
				number, any = min(number, qt.blocks[qt.next].number), true
			}
		}
		if !any {
			return top.sorted(), nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		key := key64(number)
		lengths, err := t.must(bucketLengths, key)
		if err != nil {
			return nil, err
		}
		var scores [DocumentsPerBlock]float64
		var found [DocumentsPerBlock]bool
		for _, qt := range qts {
			if qt.next == len(qt.blocks) || qt.blocks[qt.next].number != number {
				continue
			}
			lost := -1
			err := eachPosting(qt.blocks[qt.next].payload, func(p posting) {
				length, ok := documentLength(lengths, p.offset)
				if !ok {
					lost = p.offset
				}
				scores[p.offset] += qt.weight * bm25(qt.idf, float64(p.title)+float64(p.text), float64(length), average)
				found[p.offset] = true
			})
			if err == nil && lost >= 0 {
				err = fmt.Errorf("document %d has no length", number<<blockShift|uint64(lost))
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %v: %w", recordName(bucketPostings, postingsKey(qt.term, number)), err, ErrCorrupt)
			}
			qt.next++
		}
		for offset, ok := range found {
			if ok {
				top.add(candidate{id: passageID(number<<blockShift|uint64(offset), 0), score: scores[offset]})
			}
		}
	}
}

// sharePassages shares a document's score among its passages.
func (t *txn) sharePassages(qts []*queryTerm, doc candidate) ([]candidate, error) {
	num := doc.document()
	number, offset := num>>blockShift, int(num&(DocumentsPerBlock-1))
	average := float64(t.counts.PassageTokens) / max(float64(t.counts.passages()), 1)
	lengths := make(map[uint32]float64)
	shares := make(map[uint32]float64)
	best := 0.0
	for _, qt := range qts {
		i, ok := slices.BinarySearchFunc(qt.blocks, number, func(b block, n uint64) int {
			switch {
			case b.number < n:
				return -1
			case b.number > n:
				return 1
			}
			return 0
		})
		if !ok {
			continue
		}
		var ps []passageCount
		var listErr error
		err := eachPosting(qt.blocks[i].payload, func(p posting) {
			if p.offset == offset {
				ps, listErr = decodePassages(p.passages)
			}
		})
		if err == nil {
			err = listErr
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %v: %w", recordName(bucketPostings, postingsKey(qt.term, number)), err, ErrCorrupt)
		}
		for _, p := range ps {
			length, ok := lengths[p.ordinal]
			if !ok {
				var pr passageRecord
				if err := t.decode(bucketPassages, key64(passageID(num, int(p.ordinal))), &pr); err != nil {
					return nil, err
				}
				length = float64(pr.Tokens)
				lengths[p.ordinal] = length
			}
			shares[p.ordinal] += qt.weight * bm25(qt.idf, float64(p.count), length, average)
			best = max(best, shares[p.ordinal])
		}
	}
	if len(shares) == 0 {
		doc.bm25 = doc.score
		return []candidate{doc}, nil
	}
	out := make([]candidate, 0, len(shares))
	for ordinal, s := range shares {
		score := doc.score
		if s < best {
			score *= s / best
		}
		out = append(out, candidate{id: passageID(num, int(ordinal)), score: score, bm25: score})
	}
	slices.SortFunc(out, byScore)
	return out, nil
}

// topList keeps the n best candidates, as a heap with the worst on top.
type topList struct {
	n int
	h []candidate
}

func (l *topList) add(c candidate) {
	if len(l.h) < l.n {
		l.h = append(l.h, c)
		for i := len(l.h) - 1; i > 0; {
			p := (i - 1) / 2
			if byScore(l.h[i], l.h[p]) <= 0 {
				break
			}
			l.h[i], l.h[p] = l.h[p], l.h[i]
			i = p
		}
		return
	}
	if byScore(c, l.h[0]) >= 0 {
		return
	}
	l.h[0] = c
	for i := 0; ; {
		worst := i
		for _, j := range [2]int{2*i + 1, 2*i + 2} {
			if j < len(l.h) && byScore(l.h[j], l.h[worst]) > 0 {
				worst = j
			}
		}
		if worst == i {
			return
		}
		l.h[i], l.h[worst] = l.h[worst], l.h[i]
		i = worst
	}
}

// sorted empties the list, best first.
func (l *topList) sorted() []candidate {
	h := l.h
	l.h = nil
	slices.SortFunc(h, byScore)
	return h
}
