package tokenizer

// scratch is the space that models work in.
type scratch struct {
	path []pathNode // Unigram
	ends []int32

	symbols []symbol // BPE
	heap    []uint64
	own     []Token
}

// small reports whether the space may be kept from one text to the next.
func (s *scratch) small() bool {
	return cap(s.path) <= keepBytes && cap(s.symbols) <= keepBytes && cap(s.heap) <= keepBytes
}
