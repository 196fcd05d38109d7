package dbtest

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"strings"
	"unicode"

	"github.com/semsearch/semsearch/db"
)

// HashEncoder returns an encoder without a model: each word is hashed to a few signed dimensions, a
// text is the sum of its words brought to length one. Texts are near when they share words, and a text
// without words is the zero vector. It is a db.TokenCounter that counts words and reads 256 of them.
func HashEncoder(dim int) db.Encoder { return hashEncoder(dim) }

type hashEncoder int

var _ db.TokenCounter = hashEncoder(0)

func (h hashEncoder) Dim() int            { return int(h) }
func (h hashEncoder) Fingerprint() string { return fmt.Sprintf("hash-%d@1", int(h)) }
func (h hashEncoder) MaxTokens() int      { return 256 }

func (h hashEncoder) CountTokens(text string) int { return len(wordsOf(text)) }

func (h hashEncoder) EncodeQuery(ctx context.Context, q string) ([]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return h.encode(q), nil
}

func (h hashEncoder) EncodePassages(ctx context.Context, ps []string) ([][]float32, error) {
	out := make([][]float32, len(ps))
	for i, p := range ps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out[i] = h.encode(p)
	}
	return out, nil
}

func wordsOf(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
}

// perWord is the number of dimensions that a word touches.
const perWord = 4

func (h hashEncoder) encode(text string) []float32 {
	sum := make([]float64, h)
	for _, w := range wordsOf(text) {
		f := fnv.New64a()
		f.Write([]byte(w))
		x := f.Sum64()
		for range perWord {
			x ^= x >> 33 // the finalizer of MurmurHash3
			x *= 0xff51afd7ed558ccd
			x ^= x >> 33
			x *= 0xc4ceb9fe1a85ec53
			x ^= x >> 33
			sign := 1.0
			if x>>63 != 0 {
				sign = -1
			}
			sum[x%uint64(h)] += sign
		}
	}
	norm := 0.0
	for _, v := range sum {
		norm += v * v
	}
	vec := make([]float32, h)
	if norm > 0 {
		norm = math.Sqrt(norm)
		for i, v := range sum {
			vec[i] = float32(v / norm)
		}
	}
	return vec
}
