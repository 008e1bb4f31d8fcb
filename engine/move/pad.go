package move

// Padding is how much is put before the first element of an axis (Start), after its last (End) and between
// neighbours (Interior, not negative). A negative Start or End takes elements away, interior ones included.
type Padding struct{ Start, End, Interior int }

// Pad surrounds a tensor with a fill value.
type Pad struct {
	copy             *Strided
	dstAt, srcAt     int
	fills            []margin
	dstBytes, nBytes int
	size             int
}

// margin is a box of the result that holds the fill value alone.
type margin struct {
	fill *Strided
	at   int
}

// NewPad plans padding of a tensor of shape dims; axes without a Padding get none.
func NewPad(size int, dims []int, padding ...Padding) *Pad {
	must(len(padding) <= len(dims), "%d axes padded by %d", len(dims), len(padding))
	result, first, count := make([]int, len(dims)), make([]int, len(dims)), make([]int, len(dims))
	step := make([]int, len(dims))
	p := &Pad{size: size, nBytes: size * product(dims)}
	src := rowMajor(size, dims)
	interior := false
	for i, n := range dims {
		var pad Padding
		if i < len(padding) {
			pad = padding[i]
		}
		must(pad.Interior >= 0, "interior padding %d", pad.Interior)
		result[i] = n + max(n-1, 0)*pad.Interior + pad.Start + pad.End
		must(result[i] >= 0, "axis %d of %d padded by %+v", i, n, pad)
		interior = interior || pad.Interior > 0
		step[i] = pad.Interior + 1
		// Elements skip to skip+count-1 of the operand land inside the result, the first at place first.
		skip := 0
		if pad.Start < 0 {
			skip = (-pad.Start + step[i] - 1) / step[i]
		}
		first[i] = pad.Start + skip*step[i]
		count[i] = 0
		if first[i] < result[i] {
			count[i] = min(max(n-skip, 0), (result[i]-first[i]+step[i]-1)/step[i])
		}
		p.srcAt += skip * src[i]
	}
	dst := rowMajor(size, result)
	p.dstBytes = size * product(result)
	axes := make([]Axis, len(dims))
	for i := range dims {
		axes[i] = Axis{count[i], step[i] * dst[i], src[i]}
		p.dstAt += first[i] * dst[i]
	}
	p.copy = NewStrided(size, axes...)
	if interior || p.copy.units == 0 {
		p.fills = []margin{box(size, result, dst, make([]int, len(result)), result)}
		return p
	}
	p.margins(result, dst, first, count)
	return p
}

// margins covers everything around the operand with boxes: before and after it on axis i, within it on the axes
// before i, and whole on those after.
func (p *Pad) margins(result, dst, first, count []int) {
	from, to := make([]int, len(result)), append([]int(nil), result...)
	for i := range result {
		end := first[i] + count[i]
		if first[i] > 0 {
			from[i], to[i] = 0, first[i]
			p.fills = append(p.fills, box(p.size, result, dst, from, to))
		}
		if end < result[i] {
			from[i], to[i] = end, result[i]
			p.fills = append(p.fills, box(p.size, result, dst, from, to))
		}
		from[i], to[i] = first[i], end
	}
}

func box(size int, result, dst, from, to []int) margin {
	axes := make([]Axis, len(result))
	at := 0
	for i := range result {
		axes[i] = Axis{to[i] - from[i], dst[i], 0}
		at += from[i] * dst[i]
	}
	return margin{NewStrided(size, axes...), at}
}

// Run pads src into dst with the one element in value.
func (p *Pad) Run(dst, src, value []byte) {
	sameLength("the result", dst, p.dstBytes)
	sameLength("the operand", src, p.nBytes)
	sameLength("the fill value", value, p.size)
	for _, m := range p.fills {
		m.fill.Run(dst, m.at, value, 0)
	}
	p.copy.Run(dst, p.dstAt, src, p.srcAt)
}
