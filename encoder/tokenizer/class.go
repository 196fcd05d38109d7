package tokenizer

import (
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// class is what a code point is taken for, as bits.
type class uint16

const (
	isSpace      class = 1 << iota // White_Space
	isPunct                        // set apart by BertPreTokenizer
	isDropped                      // removed by clean_text
	isChinese                      // set apart by handle_chinese_chars
	isNonspacing                   // removed by strip_accents
	isMark                         // removed by StripAccents
	isWord                         // \w
	isNonstarter                   // combining class other than zero
	isLetter                       // \p{L}
	isNumber                       // \p{N}
	isDigit                        // set apart by Digits
)

// classPages holds the class of every code point, 256 to a page; pages without a class are nil.
var classPages = sync.OnceValue(func() *[(unicode.MaxRune + 1) >> 8]*[256]class {
	pages := new([(unicode.MaxRune + 1) >> 8]*[256]class)
	for _, set := range []struct {
		spans []span
		bit   class
	}{
		{spaceSpans, isSpace}, {punctSpans, isPunct}, {droppedSpans, isDropped}, {chineseSpans, isChinese},
		{nonspacingSpans, isNonspacing}, {markSpans, isMark}, {wordSpans, isWord}, {nonstarterSpans, isNonstarter},
		{letterSpans, isLetter}, {numberSpans, isNumber}, {digitSpans, isDigit},
	} {
		for _, s := range set.spans {
			for r := s.lo; r <= s.hi; r++ {
				if pages[r>>8] == nil {
					pages[r>>8] = new([256]class)
				}
				pages[r>>8][r&0xff] |= set.bit
			}
		}
	}
	// Most pages are all letters or all ideographs: keep one of each kind.
	seen := make(map[[256]class]*[256]class)
	for i, p := range pages {
		if p == nil {
			continue
		}
		if same, ok := seen[*p]; ok {
			pages[i] = same
		} else {
			seen[*p] = p
		}
	}
	return pages
})

// classOf returns the class of r, which must not be negative or above unicode.MaxRune.
func classOf(r rune) class {
	if p := classPages()[r>>8]; p != nil {
		return p[r&0xff]
	}
	return 0
}

// inSpans reports whether r lies in one of the spans, which ascend.
func inSpans(spans []span, r rune) bool {
	lo, hi := 0, len(spans)
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		switch {
		case r < spans[m].lo:
			hi = m
		case r > spans[m].hi:
			lo = m + 1
		default:
			return true
		}
	}
	return false
}

// lowerOf returns the lower case of r without regard to language or context. U+0130 has one of two
// code points, the second being U+0307; see [lower].
func lowerOf(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	lo, hi := 0, len(lowerRuns)
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		c := &lowerRuns[m]
		switch {
		case r < c.lo:
			hi = m
		case r > c.hi:
			lo = m + 1
		default:
			if (r-c.lo)%c.stride == 0 {
				r += c.delta
			}
			return r
		}
	}
	return r
}

const (
	dottedI  = '\u0130' // İ, the one code point whose lower case is two
	dotAbove = '\u0307'

	hangulBase  = 0xac00
	hangulCount = 11172
	jamoL       = 0x1100
	jamoV       = 0x1161
	jamoT       = 0x11a7
	vCount      = 21
	tCount      = 28
)

// decompose appends the full decomposition of r, canonical or compatibility, to dst.
func decompose(dst []rune, r rune, compatible bool) []rune {
	if r < 0xa0 {
		return append(dst, r)
	}
	if s := r - hangulBase; 0 <= s && s < hangulCount {
		dst = append(dst, jamoL+s/(vCount*tCount), jamoV+s%(vCount*tCount)/tCount)
		if t := s % tCount; t != 0 {
			dst = append(dst, jamoT+t)
		}
		return dst
	}
	spans, form := canonicalSpans, norm.NFD
	if compatible {
		spans, form = compatibleSpans, norm.NFKD
	}
	if !inSpans(spans, r) {
		return append(dst, r)
	}
	var buf [utf8.UTFMax]byte
	d := form.Properties(buf[:utf8.EncodeRune(buf[:], r)]).Decomposition()
	if len(d) == 0 {
		return append(dst, r)
	}
	for len(d) > 0 {
		c, n := utf8.DecodeRune(d)
		dst = append(dst, c)
		d = d[n:]
	}
	return dst
}

// combiningClass is the canonical combining class of r.
func combiningClass(r rune) uint8 {
	if r < 0x300 || classOf(r)&isNonstarter == 0 {
		return 0
	}
	var buf [utf8.UTFMax]byte
	return norm.NFD.Properties(buf[:utf8.EncodeRune(buf[:], r)]).CCC()
}

// compose returns the primary composite of a and b, if they have one.
func compose(a, b rune) (rune, bool) {
	if b < 0x300 || 0x3100 <= b && b < 0xd800 {
		return 0, false // nothing composes with what comes after it here
	}
	var in, out [4 * utf8.UTFMax]byte
	n := utf8.EncodeRune(in[:], a)
	n += utf8.EncodeRune(in[n:], b)
	d := norm.NFC.Append(out[:0], in[:n]...)
	r, size := utf8.DecodeRune(d)
	if size != len(d) || !inSpans(canonicalSpans, r) {
		return 0, false
	}
	return r, true
}
