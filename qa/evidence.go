package qa

import (
	"cmp"
	"math"
	"slices"

	"github.com/semsearch/semsearch/db"
)

// The features of an answer: what a Calibration looks at. They do not depend on how large
// the database is or on the scale of an encoder's cosines; they do depend on the reader's
// logits and on how many passages were read.
const (
	featScore     = "score"     // Span.Score: start and end logit over the null score of the passage
	featNull      = "null"      // null score of the passage
	featNulls     = "nulls"     // mean null score of all passages read
	featMargin    = "margin"    // evidence less that of the best other answer, within ±10
	featShare     = "share"     // log odds of Answer.Score, within ±20
	featRank      = "rank"      // natural logarithm of the rank of the passage
	featRetrieval = "retrieval" // 0.4 cosine + 0.6 BM25 of the passage, each over the best of those read
	featLead      = "lead"      // retrieval less its mean over the other passages
	featCoverage  = "coverage"  // share of the question's words in the passage and its title, rare ones weighing more
	featWords     = "words"     // the same with all words weighing alike
	featNear      = "near"      // as coverage, within 120 bytes of the answer
	featMissing   = "missing"   // share of the question's words in no passage read
	featLength    = "length"    // natural logarithm of 1 + the words of the answer
	featAgreement = "agreement" // 1 if another passage gives the same answer with a score above -2, else 0
)

// featureNames is every feature, in the order in which they are computed and shown.
var featureNames = []string{featScore, featNull, featNulls, featMargin, featShare, featRank, featRetrieval, featLead,
	featCoverage, featWords, featNear, featMissing, featLength, featAgreement}

const (
	nearBytes     = 120
	marginLimit   = 10
	shareLimit    = 20
	agreementBar  = -2
	denseWeight   = 0.4 // the weights with which package db joins its legs by default
	lexicalWeight = 0.6
)

// found is a span of a hit with its evidence.
type found struct {
	hit      *db.Hit
	rank     int // of the hit, from 0
	span     Span
	null     float64 // of its passage
	evidence float64
	share    float64 // softmax of the evidence
	passes   bool    // by the threshold of the reader
	same     []found // spans of other places with the same words, most evidence first

	features   []float64 // as featureNames
	answerable float64   // probability that the documents answer the question, 1 without a calibration
	confidence float64   // probability that this answer is right, share without a calibration
}

