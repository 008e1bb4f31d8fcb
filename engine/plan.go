package engine

import (
	"fmt"
	"slices"
	"sync"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
)

// A kernel runs one step of a plan on the memory of its operands and results, whose lengths it was made for.
type kernel func(in, out [][]byte) error

// A plan is a function ready to run: its steps in order, each with the places of its operands in memory that is
// used over and over. One goroutine at a time may run a plan; it allocates nothing after the first run.
type plan struct {
	name    string
	inputs  []shapes.Shape // the function's parameters, then its captures
	outputs []shapes.Shape
	donors  []int // for each output, the input whose memory it may take over, or -1
	steps   []*step
	copies  []copied // outputs that are not the result of a step of their own
	arena   []byte
	spans   []span // of the arena, by slot
	total   int    // bytes of the arena
	slots   []slot
	ids     []uint64 // of what the inputs hold in this run, 0 where that is not known
	running sync.Mutex
}

type slotKind uint8

const (
	inArena slotKind = iota
	inInput
	inOutput
	inConstant
)

// A slot is a piece of memory that holds values for some time.
type slot struct {
	kind  slotKind
	index int // of the input or output
	bytes int
	mem   []byte // of a constant
	first int    // the step that writes it first
	last  int    // the step that reads it last
}

type span struct{ from, to int }

// A place is where a step finds an operand.
type place struct{ slot, offset, bytes int }

type step struct {
	name    string
	op      compute.OpType
	kernel  kernel
	in, out []place
	// Before a run: the memory of the operands.
	inMem, outMem [][]byte
	// takes[i] lists the operands whose memory output i may take over because the kernel allows it; negative
	// numbers ^k stand for output k.
	takes [][]int
	cost  *StepTime // where a profile is kept
}

type copied struct {
	output int
	from   place
}

// alignment of everything in the arena: a cache line.
const alignment = 64

func aligned(n int) int { return (n + alignment - 1) &^ (alignment - 1) }

// newBytes returns n zeroed bytes that begin at a cache line.
func newBytes(n int) []byte {
	if n == 0 {
		return nil
	}
	mem := make([]byte, n+alignment)
	skip := int(-uintptr(unsafe.Pointer(&mem[0])) & (alignment - 1))
	return mem[skip : skip+n : skip+n]
}

// newPlan compiles f: params and captures are its inputs.
func newPlan(f *function) (p *plan, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("compiling %q: %v", f.name, r)
		}
	}()
	g := optimise(f)
	p = &plan{name: f.name}
	for _, n := range g.params {
		p.inputs = append(p.inputs, n.shapes[0])
	}
	for _, v := range g.outputs {
		p.outputs = append(p.outputs, v.shape())
	}
	b := &planBuilder{plan: p, fuser: fuse(g), slotOf: map[value]int{}}
	if err := b.build(); err != nil {
		return nil, err
	}
	b.lend()
	p.arrange()
	return p, nil
}

// A planBuilder turns units into steps.
type planBuilder struct {
	plan   *plan
	fuser  *fuser
	slotOf map[value]int
	// Kernels that need much memory while they run, and take turns.
	borrowers []borrower
}

// A borrower works in memory that is lent to it.
type borrower interface {
	ScratchLen() int
	Lend(scratch []float32)
}

// lend gives all borrowers the same memory: a plan runs one step at a time.
func (b *planBuilder) lend() {
	most := 0
	for _, x := range b.borrowers {
		most = max(most, x.ScratchLen())
	}
	scratch := view32(newBytes(4 * most))
	for _, x := range b.borrowers {
		x.Lend(scratch[:x.ScratchLen()])
	}
}

func (b *planBuilder) slot(s slot) int {
	s.first, s.last = -1, -1
	b.plan.slots = append(b.plan.slots, s)
	return len(b.plan.slots) - 1
}

func (b *planBuilder) build() error {
	p, f := b.plan, b.fuser.f
	for i, n := range f.params {
		b.slotOf[value{n, 0}] = b.slot(slot{kind: inInput, index: i, bytes: bytesOf(n.shapes[0])})
	}
	for _, n := range f.nodes {
		if a, ok := n.attr.(constAttr); ok && n.op == compute.OpTypeConstant {
			b.slotOf[value{n, 0}] = b.slot(slot{kind: inConstant, bytes: len(a.mem), mem: a.mem})
		}
	}
	for i, v := range f.outputs {
		if _, taken := b.slotOf[v]; !taken && b.fuser.makers[v] != nil {
			b.slotOf[v] = b.slot(slot{kind: inOutput, index: i, bytes: bytesOf(v.shape())})
		}
	}
	for _, t := range b.fuser.units {
		if err := b.add(t); err != nil {
			return err
		}
	}
	for i, v := range f.outputs {
		if s, ok := b.slotOf[v]; ok && p.slots[s].kind == inOutput && p.slots[s].index == i {
			continue
		}
		from := b.place(v)
		p.slots[from.slot].last = len(p.steps)
		p.copies = append(p.copies, copied{i, from})
	}
	return nil
}

