package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/qa"
)

const (
	hitLines      = 3   // of a passage in the output of query
	aroundBytes   = 240 // of text before and after an answer, at most, unless more was asked for
	supportPlaces = 3   // other places of an answer, at most
	defaultWidth  = 88  // of lines when the output is no terminal
	minWidth      = 40
)

// width is the number of columns for folded text.
func (t terminal) columns() int {
	if t.width <= 0 {
		return defaultWidth
	}
	return max(minWidth, min(t.width, 100))
}

// place is "id:line:col".
func place(id string, line, col int) string {
	return oneLine(id) + ":" + strconv.Itoa(line) + ":" + strconv.Itoa(col)
}

// oneLine makes s fit for one line of output.
func oneLine(s string) string { return strings.Join(strings.Fields(printable(s)), " ") }

// printHits prints hits for people.
func (a *app) printHits(hits []db.Hit, c *cites, query string, full bool) error {
	margin := strings.Repeat(" ", 4)
	for i, h := range hits {
		head := fmt.Sprintf("%2d. %s  %s", i+1,
			a.out.style(styleDim, strconv.FormatFloat(h.Score, 'f', 4, 64)),
			a.out.style(stylePlace, c.place(h.ID, h.Start, h.End, h.Line, h.Col)))
		if t := oneLine(h.Title); t != "" {
			head += "  " + a.out.style(styleTitle, t)
		}
		if i > 0 {
			head = "\n" + head
		}
		if _, err := fmt.Fprintln(a.stdout, head); err != nil {
			return err
		}
		lines := wholeLines(h.Text)
		if !full {
			lines = a.folded(h, query, a.out.columns()-len(margin))
		}
		for _, line := range lines {
			if _, err := fmt.Fprintln(a.stdout, strings.TrimRight(margin+line, " ")); err != nil {
				return err
			}
		}
	}
	return nil
}

// folded is a passage in a few lines, with the words of the query in bold.
func (a *app) folded(h db.Hit, query string, width int) []string {
	find := terms(query)
	var out []string
	for _, line := range snippet(h.Text, oneLine(h.Title), find, width, hitLines) {
		for i, w := range line {
			if find[term(w)] {
				line[i] = a.out.style(styleBold, w)
			}
		}
		out = append(out, strings.Join(line, " "))
	}
	return out
}

// wholeLines is a passage line by line.
func wholeLines(text string) []string {
	var out []string
	for line := range strings.Lines(strings.TrimRight(text, "\r\n")) {
		out = append(out, printable(strings.TrimRight(line, "\r\n")))
	}
	return out
}

// weakAnswer is the confidence below which an answer beside the first is not printed for people.
const weakAnswer = 0.1

// printAnswers prints answers for people: the first, and others that are worth reading, each with so many
// sentences on both sides of its own. Without a calibration the score stands for the confidence.
func (a *app) printAnswers(answers []qa.Answer, calibrated bool, c *cites, context int) error {
	for i, an := range answers {
		worth, what := an.Score, "score"
		if calibrated {
			worth, what = an.Confidence, "confidence"
		}
		if i > 0 && worth < weakAnswer {
			continue
		}
		if i > 0 {
			if _, err := fmt.Fprintln(a.stdout); err != nil {
				return err
			}
		}
		where := "  " + a.out.style(stylePlace, c.place(an.ID, an.Start, an.End, an.Line, an.Col))
		if t := oneLine(an.Hit.Title); t != "" {
			where += "  " + t
		}
		where += "  " + a.out.style(styleDim, "("+what+" "+strconv.FormatFloat(worth, 'f', 2, 64)+")")
		if _, err := fmt.Fprintf(a.stdout, "%s\n%s\n", a.out.style(styleFound, oneLine(an.Text)), where); err != nil {
			return err
		}
		before, after := around(an, context)
		open, closed := ">>", "<<"
		if a.out.color {
			open, closed = "", ""
		}
		marked := strings.Fields(printable(before + open + an.Text + closed + after))
		// The words of the answer, for the colour: as many as stand before it are left alone.
		first := len(strings.Fields(printable(before)))
		if before != "" && !endsInSpace(before) && first > 0 {
			first--
		}
		last := first + len(strings.Fields(an.Text))
		n := 0
		for _, line := range wrap(marked, a.out.columns()-4, 0) {
			for j, w := range line {
				if a.out.color && n >= first && n < last {
					line[j] = a.out.style(styleFound, w)
				}
				n++
			}
			if _, err := fmt.Fprintln(a.stdout, "    "+strings.Join(line, " ")); err != nil {
				return err
			}
		}
		for j, p := range an.Support {
			if j == supportPlaces {
				if _, err := fmt.Fprintf(a.stdout, "  also in %s more\n", counted(len(an.Support)-j, "place")); err != nil {
					return err
				}
				break
			}
			if _, err := fmt.Fprintln(a.stdout, "  also "+a.out.style(stylePlace, c.place(p.ID, p.Start, p.End, p.Line, p.Col))); err != nil {
				return err
			}
		}
	}
	return nil
}

