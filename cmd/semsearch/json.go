package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/qa"
)

// jsonSchema is the version of the objects that --json prints.
//
// 1: first release
const jsonSchema = 1

func jsonFlag(cmd *cobra.Command, value *bool) {
	cmd.Flags().BoolVar(value, "json", false, "print one JSON object")
}

// printJSON prints v as one line.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// jsonHit is a hit of query --json. Fields of a leg that did not find the passage are left out, and so are
// Heading when it stands under none and File when the text of the document is the file.
type jsonHit struct {
	ID          string   `json:"id"`
	Title       string   `json:"title"`
	Source      string   `json:"source"`
	Passage     int      `json:"passage"`
	Start       int      `json:"start"`
	End         int      `json:"end"`
	Line        int      `json:"line"`
	Col         int      `json:"col"`
	Score       float64  `json:"score"`
	DenseRank   int      `json:"dense_rank,omitempty"`
	LexicalRank int      `json:"lexical_rank,omitempty"`
	Cosine      *float64 `json:"cosine,omitempty"`
	BM25        *float64 `json:"bm25,omitempty"`
	Text        string   `json:"text"`

	Heading string    `json:"heading,omitempty"`
	File    *jsonFile `json:"file,omitempty"`
}

func newJSONHit(h db.Hit, c *cites) jsonHit {
	j := jsonHit{
		ID: h.ID, Title: h.Title, Source: h.Source, Passage: h.Passage,
		Start: h.Start, End: h.End, Line: h.Line, Col: h.Col,
		Score: h.Score, DenseRank: h.DenseRank, LexicalRank: h.LexicalRank, Text: h.Text,
		Heading: c.heading(h.ID, h.Start, h.End), File: c.file(h.ID, h.Start, h.End),
	}
	if h.DenseRank > 0 {
		j.Cosine = &h.Cosine
	}
	if h.LexicalRank > 0 {
		j.BM25 = &h.BM25
	}
	return j
}

// jsonAnswer is an answer of ask --json. Passage is the text that was read.
type jsonAnswer struct {
	Text       string      `json:"text"`
	Confidence float64     `json:"confidence"` // the score when not calibrated
	Calibrated bool        `json:"calibrated"`
	Score      float64     `json:"score"`
	ID         string      `json:"id"`
	Title      string      `json:"title"`
	Source     string      `json:"source"`
	Start      int         `json:"start"`
	End        int         `json:"end"`
	Line       int         `json:"line"`
	Col        int         `json:"col"`
	Passage    string      `json:"passage"`
	Support    []jsonPlace `json:"support"`

	Heading string    `json:"heading,omitempty"`
	File    *jsonFile `json:"file,omitempty"`
}

// jsonPlace is another place that gives an answer.
type jsonPlace struct {
	Text   string `json:"text"`
	ID     string `json:"id"`
	Title  string `json:"title"`
	Source string `json:"source"`
	Start  int    `json:"start"`
	End    int    `json:"end"`
	Line   int    `json:"line"`
	Col    int    `json:"col"`

	Heading string    `json:"heading,omitempty"`
	File    *jsonFile `json:"file,omitempty"`
}

func newJSONAnswer(an qa.Answer, calibrated bool, c *cites) jsonAnswer {
	j := jsonAnswer{
		Text: an.Text, Confidence: an.Confidence, Calibrated: calibrated, Score: an.Score,
		ID: an.ID, Title: an.Hit.Title, Source: an.Hit.Source,
		Start: an.Start, End: an.End, Line: an.Line, Col: an.Col, Passage: an.Passage, Support: []jsonPlace{},
		Heading: c.heading(an.ID, an.Start, an.End), File: c.file(an.ID, an.Start, an.End),
	}
	for _, p := range an.Support {
		j.Support = append(j.Support, jsonPlace{
			Text: p.Text, ID: p.ID, Title: p.Hit.Title, Source: p.Hit.Source, Start: p.Start, End: p.End, Line: p.Line, Col: p.Col,
			Heading: c.heading(p.ID, p.Start, p.End), File: c.file(p.ID, p.Start, p.End),
		})
	}
	return j
}
