//go:build !race

package tokenizer

const race = false
