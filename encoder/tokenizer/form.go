package tokenizer

import "slices"

// unicodeForm is one of NFD, NFC, NFKD and NFKC of Unicode Standard Annex 15. It is written out
// here, on top of the tables of golang.org/x/text, because offsets need to know where each code
// point of the result came from, which the library there does not tell.
type unicodeForm struct {
	compatible bool // NFKD, NFKC
	composed   bool // NFC, NFKC
}

func (n unicodeForm) normalize(s *state) {
	if n.unchanged(s.chars) {
		return
	}
	s.edits = n.decompose(s.edits[:0], s)
	if n.composed {
		s.edits = recompose(s.edits)
	}
	s.commit(0)
}

// unchanged reports whether all of the text lies below the first code point that the form changes,
// alone or beside others.
func (n unicodeForm) unchanged(chars []char) bool {
	first := rune(0x300)
	switch {
	case n.compatible:
		first = 0xa0
	case !n.composed:
		first = 0xc0
	}
	return !slices.ContainsFunc(chars, func(c char) bool { return c.r >= first })
}

// decompose appends the decomposition of s in canonical order. Marks that change places take their
// change along, so each lies on the original's place rather than on its own, as in the reference.
func (n unicodeForm) decompose(edits []edit, s *state) []edit {
	ordered := len(edits) // where the current run of nonstarters begins
	sorted := true
	settle := func() {
		if !sorted {
			slices.SortStableFunc(edits[ordered:], func(a, b edit) int {
				return int(combiningClass(a.r)) - int(combiningClass(b.r))
			})
			sorted = true
		}
		ordered = len(edits)
	}
	for _, c := range s.chars {
		s.runes = decompose(s.runes[:0], c.r, n.compatible)
		for i, r := range s.runes {
			if combiningClass(r) == 0 {
				settle()
				ordered++ // past the starter itself
			} else if len(edits) > ordered {
				sorted = false
			}
			edits = append(edits, edit{r, min(i, 1)})
		}
	}
	settle()
	return edits
}

// recompose is the canonical composition algorithm over decomposed and ordered edits. The change
// of a composite is the sum of its parts' less one for each part taken in.
func recompose(in []edit) []edit {
	out := make([]edit, 0, len(in))
	var (
		starter edit
		have    bool   // starter is set
		held    []edit // marks after starter that did not combine with it
		blocked uint8  // combining class of the last of them
	)
	for _, e := range in {
		cc := combiningClass(e.r)
		if !have {
			if cc != 0 {
				out = append(out, e)
			} else {
				starter, have = e, true
			}
			continue
		}
		if len(held) == 0 || blocked < cc {
			if r, ok := compose(starter.r, e.r); ok {
				starter = edit{r, starter.change + e.change - 1}
				continue
			}
		}
		if cc == 0 {
			out = append(append(out, starter), held...)
			starter, held = e, held[:0]
			continue
		}
		held = append(held, e)
		blocked = cc
	}
	if have {
		out = append(append(out, starter), held...)
	}
	return out
}
