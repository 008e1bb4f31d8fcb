package loop

import "unsafe"

// Tiles: registers of a program together take about tileBytes, a tile has between minTile and maxTile elements.
// Two thirds of a first-level cache of 32 KB leave room for the operands that stream through.
const (
	tileBytes = 20 << 10
	minTile   = 256
	maxTile   = 2048
	// A single action from memory to memory keeps nothing in the cache: its tiles only need to be few.
	streamTile = 16 << 10

	// Loops over more bytes than this wait for memory (half a second-level cache of 1 MB); those that cost more than
	// this for an element can work meanwhile. Measured on a chain of 11 operations (Adam) and on ones of 2 to 5.
	aheadBytes = 512 << 10
	aheadCost  = 8
)

// spread is the operation that fills a tile with a scalar.
const spread = opCount

type place uint8

const (
	inRegister place = iota
	inCell           // a scalar that the program computes
	inOperand        // read or written where the operand is
	inConstant
)

// A value is an instruction of the compiled program and where its result is.
type value struct {
	instr
	arity  int
	live   bool
	scalar bool // one element for the whole tile
	fixed  bool // the same in every tile
	packed bool // a load that is copied into a register
	place  place
	reg    int
	last   int // the last action that reads it
	stored int // operand that its tile is written to in place, or -1
}

type act uint8

const (
	compute act = iota
	pack
	store
	reduce
)

// An action is a step of the program over a tile.
type action struct {
	act     act
	single  bool // over one element
	run     kernel
	d       int
	args    [3]int
	packing *packing
	output  int
}

// A packing copies between a strided operand and a tile.
type packing struct {
	operand int
	typ     Type
	groups  []group
	key     int // where the offset of what the register holds is remembered, or -1
}

// compile plans the program in two rounds at most: the first finds how many registers there are, and with
// them how large a tile may be.
func (p *Program) compile(s *Spec) {
	p.operands = append([]operand(nil), s.operands...)
	code := p.tables(s, fuse(s))
	strides := make([][]int, len(p.operands))
	for i, o := range p.operands {
		strides[i] = o.strides
	}
	p.shape = collapse(s, strides)
	p.extents()
	size := maxTile
	for {
		p.tile(size)
		p.plan(s, code)
		need := max(minTile, tileBytes/(max(p.registers, 1)*p.laneBytes)&^15)
		if size <= need {
			break
		}
		size = need
	}
	if len(p.actions) == 1 && p.registers == 0 {
		p.tile(streamTile)
		p.plan(s, code)
	}
	p.tileLen = p.block * p.inner
	p.fetchAhead()
	p.cut()
}

// fetchAhead chooses the operands whose next tile is worth asking for: dense ones, in loops whose operands do not
// fit the second-level cache, with enough arithmetic to overlap. With little of it the processor's own prefetching
// does better.
func (p *Program) fetchAhead() {
	p.streams = nil
	bytes := 0
	for _, n := range p.extent {
		bytes += n
	}
	if bytes < aheadBytes || p.cost() < aheadCost {
		return
	}
	width := 0
	for i := range p.public {
		st, size := p.strides[i], p.operands[i].typ.Size()
		if !p.dense(st) || p.shape.fixed(st) || st[p.split] != p.inner || width != 0 && size != width {
			continue
		}
		width = size
		p.streams = append(p.streams, i)
	}
}

// tables turns Iota into loads from tables that the program owns, and constants into their cells.
func (p *Program) tables(s *Spec, code []value) []value {
	for i := range code {
		v := &code[i]
		switch v.op {
		case index:
			strides := make([]int, len(s.Dims))
			strides[v.operand] = 1
			n := s.Dims[v.operand]
			table := make([]byte, n*v.typ.Size()+8)
			from := make([]int64, n+1)
			for j := range from {
				from[j] = int64(j)
			}
			to := unsafe.Pointer(&table[0])
			if v.typ == I64 {
				copy(list[int64](to, n), from)
			} else {
				generic(convert, I64, v.typ, [3]bool{})(to, unsafe.Pointer(&from[0]), nil, nil, n)
			}
			p.operands = append(p.operands, operand{typ: v.typ, strides: strides, table: table})
			v.op, v.operand = load, len(p.operands)-1
		case constant:
			v.operand = len(p.consts)
			p.consts = append(p.consts, v.bits)
		}
	}
	return code
}

func (p *Program) extents() {
	p.extent = make([]int, p.public)
	for i := range p.extent {
		if p.total == 0 {
			p.extent[i] = p.emptyExtent(i)
			continue
		}
		n := 1
		for d, x := range p.strides[i] {
			n += (p.dims[d] - 1) * x
		}
		p.extent[i] = n * p.operands[i].typ.Size()
	}
}

// emptyExtent is what an operand must have where the loop runs over nothing: a reduction still writes what a
// reduction of nothing is.
func (p *Program) emptyExtent(i int) int {
	n := 1
	for d, x := range p.strides[i] {
		if x > 0 && p.dims[d] == 0 {
			return 0
		}
		if x > 0 {
			n += (p.dims[d] - 1) * x
		}
	}
	return n * p.operands[i].typ.Size()
}

// plan decides for the current tiling where every value is and lists the actions.
func (p *Program) plan(s *Spec, code []value) {
	p.values = append(p.values[:0:0], code...)
	p.prologue, p.actions, p.moving, p.keys, p.laneBytes = nil, nil, nil, 0, 1
	outputs := p.classify(s.outputs)
	p.outputs = make([]result, len(outputs))
	for i, o := range outputs {
		p.outputs[i] = p.newResult(o)
	}
	b := builder{Program: p, emitted: make([]bool, len(p.values))}
	for i := range p.values {
		if v := &p.values[i]; v.live && (v.op != load || b.wanted(i)) {
			b.emit(i)
		}
	}
	b.inPlace()
	b.allocate()
}

// classify tells scalars and fixed values apart and adds the spreads that stored or reduced scalars need.
func (p *Program) classify(declared []output) []output {
	outputs := append([]output(nil), declared...)
	for i := range p.values {
		v := &p.values[i]
		v.stored = -1
		switch v.op {
		case load:
			st := p.strides[v.operand]
			v.fixed = p.shape.fixed(st)
			v.scalar = v.typ != Bool && p.shape.scalar(st)
			v.packed = !v.scalar && (v.typ == Bool || !p.dense(st))
			if !v.packed {
				v.place = inOperand
			}
		case constant:
			v.scalar, v.fixed, v.place = true, true, inConstant
		default:
			v.scalar, v.fixed = true, true
			for _, a := range v.args[:v.arity] {
				v.scalar = v.scalar && p.values[a].scalar
				v.fixed = v.fixed && p.values[a].fixed
			}
			if v.scalar {
				v.place = inCell
			}
		}
		if v.live {
			p.laneBytes = max(p.laneBytes, v.typ.lane())
		}
	}
	spreads := map[Value]Value{}
	for i, o := range outputs {
		v := &p.values[o.value]
		if v.op == load && !o.reduced && len(outputs) > 1 && !v.scalar {
			v.packed, v.place = true, inRegister // an output before this one may be in the same memory
		}
		if !v.scalar {
			continue
		}
		if _, ok := spreads[o.value]; !ok {
			spreads[o.value] = Value(len(p.values))
			p.values = append(p.values, value{
				instr: instr{op: spread, typ: v.typ, args: [3]Value{o.value}},
				arity: 1, live: true, fixed: v.fixed, stored: -1,
			})
		}
		outputs[i].value = spreads[o.value]
	}
	return outputs
}
