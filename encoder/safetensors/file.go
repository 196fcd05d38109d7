package safetensors

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// File is an open safetensors file. It is safe for concurrent use when its reader is.
type File struct {
	r        io.ReaderAt
	data     int64 // offset of the data part
	tensors  map[string]Info
	metadata map[string]string
}

// Open reads and checks the header of a file of size bytes; no numbers are read yet. r must stay
// readable as long as the File is used. The error wraps ErrFormat when the file is at fault, also
// ErrDType when it is an unknown data type, and otherwise is the one r returned.
func Open(r io.ReaderAt, size int64) (*File, error) {
	var prefix [8]byte
	if size < int64(len(prefix)) {
		return nil, fmt.Errorf("%w: %d bytes are too few for a header", ErrFormat, size)
	}
	if err := readFull(r, prefix[:], 0); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > maxHeader {
		return nil, fmt.Errorf("%w: header of %d bytes, at most %d are allowed", ErrFormat, n, maxHeader)
	}
	data := int64(len(prefix)) + int64(n)
	if data > size {
		return nil, fmt.Errorf("%w: header of %d bytes in a file of %d", ErrFormat, n, size)
	}
	header := make([]byte, n)
	if err := readFull(r, header, int64(len(prefix))); err != nil {
		return nil, err
	}
	tensors, metadata, err := parseHeader(header, size-data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return &File{r: r, data: data, tensors: tensors, metadata: metadata}, nil
}

// readFull fills b from r at off; a reader shorter than it said is a format error.
func readFull(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	switch {
	case n == len(b):
		return nil
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return fmt.Errorf("%w: file ends at byte %d", ErrFormat, off+int64(n))
	case err == nil:
		err = io.ErrNoProgress
	}
	return err
}

// Names returns the names of all tensors, sorted.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.tensors)) }

// Metadata returns a copy of the strings under "__metadata__", nil when there are none.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// Info describes the tensor of that name; false when there is none.
func (f *File) Info(name string) (Info, bool) {
	info, ok := f.tensors[name]
	info.Shape = slices.Clone(info.Shape)
	return info, ok
}

// Raw reads the bytes of a tensor as they are stored. The error wraps ErrNotFound.
func (f *File) Raw(name string) (*io.SectionReader, error) {
	info, ok := f.tensors[name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, ErrNotFound)
	}
	return io.NewSectionReader(f.r, f.data+info.Start, info.End-info.Start), nil
}

// Float32 returns a new slice with the numbers of a tensor, row-major, converted from F32, F16 or
// BF16; every value of these types is a float32 exactly. With shape, the tensor must have that
// shape. The error names the tensor and wraps ErrNotFound, ErrShape or ErrDType.
func (f *File) Float32(name string, shape ...int) ([]float32, error) {
	info, err := f.shaped(name, shape)
	if err != nil {
		return nil, err
	}
	var convert func(dst []float32, src []byte)
	width := 2
	switch info.DType {
	case "F32":
		convert, width = fromF32, 4
	case "F16":
		convert = fromF16
	case "BF16":
		convert = fromBF16
	default:
		return nil, fmt.Errorf("%s: %w %s, want F32, F16 or BF16", name, ErrDType, info.DType)
	}
	out := make([]float32, (info.End-info.Start)/int64(width))
	buf := make([]byte, min(int64(1<<16), info.End-info.Start))
	off := f.data + info.Start
	for rest := out; len(rest) > 0; {
		n := min(len(rest), len(buf)/width)
		if err := readFull(f.r, buf[:n*width], off); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		convert(rest[:n], buf)
		rest = rest[n:]
		off += int64(n * width)
	}
	return out, nil
}

// Int8 returns a new slice with the numbers of an I8 tensor, row-major. With shape, the tensor must
// have that shape. The error names the tensor and wraps ErrNotFound, ErrShape or ErrDType.
func (f *File) Int8(name string, shape ...int) ([]int8, error) {
	info, err := f.shaped(name, shape)
	if err != nil {
		return nil, err
	}
	if info.DType != "I8" {
		return nil, fmt.Errorf("%s: %w %s, want I8", name, ErrDType, info.DType)
	}
	out := make([]int8, info.End-info.Start)
	buf := make([]byte, min(1<<16, len(out)))
	off := f.data + info.Start
	for rest := out; len(rest) > 0; {
		n := min(len(rest), len(buf))
		if err := readFull(f.r, buf[:n], off); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for i, b := range buf[:n] {
			rest[i] = int8(b)
		}
		rest = rest[n:]
		off += int64(n)
	}
	return out, nil
}

// shaped returns the tensor if it has the shape, or any if shape is empty.
func (f *File) shaped(name string, shape []int) (Info, error) {
	info, ok := f.tensors[name]
	if !ok {
		return info, fmt.Errorf("%s: %w", name, ErrNotFound)
	}
	if len(shape) > 0 && !slices.Equal(shape, info.Shape) {
		return info, fmt.Errorf("%s: %w: %v, want %v", name, ErrShape, info.Shape, shape)
	}
	return info, nil
}

func fromF32(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

func fromF16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = halfToFloat(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

func fromBF16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
	}
}
