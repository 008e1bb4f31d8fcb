package vec

func ones(b bool) uint32 {
	if b {
		return ^uint32(0)
	}
	return 0
}

func equalGo(dst []uint32, a, b []float32) {
	for i := range dst {
		dst[i] = ones(a[i] == b[i])
	}
}

func notEqualGo(dst []uint32, a, b []float32) {
	for i := range dst {
		dst[i] = ones(a[i] != b[i])
	}
}

func lessGo(dst []uint32, a, b []float32) {
	for i := range dst {
		dst[i] = ones(a[i] < b[i])
	}
}

func lessEqualGo(dst []uint32, a, b []float32) {
	for i := range dst {
		dst[i] = ones(a[i] <= b[i])
	}
}

func equalScalarGo(dst []uint32, a []float32, s float32) {
	for i := range dst {
		dst[i] = ones(a[i] == s)
	}
}

func notEqualScalarGo(dst []uint32, a []float32, s float32) {
	for i := range dst {
		dst[i] = ones(a[i] != s)
	}
}

func lessScalarGo(dst []uint32, a []float32, s float32) {
	for i := range dst {
		dst[i] = ones(a[i] < s)
	}
}

func lessEqualScalarGo(dst []uint32, a []float32, s float32) {
	for i := range dst {
		dst[i] = ones(a[i] <= s)
	}
}

func greaterScalarGo(dst []uint32, a []float32, s float32) {
	for i := range dst {
		dst[i] = ones(a[i] > s)
	}
}

func greaterEqualScalarGo(dst []uint32, a []float32, s float32) {
	for i := range dst {
		dst[i] = ones(a[i] >= s)
	}
}

func equalIntGo(dst []uint32, a, b []int32) {
	for i := range dst {
		dst[i] = ones(a[i] == b[i])
	}
}

func lessIntGo(dst []uint32, a, b []int32) {
	for i := range dst {
		dst[i] = ones(a[i] < b[i])
	}
}

func selectVVGo(dst, a, b []float32, mask []uint32) {
	for i, m := range mask {
		x := b[i]
		if m != 0 {
			x = a[i]
		}
		dst[i] = x
	}
}

func selectVSGo(dst, a []float32, mask []uint32, s float32) {
	for i, m := range mask {
		x := s
		if m != 0 {
			x = a[i]
		}
		dst[i] = x
	}
}

func selectSVGo(dst, b []float32, mask []uint32, s float32) {
	for i, m := range mask {
		x := b[i]
		if m != 0 {
			x = s
		}
		dst[i] = x
	}
}

func selectSSGo(dst []float32, mask []uint32, s, t float32) {
	for i, m := range mask {
		x := t
		if m != 0 {
			x = s
		}
		dst[i] = x
	}
}

func andGo(dst, a, b []uint32) {
	for i := range dst {
		dst[i] = a[i] & b[i]
	}
}

func orGo(dst, a, b []uint32) {
	for i := range dst {
		dst[i] = a[i] | b[i]
	}
}

func xorGo(dst, a, b []uint32) {
	for i := range dst {
		dst[i] = a[i] ^ b[i]
	}
}

func notGo(dst, a []uint32) {
	for i := range dst {
		dst[i] = ^a[i]
	}
}

func fromIntsGo(dst []float32, a []int32) {
	for i := range dst {
		dst[i] = float32(a[i])
	}
}

func toIntsGo(dst []int32, a []float32) {
	for i, x := range a {
		if x >= -1<<31 && x < 1<<31 {
			dst[i] = int32(x)
		} else {
			dst[i] = -1 << 31
		}
	}
}

func bytesToMaskGo(mask []uint32, b []byte) {
	for i, x := range b {
		mask[i] = ones(x != 0)
	}
}

func maskToBytesGo(b []byte, mask []uint32) {
	for i, m := range mask {
		b[i] = byte(m & 1)
	}
}

func fromBytesGo(dst []float32, b []byte) {
	for i, x := range b {
		dst[i] = float32(x)
	}
}
