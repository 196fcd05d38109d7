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

func ExampleAnswerer() {
	rd, err := qa.Open("testdata/tiny-reader")
	if err != nil {
		log.Fatal(err)
	}
	const document = "The old mill stands near the river. It was built in 1812."
	hits := library{{ID: "mill.txt", End: len(document), Line: 1, Col: 1, Text: document}}
	an, err := qa.NewAnswerer(hits, rd, nil)
	if err != nil {
		log.Fatal(err)
	}
	// Whatever it is worth: the weights of this reader are random.
	everything := 0.0
	answers, err := an.Ask(context.Background(), "When was the mill built?", &qa.AskOptions{K: 1, MinConfidence: &everything})
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range answers {
		fmt.Println(a.ID, a.Confidence >= 0 && a.Confidence <= 1)
	}
	// Output:
	// mill.txt true
}

func ExampleAnswerer_Stream() {
	rd, err := qa.Open("testdata/tiny-reader")
	if err != nil {
		log.Fatal(err)
	}
	var hits library
	for i, text := range []string{"The old mill stands near the river.", "It was built in 1812."} {
		hits = append(hits, db.Hit{ID: fmt.Sprint(i), End: len(text), Line: 1, Col: 1, Text: text})
	}
	an, err := qa.NewAnswerer(hits, rd, nil)
	if err != nil {
		log.Fatal(err)
	}
	everything := 0.0
	opt := &qa.AskOptions{MinConfidence: &everything}
	var last qa.Answer // the best so far
	for a, err := range an.Stream(context.Background(), "When was the mill built?", opt) {
		if err != nil {
			log.Fatal(err)
		}
		last = a
	}
	answers, err := an.Ask(context.Background(), "When was the mill built?", opt)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(last.Text == answers[0].Text)
	// Output:
	// true
}

func ExampleAnswerer_Explain() {
	rd, err := qa.Open("testdata/tiny-reader")
	if err != nil {
		log.Fatal(err)
	}
	const document = "The old mill stands near the river. It was built in 1812."
	hits := library{{ID: "mill.txt", End: len(document), Line: 1, Col: 1, Text: document}}
	an, err := qa.NewAnswerer(hits, rd, nil)
	if err != nil {
		log.Fatal(err)
	}
	e, err := an.Explain(context.Background(), "When was the mill built?", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(e.Passages), "passage read,", len(e.Candidates), "spans found")
	for _, f := range e.Candidates[0].Features[8:10] {
		fmt.Printf("%s %.2f\n", f.Name, f.Value)
	}
	// Output:
	// 1 passage read, 3 spans found
	// coverage 1.00
	// words 1.00
}

func ExampleReader_Attribute() {
	rd, err := qa.Open("testdata/tiny-reader")
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	const question, passage = "Where is the mill?", "The old mill stands near the river."
	readings, err := rd.Read(ctx, question, []string{passage}, nil)
	if err != nil {
		log.Fatal(err)
	}
	at, err := rd.Attribute(ctx, question, "", passage, readings[0].Spans[0])
	if err != nil {
		log.Fatal(err)
	}
	for _, w := range at.Question {
		fmt.Print(w.Text, " ")
	}
	// Output:
	// Where is the mill
}

// A calibration fitted to a few made-up outcomes; a real one takes some hundred questions.
func ExampleFitCalibration() {
	rd, err := qa.Open("testdata/tiny-reader")
	if err != nil {
		log.Fatal(err)
	}
	// Samples come from Explanation.Sample; these are made up of what it gives.
	const document = "The old mill stands near the river. It was built in 1812."
	hits := library{{ID: "mill.txt", End: len(document), Line: 1, Col: 1, Text: document}}
	an, err := qa.NewAnswerer(hits, rd, nil)
	if err != nil {
		log.Fatal(err)
	}
	var samples []qa.Sample
	for i, question := range []string{"When was the mill built?", "Where does it stand?", "Who is the queen of London?", "What is a tower?"} {
		e, err := an.Explain(context.Background(), question, nil)
		if err != nil {
			log.Fatal(err)
		}
		if s, ok := e.Sample(i < 2, i < 1); ok {
			samples = append(samples, s)
		}
	}
	c, err := qa.FitCalibration(rd, samples, &qa.FitOptions{Lost: 0.1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Reader == rd.Fingerprint(), c.Fitted.Answerable, c.Fitted.Unanswerable)
	// Output:
	// true 2 2
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
