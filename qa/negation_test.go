package qa

import (
	"strings"
	"testing"
)

// The reader's span begins at the bar; the answer begins at the bracket.
func TestWithNegation(t *testing.T) {
	for _, c := range []string{
		"[Do not |touch light switches",
		"Smoke? [never |open it",
		"You [should not\n|lift it",
		"it [is not |red",
		"They [don't |eat",
		"They [don’t |eat",
		"[no |more than two",
		"Ö [not |rot",
		"\xff [not |x",
		"\xff[not |x",
		"knot [|tied",
		"say not: [|touch",
		"say not[|touch",
		"He said not “[|touch",
		"[|touch",
		" [|touch",
	} {
		want := strings.Index(c, "[")
		c = strings.Replace(c, "[", "", 1)
		start := strings.Index(c, "|")
		text := strings.Replace(c, "|", "", 1)
		if got := withNegation(text, start); got != want {
			t.Errorf("%q: answer %q, want %q", text, text[got:], text[want:])
		}
	}
}