func endsInSpace(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return unicode.IsSpace(r)
}

// around returns the text before and after an answer that belongs to the same sentence and so many
// sentences more on both sides, as far as the passage goes.
func around(an qa.Answer, context int) (before, after string) {
	p, start, end := an.Passage, an.Start-an.Hit.Start, an.End-an.Hit.Start
	if start < 0 || end > len(p) || start > end || p[start:end] != an.Text {
		return "", ""
	}
	before, after = p[:start], p[end:]
	cutBefore, cutAfter := false, false
	at := max(0, lastBreak(before))
	for range context {
		at = max(0, lastBreak(strings.TrimRightFunc(before[:at], unicode.IsSpace)))
	}
	before = before[at:]
	to := 0
	for range context + 1 {
		from := to
		if to > 0 {
			from += len(after[to:]) - len(strings.TrimLeftFunc(after[to:], unicode.IsSpace))
		}
		i := firstBreak(after[from:])
		if i < 0 {
			to = len(after)
			break
		}
		to = from + i
	}
	after = after[:to]
	most := aroundBytes * (1 + context)
	for len(before) > most {
		i := strings.IndexFunc(before[len(before)-most:], unicode.IsSpace)
		before, cutBefore = before[len(before)-most+max(0, i):], true
		if i < 0 {
			before = strings.ToValidUTF8(before, "")
			break
		}
	}
	if len(after) > most {
		i := strings.LastIndexFunc(after[:most], unicode.IsSpace)
		if i < 0 {
			i = most
		}
		after, cutAfter = strings.ToValidUTF8(after[:i], ""), true
	}
	before = strings.TrimLeftFunc(before, unicode.IsSpace)
	after = strings.TrimRightFunc(after, unicode.IsSpace)
	if cutBefore {
		before = "… " + before
	}
	if cutAfter {
		after += " …"
	}
	return before, after
}

// lineStarts are what begins a new thing at the start of a line: a heading, an item, a row, a quotation.
const lineStarts = "#-*+|>"

// lastBreak returns where the last sentence of s begins, -1 if s is all of one sentence.
func lastBreak(s string) int {
	at := -1
	for i := 0; i < len(s); i++ {
		if n := breakAt(s, i); n > 0 {
			at = n
		}
	}
	return at
}

// firstBreak returns where the first sentence of s ends, -1 if s does not end one.
func firstBreak(s string) int {
	for i := 0; i < len(s); i++ {
		switch {
		case breakAt(s, i) == 0:
		case s[i] == '\n':
			return i
		default:
			return i + 1
		}
	}
	return -1
}

// breakAt returns where the next sentence begins if one ends at byte i, else 0.
func breakAt(s string, i int) int {
	switch s[i] {
	case '.', '!', '?':
		j := i + 1
		for j < len(s) && strings.IndexByte(`"')*_`, s[j]) >= 0 {
			j++
		}
		if j == len(s) || s[j] != ' ' && s[j] != '\n' && s[j] != '\r' {
			return 0
		}
		rest := strings.TrimLeft(s[j:], " \r\n")
		r, _ := utf8.DecodeRuneInString(rest)
		if unicode.IsLower(r) || s[i] == '.' && i > 0 && initial(s[:i]) {
			return 0 // "e.g. this", "3. item" and "J. Smith" go on
		}
		return j
	case '\n':
		if rest := strings.TrimLeft(s[i+1:], " \t\r"); rest == "" || rest[0] == '\n' || strings.IndexByte(lineStarts, rest[0]) >= 0 {
			return i + 1
		}
	}
	return 0
}

// initial reports whether s ends in one letter or in a number at the start of a line, whose full stop ends
// no sentence.
func initial(s string) bool {
	word := s[strings.LastIndexAny(s, " \n\t(")+1:]
	if utf8.RuneCountInString(word) == 1 && unicode.IsUpper([]rune(word)[0]) {
		return true
	}
	if strings.Trim(word, "0123456789") != "" {
		return false
	}
	line := s[strings.LastIndexByte(s, '\n')+1:]
	return strings.TrimSpace(line) == word
}
