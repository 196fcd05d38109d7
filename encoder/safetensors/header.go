package safetensors

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
)

// maxHeader bounds the header, as the reference implementation does.
const maxHeader = 100_000_000

// dtypeBits is the size of one number of each data type the format knows.
var dtypeBits = map[string]uint64{
	"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
	"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
	"I16": 16, "U16": 16, "F16": 16, "BF16": 16,
	"I32": 32, "U32": 32, "F32": 32,
	"I64": 64, "U64": 64, "F64": 64, "C64": 64,
}

// Info says what a tensor is and where its bytes lie.
type Info struct {
	DType      string // "F32", "F16", "BF16", ...
	Shape      []int  // outermost dimension first; empty for a single number
	Start, End int64  // bytes [Start, End) of the data part of the file
}

// parseHeader reads the JSON header of a file whose data part has dataSize bytes.
func parseHeader(header []byte, dataSize int64) (map[string]Info, map[string]string, error) {
	if len(header) == 0 || header[0] != '{' {
		return nil, nil, errors.New("header does not start with {")
	}
	tensors := make(map[string]Info)
	var metadata map[string]string
	dec := json.NewDecoder(bytes.NewReader(header))
	err := object(dec, func(name string) error {
		if name == "__metadata__" {
			if err := dec.Decode(&metadata); err != nil {
				return fmt.Errorf("__metadata__: %w", err)
			}
			return nil
		}
		info, err := parseInfo(dec, dataSize)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		tensors[name] = info
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if rest := bytes.TrimRight(header[dec.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return nil, nil, fmt.Errorf("header: %d bytes follow the JSON object", len(rest))
	}
	return tensors, metadata, checkCover(tensors, dataSize)
}

// object walks a JSON object; f decodes the value of each key. A key that appears twice is an error,
// which encoding/json alone does not notice.
func object(dec *json.Decoder, f func(key string) error) error {
	t, err := dec.Token()
	if err != nil {
		return noEOF(err)
	}
	if t != json.Delim('{') {
		return fmt.Errorf("%v where an object is expected", t)
	}
	seen := make(map[string]bool)
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return noEOF(err)
		}
		key, ok := t.(string)
		if !ok {
			return fmt.Errorf("%v where a key is expected", t)
		}
		if seen[key] {
			return fmt.Errorf("%q appears twice", key)
		}
		seen[key] = true
		if err := f(key); err != nil {
			return noEOF(err)
		}
	}
	_, err = dec.Token() // }
	return noEOF(err)
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// parseInfo reads one {"dtype", "shape", "data_offsets"} and checks it on its own.
func parseInfo(dec *json.Decoder, dataSize int64) (Info, error) {
	var info Info
	var offsets []int64
	err := object(dec, func(key string) error {
		var v any
		switch key {
		case "dtype":
			v = &info.DType
		case "shape":
			v = &info.Shape
		case "data_offsets":
			v = &offsets
		default:
			v = new(json.RawMessage)
		}
		if err := dec.Decode(v); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		return nil
	})
	if err != nil {
		return info, err
	}
	width, ok := dtypeBits[info.DType]
	if !ok {
		return info, fmt.Errorf("%w %q", ErrDType, info.DType)
	}
	if info.Shape == nil {
		return info, errors.New("shape is missing")
	}
	if len(offsets) != 2 {
		return info, fmt.Errorf("data_offsets has %d entries, want 2", len(offsets))
	}
	info.Start, info.End = offsets[0], offsets[1]
	if info.Start < 0 || info.Start > info.End || info.End > dataSize {
		return info, fmt.Errorf("data_offsets [%d, %d) outside the %d bytes of data", info.Start, info.End, dataSize)
	}
	n, ok := elements(info.Shape)
	if !ok {
		return info, fmt.Errorf("shape %v is negative or overflows", info.Shape)
	}
	hi, size := bits.Mul64(n, width)
	if hi != 0 || size%8 != 0 {
		return info, fmt.Errorf("shape %v of %s has no size in whole bytes", info.Shape, info.DType)
	}
	if got := uint64(info.End - info.Start); got != size/8 {
		return info, fmt.Errorf("%d bytes, but shape %v of %s takes %d", got, info.Shape, info.DType, size/8)
	}
	return info, nil
}

// elements is the product of the dimensions; false when one is negative or the product overflows.
func elements(shape []int) (n uint64, ok bool) {
	n = 1
	for _, d := range shape {
		hi, lo := bits.Mul64(n, uint64(d))
		if d < 0 || hi != 0 {
			return 0, false
		}
		n = lo
	}
	return n, true
}

// checkCover verifies that the tensors lie one after the other and fill the data part.
func checkCover(tensors map[string]Info, dataSize int64) error {
	names := make([]string, 0, len(tensors))
	for name := range tensors {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		x, y := tensors[a], tensors[b]
		return cmp.Or(cmp.Compare(x.Start, y.Start), cmp.Compare(x.End, y.End), cmp.Compare(a, b))
	})
	var at int64
	for _, name := range names {
		switch start := tensors[name].Start; {
		case start < at:
			return fmt.Errorf("tensor %q starts at byte %d, inside the tensor before it, which ends at %d", name, start, at)
		case start > at:
			return fmt.Errorf("bytes %d to %d before tensor %q belong to none", at, start, name)
		}
		at = tensors[name].End
	}
	if at != dataSize {
		return fmt.Errorf("tensors take %d bytes, but the file has %d bytes of data", at, dataSize)
	}
	return nil
}
