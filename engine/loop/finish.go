package loop

import (
	"cmp"
	"slices"
	"sync"
	"unsafe"

	"galen.dev/internal/cpu"
)

// sweepLen is how many sums one item of a parallel combination has.
const sweepLen = 4096

// clearAll is what a loop over nothing does to its reductions.
func (p *Program) clearAll() {
	for i := range p.outputs {
		o := &p.outputs[i]
		if !o.reduced || o.count == 0 {
			continue
		}
		acc := unsafe.Pointer(unsafe.SliceData(p.current[o.operand]))
		if !o.inOutput() {
			acc = unsafe.Pointer(&o.memory[0])
		}
		o.clearRun(acc, o.count)
	}
}

// combine adds up the partial results of Run and writes them to the outputs.
func (p *Program) combine(operands [][]byte) {
	for i := range p.outputs {
		o := &p.outputs[i]
		if !o.reduced || o.inOutput() || o.count == 0 {
			continue
		}
		pieces := (o.count + sweepLen - 1) / sweepLen
		p.sweeping = o
		if o.slots > 1 && pieces > 1 && o.count*o.slots > 4*grain {
			cpu.Do(pieces, p.sweep)
		} else {
			for piece := range pieces {
				o.addSlots(piece)
			}
		}
		p.sweeping = nil
		o.write(operands, unsafe.Pointer(&o.memory[0]))
	}
}

// addSlots adds a piece of the sums of all slots to that of the first, in their order.
func (r *result) addSlots(piece int) {
	lane := r.typ.lane()
	from := piece * sweepLen
	n := min(sweepLen, r.count-from)
	for s := 1; s < r.slots; s++ {
		r.fold.each(unsafe.Pointer(&r.memory[from*lane]), unsafe.Pointer(&r.memory[(s*r.count+from)*lane]), n)
	}
}

// write copies finished sums to the output.
func (r *result) write(operands [][]byte, acc unsafe.Pointer) {
	r.out.store(unsafe.Pointer(unsafe.SliceData(operands[r.operand])), acc, 1)
}

// A rowPartial has the sums of one call of RunRows.
type rowPartial struct {
	row    int
	memory [][]byte // of each output that needs it
}

type partialSet struct {
	sync.Mutex
	list []*rowPartial // the first used ones are taken, the others are kept for later
	used int
}

func (p *Program) takePartial(row int) *rowPartial {
	s := &p.partials
	s.Lock()
	defer s.Unlock()
	if s.used == len(s.list) {
		part := &rowPartial{memory: make([][]byte, len(p.outputs))}
		for i := range p.outputs {
			if o := &p.outputs[i]; o.perCall() {
				part.memory[i] = make([]byte, max(8, o.count*o.typ.lane()))
			}
		}
		s.list = append(s.list, part)
	}
	part := s.list[s.used]
	s.used++
	part.row = row
	return part
}

// perCall says whether RunRows keeps the sums apart for each call.
func (r *result) perCall() bool { return r.reduced && (r.byRow || !r.direct) }

// RunRows runs the loop for rows row0 to row1-1 alone, on the calling goroutine, so that a product can apply
// it to rows that it has just computed. Rows count through the first Spec.RowDims dimensions. worker is the
// caller's number in cpu.Do; calls for different rows may run at the same time on different workers, with the
// same operands.
//
// Outputs that are stored, or reduced within rows, are final afterwards. Where Partial tells that the program
// reduces over rows, each call keeps its own sums until Finish adds them in the order of their rows: the result
// depends on how the rows are cut into calls, not on who makes them when.
func (p *Program) RunRows(worker, row0, row1 int, operands [][]byte) {
	p.check(operands)
	if row0 < 0 || row1 > p.rows || row0 > row1 {
		panic("loop: rows out of range")
	}
	if p.total == 0 || row0 == row1 {
		return
	}
	r := takeScratch(worker)
	p.bind(r, operands)
	var part *rowPartial
	if p.rowSums {
		part = p.takePartial(row0)
	}
	for i := range p.outputs {
		o := &p.outputs[i]
		switch {
		case o.perCall():
			r.acc[i] = unsafe.Pointer(&part.memory[i][0])
			o.clearRun(r.acc[i], o.count)
		case o.reduced:
			r.acc[i] = r.base[o.operand]
		}
	}
	n := len(p.dims)
	lo, hi := r.ints[:n], r.ints[n:2*n]
	for d, x := range p.dims {
		lo[d], hi[d] = 0, x
	}
	p.runRange(r, 0, row0*p.factor, row1*p.factor)
	r.giveBack(worker)
}

// runRange runs the elements from a to b of the leading dimensions from d on, counted through, as boxes.
func (p *Program) runRange(r *scratch, d, a, b int) {
	n := len(p.dims)
	lo, hi := r.ints[:n], r.ints[n:2*n]
	if a >= b {
		return
	}
	if p.lead == 0 {
		p.runPart(r)
		return
	}
	if d == p.lead-1 {
		lo[d], hi[d] = a, b
		p.runPart(r)
		lo[d], hi[d] = 0, p.dims[d]
		return
	}
	inside := 1
	for _, x := range p.dims[d+1 : p.lead] {
		inside *= x
	}
	for a < b {
		i := a / inside
		if a%inside == 0 && b-a >= inside {
			whole := (b - a) / inside
			lo[d], hi[d] = i, i+whole
			p.runRange(r, d+1, 0, inside)
			a += whole * inside
			continue
		}
		end := min(b, (i+1)*inside)
		lo[d], hi[d] = i, i+1
		p.runRange(r, d+1, a-i*inside, end-i*inside)
		a = end
	}
	lo[d], hi[d] = 0, p.dims[d]
}

// runPart runs a box of RunRows.
func (p *Program) runPart(r *scratch) {
	n := len(p.dims)
	lo, hi := r.ints[:n], r.ints[n:2*n]
	for i := range p.outputs {
		if o := &p.outputs[i]; o.reduced && !o.perCall() {
			o.clear(r.acc[i], p.split, lo, hi)
		}
	}
	p.runBox(r)
}

// Finish adds up what calls of RunRows have kept and writes it to the outputs. It does nothing for a program
// that is not Partial.
func (p *Program) Finish(operands [][]byte) {
	if !p.rowSums {
		return
	}
	p.check(operands)
	s := &p.partials
	parts := s.list[:s.used]
	slices.SortFunc(parts, func(a, b *rowPartial) int { return cmp.Compare(a.row, b.row) })
	for i := range p.outputs {
		o := &p.outputs[i]
		if !o.perCall() || o.count == 0 {
			continue
		}
		if len(parts) == 0 {
			part := p.takePartial(0)
			parts = append(parts, part)
			for j := range p.outputs {
				if q := &p.outputs[j]; q.perCall() {
					q.clearRun(unsafe.Pointer(&part.memory[j][0]), q.count)
				}
			}
		}
		acc := unsafe.Pointer(&parts[0].memory[i][0])
		for _, part := range parts[1:] {
			o.fold.each(acc, unsafe.Pointer(&part.memory[i][0]), o.count)
		}
		o.write(operands, acc)
	}
	s.used = 0
}
