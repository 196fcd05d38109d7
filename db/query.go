package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/semsearch/semsearch/index"
)

// Mode chooses how a query looks for passages.
type Mode uint8

// Modes of a query.
const (
	Hybrid  Mode = iota // both, fused; see Fusion
	Dense               // by meaning: cosine of the vectors
	Lexical             // by words: BM25
)

// String returns the mode's name in lower case.
func (m Mode) String() string {
	switch m {
	case Hybrid:
		return "hybrid"
	case Dense:
		return "dense"
	case Lexical:
		return "lexical"
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// QueryOptions is how Query searches. A nil *QueryOptions and the zero value mean the defaults.
type QueryOptions struct {
	K           int  // hits to return; 0 means 10
	Mode        Mode // the zero value is Hybrid
	PerDocument int  // most hits of one document; 0 means no limit. With 1, documents are ranked: see Hit.
	EfSearch    int  // beam width of the graph search; 0 means the default of package index. Larger finds more and takes longer.
	Exact       bool // compare with every vector instead of walking the graph; takes time in proportion to the passages
	Depth       int  // candidates of each leg before fusion; 0 means max(100, 4*K). Never less than K.

	Fusion        Fusion  // how Hybrid joins its legs; the zero value is ScoreFusion
	DenseWeight   float64 // weight of the dense leg in Hybrid; 0 means 0.4, with RankFusion 1
	LexicalWeight float64 // weight of the lexical leg in Hybrid; 0 means 0.6, with RankFusion 1
	RankConstant  float64 // k of RankFusion; 0 means 60. Larger gives low ranks more say.
}

// Fusion is how the legs of a hybrid query become one ranking.
type Fusion uint8

const (
	// ScoreFusion adds the scores of the legs, each divided by the best of its leg and weighted
	// (a convex combination, see Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid
	// Retrieval", 2022). A passage that a leg did not find gets nothing from it. Scores are in 0..1
	// when the weights sum to 1.
	ScoreFusion Fusion = iota

	// RankFusion is reciprocal rank fusion: weight/(RankConstant+rank) from each leg (Cormack, Clarke
	// and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
	// Methods", SIGIR 2009). It needs no scores that mean anything, so it suits encoders whose
	// cosines say little.
	RankFusion
)

// Limits of QueryOptions.
const (
	MaxK     = 1 << 20
	maxQuery = 1 << 20 // bytes
)

// Hit is one passage found. In a hybrid query with PerDocument 1 it stands for its document: the score
// joins the best passage of the document in each leg, and ranks, Cosine and BM25 are theirs.
type Hit struct {
	ID      string // document
	Title   string
	Source  string
	Passage int    // number of the passage in its document, from 0
	Start   int    // first byte of the passage in the document's text
	End     int    // byte after the last
	Line    int    // line of Start, from 1
	Col     int    // column of Start in code points, from 1
	Text    string // the passage: the document's Text[Start:End]

	Score       float64 // larger is better: fused score, cosine or BM25, by mode
	DenseRank   int     // rank in the dense leg from 1; 0 if it is not among its candidates
	LexicalRank int     // rank in the lexical leg from 1; 0 if it is not among its candidates
	Cosine      float64 // cosine of query and passage, if DenseRank > 0
	BM25        float64 // the passage's share of its document's BM25, if LexicalRank > 0
}

func (o *QueryOptions) fill() (QueryOptions, error) {
	var f QueryOptions
	if o != nil {
		f = *o
	}
	for _, x := range []struct {
		name string
		v    int
	}{{"K", f.K}, {"PerDocument", f.PerDocument}, {"EfSearch", f.EfSearch}, {"Depth", f.Depth}} {
		if x.v < 0 || x.v > MaxK {
			return f, fmt.Errorf("%s is %d, not 0 to %d: %w", x.name, x.v, MaxK, ErrInvalid)
		}
	}
	for _, x := range []struct {
		name string
		v    float64
	}{{"DenseWeight", f.DenseWeight}, {"LexicalWeight", f.LexicalWeight}, {"RankConstant", f.RankConstant}} {
		if !(x.v >= 0) || math.IsInf(x.v, 0) {
			return f, fmt.Errorf("%s is %v: %w", x.name, x.v, ErrInvalid)
		}
	}
	if f.Mode > Lexical {
		return f, fmt.Errorf("mode %d: %w", f.Mode, ErrInvalid)
	}
	if f.Fusion > RankFusion {
		return f, fmt.Errorf("fusion %d: %w", f.Fusion, ErrInvalid)
	}
	f.K = cmp.Or(f.K, 10)
	f.Depth = max(cmp.Or(f.Depth, max(100, 4*f.K)), f.K)
	dense, lexical := 0.4, 0.6
	if f.Fusion == RankFusion {
		dense, lexical = 1, 1
	}
	f.DenseWeight = cmp.Or(f.DenseWeight, dense)
	f.LexicalWeight = cmp.Or(f.LexicalWeight, lexical)
	f.RankConstant = cmp.Or(f.RankConstant, 60)
	return f, nil
}

// candidate is a passage on its way to become a hit.
type candidate struct {
	id          uint64
	score       float64
	cosine      float64
	bm25        float64
	denseRank   int
	lexicalRank int
}

func (c candidate) document() uint64 { return c.id >> ordinalBits }

// byScore orders candidates: larger scores first, then smaller ids.
func byScore(a, b candidate) int {
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.id, b.id))
}

