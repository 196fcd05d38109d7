package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// # Record of a node
//
// All numbers are unsigned varints of encoding/binary in their shortest form, except Seed.
//
//	field          meaning
//	Head           0: the vector equals that of a node, and nothing follows;
//	               else 1 + top level of the node, 0 to 31, which Seed and the id give
//	then for each level from 0 to the top level:
//	  Degree       number of neighbors, at most 2*M on level 0, M above
//	  First        id of the first neighbor, if Degree > 0
//	  Delta        Degree-1 times: id minus the id before, at least 1
//
// Neighbors are in ascending order of id. Nothing follows the last level.
//
// # Meta record
//
//	field          meaning
//	Version        1 byte, metaVersion
//	Metric         1 byte: 0 cosine, 1 dot, 2 squared L2
//	Flags          1 byte: bit 0 KeepPruned, others 0
//	Seed           8 bytes, little-endian
//	Dim            components of a vector
//	M              Options.M
//	EfConstruction Options.EfConstruction
//	Count          number of records, Nodes on level 0 and equals of them
//	Edges          links of all nodes on all levels
//	Levels         number of levels, 0 for an empty graph: then the record ends
//	Nodes          Levels times: number of nodes on levels 0, 1, ...; none is 0, none grows
//	Entry          id of the entry point, a node on the last level

// 1: first release
const metaVersion = 1

const (
	headTwin  = 0
	headLevel = 1
)

// appendRecord appends the record of an id in slot.
func (s *state) appendRecord(buf []byte, id uint64, slot uint32) []byte {
	n := s.node(slot)
	if n.id != id {
		return append(buf, headTwin)
	}
	buf = binary.AppendUvarint(buf, uint64(headLevel+n.level()))
	for l := 0; l <= n.level(); l++ {
		list := n.links(l)
		buf = binary.AppendUvarint(buf, uint64(len(list)))
		var last uint64
		for _, t := range list {
			id := s.id(t)
			buf = binary.AppendUvarint(buf, id-last)
			last = id
		}
	}
	return buf
}

// decodeRecord calls link for each neighbor in a record and returns the level of the node, or -1
// for the record of a twin.
func decodeRecord(rec []byte, o *Options, id uint64, link func(level int, to uint64)) (int, error) {
	r := reader{rec}
	head, err := r.uvarint("level")
	if err != nil {
		return 0, err
	}
	level := o.level(id)
	switch head {
	case headTwin:
		level = -1
	case uint64(headLevel + level):
	default:
		return 0, fmt.Errorf("level is %d, want %d", head-headLevel, level)
	}
	for l := 0; l <= level; l++ {
		degree, err := r.uvarint("degree")
		if err != nil {
			return 0, err
		}
		if limit := o.maxLinks(l); degree > uint64(limit) {
			return 0, fmt.Errorf("%d neighbors on level %d, at most %d allowed", degree, l, limit)
		}
		var to uint64
		for i := range degree {
			delta, err := r.uvarint("neighbor")
			if err != nil {
				return 0, err
			}
			if i > 0 && delta == 0 {
				return 0, fmt.Errorf("neighbor %d twice on level %d", to, l)
			}
			if to+delta < to {
				return 0, fmt.Errorf("neighbor after %d on level %d is out of range", to, l)
			}
			to += delta
			if to == id {
				return 0, fmt.Errorf("links to itself on level %d", l)
			}
			link(l, to)
		}
	}
	if len(r.b) > 0 {
		return 0, fmt.Errorf("%d bytes after the record", len(r.b))
	}
	return level, nil
}

// meta is the content of a meta record.
type meta struct {
	o      Options
	count  uint64
	edges  uint64
	levels []uint64
	entry  uint64
}

func appendMeta(buf []byte, o *Options, s *state) []byte {
	var flags byte
	if o.KeepPruned {
		flags = 1
	}
	buf = append(buf, metaVersion, byte(o.Metric), flags)
	buf = binary.LittleEndian.AppendUint64(buf, o.Seed)
	for _, v := range []int{o.Dim, o.M, o.EfConstruction, s.count, s.edges, len(s.levels)} {
		buf = binary.AppendUvarint(buf, uint64(v))
	}
	for _, n := range s.levels {
		buf = binary.AppendUvarint(buf, uint64(n))
	}
	if len(s.levels) > 0 {
		buf = binary.AppendUvarint(buf, s.id(s.entry))
	}
	return buf
}

func decodeMeta(b []byte) (*meta, error) {
	if len(b) < 11 {
		return nil, errors.New("too short")
	}
	if b[0] != metaVersion {
		return nil, fmt.Errorf("version is %d, want %d", b[0], metaVersion)
	}
	if b[2] > 1 {
		return nil, fmt.Errorf("flags are %#x", b[2])
	}
	m := &meta{o: Options{Metric: Metric(b[1]), KeepPruned: b[2] == 1, Seed: binary.LittleEndian.Uint64(b[3:])}}
	r := reader{b[11:]}
	var levels uint64
	for _, f := range []struct {
		name string
		to   *int
		max  uint64
	}{
		{"dimension", &m.o.Dim, MaxDim},
		{"M", &m.o.M, MaxM},
		{"efConstruction", &m.o.EfConstruction, math.MaxInt32},
	} {
		v, err := r.uvarint(f.name)
		if err != nil {
			return nil, err
		}
		if v == 0 || v > f.max {
			return nil, fmt.Errorf("%s is %d", f.name, v)
		}
		*f.to = int(v)
	}
	if m.o.Seed == 0 {
		return nil, errors.New("seed is 0")
	}
	var err error
	if m.o, err = m.o.withDefaults(); err != nil {
		return nil, err
	}
	if m.count, err = r.uvarint("number of records"); err != nil {
		return nil, err
	}
	if m.edges, err = r.uvarint("number of links"); err != nil {
		return nil, err
	}
	if levels, err = r.uvarint("number of levels"); err != nil {
		return nil, err
	}
	if levels > maxLevel+1 {
		return nil, fmt.Errorf("%d levels, at most %d allowed", levels, maxLevel+1)
	}
	for l := range levels {
		n, err := r.uvarint("number of nodes")
		if err != nil {
			return nil, err
		}
		if n == 0 || l > 0 && n > m.levels[l-1] {
			return nil, fmt.Errorf("%d nodes on level %d", n, l)
		}
		m.levels = append(m.levels, n)
	}
	if levels > 0 {
		if m.entry, err = r.uvarint("entry point"); err != nil {
			return nil, err
		}
	}
	if len(r.b) > 0 {
		return nil, fmt.Errorf("%d bytes after the record", len(r.b))
	}
	return m, nil
}

type reader struct{ b []byte }

// uvarint reads a number in its shortest form, so that a record has one encoding.
func (r *reader) uvarint(what string) (uint64, error) {
	v, n := binary.Uvarint(r.b)
	switch {
	case n == 0:
		return 0, fmt.Errorf("record ends before %s", what)
	case n < 0 || n > 1 && r.b[n-1] == 0:
		return 0, fmt.Errorf("%s is not a varint in shortest form", what)
	}
	r.b = r.b[n:]
	return v, nil
}
