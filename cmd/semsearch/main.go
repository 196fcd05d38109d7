// Semsearch finds passages by meaning and answers questions from your own files.
//
// It keeps documents in one database file, needs no server and no network, and carries its model inside
// the program. Each subcommand is a file of this package: its options, its flags, its run. What they share:
//
//   - app.go: one run of the command, exit codes, signals
//   - locate.go: which database, and what the id of a file is
//   - model.go: which encoder and reader
//   - cite.go: where in its file a passage stands
//   - ui.go: the rules for words, errors and hints; print.go: results for people; json.go: results for programs
//
// # Exit codes
//
//	0    found, done
//	1    nothing found, or no answer
//	2    an error, or, from check, a problem
//	130  interrupted: Ctrl-C, or the reader of the output went away
package main

import (
	"os"

	"github.com/semsearch/semsearch/internal/extract"
)

func main() {
	extract.RunChild()
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, builtinModels{}))
}
