package loop

import (
	"sync"
	"unsafe"

	"galen.dev/engine/vec"
	"galen.dev/internal/cpu"
)

// A scratch is what one thread needs to walk a box: tiles and pointers. Programs share them: it is hot in the
// cache, and a network has many programs.
type scratch struct {
	store []uint64 // behind tiles
	tiles unsafe.Pointer
	ptr   []unsafe.Pointer // of each value
	base  []unsafe.Pointer // of each operand
	off   []int            // of each operand, elements to the present tile
	acc   []unsafe.Pointer // of each output's sums
	sums  []int            // of each output, sums to the present tile
	keys  []int
	ahead []unsafe.Pointer // of each stream, the next tile
	ints  []int            // lo, hi, index
}

// Scratch that is not in use, by worker number so that threads do not queue for it.
var free [32]struct {
	sync.Mutex
	list []*scratch
	_    [64]byte
}

func takeScratch(worker int) *scratch {
	f := &free[worker%len(free)]
	f.Lock()
	defer f.Unlock()
	if n := len(f.list); n > 0 {
		s := f.list[n-1]
		f.list = f.list[:n-1]
		return s
	}
	return &scratch{}
}

// giveBack forgets the operands, so that they can be collected.
func (r *scratch) giveBack(worker int) {
	clear(r.ptr)
	clear(r.base)
	clear(r.acc)
	clear(r.ahead)
	f := &free[worker%len(free)]
	f.Lock()
	f.list = append(f.list, r)
	f.Unlock()
}

func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

const cell = 64 // bytes of a computed scalar: a cache line

// bind makes r ready for the program's tiles and operands.
func (p *Program) bind(r *scratch, operands [][]byte) {
	tile := p.tileLen * p.laneBytes
	tile = (tile + 63) &^ 63
	bytes := p.registers*tile + p.cells*cell + 64
	if len(r.store)*8 < bytes {
		r.store = make([]uint64, (bytes+4095)/4096*512)
		at := unsafe.Pointer(&r.store[0])
		r.tiles = unsafe.Add(at, -uintptr(at)&63)
	}
	r.ptr, r.base, r.off = sized(r.ptr, len(p.values)), sized(r.base, len(p.operands)), sized(r.off, len(p.operands))
	r.acc, r.sums, r.keys = sized(r.acc, len(p.outputs)), sized(r.sums, len(p.outputs)), sized(r.keys, p.keys)
	r.ahead = sized(r.ahead, len(p.streams))
	r.ints = sized(r.ints, 3*len(p.dims))
	for i := range p.operands {
		b := p.operands[i].table
		if i < p.public {
			b = operands[i]
		}
		r.base[i] = unsafe.Pointer(unsafe.SliceData(b))
	}
	for i := range p.values {
		v := &p.values[i]
		switch v.place {
		case inRegister:
			r.ptr[i] = unsafe.Add(r.tiles, v.reg*tile)
		case inCell:
			r.ptr[i] = unsafe.Add(r.tiles, p.registers*tile+v.reg*cell)
		case inConstant:
			r.ptr[i] = unsafe.Pointer(&p.consts[v.operand])
		}
	}
}

// Run runs the loop. operands are the memory of the inputs, then of the outputs, in the order of their
// declaration. An output may be the same memory as an input whose strides are the same (along every dimension
// longer than 1); any other overlap of an output gives undefined values. It panics where memory is too short.
func (p *Program) Run(operands [][]byte) {
	p.check(operands)
	p.current = operands
	for i := range p.outputs {
		if o := &p.outputs[i]; o.reduced && !o.inOutput() && o.memory == nil {
			o.memory = make([]byte, max(8, o.slots*o.count*o.typ.lane()))
		}
	}
	switch {
	case p.total == 0:
		p.clearAll()
	case p.grid.chunks == 1:
		p.runChunk(0, 0)
	default:
		cpu.Do(p.grid.chunks, p.body)
	}
	if p.reducing {
		p.combine(operands)
	}
	p.current = nil
}

// inOutput says whether Run keeps the sums in the output's own memory.
func (r *result) inOutput() bool { return r.direct && r.slots == 1 }

