package gemm

import (
	"unsafe"

	"galen.dev/engine/tile"
	"galen.dev/internal/cpu"
)

// A PackedB is a K × N matrix in the order in which the tiles read it. Weights that several products use are
// packed once. Products only read it: any number may do so at the same time.
type PackedB struct {
	k, n   int
	panels []float32
}

// NewPackedB makes room for a k × n matrix; it holds zeros until Pack.
func NewPackedB(k, n int) *PackedB {
	return &PackedB{k: k, n: n, panels: aligned(tile.PackedLen(k, n))}
}

// Panels is the packed matrix as tile.Row reads it: panel j begins at j·K·tile.Width.
func (p *PackedB) Panels() []float32 { return p.panels }

// Pack copies b, row-major with leading dimension ld (0 for rows without gaps), into p. b is K × N, or N × K
// where transposed is set.
func (p *PackedB) Pack(b []float32, ld int, transposed bool) {
	high, wide := stored(p.k, p.n, transposed)
	ld, _ = dense(ld, 0, high, wide)
	if p.k == 0 || p.n == 0 {
		return
	}
	need(b, "B", 1, 0, high, wide, ld)
	if p.k*p.n < 1<<16 {
		p.some(b, ld, transposed, 0, tile.Panels(p.n))
		return
	}
	pieces, size := cpu.Chunks(tile.Panels(p.n), 1, 16)
	cpu.Do(pieces, func(_, i int) {
		p.some(b, ld, transposed, i*size, min((i+1)*size, tile.Panels(p.n)))
	})
}

// some packs the panels from first to end.
func (p *PackedB) some(b []float32, ld int, transposed bool, first, end int) {
	from, to := first*tile.Width, min(end*tile.Width, p.n)
	dst := p.panels[first*p.k*tile.Width:]
	if transposed {
		tile.PackBT(dst, b[from*ld:], ld, p.k, to-from)
		return
	}
	tile.PackB(dst, b[from:], ld, p.k, to-from)
}

// aligned returns n zeros that begin on a cache line, so that no load of a whole vector straddles two.
func aligned(n int) []float32 {
	const line = 64
	x := make([]float32, n+line/4)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(x)))%line) / 4
	return x[skip : skip+n : skip+n]
}

// scratch is what one computation packs into.
type scratch struct{ a, b []float32 }

// grow gives at least n scratches of the given sizes.
func grow(s []scratch, n int, sizes func() (a, b int)) []scratch {
	for len(s) < n {
		a, b := sizes()
		s = append(s, scratch{aligned(a), aligned(b)})
	}
	return s
}
