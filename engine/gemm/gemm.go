// Package gemm multiplies matrices: C = A·B for float32, with any operand transposed, in batches, added to C or
// not, on every thread. It cuts a product into register tiles (package engine/tile), decides by size alone
// which operands are copied into the order that the tiles read them in, and shares the tiles between threads.
//
// Why several ways: copying both operands, as in Goto and van de Geijn, "Anatomy of high-performance matrix
// multiplication" (ACM TOMS 34(3), 2008), pays for large square products only. A row-major A is read in place.
// Where A is transposed (weight gradients) few columns are read in place on both sides. Where C has few rows
// (inference, recurrences), copying B would cost as much as multiplying, so B is read in place. Where C has few
// columns, its transpose is computed. Where C is small and the inner dimension long, the inner dimension is cut
// into fixed pieces whose sums are added in order.
//
// Results are the same bits for every number of threads: pieces depend on the shape, never on who computes them.
//
// Start with Shape, New and Plan.Run; PackedB keeps weights packed over many runs. choose.go holds the choices
// and their measured limits, product.go the loops, split.go the long inner dimensions, flip.go the few
// columns, generic.go the plain reference for other number types.
package gemm

import (
	"fmt"

	"galen.dev/engine/tile"
	"galen.dev/internal/cpu"
)

// Same is the stride of an operand that all elements of a batch share.
const Same = -1

// Shape says what a Plan multiplies. All matrices are row-major; sizes are in elements.
type Shape struct {
	// M × N is the size of C; K is the inner dimension. All may be 0.
	M, N, K int
	// Batch is the number of independent products; 0 means 1.
	Batch int
	// TransA says that A is stored as K × M, TransB that B is stored as N × K.
	TransA, TransB bool
	// LDA, LDB and LDC are the distances between stored rows; 0 means rows without gaps.
	LDA, LDB, LDC int
	// StrideA, StrideB and StrideC are the distances between elements of the batch; 0 means one right behind
	// the other, Same (for A and B) that there is only one.
	StrideA, StrideB, StrideC int
	// Accumulate adds the product to C instead of overwriting C.
	Accumulate bool
	// Packed says that B is given as a PackedB, to RunPacked, and shared by the batch. TransB, LDB and StrideB
	// are then without meaning.
	Packed bool
	// Segments cuts the inner dimension into runs that lie anywhere: the product is Σ A_sᵀ·B_s over the
	// segments, whose offsets count from the start of each operand. It needs TransA without TransB and Packed;
	// K must be the sum of the segments' K, or 0. Nil means one run of K.
	Segments []tile.ColSeg
}

// An Epilogue is called with a range of rows of C, as soon as these are final and while they are in cache. Rows
// count through the batch: row i of element e is e·M+i. Every row is passed exactly once, on any thread; calls
// with different worker may run at the same time, and worker is below cpu.Threads().
type Epilogue func(worker, row0, row1 int)

// A Plan is a product of a given shape, ready to run often. It owns its scratch memory: it may be used by one
// goroutine at a time, and running it allocates nothing once it has run with the current number of threads.
type Plan struct {
	shape    Shape
	epilogue Epilogue
	one      *product // one element of the batch, unless split or flip is set
	split    *split
	flip     *flip
	apart    int // how many elements of the batch a thread takes at once, or 0 where threads share each element

	a, b, c []float32 // operands while running
	panels  []float32
	each    func(worker, item int)
	workers []scratch
}

// New plans a product of shape s. epilogue may be nil. A shape that contradicts itself is a defect of the caller:
// New panics.
func New(s Shape, epilogue Epilogue) *Plan {
	s = s.complete()
	p := &Plan{shape: s, epilogue: epilogue}
	if s.M == 0 || s.N == 0 {
		return p
	}
	if flips(s) {
		p.flip = newFlip(s)
		return p
	}
	if pieces := splits(s); pieces > 1 {
		p.split = newSplit(s, pieces)
		return p
	}
	if work := s.M * s.N * s.K; s.Batch >= 4 && work < apartBelow {
		p.apart = max(1, batchWork/max(work, 1))
	}
	p.one = newProduct(s, span{0, s.K, s.Segments}, p.apart > 0)
	p.each = p.runSome
	return p
}

// complete fills in defaults and checks s.
func (s Shape) complete() Shape {
	s.Batch = max(s.Batch, 1)
	if s.Segments != nil {
		total := 0
		for _, g := range s.Segments {
			total += g.K
		}
		if !s.TransA || s.TransB || s.Packed || s.K != 0 && s.K != total {
			panic("gemm: segments need TransA alone, and K as their sum")
		}
		s.K = total
	}
	if s.M < 0 || s.N < 0 || s.K < 0 {
		panic(fmt.Sprintf("gemm: negative size %d × %d × %d", s.M, s.N, s.K))
	}
	aHigh, aWide := stored(s.M, s.K, s.TransA)
	bHigh, bWide := stored(s.K, s.N, s.TransB)
	s.LDA, s.StrideA = dense(s.LDA, s.StrideA, aHigh, aWide)
	s.LDB, s.StrideB = dense(s.LDB, s.StrideB, bHigh, bWide)
	s.LDC, s.StrideC = dense(s.LDC, s.StrideC, s.M, s.N)
	if s.Packed {
		s.TransB, s.LDB, s.StrideB = false, s.N, 0
	}
	if s.StrideC < s.M*s.LDC-(s.LDC-s.N) && s.Batch > 1 && s.M > 0 {
		panic("gemm: elements of the batch overlap in C")
	}
	return s
}

