package chunk_test

import (
	"fmt"

	"github.com/semsearch/semsearch/db/chunk"
)

func ExampleSplit() {
	text := "# Tea\n\nHeat the water. Pour it over the leaves.\n\n# Coffee\n\nGrind the beans."
	for _, s := range chunk.Split(text, chunk.Markdown, chunk.Options{MaxTokens: 50}) {
		fmt.Printf("%d-%d %q\n", s.Start, s.End, text[s.Start:s.End])
	}
	// Output:
	// 0-47 "# Tea\n\nHeat the water. Pour it over the leaves."
	// 49-75 "# Coffee\n\nGrind the beans."
}

func ExampleEstimate() {
	fmt.Println(chunk.Estimate("Green tea is steeped below boiling."))
	// Output: 7
}
