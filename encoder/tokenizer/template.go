package tokenizer

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// template is how sequences and special tokens make up an input.
type template []piece

type piece struct {
	sequence int     // 0 or 1: the first or second sequence; -1: ids
	ids      []int32 // special tokens
	typeID   int32
}

// overhead is the number of special tokens in the template.
func (p template) overhead() int {
	n := 0
	for _, x := range p {
		n += len(x.ids)
	}
	return n
}

func (p template) build(sequences [2][]Token) Encoding {
	n := 0
	for _, x := range p {
		if x.sequence >= 0 {
			n += len(sequences[x.sequence])
		} else {
			n += len(x.ids)
		}
	}
	both := make([]int32, 2*n)
	e := Encoding{
		IDs:     both[:0:n],
		TypeIDs: both[n:n],
		Offsets: make([][2]int, 0, n),
		Special: make([]bool, 0, n),
	}
	add := func(id, typeID int32, offset [2]int, special bool) {
		e.IDs = append(e.IDs, id)
		e.TypeIDs = append(e.TypeIDs, typeID)
		e.Offsets = append(e.Offsets, offset)
		e.Special = append(e.Special, special)
	}
	for _, x := range p {
		if x.sequence < 0 {
			for _, id := range x.ids {
				add(id, x.typeID, [2]int{}, true)
			}
			continue
		}
		for _, tok := range sequences[x.sequence] {
			add(tok.ID, x.typeID, [2]int{tok.Start, tok.End}, false)
		}
	}
	return e
}

// bare is the template of no post-processor.
var bare = [2]template{{{sequence: 0}}, {{sequence: 0}, {sequence: 1, typeID: 1}}}

// readPostProcessor reads the post-processor: the templates, and whether offsets are trimmed.
func (t *Tokenizer) readPostProcessor(raw json.RawMessage) error {
	t.single, t.pair = bare[0], bare[1]
	if isNull(raw) {
		return nil
	}
	return t.addPostProcessor(raw, new(bool), 0)
}

