package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/db/chunk"
	"github.com/semsearch/semsearch/defaultmodel"
)

// BenchmarkHeadingPath measures what it is worth to encode a passage together with the headings it stands
// under. The folder SEMSEARCH_SECTIONS holds a set for retrieval (corpus.jsonl, queries.jsonl, qrels.tsv)
// whose documents are sections titled "Article - Section"; the sections of an article are put together to
// one Markdown page, as they were. It reports, for the title alone and for title and headings, how often the
// first passage is of the right section, and the mean reciprocal rank of the first that is.
//
//	SEMSEARCH_SECTIONS=selqa_dev go test -run '^$' -bench HeadingPath -benchtime 1x ./internal/e2e
func BenchmarkHeadingPath(b *testing.B) {
	dir := os.Getenv("SEMSEARCH_SECTIONS")
	if dir == "" {
		b.Skip("SEMSEARCH_SECTIONS names no set")
	}
	enc, err := defaultmodel.Encoder()
	if err != nil {
		b.Skip(err)
	}
	type section struct{ id, heading, text string }
	var order []string
	articles := map[string][]section{}
	lines(b, filepath.Join(dir, "corpus.jsonl"), func(line string) {
		var d struct {
			ID    string `json:"_id"`
			Title string `json:"title"`
			Text  string `json:"text"`
		}
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			b.Fatal(err)
		}
		title, heading, _ := strings.Cut(d.Title, " - ")
		if articles[title] == nil {
			order = append(order, title)
		}
		articles[title] = append(articles[title], section{d.ID, heading, d.Text})
	})
	want := map[string]string{}
	lines(b, filepath.Join(dir, "qrels.tsv"), func(line string) {
		if f := strings.Fields(line); len(f) >= 3 && f[0] != "query-id" {
			want[f[0]] = f[1]
		}
	})
	for _, mode := range []db.Mode{db.Dense, db.Hybrid} {
		for _, name := range []string{"title", "headings"} {
			b.Run(mode.String()+"/"+name, func(b *testing.B) {
				for b.Loop() {
					d, err := db.Open(filepath.Join(b.TempDir(), "t.db"), enc, nil)
					if err != nil {
						b.Fatal(err)
					}
					passages, under := 0, 0
					for _, title := range order {
						page := "# " + title + "\n"
						var starts []int
						for _, s := range articles[title] {
							page += "\n"
							starts = append(starts, len(page))
							page += "## " + s.heading + "\n\n" + s.text + "\n"
						}
						headings := chunk.Headings(page, chunk.Markdown)
						for i, s := range chunk.Split(page, chunk.Markdown, chunk.Options{MaxTokens: 180, Count: enc.CountTokens}) {
							own := ""
							for j, at := range starts {
								if s.End > at {
									own = articles[title][j].id
								}
							}
							t := title
							if path := chunk.Under(headings, s.Start); name == "headings" && len(path) > 1 {
								t += " > " + path[len(path)-1].Text
								under++
							}
							passages++
							if _, err := d.Add(context.Background(), db.Document{ID: fmt.Sprintf("%s/%s/%d", own, title, i), Title: t, Text: page[s.Start:s.End]}); err != nil {
								b.Fatal(err)
							}
						}
					}
					queries, first := 0, 0
					var mrr, half [2]float64
					lines(b, filepath.Join(dir, "queries.jsonl"), func(line string) {
						var q struct {
							ID   string `json:"_id"`
							Text string `json:"text"`
						}
						if err := json.Unmarshal([]byte(line), &q); err != nil {
							b.Fatal(err)
						}
						hits, err := d.Query(context.Background(), q.Text, &db.QueryOptions{Mode: mode, K: 10, Exact: true})
						if err != nil {
							b.Fatal(err)
						}
						queries++
						half[queries%2]++
						for rank, h := range hits {
							if own, _, _ := strings.Cut(h.ID, "/"); own == want[q.ID] {
								mrr[queries%2] += 1 / float64(rank+1)
								if rank == 0 {
									first++
								}
								break
							}
						}
					})
					b.ReportMetric(float64(first)/float64(queries), "first")
					b.ReportMetric((mrr[0]+mrr[1])/float64(queries), "MRR@10")
					b.ReportMetric(mrr[0]/half[0], "MRR@10-even")
					b.ReportMetric(mrr[1]/half[1], "MRR@10-odd")
					b.ReportMetric(float64(passages), "passages")
					b.ReportMetric(float64(under), "under")
					if err := d.Close(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// lines calls fn with each line of a file.
func lines(b *testing.B, path string, fn func(string)) {
	b.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		fn(sc.Text())
	}
	if err := sc.Err(); err != nil {
		b.Fatal(err)
	}
}
