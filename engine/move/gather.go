package move

import (
	"unsafe"

	"galen.dev/internal/cpu"
)

// GatherShape says how index vectors pick windows of an operand, in the terms of StableHLO's gather.
type GatherShape struct {
	Operand, Indices []int
	Index            Type  // of the indices: an integer
	VectorAxis       int   // axis of Indices along which an index vector lies; len(Indices): vectors of one
	OffsetAxes       []int // axes of the result that hold the windows' axes
	Collapsed        []int // axes of the operand whose window is one element and leaves no axis
	StartMap         []int // the axis of the operand that each part of an index vector is for
	Sizes            []int // of the window, along each axis of the operand
}

// Result is the shape of what is gathered.
func (g GatherShape) Result() []int {
	batch := make([]int, 0, len(g.Indices))
	for i, n := range g.Indices {
		if i != g.VectorAxis {
			batch = append(batch, n)
		}
	}
	result := make([]int, len(batch)+len(g.OffsetAxes))
	checkAxes("windows on", len(result), g.OffsetAxes)
	kept := others(len(g.Operand), g.Collapsed)
	must(len(kept) == len(g.OffsetAxes) && len(g.Sizes) == len(g.Operand), "windows %v of %v on axes %v", g.Sizes, g.Operand, g.OffsetAxes)
	for i, a := range g.OffsetAxes {
		result[a] = g.Sizes[kept[i]]
	}
	for i, a := range others(len(result), g.OffsetAxes) {
		result[a] = batch[i]
	}
	return result
}

// Gather copies windows of a tensor, at places given by indices. A window that would reach outside is moved inside
// first, whatever its index: negative ones start at zero.
type Gather struct {
	batch                   batch
	parts                   []part
	window                  *Strided
	pieces, batchSize       int
	dstBytes, nBytes, index int
	dst, src, indices       unsafe.Pointer
	body                    func(worker, piece int)
}

// part is one component of an index vector: the stride it multiplies, and its highest value.
type part struct{ stride, most int }

// NewGather plans a gather of elements of size bytes.
func NewGather(size int, g GatherShape) *Gather {
	checkAxes("collapsed", len(g.Operand), g.Collapsed)
	checkAxes("indices for", len(g.Operand), g.StartMap)
	result := g.Result()
	dst, src := rowMajor(size, result), rowMajor(size, g.Operand)
	var batchStrides []int
	for _, a := range others(len(result), g.OffsetAxes) {
		batchStrides = append(batchStrides, dst[a])
	}
	p := &Gather{dstBytes: size * product(result), nBytes: size * product(g.Operand)}
	p.index = g.Index.Size() * product(g.Indices)
	var parts int
	p.batch, parts = newBatch(g.Index, g.Indices, g.VectorAxis, batchStrides)
	must(parts == len(g.StartMap), "index vectors of %d for %d axes", parts, len(g.StartMap))
	for i, n := range g.Operand {
		must(g.Sizes[i] >= 0 && g.Sizes[i] <= n, "windows of %v in %v", g.Sizes, g.Operand)
	}
	for _, a := range g.Collapsed {
		must(g.Sizes[a] == 1, "axis %d of a window of %v collapsed", a, g.Sizes)
	}
	for _, a := range g.StartMap {
		p.parts = append(p.parts, part{src[a], g.Operand[a] - g.Sizes[a]})
	}
	var axes []Axis
	for i, a := range others(len(g.Operand), g.Collapsed) {
		axes = append(axes, Axis{g.Sizes[a], dst[g.OffsetAxes[i]], src[a]})
	}
	p.window = NewStrided(size, axes...)
	if p.window.units > 0 {
		bytes := size * product(g.Sizes)
		p.pieces, p.batchSize = cpu.Chunks(p.batch.n, max(1, grain/max(bytes, 16)), mostPieces)
	}
	p.body = p.piece
	return p
}

// Run gathers from src into dst.
func (p *Gather) Run(dst, src, indices []byte) {
	sameLength("the result", dst, p.dstBytes)
	sameLength("the operand", src, p.nBytes)
	sameLength("the indices", indices, p.index)
	if p.pieces == 0 {
		return
	}
	if p.batch.n <= 4 && p.window.pieces > 1 { // few windows, each worth sharing
		c := p.batch.seek(0)
		for range p.batch.n {
			p.window.Run(dst, c.window, src, p.start(unsafe.Pointer(unsafe.SliceData(indices)), c.index))
			p.batch.next(&c)
		}
		return
	}
	p.dst, p.src = unsafe.Pointer(unsafe.SliceData(dst)), unsafe.Pointer(unsafe.SliceData(src))
	p.indices = unsafe.Pointer(unsafe.SliceData(indices))
	if p.pieces == 1 {
		p.piece(0, 0)
	} else {
		cpu.Do(p.pieces, p.body)
	}
	p.dst, p.src, p.indices = nil, nil, nil
}

func (p *Gather) start(indices unsafe.Pointer, at int) int {
	from := 0
	for _, part := range p.parts {
		from += max(0, min(index(p.batch.typ, indices, at), part.most)) * part.stride
		at += p.batch.vector
	}
	return from
}

func (p *Gather) piece(_, piece int) {
	first := piece * p.batchSize
	c := p.batch.seek(first)
	for range min(p.batchSize, p.batch.n-first) {
		p.window.window(unsafe.Add(p.dst, c.window), unsafe.Add(p.src, p.start(p.indices, c.index)))
		p.batch.next(&c)
	}
}
