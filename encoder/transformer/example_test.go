package transformer_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"slices"

	"github.com/semsearch/semsearch/encoder/safetensors"
	"github.com/semsearch/semsearch/encoder/transformer"
)

// fileWeights gives a model the tensors of one safetensors file.
type fileWeights struct{ *safetensors.File }

func (w fileWeights) Tensor(name string, shape ...int) ([]float32, error) {
	return w.Float32(name, shape...)
}

func (w fileWeights) Has(name string) bool {
	return slices.Contains(w.Names(), name)
}

func Example() {
	config, err := os.ReadFile("testdata/mean/config.json")
	if err != nil {
		log.Fatal(err)
	}
	cfg, err := transformer.ParseConfig(config)
	if err != nil {
		log.Fatal(err)
	}
	data, err := os.ReadFile("testdata/mean/model.safetensors")
	if err != nil {
		log.Fatal(err)
	}
	file, err := safetensors.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		log.Fatal(err)
	}
	m, err := transformer.New(cfg, fileWeights{file}, "")
	if err != nil {
		log.Fatal(err)
	}

	// Two sequences, of four and of three tokens.
	b := transformer.Batch{IDs: []int32{2, 18, 20, 3, 2, 35, 3}, Starts: []int{0, 4, 7}}
	hidden := make([]float32, len(b.IDs)*cfg.HiddenSize)
	if err := m.Forward(context.Background(), b, hidden); err != nil {
		log.Fatal(err)
	}
	second := hidden[b.Starts[1]*cfg.HiddenSize:]
	fmt.Println(len(hidden)/cfg.HiddenSize, "vectors of", cfg.HiddenSize)
	fmt.Printf("[CLS] of the second: %.2f %.2f %.2f ...\n", second[0], second[1], second[2])
	// Output:
	// 7 vectors of 32
	// [CLS] of the second: 0.06 -0.43 -1.13 ...
}

func ExampleConfig_Validate() {
	cfg, err := transformer.ParseConfig([]byte(`{"model_type": "bert", "position_embedding_type": "relative_key"}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cfg.HiddenSize, cfg.NumHiddenLayers)
	fmt.Println(cfg.Validate())
	// Output:
	// 768 12
	// unsupported model: position_embedding_type "relative_key", want "absolute"
}

func ExampleQuantizeMatrix() {
	t, err := transformer.QuantizeMatrix([]float32{1, -0.5, 0.25, 0, 0, 0}, 2, 3)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(t.Q, t.Scale[1])
	fmt.Printf("%.4f\n", float32(t.Q[1])*t.Scale[0])
	// Output:
	// [127 -64 32 0 0 0] 1
	// -0.5039
}
