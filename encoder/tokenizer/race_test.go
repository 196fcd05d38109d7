//go:build race

package tokenizer

// race is true under the race detector, which has no use for the long tests: they share nothing.
const race = true
