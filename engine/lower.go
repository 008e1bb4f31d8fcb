package engine

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"galen.dev/engine/conv"
	"galen.dev/engine/gemm"
	"galen.dev/engine/loop"
	"galen.dev/engine/move"
)

// add makes the steps of a unit.
func (b *planBuilder) add(t *unit) error {
	switch {
	case t.copy.node != nil:
		return b.addCopy(t.copy)
	case t.hard != nil:
		return b.addHard(t)
	}
	spec := b.loopOf(t)
	s := &step{name: spec.name(), op: t.roots[len(t.roots)-1].op}
	program, err := loop.New(spec.Spec)
	if err != nil {
		return err
	}
	s.in, s.out, s.takes = spec.in, spec.out, spec.takes
	operands := make([][]byte, 0, len(s.in)+len(s.out))
	s.kernel = func(in, out [][]byte) error {
		operands = append(append(operands[:0], in...), out...)
		program.Run(operands)
		clear(operands)
		return nil
	}
	return b.push(s)
}

// addCopy writes a view out in order.
func (b *planBuilder) addCopy(v value) error {
	at := b.fuser.view(v)
	from := b.base(at)
	bytes := v.dtype().Size()
	axes := make([]move.Axis, len(at.dims))
	to := rowMajor(at.dims)
	for i, n := range at.dims {
		axes[i] = move.Axis{N: n, Dst: to[i] * bytes, Src: at.strides[i] * bytes}
	}
	p := move.NewStrided(bytes, axes...)
	return b.push(&step{
		name: "copy", op: v.op, in: []place{from}, out: []place{b.result(v)},
		kernel: func(in, out [][]byte) error {
			p.Run(out[0], 0, in[0], 0)
			return nil
		},
	})
}

// A loopSpec is a loop under construction: what package loop is told, and where the operands lie.
type loopSpec struct {
	*loop.Spec
	b      *planBuilder
	t      *unit
	values map[*node]loop.Value
	inputs map[loopInput]loop.Value
	in     []place
	orders []string // the strides of each input, for comparing
	out    []place
	takes  [][]int
	z      value // the result of the product that the loop follows, if any
	zInput int
}

type loopInput struct {
	base    value
	offset  int
	strides string
}

func (s *loopSpec) name() string { return "loop of " + s.t.roots[len(s.t.roots)-1].op.String() }

// loopOf makes the loop of a unit.
func (b *planBuilder) loopOf(t *unit) *loopSpec {
	s := &loopSpec{Spec: &loop.Spec{Dims: t.dims}, b: b, t: t, values: map[*node]loop.Value{}, inputs: map[loopInput]loop.Value{}, zInput: -1}
	if t.hard != nil {
		s.z = value{t.hard, 0}
	}
	results := make([]loop.Value, len(t.roots))
	for i, n := range t.roots {
		if isReduction(n) {
			results[i] = s.operand(n.in[0], space(n))
		} else {
			results[i] = s.operation(n)
		}
	}
	for i, n := range t.roots {
		v := value{n, 0}
		if isReduction(n) {
			dims := space(n)
			kept := slices.Clone(dims)
			for _, axis := range n.attr.(axesAttr).axes {
				kept[axis] = 1
			}
			strides, ok := restride(dims, rowMajor(kept), t.dims)
			if !ok {
				panic("a reduction does not fit its loop")
			}
			s.Reduce(reductions[n.op], results[i], strides...)
			s.out = append(s.out, b.result(v))
			s.takes = append(s.takes, nil)
			continue
		}
		if !b.fuser.keeps(t, n) {
			continue
		}
		strides := rowMajor(t.dims)
		s.Store(results[i], strides...)
		s.out = append(s.out, b.result(v))
		s.takes = append(s.takes, s.replaceable(strides, v))
	}
	return s
}

// replaceable lists the operands whose memory an output may take over: those of its size and order.
func (s *loopSpec) replaceable(strides []int, v value) []int {
	var list []int
	for k, order := range s.orders {
		if order != key(strides) || s.in[k].bytes != bytesOf(v.shape()) {
			continue
		}
		again := false // the memory is also read in another order
		for j, at := range s.in {
			again = again || j != k && at.slot == s.in[k].slot
		}
		if !again {
			list = append(list, k)
		}
	}
	return list
}

