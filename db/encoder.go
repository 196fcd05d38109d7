package db

import "context"

// Encoder turns text into vectors. Package encoder holds one; anything with these methods will do.
//
// Two texts of like meaning must get vectors with a large cosine. The same text must always get the
// same vector, whatever else is encoded with it. Methods may be called from many goroutines at once.
type Encoder interface {
	// EncodeQuery returns the vector of a query, Dim() numbers.
	EncodeQuery(ctx context.Context, q string) ([]float32, error)

	// EncodePassages returns one vector of Dim() numbers for each passage, in order.
	EncodePassages(ctx context.Context, ps []string) ([][]float32, error)

	// Dim is the number of dimensions of every vector.
	Dim() int

	// Fingerprint names the encoder and everything that changes its vectors: model, weights,
	// prompts, pooling. It must be the same in every process and on every machine.
	Fingerprint() string
}

// TokenCounter is implemented by encoders that read a limited number of tokens. With it, passages are
// cut so that each fits the encoder; without it, tokens are estimated from words.
type TokenCounter interface {
	// CountTokens returns the number of tokens of text, template tokens not counted.
	CountTokens(text string) int

	// MaxTokens is the most tokens the encoder reads from one passage, template tokens counted; 0 = no limit.
	MaxTokens() int
}
