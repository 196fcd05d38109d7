// Package extract turns files into documents of a database.
//
// A format is one file of this package: text.go, markdown.go. Which one reads a file is decided by its
// extension; a file with another extension is read as text when it was named, and left out when it was
// met in a folder (see [Walk]).
//
// # Offsets
//
// The text of a document is the bytes of the file, untouched: a byte order mark, carriage returns and
// blanks at the end all stay. So the byte offsets of a hit are offsets in the file on disk, and a line
// and column are those an editor shows. A format that cannot promise this has no place here until a
// document can carry a table of offsets.
//
// # What is refused
//
// Reading is bounded in size and only touches regular files, so a named pipe or a device cannot hang the
// caller. A file that is binary, in another encoding than UTF-8, empty or too large is an error that
// wraps one of the sentinels of this package; nothing is guessed or replaced.
package extract
