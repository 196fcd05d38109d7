package safetensors

import "math"

// halfToFloat converts an IEEE 754 binary16: 1 bit of sign, 5 of exponent (bias 15), 10 of fraction.
// Shifted to the place of a float32's, exponent and fraction stand for the number times 2^(15-127),
// also when it is subnormal.
func halfToFloat(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	bits := uint32(h&0x7fff) << 13
	if bits >= 0x1f<<23 { // infinity or NaN, payload kept
		return math.Float32frombits(sign | 0xff<<23 | bits)
	}
	return math.Float32frombits(sign | math.Float32bits(math.Float32frombits(bits)*0x1p112))
}

// floatToHalf rounds to the nearest binary16, ties to even; what is too large becomes infinity.
func floatToHalf(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b >> 16 & 0x8000)
	b &= 0x7fffffff
	switch {
	case b > 0xff<<23: // NaN: keep the top of the payload, and stay a NaN
		return sign | 0x7e00 | uint16(b>>13&0x3ff)
	case b >= 0x477ff000: // 65520, halfway between the largest half and the next step
		return sign | 0x7c00
	case b < 0x38800000: // below 2^-14: a multiple of 2^-24, rounded by the addition
		return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-math.Float32bits(0.5))
	}
	b += 0xfff + b>>13&1 // round to even at bit 13
	return sign | uint16((b-(127-15)<<23)>>13)
}

// floatToBFloat rounds to the nearest bfloat16, the top half of a float32, ties to even.
func floatToBFloat(f float32) uint16 {
	b := math.Float32bits(f)
	if b&0x7fffffff > 0xff<<23 {
		return uint16(b>>16) | 0x40 // stay a NaN
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}
