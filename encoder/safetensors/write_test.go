package safetensors_test

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/encoder/safetensors"
)

func TestRoundTrip(t *testing.T) {
	tensors := []safetensors.Tensor{
		{Name: "b", Shape: []int{2, 3}, Data: []float32{1, -2, 3.25, 4, 5, 1e-30}},
		{Name: "half", DType: "F16", Shape: []int{3}, Data: []float32{0.5, -1, 65504}},
		{Name: "a <&>\u2028\"", DType: "BF16", Shape: []int{1}, Data: []float32{1.5}},
		{Name: "scalar", Data: []float32{7}},
		{Name: "empty", Shape: []int{4, 0}},
		{Name: "", Shape: []int{1}, Data: []float32{9}},
	}
	meta := map[string]string{"format": "pt", "k": "v"}
	var buf bytes.Buffer
	if err := safetensors.Write(&buf, tensors, meta); err != nil {
		t.Fatal(err)
	}
	f := openBytes(t, buf.Bytes())
	for _, w := range tensors {
		got, err := f.Float32(w.Name, w.Shape...)
		if err != nil || !slices.Equal(got, w.Data) {
			t.Errorf("%q: %v, %v, want %v", w.Name, got, err, w.Data)
		}
		info, _ := f.Info(w.Name)
		if w.DType != "" && info.DType != w.DType {
			t.Errorf("%q is %s, want %s", w.Name, info.DType, w.DType)
		}
	}
	if len(f.Names()) != len(tensors) || !reflect.DeepEqual(f.Metadata(), meta) {
		t.Errorf("names %q, metadata %v", f.Names(), f.Metadata())
	}

	// The order of the tensors makes no difference.
	first := bytes.Clone(buf.Bytes())
	slices.Reverse(tensors)
	buf.Reset()
	if err := safetensors.Write(&buf, tensors, meta); err != nil || !bytes.Equal(buf.Bytes(), first) {
		t.Errorf("other bytes in another order: %v", err)
	}

	buf.Reset()
	if err := safetensors.Write(&buf, nil, nil); err != nil {
		t.Fatal(err)
	}
	if f := openBytes(t, buf.Bytes()); len(f.Names()) != 0 || f.Metadata() != nil {
		t.Errorf("nothing comes back as %q, %v", f.Names(), f.Metadata())
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestWriteErrors(t *testing.T) {
	one := []float32{1}
	for name, tc := range map[string]struct {
		tensors []safetensors.Tensor
		want    error
	}{
		"twice":    {[]safetensors.Tensor{{Name: "a", Data: one}, {Name: "a", Data: one}}, safetensors.ErrFormat},
		"metadata": {[]safetensors.Tensor{{Name: "__metadata__", Data: one}}, safetensors.ErrFormat},
		"int8":     {[]safetensors.Tensor{{Name: "a", DType: "F32", Shape: []int{1}, Int8: []int8{1}}}, safetensors.ErrDType},
		"both":     {[]safetensors.Tensor{{Name: "a", Shape: []int{1}, Int8: []int8{1}, Data: one}}, safetensors.ErrFormat},
		"no type":  {[]safetensors.Tensor{{Name: "a", DType: "I9", Shape: []int{1}, Raw: []byte{1}}}, safetensors.ErrDType},
		"raw":      {[]safetensors.Tensor{{Name: "a", DType: "I64", Shape: []int{1}, Raw: []byte{1}}}, safetensors.ErrShape},
		"type":     {[]safetensors.Tensor{{Name: "a", DType: "I8", Data: one}}, safetensors.ErrDType},
		"too few":  {[]safetensors.Tensor{{Name: "a", Shape: []int{2}, Data: one}}, safetensors.ErrShape},
		"negative": {[]safetensors.Tensor{{Name: "a", Shape: []int{-1, -1}, Data: one}}, safetensors.ErrShape},
		"overflow": {[]safetensors.Tensor{{Name: "a", Shape: []int{1 << 30, 1 << 30, 1 << 30}}}, safetensors.ErrShape},
	} {
		var buf bytes.Buffer
		err := safetensors.Write(&buf, tc.tensors, nil)
		if !errors.Is(err, tc.want) || buf.Len() != 0 {
			t.Errorf("%s: %v after %d bytes, want %v", name, err, buf.Len(), tc.want)
		}
	}
	if err := safetensors.Write(fullDisk{}, []safetensors.Tensor{{Name: "a", Data: one}}, nil); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("full disk: %v", err)
	}
}

// FuzzOpen makes sure that no file panics, and that what opens can be read, written and read again.
func FuzzOpen(f *testing.F) {
	f.Add(readFile(f, "testdata/types.safetensors"))
	f.Add(file(`{}`, 0))
	f.Add(file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"x":"y"}}`, 8))
	f.Add(file(`{"a":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]},"b":{"dtype":"BF16","shape":[],"data_offsets":[4,6]}}`, 6))
	f.Add(file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0))
	f.Add(file(`{"a":{"dtype":"F4","shape":[0],"data_offsets":[0,0]}}  `, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		src, err := openReader(data)
		if err != nil {
			if !errors.Is(err, safetensors.ErrFormat) {
				t.Fatalf("error without ErrFormat: %v", err)
			}
			return
		}
		var tensors []safetensors.Tensor
		for _, name := range src.Names() {
			info, _ := src.Info(name)
			x, err := src.Float32(name)
			if err != nil {
				if !errors.Is(err, safetensors.ErrDType) || strings.HasSuffix(info.DType, "F16") {
					t.Fatal(err)
				}
				continue
			}
			tensors = append(tensors, safetensors.Tensor{Name: name, DType: info.DType, Shape: info.Shape, Data: x})
		}
		var buf bytes.Buffer
		if err := safetensors.Write(&buf, tensors, src.Metadata()); err != nil {
			t.Fatal(err)
		}
		again := openBytes(t, buf.Bytes())
		for _, w := range tensors {
			x, err := again.Float32(w.Name, w.Shape...)
			if err != nil {
				t.Fatal(err)
			}
			for i := range x {
				if x[i] != w.Data[i] && x[i] == x[i] {
					t.Fatalf("%q[%d] is %v, was %v", w.Name, i, x[i], w.Data[i])
				}
			}
		}
	})
}

// TestRoundTripBytes writes int8 numbers, and bytes of types that have no numbers here.
func TestRoundTripBytes(t *testing.T) {
	q := []int8{-128, -1, 0, 1, 127, 5}
	raw := []byte{1, 2, 3, 4, 5, 6, 7, 8}
	var buf bytes.Buffer
	err := safetensors.Write(&buf, []safetensors.Tensor{
		{Name: "q", Shape: []int{2, 3}, Int8: q},
		{Name: "none", Shape: []int{0, 3}, Int8: []int8{}},
		{Name: "id", DType: "I64", Shape: []int{1}, Raw: raw},
		{Name: "x", Shape: []int{1}, Data: []float32{2}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := openBytes(t, buf.Bytes())
	if got, err := f.Int8("q", 2, 3); err != nil || !slices.Equal(got, q) {
		t.Errorf("q is %v, %v", got, err)
	}
	if got, err := f.Int8("none"); err != nil || len(got) != 0 {
		t.Errorf("none is %v, %v", got, err)
	}
	r, err := f.Raw("id")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, raw) {
		t.Errorf("id is %v, %v", got, err)
	}
	for name, want := range map[string]error{"x": safetensors.ErrDType, "id": safetensors.ErrDType, "y": safetensors.ErrNotFound} {
		if _, err := f.Int8(name); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if _, err := f.Int8("q", 3, 2); !errors.Is(err, safetensors.ErrShape) {
		t.Errorf("other shape: %v", err)
	}
}

// TestInt8NumPy reads what NumPy wrote.
func TestInt8NumPy(t *testing.T) {
	f := openBytes(t, readFile(t, "testdata/types.safetensors"))
	q, err := f.Int8("int8", 16, 16)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range q {
		if int(v) != i-128 {
			t.Fatalf("number %d is %d", i, v)
		}
	}
}
