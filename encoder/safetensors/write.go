package safetensors

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
)

// Tensor is an array to be written. Its numbers are in one of Data, Int8 and Raw.
type Tensor struct {
	Name  string
	DType string    // "F32", "F16" or "BF16" of Data, "I8" of Int8, any type of Raw; "" means F32, or I8 with Int8. Halves are rounded to nearest, ties to even
	Shape []int     // outermost dimension first; empty for a single number
	Data  []float32 // row-major, as many numbers as Shape says
	Int8  []int8    // the same for I8
	Raw   []byte    // the bytes as the format stores them, for instance from [File.Raw]
}

// Write writes a safetensors file that holds the tensors, widest data type first and then by name,
// so that every number is aligned. The same tensors in any order give the same bytes. metadata may
// be nil. The error wraps ErrFormat, ErrShape or ErrDType when the tensors are at fault; nothing
// has been written then.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	ts := slices.Clone(tensors)
	for i, t := range ts {
		if t.Int8 != nil {
			ts[i].DType = cmp.Or(t.DType, "I8")
		}
		ts[i].DType = cmp.Or(ts[i].DType, "F32")
		if err := ts[i].check(); err != nil {
			return err
		}
	}
	slices.SortFunc(ts, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(dtypeBits[b.DType], dtypeBits[a.DType]), cmp.Compare(a.Name, b.Name))
	})
	header, err := encodeHeader(ts, metadata)
	if err != nil {
		return err
	}
	bw := bufio.NewWriterSize(w, 1<<16)
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(len(header)))
	bw.Write(b[:]) // bufio keeps the first error for Flush
	bw.Write(header)
	for _, t := range ts {
		bw.Write(t.Raw)
		for _, x := range t.Int8 {
			bw.WriteByte(byte(x))
		}
		for _, x := range t.Data {
			switch t.DType {
			case "F32":
				binary.LittleEndian.PutUint32(b[:], math.Float32bits(x))
				bw.Write(b[:4])
			case "F16":
				binary.LittleEndian.PutUint16(b[:], floatToHalf(x))
				bw.Write(b[:2])
			case "BF16":
				binary.LittleEndian.PutUint16(b[:], floatToBFloat(x))
				bw.Write(b[:2])
			}
		}
	}
	return bw.Flush()
}

// check verifies that the tensor can be written.
func (t Tensor) check() error {
	if t.Name == "__metadata__" {
		return fmt.Errorf("%w: a tensor cannot be named %s", ErrFormat, t.Name)
	}
	given := 0
	for _, is := range []bool{t.Data != nil, t.Int8 != nil, t.Raw != nil} {
		if is {
			given++
		}
	}
	if given > 1 {
		return fmt.Errorf("%s: %w: numbers in more than one of Data, Int8 and Raw", t.Name, ErrFormat)
	}
	n, ok := elements(t.Shape)
	switch {
	case !ok:
	case t.Raw != nil:
		width, known := dtypeBits[t.DType]
		if !known {
			return fmt.Errorf("%s: %w %q", t.Name, ErrDType, t.DType)
		}
		hi, size := bits.Mul64(n, width)
		if ok = hi == 0 && size%8 == 0 && size/8 == uint64(len(t.Raw)); !ok {
			return fmt.Errorf("%s: %w: %v of %s in %d bytes", t.Name, ErrShape, t.Shape, t.DType, len(t.Raw))
		}
	case t.Int8 != nil:
		if t.DType != "I8" {
			return fmt.Errorf("%s: %w %s of int8 numbers, want I8", t.Name, ErrDType, t.DType)
		}
		ok = n == uint64(len(t.Int8))
	default:
		if t.DType != "F32" && t.DType != "F16" && t.DType != "BF16" {
			return fmt.Errorf("%s: %w %s, can write F32, F16 or BF16", t.Name, ErrDType, t.DType)
		}
		ok = n == uint64(len(t.Data))
	}
	if !ok {
		return fmt.Errorf("%s: %w: %v of %d numbers", t.Name, ErrShape, t.Shape, len(t.Data)+len(t.Int8))
	}
	return nil
}

// bytes is the size of the numbers in the file.
func (t Tensor) bytes() int64 {
	if t.Raw != nil {
		return int64(len(t.Raw))
	}
	return int64(len(t.Data)+len(t.Int8)) * int64(dtypeBits[t.DType]/8)
}

// encodeHeader lays the tensors out in the order given; the JSON is padded with spaces so that the
// data starts at a multiple of 8.
func encodeHeader(ts []Tensor, metadata map[string]string) ([]byte, error) {
	type entry struct {
		DType   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	var out bytes.Buffer
	put := func(key string, v any) error {
		k, err := json.Marshal(key)
		if err != nil {
			return err
		}
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		sep := ","
		if out.Len() == 0 {
			sep = "{"
		}
		fmt.Fprintf(&out, "%s%s:%s", sep, k, b)
		return nil
	}
	if len(metadata) > 0 {
		if err := put("__metadata__", metadata); err != nil {
			return nil, err
		}
	}
	var at int64
	seen := make(map[string]bool, len(ts))
	for _, t := range ts {
		if seen[t.Name] {
			return nil, fmt.Errorf("%w: tensor %q appears twice", ErrFormat, t.Name)
		}
		seen[t.Name] = true
		end := at + t.bytes()
		e := entry{t.DType, t.Shape, [2]int64{at, end}}
		if e.Shape == nil {
			e.Shape = []int{}
		}
		if err := put(t.Name, e); err != nil {
			return nil, err
		}
		at = end
	}
	if out.Len() == 0 {
		out.WriteByte('{')
	}
	out.WriteByte('}')
	for out.Len()%8 != 0 {
		out.WriteByte(' ')
	}
	if out.Len() > maxHeader {
		return nil, fmt.Errorf("%w: header of %d bytes, at most %d are allowed", ErrFormat, out.Len(), maxHeader)
	}
	return out.Bytes(), nil
}
