// Package loop runs fused loops: a small program of elementwise operations over strided operands, whose
// results are stored or reduced. It is what the engine makes of a chain such as bias, activation and residual,
// of softmax and of an optimiser's update, and what it hands to products and convolutions as their epilogue.
//
// The method is the old one of vector machines and of column stores (Boncz, Zukowski, Nes: MonetDB/X100,
// CIDR 2005): the loop is cut into tiles that fit the first-level cache, and each instruction runs over a whole
// tile before the next one does. Operands that are contiguous in a tile are read where they are; others are
// packed into a tile first, once for many tiles where they repeat. Values that do not vary inside a tile are
// computed once. float32 runs on the kernels of package vec; other types run on loops in plain Go.
//
// Write a Spec, hand it to New, call Run as often as wanted:
//
//	s := &loop.Spec{Dims: []int{rows, channels}}
//	x, bias := s.Input(loop.F32, channels, 1), s.Input(loop.F32, 0, 1)
//	y := s.Do(loop.Max, s.Do(loop.Add, x, bias), s.Const(loop.F32, 0))
//	s.Store(y, channels, 1)
//	s.Reduce(loop.Sum, y, 0, 1) // column sums in the same pass
//	p, err := loop.New(s)
//	p.Run([][]byte{loop.Bytes(in), loop.Bytes(b), loop.Bytes(out), loop.Bytes(sums)})
//
// Results depend on the Spec alone, not on the number of threads: chunks are cut by size, a reduction has
// partial results per chunk, and they are combined in the order of the chunks.
//
// Read spec.go and op.go for what can be said, shape.go and compile.go for how it is planned, run.go and
// reduce.go for how it runs.
package loop

import (
	"fmt"
	"unsafe"
)

// A Program is a compiled Spec. It owns its partial results: Run must not run twice at once, nor beside
// RunRows.
type Program struct {
	shape
	operands  []operand // inputs, outputs, then tables that the program owns
	public    int       // how many of them the caller passes
	extent    []int     // bytes of each that the loop touches
	consts    []uint64
	values    []value
	prologue  []action // run once per chunk
	actions   []action // run for every tile
	outputs   []result
	laneBytes int // bytes of an element of a tile register
	tileLen   int // elements of a tile at most
	registers int
	cells     int
	keys      int
	moving    []int // values that are where an operand is: their place changes with the tile
	streams   []int // operands whose tiles are fetched ahead
	grid      grid
	reducing  bool
	rowSums   bool // a reduction runs over rows: RunRows needs Finish

	body     func(worker, chunk int)
	sweep    func(worker, piece int)
	sweeping *result
	current  [][]byte
	partials partialSet
}

// Bytes is the memory of x, as Run takes it.
func Bytes[T float32 | float64 | int32 | int64 | uint8 | bool](x []T) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(x)*int(unsafe.Sizeof(x[0])))
}

// New compiles a Spec. The Spec may be changed or dropped afterwards.
func New(s *Spec) (*Program, error) {
	if s.err != nil {
		return nil, s.err
	}
	for d, n := range s.Dims {
		if n < 0 {
			return nil, fmt.Errorf("loop: dimension %d has length %d", d, n)
		}
	}
	if s.RowDims < 0 || s.RowDims > len(s.Dims) {
		return nil, fmt.Errorf("loop: %d row dimensions of %d", s.RowDims, len(s.Dims))
	}
	if len(s.outputs) == 0 {
		return nil, fmt.Errorf("loop: no output")
	}
	p := &Program{public: len(s.operands)}
	p.compile(s)
	p.body = func(worker, chunk int) { p.runChunk(worker, chunk) }
	p.sweep = func(_, piece int) { p.sweeping.addSlots(piece) }
	return p, nil
}

// Operands is how many operands Run takes: the inputs, then the outputs, in the order of their declaration.
func (p *Program) Operands() int { return p.public }

// Rows is the number of rows that RunRows counts.
func (p *Program) Rows() int { return p.rows }

// Partial says whether the program reduces over rows, so that RunRows must be followed by Finish.
func (p *Program) Partial() bool { return p.rowSums }

// check panics where an operand is too short for what the loop touches.
func (p *Program) check(operands [][]byte) {
	if len(operands) != p.public {
		panic(fmt.Sprintf("loop: %d operands, want %d", len(operands), p.public))
	}
	for i, b := range operands {
		if len(b) < p.extent[i] {
			panic(fmt.Sprintf("loop: operand %d has %d bytes, want %d", i, len(b), p.extent[i]))
		}
	}
}
