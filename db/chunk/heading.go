package chunk

import (
	"slices"
	"sort"
	"strings"
)

// Heading is a heading of a text.
type Heading struct {
	Span         // the lines it stands on
	Level int    // 1 to 6, 1 outermost
	Text  string // its words on one line; emphasis and links keep their marks
}

// Headings returns the headings of a text in their order, those of Markdown in both styles. Other formats
// have none.
func Headings(text string, format Format) []Heading {
	if format != Markdown {
		return nil
	}
	var hs []Heading
	markdown(text, func(b Span, k kind) {
		if k != heading {
			return
		}
		h := Heading{Span: b}
		s := strings.TrimSpace(text[b.Start:b.End])
		if body := strings.TrimLeft(s, "#"); len(body) < len(s) && isATX(s) && !strings.Contains(s, "\n") {
			h.Level = len(s) - len(body)
			body = strings.TrimSpace(body)
			if trimmed := strings.TrimRight(body, "#"); trimmed == "" || strings.HasSuffix(trimmed, " ") || strings.HasSuffix(trimmed, "\t") {
				body = trimmed // a closing sequence
			}
			s = body
		} else {
			h.Level = 2
			if i := strings.LastIndexByte(s, '\n'); i >= 0 {
				if strings.Contains(s[i:], "=") {
					h.Level = 1
				}
				s = s[:i]
			}
		}
		h.Text = strings.Join(strings.Fields(s), " ")
		hs = append(hs, h)
	})
	return hs
}

// Under returns the headings that what stands at an offset is under, outermost first: of those that begin
// before it, the last, the last of a smaller level before that, and so on. headings are those of the text, as
// [Headings] returns them. Headings without words are left out.
func Under(headings []Heading, offset int) []Heading {
	var path []Heading
	level := 7
	for i := firstFrom(headings, offset) - 1; i >= 0 && level > 1; i-- {
		if h := headings[i]; h.Level < level {
			level = h.Level
			if h.Text != "" {
				path = append(path, h)
			}
		}
	}
	slices.Reverse(path)
	return path
}

// firstFrom is the number of the first heading that begins at offset or after it.
func firstFrom(headings []Heading, offset int) int {
	return sort.Search(len(headings), func(i int) bool { return headings[i].Start >= offset })
}

// Path is the headings that a passage is under and those that it begins with, as "Setup > Linux".
func Path(text string, headings []Heading, passage Span) string {
	offset := passage.Start
	for _, h := range headings[firstFrom(headings, offset):] {
		if h.Start != offset {
			break
		}
		offset = skipSpace(text, h.End, max(h.End, passage.End))
	}
	var words []string
	for _, h := range Under(headings, offset) {
		words = append(words, h.Text)
	}
	return strings.Join(words, " > ")
}
