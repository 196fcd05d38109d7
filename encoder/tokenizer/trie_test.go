package tokenizer

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestTrie compares longest with a look-up of every prefix in a map, in a trie that must grow.
func TestTrie(t *testing.T) {
	const seed = 5
	r := rand.New(rand.NewPCG(seed, seed))
	word := func() string {
		b := make([]byte, 1+r.IntN(8))
		for i := range b {
			b[i] = "abc\x00\xff"[r.IntN(5)]
		}
		return string(b)
	}
	tr := newTrie(0)
	roots := [2]uint32{tr.root(), tr.root()}
	var want [2]map[string]int32
	for k := range want {
		want[k] = make(map[string]int32)
	}
	for i := range int32(3000) {
		k, s := r.IntN(2), word()
		if !tr.insert(roots[k], s, i) {
			t.Fatal("no room")
		}
		if _, ok := want[k][s]; !ok {
			want[k][s] = i // the first counts
		}
	}
	for range 20000 {
		k, s := r.IntN(2), word()+word()
		got := "none"
		if v, n := longest(tr, roots[k], s); n > 0 {
			got = fmt.Sprint(v, " ", s[:n])
		}
		exp := "none"
		for n := len(s); n > 0; n-- {
			if v, ok := want[k][s[:n]]; ok {
				exp = fmt.Sprint(v, " ", s[:n])
				break
			}
		}
		if got != exp {
			t.Fatalf("seed %d: longest of %q: %q, want %q", seed, s, got, exp)
		}
	}
	if v, n := longest(tr, roots[0], []byte(nil)); n != 0 {
		t.Errorf("longest of nothing: %d, %d", v, n)
	}
}
