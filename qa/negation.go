package qa

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Words that turn what follows into its opposite, and the verbs that stand before "not".
var (
	negations   = []string{"not", "never", "no", "cannot"}
	auxiliaries = []string{"do", "does", "did", "is", "are", "was", "were", "be", "should", "must", "can", "could",
		"will", "would", "may", "might", "shall", "has", "have", "had"}
)

// withNegation moves the start of a span over an English negation right before it, "do not", "never" or
// "don't". A reader of this size takes "touch light switches" out of "Do not touch light switches",
// and an answer must not say the opposite of its sentence.
func withNegation(text string, start int) int {
	at, word := wordBefore(text, start)
	switch {
	case slices.Contains(negations, word):
		if i, aux := wordBefore(text, at); word == "not" && slices.Contains(auxiliaries, aux) {
			at = i
		}
		return at
	case strings.HasSuffix(word, "n't"), strings.HasSuffix(word, "n’t"):
		return at
	}
	return start
}

// wordBefore returns the word, in lower case, that ends before byte end with only spaces between, and
// where it starts; "" when there is none.
func wordBefore(text string, end int) (int, string) {
	head := strings.TrimRight(text[:end], " \t\r\n")
	if len(head) == end {
		return end, ""
	}
	at := strings.LastIndexFunc(head, func(r rune) bool { return !wordRune(r) && r != '\'' && r != '’' })
	if at < 0 {
		return 0, strings.ToLower(head)
	}
	_, n := utf8.DecodeRuneInString(head[at:])
	at += n
	return at, strings.ToLower(head[at:])
}
