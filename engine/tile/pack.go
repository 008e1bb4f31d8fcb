package tile

// Panels is how many panels n columns fill.
func Panels(n int) int { return (n + Width - 1) / Width }

// PackedLen is the length in floats of k × n packed into panels: Panels(n) · k · Width.
func PackedLen(k, n int) int { return Panels(n) * k * Width }

// PackB copies the k × n matrix src, row-major with leading dimension ld, into panels: element (p, j) goes to
// dst[(j/Width)·k·Width + p·Width + j%Width]. The last panel's missing columns become zero. dst must have
// PackedLen(k, n) floats and not overlap src.
func PackB(dst, src []float32, ld, k, n int) {
	if k <= 0 || n <= 0 {
		return
	}
	dst = dst[:PackedLen(k, n)]
	_ = src[(k-1)*ld+n-1]
	for j := 0; j < n; j += Width {
		panel := dst[:k*Width]
		dst = dst[k*Width:]
		wide := min(Width, n-j)
		for p := range k {
			line := (*[Width]float32)(panel[p*Width:])
			if wide == Width {
				*line = [Width]float32(src[p*ld+j:])
				continue
			}
			clear(line[copy(line[:], src[p*ld+j:][:wide]):])
		}
	}
}

// PackBT packs the transpose: src is n × k, row-major with leading dimension ld, and its element (j, p) goes
// where PackB puts (p, j).
func PackBT(dst, src []float32, ld, k, n int) {
	if k <= 0 || n <= 0 {
		return
	}
	dst = dst[:PackedLen(k, n)]
	_ = src[(n-1)*ld+k-1]
	for j := 0; j < n; j += Width {
		packT(dst[:k*Width], src[j*ld:], ld, k, min(Width, n-j))
		dst = dst[k*Width:]
	}
}

// packTPortable fills one panel from wide rows of src, each of k elements.
func packTPortable(panel, src []float32, ld, k, wide int) {
	for j := range wide {
		for p, x := range src[j*ld:][:k] {
			panel[p*Width+j] = x
		}
	}
	for p := 0; p < k && wide < Width; p++ {
		clear(panel[p*Width+wide : (p+1)*Width])
	}
}
