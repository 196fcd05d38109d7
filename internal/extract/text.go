package extract

// textFormat is plain text. It has no title of its own: a first line is as often a sentence as a heading.
var textFormat = format{
	name:       "text",
	extensions: []string{".txt", ".text"},
	title:      func(string) string { return "" },
}
