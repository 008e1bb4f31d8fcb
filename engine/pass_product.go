package engine

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"galen.dev/engine/conv"
)

// Operations of the engine's own, which the passes make out of recorded ones.
const (
	opProduct        = compute.OpTypeLast + 1 + iota // batches of matrix products, attr productAttr
	opConv                                           // a convolution in the order of package conv, attr convolutionAttr: x, weights
	opWeightGradient                                 // the gradient of its weights: x, gradient of y
)

// productAttr describes C[b] = A[b]·B[b], with A (M,K) or, transposed, (K,M), and B (K,N) or (N,K).
type productAttr struct {
	batch, m, n, k int
	transA, transB bool
}

type convolutionAttr struct{ shape conv.Shape }

// A roleAxis is what an axis of a factor stands for.
type roleAxis struct{ role, index int }

const (
	batched = iota
	crossed
	contracted
)

// product turns a DotGeneral into an opProduct where the element type has one.
func (r *rewriter) product(n *node, in []value) (value, bool) {
	a := n.attr.(dotAttr)
	shape := n.shapes[0]
	t := shape.DType
	if t != dtypes.Float32 && t != dtypes.Float64 || in[0].dtype() != t || in[1].dtype() != t || shape.Size() == 0 || in[0].shape().Size() == 0 {
		return value{}, false
	}
	lhs, sizes, transA := r.factor(in[0], a.lhsBatch, a.lhsContract)
	rhs, right, transB := r.factor(in[1], a.rhsBatch, a.rhsContract)
	attr := productAttr{batch: sizes[batched], m: sizes[crossed], n: right[crossed], k: sizes[contracted], transA: transA, transB: !transB}
	m := &node{op: opProduct, attr: attr, shapes: []shapes.Shape{shape}}
	return value{r.add(m, []value{lhs, rhs}), 0}, true
}

// factor returns v, or what v is a transposition of, or a new transposition of v, such that its axes are batch,
// crossed, contracted, or (last is true) batch, contracted, crossed in memory; and the sizes of the three.
func (r *rewriter) factor(v value, batch, contract []int) (factor value, sizes [3]int, last bool) {
	rank := v.shape().Rank()
	roles := make([]roleAxis, rank)
	for i := range roles {
		roles[i] = roleAxis{crossed, i}
	}
	for i, axis := range batch {
		roles[axis] = roleAxis{batched, i}
	}
	for i, axis := range contract {
		roles[axis] = roleAxis{contracted, i}
	}
	sizes = [3]int{1, 1, 1}
	for i, role := range roles {
		sizes[role.role] *= v.shape().Dimensions[i]
	}
	if v.op == compute.OpTypeTranspose {
		source := make([]roleAxis, rank)
		for i, p := range v.attr.(permAttr).perm {
			source[p] = roles[i]
		}
		if ok, last := ordered(source, v.in[0].shape().Dimensions); ok {
			return v.in[0], sizes, last
		}
	}
	if ok, last := ordered(roles, v.shape().Dimensions); ok {
		return v, sizes, last
	}
	perm := make([]int, rank)
	for i := range perm {
		perm[i] = i
	}
	slices.SortStableFunc(perm, func(x, y int) int {
		if roles[x].role != roles[y].role {
			return roles[x].role - roles[y].role
		}
		return roles[x].index - roles[y].index
	})
	return r.transposed(v, perm), sizes, false
}

// ordered tells whether axes with these roles lie as batch, crossed, contracted, or (last) batch, contracted,
// crossed.
func ordered(roles []roleAxis, dims []int) (ok, last bool) {
	rank := func(swap bool) bool {
		before := roleAxis{-1, 0}
		for i, r := range roles {
			if dims[i] == 1 {
				continue
			}
			if swap && r.role != batched {
				r.role = crossed + contracted - r.role
			}
			if r.role < before.role || r.role == before.role && r.index < before.index {
				return false
			}
			before = r
		}
		return true
	}
	if rank(false) {
		return true, false
	}
	return rank(true), true
}

