package eval

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// Normalize is normalize_answer of the official SQuAD scripts (Rajpurkar et
// al. 2016, 2018): lower case, ASCII punctuation removed, the words a, an and
// the removed, runs of white space made one space.
func Normalize(s string) string { return strings.Join(words(s), " ") }

// words is Normalize, split at spaces.
func words(s string) []string {
	s = cases.Lower(language.Und).String(s) // final sigma and dotted I as Python lowers them
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", r) {
			return -1
		}
		return r
	}, s)
	return strings.FieldsFunc(dropArticles(s), pySpace)
}

// dropArticles is re.sub(r"\b(a|an|the)\b", " ", s): a run of word characters
// that is an article becomes a space. Go's \b knows only ASCII words. The
// underscore, a word character too, is gone with the punctuation.
func dropArticles(s string) string {
	var b strings.Builder
	start := -1 // of the current run
	flush := func(end int) {
		if start < 0 {
			return
		}
		switch w := s[start:end]; w {
		case "a", "an", "the":
			b.WriteByte(' ')
		default:
			b.WriteString(w)
		}
		start = -1
	}
	for i, r := range s {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			if start < 0 {
				start = i
			}
			continue
		}
		flush(i)
		b.WriteRune(r)
	}
	flush(len(s))
	return b.String()
}

// pySpace is Python's str.isspace.
func pySpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// Exact is 1 when the normalized texts are equal, else 0.
func Exact(got, want string) float64 {
	if Normalize(got) == Normalize(want) {
		return 1
	}
	return 0
}

// F1 is the harmonic mean of precision and recall over the words of the
// normalized texts, as SQuAD 1.1 counts it: 0 when they share no word, even if
// both are empty.
func F1(got, want string) float64 { return wordF1(words(got), words(want)) }

func wordF1(got, want []string) float64 {
	count := map[string]int{}
	for _, w := range want {
		count[w]++
	}
	same := 0
	for _, w := range got {
		if count[w] > 0 {
			count[w]--
			same++
		}
	}
	if same == 0 {
		return 0
	}
	p := float64(same) / float64(len(got))
	r := float64(same) / float64(len(want))
	return 2 * p * r / (p + r)
}

// f1NoAnswer is F1 as SQuAD 2.0 counts it: an empty side is "no answer", and
// the score is 1 when both are, 0 when one is.
func f1NoAnswer(got, want string) float64 {
	g, w := words(got), words(want)
	if len(g) == 0 || len(w) == 0 {
		if len(g) == len(w) {
			return 1
		}
		return 0
	}
	return wordF1(g, w)
}

// Score holds a prediction against the right answers of q and returns the best
// exact match and the best F1 over them, 0..1. An empty prediction is "no
// answer". v2 chooses the rules of SQuAD 2.0, where a question without right
// answers wants an empty prediction.
func (q *Question) Score(prediction string, v2 bool) (exact, f1 float64) {
	golds := make([]string, 0, len(q.Answers))
	for _, a := range q.Answers {
		if !v2 || Normalize(a.Text) != "" {
			golds = append(golds, a.Text)
		}
	}
	if v2 && len(golds) == 0 {
		golds = append(golds, "")
	}
	measure := F1
	if v2 {
		measure = f1NoAnswer
	}
	for _, g := range golds {
		exact = max(exact, Exact(prediction, g))
		f1 = max(f1, measure(prediction, g))
	}
	return exact, f1
}
