package move

import (
	"slices"
	"unsafe"

	"galen.dev/internal/cpu"
)

// Combine is how a scatter joins an update with what is there already.
type Combine uint8

// The ways to combine. A NaN on either side stays.
const (
	Sum Combine = iota
	Max
	Min
)

// ScatterShape says how index vectors place windows of updates in an operand, in the terms of StableHLO's scatter.
type ScatterShape struct {
	Operand, Indices, Updates []int
	Index                     Type  // of the indices: an integer
	VectorAxis                int   // axis of Indices along which an index vector lies; len(Indices): vectors of one
	WindowAxes                []int // axes of Updates that are the windows' axes
	Inserted                  []int // axes of the operand along which a window is one element
	StartMap                  []int // the axis of the operand that each part of an index vector is for
}

// Scatter combines windows of updates into a tensor, at places given by indices. Updates for the same element are
// combined in the order of the index vectors. A window that would reach outside is left out whole, as XLA does.
//
// Threads share the destination, never the updates, which keeps that order: where windows are rows, each thread
// takes a range of rows, with the updates sorted by range first; otherwise a range along an axis that windows cover.
type Scatter struct {
	combine   func(dst, src unsafe.Pointer, n, dstStep, srcStep int)
	floats    bool // sums of float32
	size      int
	batch     batch
	parts     []part
	loops     []Axis // of a window: Dst in the operand, Src in the updates; the last is innermost
	split     int    // loop that is cut between threads, or -1
	pieces    int
	pieceSize int // rows, or steps of the split loop, per piece
	rows      int // bytes of a row where windows are rows, else 0

	bytes, updateBytes, indexBytes int
	whole                          *Strided
	todo                           []update // sorted by piece of destination
	all                            []update
	ends                           []int
	dst, updates, indices          unsafe.Pointer
	body                           func(worker, piece int)
}

// update is where one window goes and comes from, in bytes.
type update struct{ dst, src int }

// NewScatter plans a scatter of elements of type typ, not Bool.
func NewScatter(combine Combine, typ Type, s ScatterShape) *Scatter {
	must(typ != Bool && combine <= Min, "a scatter of type %d, combined by %d", typ, combine)
	checkAxes("windows on", len(s.Updates), s.WindowAxes)
	checkAxes("inserted", len(s.Operand), s.Inserted)
	checkAxes("indices for", len(s.Operand), s.StartMap)
	size := typ.Size()
	p := &Scatter{size: size, combine: combiners[typ][combine], floats: typ == Float32 && combine == Sum, split: -1, pieces: 1}
	p.bytes, p.updateBytes = size*product(s.Operand), size*product(s.Updates)
	p.indexBytes = s.Index.Size() * product(s.Indices)
	dst, src := rowMajor(size, s.Operand), rowMajor(size, s.Updates)
	var batchStrides []int
	batchAxes := others(len(s.Updates), s.WindowAxes)
	for _, a := range batchAxes {
		batchStrides = append(batchStrides, src[a])
	}
	var parts int
	p.batch, parts = newBatch(s.Index, s.Indices, s.VectorAxis, batchStrides)
	must(parts == len(s.StartMap), "index vectors of %d for %d axes", parts, len(s.StartMap))
	at := 0
	for i, n := range s.Indices {
		if i != s.VectorAxis {
			must(s.Updates[batchAxes[at]] == n, "indices of %v for updates of %v", s.Indices, s.Updates)
			at++
		}
	}
	window := slices.Repeat([]int{1}, len(s.Operand))
	kept := others(len(s.Operand), s.Inserted)
	must(len(kept) == len(s.WindowAxes), "windows on axes %v for an operand of %v", s.WindowAxes, s.Operand)
	var axes []Axis
	for i, a := range kept {
		window[a] = s.Updates[s.WindowAxes[i]]
		must(window[a] <= s.Operand[a], "windows of %v in %v", s.Updates, s.Operand)
		axes = append(axes, Axis{window[a], dst[a], src[s.WindowAxes[i]]})
	}
	for _, a := range s.StartMap {
		p.parts = append(p.parts, part{dst[a], s.Operand[a] - window[a]})
	}
	p.whole = NewStrided(1, Axis{p.bytes, 1, 1})
	p.body = p.splitPiece
	if p.updateBytes > 0 && p.bytes > 0 {
		p.arrange(axes, s.StartMap, kept)
	}
	return p
}

