package qa

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/semsearch/semsearch/encoder/tokenizer"
)

// passage is a text with its tokens, cut into windows. Text before byte from is context,
// such as a title: it is read, and no span may touch it.
type passage struct {
	text    string
	from    int
	tokens  []tokenizer.Token
	special map[int32]bool // ids that no span may start or end on
	windows []*window
}

// window is tokens [first,last) of a passage, read together.
type window struct {
	p           *passage
	first, last int
	start, end  []float32 // logits of these tokens
	null        float64   // start + end logit of the first template token
}

func (w *window) tokens() []tokenizer.Token { return w.p.tokens[w.first:w.last] }

// maxTitle bounds the bytes read of a title.
const maxTitle = 200

// newPassage tokenizes the text, after its title and a line break if there is one, and
// cuts it into windows of at most room tokens.
func (rd *Reader) newPassage(title, text string, room int) *passage {
	p := &passage{text: text, special: rd.tmpl.special}
	if title = strings.Join(strings.Fields(title), " "); title != "" && strings.TrimSpace(text) != "" {
		for len(title) > maxTitle {
			_, n := utf8.DecodeLastRuneInString(title)
			title = title[:len(title)-n]
		}
		p.from = len(title) + 1
		p.text = title + "\n" + text
	}
	p.tokens = rd.tok.Tokens(p.text)
	for _, r := range cut(len(p.tokens), room, rd.opt.Overlap) {
		p.windows = append(p.windows, &window{p: p, first: r[0], last: r[1]})
	}
	return p
}

// cut divides n tokens into windows of at most room tokens that share overlap
// tokens with their neighbor, or half of room if that is less. The last window
// takes what is left. No tokens, no windows.
func cut(n, room, overlap int) [][2]int {
	step := max(1, room-min(overlap, room/2))
	var out [][2]int
	for first := 0; first < n; first += step {
		last := min(first+room, n)
		out = append(out, [2]int{first, last})
		if last == n {
			break
		}
	}
	return out
}

// take keeps the logits of the window; at is where its tokens begin in them.
func (w *window) take(start, end []float32, at int) error {
	n := w.last - w.first
	w.start, w.end = start[at:at+n], end[at:at+n]
	w.null = float64(start[0]) + float64(end[0])
	sum := w.null
	for i := range n {
		sum += float64(w.start[i]) + float64(w.end[i])
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return fmt.Errorf("logits are not finite: %w", ErrModel)
	}
	return nil
}

// bestWindow is the index of the window in which token i has most context on
// its poorer side; of equals the longest, then the first. This is
// _check_is_max_context of BERT's run_squad.py.
func (p *passage) bestWindow(i int) int {
	best, most := 0, math.Inf(-1)
	for k, w := range p.windows {
		if i < w.first || i >= w.last {
			continue
		}
		context := float64(min(i-w.first, w.last-1-i)) + 0.01*float64(w.last-w.first)
		if context > most {
			best, most = k, context
		}
	}
	return best
}
