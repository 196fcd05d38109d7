package tokenizer

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// literal matches a text.
type literal string

func (l literal) next(text []byte, at int) (start, end int) {
	i := bytes.Index(text[at:], []byte(l))
	if i < 0 {
		return -1, -1
	}
	return at + i, at + i + len(l)
}

// runPattern matches min or more of a byte, such as " {2,}".
type runPattern struct {
	b   byte
	min int
}

func (r runPattern) next(text []byte, at int) (start, end int) {
	for at < len(text) {
		i := bytes.IndexByte(text[at:], r.b)
		if i < 0 {
			break
		}
		start, end = at+i, at+i
		for end < len(text) && text[end] == r.b {
			end++
		}
		if end-start >= r.min {
			return start, end
		}
		at = end
	}
	return -1, -1
}

// regexPattern matches a regular expression.
type regexPattern struct{ *regexp.Regexp }

func (r regexPattern) next(text []byte, at int) (start, end int) {
	// Nothing in the expression looks back, so that it need not see what lies before at.
	m := r.FindIndex(text[at:])
	if m == nil {
		return -1, -1
	}
	return at + m[0], at + m[1]
}

// compile reads a regular expression in the syntax of Oniguruma, which the library uses. What that
// and the regexp package take to mean the same is supported: literals, lists of characters,
// (groups), alternatives, the quantifiers, and \s, \p{L} and \p{N}, as the library classes
// characters; besides the few long expressions that are known as a whole.
func compile(expr string) (pattern, error) {
	if g, ok := gptPatterns[expr]; ok {
		return g, nil
	}
	if c, rest, ok := strings.Cut(expr, "{"); ok && len(c) == 1 && c[0] < utf8.RuneSelf && !strings.Contains(special, c) {
		if n, ok := strings.CutSuffix(rest, ",}"); ok {
			if n, err := strconv.Atoi(n); err == nil && 0 < n && n <= 1000 {
				return runPattern{c[0], n}, nil
			}
		}
	}
	text, err := translate(expr)
	if err != nil {
		return nil, unsupported("regular expression %q: %v", expr, err)
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, unsupported("regular expression %q: %v", expr, err)
	}
	if re.MatchString("") {
		return nil, unsupported("regular expression %q: it matches the empty text", expr)
	}
	return regexPattern{re}, nil
}

// special are the characters that mean something in a regular expression.
const special = `\.+*?()|[]{}^$-&`

// translate rewrites a regular expression for the regexp package.
func translate(expr string) (string, error) {
	var b strings.Builder
	list := false // within [ ]
	for i := 0; i < len(expr); {
		rest := expr[i:]
		r, n := utf8.DecodeRuneInString(rest)
		switch {
		case r == '\\':
			class, size, err := escape(rest, list)
			if err != nil {
				return "", err
			}
			b.WriteString(class)
			n = size
		case list:
			switch {
			case r == '[', r == '&':
				return "", fmt.Errorf("%q in a list", r)
			case r == '^' && !strings.HasSuffix(b.String(), "["):
				b.WriteString(`\^`)
			default:
				list = r != ']'
				b.WriteRune(r)
			}
		case r == '[':
			list = true
			b.WriteRune(r)
			if strings.HasPrefix(rest[1:], "]") || strings.HasPrefix(rest[1:], "^]") {
				return "", errors.New("a list that begins with ]")
			}
		case r == '^', r == '$', strings.HasPrefix(rest, "(?") && !strings.HasPrefix(rest, "(?:"):
			return "", fmt.Errorf("%q", rest[:min(2, len(rest))])
		case r == '{' && !quantifier.MatchString(rest):
			return "", errors.New("a brace that is no quantifier")
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String(), nil
}

var quantifier = regexp.MustCompile(`^\{[0-9]+(,[0-9]*)?\}`)

// escape translates what begins with a backslash. It returns how long that is.
func escape(s string, list bool) (text string, n int, err error) {
	if len(s) < 2 {
		return "", 0, errors.New("a backslash at the end")
	}
	class := func(spans []span) string {
		var b strings.Builder
		for _, s := range spans {
			fmt.Fprintf(&b, `\x{%x}-\x{%x}`, s.lo, s.hi)
		}
		return b.String()
	}
	var set string
	negative := false
	n = 2
	switch c := s[1]; {
	case c == 's', c == 'S':
		set, negative = class(spaceSpans), c == 'S'
	case strings.HasPrefix(s[1:], "p{L}"), strings.HasPrefix(s[1:], "P{L}"):
		set, negative, n = class(letterSpans), c == 'P', 5
	case strings.HasPrefix(s[1:], "p{N}"), strings.HasPrefix(s[1:], "P{N}"):
		set, negative, n = class(numberSpans), c == 'P', 5
	case c == 'n', c == 'r', c == 't', c < utf8.RuneSelf && strings.IndexByte(special+"/'\"`", c) >= 0:
		if strings.IndexByte("/'\"`&", c) >= 0 {
			return regexp.QuoteMeta(s[1:2]), 2, nil
		}
		return s[:2], 2, nil
	default:
		return "", 0, fmt.Errorf("%q", s[:2])
	}
	switch {
	case list && negative:
		return "", 0, fmt.Errorf("%q in a list", s[:n])
	case list:
		return set, n, nil
	case negative:
		return "[^" + set + "]", n, nil
	}
	return "[" + set + "]", n, nil
}
