package main

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// snippet folds a passage to at most the given number of lines, each a list of words that fit into width.
// When the passage is longer, the sentences with most of the terms are shown.
func snippet(text, title string, find map[string]bool, width, lines int) [][]string {
	all := strings.Fields(unmarked(printable(text), title))
	from := 0
	if len(wrap(all, width, lines+1)) > lines {
		from = bestStart(all, find, width*lines)
	}
	shown := all[from:]
	if from > 0 {
		shown = append([]string{"…"}, shown...)
	}
	out := wrap(shown, width, lines)
	n := 0
	for _, line := range out {
		n += len(line)
	}
	if n < len(shown) && len(out) > 0 {
		last := out[len(out)-1]
		if len(last) > 1 && length(last)+2 > width {
			last = last[:len(last)-1]
		}
		out[len(out)-1] = append(last, "…")
	}
	return out
}

// unmarked makes Markdown headings readable inside of running text: "## Care" becomes "Care —". A heading
// that repeats the title of the document is left out, and so is the line under the head of a table.
func unmarked(text, title string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "|-") && strings.Trim(line, "|-: \r\n") == "" {
			continue
		}
		h := strings.TrimLeft(line, "#")
		if n := len(line) - len(h); n == 0 || n > 6 || h == "" || h[0] != ' ' {
			b.WriteString(line)
			continue
		}
		if h = strings.TrimSpace(h); h != title {
			b.WriteString(h + " —\n")
		}
	}
	return b.String()
}

// bestStart returns the word to begin with. It is the beginning, or the start of a sentence that holds a
// term: the one from which most different terms come within so many columns, then most terms, then the
// first of equals.
func bestStart(words []string, find map[string]bool, columns int) int {
	best, bestDifferent, bestAll := 0, 0, 0
	for i := range words {
		if i > 0 && !endsSentence(words[i-1]) {
			continue
		}
		seen, all := map[string]bool{}, 0
		first := true // still in the first sentence
		for j, left := i, columns; j < len(words); j++ {
			if left -= utf8.RuneCountInString(words[j]) + 1; left < 0 {
				break
			}
			if t := term(words[j]); find[t] {
				seen[t] = true
				all++
			}
			if first && endsSentence(words[j]) {
				if first = false; len(seen) == 0 && i > 0 {
					break
				}
			}
		}
		if len(seen) > bestDifferent || len(seen) == bestDifferent && all > bestAll {
			best, bestDifferent, bestAll = i, len(seen), all
		}
	}
	return best
}

// endsSentence reports whether a word is the last of a sentence, or the dash after a heading. "3." is not:
// it counts an item.
func endsSentence(w string) bool {
	return w == "—" || strings.ContainsAny(w[len(w)-1:], ".!?:") && strings.Trim(w, "0123456789.") != ""
}

// wrap puts words into lines of at most width columns, and stops after so many lines; 0 means all. A word
// wider than a line has a line of its own.
func wrap(words []string, width, lines int) [][]string {
	var out [][]string
	var line []string
	used := 0
	for _, w := range words {
		n := utf8.RuneCountInString(w)
		if len(line) > 0 && used+1+n > width {
			out = append(out, line)
			if len(out) == lines {
				return out
			}
			line, used = nil, 0
		}
		if len(line) > 0 {
			used++
		}
		line, used = append(line, w), used+n
	}
	if len(line) > 0 {
		out = append(out, line)
	}
	return out
}

func length(line []string) int {
	n := len(line) - 1
	for _, w := range line {
		n += utf8.RuneCountInString(w)
	}
	return n
}

// commonWords are not looked for in a passage: they stand in every sentence.
var commonWords = map[string]bool{}

func init() {
	for w := range strings.FieldsSeq(`a an and are as at be been but by can did do does for from had has have he her his how i if in
		into is it its me my no not of on or our she should so than that the their them then there they this to was we were
		what when where which who why will with would you your`) {
		commonWords[w] = true
	}
}

// terms returns the words of a query that are worth finding, as term writes them.
func terms(query string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(query) {
		if t := term(w); t != "" && !commonWords[t] {
			out[t] = true
		}
	}
	return out
}

// term is a word without marks around it, in lower case and without a plural s.
func term(w string) string {
	w = strings.ToLower(strings.TrimFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }))
	if len(w) > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") {
		w = w[:len(w)-1]
	}
	return w
}