// addPostProcessor reads one post-processor, which in a Sequence may follow others. templated says
// whether one of them has brought a template.
func (t *Tokenizer) addPostProcessor(raw json.RawMessage, templated *bool, depth int) error {
	if depth > maxNesting {
		return malformed("post_processor: nested too deep")
	}
	kind, err := kindOf(raw, "post_processor")
	if err != nil {
		return err
	}
	switch kind {
	case "ByteLevel":
		var c struct {
			Prefix *bool `json:"add_prefix_space"`
			Trim   *bool `json:"trim_offsets"`
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return malformed("post_processor %s: %v", kind, err)
		}
		if c.Prefix == nil || c.Trim == nil {
			return malformed("post_processor %s: needs add_prefix_space and trim_offsets", kind)
		}
		return t.setTrim(kind, *c.Trim, *c.Prefix, *templated)
	case "Sequence":
		var c struct {
			Processors []json.RawMessage `json:"processors"`
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return malformed("post_processor %s: %v", kind, err)
		}
		for _, r := range c.Processors {
			if err := t.addPostProcessor(r, templated, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	if *templated {
		return unsupported("post_processor %q after another with a template", kind)
	}
	*templated = true
	switch kind {
	case "BertProcessing", "RobertaProcessing":
		var c struct {
			Sep    *jsonPair `json:"sep"`
			Cls    *jsonPair `json:"cls"`
			Trim   *bool     `json:"trim_offsets"`
			Prefix *bool     `json:"add_prefix_space"`
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return malformed("post_processor %s: %v", kind, err)
		}
		if c.Sep == nil || c.Cls == nil {
			return malformed("post_processor %s: needs sep and cls", kind)
		}
		for _, p := range []*jsonPair{c.Sep, c.Cls} {
			if p.id < 0 || p.id >= int64(t.VocabSize()) {
				return malformed("post_processor %s: token %q has the id %d, beyond the vocabulary", kind, p.token, p.id)
			}
		}
		cls, sep := int32(c.Cls.id), int32(c.Sep.id)
		if kind == "BertProcessing" {
			t.single, t.pair = bertTemplate(cls, sep)
			return nil
		}
		if c.Trim == nil || c.Prefix == nil {
			return malformed("post_processor %s: needs trim_offsets and add_prefix_space", kind)
		}
		t.single, t.pair = robertaTemplate(cls, sep)
		return t.setTrim(kind, *c.Trim, *c.Prefix, false)
	case "TemplateProcessing":
		t.single, t.pair, err = t.readTemplates(raw)
		return err
	}
	return unsupported("post_processor %q", kind)
}

func (t *Tokenizer) readTemplates(raw json.RawMessage) (single, pair template, err error) {
	const kind = "TemplateProcessing"
	var c struct {
		Single  []jsonTemplatePiece `json:"single"`
		Pair    []jsonTemplatePiece `json:"pair"`
		Special map[string]struct {
			IDs    []int64  `json:"ids"`
			Tokens []string `json:"tokens"`
		} `json:"special_tokens"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, nil, malformed("post_processor %s: %v", kind, err)
	}
	special := make(map[string][]int32)
	for name, s := range c.Special {
		if len(s.IDs) != len(s.Tokens) {
			return nil, nil, malformed("post_processor %s: special token %q has %d ids and %d tokens", kind, name, len(s.IDs), len(s.Tokens))
		}
		ids := []int32{}
		for _, id := range s.IDs {
			if id < 0 || id >= int64(t.VocabSize()) {
				return nil, nil, malformed("post_processor %s: special token %q has the id %d, beyond the vocabulary", kind, name, id)
			}
			ids = append(ids, int32(id))
		}
		special[name] = ids
	}
	if single, err = readTemplate(c.Single, special, "single", 1); err != nil {
		return nil, nil, err
	}
	if pair, err = readTemplate(c.Pair, special, "pair", 2); err != nil {
		return nil, nil, err
	}
	return single, pair, nil
}

// jsonPair is a token with its id, as BertProcessing has it: ["[SEP]", 102].
type jsonPair struct {
	token string
	id    int64
}

func (p *jsonPair) UnmarshalJSON(data []byte) error {
	p.id = -1
	var pair []json.RawMessage
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("%d elements, want a token and its id", len(pair))
	}
	if err := json.Unmarshal(pair[0], &p.token); err != nil {
		return err
	}
	return json.Unmarshal(pair[1], &p.id)
}

type jsonTemplatePiece struct {
	Sequence *struct {
		ID     string `json:"id"`
		TypeID int64  `json:"type_id"`
	}
	SpecialToken *struct {
		ID     string `json:"id"`
		TypeID int64  `json:"type_id"`
	}
}

// readTemplate reads a template of the given number of sequences, each of which must occur once.
func readTemplate(pieces []jsonTemplatePiece, special map[string][]int32, name string, sequences int) (template, error) {
	var tpl template
	var seen [2]int
	for i, p := range pieces {
		var typeID int64
		var x piece
		switch {
		case p.Sequence != nil && p.SpecialToken == nil:
			k := strings.Index("AB", p.Sequence.ID)
			if len(p.Sequence.ID) != 1 || k < 0 || k >= sequences {
				return nil, malformed("post_processor: %s template: sequence %q", name, p.Sequence.ID)
			}
			seen[k]++
			x.sequence, typeID = k, p.Sequence.TypeID
		case p.SpecialToken != nil && p.Sequence == nil:
			ids, ok := special[p.SpecialToken.ID]
			if !ok {
				return nil, malformed("post_processor: %s template: no special token %q", name, p.SpecialToken.ID)
			}
			x.sequence, x.ids, typeID = -1, ids, p.SpecialToken.TypeID
		default:
			return nil, malformed("post_processor: %s template: piece %d is neither a sequence nor a special token", name, i)
		}
		if typeID < 0 || typeID > math.MaxInt32 {
			return nil, malformed("post_processor: %s template: type id %d", name, typeID)
		}
		x.typeID = int32(typeID)
		tpl = append(tpl, x)
	}
	for k := range sequences {
		if seen[k] != 1 {
			return nil, malformed("post_processor: %s template: sequence %c occurs %d times", name, 'A'+k, seen[k])
		}
	}
	return tpl, nil
}

// bertTemplate is [CLS] A [SEP] B [SEP], with type id 1 from B on.
func bertTemplate(cls, sep int32) (single, pair template) {
	pair = template{
		{sequence: -1, ids: []int32{cls}},
		{sequence: 0},
		{sequence: -1, ids: []int32{sep}},
		{sequence: 1, typeID: 1},
		{sequence: -1, ids: []int32{sep}, typeID: 1},
	}
	return pair[:3:3], pair
}

// robertaTemplate is <s> A </s></s> B </s>, all of type 0.
func robertaTemplate(cls, sep int32) (single, pair template) {
	pair = template{
		{sequence: -1, ids: []int32{cls}},
		{sequence: 0},
		{sequence: -1, ids: []int32{sep}},
		{sequence: -1, ids: []int32{sep}},
		{sequence: 1},
		{sequence: -1, ids: []int32{sep}},
	}
	return pair[:3:3], pair
}
