package checkpoint_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"testing/fstest"

	"github.com/semsearch/semsearch/encoder/checkpoint"
)

func ExampleOpen() {
	ck, err := checkpoint.Open("../transformer/testdata/mean")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ck.Name, ck.Architecture, ck.Config.NumHiddenLayers, "layers of", ck.Config.HiddenSize)
	fmt.Println(ck.Pooling, ck.Normalize, ck.MaxTokens)
	fmt.Println(ck.Fingerprint())
	// Output:
	// mean BertModel 2 layers of 32
	// mean true 16
	// bert-32-02e21cba5840155e
}

func ExampleOpenFS() {
	ck, err := checkpoint.OpenFS(os.DirFS("../transformer/testdata/last"), "last")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %s, %q\n", ck.Name, ck.Pooling, ck.QueryPrompt())

	_, err = checkpoint.OpenFS(fstest.MapFS{
		"config.json": {Data: []byte(`{"architectures": ["RobertaModel"]}`)},
	}, "other")
	fmt.Println(errors.Is(err, checkpoint.ErrUnsupported))
	// Output:
	// last: mean_sqrt_len_tokens+lasttoken+weightedmean+max, "search: "
	// true
}

func ExampleCheckpoint_Linear() {
	ck, err := checkpoint.Open("../transformer/testdata/qa")
	if err != nil {
		log.Fatal(err)
	}
	head, err := ck.Linear("qa_outputs", 2, ck.Config.HiddenSize)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(head.In(), "to", head.Out())
	fmt.Printf("%s\n", ck.Raw()["semsearch_null_threshold"])
	// Output:
	// 32 to 2
	// 0.5
}

func ExampleQuantize() {
	temp, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(temp)
	r, err := checkpoint.Quantize(context.Background(), "../transformer/testdata/mean", filepath.Join(temp, "int8"), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Matrices, "matrices,", r.Before, "bytes, now", r.After)
	ck, err := checkpoint.Open(filepath.Join(temp, "int8"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ck.Quantized(), ck.Fingerprint() == r.Fingerprint)
	// Output:
	// 14 matrices, 84864 bytes, now 29040
	// true true
}

func ExampleOpenWith() {
	ck, err := checkpoint.OpenWith("../transformer/testdata/mean", &checkpoint.Options{Int8: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ck.Quantized(), ck.Model.Int8Layers(), "layers run in int8")
	// Output: false 2 layers run in int8
}

func ExampleOpenFSWith() {
	ck, err := checkpoint.OpenFSWith(os.DirFS("../transformer/testdata/last"), "last", &checkpoint.Options{Int8: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ck.Name, ck.Model.Int8Layers())
	// Output: last 2
}