func (p *Program) runChunk(worker, chunk int) {
	r := takeScratch(worker)
	p.bind(r, p.current)
	n := len(p.dims)
	lo, hi := r.ints[:n], r.ints[n:2*n]
	p.grid.box(chunk, p.dims, lo, hi)
	for i := range p.outputs {
		o := &p.outputs[i]
		if !o.reduced {
			continue
		}
		r.acc[i] = r.base[o.operand]
		if !o.inOutput() {
			slot := p.grid.slot(chunk, o)
			r.acc[i] = unsafe.Pointer(&o.memory[slot*o.count*o.typ.lane()])
		}
		o.clear(r.acc[i], p.split, lo, hi)
	}
	p.runBox(r)
	r.giveBack(worker)
}

// runBox runs the part of the loop from lo to hi, both in r.ints.
func (p *Program) runBox(r *scratch) {
	n := len(p.dims)
	lo, hi, at := r.ints[:n], r.ints[n:2*n], r.ints[2*n:3*n]
	for d := range p.split + 1 {
		at[d] = lo[d]
		if lo[d] >= hi[d] {
			return
		}
	}
	for i := range r.keys {
		r.keys[i] = -1
	}
	first := true
	for {
		for at[p.split] = lo[p.split]; at[p.split] < hi[p.split]; at[p.split] += p.block {
			p.move(r, at)
			rows := min(p.block, hi[p.split]-at[p.split])
			if first {
				p.act(r, p.prologue, rows, 0)
				first = false
			}
			p.act(r, p.actions, rows, p.lookAhead(r, at[p.split]+p.block, hi[p.split]))
		}
		d := p.split - 1
		for ; d >= 0; d-- {
			if at[d]++; at[d] < hi[d] {
				break
			}
			at[d] = lo[d]
		}
		if d < 0 {
			return
		}
	}
}

// move points everything at the tile that begins at index at.
func (p *Program) move(r *scratch, at []int) {
	for i := range p.operands {
		off := 0
		for d, x := range p.strides[i][:p.split+1] {
			off += at[d] * x
		}
		r.off[i] = off
	}
	for i := range p.outputs {
		if o := &p.outputs[i]; o.reduced {
			off := 0
			for d, x := range o.acc[:p.split+1] {
				off += at[d] * x
			}
			r.sums[i] = off
		}
	}
	for _, i := range p.moving {
		v := &p.values[i]
		o := v.operand
		if v.stored >= 0 {
			o = v.stored
		}
		r.ptr[i] = unsafe.Add(r.base[o], r.off[o]*v.typ.Size())
	}
}

// lookAhead points r.ahead at the next tile and returns how many bytes of it to fetch before each action.
func (p *Program) lookAhead(r *scratch, next, end int) int {
	if len(p.streams) == 0 || next >= end {
		return 0
	}
	for i, o := range p.streams {
		r.ahead[i] = unsafe.Add(r.base[o], (r.off[o]+p.block*p.strides[o][p.split])*p.operands[o].typ.Size())
	}
	bytes := min(p.block, end-next) * p.inner * p.operands[p.streams[0]].typ.Size()
	return (bytes/len(p.actions) + 63) &^ 63
}

// act runs actions over a tile. Memory and arithmetic overlap only if the next tile is on its way while this one
// is worked on: each action is preceded by a request for fetch bytes of it.
func (p *Program) act(r *scratch, actions []action, rows, fetch int) {
	n := rows * p.inner
	for i := range actions {
		a := &actions[i]
		if fetch > 0 {
			vec.Prefetch(r.ahead, i*fetch, fetch)
		}
		switch a.act {
		case compute:
			m := n
			if a.single {
				m = 1
			}
			a.run(r.ptr[a.d], r.ptr[a.args[0]], r.ptr[a.args[1]], r.ptr[a.args[2]], m)
		case pack:
			pk := a.packing
			off := r.off[pk.operand]
			if pk.key >= 0 {
				if r.keys[pk.key] == off {
					continue
				}
				r.keys[pk.key] = off
			}
			pk.load(r.ptr[a.d], unsafe.Add(r.base[pk.operand], off*pk.typ.Size()), rows)
		case store:
			pk := a.packing
			pk.store(unsafe.Add(r.base[pk.operand], r.off[pk.operand]*pk.typ.Size()), r.ptr[a.args[0]], rows)
		case reduce:
			o := &p.outputs[a.output]
			o.reduceTile(unsafe.Add(r.acc[a.output], r.sums[a.output]*o.typ.lane()), r.ptr[a.args[0]], rows)
		}
	}
}
