package loop

import "unsafe"

// A builder lists a program's actions and gives its values registers.
type builder struct {
	*Program
	emitted []bool
}

// wanted says whether an output takes value v as it is.
func (b *builder) wanted(v int) bool {
	for _, o := range b.outputs {
		if int(o.value) == v {
			return true
		}
	}
	return false
}

// emit lists what computes value i, packed loads just before their first use, and then the reductions that
// take it, while it is in the cache.
func (b *builder) emit(i int) {
	v := &b.values[i]
	if b.emitted[i] {
		return
	}
	b.emitted[i] = true
	for _, a := range v.args[:v.arity] {
		b.emit(int(a))
	}
	switch {
	case v.op == constant:
		return
	case v.op == load && v.packed:
		b.list(v, action{act: pack, d: i, packing: b.packing(v)})
	case v.op == load:
	default:
		b.list(v, b.computation(i, v))
	}
	for o := range b.outputs {
		if r := &b.outputs[o]; r.reduced && int(r.value) == i {
			b.actions = append(b.actions, action{act: reduce, args: [3]int{i}, output: o})
		}
	}
}

func (b *builder) list(v *value, a action) {
	if v.fixed {
		b.prologue = append(b.prologue, a)
		return
	}
	b.actions = append(b.actions, a)
}

func (b *builder) packing(v *value) *packing {
	st := b.strides[v.operand]
	pk := &packing{operand: v.operand, typ: v.typ, groups: b.groups(st), key: -1}
	if st[b.split] == 0 && !v.fixed {
		pk.key = b.keys
		b.keys++
	}
	return pk
}

func (b *builder) computation(i int, v *value) action {
	a := action{act: compute, d: i, single: v.scalar}
	var scalar [3]bool
	for j, x := range v.args[:v.arity] {
		a.args[j] = int(x)
		scalar[j] = b.values[x].scalar && !v.scalar
	}
	from := b.values[v.args[0]].typ
	if v.op == Where {
		from = v.typ
	}
	a.run = pick(v.op, from, v.typ, scalar)
	return a
}

// inPlace lets values be computed right where they are stored, and lists copies for the others. An output may
// share its memory with an input of the same strides, so nothing is written before the last read of an
// operand; a value that is ready earlier waits in a register.
func (b *builder) inPlace() {
	lastRead := -1
	ready := make([]int, len(b.values))
	for i := range ready {
		ready[i] = -1
	}
	for i, a := range b.actions {
		switch a.act {
		case pack:
			lastRead = i
		case compute:
			ready[a.d] = i
		}
		for _, x := range a.args[:b.reads(a)] {
			if v := &b.values[x]; v.op == load && v.place == inOperand {
				lastRead = i
			}
		}
	}
	for o := range b.outputs {
		r := &b.outputs[o]
		if r.reduced {
			continue
		}
		v := &b.values[r.value]
		if at := ready[r.value]; at >= 0 && at >= lastRead && v.place == inRegister && v.typ != Bool && r.direct {
			v.place, v.stored = inOperand, r.operand
			continue
		}
		b.emit(int(r.value))
		pk := &packing{operand: r.operand, typ: v.typ, groups: b.groups(b.strides[r.operand])}
		b.actions = append(b.actions, action{act: store, args: [3]int{int(r.value)}, output: o, packing: pk})
	}
}

// reads is how many values an action reads.
func (b *builder) reads(a action) int {
	switch a.act {
	case compute:
		return b.values[a.d].arity
	case pack:
		return 0
	}
	return 1
}

// allocate gives registers to values. What is fixed, or packed once for several tiles, keeps its register;
// others give theirs back after their last use, also to the result of the very action that reads them last.
func (b *builder) allocate() {
	for i := range b.values {
		b.values[i].last = -1
	}
	for i, a := range b.actions {
		for _, x := range a.args[:b.reads(a)] {
			b.values[x].last = i
		}
	}
	b.registers, b.cells = 0, 0
	var free []int
	take := func(v *value) {
		if n := len(free); n > 0 && !v.keeps(b.Program) {
			v.reg, free = free[n-1], free[:n-1]
			return
		}
		v.reg = b.registers
		b.registers++
	}
	place := func(v *value) {
		switch v.place {
		case inRegister:
			take(v)
		case inCell:
			v.reg = b.cells
			b.cells++
		}
	}
	for _, a := range b.prologue {
		place(&b.values[a.d])
	}
	for i, a := range b.actions {
		if a.act == pack || a.act == compute {
			// A kernel may write over an argument of the same width, but not over one of another.
			early := a.act == compute
			for _, x := range a.args[:b.reads(a)] {
				early = early && b.values[x].typ.lane() == b.values[a.d].typ.lane()
			}
			if early {
				b.release(a, i, &free)
			}
			place(&b.values[a.d])
			if !early {
				b.release(a, i, &free)
			}
			if v := &b.values[a.d]; v.last < 0 && v.place == inRegister && !v.keeps(b.Program) {
				free = append(free, v.reg)
			}
			continue
		}
		b.release(a, i, &free)
	}
	for i := range b.values {
		if v := &b.values[i]; v.live && v.place == inOperand {
			b.moving = append(b.moving, i)
		}
	}
}

func (b *builder) release(a action, at int, free *[]int) {
	args := a.args[:b.reads(a)]
	for j, x := range args {
		v := &b.values[x]
		again := false
		for _, y := range args[:j] {
			again = again || y == x
		}
		if !again && v.last == at && v.place == inRegister && !v.keeps(b.Program) {
			*free = append(*free, v.reg)
		}
	}
}

// keeps says whether the value's register is its own throughout.
func (v *value) keeps(p *Program) bool {
	return v.fixed || v.op == load && v.packed && p.strides[v.operand][p.split] == 0
}

func fill[T any](d, a, _, _ unsafe.Pointer, n int) {
	x := *(*T)(a)
	dst := list[T](d, n)
	for i := range dst {
		dst[i] = x
	}
}

// pick chooses the kernel of an operation: from package vec where there is one.
func pick(op Op, from, to Type, scalar [3]bool) kernel {
	if op == spread {
		switch to.lane() {
		case 1:
			return fill[uint8]
		case 4:
			return fill[uint32]
		}
		return fill[uint64]
	}
	if k := vectorised(op, from, to, scalar); k != nil {
		return k
	}
	return generic(op, from, to, scalar)
}
