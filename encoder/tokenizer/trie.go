package tokenizer

import "math/bits"

// trie is a set of byte strings with a number each, for finding the longest that a text begins
// with. Its edges lie in one hash table, keyed by node and byte, so that a step is one probe and a
// vocabulary of 30 000 tokens is a few megabytes.
type trie struct {
	slots []trieEdge // a power of two of them, at most half full
	shift uint       // 32 - log2(len(slots))
	edges int
	value []int32 // by node, -1 for none
}

type trieEdge struct {
	key  uint32 // node<<8 | byte; 0 marks a free slot, for no node is 0
	node uint32
}

// maxTrieNodes keeps a node's number and a byte within 32 bits.
const maxTrieNodes = 1 << 24

// newTrie returns an empty trie with room for about size edges.
func newTrie(size int) *trie {
	n := uint(bits.Len(uint(max(2*size, 15))))
	return &trie{
		slots: make([]trieEdge, 1<<n),
		shift: 32 - n,
		value: append(make([]int32, 0, size+4), -1), // node 0 does not exist
	}
}

// root adds a node that no edge leads to and returns it.
func (t *trie) root() uint32 {
	t.value = append(t.value, -1)
	return uint32(len(t.value) - 1)
}

// insert gives s below root the number v, unless it has one. It reports whether there was room.
func (t *trie) insert(root uint32, s string, v int32) bool {
	node := root
	for i := range len(s) {
		next := t.child(node, s[i])
		if next == 0 {
			if len(t.value) >= maxTrieNodes {
				return false
			}
			next = t.root()
			if 2*(t.edges+1) > len(t.slots) {
				t.grow()
			}
			t.put(trieEdge{node<<8 | uint32(s[i]), next})
			t.edges++
		}
		node = next
	}
	if t.value[node] < 0 {
		t.value[node] = v
	}
	return true
}

func (t *trie) put(e trieEdge) {
	mask := uint32(len(t.slots) - 1)
	at := e.key * 0x9e3779b1 >> t.shift
	for t.slots[at].key != 0 {
		at = (at + 1) & mask
	}
	t.slots[at] = e
}

func (t *trie) grow() {
	old := t.slots
	t.slots = make([]trieEdge, 2*len(old))
	t.shift--
	for _, e := range old {
		if e.key != 0 {
			t.put(e)
		}
	}
}

// child returns the node below node by b, or 0.
func (t *trie) child(node uint32, b byte) uint32 {
	key := node<<8 | uint32(b)
	slots := t.slots
	mask := uint32(len(slots) - 1)
	at := key * 0x9e3779b1 >> t.shift
	for {
		e := slots[at&mask]
		if e.key == key {
			return e.node
		}
		if e.key == 0 {
			return 0
		}
		at++
	}
}

// longest returns the number and length of the longest string below root that s begins with, or a
// length of zero.
func longest[S ~string | ~[]byte](t *trie, root uint32, s S) (v int32, n int) {
	node := root
	for i := range len(s) {
		if node = t.child(node, s[i]); node == 0 {
			break
		}
		if x := t.value[node]; x >= 0 {
			v, n = x, i+1
		}
	}
	return v, n
}

// find returns the number of s below root, or -1.
func find[S ~string | ~[]byte](t *trie, root uint32, s S) int32 {
	node := root
	for i := range len(s) {
		if node = t.child(node, s[i]); node == 0 {
			return -1
		}
	}
	return t.value[node]
}
