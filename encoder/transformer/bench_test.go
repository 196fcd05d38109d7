package transformer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/semsearch/semsearch/encoder/transformer"
)

// BenchmarkForward reports tokens/s of two shapes: that of all-MiniLM-L6-v2, and a smaller one.
func BenchmarkForward(b *testing.B) {
	for _, s := range []struct {
		name string
		shape
	}{
		{"6x384x1536", shape{6, 384, 12, 1536, 1000, 512}},
		{"3x384x768", shape{3, 384, 6, 768, 1000, 512}},
	} {
		m := randomModel(b, s.shape)
		for _, size := range []struct{ texts, tokens int }{{1, 16}, {1, 128}, {32, 32}, {16, 128}, {4, 512}} {
			b.Run(fmt.Sprintf("%s/%dx%d", s.name, size.texts, size.tokens), func(b *testing.B) {
				lengths := make([]int, size.texts)
				for i := range lengths {
					lengths[i] = size.tokens
				}
				batch := randomBatch(rand.New(rand.NewPCG(1, 1)), m.Config(), lengths...)
				hidden := make([]float32, len(batch.IDs)*s.hidden)
				b.ReportAllocs()
				for b.Loop() {
					if err := m.Forward(context.Background(), batch, hidden); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(len(batch.IDs))*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
			})
		}
	}
}

// BenchmarkQuantizeMatrix is what Options.Int8 of a checkpoint costs for each weight.
func BenchmarkQuantizeMatrix(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	w := make([]float32, 384*1536)
	for i := range w {
		w[i] = float32(r.NormFloat64())
	}
	b.SetBytes(int64(4 * len(w)))
	for b.Loop() {
		if _, err := transformer.QuantizeMatrix(w, 1536, 384); err != nil {
			b.Fatal(err)
		}
	}
}
