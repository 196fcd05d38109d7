package defaultmodel_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/defaultmodel"
	"github.com/semsearch/semsearch/qa"
)

// The whole of semsearch with what is embedded: add documents, find passages, ask a question.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "semsearch")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	enc, err := defaultmodel.Encoder()
	if err != nil {
		log.Fatal(err)
	}
	d, err := db.Open(filepath.Join(dir, "notes.db"), enc, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer d.Close()
	_, err = d.Add(ctx,
		db.Document{ID: "tower", Text: "The Eiffel Tower was built by Gustave Eiffel in 1889. It stands in Paris."},
		db.Document{ID: "bread", Text: "The dough is kneaded for ten minutes and rises until it has doubled."},
	)
	if err != nil {
		log.Fatal(err)
	}

	hits, err := d.Query(ctx, "baking a loaf from dough", &db.QueryOptions{K: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("found:", hits[0].ID)

	rd, err := defaultmodel.Reader()
	if err != nil {
		log.Fatal(err)
	}
	answers, err := qa.Ask(ctx, d, rd, "When was the Eiffel Tower built?", nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range answers[:min(1, len(answers))] {
		fmt.Printf("answer: %s (%s, line %d, column %d)\n", a.Text, a.ID, a.Line, a.Col)
	}

	// Output:
	// found: bread
	// answer: 1889 (tower, line 1, column 49)
}
