package safetensors_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/semsearch/semsearch/encoder/safetensors"
)

func Example() {
	var buf bytes.Buffer
	err := safetensors.Write(&buf, []safetensors.Tensor{
		{Name: "dense.weight", Shape: []int{2, 3}, Data: []float32{1, 2, 3, 4, 5, 6}},
		{Name: "dense.bias", DType: "F16", Shape: []int{2}, Data: []float32{0.5, -0.5}},
	}, map[string]string{"format": "pt"})
	if err != nil {
		log.Fatal(err)
	}

	f, err := safetensors.Open(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		fmt.Println(name, info.DType, info.Shape)
	}
	fmt.Println(f.Float32("dense.bias", 2))
	_, err = f.Float32("dense.weight", 3, 2)
	fmt.Println(err)
	// Output:
	// dense.bias F16 [2]
	// dense.weight F32 [2 3]
	// [0.5 -0.5] <nil>
	// dense.weight: wrong tensor shape: [2 3], want [3 2]
}

func ExampleWrite() {
	var buf bytes.Buffer
	err := safetensors.Write(&buf, []safetensors.Tensor{{Name: "x", Shape: []int{1}, Data: []float32{1}}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q\n", buf.Bytes()[8:])
	// Output:
	// "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}  \x00\x00\x80?"
}
