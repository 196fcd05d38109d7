package db_test

import (
	"math"

	"github.com/semsearch/semsearch/db/chunk"
)

func chunkOf(maxTokens int) chunk.Options { return chunk.Options{MaxTokens: maxTokens} }

func nan() float64 { return math.NaN() }