// stored is the size as which a high × wide matrix lies in memory.
func stored(high, wide int, transposed bool) (int, int) {
	if transposed {
		return wide, high
	}
	return high, wide
}

func dense(ld, stride, high, wide int) (int, int) {
	if ld == 0 {
		ld = wide
	}
	if ld < wide {
		panic("gemm: rows overlap")
	}
	switch stride {
	case 0:
		stride = high * ld
	case Same:
		stride = 0
	}
	return ld, stride
}

// need panics where x has fewer elements than a stored high × wide matrix in a batch.
func need(x []float32, what string, batch, stride, high, wide, ld int) {
	if high == 0 || wide == 0 {
		return
	}
	if n := (batch-1)*stride + (high-1)*ld + wide; len(x) < n {
		panic(fmt.Sprintf("gemm: length mismatch: %s has %d elements, needs %d", what, len(x), n))
	}
}

// Run computes C = A·B, or C += A·B with Accumulate. C must not overlap A or B.
func (p *Plan) Run(a, b, c []float32) {
	if p.shape.Packed {
		panic("gemm: this plan takes a packed B")
	}
	s := p.shape
	if s.Segments == nil {
		high, wide := stored(s.K, s.N, s.TransB)
		need(b, "B", s.Batch, s.StrideB, high, wide, s.LDB)
	}
	p.run(a, b, nil, c)
}

// RunPacked is Run with a B that was packed before.
func (p *Plan) RunPacked(a []float32, b *PackedB, c []float32) {
	if !p.shape.Packed || b.k != p.shape.K || b.n != p.shape.N {
		panic("gemm: the packed B has another shape than the plan")
	}
	p.run(a, nil, b.panels, c)
}

func (p *Plan) run(a, b, panels, c []float32) {
	s := p.shape
	if s.M == 0 || s.N == 0 {
		return
	}
	need(c, "C", s.Batch, s.StrideC, s.M, s.N, s.LDC)
	if s.Segments == nil {
		high, wide := stored(s.M, s.K, s.TransA)
		need(a, "A", s.Batch, s.StrideA, high, wide, s.LDA)
	}
	for _, g := range s.Segments {
		if g.K > 0 {
			need(a[g.A:], "A", s.Batch, s.StrideA, g.K, s.M, s.LDA)
			need(b[g.B:], "B", s.Batch, s.StrideB, g.K, s.N, s.LDB)
		}
	}
	p.a, p.b, p.panels, p.c = a, b, panels, c
	defer func() { p.a, p.b, p.panels, p.c = nil, nil, nil, nil }()
	switch {
	case p.flip != nil:
		p.flip.run(a, b, c, p.epilogue)
	case p.apart > 0:
		p.workers = grow(p.workers, min(cpu.Threads(), s.Batch), p.one.scratchSizes)
		cpu.Do((s.Batch+p.apart-1)/p.apart, p.each)
	case p.split != nil:
		for e := range s.Batch {
			p.split.run(p.operands(e), p.rows(e))
		}
	default:
		p.workers = grow(p.workers, 1, p.one.scratchSizes)
		for e := range s.Batch {
			p.one.parallel(p.operands(e), &p.workers[0], p.rows(e))
		}
	}
}

// runSome computes some elements of the batch on one thread.
func (p *Plan) runSome(worker, item int) {
	for e := item * p.apart; e < min((item+1)*p.apart, p.shape.Batch); e++ {
		p.one.serial(p.operands(e), &p.workers[worker])
		p.rows(e).call(worker, 0, p.shape.M)
	}
}

// operands are the matrices of element e.
func (p *Plan) operands(e int) operands {
	s := p.shape
	o := operands{a: p.a, b: p.b, panels: p.panels, c: p.c[e*s.StrideC:]}
	if s.K > 0 {
		o.a = p.a[e*s.StrideA:]
		if !s.Packed {
			o.b = p.b[e*s.StrideB:]
		}
	}
	return o
}

// rows is the epilogue for element e.
func (p *Plan) rows(e int) finish { return finish{p.epilogue, e * p.shape.M} }

// A finish passes rows of one element of a batch to the plan's epilogue.
type finish struct {
	epilogue Epilogue
	row      int
}

func (f finish) call(worker, row0, row1 int) {
	if f.epilogue != nil && row1 > row0 {
		f.epilogue(worker, f.row+row0, f.row+row1)
	}
}
