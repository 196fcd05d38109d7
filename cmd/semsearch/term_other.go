//go:build !unix

package main

import "os"

// terminalSize finds no terminal: escape sequences need a mode here that is not switched on.
func terminalSize(*os.File) (width int, ok bool) { return 0, false }
