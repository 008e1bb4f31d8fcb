package engine

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"galen.dev/engine/loop"
)

// This file decides what a plan computes together. Operations on single elements, and reductions, are evaluated
// in fused loops; everything else is a step of its own. The result is a list of units in an order in which they
// can run:
//
//   - A loop operation is stored where somebody needs it in memory, or where several loops use it and it costs
//     more than reading its inputs again. Any other is computed inside the loops that use it.
//   - Stored operations over the same elements share a loop where one reads the other, or both read the same
//     thing, unless something between them would have to run in the middle.
//   - The loop that alone follows a product or a convolution becomes its epilogue and runs while the rows are
//     in cache.

// A unit is one step of a plan before it is given a kernel.
type unit struct {
	hard  *node   // the operation, if it is not a loop and not a copy
	copy  value   // a view to be written out in order, if copy.node is not nil
	roots []*node // what a loop computes, in order; of a hard unit, its epilogue
	dims  []int   // the dimensions of the loop, of which those of all roots are joined
	reads map[value]bool
	order int   // the highest number of its nodes
	gone  *unit // where it was merged into
}

func (u *unit) find() *unit {
	for u.gone != nil {
		u = u.gone
	}
	return u
}

type fuser struct {
	f      *function
	views  map[value]view
	needed map[value]bool  // values that must lie in memory in order
	stored map[*node]bool  // loop operations that are written to memory
	users  map[*node]int   // how many loop operations read it as it is
	dims   map[*node][]int // of a loop over it
	makers map[value]*unit
	units  []*unit
}

const (
	mostOperands = 20 // of a loop
	mostInlined  = 48 // operations of a loop's expression
)

// fuse returns the units of f, in order, and what it decided about values.
func fuse(f *function) *fuser {
	u := &fuser{f: f, views: map[value]view{}, needed: map[value]bool{}, stored: map[*node]bool{}, users: map[*node]int{}, dims: map[*node][]int{}, makers: map[value]*unit{}}
	u.demand()
	u.store()
	u.make()
	u.merge()
	u.epilogues()
	u.sort()
	return u
}

// view returns where the elements of v lie.
func (u *fuser) view(v value) view {
	if known, ok := u.views[v]; ok {
		return known
	}
	result := whole(v)
	if isView(v.node) {
		var ok bool
		if result, ok = through(v.node, u.view(v.in[0])); !ok {
			result, _ = through(v.node, whole(v.in[0]))
		}
	}
	u.views[v] = result
	return result
}

// inline tells whether a loop over dims that reads v can compute it instead: v is, perhaps reshaped, an
// operation on as many elements.
func (u *fuser) inline(v value, dims []int) (*node, bool) {
	at := u.view(v)
	if !isElementwise(at.base.node) || !at.is(at.base) || size(dims) != at.base.shape().Size() || len(v.shape().Dimensions) != len(dims) && size(v.shape().Dimensions) != size(dims) {
		return nil, false
	}
	_, ok := refine(at.base.shape().Dimensions, dims)
	return at.base.node, ok
}

// need notes that v must lie in memory, in order or not.
func (u *fuser) need(v value) {
	if u.needed[v] {
		return
	}
	u.needed[v] = true
	at := u.view(v)
	if at.base != v {
		u.need(at.base)
	}
}

// demand finds out what must be in memory, and counts the users of what need not.
func (u *fuser) demand() {
	for _, v := range u.f.outputs {
		u.need(v)
	}
	for _, n := range u.f.nodes {
		if isView(n) {
			continue
		}
		if !isElementwise(n) && !isReduction(n) {
			for _, v := range n.in {
				u.need(v)
			}
			continue
		}
		for _, v := range n.in {
			if isNumber(v) {
				continue
			}
			if p, ok := u.inline(v, space(n)); ok {
				u.users[p]++
				continue
			}
			u.need(u.view(v).base)
		}
	}
}

// An expression is what evaluating a loop operation costs where it is not stored.
type expression struct {
	ops   int
	dear  bool           // it has more than simple arithmetic
	reads map[value]bool // large things in memory
	dims  []int          // of a loop over it: those of all its operations are made of them
}

