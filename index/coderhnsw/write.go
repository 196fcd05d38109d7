package coderhnsw

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/semsearch/semsearch/index"
)

// # Export format of coder/hnsw, version 1
//
// An int is a zigzag varint of encoding/binary; a key of another number type has its size, little-
// endian; a string is its length as int and its bytes.
//
//	int      version, 1
//	int      M
//	float64  Ml
//	int      EfSearch
//	string   name of the distance function, "cosine" or "euclidean"
//	int      layers; then for each, from the one with all nodes up:
//	  int      nodes; then for each, in any order:
//	    key
//	    int      components; then each as float32
//	    int      neighbors; then the key of each
const formatVersion = 1

// Fetch is how many results to ask the library for, whatever K is: its search stops early when
// asked for few.
const Fetch = 800

// Write writes the committed graph of ix so that Graph.Import of a hnsw.Graph[uint64] reads it. A
// metric other than Cosine and L2 gives ErrUnsupported. Under L2 the library's distance is the root
// of ours. Vectors are written as they are compared. Where ids share a vector, each becomes a node
// linked with the one before and after, and with the first. Under Cosine the library's distance
// to a zero vector is NaN.
func Write(w io.Writer, ix *index.HNSW) error {
	var distance string
	switch m := ix.Options().Metric; m {
	case index.Cosine:
		distance = "cosine"
	case index.L2:
		distance = "euclidean"
	default:
		return fmt.Errorf("write graph: metric %v: %w", m, ErrUnsupported)
	}
	if err := write(w, ix.Options(), slices.Collect(ix.Nodes()), distance, true); err != nil {
		return fmt.Errorf("write graph: %w", err)
	}
	return nil
}

// WriteFile is Write to a file, which is replaced as a whole or not at all.
func WriteFile(name string, ix *index.HNSW) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".tmp*")
	if err != nil {
		return fmt.Errorf("write graph: %w", err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := Write(f, ix); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("write graph: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write graph: %w", err)
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return fmt.Errorf("write graph: %w", err)
	}
	return nil
}

// write writes nodes, and with equal set also the ids that share their vectors.
func write(w io.Writer, o index.Options, nodes []index.Node, distance string, equal bool) error {
	e := encoder{w: bufio.NewWriterSize(w, 1<<16)}
	e.int(formatVersion)
	e.int(2 * o.M)
	e.bytes(binary.LittleEndian.AppendUint64(nil, math.Float64bits(1/float64(o.M))))
	e.int(4 * Fetch)
	e.int(len(distance))
	e.bytes([]byte(distance))

	var layers [][]index.Node
	total := 0
	for _, n := range nodes {
		for l := range n.Neighbors {
			if l == len(layers) {
				layers = append(layers, nil)
			}
			layers[l] = append(layers[l], n)
		}
		if equal {
			total += len(n.Equal)
		}
	}
	e.int(len(layers))
	for l, layer := range layers {
		if l == 0 {
			e.int(len(layer) + total)
		} else {
			e.int(len(layer))
		}
		for _, n := range layer {
			if l > 0 || !equal || len(n.Equal) == 0 {
				e.node(n.ID, n.Vector, n.Neighbors[l])
				continue
			}
			e.node(n.ID, n.Vector, append(slices.Clone(n.Neighbors[0]), n.Equal[0]))
			for i, id := range n.Equal {
				to := []uint64{n.ID}
				if i > 0 {
					to = append(to, n.Equal[i-1])
				}
				if i+1 < len(n.Equal) {
					to = append(to, n.Equal[i+1])
				}
				e.node(id, n.Vector, to)
			}
		}
	}
	if e.err != nil {
		return e.err
	}
	return e.w.Flush()
}

type encoder struct {
	w   *bufio.Writer
	buf []byte
	err error
}

func (e *encoder) bytes(b []byte) {
	if e.err == nil {
		_, e.err = e.w.Write(b)
	}
}

func (e *encoder) int(v int) {
	e.buf = binary.AppendVarint(e.buf[:0], int64(v))
	e.bytes(e.buf)
}

func (e *encoder) node(id uint64, vec []float32, to []uint64) {
	b := binary.LittleEndian.AppendUint64(e.buf[:0], id)
	b = binary.AppendVarint(b, int64(len(vec)))
	for _, v := range vec {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	b = binary.AppendVarint(b, int64(len(to)))
	for _, t := range to {
		b = binary.LittleEndian.AppendUint64(b, t)
	}
	e.buf = b
	e.bytes(b)
}
