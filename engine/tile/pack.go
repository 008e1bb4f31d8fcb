package tile

// Lead is the leading dimension of a tile of A that PackA or PackAT made: a row of the inner dimension fills a
// cache line.
const Lead = 16

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
	const near = 64 // rows that stay in cache while a kernel passes over them for each register's width
	for j := 0; j < n; j += Width {
		for p := 0; p < k; p += near {
			copyRows(dst[p*Width:k*Width], Width, src[p*ld+j:], ld, min(near, k-p), min(Width, n-j))
		}
		dst = dst[k*Width:]
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
		packT(dst[:k*Width], Width, src[j*ld:], ld, k, min(Width, n-j))
		dst = dst[k*Width:]
	}
}

// PackA copies a tile of A for Col: src is k × rows, row-major with leading dimension ld, and its element (p, i)
// goes to dst[p·Lead+i]. The columns from rows to Lead become zero. rows is at most MaxRows. dst must have
// k · Lead floats and not overlap src.
func PackA(dst, src []float32, ld, k, rows int) {
	if k <= 0 || rows <= 0 {
		return
	}
	_ = src[(k-1)*ld+rows-1]
	copyRows(dst[:k*Lead], Lead, src, ld, k, rows)
}

// PackAT packs the transpose: src is rows × k, row-major with leading dimension ld, and its element (i, p) goes
// where PackA puts (p, i).
func PackAT(dst, src []float32, ld, k, rows int) {
	if k <= 0 || rows <= 0 {
		return
	}
	_ = src[(rows-1)*ld+k-1]
	packT(dst[:k*Lead], Lead, src, ld, k, rows)
}

// copyPortable copies k rows of wide elements and fills them up to step with zeros.
func copyPortable(dst []float32, step int, src []float32, ld, k, wide int) {
	for p := range k {
		line := dst[p*step:][:step]
		clear(line[copy(line, src[p*ld:][:wide]):])
	}
}

// packTPortable copies wide rows of k elements into columns and fills the columns up to step with zeros.
func packTPortable(dst []float32, step int, src []float32, ld, k, wide int) {
	for j := range wide {
		for p, x := range src[j*ld:][:k] {
			dst[p*step+j] = x
		}
	}
	for p := 0; p < k && wide < step; p++ {
		clear(dst[p*step+wide : (p+1)*step])
	}
}
