package qa

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// answerKey is equal for answers that say the same: letters in lower case, numbers, and
// the signs that change what is said, without English articles. A sign before a number
// stays, and so does a unit after it, written apart or not: "-5" is not "5", "5 %" is
// "5%" and not "5". Commas that group thousands go: "1,000" is "1000".
func answerKey(s string) string {
	parts := keyParts(s)
	kept := slices.DeleteFunc(slices.Clone(parts), func(w string) bool { return w == "a" || w == "an" || w == "the" })
	if len(kept) == 0 {
		kept = parts
	}
	if len(kept) == 0 {
		return s
	}
	return strings.Join(kept, " ")
}

// keyParts cuts s into words, numbers and signs.
func keyParts(s string) []string {
	s = strings.ToLower(s)
	var out []string
	minus := "" // before the number that follows
	for at := 0; at < len(s); {
		r, n := utf8.DecodeRuneInString(s[at:])
		switch {
		case unicode.IsDigit(r):
			end := numberEnd(s, at)
			out = append(out, minus+ungrouped(s[at:end]))
			minus, at = "", end
		case r == '.' && unicode.IsDigit(runeAt(s, at+n)) && !wordBeforeSign(s[:at]):
			end := numberEnd(s, at+n)
			out = append(out, minus+"0"+s[at:end])
			minus, at = "", end
		case unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r):
			end := at + n
			for end < len(s) {
				r, n := utf8.DecodeRuneInString(s[end:])
				if unicode.IsDigit(r) || !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsNumber(r) {
					break
				}
				end += n
			}
			out = append(out, s[at:end])
			at = end
		case signs(r) && unicode.IsDigit(afterDot(s[at+n:])) && !wordBeforeSign(s[:at]):
			minus = "-"
			at += n
		case meansSomething(r):
			out = append(out, string(r))
			at += n
		case isMeasure(s[:at], r, s[at+n:]):
			out = append(out, map[rune]string{'\'': "′", '"': "″"}[r])
			at += n
		default:
			at += n
		}
	}
	return out
}

// numberEnd is the end of the number that begins at byte at: digits, with single marks
// between them as in 1,000.5, 10:30 and 1/2.
func numberEnd(s string, at int) int {
	for at < len(s) {
		r, n := utf8.DecodeRuneInString(s[at:])
		if !unicode.IsDigit(r) {
			next, _ := utf8.DecodeRuneInString(s[at+n:])
			if !strings.ContainsRune(".,:/", r) || !unicode.IsDigit(next) {
				break
			}
		}
		at += n
	}
	return at
}

// ungrouped takes the commas out of a number of the form 1,234,567 with or without a
// decimal point.
func ungrouped(s string) string {
	whole, fraction, _ := strings.Cut(s, ".")
	groups := strings.Split(whole, ",")
	if len(groups) < 2 || len(groups[0]) > 3 || strings.ContainsAny(s, ":/") || strings.ContainsAny(fraction, ".,") {
		return s
	}
	for _, g := range groups[1:] {
		if len(g) != 3 {
			return s
		}
	}
	return strings.ReplaceAll(s, ",", "")
}

// signs reports whether r is written for minus.
func signs(r rune) bool { return r == '-' || r == '−' || r == '–' || r == '‐' || r == '‑' }

// afterDot is the first rune of s, or the one after a leading point as in .5.
func afterDot(s string) rune {
	r, n := utf8.DecodeRuneInString(s)
	if r == '.' {
		r, _ = utf8.DecodeRuneInString(s[n:])
	}
	return r
}

// wordBeforeSign reports whether s ends in a letter, digit or closing mark, so that a
// hyphen after it joins or spans and is no minus, as in 3-5 and B-52.
func wordBeforeSign(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return r != utf8.RuneError && (wordRune(r) || unicode.IsMark(r) || r == ')' || r == '%' || r == '.')
}

// meansSomething reports whether a sign is part of what an answer says wherever it stands.
func meansSomething(r rune) bool {
	return unicode.IsSymbol(r) && r != '`' && r != '^' || strings.ContainsRune("%‰‱#@&§′″", r)
}

// isMeasure reports whether the quote r between before and after is feet or inches: it
// follows a digit and opens or closes no quotation.
func isMeasure(before string, r rune, after string) bool {
	last, _ := utf8.DecodeLastRuneInString(before)
	return (r == '\'' || r == '"') && unicode.IsDigit(last) && strings.Count(before, string(r))%2 == 0 && !startsWord(after)
}

func startsWord(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return r != utf8.RuneError && unicode.IsLetter(r)
}
