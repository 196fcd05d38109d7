package coderhnsw

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"path/filepath"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/semsearch/semsearch/index"
)

// vectors makes n clustered vectors from a fixed linear congruence (MMIX, Knuth).
func vectors(seed uint64, n, dim int) [][]float32 {
	next := func() float32 {
		var sum float32
		for range 4 {
			seed = seed*6364136223846793005 + 1442695040888963407
			sum += float32(seed>>40)/(1<<23) - 1
		}
		return sum
	}
	var basis, centers [][]float32
	for range 12 {
		basis = append(basis, make([]float32, dim))
		for i := range dim {
			basis[len(basis)-1][i] = next()
		}
	}
	for range 30 {
		centers = append(centers, make([]float32, len(basis)))
		for i := range basis {
			centers[len(centers)-1][i] = next()
		}
	}
	out := make([][]float32, n)
	for j := range out {
		out[j] = make([]float32, dim)
		for i, b := range basis {
			z := centers[j*7919%len(centers)][i] + 0.5*next()
			for k := range dim {
				out[j][k] += z * b[k]
			}
		}
	}
	return out
}

func build(t testing.TB, o index.Options, vecs [][]float32) *index.HNSW {
	t.Helper()
	ix, err := index.New(o)
	if err != nil {
		t.Fatal(err)
	}
	b := ix.Begin()
	defer b.Discard()
	for i, v := range vecs {
		if err := b.Insert(uint64(i)<<20, v); err != nil {
			t.Fatal(err)
		}
	}
	b.Commit()
	return ix
}

func TestReadWritten(t *testing.T) {
	vecs := vectors(1, 200, 7)
	vecs[50], vecs[60] = vecs[40], vecs[40]
	ix := build(t, index.Options{Dim: 7, Metric: index.L2}, vecs)
	name := filepath.Join(t.TempDir(), "graph")
	for range 2 { // the second time over the first
		if err := WriteFile(name, ix); err != nil {
			t.Fatal(err)
		}
	}
	f, err := ReadFile[uint64](name)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := f.Metric(); err != nil || m != index.L2 {
		t.Errorf("metric %v, %v", m, err)
	}
	if f.M != 32 || f.Dim() != 7 || len(f.Vectors) != len(vecs) {
		t.Fatalf("M %d, dimension %d, %d vectors", f.M, f.Dim(), len(f.Vectors))
	}
	for i, v := range f.Vectors {
		if v.Key != uint64(i)<<20 || !slices.Equal(v.Vector, vecs[i]) {
			t.Fatalf("vector %d: key %d, %v, want %v", i, v.Key, v.Vector, vecs[i])
		}
	}
	if left, _ := filepath.Glob(name + ".tmp*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	dot := build(t, index.Options{Dim: 7, Metric: index.Dot}, vecs)
	if err := WriteFile(name, dot); !errors.Is(err, ErrUnsupported) {
		t.Errorf("metric dot: %v", err)
	}
	if f, err := ReadFile[uint64](name); err != nil || len(f.Vectors) != len(vecs) {
		t.Errorf("a failed write damaged the file: %v", err)
	}
}

// graph is a small exported graph with int keys.
func graph(layers ...[]byte) []byte {
	b := binary.AppendVarint(nil, 1)
	b = binary.AppendVarint(b, 16)
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(0.25))
	b = binary.AppendVarint(b, 20)
	b = binary.AppendVarint(b, 6)
	b = append(b, "cosine"...)
	b = binary.AppendVarint(b, int64(len(layers)))
	return append(b, bytes.Join(layers, nil)...)
}

func layer(nodes ...[]byte) []byte {
	return append(binary.AppendVarint(nil, int64(len(nodes))), bytes.Join(nodes, nil)...)
}

func node(key int, vec []float32, to ...int) []byte {
	b := binary.AppendVarint(nil, int64(key))
	b = binary.AppendVarint(b, int64(len(vec)))
	for _, v := range vec {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	b = binary.AppendVarint(b, int64(len(to)))
	for _, t := range to {
		b = binary.AppendVarint(b, int64(t))
	}
	return b
}

var good = graph(
	layer(node(5, []float32{1, 2}, -3, 99), node(-3, []float32{3, 4}, 5)),
	layer(node(5, []float32{1, 2})),
)

func TestReadDamaged(t *testing.T) {
	f, err := Read[int](bytes.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Vectors) != 2 || f.Vectors[0].Key != -3 || f.Vectors[1].Vector[1] != 2 {
		t.Fatalf("read %+v", f)
	}
	for n := range good {
		if _, err := Read[int](bytes.NewReader(good[:n])); !errors.Is(err, ErrFormat) {
			t.Errorf("%d of %d bytes: %v", n, len(good), err)
		}
	}
	huge := binary.AppendVarint(nil, math.MaxInt64)
	for name, b := range map[string][]byte{
		"trailing":        append(bytes.Clone(good), 0),
		"key twice":       graph(layer(node(1, []float32{1}), node(1, []float32{2}))),
		"two dimensions":  graph(layer(node(1, []float32{1}), node(2, []float32{2, 3}))),
		"negative nodes":  graph(binary.AppendVarint(nil, -1)),
		"huge nodes":      graph(huge),
		"huge vector":     graph(append(append(layer(nil), node(1, nil)[:1]...), huge...)),
		"huge neighbors":  graph(append(append(layer(nil), node(1, []float32{1})[:6]...), huge...)),
		"varint too long": bytes.Repeat([]byte{0xff}, 20),
	} {
		if _, err := Read[int](bytes.NewReader(b)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := bytes.Clone(good)
	other[0] = 4
	if _, err := Read[int](bytes.NewReader(other)); !errors.Is(err, ErrUnsupported) {
		t.Errorf("version 2: %v", err)
	}
	if _, err := Read[string](bytes.NewReader(good)); !errors.Is(err, ErrFormat) {
		t.Errorf("keys of another type: %v", err)
	}
	failed := errors.New("device gone")
	r := io.MultiReader(bytes.NewReader(good[:30]), iotest.ErrReader(failed))
	if _, err := Read[int](r); !errors.Is(err, failed) {
		t.Errorf("broken reader: %v", err)
	}
	if _, err := ReadFile[int](filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no file: no error")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(good)
	f.Add(graph())
	f.Add(good[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, err := range []error{
			second(Read[int](bytes.NewReader(b))),
			second(Read[string](bytes.NewReader(b))),
			second(Read[uint16](bytes.NewReader(b))),
			second(Read[float64](bytes.NewReader(b))),
		} {
			if err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) {
				t.Fatal(err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }
