package move

import "math"

// toBFloat16 rounds to the nearest bfloat16, ties to even. A NaN stays a NaN.
func toBFloat16(x float32) uint16 {
	b := math.Float32bits(x)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

func fromBFloat16(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// toFloat16 rounds to the nearest IEEE binary16, ties to even, subnormal numbers included.
func toFloat16(x float32) uint16 {
	b := math.Float32bits(x)
	sign := uint16(b >> 16 & 0x8000)
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000: // NaN
		return sign | 0x7e00 | uint16(b>>13&0x1ff)
	case b >= 0x477ff000: // rounds beyond the largest finite value, 65504
		return sign | 0x7c00
	case b < 0x38800000: // below the smallest normal value, 2^-14
		// Adding half aligns the last bit of the sum with 2^-24, and rounds.
		sum := math.Float32frombits(b) + 0.5
		return sign | uint16(math.Float32bits(sum)-0x3f000000)
	}
	return sign | uint16((b-(112<<23)+0xfff+b>>13&1)>>13)
}

func fromFloat16(h uint16) float32 {
	sign, rest := uint32(h&0x8000)<<16, uint32(h&0x7fff)
	switch {
	case rest > 0x7c00: // NaN, made quiet as the processor's own conversion does
		return math.Float32frombits(sign | 0x7fc00000 | (rest&0x3ff)<<13)
	case rest == 0x7c00:
		return math.Float32frombits(sign | 0x7f800000)
	case rest >= 0x400:
		return math.Float32frombits(sign | (rest<<13 + 112<<23))
	}
	const smallest = 1.0 / (1 << 24)
	return math.Float32frombits(sign | math.Float32bits(float32(rest)*smallest))
}