// arrange orders the loops of a window and decides how threads share the destination.
func (p *Scatter) arrange(axes []Axis, startMap, kept []int) {
	work := p.updateBytes
	var free []Axis // loops that no index moves: threads may share them out
	for i, a := range axes {
		if !slices.Contains(startMap, kept[i]) {
			free = append(free, a)
		}
	}
	p.loops = merge(slices.Clone(axes))
	if len(p.loops) == 0 {
		p.loops = []Axis{{1, p.size, p.size}}
	}
	row := p.loops[0].N * p.size
	aligned := len(p.loops) == 1 && p.loops[0].Dst == p.size && p.loops[0].Src == p.size
	for _, part := range p.parts {
		aligned = aligned && part.stride%row == 0
	}
	if aligned {
		pieces, size := cpu.Chunks(p.bytes/row, 1, min(64, max(1, work/grain)))
		if pieces > 1 {
			p.rows, p.pieces, p.pieceSize = row, pieces, size
			p.body = p.rowPiece
			p.todo, p.all = make([]update, p.batch.n), make([]update, p.batch.n)
			p.ends = make([]int, pieces)
		}
		return
	}
	if len(free) == 0 {
		return
	}
	// Merging may have joined a free loop with others; take them apart again where threads are to share one.
	best := slices.MaxFunc(free, func(a, b Axis) int { return a.N - b.N })
	pieces, size := cpu.Chunks(best.N, 1, min(64, max(1, work/grain)))
	if pieces > 1 {
		p.loops = axes
		p.split, p.pieces, p.pieceSize = slices.Index(axes, best), pieces, size
	}
}

// Run sets dst to src with the updates combined in. dst may be src itself.
func (p *Scatter) Run(dst, src, indices, updates []byte) {
	sameLength("the result", dst, p.bytes)
	sameLength("the operand", src, p.bytes)
	sameLength("the indices", indices, p.indexBytes)
	sameLength("the updates", updates, p.updateBytes)
	if p.bytes == 0 {
		return
	}
	if &dst[0] != &src[0] {
		p.whole.Run(dst, 0, src, 0)
	}
	if p.updateBytes == 0 {
		return
	}
	p.dst, p.updates = unsafe.Pointer(&dst[0]), unsafe.Pointer(&updates[0])
	p.indices = unsafe.Pointer(unsafe.SliceData(indices))
	if p.rows > 0 {
		p.sort()
	}
	if p.pieces == 1 {
		p.body(0, 0)
	} else {
		cpu.Do(p.pieces, p.body)
	}
	p.dst, p.updates, p.indices = nil, nil, nil
}

// place is where the window of an index vector begins; ok is false where it reaches outside.
func (p *Scatter) place(at int) (to int, ok bool) {
	for _, part := range p.parts {
		i := index(p.batch.typ, p.indices, at)
		if i < 0 || i > part.most {
			return 0, false
		}
		to += i * part.stride
		at += p.batch.vector
	}
	return to, true
}

// sort orders the updates by the piece of the destination that they belong to, keeping their order within it.
func (p *Scatter) sort() {
	clear(p.ends)
	pieceBytes := p.pieceSize * p.rows
	kept := p.all[:0]
	c := p.batch.seek(0)
	for range p.batch.n {
		if to, ok := p.place(c.index); ok {
			kept = append(kept, update{to, c.window})
			p.ends[to/pieceBytes]++
		}
		p.batch.next(&c)
	}
	begin := 0
	for i, n := range p.ends {
		p.ends[i] = begin
		begin += n
	}
	for _, u := range kept {
		piece := u.dst / pieceBytes
		p.todo[p.ends[piece]] = u
		p.ends[piece]++
	}
}

func (p *Scatter) rowPiece(_, piece int) {
	first := 0
	if piece > 0 {
		first = p.ends[piece-1]
	}
	n := p.rows / p.size
	todo := p.todo[first:p.ends[piece]]
	if p.floats && addFloatRows(p.dst, p.updates, todo, n) {
		return
	}
	for _, u := range todo {
		p.combine(unsafe.Add(p.dst, u.dst), unsafe.Add(p.updates, u.src), n, p.size, p.size)
	}
}

