package index

import (
	"math"
	"slices"
)

// Equal vectors share a node: the first id is the node's, later ones are its twins. In a heap of
// equal vectors, each with a node of its own, all links would be short and a walk would not come
// out again: with half the vectors copies of three, recall fell to 0.4. A twin has no links, so
// adding one changes nothing else. When the id of the node is deleted, its first twin becomes a new
// node.

// attach adds an id that is not there.
func (b *Batch) attach(id uint64, v []float32) {
	b.s.count++
	sum := hash(v)
	slot, ok := b.equalTo(sum)
	if !ok {
		b.equal[sum] = int64(b.insert(id, v))
		return
	}
	if !slices.Equal(b.s.vec(slot), v) { // another vector with that hash has the entry
		b.insert(id, v)
		return
	}
	n := b.ownNode(slot)
	i, _ := slices.BinarySearch(n.twins, id)
	twins := make([]uint64, 0, len(n.twins)+1)
	twins = append(twins, n.twins[:i]...)
	twins = append(twins, id)
	n.twins = append(twins, n.twins[i:]...)
	b.slots[id] = int64(slot)
	b.touched = append(b.touched, id)
}

// detach removes an id, which is in slot.
func (b *Batch) detach(id uint64, slot uint32) {
	b.s.count--
	if b.s.id(slot) != id {
		n := b.ownNode(slot)
		i, _ := slices.BinarySearch(n.twins, id)
		twins := make([]uint64, 0, len(n.twins)-1)
		n.twins = append(append(twins, n.twins[:i]...), n.twins[i+1:]...)
		b.slots[id] = gone
		b.touched = append(b.touched, id)
		return
	}
	v, twins := b.s.vec(slot), b.s.node(slot).twins
	sum := hash(v)
	at, ok := b.equalTo(sum)
	listed := ok && at == slot
	if listed {
		b.equal[sum] = gone
	}
	b.remove(slot)
	if len(twins) == 0 {
		return
	}
	slot = b.insert(twins[0], v)
	b.ownNode(slot).twins = twins[1:]
	for _, t := range twins[1:] {
		b.slots[t] = int64(slot)
	}
	if listed {
		b.equal[sum] = int64(slot)
	}
}

// equalTo is the slot of the node listed under a hash.
func (b *Batch) equalTo(sum uint64) (uint32, bool) {
	if slot, ok := b.equal[sum]; ok {
		return uint32(slot), slot != gone
	}
	slot, ok := b.h.equal[sum]
	return slot, ok
}

// hashes lists all nodes by the hash of their vectors; of several, the first.
func (s *state) hashes() map[uint64]uint32 {
	m := make(map[uint64]uint32, s.count)
	s.each(0, func(slot uint32) {
		sum := hash(s.vec(slot))
		if _, ok := m[sum]; !ok {
			m[sum] = slot
		}
	})
	return m
}

// hash is a hash of the bits of a vector, the same in every process. The vector that has an entry
// under it is compared, so a collision costs nothing but a twin.
func hash(v []float32) uint64 {
	sum := uint64(len(v))
	for ; len(v) >= 2; v = v[2:] {
		sum = (sum ^ (uint64(math.Float32bits(v[0])) | uint64(math.Float32bits(v[1]))<<32)) * 0x9e3779b97f4a7c15
		sum ^= sum >> 29
	}
	if len(v) == 1 {
		sum ^= uint64(math.Float32bits(v[0]))
	}
	return mix(sum)
}

// ids calls yield for the ids of a node, that of the node first, until it returns false.
func (n *node) ids(yield func(uint64) bool) {
	if !yield(n.id) {
		return
	}
	for _, id := range n.twins {
		if !yield(id) {
			return
		}
	}
}

// any tells whether an id of the node is accepted.
func (n *node) any(accept func(uint64) bool) bool {
	for id := range n.ids {
		if accept(id) {
			return true
		}
	}
	return false
}