// transposed adds a transposition of v.
func (r *rewriter) transposed(v value, perm []int) value {
	dims := make([]int, len(perm))
	for i, p := range perm {
		dims[i] = v.shape().Dimensions[p]
	}
	n := &node{op: compute.OpTypeTranspose, attr: permAttr{perm}, shapes: []shapes.Shape{shapes.Make(v.dtype(), dims...)}}
	result, ok := r.transpose(n, v)
	if !ok {
		panic("engine: a transposition was not added")
	}
	return result
}

// transposedProduct returns the transposition of the matrix product x as a product of its own.
func (r *rewriter) transposedProduct(x value, perm []int) (value, bool) {
	if x.op != opProduct || len(perm) != 2 || perm[0] != 1 {
		return value{}, false
	}
	a := x.attr.(productAttr)
	if a.batch != 1 {
		return value{}, false
	}
	a = productAttr{batch: 1, m: a.n, n: a.m, k: a.k, transA: !a.transB, transB: !a.transA}
	dims := x.shape().Dimensions
	m := &node{op: opProduct, attr: a, shapes: []shapes.Shape{shapes.Make(x.dtype(), dims[1], dims[0])}}
	return value{r.add(m, []value{x.in[1], x.in[0]}), 0}, true
}

// convolution turns a ConvGeneral into an opConv or an opWeightGradient, with transpositions around it where
// its axes lie otherwise, if package conv has it.
func (r *rewriter) convolution(n *node, in []value) (value, bool) {
	a := n.attr.(convAttr)
	x, w, out := in[0].shape(), in[1].shape(), n.shapes[0]
	rank := len(a.strides)
	t := out.DType
	if t != dtypes.Float32 && t != dtypes.Float64 || x.DType != t || w.DType != t || rank > 3 || rank == 0 || a.batchGroups > 1 || out.Size() == 0 || x.Size() == 0 || w.Size() == 0 {
		return value{}, false
	}
	ax := a.axes
	if g, ok := r.weightGradient(n, in); ok {
		return g, true
	}
	lhs, rhs := in[0], in[1]
	order := append(append([]int{ax.InputBatch}, ax.InputSpatial...), ax.InputChannels)
	if !slices.Equal(order, upTo(rank+2)) {
		lhs = r.transposed(lhs, order)
	}
	s := conv.Shape{N: x.Dimensions[ax.InputBatch], Cin: x.Dimensions[ax.InputChannels], Cout: w.Dimensions[ax.KernelOutputChannels], Groups: a.channelGroups}
	fill(&s)
	if rhs.op == compute.OpTypeReverse {
		flipped := slices.Clone(rhs.attr.(axesAttr).axes)
		spatial := slices.Clone(ax.KernelSpatial)
		slices.Sort(flipped)
		slices.Sort(spatial)
		if slices.Equal(flipped, spatial) {
			s.Flip, rhs = true, rhs.in[0]
		}
	}
	order = append(slices.Clone(ax.KernelSpatial), ax.KernelInputChannels, ax.KernelOutputChannels)
	if a.channelGroups == 1 && order[rank] > order[rank+1] {
		order[rank], order[rank+1] = order[rank+1], order[rank]
		s.SwapChannels = true
	}
	if !slices.Equal(order, upTo(rank+2)) {
		rhs = r.transposed(rhs, order)
	}
	for i := range rank {
		k := 3 - rank + i
		s.In[k], s.Kernel[k] = x.Dimensions[ax.InputSpatial[i]], w.Dimensions[ax.KernelSpatial[i]]
		s.Stride[k], s.Dilation[k], s.InputDilation[k] = a.strides[i], a.kernelDilations[i], a.inputDilations[i]
		s.PadLow[k], s.PadHigh[k] = a.paddings[i][0], a.paddings[i][1]
	}
	dims := make([]int, rank+2)
	back := make([]int, rank+2) // from (batch, spatial, channels) to the output's axes
	for i, axis := range append(append([]int{ax.OutputBatch}, ax.OutputSpatial...), ax.OutputChannels) {
		dims[i] = out.Dimensions[axis]
		back[axis] = i
	}
	m := &node{op: opConv, attr: convolutionAttr{s}, shapes: []shapes.Shape{shapes.Make(t, dims...)}}
	result := value{r.add(m, []value{lhs, rhs}), 0}
	if !slices.Equal(back, upTo(rank+2)) {
		result = r.transposed(result, back)
	}
	return result, true
}

