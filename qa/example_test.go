package qa_test

import (
	"context"
	"fmt"
	"log"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/qa"
)

// library is a Retriever; a *db.DB is one too.
type library []db.Hit

func (l library) Query(ctx context.Context, q string, o *db.QueryOptions) ([]db.Hit, error) {
	return l, nil
}

// The checkpoint of these examples has random weights: it answers nonsense, but
// where an answer stands is right.

func ExampleAsk() {
	rd, err := qa.Open("testdata/tiny-reader")
	if err != nil {
		log.Fatal(err)
	}
	const document = "A list.\n\nThe old mill stands near the river. It was built in 1812."
	hits := library{{ID: "mill.txt", Start: 9, End: len(document), Line: 3, Col: 1, Text: document[9:]}}

	answers, err := qa.Ask(context.Background(), hits, rd, "When was the mill built?", &qa.AskOptions{K: 1})
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range answers {
		fmt.Printf("%s:%d:%d: %t\n", a.ID, a.Line, a.Col, document[a.Start:a.End] == a.Text)
	}
	// Output:
	// mill.txt:3:37: true
}

func ExampleReader_Read() {
	rd, err := qa.Open("testdata/tiny-reader")
	if err != nil {
		log.Fatal(err)
	}
	passages := []string{"The old mill stands near the river.", ""}
	readings, err := rd.Read(context.Background(), "Where is the mill?", passages, &qa.ReadOptions{Spans: 1})
	if err != nil {
		log.Fatal(err)
	}
	for i, r := range readings {
		for _, s := range r.Spans {
			fmt.Println(i, passages[i][s.Start:s.End] == s.Text)
		}
	}
	// Output:
	// 0 true
}

func ExampleNewReader() {
	rd, err := qa.Open("testdata/tiny-reader")
	if err != nil {
		log.Fatal(err)
	}
	// The same checkpoint with shorter windows, and one that answers more boldly.
	bold := 3.0
	rd, err = qa.NewReader(rd.Checkpoint(), &qa.ReaderOptions{MaxTokens: 48, Overlap: 12, Threshold: &bold})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rd.Threshold())
	// Output:
	// 3
}
