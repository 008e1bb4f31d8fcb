package gemm

import "galen.dev/internal/cpu"

// A split is a product whose inner dimension is cut into pieces that threads compute apart, each into a C of its
// own; these are added in the order of the pieces.
type split struct {
	m, n, ldc int
	add       bool
	pieces    []*product
	partial   []float32 // pieces × m × n
	workers   []scratch
	operands  operands
	each      func(worker, item int)
}

func newSplit(s Shape, pieces int) *split {
	p := &split{m: s.M, n: s.N, ldc: s.LDC, add: s.Accumulate}
	part := s
	part.LDC, part.Accumulate = s.N, false
	for _, k := range even(0, s.K, (s.K+pieces-1)/pieces) {
		p.pieces = append(p.pieces, newProduct(part, span{k[0], k[1], s.Segments}, true))
	}
	p.partial = aligned(len(p.pieces) * s.M * s.N)
	p.each = func(worker, item int) {
		o := p.operands
		o.c = p.partial[item*p.m*p.n:]
		p.pieces[item].serial(o, &p.workers[worker])
	}
	return p
}

// sizes are the scratch sizes that every piece fits into.
func (p *split) sizes() (a, b int) {
	for _, piece := range p.pieces {
		x, y := piece.scratchSizes()
		a, b = max(a, x), max(b, y)
	}
	return a, b
}

func (p *split) run(o operands, f finish) {
	p.workers = grow(p.workers, min(cpu.Threads(), len(p.pieces)), p.sizes)
	p.operands = o
	cpu.Do(len(p.pieces), p.each)
	p.operands = operands{}
	for i := range p.m {
		out := o.c[i*p.ldc:][:p.n]
		for piece := range p.pieces {
			from := p.partial[(piece*p.m+i)*p.n:][:p.n]
			if piece == 0 && !p.add {
				copy(out, from)
				continue
			}
			for j, x := range from {
				out[j] += x
			}
		}
	}
	f.call(0, 0, p.m)
}