// store decides which loop operations are written to memory.
func (u *fuser) store() {
	costs := map[*node]expression{}
	for _, n := range u.f.nodes {
		if !isElementwise(n) && !isReduction(n) {
			continue
		}
		e := expression{ops: 1, dear: isDear(n.op), reads: map[value]bool{}, dims: space(n)}
		for _, v := range n.in {
			if isNumber(v) {
				continue
			}
			p, ok := u.inline(v, space(n))
			if ok && !u.stored[p] {
				c := costs[p]
				joined, fit := refine(e.dims, c.dims)
				if !fit {
					u.stored[p] = true
					e.reads[value{p, 0}] = true
					continue
				}
				e.dims = joined
				e.ops += c.ops
				e.dear = e.dear || c.dear
				for r := range c.reads {
					e.reads[r] = true
				}
				continue
			}
			if base := u.view(v).base; base.shape().Size()*2 >= n.shapes[0].Size() {
				e.reads[base] = true
			}
		}
		costs[n] = e
		u.dims[n] = e.dims
		if isReduction(n) {
			u.stored[n] = true
			continue
		}
		wide := false
		for r := range e.reads {
			wide = wide || r.dtype().Size() > n.shapes[0].DType.Size()
		}
		again := e.dear || len(e.reads) > 1 || e.ops > 8 || wide
		if u.needed[value{n, 0}] || u.users[n] > 1 && again || e.ops > mostInlined {
			u.stored[n] = true
		}
	}
}

// leaves calls visit for everything in memory that the loop of a root reads, as it lies there.
func (u *fuser) leaves(n *node, visit func(v value)) {
	for _, v := range n.in {
		if isNumber(v) {
			continue
		}
		if p, ok := u.inline(v, space(n)); ok {
			if u.stored[p] {
				visit(value{p, 0})
			} else {
				u.leaves(p, visit)
			}
			continue
		}
		visit(u.view(v).base)
	}
}

// source returns what must be made before v can be read: v itself or the base it is a view of.
func (u *fuser) source(v value) value {
	if at := u.view(v); at.base != v && at.inOrder() {
		return at.base
	}
	return v
}

// make lists one unit for each step.
func (u *fuser) make() {
	add := func(made *unit, outputs ...value) {
		u.units = append(u.units, made)
		for _, v := range outputs {
			u.makers[v] = made
		}
	}
	for i, n := range u.f.nodes {
		switch {
		case n.op == compute.OpTypeParameter || n.op == compute.OpTypeConstant:
		case isView(n):
			v := value{n, 0}
			if at := u.view(v); u.needed[v] && !at.inOrder() {
				add(&unit{copy: v, reads: map[value]bool{at.base: true}, order: i}, v)
			}
		case isElementwise(n) || isReduction(n):
			if !u.stored[n] {
				continue
			}
			made := &unit{roots: []*node{n}, dims: u.dims[n], reads: map[value]bool{}, order: i}
			u.leaves(n, func(v value) { made.reads[v] = true })
			add(made, value{n, 0})
		default:
			made := &unit{hard: n, reads: map[value]bool{}, order: i}
			for _, v := range n.in {
				made.reads[u.source(v)] = true
			}
			outputs := make([]value, len(n.shapes))
			for k := range outputs {
				outputs[k] = value{n, k}
			}
			add(made, outputs...)
		}
	}
}

// before calls visit for the units that must run before t.
func (u *fuser) before(t *unit, visit func(*unit) bool) bool {
	for v := range t.reads {
		if m := u.makers[v]; m != nil {
			if m = m.find(); m != t && !visit(m) {
				return false
			}
		}
	}
	return true
}

// between tells whether a path leads from a to b through another unit: b needs what needs a.
func (u *fuser) between(a, b *unit) bool {
	seen := map[*unit]bool{a: true, b: true}
	var reaches func(t *unit) bool // a is before t
	reaches = func(t *unit) bool {
		return !u.before(t, func(p *unit) bool {
			if p == a {
				return false
			}
			if seen[p] || p.order < a.first() {
				return true
			}
			seen[p] = true
			return !reaches(p)
		})
	}
	return !u.before(b, func(p *unit) bool {
		if p == a || seen[p] {
			return true
		}
		seen[p] = true
		return !reaches(p)
	})
}

