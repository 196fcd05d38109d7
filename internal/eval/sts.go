package eval

import (
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
)

// Embedder turns texts into vectors. *encoder.Encoder is one.
type Embedder interface {
	EncodePassages(ctx context.Context, ps []string) ([][]float32, error)
}

// Pair is two sentences and how alike people found them. The scale of Score
// does not matter.
type Pair struct {
	ID    string // from ReadSTS: its number in the file, from 1
	A, B  string
	Score float64
}

// STSReport holds correlations of the cosine with the human score, -1..1, and
// what they were made of.
type STSReport struct {
	Pairs             int
	Spearman, Pearson float64
	Human, Cosine     []float64 // of each pair, in order
}

// OpenSTS reads a file of pairs, see ReadSTS.
func OpenSTS(path string) ([]Pair, error) { return readFile(path, ReadSTS) }

// ReadSTS reads JSON Lines of {"a", "b", "score"}, or with the names sentence1
// and sentence2. name is used in errors.
func ReadSTS(name string, r io.Reader) ([]Pair, error) {
	type record struct {
		A, B  *string
		S1    *string `json:"sentence1"`
		S2    *string `json:"sentence2"`
		Score *float64
	}
	var out []Pair
	err := eachRecord(name, r, func(line int, rec *record) error {
		if rec.A == nil {
			rec.A = rec.S1
		}
		if rec.B == nil {
			rec.B = rec.S2
		}
		if rec.A == nil || rec.B == nil || rec.Score == nil {
			return formatError(name, line, `want "a", "b" and "score"`)
		}
		out = append(out, Pair{ID: strconv.Itoa(len(out) + 1), A: *rec.A, B: *rec.B, Score: *rec.Score})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// STS measures how well the cosine of the two vectors of a pair follows what
// people said. Both sentences are encoded as passages. Errors are those of enc.
func STS(ctx context.Context, enc Embedder, pairs []Pair) (*STSReport, error) {
	const batch = 256
	human := make([]float64, len(pairs))
	cosines := make([]float64, len(pairs))
	for start := 0; start < len(pairs); start += batch {
		part := pairs[start:min(start+batch, len(pairs))]
		texts := make([]string, 0, 2*len(part))
		for _, p := range part {
			texts = append(texts, p.A, p.B)
		}
		vecs, err := enc.EncodePassages(ctx, texts)
		if err != nil {
			return nil, err
		}
		if len(vecs) != len(texts) {
			return nil, fmt.Errorf("encoder gave %d vectors for %d texts", len(vecs), len(texts))
		}
		for i, p := range part {
			if x, y := len(vecs[2*i]), len(vecs[2*i+1]); x != y {
				return nil, fmt.Errorf("encoder gave vectors of %d and %d values", x, y)
			}
			human[start+i] = p.Score
			cosines[start+i] = cosine(vecs[2*i], vecs[2*i+1])
		}
	}
	return &STSReport{
		Pairs: len(pairs), Spearman: Spearman(human, cosines), Pearson: Pearson(human, cosines),
		Human: human, Cosine: cosines,
	}, nil
}

// cosine of vectors of one length; 0 when a vector is zero.
func cosine(x, y []float32) float64 {
	var xy, xx, yy float64
	for i := range x {
		xy += float64(x[i]) * float64(y[i])
		xx += float64(x[i]) * float64(x[i])
		yy += float64(y[i]) * float64(y[i])
	}
	if xx == 0 || yy == 0 {
		return 0
	}
	return xy / math.Sqrt(xx*yy)
}
