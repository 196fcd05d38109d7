package tokenizer

import (
	"strings"
	"testing"
)

func TestAllocations(t *testing.T) {
	if race {
		t.Skip("the race detector makes sync.Pool forget at random")
	}
	tok := load(t, "uncased")
	text := strings.Repeat("The green tea, steeped; cafés! ", 100)
	tok.Tokens(text)
	if n := testing.AllocsPerRun(100, func() { tok.Tokens(text) }); n > 2 {
		t.Errorf("Tokens allocates %v times, want the result alone", n)
	}
	// A long text costs a short passage nothing.
	long := strings.Repeat(text, 1000)
	if n := testing.AllocsPerRun(20, func() { tok.Encode(long, 64) }); n > 6 {
		t.Errorf("Encode of 64 tokens allocates %v times", n)
	}
}
