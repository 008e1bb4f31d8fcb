package jpeg2000

// The inverse wavelets (T.800 annex F). A resolution is put together from the lower one and three sub-bands,
// which lie beside each other: low left of high, low above high. Rows first, each in a scratch line; then
// columns, line by line, so that memory is read in its order.

// plane is the coefficients of one component of a tile, row by row.
type plane[T int32 | float32] struct {
	at     []T
	stride int
}

func (p plane[T]) row(y, w int) []T { return p.at[y*p.stride:][:w:w] }

// synthesize53 inverts the reversible wavelet of all levels in place, using spare for the columns.
func synthesize53(p, spare plane[int32], levels []resolution, line []int32) {
	for _, r := range levels[1:] {
		if r.empty() {
			continue
		}
		w, h := r.width(), r.height()
		for y := range h {
			row53(p.row(y, w), line[:w], r.x0&1)
		}
		columns53(p, spare, w, h, r.y0&1)
		for y := range h {
			copy(p.row(y, w), spare.row(y, w))
		}
	}
}

// row53 inverts one row; odd is 1 where its first sample is a high one.
func row53(row, line []int32, odd int) {
	n := len(row)
	if n == 1 {
		if odd == 1 {
			row[0] >>= 1
		}
		return
	}
	lows := (n + 1 - odd) / 2
	low, high := row[:lows], row[lows:]
	if odd == 0 {
		before := high[0]
		even := low[0] - (before+before+2)>>2
		line[0] = even
		pairs := (n - 1) / 2 // that have an even sample on both sides
		low, out := low[1:pairs+1], line[1:2*pairs+1]
		for i, l := range low {
			after := before
			if i+1 < len(high) {
				after = high[i+1]
			}
			next := l - (before+after+2)>>2
			out[2*i] = before + (even+next)>>1
			out[2*i+1] = next
			before, even = after, next
		}
		if n&1 == 0 {
			line[n-1] = before + even
		}
		copy(row, line)
		return
	}
	for i, h := range high {
		line[2*i] = h
	}
	for i, l := range low {
		line[2*i+1] = l
	}
	for i := 1; i < n; i += 2 {
		after := line[i-1]
		if i+1 < n {
			after = line[i+1]
		}
		line[i] -= (line[i-1] + after + 2) >> 2
	}
	for i := 0; i < n; i += 2 {
		a, b := line[mirror(i-1, n)], line[mirror(i+1, n)]
		line[i] += (a + b) >> 1
	}
	copy(row, line)
}

// mirror reflects an index that is one outside of 0 to n-1.
func mirror(i, n int) int {
	switch {
	case i < 0:
		return -i
	case i >= n:
		return 2*n - 2 - i
	}
	return i
}

// columns53 inverts all columns of p into spare.
func columns53(p, spare plane[int32], w, h, odd int) {
	if h == 1 {
		in, out := p.row(0, w), spare.row(0, w)
		for x, v := range in {
			out[x] = v >> odd
		}
		return
	}
	lows := (h + 1 - odd) / 2
	source := func(y int) []int32 { // where line y of the result comes from
		if y&1 == odd {
			return p.row(y/2, w)
		}
		return p.row(lows+y/2, w)
	}
	even := func(y int) {
		l, a, b, out := source(y), source(mirror(y-1, h)), source(mirror(y+1, h)), spare.row(y, w)
		for x := range out {
			out[x] = l[x] - (a[x]+b[x]+2)>>2
		}
	}
	uneven := func(y int) {
		s, a, b, out := source(y), spare.row(mirror(y-1, h), w), spare.row(mirror(y+1, h), w), spare.row(y, w)
		for x := range out {
			out[x] = s[x] + (a[x]+b[x])>>1
		}
	}
	even(odd)
	for y := odd + 2; y < h; y += 2 {
		even(y)
		uneven(y - 1)
	}
	if odd == 1 {
		uneven(0)
	}
	if (h-1)&1 != odd {
		uneven(h - 1)
	}
}

// The lifting factors of the irreversible wavelet (table F.4).
const (
	alpha  = -1.586134342059924
	beta   = -0.052980118572961
	gamma  = 0.882911075530934
	delta  = 0.443506852043971
	kappa  = 1.230174104914001
	kappa1 = 1 / kappa
)

// synthesize97 inverts the irreversible wavelet of all levels in place.
func synthesize97(p, spare plane[float32], levels []resolution, line []float32) {
	for _, r := range levels[1:] {
		if r.empty() {
			continue
		}
		w, h := r.width(), r.height()
		for y := range h {
			row97(p.row(y, w), line[:w], r.x0&1)
		}
		columns97(p, spare, w, h, r.y0&1)
		for y := range h {
			copy(p.row(y, w), spare.row(y, w))
		}
	}
}

func row97(row, line []float32, odd int) {
	n := len(row)
	if n == 1 {
		if odd == 1 {
			row[0] /= 2
		}
		return
	}
	lows := (n + 1 - odd) / 2
	for i, l := range row[:lows] {
		line[2*i+odd] = l * kappa
	}
	for i, h := range row[lows:] {
		line[2*i+1-odd] = h * kappa1
	}
	lift(line, odd, delta)
	lift(line, 1-odd, gamma)
	lift(line, odd, beta)
	lift(line, 1-odd, alpha)
	copy(row, line)
}

// lift takes the neighbours, times f, off every second sample from start.
func lift(line []float32, start int, f float32) {
	n := len(line)
	i := start
	if i == 0 {
		line[0] -= f * 2 * line[1]
		i = 2
	}
	if i >= n {
		return
	}
	left := line[i-1]
	for ; i+1 < n; i += 2 {
		right := line[i+1]
		line[i] -= f * (left + right)
		left = right
	}
	if i < n {
		line[i] -= f * 2 * left
	}
}

func columns97(p, spare plane[float32], w, h, odd int) {
	if h == 1 {
		in, out := p.row(0, w), spare.row(0, w)
		for x, v := range in {
			if odd == 1 {
				v /= 2
			}
			out[x] = v
		}
		return
	}
	lows := (h + 1 - odd) / 2
	load := func(y int) {
		from, f := y/2, float32(kappa)
		if y&1 != odd {
			from, f = lows+y/2, kappa1
		}
		in := p.row(from, w)
		out := spare.row(y, w)
		for x, v := range in {
			out[x] = v * f
		}
	}
	step := func(y int, f float32) {
		out, a, b := spare.row(y, w), spare.row(mirror(y-1, h), w), spare.row(mirror(y+1, h), w)
		for x := range out {
			out[x] -= f * (a[x] + b[x])
		}
	}
	// Each step trails the one before it by a line, so that lines are still in cache.
	factors := [4]float32{delta, gamma, beta, alpha}
	for y := range h + 5 {
		if y < h {
			load(y)
		}
		for i, f := range factors {
			if at := y - 1 - i; at >= 0 && at < h && (at&1 == odd) == (i&1 == 0) {
				step(at, f)
			}
		}
	}
}