// operation evaluates n in the loop.
func (s *loopSpec) operation(n *node) loop.Value {
	if v, ok := s.values[n]; ok {
		return v
	}
	args := make([]loop.Value, len(n.in))
	for i, v := range n.in {
		args[i] = s.operand(v, space(n))
	}
	var result loop.Value
	switch n.op {
	case compute.OpTypeConvertDType:
		result = s.Convert(args[0], loopType(n.shapes[0].DType))
	case compute.OpTypeFusedGelu:
		op := loop.GeluTanh
		if n.attr.(geluAttr).exact {
			op = loop.Gelu
		}
		result = s.Do(op, args[0])
	default:
		result = s.Do(loopOps[n.op], args...)
	}
	s.values[n] = result
	return result
}

// operand is v as a loop over dims reads it.
func (s *loopSpec) operand(v value, dims []int) loop.Value {
	if isNumber(v) {
		for v.op != compute.OpTypeConstant {
			v = v.in[0]
		}
		return s.number(v)
	}
	f := s.b.fuser
	if p, ok := f.inline(v, dims); ok {
		if !f.stored[p] || slices.Contains(s.t.roots, p) {
			return s.operation(p)
		}
		return s.input(view{base: value{p, 0}, dims: dims, strides: rowMajor(dims)})
	}
	at := f.view(v)
	if len(at.dims) != len(dims) { // a scalar among arrays
		at.dims, at.strides = dims, make([]int, len(dims))
	}
	at.strides = slices.Clone(at.strides)
	for i := range dims {
		if at.dims[i] != dims[i] {
			at.strides[i] = 0
		}
	}
	at.dims = dims
	return s.input(at)
}

func (s *loopSpec) number(v value) loop.Value {
	mem := v.attr.(constAttr).mem
	if v.dtype() == dtypes.Int64 {
		return s.ConstInt(loop.I64, int64(le64(mem)))
	}
	x, _ := scalar(v.dtype(), mem)
	return s.Const(loopType(v.dtype()), x)
}

// input declares an operand in memory.
func (s *loopSpec) input(at view) loop.Value {
	strides, ok := restride(at.dims, at.strides, s.t.dims)
	if !ok {
		panic(fmt.Sprintf("an operand %v %v of %s does not fit its loop %v", at.dims, at.strides, at.base.op, s.t.dims))
	}
	k := loopInput{at.base, at.offset, key(strides)}
	if v, ok := s.inputs[k]; ok {
		return v
	}
	v := s.Input(loopType(at.base.dtype()), strides...)
	s.inputs[k] = v
	if at.base == s.z && s.z.node != nil {
		s.zInput = len(s.in)
		s.in = append(s.in, place{-1, 0, bytesOf(at.base.shape())})
	} else {
		s.in = append(s.in, s.b.base(at))
	}
	s.orders = append(s.orders, k.strides)
	return v
}

func key(list []int) string {
	b := make([]byte, 0, 8*len(list))
	for _, x := range list {
		for range 8 {
			b = append(b, byte(x))
			x >>= 8
		}
	}
	return string(b)
}

func le64(mem []byte) uint64 {
	x := uint64(0)
	for i := range 8 {
		x |= uint64(mem[i]) << (8 * i)
	}
	return x
}

// hasEpilogue tells whether the kernel of n can hand rows that it has finished to a loop.
func hasEpilogue(n *node) bool {
	return (n.op == opProduct || n.op == opConv) && n.shapes[0].DType == dtypes.Float32
}

// addHard makes the step of an operation that is no loop, with its epilogue.
func (b *planBuilder) addHard(t *unit) error {
	n := t.hard
	s := &step{name: opName(n.op), op: n.op}
	for _, v := range n.in {
		s.in = append(s.in, b.place(v))
	}
	outputs := make([]value, len(n.shapes))
	for i := range outputs {
		outputs[i] = value{n, i}
		s.out = append(s.out, b.result(outputs[i]))
	}
	if n.op == compute.OpTypeCall {
		for i, v := range outputs {
			if !b.fuser.needed[v] && mayLack(n, i) {
				b.plan.slots[s.out[i].slot].bytes, s.out[i].bytes = 0, 0
			}
		}
		s.kernel = b.lowerRecurrence(n, s.in)
		return b.push(s)
	}
	if len(t.roots) == 0 {
		kernel, err := b.lower(n, s.in, nil)
		if err != nil {
			return err
		}
		s.kernel = kernel
		return b.push(s)
	}
	spec := b.loopOf(t)
	for rows := outputs[0].shape().Size() / width(n); rows > 1; spec.RowDims++ {
		rows /= t.dims[spec.RowDims]
	}
	program, err := loop.New(spec.Spec)
	if err != nil {
		return err
	}
	factors := len(s.in)
	s.name += " with " + spec.name()
	s.takes = [][]int{nil}
	for i, at := range spec.in {
		if i == spec.zInput {
			at = s.out[0]
		}
		s.in = append(s.in, at)
	}
	for i, at := range spec.out {
		s.out = append(s.out, at)
		var takes []int
		for _, k := range spec.takes[i] {
			if k == spec.zInput && !b.outlives(outputs[0], t) {
				takes = append(takes, ^0)
			}
		}
		s.takes = append(s.takes, takes)
	}
	operands := make([][]byte, 0, len(spec.in)+len(spec.out))
	inner, err := b.lower(n, s.in[:factors], func(worker, row0, row1 int) { program.RunRows(worker, row0, row1, operands) })
	if err != nil {
		return err
	}
	// The product's result is not there before the product: its place is an output, not an input.
	s.in = slices.Delete(s.in, factors, len(s.in))
	for i, at := range spec.in {
		if i != spec.zInput {
			s.in = append(s.in, at)
		}
	}
	s.kernel = func(in, out [][]byte) error {
		operands = operands[:0]
		rest := in[factors:]
		for i := range spec.in {
			if i == spec.zInput {
				operands = append(operands, out[0])
				continue
			}
			operands = append(operands, rest[0])
			rest = rest[1:]
		}
		operands = append(operands, out[1:]...)
		err := inner(in[:factors], out[:1])
		clear(operands)
		return err
	}
	return b.push(s)
}

