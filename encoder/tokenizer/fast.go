package tokenizer

import "unicode/utf8"

// bertFast is BertNormalizer and BertPreTokenizer in one pass over the text. All their steps but
// one treat each code point for itself; the one is the ordering of combining marks within NFD, and
// since strip_accents takes nearly all of those away, it matters only to the few it leaves. On
// meeting one of these the pass gives up and the stages are run one by one.
type bertFast struct {
	bertNormalizer
	act  [256]uint8
	fold [256]byte
}

// What a byte of text asks for.
const (
	actWord  = iota // it is part of a word
	actSpace        // it ends one
	actPunct        // it is one
	actDrop         // it is not there
	actRune         // it begins or is part of a longer code point
)

func newBertFast(n bertNormalizer) *bertFast {
	f := &bertFast{bertNormalizer: n}
	for b := range 256 {
		f.fold[b] = byte(b)
		if b >= utf8.RuneSelf {
			f.act[b] = actRune
			continue
		}
		if n.lower {
			f.fold[b] = byte(lowerOf(rune(b)))
		}
		switch c := classOf(rune(b)); {
		case n.clean && c&isDropped != 0:
			f.act[b] = actDrop
		case c&isSpace != 0:
			f.act[b] = actSpace
		case c&isPunct != 0:
			f.act[b] = actPunct
		}
	}
	return f
}

// bert appends the tokens of text, which begins at base. If it returns false it has appended none.
func (w *work) bert(text string, base int) bool {
	f := w.t.fast
	before := len(w.tokens)
	w.buf, w.from, w.to = w.buf[:0], w.from[:0], w.to[:0]
	for i := 0; i < len(text); {
		switch f.act[text[i]] {
		case actWord:
			j := i + 1
			for j < len(text) && f.act[text[j]] == actWord {
				j++
			}
			if len(w.buf) == 0 && (j == len(text) || f.act[text[j]] == actSpace || f.act[text[j]] == actPunct) {
				w.verbatim(text[i:j], base+i)
				if w.full() {
					return true
				}
			} else {
				for k := i; k < j; k++ {
					w.buf = append(w.buf, f.fold[text[k]])
					w.from = append(w.from, base+k)
					w.to = append(w.to, base+k+1)
				}
			}
			i = j
		case actSpace:
			w.flush()
			i++
		case actPunct:
			w.flush()
			w.verbatim(text[i:i+1], base+i)
			i++
			if w.full() {
				return true
			}
		case actDrop:
			i++
		default:
			r, n := utf8.DecodeRuneInString(text[i:])
			if !w.bertRune(r, base+i, base+i+n) {
				w.tokens = w.tokens[:before]
				return false
			}
			i += n
			if w.full() {
				return true
			}
		}
	}
	w.flush()
	return true
}

// verbatim appends the tokens of a word in ASCII that begins at base.
func (w *work) verbatim(word string, base int) {
	f := w.t.fast
	w.lower = w.lower[:0]
	for i := range len(word) {
		w.lower = append(w.lower, f.fold[word[i]])
	}
	n := len(w.tokens)
	w.tokens = w.t.model.cut(&w.scratch, w.tokens, w.lower)
	for i := n; i < len(w.tokens); i++ {
		w.tokens[i].Start += base
		w.tokens[i].End += base
	}
}

// flush ends the word in buf.
func (w *work) flush() {
	if len(w.buf) > 0 {
		w.cut(w.buf, w.from, w.to)
		w.buf, w.from, w.to = w.buf[:0], w.from[:0], w.to[:0]
	}
}

// bertRune takes one code point beyond ASCII. It returns false if that cannot be done alone.
func (w *work) bertRune(r rune, start, end int) bool {
	f := w.t.fast
	c := classOf(r)
	if f.clean {
		if c&isDropped != 0 {
			return true
		}
		if c&isSpace != 0 {
			w.flush()
			return true
		}
	}
	apart := f.chinese && c&isChinese != 0
	if apart {
		w.flush()
	}
	if f.accents {
		w.runes = decompose(w.runes[:0], r, false)
		for _, d := range w.runes {
			c := classOf(d)
			if c&isNonspacing != 0 {
				continue
			}
			if c&isNonstarter != 0 {
				return false
			}
			w.bertLower(d, start, end)
		}
	} else {
		w.bertLower(r, start, end)
	}
	if apart {
		w.flush()
	}
	return true
}

func (w *work) bertLower(r rune, start, end int) {
	if w.t.fast.lower {
		if r == dottedI {
			w.bertPut('i', start, end)
			r = dotAbove
		} else {
			r = lowerOf(r)
		}
	}
	w.bertPut(r, start, end)
}

func (w *work) bertPut(r rune, start, end int) {
	switch c := classOf(r); {
	case c&isSpace != 0:
		w.flush()
	case c&isPunct != 0:
		w.flush()
		w.put(r, start, end)
		w.flush()
	default:
		w.put(r, start, end)
	}
}
