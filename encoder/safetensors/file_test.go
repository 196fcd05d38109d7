package safetensors_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/encoder/safetensors"
)

// TestNumPy reads a file that NumPy's numbers were written into.
func TestNumPy(t *testing.T) {
	f := openBytes(t, readFile(t, "testdata/types.safetensors"))
	var want map[string]struct {
		Shape []int
		Bits  []uint32
	}
	if err := json.Unmarshal(readFile(t, "testdata/types.json"), &want); err != nil {
		t.Fatal(err)
	}
	if len(want) < 7 {
		t.Fatalf("%d tensors in the fixture", len(want))
	}
	for name, w := range want {
		got, err := f.Float32(name, w.Shape...)
		if err != nil {
			t.Error(err)
			continue
		}
		if len(got) != len(w.Bits) {
			t.Errorf("%s: %d numbers, want %d", name, len(got), len(w.Bits))
			continue
		}
		for i, x := range got {
			y := math.Float32frombits(w.Bits[i])
			if math.Float32bits(x) != w.Bits[i] && !(x != x && y != y) {
				t.Errorf("%s[%d] = %v (%08x), want %v (%08x)", name, i, x, math.Float32bits(x), y, w.Bits[i])
			}
		}
	}
	if _, err := f.Float32("position_ids"); !errors.Is(err, safetensors.ErrDType) || !strings.Contains(err.Error(), "position_ids") {
		t.Errorf("int64 as float32: %v", err)
	}
	info, ok := f.Info("position_ids")
	if !ok || info.DType != "I64" || !slices.Equal(info.Shape, []int{1, 4}) {
		t.Errorf("position_ids is %+v", info)
	}
	if m := f.Metadata(); !reflect.DeepEqual(m, map[string]string{"format": "np", "note": "fixture"}) {
		t.Errorf("metadata %v", m)
	}
	if names := f.Names(); len(names) != len(want)+2 || !slices.IsSorted(names) {
		t.Errorf("names %q", names)
	}
}

func TestFloat32Errors(t *testing.T) {
	f := openBytes(t, readFile(t, "testdata/types.safetensors"))
	for _, tc := range []struct {
		name  string
		shape []int
		want  error
		text  string
	}{
		{"nothing", nil, safetensors.ErrNotFound, "nothing"},
		{"matrix", []int{3, 2}, safetensors.ErrShape, "matrix: wrong tensor shape: [2 3], want [3 2]"},
		{"matrix", []int{6}, safetensors.ErrShape, "[2 3], want [6]"},
		{"scalar", []int{1}, safetensors.ErrShape, "[], want [1]"},
	} {
		_, err := f.Float32(tc.name, tc.shape...)
		if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s %v: %v, want %v with %q", tc.name, tc.shape, err, tc.want, tc.text)
		}
	}
	if _, err := f.Raw("nothing"); !errors.Is(err, safetensors.ErrNotFound) {
		t.Errorf("Raw: %v", err)
	}
	r, err := f.Raw("matrix")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); err != nil || len(b) != 12 || !bytes.Equal(b[:4], []byte{0, 0, 0, 0x34}) {
		t.Errorf("Raw bytes % x, %v", b, err)
	}
}

// file builds a file of a header as it is and n bytes of data.
func file(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, n)...)
}