// weightGradient turns a convolution in which the batches are contracted, the gradient of another one's weights, into
// an opWeightGradient.
func (r *rewriter) weightGradient(n *node, in []value) (value, bool) {
	a := n.attr.(convAttr)
	x, d, out := in[0].shape(), in[1].shape(), n.shapes[0]
	rank, ax := len(a.strides), a.axes
	if a.channelGroups != 1 || !lies(rank, ax.InputChannels, ax.InputSpatial, ax.InputBatch) ||
		!lies(rank, ax.KernelInputChannels, ax.KernelSpatial, ax.KernelOutputChannels) || !slices.Equal(ax.OutputSpatial, upTo(rank)) {
		return value{}, false
	}
	// In x, batches lie first and channels last. The weights of a transposed convolution lie with the channels of d
	// before those of x.
	swapped := ax.OutputBatch == rank+1
	one := func(list []int) bool { return !slices.ContainsFunc(list, func(k int) bool { return k != 1 }) }
	s := conv.Shape{N: x.Dimensions[0], Cin: x.Dimensions[rank+1], Cout: d.Dimensions[rank+1], Groups: 1, SwapChannels: swapped}
	fill(&s)
	operands := in
	if !one(a.inputDilations) && one(a.strides) && one(a.kernelDilations) {
		// The same sum, with x and d in each other's place: nothing is multiplied by the zeros between x's positions.
		s.Cin, s.Cout, s.SwapChannels, s.Flip = s.Cout, s.Cin, !swapped, true
		operands = []value{in[1], in[0]}
		for i := range rank {
			k := 3 - rank + i
			s.In[k], s.Kernel[k], s.Stride[k] = d.Dimensions[1+i], out.Dimensions[i], a.inputDilations[i]
			s.PadLow[k] = s.Kernel[k] - 1 - a.paddings[i][0]
			s.PadHigh[k] = (x.Dimensions[1+i]-1)*s.Stride[k] + s.Kernel[k] - s.In[k] - s.PadLow[k]
		}
	} else {
		for i := range rank {
			k := 3 - rank + i
			s.In[k], s.Kernel[k] = x.Dimensions[1+i], out.Dimensions[i]
			s.Stride[k], s.Dilation[k], s.InputDilation[k] = a.kernelDilations[i], a.strides[i], a.inputDilations[i]
			s.PadLow[k] = a.paddings[i][0]
			s.PadHigh[k] = (d.Dimensions[1+i]-1)*s.Stride[k] + (s.Kernel[k]-1)*s.Dilation[k] - (s.In[k]-1)*s.InputDilation[k] - s.PadLow[k]
		}
	}
	m := &node{op: opWeightGradient, attr: convolutionAttr{s}, shapes: n.shapes}
	return value{r.add(m, operands), 0}, true
}

// reversedWeights returns the weight gradient x with its taps reversed, which costs nothing.
func (r *rewriter) reversedWeights(x value, axes []int) (value, bool) {
	sorted := slices.Sorted(slices.Values(axes))
	if x.op != opWeightGradient || !slices.Equal(sorted, upTo(x.shape().Rank()-2)) {
		return value{}, false
	}
	s := x.attr.(convolutionAttr).shape
	s.Flip = !s.Flip
	return value{r.add(&node{op: opWeightGradient, attr: convolutionAttr{s}, shapes: x.shapes}, x.in), 0}, true
}

// lies tells whether the axes are first, spatial…, last in memory.
func lies(rank, first int, spatial []int, last int) bool {
	return slices.Equal(append(append([]int{first}, spatial...), last), upTo(rank+2))
}

// fill sets the axes that a convolution of fewer than three dimensions lacks.
func fill(s *conv.Shape) {
	for i := range 3 {
		s.In[i], s.Kernel[i], s.Stride[i], s.Dilation[i], s.InputDilation[i] = 1, 1, 1, 1, 1
	}
}

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
