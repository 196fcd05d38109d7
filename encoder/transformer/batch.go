package transformer

import "fmt"

// Batch is sequences packed one after the other, without padding.
type Batch struct {
	IDs     []int32 // (tokens) vocabulary ids
	TypeIDs []int32 // (tokens) segment of each token; nil means 0 for all
	Starts  []int   // (sequences+1) sequence i is tokens [Starts[i], Starts[i+1]); Starts[0] is 0
}

// check verifies that the batch and the place for its result fit the model.
func (b Batch) check(c Config, hidden []float32) error {
	n := len(b.IDs)
	if b.TypeIDs != nil && len(b.TypeIDs) != n {
		return fmt.Errorf("%w: %d type ids for %d tokens", ErrInput, len(b.TypeIDs), n)
	}
	if len(hidden) != n*c.HiddenSize {
		return fmt.Errorf("%w: room for %d numbers, want %d tokens of %d", ErrInput, len(hidden), n, c.HiddenSize)
	}
	if len(b.Starts) == 0 || b.Starts[0] != 0 || b.Starts[len(b.Starts)-1] != n {
		return fmt.Errorf("%w: starts must go from 0 to the %d tokens", ErrInput, n)
	}
	for i, end := range b.Starts[1:] {
		start := b.Starts[i]
		if end <= start || end > n {
			return fmt.Errorf("%w: sequence %d is tokens %d to %d of %d", ErrInput, i, start, end, n)
		}
		if end-start > c.MaxPositionEmbeddings {
			return fmt.Errorf("%w: sequence %d has %d tokens, the model has %d positions", ErrInput, i, end-start, c.MaxPositionEmbeddings)
		}
	}
	for i, id := range b.IDs {
		if id < 0 || int(id) >= c.VocabSize {
			return fmt.Errorf("%w: token %d has id %d, the vocabulary ends at %d", ErrInput, i, id, c.VocabSize)
		}
	}
	for i, id := range b.TypeIDs {
		if id < 0 || int(id) >= c.TypeVocabSize {
			return fmt.Errorf("%w: token %d has type id %d, the model has %d types", ErrInput, i, id, c.TypeVocabSize)
		}
	}
	return nil
}

// typeID is the type id of token i.
func (b Batch) typeID(i int) int {
	if b.TypeIDs == nil {
		return 0
	}
	return int(b.TypeIDs[i])
}
