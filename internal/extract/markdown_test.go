package extract_test

import (
	"testing"

	"github.com/semsearch/semsearch/internal/extract"
)

func TestMarkdownTitle(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"# Tea\n\ntext", "Tea"},
		{"text\n\n## Tea ##\n", "Tea"},
		{"\ufeff# Tea\r\n", "Tea"},
		{"   ### Tea  \t\n", "Tea"},
		{"#\n# Tea\n", "Tea"},
		{"#Tea\n", "a"},
		{"    # code\n", "a"},
		{"# Tea #1\n", "Tea #1"},
		{"# C#\n", "C#"},
		{"#tag and text\n\n# Tea\n", "Tea"},
		{"```\n# not this\n```\n# Tea\n", "Tea"},
		{"~~~~ text\n~~~\n# not this\n~~~~\n# Tea\n", "Tea"},
		{"```sh\n# not this", "a"},
		{"`code` ``` text\n# Tea\n", "Tea"},
		{"Tea\n===\n", "Tea"},
		{"Tea\n---\n", "Tea"},
		{"\n---\n\n# Tea", "Tea"},
		{"- item\n---\n# Tea\n", "Tea"},
		{"| a |\n---\n# Tea\n", "Tea"},
		{"Tea\r\n=====\r\n", "Tea"},
		{"---\ntitle: Green tea\n---\n# Other\n", "Green tea"},
		{"---\r\ntitle: Green tea\r\ntags: [x]\r\n---\r\n", "Green tea"},
		{"---\ntitle: \"Green: \\\"tea\\\"\"\n---\n", `Green: "tea"`},
		{"---\ntitle: 'It''s tea'\n---\n", "It's tea"},
		{"---\ntitle: Tea # a comment\n---\n", "Tea"},
		{"---\ntags: x\n...\n# Tea\n", "Tea"},
		{"---\ntitle: >-\n  folded\n---\n# Tea\n", "Tea"},
		{"---\ntitle: never closed\n\n# Tea\n", "Tea"},
		{"# **Green** _tea_ and `water`\n", "Green tea and water"},
		{"# [Tea](https://example.org/tea \"x\") ![leaf](a.png)\n", "Tea leaf"},
		{"# snake_case_name and 2*3*4\n", "snake_case_name and 2*3*4"},
		{"# Tea {#anchor}\n", "Tea"},
		{"# <a name=\"x\"></a>Tea\n", "Tea"},
		{"# 1 \\* 2\n", "1 * 2"},
		{"no heading\n", "a"},
	} {
		doc, err := extract.Bytes("a.md", []byte(tt.text))
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		if doc.Title != tt.want {
			t.Errorf("%q: title %q, want %q", tt.text, doc.Title, tt.want)
		}
	}
}
