package chunk

import "strings"

// nextLine is the line that begins at pos: its end without the line break, and where the next begins.
func nextLine(text string, pos, limit int) (end, next int) {
	if i := strings.IndexByte(text[pos:limit], '\n'); i >= 0 {
		return pos + i, pos + i + 1
	}
	return limit, limit
}

func isBlank(line string) bool { return skipSpace(line, 0, len(line)) == len(line) }

// eachLine yields the lines of a block.
func eachLine(text string, b Span, yield func(Span)) {
	for pos := b.Start; pos < b.End; {
		end, next := nextLine(text, pos, b.End)
		yield(Span{pos, end})
		pos = next
	}
}

// paragraphs yields the paragraphs of a plain text.
func paragraphs(text string, yield func(Span, kind)) {
	start := -1
	for pos := 0; pos < len(text); {
		end, next := nextLine(text, pos, len(text))
		switch {
		case isBlank(text[pos:end]):
			if start >= 0 {
				yield(Span{start, pos}, paragraph)
				start = -1
			}
		case start < 0:
			start = pos
		}
		pos = next
	}
	if start >= 0 {
		yield(Span{start, len(text)}, paragraph)
	}
}

// markdown yields the blocks of a Markdown text: headings in both styles, fenced code, lists with
// everything that is indented below their items, tables, front matter, and paragraphs.
func markdown(text string, yield func(Span, kind)) {
	m := mdParser{text: text, start: -1, yield: yield}
	pos := m.frontMatter()
	for pos < len(text) {
		end, next := nextLine(text, pos, len(text))
		m.line(pos, end, next)
		pos = next
	}
	m.end(len(text))
}

type mdParser struct {
	text  string
	yield func(Span, kind)
	start int  // of the block being read, -1 if there is none
	kind  kind // of that block
	fence string
	blank bool // an empty line was read inside a list
}

// end yields the block being read, which ends at pos.
func (m *mdParser) end(pos int) {
	if m.start >= 0 {
		m.yield(Span{m.start, pos}, m.kind)
	}
	m.start, m.blank, m.fence = -1, false, ""
}

func (m *mdParser) begin(pos int, k kind) { m.start, m.kind = pos, k }

// frontMatter yields a block between two lines of --- at the very start, and returns where it ends.
func (m *mdParser) frontMatter() int {
	end, next := nextLine(m.text, 0, len(m.text))
	if strings.TrimRight(m.text[:end], " \t\r") != "---" {
		return 0
	}
	for pos := next; pos < len(m.text); {
		end, after := nextLine(m.text, pos, len(m.text))
		switch line := strings.TrimRight(m.text[pos:end], " \t\r"); {
		case line == "---" || line == "...":
			m.yield(Span{0, after}, lines)
			return after
		case isBlank(line):
			return 0
		}
		pos = after
	}
	return 0
}

func (m *mdParser) line(pos, end, next int) {
	line := strings.TrimRight(m.text[pos:end], " \t\r")
	body := strings.TrimLeft(line, " \t")
	indent := len(line) - len(body)

	if m.fence != "" {
		if rest := strings.TrimLeft(body, m.fence[:1]); rest == "" && len(body) >= len(m.fence) {
			m.fence = ""
			if m.kind == lines {
				m.end(next)
			}
		}
		return
	}
	inList := m.start >= 0 && m.kind == list
	if body == "" {
		if inList {
			m.blank = true
		} else {
			m.end(pos)
		}
		return
	}
	if inList && m.blank && indent < 2 && !isItem(body) {
		m.end(pos)
		inList = false
	}
	m.blank = false
	if f := fenceOf(body); f != "" && (indent < 4 || inList) {
		if !inList || indent < 2 {
			m.end(pos)
			m.begin(pos, lines)
		}
		m.fence = f
		return
	}
	if inList && indent >= 2 {
		return
	}
	switch {
	case indent < 4 && isATX(body):
		m.end(pos)
		m.yield(Span{pos, next}, heading)
	case indent < 4 && m.start >= 0 && m.kind == paragraph && isSetext(body):
		m.kind = heading
		m.end(next)
	case isRule(body):
		m.end(pos)
		m.begin(pos, paragraph)
		m.end(next)
	case isItem(body) && (indent < 4 || inList):
		if !inList {
			m.end(pos)
			m.begin(pos, list)
		}
	case body[0] == '|':
		if m.start < 0 || m.kind != lines {
			m.end(pos)
			m.begin(pos, lines)
		}
	case m.start >= 0 && m.kind == lines:
		m.end(pos)
		m.begin(pos, paragraph)
	case m.start < 0:
		m.begin(pos, paragraph)
	}
}

// fenceOf is the run of ` or ~ that opens fenced code, or nothing.
func fenceOf(body string) string {
	if body[0] != '`' && body[0] != '~' {
		return ""
	}
	rest := strings.TrimLeft(body, body[:1])
	n := len(body) - len(rest)
	if n < 3 || body[0] == '`' && strings.Contains(rest, "`") {
		return ""
	}
	return body[:n]
}

// isATX reports whether a line is a heading like "## Title".
func isATX(body string) bool {
	rest := strings.TrimLeft(body, "#")
	n := len(body) - len(rest)
	return n >= 1 && n <= 6 && (rest == "" || rest[0] == ' ' || rest[0] == '\t')
}

// isSetext reports whether a line makes a heading of the paragraph above it.
func isSetext(body string) bool {
	return strings.Trim(body, "=") == "" || strings.Trim(body, "-") == ""
}

// isRule reports whether a line is a thematic break.
func isRule(body string) bool {
	c := body[:1]
	if c != "-" && c != "*" && c != "_" {
		return false
	}
	return strings.Count(body, c) >= 3 && strings.Trim(body, c+" \t") == ""
}

// isItem reports whether a line begins a list item.
func isItem(body string) bool {
	rest := body
	switch body[0] {
	case '-', '*', '+':
		rest = body[1:]
	default:
		n := 0
		for n < len(body) && n < 9 && '0' <= body[n] && body[n] <= '9' {
			n++
		}
		if n == 0 || n == len(body) || body[n] != '.' && body[n] != ')' {
			return false
		}
		rest = body[n+1:]
	}
	return rest == "" || rest[0] == ' ' || rest[0] == '\t'
}

// items yields the items of a list with what belongs to them.
func items(text string, b Span, yield func(Span)) {
	start, fence := b.Start, ""
	eachLine(text, b, func(l Span) {
		body := strings.Trim(text[l.Start:l.End], " \t\r")
		switch {
		case body == "":
		case fence != "":
			if strings.TrimLeft(body, fence[:1]) == "" && len(body) >= len(fence) {
				fence = ""
			}
		case fenceOf(body) != "":
			fence = fenceOf(body)
		case isItem(body) && l.Start > start:
			yield(Span{start, l.Start})
			start = l.Start
		}
	})
	if start < b.End {
		yield(Span{start, b.End})
	}
}
