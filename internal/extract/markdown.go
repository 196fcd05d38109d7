package extract

import (
	"regexp"
	"strings"
)

// markdownTitle is the title of the front matter, else the first heading outside of a block of code.
//
// Headings are those of CommonMark 0.31, 4.2 (ATX) and 4.3 (setext, on one line of text).
func markdownTitle(text string) string {
	lines := strings.Split(text, "\n")
	if end := frontMatter(lines); end > 0 {
		if t := frontMatterTitle(lines[1:end]); t != "" {
			return t
		}
		lines = lines[end+1:]
	}
	fence, previous := "", ""
	for _, line := range lines {
		line = strings.TrimRight(line, " \t\r")
		if fence != "" {
			if closes(line, fence) {
				fence = ""
			}
			continue
		}
		if fence = opens(line); fence != "" {
			previous = ""
			continue
		}
		if m := atxHeading.FindStringSubmatch(line); m != nil {
			if t := plain(m[1]); t != "" {
				return t
			}
		}
		if setextUnderline.MatchString(line) && paragraph(previous) {
			if t := plain(previous); t != "" {
				return t
			}
		}
		previous = line
	}
	return ""
}

var (
	atxHeading      = regexp.MustCompile(`^ {0,3}#{1,6}(?:[ \t]+(.*?))?(?:[ \t]+#+)?$`)
	setextUnderline = regexp.MustCompile(`^ {0,3}(?:=+|-{2,})$`)
	fenceOpening    = regexp.MustCompile("^ {0,3}(`{3,}[^`]*|~{3,}.*)$")
	notParagraph    = regexp.MustCompile(`^(?: {4}|\t| {0,3}(?:[-*+>|]|\d+[.)])(?:[ \t]|$)|\|)`)
)

// frontMatter returns the number of the line that ends the front matter, 0 when there is none.
func frontMatter(lines []string) int {
	if strings.TrimRight(lines[0], " \t\r") != "---" {
		return 0
	}
	for i, line := range lines[1:] {
		if l := strings.TrimRight(line, " \t\r"); l == "---" || l == "..." {
			return i + 1
		}
	}
	return 0
}

// frontMatterTitle returns the value of a "title:" line. Only scalars on one line are understood.
func frontMatterTitle(lines []string) string {
	for _, line := range lines {
		value, ok := strings.CutPrefix(line, "title:")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			q := value[:1]
			value = value[1 : n-1]
			if q == "'" {
				value = strings.ReplaceAll(value, "''", "'")
			} else {
				value = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(value)
			}
		} else if i := strings.Index(value, " #"); i >= 0 { // a comment
			value = value[:i]
		}
		switch value = strings.TrimSpace(value); value {
		case "", "|", ">", "|-", ">-", "null", "~":
			return ""
		}
		return value
	}
	return ""
}

// opens returns the fence that a line opens, as its run of backticks or tildes.
func opens(line string) string {
	m := fenceOpening.FindStringSubmatch(line)
	if m == nil {
		return ""
	}
	return m[1][:len(m[1])-len(strings.TrimLeft(m[1], m[1][:1]))]
}

// closes reports whether line is a closing fence for the opening one.
func closes(line, fence string) bool {
	l := strings.TrimLeft(line, " ")
	return len(line)-len(l) <= 3 && len(l) >= len(fence) && strings.Trim(l, fence[:1]) == ""
}

// paragraph reports whether a line can be the text of a setext heading.
func paragraph(line string) bool {
	return strings.TrimSpace(line) != "" && !notParagraph.MatchString(line)
}

var (
	image    = regexp.MustCompile(`!\[([^\]]*)\]\([^)]*\)`)
	link     = regexp.MustCompile(`\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])`)
	strong   = regexp.MustCompile(`(\*\*|__)(\S(?:.*?\S)?)(\*\*|__)`)
	emphasis = regexp.MustCompile(`(^|[^\w*])([*_])([^\s*_](?:[^*_]*[^\s*_])?)([*_])($|[^\w*])`)
	anchor   = regexp.MustCompile(`\s*\{#[^}]*\}\s*$`)
	tag      = regexp.MustCompile(`</?[A-Za-z][^>]*>`)
)

// plain takes the markup out of a heading.
func plain(s string) string {
	s = anchor.ReplaceAllString(s, "")
	s = tag.ReplaceAllString(s, "")
	s = image.ReplaceAllString(s, "$1")
	s = link.ReplaceAllString(s, "$1")
	s = strong.ReplaceAllString(s, "$2")
	s = emphasis.ReplaceAllString(s, "$1$3$5")
	s = strings.ReplaceAll(s, "`", "")
	s = escaped.ReplaceAllString(s, "$1")
	return strings.Join(strings.Fields(s), " ")
}

var escaped = regexp.MustCompile("\\\\([!-/:-@\\[-`{-~])")