// first is a number that no unit reading t's results is below.
func (t *unit) first() int {
	if len(t.roots) > 0 && t.hard == nil {
		return t.roots[0].id
	}
	if t.hard != nil {
		return t.hard.id
	}
	return t.order
}

// join merges the loops a and b where that is possible, and returns the merged one or nil.
func (u *fuser) join(a, b *unit) *unit {
	if a == b || a.hard != nil || b.hard != nil || a.copy.node != nil || b.copy.node != nil {
		return nil
	}
	if size(a.dims) != size(b.dims) || len(a.reads)+len(b.reads)+len(a.roots)+len(b.roots) > mostOperands {
		return nil
	}
	dims, ok := refine(a.dims, b.dims)
	if !ok || !u.together(a, b) || !u.together(b, a) || u.between(a, b) || u.between(b, a) {
		return nil
	}
	a.dims = dims
	a.roots = append(a.roots, b.roots...)
	slices.SortFunc(a.roots, func(x, y *node) int { return x.id - y.id })
	for v := range b.reads {
		a.reads[v] = true
	}
	a.order = max(a.order, b.order)
	b.gone = a
	return a
}

// together tells whether b reads what a computes, if at all, only element by element: not a reduction's result,
// which is not there before the loop ends.
func (u *fuser) together(a, b *unit) bool {
	for v := range b.reads {
		if m := u.makers[v]; m != nil && m.find() == a && (!isElementwise(v.node) || !u.readsAsIs(b, v)) {
			return false
		}
	}
	return true
}

// merge joins loops over the same elements.
func (u *fuser) merge() {
	readers := map[value][]*unit{}
	for _, t := range u.units {
		if len(t.roots) == 0 {
			continue
		}
		elements := size(t.dims)
		var shared []value
		for v := range t.reads {
			if v.shape().Size() >= elements/2 && elements > 1 {
				shared = append(shared, v)
			}
		}
		slices.SortFunc(shared, func(x, y value) int { return y.id - x.id })
		for _, v := range shared {
			t = t.find()
			if m := u.makers[v]; m != nil {
				if joined := u.join(m.find(), t); joined != nil {
					t = joined
				}
			}
		}
		for _, v := range shared {
			t = t.find()
			for _, other := range slices.Backward(readers[v]) {
				if joined := u.join(other.find(), t); joined != nil {
					t = joined
					break
				}
			}
			readers[v] = append(readers[v], t)
		}
	}
	u.compact()
}

// readsAsIs tells whether the loop t reads the stored operation v only in its own order.
func (u *fuser) readsAsIs(t *unit, v value) bool {
	ok := true
	var walk func(n *node)
	walk = func(n *node) {
		for _, in := range n.in {
			if isNumber(in) {
				continue
			}
			p, inlined := u.inline(in, space(n))
			switch {
			case inlined && !u.stored[p]:
				walk(p)
			case !inlined && u.view(in).base == v:
				ok = false
			}
		}
	}
	for _, n := range t.roots {
		walk(n)
	}
	return ok
}

func (u *fuser) compact() {
	u.units = slices.DeleteFunc(u.units, func(t *unit) bool { return t.gone != nil })
}

// epilogues hands loops to the product or convolution whose rows they work on.
func (u *fuser) epilogues() {
	for _, h := range u.units {
		if h.hard == nil || !hasEpilogue(h.hard) {
			continue
		}
		z := value{h.hard, 0}
		channels := width(h.hard)
		rows := z.shape().Size() / channels
		if rows == 1 {
			continue
		}
		for _, t := range u.units {
			if t.gone != nil || t.hard != nil || !t.reads[z] || size(t.dims) != z.shape().Size() {
				continue
			}
			if slices.ContainsFunc(t.roots, isReduction) || !u.readsAsIsHard(t, z) {
				continue
			}
			joined, ok := refine(t.dims, []int{rows, channels})
			if !ok || u.between(h, t) {
				continue
			}
			h.roots, h.dims = t.roots, joined
			for v := range t.reads {
				if v != z {
					h.reads[v] = true
				}
			}
			h.order = max(h.order, t.order)
			t.gone = h
			break
		}
	}
	u.compact()
}