func bytesOf(s shapes.Shape) int { return int(s.ByteSize()) }

// place is where v lies in memory, in order.
func (b *planBuilder) place(v value) place {
	if s, ok := b.slotOf[v]; ok {
		return place{s, 0, bytesOf(v.shape())}
	}
	at := b.fuser.view(v)
	if at.base == v || !at.inOrder() {
		panic(fmt.Sprintf("%s has no place in memory", v.op))
	}
	base := b.place(at.base)
	return place{base.slot, base.offset + at.offset*v.dtype().Size(), bytesOf(v.shape())}
}

// base is where the base of a view lies, from its first element on.
func (b *planBuilder) base(at view) place {
	base := b.place(at.base)
	skip := at.offset * at.base.dtype().Size()
	return place{base.slot, base.offset + skip, base.bytes - skip}
}

// result makes a slot for a value that a step computes, unless it has one.
func (b *planBuilder) result(v value) place {
	s, ok := b.slotOf[v]
	if !ok {
		s = b.slot(slot{kind: inArena, bytes: bytesOf(v.shape())})
		b.slotOf[v] = s
	}
	return place{s, 0, bytesOf(v.shape())}
}

// push adds a step, or runs it now where all it reads is known.
func (b *planBuilder) push(s *step) error {
	p := b.plan
	if !slices.ContainsFunc(s.out, func(o place) bool { return o.bytes > 0 }) {
		return nil
	}
	s.inMem, s.outMem = make([][]byte, len(s.in)), make([][]byte, len(s.out))
	constant := !slices.ContainsFunc(s.in, func(at place) bool { return p.slots[at.slot].kind != inConstant }) &&
		!slices.ContainsFunc(s.out, func(at place) bool { return p.slots[at.slot].kind != inArena })
	if constant {
		for i, at := range s.in {
			s.inMem[i] = p.slots[at.slot].mem[at.offset : at.offset+at.bytes]
		}
		for i, at := range s.out {
			mem := newBytes(at.bytes)
			p.slots[at.slot].kind, p.slots[at.slot].mem = inConstant, mem
			s.outMem[i] = mem
		}
		return s.kernel(s.inMem, s.outMem)
	}
	now := len(p.steps)
	for _, at := range s.in {
		p.slots[at.slot].last = now
	}
	for _, at := range s.out {
		if p.slots[at.slot].first < 0 {
			p.slots[at.slot].first = now
		}
		p.slots[at.slot].last = max(p.slots[at.slot].last, now)
	}
	p.steps = append(p.steps, s)
	return nil
}

// unchanged returns a function that tells, at each run of a step, whether what lies at a place is what lay there at
// the run before: weights of a network that is only applied. It is nil where that is never so.
func (b *planBuilder) unchanged(at place) func() bool {
	p, s := b.plan, b.plan.slots[at.slot]
	last := uint64(0)
	switch s.kind {
	case inConstant:
		return func() bool { last++; return last > 1 }
	case inInput:
		return func() bool {
			id := uint64(0)
			if s.index < len(p.ids) {
				id = p.ids[s.index]
			}
			same := id != 0 && id == last
			last = id
			return same
		}
	}
	return nil
}

// allUnchanged is unchanged for several places; each is asked at each run.
func (b *planBuilder) allUnchanged(places []place) func() bool {
	list := make([]func() bool, len(places))
	for i, at := range places {
		if list[i] = b.unchanged(at); list[i] == nil {
			return func() bool { return false }
		}
	}
	return func() bool {
		all := true
		for _, same := range list {
			all = same() && all
		}
		return all
	}
}

// arrange decides where in the arena each slot lies, and which inputs' memory outputs may take over.
func (p *plan) arrange() {
	p.donors = make([]int, len(p.outputs))
	for i := range p.donors {
		p.donors[i] = -1
	}
	moved := make([]int, len(p.slots)) // the slot whose memory a slot takes over, itself if none
	for i := range moved {
		moved[i] = i
	}
	taken := make([]bool, len(p.slots))
	for now, s := range p.steps {
		for i, at := range s.out {
			out := &p.slots[at.slot]
			if out.first != now || i >= len(s.takes) {
				continue
			}
			for _, k := range s.takes[i] {
				var from place
				if k >= 0 {
					from = s.in[k]
				} else {
					from = s.out[^k]
				}
				in := &p.slots[from.slot]
				if from.slot == at.slot || in.last != now || in.bytes != out.bytes || from.offset != 0 || taken[from.slot] {
					continue
				}
				if in.kind == inArena && out.kind == inArena {
					moved[at.slot] = from.slot
				} else if in.kind == inArena && out.kind == inOutput && k < 0 {
					moved[from.slot] = at.slot // made in the output from the beginning
				} else if in.kind == inInput && out.kind == inOutput && k >= 0 && p.donors[out.index] < 0 {
					p.donors[out.index] = in.index
				} else {
					continue
				}
				taken[from.slot] = true
				break
			}
		}
	}
	p.place(moved)
}

