package coderhnsw

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/semsearch/semsearch/index"
)

// Key is what the library can export as a key. A file does not say which type its keys have.
type Key interface {
	int | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64 | string
}

// File is what was read from an exported graph.
type File[K Key] struct {
	M        int
	Ml       float64
	EfSearch int
	Distance string      // name of the distance function
	Vectors  []Vector[K] // by ascending key; all of one length
}

// Vector is a vector and its key.
type Vector[K Key] struct {
	Key    K
	Vector []float32
}

// Metric is the metric of package index that orders vectors as the distance function of the file
// does. A function other than "cosine" and "euclidean" gives ErrUnsupported.
func (f *File[K]) Metric() (index.Metric, error) {
	switch f.Distance {
	case "cosine":
		return index.Cosine, nil
	case "euclidean":
		return index.L2, nil
	}
	return 0, fmt.Errorf("distance function %q: %w", f.Distance, ErrUnsupported)
}

// Dim is the number of components of the vectors, 0 when there are none.
func (f *File[K]) Dim() int {
	if len(f.Vectors) == 0 {
		return 0
	}
	return len(f.Vectors[0].Vector)
}

const (
	maxLayers = 256
	maxString = 1 << 20
)

// Read reads what Graph[K].Export wrote, to its end. It takes the vectors of the lowest layer, which
// holds all; links and the copies in higher layers are read over. The result needs checking
// for NaN and the like, which an index does when they are inserted. Damage, keys of another type
// and vectors of different lengths give ErrFormat, another version ErrUnsupported, an error of r
// is returned wrapped. Memory grows with what is there, not with what a damaged count claims.
func Read[K Key](r io.Reader) (*File[K], error) {
	d := decoder{r: bufio.NewReaderSize(r, 1<<16)}
	f := &File[K]{}
	if v := d.int("version"); d.err == nil && v != formatVersion {
		return nil, fmt.Errorf("read graph: version %d: %w", v, ErrUnsupported)
	}
	f.M = d.int("M")
	f.Ml = math.Float64frombits(d.fixed(8, "Ml"))
	f.EfSearch = d.int("EfSearch")
	f.Distance = d.string("distance function")
	layers := d.count("layers")
	if layers > maxLayers {
		d.fail("%d layers", layers)
	}
	for l := 0; l < layers && d.err == nil; l++ {
		readLayer(&d, f, l)
	}
	if d.err == nil {
		if _, err := d.r.ReadByte(); err == nil {
			d.fail("bytes after the last layer")
		} else if err != io.EOF {
			d.err = err
		}
	}
	if d.err != nil {
		return nil, fmt.Errorf("read graph: %w", d.err)
	}
	slices.SortFunc(f.Vectors, func(a, b Vector[K]) int { return cmp.Compare(a.Key, b.Key) })
	for i := 1; i < len(f.Vectors); i++ {
		if f.Vectors[i].Key == f.Vectors[i-1].Key {
			return nil, fmt.Errorf("read graph: key %v twice: %w", f.Vectors[i].Key, ErrFormat)
		}
	}
	return f, nil
}

// ReadFile is Read from a file, as SavedGraph.Save wrote it.
func ReadFile[K Key](name string) (*File[K], error) {
	r, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read graph: %w", err)
	}
	defer r.Close()
	f, err := Read[K](r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

func readLayer[K Key](d *decoder, f *File[K], layer int) {
	for n := d.count("nodes"); n > 0 && d.err == nil; n-- {
		key := readKey[K](d)
		vec := d.vector()
		for to := d.count("neighbors"); to > 0 && d.err == nil; to-- {
			readKey[K](d)
		}
		if layer > 0 || d.err != nil {
			continue
		}
		if len(f.Vectors) > 0 && len(vec) != f.Dim() {
			d.fail("key %v has %d components, others %d", key, len(vec), f.Dim())
			return
		}
		if key != key {
			d.fail("key is NaN")
			return
		}
		f.Vectors = append(f.Vectors, Vector[K]{key, vec})
	}
}

func readKey[K Key](d *decoder) (k K) {
	switch p := any(&k).(type) {
	case *int:
		*p = d.int("key")
	case *int8:
		*p = int8(d.fixed(1, "key"))
	case *int16:
		*p = int16(d.fixed(2, "key"))
	case *int32:
		*p = int32(d.fixed(4, "key"))
	case *int64:
		*p = int64(d.fixed(8, "key"))
	case *uint8:
		*p = uint8(d.fixed(1, "key"))
	case *uint16:
		*p = uint16(d.fixed(2, "key"))
	case *uint32:
		*p = uint32(d.fixed(4, "key"))
	case *uint64:
		*p = d.fixed(8, "key")
	case *float32:
		*p = math.Float32frombits(uint32(d.fixed(4, "key")))
	case *float64:
		*p = math.Float64frombits(d.fixed(8, "key"))
	case *string:
		*p = d.string("key")
	}
	return k
}

// A decoder keeps its first error and reads nothing after it.
type decoder struct {
	r   *bufio.Reader
	buf [4096]byte
	err error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format+": %w", append(args, ErrFormat)...)
	}
}

// broken keeps an error of the reader; an early end is a damaged file.
func (d *decoder) broken(err error, what string) {
	if d.err != nil {
		return
	}
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		d.fail("ends before %s", what)
		return
	}
	d.err = fmt.Errorf("%s: %w", what, err)
}

func (d *decoder) int(what string) int {
	if d.err != nil {
		return 0
	}
	v, n := int64(0), 0
	var u uint64
	for {
		b, err := d.r.ReadByte()
		if err != nil {
			d.broken(err, what)
			return 0
		}
		if n == binary.MaxVarintLen64-1 && b > 1 {
			d.fail("%s out of range", what)
			return 0
		}
		u |= uint64(b&0x7f) << (7 * n)
		n++
		if b < 0x80 {
			break
		}
	}
	v = int64(u>>1) ^ -int64(u&1)
	if int64(int(v)) != v {
		d.fail("%s out of range", what)
		return 0
	}
	return int(v)
}

// count is an int that may not be below zero.
func (d *decoder) count(what string) int {
	n := d.int(what)
	if n < 0 {
		d.fail("%d %s", n, what)
		return 0
	}
	return n
}

func (d *decoder) fixed(size int, what string) uint64 {
	if d.err != nil {
		return 0
	}
	var b [8]byte
	if _, err := io.ReadFull(d.r, b[:size]); err != nil {
		d.broken(err, what)
		return 0
	}
	return binary.LittleEndian.Uint64(b[:])
}

func (d *decoder) string(what string) string {
	n := d.count(what)
	if n > maxString {
		d.fail("%s of %d bytes", what, n)
	}
	if d.err != nil {
		return ""
	}
	var s []byte
	for n > 0 {
		b := d.buf[:min(n, len(d.buf))]
		if _, err := io.ReadFull(d.r, b); err != nil {
			d.broken(err, what)
			return ""
		}
		s = append(s, b...)
		n -= len(b)
	}
	return string(s)
}

func (d *decoder) vector() []float32 {
	n := d.count("components")
	if n > index.MaxDim {
		d.fail("%d components", n)
	}
	if d.err != nil {
		return nil
	}
	v := make([]float32, 0, n)
	for len(v) < n {
		b := d.buf[:min(4*(n-len(v)), len(d.buf))]
		if _, err := io.ReadFull(d.r, b); err != nil {
			d.broken(err, "a vector")
			return nil
		}
		for ; len(b) > 0; b = b[4:] {
			v = append(v, math.Float32frombits(binary.LittleEndian.Uint32(b)))
		}
	}
	return v
}