// readsAsIsHard tells whether the loop t reads z, the result of a step, in the order in which it lies.
func (u *fuser) readsAsIsHard(t *unit, z value) bool {
	ok := true
	var walk func(n *node)
	walk = func(n *node) {
		for _, in := range n.in {
			if isNumber(in) {
				continue
			}
			if p, inlined := u.inline(in, space(n)); inlined {
				if !u.stored[p] {
					walk(p)
				}
				continue
			}
			if at := u.view(in); at.base == z {
				ok = ok && at.is(z) && size(space(n)) == z.shape().Size()
			}
		}
	}
	for _, n := range t.roots {
		walk(n)
	}
	return ok
}

// sort puts the units into an order in which they can run: each as early as its last node was recorded.
func (u *fuser) sort() {
	slices.SortStableFunc(u.units, func(a, b *unit) int { return a.order - b.order })
	done := map[*unit]bool{}
	var order []*unit
	var visit func(t *unit)
	visit = func(t *unit) {
		if done[t] {
			return
		}
		done[t] = true
		var earlier []*unit
		u.before(t, func(p *unit) bool { earlier = append(earlier, p); return true })
		slices.SortFunc(earlier, func(a, b *unit) int { return a.order - b.order })
		for _, p := range earlier {
			visit(p)
		}
		order = append(order, t)
	}
	for _, t := range u.units {
		visit(t)
	}
	u.units = order
}

// keeps tells whether the loop t must write what its root n computes: somebody else reads it.
func (u *fuser) keeps(t *unit, n *node) bool {
	v := value{n, 0}
	if u.needed[v] || isReduction(n) {
		return true
	}
	for _, other := range u.units {
		if other != t && other.reads[v] {
			return true
		}
	}
	return false
}

// space returns the dimensions that a loop over n runs through.
func space(n *node) []int {
	if isReduction(n) {
		return n.in[0].shape().Dimensions
	}
	return n.shapes[0].Dimensions
}

// isNumber tells whether v is one known number, perhaps repeated: loops take it as a constant.
func isNumber(v value) bool {
	for v.op == compute.OpTypeBroadcastInDim || v.op == compute.OpTypeReshape {
		v = v.in[0]
	}
	return v.op == compute.OpTypeConstant && v.shape().Size() == 1 && loopTypes[v.dtype()] != 0
}

// loopTypes are the element types that loops take, plus one.
var loopTypes = map[dtypes.DType]loop.Type{
	dtypes.Float32: loop.F32 + 1, dtypes.Float64: loop.F64 + 1, dtypes.Int32: loop.I32 + 1,
	dtypes.Int64: loop.I64 + 1, dtypes.Uint8: loop.U8 + 1, dtypes.Bool: loop.Bool + 1,
}

func loopType(t dtypes.DType) loop.Type { return loopTypes[t] - 1 }

