package qa

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/words"
)

// functionWords of English say what kind of answer is wanted, or nothing, and are not
// looked for in a passage.
var functionWords = wordSet(`a about also an and any are as at be been but by can could did do does for from had has
	have he her him his how i if in into is it its me my no not of on or our out over shall she should so some such than
	that the their them then there these they this those to up us was we were what when where which while who whom whose
	why will with would you your`)

func wordSet(s string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(s) {
		out[w] = true
	}
	return out
}

// eachTerm calls yield for each word of text: lower case, without a plural s.
func eachTerm(text string, yield func(term string)) {
	it := words.FromString(text)
	for it.Next() {
		w := it.Value()
		if r, _ := utf8.DecodeRuneInString(w); unicode.IsLetter(r) || unicode.IsNumber(r) {
			if i := possessive(w); i > 0 {
				w = w[:i]
			}
			yield(singular(strings.ToLower(w)))
		}
	}
}

func singular(w string) string {
	if len(w) > 3 && w[len(w)-1] == 's' && w[len(w)-2] != 's' {
		return w[:len(w)-1]
	}
	return w
}

// contentTerms returns the different words of a question that a passage on its subject
// should have, in order. If it has none but function words, it is these.
func contentTerms(question string) []string {
	var out, all []string
	seen := map[string]bool{}
	eachTerm(question, func(t string) {
		if seen[t] {
			return
		}
		seen[t] = true
		all = append(all, t)
		if !functionWords[t] && !functionWords[t+"s"] {
			out = append(out, t)
		}
	})
	if len(out) == 0 {
		return all
	}
	return out
}

// wordFinder says which words of a question stand in a text.
type wordFinder struct {
	terms []string
	at    map[string]int // place of a term in terms
}

func newWordFinder(question string) *wordFinder {
	f := &wordFinder{terms: contentTerms(question), at: map[string]int{}}
	for i, t := range f.terms {
		f.at[t] = i
	}
	return f
}

// find returns for each term whether it stands in one of the texts.
func (f *wordFinder) find(texts ...string) []bool {
	out := make([]bool, len(f.terms))
	for _, text := range texts {
		eachTerm(text, func(t string) {
			if i, ok := f.at[t]; ok {
				out[i] = true
			}
		})
	}
	return out
}

// rarity weighs each term by how few of the passages have it: the inverse document
// frequency of BM25 over the passages that were retrieved.
func rarity(found [][]bool, terms int) []float64 {
	n := float64(len(found))
	out := make([]float64, terms)
	for t := range out {
		df := 0.0
		for _, f := range found {
			if f[t] {
				df++
			}
		}
		out[t] = math.Log(1 + (n-df+0.5)/(df+0.5))
	}
	return out
}

// covered is the share of the weight of the terms that are found; weight nil means that
// all weigh the same. It is 0 when there are none.
func covered(found []bool, weight []float64) float64 {
	got, all := 0.0, 0.0
	for t, ok := range found {
		w := 1.0
		if weight != nil {
			w = weight[t]
		}
		all += w
		if ok {
			got += w
		}
	}
	if all == 0 {
		return 0
	}
	return got / all
}