// splitPiece combines every window, only the piece's part of the split loop where there is one.
func (p *Scatter) splitPiece(_, piece int) {
	var loops [mostAxes]Axis
	k := copy(loops[:], p.loops)
	shift := Axis{}
	if p.split >= 0 {
		a := &loops[p.split]
		first := piece * p.pieceSize
		shift = Axis{0, first * a.Dst, first * a.Src}
		a.N = min(p.pieceSize, a.N-first)
	}
	c := p.batch.seek(0)
	for range p.batch.n {
		if to, ok := p.place(c.index); ok {
			p.window(unsafe.Add(p.dst, to+shift.Dst), unsafe.Add(p.updates, c.window+shift.Src), loops[:k])
		}
		p.batch.next(&c)
	}
}

func (p *Scatter) window(dst, src unsafe.Pointer, loops []Axis) {
	a := loops[0]
	if len(loops) == 1 {
		p.combine(dst, src, a.N, a.Dst, a.Src)
		return
	}
	for i := range a.N {
		p.window(unsafe.Add(dst, i*a.Dst), unsafe.Add(src, i*a.Src), loops[1:])
	}
}

var combiners = [types][3]func(dst, src unsafe.Pointer, n, dstStep, srcStep int){
	Int8: combinersOf[int8](), Int16: combinersOf[int16](), Int32: combinersOf[int32](), Int64: combinersOf[int64](),
	Uint8: combinersOf[uint8](), Uint16: combinersOf[uint16](), Uint32: combinersOf[uint32](), Uint64: combinersOf[uint64](),
	Float32: combinersOf[float32](), Float64: combinersOf[float64](),
	Float16:  combinersOfHalf(fromFloat16, toFloat16),
	BFloat16: combinersOfHalf(fromBFloat16, toBFloat16),
}

func combinersOf[T number]() [3]func(dst, src unsafe.Pointer, n, dstStep, srcStep int) {
	return [3]func(dst, src unsafe.Pointer, n, dstStep, srcStep int){
		func(dst, src unsafe.Pointer, n, dstStep, srcStep int) {
			var zero T
			if size := int(unsafe.Sizeof(zero)); dstStep == size && srcStep == size {
				addRow(unsafe.Slice((*T)(dst), n), unsafe.Slice((*T)(src), n))
				return
			}
			for i := range n {
				*(*T)(unsafe.Add(dst, i*dstStep)) += *(*T)(unsafe.Add(src, i*srcStep))
			}
		},
		func(dst, src unsafe.Pointer, n, dstStep, srcStep int) {
			for i := range n {
				d := (*T)(unsafe.Add(dst, i*dstStep))
				*d = max(*d, *(*T)(unsafe.Add(src, i*srcStep)))
			}
		},
		func(dst, src unsafe.Pointer, n, dstStep, srcStep int) {
			for i := range n {
				d := (*T)(unsafe.Add(dst, i*dstStep))
				*d = min(*d, *(*T)(unsafe.Add(src, i*srcStep)))
			}
		},
	}
}

func addRow[T number](dst, src []T) {
	for len(dst) >= 8 && len(src) >= 8 {
		d, s := dst[:8], src[:8]
		d[0] += s[0]
		d[1] += s[1]
		d[2] += s[2]
		d[3] += s[3]
		d[4] += s[4]
		d[5] += s[5]
		d[6] += s[6]
		d[7] += s[7]
		dst, src = dst[8:], src[8:]
	}
	for i := range dst {
		dst[i] += src[i]
	}
}

func combinersOfHalf(widen func(uint16) float32, narrow func(float32) uint16) (f [3]func(dst, src unsafe.Pointer, n, dstStep, srcStep int)) {
	for i, op := range []func(a, b float32) float32{
		func(a, b float32) float32 { return a + b },
		func(a, b float32) float32 { return max(a, b) },
		func(a, b float32) float32 { return min(a, b) },
	} {
		f[i] = func(dst, src unsafe.Pointer, n, dstStep, srcStep int) {
			for i := range n {
				d := (*uint16)(unsafe.Add(dst, i*dstStep))
				*d = narrow(op(widen(*d), widen(*(*uint16)(unsafe.Add(src, i*srcStep)))))
			}
		}
	}
	return f
}