// outlives tells whether the result of the product of t is read after t.
func (b *planBuilder) outlives(z value, t *unit) bool {
	if b.fuser.needed[z] && slices.Contains(b.fuser.f.outputs, z) {
		return true
	}
	for _, other := range b.fuser.units {
		if other != t && other.reads[z] {
			return true
		}
	}
	return false
}

// width is how many columns a row of a product has, or channels a position of a convolution's result.
func width(n *node) int {
	if a, ok := n.attr.(convolutionAttr); ok {
		return a.shape.Cout
	}
	return n.attr.(productAttr).n
}

func opName(op compute.OpType) string {
	switch op {
	case opProduct:
		return "product"
	case opConv:
		return "convolution"
	case opWeightGradient:
		return "weight gradient"
	}
	return op.String()
}

// lower returns the kernel of an operation that is no loop, whose inputs lie at the given places. epilogue, for
// products and convolutions, may be nil.
func (b *planBuilder) lower(n *node, at []place, epilogue func(worker, row0, row1 int)) (kernel, error) {
	switch n.op {
	case opProduct:
		return lowerProduct(n, epilogue)
	case opConv, opWeightGradient:
		return b.lowerConv(n, at, epilogue)
	}
	if k, ok, err := lowerMove(n); ok || err != nil {
		return k, err
	}
	if k, ok := lowerPool(n); ok {
		return k, nil
	}
	if make, ok := nativeKernels[n.op]; ok {
		return make(n)
	}
	return fallback(n)
}

func lowerProduct(n *node, epilogue func(worker, row0, row1 int)) (kernel, error) {
	a := n.attr.(productAttr)
	shape := gemm.Shape{M: a.m, N: a.n, K: a.k, Batch: a.batch, TransA: a.transA, TransB: a.transB}
	if n.shapes[0].DType == dtypes.Float64 {
		return func(in, out [][]byte) error {
			gemm.Generic(shape, view64(in[0]), view64(in[1]), view64(out[0]))
			return nil
		}, nil
	}
	p := gemm.New(shape, epilogue)
	return func(in, out [][]byte) error {
		p.Run(view32(in[0]), view32(in[1]), view32(out[0]))
		return nil
	}, nil
}

func (b *planBuilder) lowerConv(n *node, at []place, epilogue func(worker, row0, row1 int)) (kernel, error) {
	shape := n.attr.(convolutionAttr).shape
	forward := n.op == opConv
	if n.shapes[0].DType == dtypes.Float64 {
		return func(in, out [][]byte) error {
			if forward {
				conv.Reference(shape, view64(in[0]), view64(in[1]), view64(out[0]))
			} else {
				conv.ReferenceWeightGradient(shape, view64(in[0]), view64(in[1]), view64(out[0]))
			}
			return nil
		}, nil
	}
	p := conv.New(shape, epilogue)
	if !forward {
		return func(in, out [][]byte) error {
			p.WeightGradient(view32(in[0]), view32(in[1]), view32(out[0]))
			return nil
		}, nil
	}
	held := b.unchanged(at[1])
	return func(in, out [][]byte) error {
		switch {
		case held == nil:
			p.Forward(view32(in[0]), view32(in[1]), view32(out[0]))
			return nil
		case !held():
			p.Hold(view32(in[1]))
		}
		p.ForwardHeld(view32(in[0]), view32(out[0]))
		return nil
	}, nil
}
