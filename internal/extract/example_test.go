package extract_test

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/semsearch/semsearch/internal/extract"
)

func ExampleBytes() {
	doc, err := extract.Bytes("green-tea.md", []byte("# Green tea\n\nSteep it below boiling.\n"))
	fmt.Println(doc.Title, doc.Format, err)
	doc, err = extract.Bytes("green-tea.txt", []byte("\xff\xfeT\x00e\x00a\x00"))
	fmt.Println(doc.Text, err)
	_, err = extract.Bytes("green-tea.txt", []byte("T\x00"))
	fmt.Println(err)
	// Output:
	// Green tea markdown <nil>
	// Tea <nil>
	// binary file: NUL at byte 1
}

func ExampleFromBytes() {
	mail := "From: zoe@example.org\nSubject: Swarms\nDate: Tue, 14 Nov 2023 22:13:20 +0000\n\nThey leave in May.\n"
	mbox := "From zoe@example.org Tue Nov 14 22:13:20 2023\n" + mail
	_ = extract.FromBytes(context.Background(), "inbox.mbox", []byte(mbox), nil, func(it extract.Item) error {
		fmt.Println(it.Member, it.Doc.Title, it.Doc.Metadata[extract.MetaFormat], it.Err)
		return nil
	})
	// Output: 1 Swarms eml <nil>
}

func ExampleDetect() {
	fmt.Println(extract.Detect("notes.txt", []byte("%PDF-1.7\n")))
	fmt.Println(extract.Detect("notes.md", []byte("<p>HTML at the start of Markdown</p>")))
	fmt.Println(extract.Detect("notes", []byte("<!doctype html>")))
	// Output:
	// pdf
	// markdown
	// html
}

func ExampleMap_Locate() {
	page := "<title>Tea</title>\n<h1>Green</h1>\n<p>Steep it &lt; 80 °C."
	doc, _ := extract.Bytes("tea.html", []byte(page))
	m, _ := extract.ParseMap(doc.Metadata[extract.MetaMap])
	fmt.Printf("%q\n", doc.Text)
	p, _ := m.Locate(doc.Text, len("# Green\n\nSteep "))
	fmt.Println(p.Line, p.Col, page[p.Offset:p.Offset+2])
	// Output:
	// "# Green\n\nSteep it < 80 °C."
	// 3 10 it
}

func ExampleWalk() {
	filter := &extract.Filter{Include: []string{"*.pdf"}}
	_ = extract.Walk(context.Background(), "testdata/files", filter, func(e extract.Entry) error {
		if e.Skipped == "" {
			fmt.Println(filepath.ToSlash(e.Path))
		}
		return nil
	})
	// Output:
	// testdata/files/fonts.pdf
	// testdata/files/sample.pdf
}