// maxRetries is how often a query that met a commit half way looks again before it waits for writers.
const maxRetries = 4

// Query returns the passages that answer q best, best first; fewer than K if fewer match. Equal scores
// are ordered by age, older documents first. A query that runs beside an Add sees documents whole or
// not at all, but may see a new one by words a moment before it does by meaning.
//
// Without words in q, the lexical leg finds nothing; an empty q is ErrInvalid. Other errors:
// [ErrNoEncoder] unless the mode is Lexical, [ErrEncoder], [ErrClosed], [ErrCorrupt], and those of the
// encoder and ctx.
func (d *DB) Query(ctx context.Context, q string, o *QueryOptions) ([]Hit, error) {
	if err := d.enter(ctx); err != nil {
		return nil, err
	}
	defer d.leave()
	opts, err := o.fill()
	switch {
	case err != nil:
		return nil, err
	case strings.TrimSpace(q) == "":
		return nil, fmt.Errorf("empty query: %w", ErrInvalid)
	case len(q) > maxQuery:
		return nil, fmt.Errorf("query has %d bytes, at most %d are allowed: %w", len(q), maxQuery, ErrInvalid)
	case !utf8.ValidString(q):
		return nil, fmt.Errorf("query is not UTF-8 at byte %d: %w", invalidUTF8(q), ErrInvalid)
	}
	var vec []float32
	if opts.Mode != Lexical {
		if d.enc == nil {
			return nil, fmt.Errorf("%s query: %w", opts.Mode, ErrNoEncoder)
		}
		if vec, err = d.enc.EncodeQuery(ctx, q); err != nil {
			return nil, fmt.Errorf("encoding the query: %w", err)
		}
		if err := d.checkVector(vec); err != nil {
			return nil, fmt.Errorf("encoding the query: %w", err)
		}
	}
	if err := d.beginRead(ctx); err != nil {
		return nil, err
	}
	defer d.endRead()
	for try := 0; ; try++ {
		if try == maxRetries {
			if err := d.takeWriter(ctx); err != nil {
				return nil, err
			}
			defer d.leaveWriter()
		}
		epoch := d.epoch.Load()
		hits, err := d.search(ctx, q, vec, &opts)
		// A passage that the graph knows and the file does not is damage only if no commit came between.
		if !errors.Is(err, errGone) || try >= maxRetries || epoch&1 == 0 && epoch == d.epoch.Load() {
			return hits, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// errGone marks a passage that was found and then could not be loaded.
var errGone = errors.New("passage found but not stored")

// search runs the legs, fuses them and loads the hits.
func (d *DB) search(ctx context.Context, q string, vec []float32, o *QueryOptions) ([]Hit, error) {
	var dense, lexical []candidate
	var err error
	if o.Mode != Lexical {
		if dense, err = d.dense(ctx, vec, o); err != nil {
			return nil, err
		}
	}
	var hits []Hit
	err = d.view(func(t *txn) error {
		if o.Mode != Dense {
			if lexical, err = t.lexical(ctx, q, o.Depth, o.PerDocument); err != nil {
				return err
			}
		}
		top := limit(fuse(dense, lexical, o), o.PerDocument, o.K)
		docs := make(map[uint64]*documentRecord)
		for _, c := range top {
			if err := ctx.Err(); err != nil {
				return err
			}
			h, err := t.hit(c, docs)
			if err != nil {
				return err
			}
			hits = append(hits, h)
		}
		return nil
	})
	return hits, err
}

// dense ranks passages by cosine. With a limit for each document it looks further until enough
// documents are found.
func (d *DB) dense(ctx context.Context, vec []float32, o *QueryOptions) ([]candidate, error) {
	ix, err := d.graph(ctx, false)
	if err != nil || ix == nil {
		return nil, err
	}
	for k := o.Depth; ; k *= 4 {
		rs, err := ix.Search(ctx, vec, index.SearchOptions{K: k, EfSearch: o.EfSearch, Exact: o.Exact})
		if err != nil {
			return nil, fmt.Errorf("search: %w", err)
		}
		cs := make([]candidate, len(rs))
		for i, r := range rs {
			cos := 1 - float64(r.Distance)
			cs[i] = candidate{id: r.ID, score: cos, cosine: cos}
		}
		slices.SortFunc(cs, byScore)
		cs = limit(cs, o.PerDocument, o.Depth)
		if len(cs) < o.Depth && len(rs) >= k && k < ix.Len() && k < 64*o.Depth {
			continue
		}
		for i := range cs {
			cs[i].denseRank = i + 1
		}
		return cs, nil
	}
}

// limit keeps the first n candidates, at most perDocument of each document. 0 is no limit.
func limit(cs []candidate, perDocument, n int) []candidate {
	if perDocument > 0 {
		seen := make(map[uint64]int)
		cs = slices.DeleteFunc(cs, func(c candidate) bool {
			seen[c.document()]++
			return seen[c.document()] > perDocument
		})
	}
	return cs[:min(n, len(cs))]
}

// fuse merges the legs of a hybrid query; see Fusion. With one leg the scores stay its own. When one
// hit of each document is wanted, the best passages of a document in the two legs are taken together,
// and the one that brings more stands for it.
func fuse(dense, lexical []candidate, o *QueryOptions) []candidate {
	switch o.Mode {
	case Dense:
		return dense
	case Lexical:
		return lexical
	}
	key := func(c candidate) uint64 { return c.id }
	if o.PerDocument == 1 {
		key = candidate.document
	}
	at := make(map[uint64]int, len(dense)+len(lexical))
	out := make([]candidate, 0, len(dense)+len(lexical))
	part := o.leg(dense, o.DenseWeight)
	for i, c := range dense {
		c.score = part(i)
		at[key(c)] = len(out)
		out = append(out, c)
	}
	part = o.leg(lexical, o.LexicalWeight)
	for i, c := range lexical {
		c.score = part(i)
		j, ok := at[key(c)]
		if !ok {
			out = append(out, c)
			continue
		}
		f := &out[j]
		if c.score > f.score {
			f.id = c.id
		}
		f.score += c.score
		f.bm25, f.lexicalRank = c.bm25, c.lexicalRank
	}
	slices.SortFunc(out, byScore)
	return out
}

// leg returns what candidate i of a leg, best first, brings to the fused score.
func (o *QueryOptions) leg(cs []candidate, weight float64) func(i int) float64 {
	if o.Fusion == RankFusion {
		return func(i int) float64 { return weight / (o.RankConstant + float64(i+1)) }
	}
	return func(i int) float64 {
		if cs[0].score <= 0 {
			return 0
		}
		return weight * max(0, cs[i].score/cs[0].score)
	}
}

// hit loads what a candidate stands for. docs remembers documents already read.
func (t *txn) hit(c candidate, docs map[uint64]*documentRecord) (Hit, error) {
	num, ord := splitPassageID(c.id)
	var pr passageRecord
	rec := docs[num]
	if rec == nil {
		p, ok, err := t.get(bucketDocuments, key64(num))
		if err == nil && !ok {
			err = fmt.Errorf("%s: %w: %w", recordName(bucketPassages, key64(c.id)), errGone, ErrCorrupt)
		}
		if err != nil {
			return Hit{}, err
		}
		rec = new(documentRecord)
		if err := decodeAs(bucketDocuments, key64(num), p, rec); err != nil {
			return Hit{}, err
		}
		docs[num] = rec
	}
	if err := t.decode(bucketPassages, key64(c.id), &pr); err != nil {
		return Hit{}, err
	}
	text, err := t.text(num, int(rec.TextBytes), int(pr.Start), int(pr.End))
	if err != nil {
		return Hit{}, err
	}
	return Hit{
		ID: rec.ID, Title: rec.Title, Source: rec.Source,
		Passage: ord, Start: int(pr.Start), End: int(pr.End), Line: int(pr.Line), Col: int(pr.Col), Text: text,
		Score: c.score, DenseRank: c.denseRank, LexicalRank: c.lexicalRank, Cosine: c.cosine, BM25: c.bm25,
	}, nil
}