func TestOpenErrors(t *testing.T) {
	good := `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F16","shape":[1,2],"data_offsets":[8,12]}}`
	if _, err := openReader(file(good, 12)); err != nil {
		t.Fatal(err)
	}
	long := file(good, 12)
	binary.LittleEndian.PutUint64(long, 100_000_001)
	for name, tc := range map[string]struct {
		data []byte
		text string
	}{
		"no bytes":            {nil, "too few"},
		"seven bytes":         {make([]byte, 7), "too few"},
		"no header":           {make([]byte, 8), "does not start"},
		"header past the end": {file(good, 0)[:40], "in a file of 40"},
		"header too long":     {long, "at most 100000000"},
		"header over 2^63":    {bytes.Repeat([]byte{0xff}, 16), "at most"},
		"truncated":           {file(good, 11), "outside the 11 bytes"},
		"one byte more":       {file(good, 13), "13 bytes of data"},
		"no JSON":             {file(`{"a"`, 0), "EOF"},
		"an array":            {file(`["a"]`, 0), "does not start"},
		"a space first":       {file(` `+good, 12), "does not start"},
		"two objects":         {file(good+good, 12), "follow"},
		"not an object":       {file(`{"a":7}`, 0), "7 where an object is expected"},
		"null":                {file(`{"a":null}`, 0), `tensor "a"`},
		"twice":               {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), `"a" appears twice`},
		"key twice":           {file(`{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}`, 1), `"dtype" appears twice`},
		"metadata twice":      {file(`{"__metadata__":{},"__metadata__":{}}`, 0), "twice"},
		"metadata of numbers": {file(`{"__metadata__":{"a":1}}`, 0), "__metadata__"},
		"unknown type":        {file(`{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}`, 4), "F31"},
		"no type":             {file(`{"a":{"shape":[1],"data_offsets":[0,4]}}`, 4), "unsupported data type"},
		"no shape":            {file(`{"a":{"dtype":"F32","data_offsets":[0,4]}}`, 4), "shape is missing"},
		"shape null":          {file(`{"a":{"dtype":"F32","shape":null,"data_offsets":[0,4]}}`, 4), "shape is missing"},
		"shape negative":      {file(`{"a":{"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]}}`, 4), "negative"},
		"shape fraction":      {file(`{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}`, 4), "shape"},
		"shape overflows":     {file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0), "shape"},
		"size overflows":      {file(`{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}`, 0), "shape"},
		"shape huge":          {file(`{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,0]}}`, 0), "shape"},
		"wrong size":          {file(`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, 8), "8 bytes, but shape [3] of F32 takes 12"},
		"half a byte":         {file(`{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}`, 1), "whole bytes"},
		"no offsets":          {file(`{"a":{"dtype":"F32","shape":[1]}}`, 4), "data_offsets"},
		"one offset":          {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}`, 4), "data_offsets"},
		"three offsets":       {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}`, 4), "data_offsets"},
		"offsets backward":    {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, 4), "data_offsets"},
		"offsets negative":    {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}`, 4), "data_offsets"},
		"offsets outside":     {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 4), "outside"},
		"overlap":             {file(`{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[3],"data_offsets":[2,5]}}`, 5), `"b" starts at byte 2`},
		"same bytes":          {file(`{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}`, 3), "inside"},
		"hole":                {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, 3), "bytes 1 to 2"},
		"hole at the start":   {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), "bytes 0 to 1"},
		"data of nothing":     {file(`{}`, 1), "1 bytes of data"},
		"deep":                {file(`{"a":`+strings.Repeat("[", 20000), 0), ""},
	} {
		_, err := openReader(tc.data)
		if !errors.Is(err, safetensors.ErrFormat) || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: %v, want ErrFormat with %q", name, err, tc.text)
		}
	}
	// These are unusual but right.
	for name, data := range map[string][]byte{
		"nothing":       file(`{}`, 0),
		"spaces after":  file(good+"   ", 12),
		"empty tensors": file(`{"a":{"dtype":"F32","shape":[0,9],"data_offsets":[0,0]},"b":{"dtype":"F32","shape":[1,0],"data_offsets":[0,0]}}`, 0),
		"unknown key":   file(`{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"x":{}}}`, 1),
		"four bits":     file(`{"a":{"dtype":"F4","shape":[2,3],"data_offsets":[0,3]}}`, 3),
	} {
		if _, err := openReader(data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// failing fails for its own reasons.
type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

func TestReaderErrors(t *testing.T) {
	data := readFile(t, "testdata/types.safetensors")
	if _, err := safetensors.Open(bytes.NewReader(data[:20]), int64(len(data))); !errors.Is(err, safetensors.ErrFormat) {
		t.Errorf("shorter than its size: %v", err)
	}
	f, err := safetensors.Open(bytes.NewReader(data[:len(data)-40-256]), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Float32("scalar"); !errors.Is(err, safetensors.ErrFormat) || !strings.Contains(err.Error(), "scalar") {
		t.Errorf("numbers beyond the end: %v", err)
	}
	if _, err := f.Int8("int8"); !errors.Is(err, safetensors.ErrFormat) || !strings.Contains(err.Error(), "int8") {
		t.Errorf("int8 beyond the end: %v", err)
	}
	if _, err := safetensors.Open(failing{os.ErrPermission}, 100); !errors.Is(err, os.ErrPermission) || errors.Is(err, safetensors.ErrFormat) {
		t.Errorf("failing reader: %v", err)
	}
	if _, err := safetensors.Open(failing{}, 100); err == nil {
		t.Error("a reader that returns nothing is no error")
	}
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func openReader(data []byte) (*safetensors.File, error) {
	return safetensors.Open(bytes.NewReader(data), int64(len(data)))
}

func openBytes(t testing.TB, data []byte) *safetensors.File {
	t.Helper()
	f, err := openReader(data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
