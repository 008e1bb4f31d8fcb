package move

import (
	"slices"
	"unsafe"

	"galen.dev/internal/cpu"
)

// Axis is one loop of a Strided copy: N steps, of Dst and Src bytes. Steps may be negative, and Src may be zero.
type Axis struct{ N, Dst, Src int }

// Strided copies elements through a nest of loops:
//
//	dst[dstAt + Σ i·Dst] = src[srcAt + Σ i·Src]   for every i in the box of the axes' N.
//
// No two elements may land on the same place. It merges axes that are contiguous in both tensors, orders the loops
// by the destination, widens small contiguous groups to one element, and picks a kernel for the two inner loops.
type Strided struct {
	outer      []Axis // slowest first
	rows, cols Axis
	size       int // bytes of an element as the kernel sees it
	kernel     kernel
	// Tiles of the two inner loops: a unit of work is one tile at one place of the outer loops.
	tileRows, tileCols   int
	rowTiles, colTiles   int
	units, pieces, batch int
	reachDst, reachSrc   [2]int // lowest and one past the highest byte, relative to dstAt and srcAt

	dst, src unsafe.Pointer // of the run under way
	body     func(worker, piece int)
}

type kernel uint8

const (
	kernelLine      kernel = iota // columns contiguous in both
	kernelFill                    // one source element along the columns
	kernelTranspose               // columns contiguous in dst, rows in src
	kernelStride                  // anything else
)

const mostAxes = 32

// NewStrided plans a copy of elements of size bytes, a power of two, over axes in any order.
func NewStrided(size int, axes ...Axis) *Strided {
	must(size > 0 && size&(size-1) == 0, "elements of %d bytes", size)
	axes = slices.Clone(axes)
	for size > 8 {
		size /= 2
		axes = append(axes, Axis{2, size, size})
		must(len(axes) < mostAxes, "more than %d axes", mostAxes)
	}
	p := &Strided{size: size}
	p.body = p.piece
	for _, a := range axes {
		must(a.N >= 0, "an axis of %d steps", a.N)
		if a.N == 0 {
			return p // nothing to do: no units
		}
	}
	p.reach(axes)
	p.arrange(merge(axes))
	p.cut()
	return p
}

// reach notes which bytes the loops touch.
func (p *Strided) reach(axes []Axis) {
	p.reachDst[1], p.reachSrc[1] = p.size, p.size
	for _, a := range axes {
		d, s := (a.N-1)*a.Dst, (a.N-1)*a.Src
		p.reachDst[0] += min(d, 0)
		p.reachDst[1] += max(d, 0)
		p.reachSrc[0] += min(s, 0)
		p.reachSrc[1] += max(s, 0)
	}
}

// merge drops loops of one step, orders the rest by the destination and joins neighbours that make one long loop.
func merge(axes []Axis) []Axis {
	kept := axes[:0]
	for _, a := range axes {
		if a.N > 1 {
			kept = append(kept, a)
		}
	}
	slices.SortStableFunc(kept, func(a, b Axis) int { return max(b.Dst, -b.Dst) - max(a.Dst, -a.Dst) })
	joined := kept[:0]
	for _, a := range kept {
		if n := len(joined); n > 0 && joined[n-1].Dst == a.Dst*a.N && joined[n-1].Src == a.Src*a.N {
			joined[n-1] = Axis{joined[n-1].N * a.N, a.Dst, a.Src}
			continue
		}
		joined = append(joined, a)
	}
	return joined
}

// arrange picks the kernel and its two loops.
func (p *Strided) arrange(axes []Axis) {
	must(len(axes) < mostAxes, "more than %d axes", mostAxes)
	if n := len(axes); n > 0 {
		// A group of two, four or eight bytes moves as one element.
		if a := axes[n-1]; a.Dst == p.size && a.Src == p.size && (a.N*p.size == 2 || a.N*p.size == 4 || a.N*p.size == 8) {
			p.size *= a.N
			axes = axes[:n-1]
		}
	}
	if len(axes) == 0 {
		axes = []Axis{{1, p.size, p.size}}
	}
	last := len(axes) - 1
	p.cols, axes = axes[last], axes[:last]
	row := last - 1
	switch {
	case p.cols.Dst == p.size && p.cols.Src == p.size:
		p.kernel = kernelLine
	case p.cols.Dst == p.size && p.cols.Src == 0:
		p.kernel = kernelFill
	default:
		p.kernel = kernelStride
		if i := slices.IndexFunc(axes, func(a Axis) bool { return a.Src == p.size }); i >= 0 && p.cols.Dst == p.size {
			p.kernel, row = kernelTranspose, i
		}
	}
	p.rows = Axis{1, 0, 0}
	if row >= 0 {
		p.rows = axes[row]
		axes = slices.Delete(axes, row, row+1)
	}
	p.outer = slices.Clone(axes)
}

