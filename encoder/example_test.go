package encoder_test

import (
	"context"
	"fmt"
	"log"

	"github.com/semsearch/semsearch/encoder"
	"github.com/semsearch/semsearch/encoder/checkpoint"
)

func ExampleOpen() {
	enc, err := encoder.Open("transformer/testdata/mean", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("vectors of", enc.Dim(), "numbers for passages of", enc.MaxTokens(), "tokens")
	fmt.Println(enc.CountTokens("Green tea is steeped below boiling."), "tokens")
	// Output:
	// vectors of 32 numbers for passages of 14 tokens
	// 9 tokens
}

func ExampleNew() {
	ck, err := checkpoint.Open("transformer/testdata/concat")
	if err != nil {
		log.Fatal(err)
	}
	prompt := "search: "
	enc, err := encoder.New(ck, &encoder.Options{QueryPrompt: &prompt, BatchTokens: 1024})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(enc.Dim(), enc.Fingerprint() == ck.Fingerprint())
	// Output: 192 true
}

func ExampleEncoder_EncodeQuery() {
	// A model with random weights: what is said twice is alike, and little else.
	enc, err := encoder.Open("transformer/testdata/mean", nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	query, err := enc.EncodeQuery(ctx, "Green tea")
	if err != nil {
		log.Fatal(err)
	}
	passages, err := enc.EncodePassages(ctx, []string{"green TEA", "the river bank"})
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range passages {
		var cosine float32
		for i, x := range query {
			cosine += x * p[i]
		}
		fmt.Printf("%.2f\n", cosine)
	}
	// Output:
	// 1.00
	// 0.32
}

func ExampleEncoder_EncodePassages() {
	enc, err := encoder.Open("transformer/testdata/mean", nil)
	if err != nil {
		log.Fatal(err)
	}
	vectors, err := enc.EncodePassages(context.Background(), []string{"Green tea is hot.", "", "Snow falls."})
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range vectors {
		var sum float32
		for _, x := range v {
			sum += x * x
		}
		fmt.Printf("%d numbers, length %.3f\n", len(v), sum)
	}
	// Output:
	// 32 numbers, length 1.000
	// 32 numbers, length 1.000
	// 32 numbers, length 1.000
}

func ExampleOpen_int8() {
	float, err := encoder.Open("transformer/testdata/mean", nil)
	if err != nil {
		log.Fatal(err)
	}
	enc, err := encoder.Open("transformer/testdata/mean", &encoder.Options{Int8: true})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	x, err := float.EncodeQuery(ctx, "Green tea is steeped below boiling.")
	if err != nil {
		log.Fatal(err)
	}
	y, err := enc.EncodeQuery(ctx, "Green tea is steeped below boiling.")
	if err != nil {
		log.Fatal(err)
	}
	var cosine float32
	for i := range x {
		cosine += x[i] * y[i]
	}
	fmt.Printf("cosine %.2f, the same fingerprint: %v\n", cosine, float.Fingerprint() == enc.Fingerprint())
	// Output: cosine 1.00, the same fingerprint: false
}
