//go:build !unix

package main

import "github.com/rogpeppe/go-internal/testscript"

// cmdFifo cannot make a named pipe here.
func cmdFifo(ts *testscript.TestScript, neg bool, args []string) { ts.Fatalf("no named pipes") }