// cut divides the loops into units and pieces by their size alone.
func (p *Strided) cut() {
	if p.kernel == kernelTranspose {
		// A tile reads a few whole cache lines and writes a few: large strides share sets of the cache.
		p.tileRows = min(p.rows.N, 64/p.size)
		p.tileCols = min(p.cols.N, 256/p.size)
		if p.cols.N < 16 || p.rows.N < 16 { // long and thin: keep the long side whole
			p.tileRows, p.tileCols = min(p.rows.N, 4096/p.size), min(p.cols.N, 4096/p.size)
		}
	} else {
		p.tileCols = min(p.cols.N, grain/p.size)
		p.tileRows = min(p.rows.N, max(1, grain/2/(p.tileCols*p.size)))
	}
	p.rowTiles = (p.rows.N + p.tileRows - 1) / p.tileRows
	p.colTiles = (p.cols.N + p.tileCols - 1) / p.tileCols
	p.units = p.rowTiles * p.colTiles
	for _, a := range p.outer {
		p.units *= a.N
	}
	p.pieces, p.batch = cpu.Chunks(p.units, max(1, grain/(p.tileRows*p.tileCols*p.size)), mostPieces)
}

// Run copies from src, starting at byte srcAt, to dst, starting at byte dstAt.
func (p *Strided) Run(dst []byte, dstAt int, src []byte, srcAt int) {
	if p.units == 0 {
		return
	}
	if dstAt+p.reachDst[0] < 0 || dstAt+p.reachDst[1] > len(dst) {
		panic("move: a copy leaves its destination")
	}
	if srcAt+p.reachSrc[0] < 0 || srcAt+p.reachSrc[1] > len(src) {
		panic("move: a copy leaves its source")
	}
	p.dst = unsafe.Add(unsafe.Pointer(unsafe.SliceData(dst)), dstAt)
	p.src = unsafe.Add(unsafe.Pointer(unsafe.SliceData(src)), srcAt)
	if p.pieces == 1 {
		p.piece(0, 0)
	} else {
		cpu.Do(p.pieces, p.body)
	}
	p.dst, p.src = nil, nil
}

func (p *Strided) piece(_, piece int) {
	first := piece * p.batch
	p.span(p.dst, p.src, first, min(first+p.batch, p.units))
}

// window copies everything on the calling goroutine; many may do so at once. The caller answers for the bounds.
func (p *Strided) window(to, from unsafe.Pointer) {
	if p.units == 1 && p.rows.N == 1 && p.kernel == kernelLine {
		switch n := p.cols.N * p.size; n {
		case 4:
			*(*uint32)(to) = *(*uint32)(from)
		case 8:
			*(*uint64)(to) = *(*uint64)(from)
		default:
			copy(unsafe.Slice((*byte)(to), n), unsafe.Slice((*byte)(from), n))
		}
		return
	}
	p.span(to, from, 0, p.units)
}

// span runs units first to last-1, the outer loops counted like an odometer.
func (p *Strided) span(to, from unsafe.Pointer, first, last int) {
	var at [mostAxes]int
	rest := first
	col := rest % p.colTiles
	rest /= p.colTiles
	row := rest % p.rowTiles
	rest /= p.rowTiles
	dst, src := 0, 0
	for i := len(p.outer) - 1; i >= 0; i-- {
		at[i] = rest % p.outer[i].N
		rest /= p.outer[i].N
		dst += at[i] * p.outer[i].Dst
		src += at[i] * p.outer[i].Src
	}
	for unit := first; unit < last; unit++ {
		r, c := row*p.tileRows, col*p.tileCols
		p.tile(unsafe.Add(to, dst+r*p.rows.Dst+c*p.cols.Dst), unsafe.Add(from, src+r*p.rows.Src+c*p.cols.Src),
			min(p.tileRows, p.rows.N-r), min(p.tileCols, p.cols.N-c))
		if col++; col < p.colTiles {
			continue
		}
		col = 0
		if row++; row < p.rowTiles {
			continue
		}
		row = 0
		for i := len(p.outer) - 1; i >= 0; i-- {
			a := &p.outer[i]
			dst += a.Dst
			src += a.Src
			if at[i]++; at[i] < a.N {
				break
			}
			at[i] = 0
			dst -= a.N * a.Dst
			src -= a.N * a.Src
		}
	}
}

