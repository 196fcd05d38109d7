// Package extract turns files into documents of a database.
//
// [Walk] finds the files, [Detect] says what they are, [Documents] reads one: a document from most, one for
// each file in an archive. A format is a file of this package (html.go, csv.go); what it makes of a file is
// text, Markdown or source code, which is all that a database knows.
//
// # Places
//
// The text of a document is its file, byte for byte, wherever the file is text in UTF-8 that people read as
// it stands: plain text, Markdown, source code. A byte order mark, carriage returns and blanks at the end
// all stay. So the byte offsets of a hit are offsets in the file on disk, and a line and column are those an
// editor shows.
//
// Other documents carry a [Map] from their text to the file, in their metadata: to bytes, lines and columns
// for HTML, CSV, JSON, mail and text in other encodings, to pages for PDF. DOCX, ODT and EPUB have no places
// that mean anything to people, and no map. docs/format.md describes how a map is written.
//
// # What is refused
//
// Only regular files are touched, so a named pipe or a device cannot hang the caller. A file that is binary,
// in an encoding that is not known, empty, damaged or encrypted is an error that wraps one of the sentinels
// of this package; nothing is guessed or replaced. Where a format is damaged in a way that still leaves a
// text (JSON that is none, a table with a quote too many), the file is read as text.
//
// # What is bounded
//
// Any input, however hostile, takes bounded time and memory: see [Options]. Readers look at their context
// all along. The library that reads PDF can be neither bounded nor interrupted, so that is done in another
// process: see [Options].Program. What one file does is never the end of the others.
package extract
