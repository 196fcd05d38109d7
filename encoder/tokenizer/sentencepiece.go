package tokenizer

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// SentencePieceOptions says how a SentencePiece model is to be used, which the file itself does not.
// The names in brackets are those of tokenizer_config.json.
type SentencePieceOptions struct {
	// Class is the family of the checkpoint (tokenizer_class, without "Fast"):
	//
	//	XLMRobertaTokenizer  ids are fairseq's: <s> 0, <pad> 1, </s> 2, <unk> 3, the pieces of the file from its
	//	                     fourth on, <mask>; the template is <s> A </s> and <s> A </s></s> B </s>
	//	DebertaV2Tokenizer   the pieces of the file, [MASK]; [CLS] A [SEP] and [CLS] A [SEP] B [SEP]
	//	T5Tokenizer          the pieces of the file, <extra_id_N-1> to <extra_id_0>; A </s> and A </s> B </s>
	//
	// "" means XLMRobertaTokenizer.
	Class string

	LowerCase  bool // DebertaV2Tokenizer: do_lower_case
	SplitPunct bool // DebertaV2Tokenizer: punctuation marks stand alone (split_by_punct)
	ExtraIDs   int  // T5Tokenizer: N above, 0 means 100 (extra_ids)
}

// FromSentencePiece reads a SentencePiece model of the type unigram: sentencepiece.bpe.model of XLM-R
// (whose name says otherwise), spm.model of DeBERTa, spiece.model of T5. A nil o means XLM-R.
//
// The result is what the transformers library makes of such files, a tokenizer of Unigram,
// Precompiled and Metaspace, and not SentencePiece itself: the two differ where characters combine.
// Errors are [ErrFormat] and [ErrUnsupported], as of [FromJSON].
func FromSentencePiece(model []byte, o *SentencePieceOptions) (*Tokenizer, error) {
	if o == nil {
		o = new(SentencePieceOptions)
	}
	m, err := readSentencePiece(model)
	if err != nil {
		return nil, err
	}
	var b builder
	add := func(content string, special, lstrip bool) {
		for _, a := range b.added {
			if a.content == content {
				return
			}
		}
		b.added = append(b.added, addedToken{content: content, special: special, lstrip: lstrip})
	}
	var scores []float64
	list := func(token string, score float64) {
		b.list = append(b.list, token)
		scores = append(scores, score)
	}
	var single, pair string // templates, special tokens and A and B
	mark := metaspace{mark: "▁", cut: true}
	b.preTokenizer = mark
	normalizers := sequence{}
	if m.charsmap != nil {
		normalizers = append(normalizers, m.charsmap)
	}
	spaces := func(with rune) normalizer { return replacePattern{runPattern{' ', 2}, []rune{with}} }
	unknown := m.unknown
	switch o.Class {
	case "", "XLMRobertaTokenizer":
		unknown = 3
		for _, s := range []string{"<s>", "<pad>", "</s>", "<unk>"} {
			list(s, 0)
			add(s, true, false)
		}
		for _, p := range m.pieces[min(3, len(m.pieces)):] {
			list(p.text, p.score)
		}
		list("<mask>", 0)
		add("<mask>", true, true)
		normalizers = append(normalizers, strip{right: true}, spaces('▁'))
		single, pair = "<s> A </s>", "<s> A </s> </s> B </s>"
	case "DebertaV2Tokenizer":
		for _, p := range m.pieces {
			list(p.text, p.score)
		}
		for _, s := range []string{"[PAD]", "[CLS]", "[SEP]", "[UNK]"} {
			add(s, true, false)
		}
		add("[MASK]", true, false)
		normalizers = append(append(sequence{strip{left: true, right: true}}, normalizers...), spaces(' '))
		if o.LowerCase {
			normalizers = append(sequence{lower{}}, normalizers...)
		}
		if o.SplitPunct {
			b.preTokenizer = preSequence{punctuation, mark}
		}
		single, pair = "[CLS] A [SEP]", "[CLS] A [SEP] B/1 [SEP]/1"
	case "T5Tokenizer":
		for _, p := range m.pieces {
			list(p.text, p.score)
		}
		for _, s := range []string{"<pad>", "</s>", "<unk>"} {
			add(s, true, false)
		}
		if o.ExtraIDs < 0 || o.ExtraIDs > 1<<16 {
			return nil, malformed("%d extra ids", o.ExtraIDs)
		}
		n := o.ExtraIDs
		if n == 0 {
			n = 100
		}
		for i := n - 1; i >= 0; i-- {
			s := fmt.Sprintf("<extra_id_%d>", i)
			list(s, 0)
			add(s, true, false)
		}
		normalizers = append(normalizers, strip{right: true}, spaces('▁'))
		single, pair = "A </s>", "A </s> B </s>"
	default:
		return nil, unsupported("SentencePiece model for a %q", o.Class)
	}
	for _, p := range m.pieces {
		if p.kind == pieceControl || p.kind == pieceUserDefined {
			add(p.text, p.kind == pieceControl, false)
		}
	}
	b.normalizer = normalizers
	b.model = unigramMaker{scores: scores, unknown: unknown}
	if unknown < 0 || unknown >= int64(len(scores)) {
		return nil, malformed("SentencePiece model: unk_id %d of %d tokens", unknown, len(scores))
	}
	b.numberAdded()
	t, err := b.build()
	if err != nil {
		return nil, err
	}
	if t.single, err = t.parseTemplate(single); err != nil {
		return nil, err
	}
	t.pair, err = t.parseTemplate(pair)
	return t, err
}

