package safetensors

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"os"
	"testing"
)

// TestHalfToFloat computes every binary16 from its definition in float64.
func TestHalfToFloat(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		exp, frac := int(h>>10&0x1f), float64(h&0x3ff)
		var want float64
		switch {
		case exp == 0x1f && frac == 0:
			want = math.Inf(1)
		case exp == 0x1f:
			want = math.NaN()
		case exp == 0:
			want = math.Ldexp(frac, -24)
		default:
			want = math.Ldexp(1024+frac, exp-25)
		}
		if h>>15 == 1 {
			want = math.Copysign(want, -1)
		}
		got := float64(halfToFloat(h))
		if got != want && !(math.IsNaN(got) && math.IsNaN(want)) || !math.IsNaN(want) && math.Signbit(got) != math.Signbit(want) {
			t.Fatalf("%04x is %v, want %v", h, got, want)
		}
		if back := floatToHalf(float32(got)); back != h && !(math.IsNaN(want) && back&0x7c00 == 0x7c00 && back&0x3ff != 0) {
			t.Fatalf("%04x comes back as %04x", h, back)
		}
	}
}

// TestRounding holds both conversions against those of NumPy and PyTorch.
func TestRounding(t *testing.T) {
	data, err := os.ReadFile("testdata/types.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	from, err := f.Float32("f32")
	if err != nil {
		t.Fatal(err)
	}
	for name, round := range map[string]func(float32) uint16{"f16": floatToHalf, "bf16": floatToBFloat} {
		r, err := f.Raw(name)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		if err != nil || len(raw) != 2*len(from) {
			t.Fatalf("%d bytes for %d numbers: %v", len(raw), len(from), err)
		}
		for i, x := range from {
			if want, got := binary.LittleEndian.Uint16(raw[2*i:]), round(x); got != want && x == x {
				t.Errorf("%s of %v (%08x) is %04x, want %04x", name, x, math.Float32bits(x), got, want)
			}
		}
	}
	nan := math.Float32frombits(0x7f800001)
	if h := floatToHalf(nan); h&0x7c00 != 0x7c00 || h&0x3ff == 0 {
		t.Errorf("NaN becomes the half %04x", h)
	}
	if b := floatToBFloat(nan); b&0x7f80 != 0x7f80 || b&0x7f == 0 {
		t.Errorf("NaN becomes the bfloat %04x", b)
	}
}