// weigh joins what retriever and reader say: the distinct spans, best first. With
// byThreshold, those that pass the threshold come before those that do not. readings[i]
// is of hits[i].
func weigh(hits []db.Hit, readings []Reading, opt *AskOptions, byThreshold bool) []found {
	null := -*opt.Threshold
	var all []found
	for i := range readings {
		for _, s := range readings[i].Spans {
			all = append(all, found{
				hit: &hits[i], rank: i, span: s, null: readings[i].Null,
				evidence: s.Score - *opt.RankWeight*math.Log(float64(i+1)),
				passes:   !byThreshold || s.Score >= null,
			})
		}
	}
	slices.SortStableFunc(all, func(a, b found) int {
		return cmp.Or(compareBool(b.passes, a.passes), cmp.Compare(b.evidence, a.evidence), cmp.Compare(a.rank, b.rank), cmp.Compare(a.span.Start, b.span.Start))
	})
	all = distinct(all)

	top := null
	for _, f := range all {
		top = max(top, f.evidence)
	}
	total := 0.0
	if !math.IsInf(top, 0) {
		total = math.Exp(null - top)
		for _, f := range all {
			total += math.Exp(f.evidence - top)
		}
	}
	for i := range all {
		if total > 0 {
			all[i].share = math.Exp(all[i].evidence-top) / total
		}
	}
	return all
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// distinct keeps the first of those that say the same, or that overlap in a document. The
// kept ones remember the others with the same words.
func distinct(all []found) []found {
	seen := map[string]int{} // place in out
	var out []found
next:
	for _, f := range all {
		for _, g := range out {
			if f.overlaps(&g) {
				continue next
			}
			for _, h := range g.same {
				if f.overlaps(&h) {
					continue next
				}
			}
		}
		key := answerKey(f.span.Text)
		if at, ok := seen[key]; ok {
			out[at].same = append(out[at].same, f)
			continue
		}
		seen[key] = len(out)
		out = append(out, f)
	}
	return out
}

// overlaps reports whether two spans share bytes of a document.
func (f *found) overlaps(g *found) bool {
	return f.hit.ID == g.hit.ID && g.hit.Start+g.span.Start < f.hit.Start+f.span.End && f.hit.Start+f.span.Start < g.hit.Start+g.span.End
}

// describe computes the features of the spans.
func describe(question string, hits []db.Hit, readings []Reading, all []found) {
	if len(all) == 0 {
		return
	}
	finder := newWordFinder(question)
	inPassage := make([][]bool, len(hits))
	for i, h := range hits {
		inPassage[i] = finder.find(h.Text, h.Title)
	}
	rare := rarity(inPassage, len(finder.terms))
	missing := 0.0
	for t := range finder.terms {
		if !slices.ContainsFunc(inPassage, func(in []bool) bool { return in[t] }) {
			missing++
		}
	}
	if len(finder.terms) > 0 {
		missing /= float64(len(finder.terms))
	}
	nulls, read := 0.0, 0.0
	for _, r := range readings {
		if r.Windows > 0 {
			nulls, read = nulls+r.Null, read+1
		}
	}
	nulls /= max(1, read)
	retrieval := retrievalScores(hits)
	sum := 0.0
	for _, r := range retrieval {
		sum += r
	}

	for i := range all {
		f := &all[i]
		other := math.Inf(-1)
		for j := range all {
			if j != i {
				other = max(other, all[j].evidence)
			}
		}
		lead := retrieval[f.rank]
		if len(hits) > 1 {
			lead -= (sum - retrieval[f.rank]) / float64(len(hits)-1)
		}
		agreement := 0.0
		for _, s := range f.same {
			if s.rank != f.rank && s.span.Score > agreementBar {
				agreement = 1
			}
		}
		length := 0.0
		eachTerm(f.span.Text, func(string) { length++ })
		f.features = []float64{
			f.span.Score, f.null, nulls,
			clip(f.evidence-other, marginLimit), clip(math.Log(f.share)-math.Log1p(-f.share), shareLimit),
			math.Log(float64(f.rank + 1)), retrieval[f.rank], lead,
			covered(inPassage[f.rank], rare), covered(inPassage[f.rank], nil),
			covered(finder.find(around(f.hit.Text, f.span.Start, f.span.End, nearBytes)), rare),
			missing, math.Log1p(length), agreement,
		}
	}
}

// retrievalScores is 0.4 times the cosine and 0.6 times the BM25 of each hit, each over
// the best of the hits; of one leg alone when the other found nothing.
func retrievalScores(hits []db.Hit) []float64 {
	out := make([]float64, len(hits))
	var cosine, bm25 float64
	for _, h := range hits {
		if h.DenseRank > 0 {
			cosine = max(cosine, h.Cosine)
		}
		if h.LexicalRank > 0 {
			bm25 = max(bm25, h.BM25)
		}
	}
	all := 0.0
	if cosine > 0 {
		all += denseWeight
	}
	if bm25 > 0 {
		all += lexicalWeight
	}
	for i, h := range hits {
		if h.DenseRank > 0 && cosine > 0 {
			out[i] += denseWeight * max(0, h.Cosine) / cosine / all
		}
		if h.LexicalRank > 0 && bm25 > 0 {
			out[i] += lexicalWeight * max(0, h.BM25) / bm25 / all
		}
	}
	return out
}

func clip(v, limit float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return max(-limit, min(limit, v))
}

// around is text[start:end] with so many bytes more on both sides, whole characters.
func around(text string, start, end, bytes int) string {
	start, end = max(0, start-bytes), min(len(text), end+bytes)
	for start > 0 && !runeStart(text[start]) {
		start--
	}
	for end < len(text) && !runeStart(text[end]) {
		end++
	}
	return text[start:end]
}

func runeStart(b byte) bool { return b&0xC0 != 0x80 }
