package chunk

import "strings"

// code yields the blocks of source code: what begins at the left margin, up to the next that does, with the
// comment right above it and the blank lines and indented lines in it. In most languages, as their formatters
// write them, that is a declaration. Lines at the margin that are not parted from the ones before, such as
// imports or a list of constants, share a block.
func code(text string, yield func(Span, kind)) {
	start := -1
	parted := true // by an empty line, or by the end of a block before
	for pos := 0; pos < len(text); {
		end, next := nextLine(text, pos, len(text))
		line := text[pos:end]
		if isBlank(line) {
			parted, pos = true, next
			continue
		}
		if margin := line[0] != ' ' && line[0] != '\t'; margin {
			closes := continues(line)
			if start >= 0 && parted && !closes {
				yield(Span{start, pos}, codeLines)
				start = pos
			}
			parted = closes
		} else {
			parted = false
		}
		if start < 0 {
			start = pos
		}
		pos = next
	}
	if start >= 0 {
		yield(Span{start, len(text)}, codeLines)
	}
}

// continues reports whether a line at the margin belongs to what is above it.
func continues(line string) bool {
	if strings.IndexByte(")}]{", line[0]) >= 0 {
		return true
	}
	word := line
	if i := strings.IndexFunc(line, func(r rune) bool { return r < 'a' || r > 'z' }); i >= 0 {
		word = line[:i]
	}
	switch word {
	case "else", "elif", "elsif", "except", "finally", "catch", "rescue", "ensure", "end", "then", "do", "done", "fi", "esac":
		return true
	}
	return false
}

// groups yields the pieces of a block that empty lines part.
func groups(text string, b Span, yield func(Span)) {
	start := b.Start
	parted := false
	eachLine(text, b, func(l Span) {
		if isBlank(text[l.Start:l.End]) {
			parted = true
			return
		}
		if parted && l.Start > start {
			yield(Span{start, l.Start})
			start = l.Start
		}
		parted = false
	})
	yield(Span{start, b.End})
}