// numberAdded gives the added tokens the ids of the list, and those that it lacks the next ones.
func (b *builder) numberAdded() {
	ids := make(map[string]int32, len(b.list))
	for id, s := range b.list {
		ids[s] = int32(id)
	}
	next := int32(len(b.list))
	for i := range b.added {
		a := &b.added[i]
		if id, ok := ids[a.content]; ok {
			a.id = id
		} else {
			a.id = next
			next++
		}
	}
}

// parseTemplate reads a template such as "[CLS] A [SEP] B/1 [SEP]/1", the digits being type ids.
func (t *Tokenizer) parseTemplate(s string) (tpl template, err error) {
	for word := range strings.FieldsSeq(s) {
		var x piece
		word, one := strings.CutSuffix(word, "/1")
		if one {
			x.typeID = 1
		}
		switch word {
		case "A":
		case "B":
			x.sequence = 1
		default:
			id, ok := t.ids[word]
			if !ok {
				return nil, malformed("vocabulary: no token %q", word)
			}
			x.sequence, x.ids = -1, []int32{id}
		}
		tpl = append(tpl, x)
	}
	return tpl, nil
}

// sentencePiece is a model file of SentencePiece, the protobuf message ModelProto of
// sentencepiece_model.proto, as far as it is needed.
type sentencePiece struct {
	pieces   []spmPiece // field 1
	unknown  int64      // field 2 (trainer_spec), field 40
	charsmap *charsmap  // field 3 (normalizer_spec), field 2; nil for none
}

// spmPiece is the message SentencePiece.
type spmPiece struct {
	text  string  // field 1
	score float64 // field 2
	kind  uint64  // field 3
}

// The kinds of pieces that matter here.
const (
	pieceNormal      = 1
	pieceControl     = 3
	pieceUserDefined = 4
)

func readSentencePiece(data []byte) (*sentencePiece, error) {
	m := new(sentencePiece)
	modelType, fallback := uint64(1), uint64(0)
	err := eachField(data, func(f field) error {
		switch {
		case f.number == 1 && f.bytes != nil:
			p := spmPiece{kind: pieceNormal}
			err := eachField(f.bytes, func(f field) error {
				switch {
				case f.number == 1 && f.bytes != nil:
					p.text = string(f.bytes)
				case f.number == 2 && f.wire == wireFixed32:
					p.score = float64(math.Float32frombits(uint32(f.value)))
				case f.number == 3 && f.wire == wireVarint:
					p.kind = f.value
				}
				return nil
			})
			if err != nil {
				return fmt.Errorf("piece %d: %w", len(m.pieces), err)
			}
			if p.text == "" || !utf8.ValidString(p.text) {
				return fmt.Errorf("piece %d: %q is no text", len(m.pieces), p.text)
			}
			m.pieces = append(m.pieces, p)
		case f.number == 2 && f.bytes != nil:
			return eachField(f.bytes, func(f field) error {
				switch {
				case f.wire != wireVarint:
				case f.number == 3:
					modelType = f.value
				case f.number == 35:
					fallback = f.value
				case f.number == 40:
					m.unknown = int64(f.value)
				}
				return nil
			})
		case f.number == 3 && f.bytes != nil:
			return eachField(f.bytes, func(f field) (err error) {
				if f.number == 2 && len(f.bytes) > 0 {
					m.charsmap, err = newCharsmap(f.bytes)
				}
				return err
			})
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, malformed("SentencePiece model: %v", err)
	case len(m.pieces) == 0:
		return nil, malformed("SentencePiece model: no pieces")
	case modelType != 1:
		return nil, unsupported("SentencePiece model of type %d, want 1, unigram", modelType)
	case fallback != 0:
		return nil, unsupported("SentencePiece model with byte_fallback")
	}
	return m, nil
}

// Wire types of protobuf.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// field is a field of a protobuf message.
type field struct {
	number int
	wire   int
	value  uint64
	bytes  []byte // not nil for wireBytes
}

// eachField calls fn with the fields of a message.
func eachField(data []byte, fn func(field) error) error {
	for rest := data; len(rest) > 0; {
		at := len(data) - len(rest)
		tag, n := binary.Uvarint(rest)
		if n <= 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
			return fmt.Errorf("byte %d: no field", at)
		}
		rest = rest[n:]
		f := field{number: int(tag >> 3), wire: int(tag & 7)}
		size := 0
		switch f.wire {
		case wireVarint:
			if f.value, size = binary.Uvarint(rest); size <= 0 {
				return fmt.Errorf("byte %d: field %d: no number", at, f.number)
			}
		case wireFixed64:
			size = 8
		case wireFixed32:
			if size = 4; len(rest) >= 4 {
				f.value = uint64(binary.LittleEndian.Uint32(rest))
			}
		case wireBytes:
			length, n := binary.Uvarint(rest)
			if n <= 0 || length > uint64(len(rest)-n) {
				return fmt.Errorf("byte %d: field %d: longer than the message", at, f.number)
			}
			size = n + int(length)
			f.bytes = rest[n:size:size]
		default:
			return fmt.Errorf("byte %d: field %d: wire type %d", at, f.number, f.wire)
		}
		if size > len(rest) {
			return fmt.Errorf("byte %d: field %d: longer than the message", at, f.number)
		}
		rest = rest[size:]
		if err := fn(f); err != nil {
			return err
		}
	}
	return nil
}