// loopOps are the operations on single elements that loops have.
var loopOps = map[compute.OpType]loop.Op{
	compute.OpTypeAdd: loop.Add, compute.OpTypeSub: loop.Sub, compute.OpTypeMul: loop.Mul, compute.OpTypeDiv: loop.Div,
	compute.OpTypeMax: loop.Max, compute.OpTypeMin: loop.Min, compute.OpTypePow: loop.Pow, compute.OpTypeRem: loop.Rem,
	compute.OpTypeAtan2: loop.Atan2, compute.OpTypeNeg: loop.Neg, compute.OpTypeAbs: loop.Abs, compute.OpTypeSign: loop.Sign,
	compute.OpTypeExp: loop.Exp, compute.OpTypeExpm1: loop.Expm1, compute.OpTypeLog: loop.Log, compute.OpTypeLog1p: loop.Log1p,
	compute.OpTypeSqrt: loop.Sqrt, compute.OpTypeRsqrt: loop.Rsqrt, compute.OpTypeSin: loop.Sin, compute.OpTypeCos: loop.Cos,
	compute.OpTypeTanh: loop.Tanh, compute.OpTypeLogistic: loop.Logistic, compute.OpTypeErf: loop.Erf,
	compute.OpTypeFloor: loop.Floor, compute.OpTypeCeil: loop.Ceil, compute.OpTypeRound: loop.Round,
	compute.OpTypeIsFinite: loop.IsFinite, compute.OpTypeIsNaN: loop.IsNaN,
	compute.OpTypeEqual: loop.Equal, compute.OpTypeNotEqual: loop.NotEqual, compute.OpTypeLessThan: loop.LessThan,
	compute.OpTypeLessOrEqual: loop.LessOrEqual, compute.OpTypeGreaterThan: loop.GreaterThan,
	compute.OpTypeGreaterOrEqual: loop.GreaterOrEqual,
	compute.OpTypeLogicalAnd:     loop.LogicalAnd, compute.OpTypeLogicalOr: loop.LogicalOr,
	compute.OpTypeLogicalXor: loop.LogicalXor, compute.OpTypeLogicalNot: loop.LogicalNot,
	compute.OpTypeBitwiseAnd: loop.BitwiseAnd, compute.OpTypeBitwiseOr: loop.BitwiseOr,
	compute.OpTypeBitwiseXor: loop.BitwiseXor, compute.OpTypeBitwiseNot: loop.BitwiseNot,
	compute.OpTypeShiftLeft: loop.ShiftLeft, compute.OpTypeShiftRightArithmetic: loop.ShiftRightArithmetic,
	compute.OpTypeShiftRightLogical: loop.ShiftRightLogical, compute.OpTypeBitCount: loop.BitCount, compute.OpTypeClz: loop.Clz,
	compute.OpTypeWhere: loop.Where, compute.OpTypeClamp: loop.Clamp,
}

// isDear tells whether an operation costs so much more than arithmetic that it is not done twice.
func isDear(op compute.OpType) bool {
	switch op {
	case compute.OpTypePow, compute.OpTypeRem, compute.OpTypeAtan2, compute.OpTypeExp, compute.OpTypeExpm1, compute.OpTypeLog,
		compute.OpTypeLog1p, compute.OpTypeSin, compute.OpTypeCos, compute.OpTypeTanh, compute.OpTypeLogistic,
		compute.OpTypeErf, compute.OpTypeFusedGelu:
		return true
	}
	return false
}

// isElementwise tells whether a loop can compute n element by element.
func isElementwise(n *node) bool {
	if n.shapes[0].Size() == 0 || loopTypes[n.shapes[0].DType] == 0 {
		return false
	}
	for _, v := range n.in {
		if loopTypes[v.dtype()] == 0 {
			return false
		}
	}
	t := n.shapes[0].DType
	if len(n.in) > 0 {
		t = n.in[len(n.in)-1].dtype()
	}
	switch n.op {
	case compute.OpTypeFusedGelu:
		return true
	case compute.OpTypeConvertDType:
		// What a float beyond the range of a whole type becomes is package move's business.
		from, to := n.in[0].dtype(), n.shapes[0].DType
		return to == dtypes.Bool || to.IsFloat() || !from.IsFloat() && to != dtypes.Uint8
	case compute.OpTypeEqual, compute.OpTypeNotEqual, compute.OpTypeWhere,
		compute.OpTypeLogicalAnd, compute.OpTypeLogicalOr, compute.OpTypeLogicalXor, compute.OpTypeLogicalNot:
		return true
	case compute.OpTypeDiv, compute.OpTypeRem, compute.OpTypePow:
		return t.IsFloat()
	}
	_, ok := loopOps[n.op]
	return ok && t != dtypes.Bool
}

var reductions = map[compute.OpType]loop.Reduction{
	compute.OpTypeReduceSum: loop.Sum, compute.OpTypeReduceProduct: loop.Product, compute.OpTypeReduceMax: loop.Maximum,
	compute.OpTypeReduceMin: loop.Minimum, compute.OpTypeReduceLogicalAnd: loop.All, compute.OpTypeReduceLogicalOr: loop.Any,
}

// isReduction tells whether a loop can compute the reduction n.
func isReduction(n *node) bool {
	how, ok := reductions[n.op]
	if !ok {
		return false
	}
	in := n.in[0]
	return in.shape().Size() > 0 && loopTypes[in.dtype()] != 0 && (how >= loop.All) == (in.dtype() == dtypes.Bool)
}