// place lays the arena's slots out: first fit by time, over what is alive at the same time.
func (p *plan) place(moved []int) {
	owner := func(i int) int {
		for moved[i] != i {
			i = moved[i]
		}
		return i
	}
	p.spans = make([]span, len(p.slots))
	starts := make([][]int, len(p.steps)+1)
	ends := make([][]int, len(p.steps)+2)
	last := make([]int, len(p.slots))
	for i, s := range p.slots {
		o := owner(i)
		last[o] = max(last[o], s.last)
	}
	for i, s := range p.slots {
		if owner(i) == i && s.kind == inArena && s.first >= 0 && s.bytes > 0 {
			starts[s.first] = append(starts[s.first], i)
			ends[last[i]+1] = append(ends[last[i]+1], i)
		}
	}
	var free []span // sorted, never touching
	for now := range starts {
		for _, i := range ends[now] {
			free = release(free, p.spans[i])
		}
		slices.SortStableFunc(starts[now], func(a, b int) int { return p.slots[b].bytes - p.slots[a].bytes })
		for _, i := range starts[now] {
			need := aligned(p.slots[i].bytes)
			best := -1
			for k, f := range free {
				if f.to-f.from >= need && (best < 0 || f.to-f.from < free[best].to-free[best].from) {
					best = k
				}
			}
			switch {
			case best >= 0:
				p.spans[i] = span{free[best].from, free[best].from + need}
				free[best].from += need
				if free[best].from == free[best].to {
					free = slices.Delete(free, best, best+1)
				}
			case len(free) > 0 && free[len(free)-1].to == p.total:
				from := free[len(free)-1].from
				free = free[:len(free)-1]
				p.total = from + need
				p.spans[i] = span{from, p.total}
			default:
				p.spans[i] = span{p.total, p.total + need}
				p.total += need
			}
		}
	}
	for i := range p.slots {
		if o := owner(i); o != i {
			if p.slots[o].kind == inArena {
				p.spans[i] = p.spans[o]
			} else {
				p.slots[i].kind, p.slots[i].index = p.slots[o].kind, p.slots[o].index
			}
		}
	}
}

// release gives s back to the free list.
func release(free []span, s span) []span {
	at, _ := slices.BinarySearchFunc(free, s.from, func(f span, from int) int { return f.from - from })
	free = slices.Insert(free, at, s)
	if at+1 < len(free) && free[at].to == free[at+1].from {
		free[at].to = free[at+1].to
		free = slices.Delete(free, at+1, at+2)
	}
	if at > 0 && free[at-1].to == free[at].from {
		free[at-1].to = free[at].to
		free = slices.Delete(free, at, at+1)
	}
	return free
}

// memory is where a place lies in this run.
func (p *plan) memory(at place, in, out [][]byte) []byte {
	s := &p.slots[at.slot]
	switch s.kind {
	case inInput:
		return in[s.index][at.offset : at.offset+at.bytes]
	case inOutput:
		return out[s.index][at.offset : at.offset+at.bytes]
	case inConstant:
		return s.mem[at.offset : at.offset+at.bytes]
	}
	from := p.spans[at.slot].from + at.offset
	return p.arena[from : from+at.bytes]
}

// run evaluates the function: in is the memory of its inputs, out that of its outputs, which may be the memory
// of an input only where donors says so. Inputs are not written to otherwise.
func (p *plan) run(in, out [][]byte) error {
	p.running.Lock()
	defer p.running.Unlock()
	if len(p.arena) < p.total {
		p.arena = newBytes(p.total)
	}
	for _, s := range p.steps {
		for i, at := range s.in {
			s.inMem[i] = p.memory(at, in, out)
		}
		for i, at := range s.out {
			s.outMem[i] = p.memory(at, in, out)
		}
		if err := s.run(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	for _, c := range p.copies {
		copy(out[c.output], p.memory(c.from, in, out))
	}
	for _, s := range p.steps { // keep nobody else's memory alive
		clear(s.inMem)
		clear(s.outMem)
	}
	return nil
}
