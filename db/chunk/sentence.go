package chunk

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// sentences calls yield for each sentence of a block: pieces that follow one another and cover it.
//
// A sentence ends after . ! ? … and what closes quotes and brackets, if white space follows and then
// anything but a lower-case letter; a full stop after an abbreviation, an initial or the number of a
// list item ends none. Full stops of scripts written without spaces end one at once.
func sentences(text string, b Span, yield func(Span)) {
	start := b.Start
	for pos := b.Start; pos < b.End; {
		i := strings.IndexFunc(text[pos:b.End], isTerminator)
		if i < 0 {
			break
		}
		at := pos + i
		r, size := utf8.DecodeRuneInString(text[at:b.End])
		end := at + size
		for end < b.End { // ?!, ..., closing quotes
			c, size := utf8.DecodeRuneInString(text[end:b.End])
			if !isTerminator(c) && !isCloser(c) {
				break
			}
			end += size
		}
		pos = end
		if end == b.End {
			break
		}
		if !endsAtOnce(r) {
			next := skipSpace(text, end, b.End)
			if next == end || next == b.End {
				continue
			}
			if n, _ := utf8.DecodeRuneInString(text[next:b.End]); unicode.IsLower(n) {
				continue
			}
			if r == '.' && end == at+1 && isAbbreviation(text[start:at]) {
				continue
			}
		}
		yield(Span{start, end})
		start = end
	}
	if start < b.End {
		yield(Span{start, b.End})
	}
}

func isTerminator(r rune) bool {
	switch r {
	case '.', '!', '?', '…', '؟', '۔', '‼', '⁇', '⁈', '⁉':
		return true
	}
	return endsAtOnce(r)
}

func endsAtOnce(r rune) bool {
	switch r {
	case '。', '！', '？', '｡', '．', '।', '॥':
		return true
	}
	return false
}

func isCloser(r rune) bool {
	switch r {
	case '"', '\'', ')', ']', '}', '”', '’', '»', '›', '」', '』', '）', '】', '》', '〉':
		return true
	}
	return false
}

// longest is the most bytes looked at before a full stop.
const longest = 16

// isAbbreviation reports whether the last word before a full stop is no end of a sentence.
func isAbbreviation(before string) bool {
	tail := before[max(0, len(before)-longest):]
	i := strings.LastIndexFunc(tail, func(r rune) bool { return unicode.IsSpace(r) || r == '(' || r == '[' || r == '"' || r == '“' })
	if i < 0 && len(tail) < len(before) {
		return false // a long word
	}
	if i >= 0 {
		_, size := utf8.DecodeRuneInString(tail[i:])
		i += size
	} else {
		i = 0
	}
	word := tail[i:]
	if word == "" {
		return false
	}
	r, size := utf8.DecodeRuneInString(word)
	if size == len(word) && unicode.IsUpper(r) && r != 'I' {
		return true // an initial
	}
	if strings.Trim(word, "0123456789") == "" {
		// The number of a list item stands at the start of a line.
		head := strings.TrimRight(before[:len(before)-len(word)], " \t")
		return head == "" || strings.HasSuffix(head, "\n")
	}
	return abbreviations[strings.ToLower(word)]
}

var abbreviations = func() map[string]bool {
	m := make(map[string]bool)
	for _, w := range strings.Fields(`
		mr mrs ms mx dr prof rev fr hon st sr jr messrs gen col lt sgt capt cmdr adm maj pvt gov sen rep pres
		vs v cf e.g i.e eg ie viz al etc approx ca c no nos vol vols fig figs eq eqs sec secs ch chap p pp ed eds art para
		inc ltd co corp bros dept univ assn est ave blvd rd mt ft u.s u.k u.n d.c a.m p.m
		jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thurs fri sat sun`) {
		m[w] = true
	}
	return m
}()