// tile copies rows × cols elements. Here and below, pointers are made from the first element each time: one that is
// moved on past the last element would point at memory of somebody else's.
func (p *Strided) tile(dst, src unsafe.Pointer, rows, cols int) {
	switch p.kernel {
	case kernelLine:
		n := cols * p.size
		for r := range rows {
			copy(unsafe.Slice((*byte)(unsafe.Add(dst, r*p.rows.Dst)), n), unsafe.Slice((*byte)(unsafe.Add(src, r*p.rows.Src)), n))
		}
		return
	case kernelTranspose:
		if p.size == 4 {
			transpose4(dst, src, rows, cols, p.rows.Dst, p.cols.Src)
			return
		}
	}
	switch p.size {
	case 1:
		tile[uint8](p, dst, src, rows, cols)
	case 2:
		tile[uint16](p, dst, src, rows, cols)
	case 4:
		tile[uint32](p, dst, src, rows, cols)
	default:
		tile[uint64](p, dst, src, rows, cols)
	}
}

func tile[T uint8 | uint16 | uint32 | uint64](p *Strided, dst, src unsafe.Pointer, rows, cols int) {
	switch p.kernel {
	case kernelFill:
		for r := range rows {
			fill(unsafe.Slice((*T)(unsafe.Add(dst, r*p.rows.Dst)), cols), *(*T)(unsafe.Add(src, r*p.rows.Src)))
		}
	case kernelTranspose:
		transpose[T](dst, src, rows, cols, p.rows.Dst, p.cols.Src)
	default:
		for r := range rows {
			d, s := unsafe.Add(dst, r*p.rows.Dst), unsafe.Add(src, r*p.rows.Src)
			for c := range cols {
				*(*T)(unsafe.Add(d, c*p.cols.Dst)) = *(*T)(unsafe.Add(s, c*p.cols.Src))
			}
		}
	}
}

// fill sets every element. Long runs double what is there already, with the runtime's block copy.
func fill[T uint8 | uint16 | uint32 | uint64](dst []T, v T) {
	if v == 0 {
		clear(dst)
		return
	}
	head := min(len(dst), 32)
	for i := range dst[:head] {
		dst[i] = v
	}
	for n := head; n < len(dst); n += min(n, 4096) {
		copy(dst[n:], dst[:min(n, 4096)])
	}
}

// transpose sets dst[r·dstRow + c] = src[r + c·srcCol], strides in bytes.
func transpose[T uint8 | uint16 | uint32 | uint64](dst, src unsafe.Pointer, rows, cols, dstRow, srcCol int) {
	size := int(unsafe.Sizeof(T(0)))
	r := 0
	for ; r+4 <= rows; r += 4 {
		from := unsafe.Add(src, r*size)
		d0 := unsafe.Slice((*T)(unsafe.Add(dst, r*dstRow)), cols)
		d1 := unsafe.Slice((*T)(unsafe.Add(dst, (r+1)*dstRow)), cols)
		d2 := unsafe.Slice((*T)(unsafe.Add(dst, (r+2)*dstRow)), cols)
		d3 := unsafe.Slice((*T)(unsafe.Add(dst, (r+3)*dstRow)), cols)
		for c := range d0 {
			four := (*[4]T)(unsafe.Add(from, c*srcCol))
			d0[c], d1[c], d2[c], d3[c] = four[0], four[1], four[2], four[3]
		}
	}
	for ; r < rows; r++ {
		from := unsafe.Add(src, r*size)
		row := unsafe.Slice((*T)(unsafe.Add(dst, r*dstRow)), cols)
		for c := range row {
			row[c] = *(*T)(unsafe.Add(from, c*srcCol))
		}
	}
}
