package engine

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// A view says where the elements of a value lie in another one: element (i0, i1, …) of the value is element
// offset + i0·strides[0] + i1·strides[1] + … of base. Views of reshapes, broadcasts, slices and transposes cost
// nothing until somebody needs the elements in order.
type view struct {
	base    value
	offset  int
	dims    []int
	strides []int // 0 where the value repeats, and along dimensions of length 1
}

// whole is the view of v as it is.
func whole(v value) view {
	dims := v.shape().Dimensions
	return view{base: v, dims: dims, strides: rowMajor(dims)}
}

// rowMajor returns the strides of an array in row-major order, 0 along dimensions of length 1.
func rowMajor(dims []int) []int {
	strides := make([]int, len(dims))
	step := 1
	for i := len(dims) - 1; i >= 0; i-- {
		if dims[i] > 1 {
			strides[i] = step
		}
		step *= dims[i]
	}
	return strides
}

func size(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// inOrder tells whether the elements of the view follow each other in base.
func (v view) inOrder() bool { return slices.Equal(v.strides, rowMajor(v.dims)) }

// is tells whether the view is all of v, in order.
func (v view) is(of value) bool {
	return v.base == of && v.offset == 0 && v.inOrder() && size(v.dims) == of.shape().Size()
}

// isView tells whether an operation only says where its result lies in its input.
func isView(n *node) bool {
	switch n.op {
	case compute.OpTypeReshape, compute.OpTypeBroadcastInDim, compute.OpTypeSlice, compute.OpTypeTranspose:
		return wholeBytes(n.shapes[0].DType) && n.shapes[0].Size() > 0
	}
	return false
}

// wholeBytes tells whether each element takes bytes of its own.
func wholeBytes(t dtypes.DType) bool { return t.Bits() >= 8 }

// through returns the view of n's value, given the view of its input; ok is false where a reshape would tear
// rows apart.
func through(n *node, in view) (view, bool) {
	dims := n.shapes[0].Dimensions
	out := view{base: in.base, offset: in.offset, dims: dims, strides: make([]int, len(dims))}
	switch a := n.attr.(type) {
	case axesAttr: // BroadcastInDim
		for i, axis := range a.axes {
			if in.dims[i] == dims[axis] && dims[axis] > 1 {
				out.strides[axis] = in.strides[i]
			}
		}
	case sliceAttr:
		for i := range dims {
			out.offset += a.starts[i] * in.strides[i]
			if dims[i] > 1 {
				out.strides[i] = in.strides[i] * a.strides[i]
			}
		}
	case permAttr:
		for i, p := range a.perm {
			out.strides[i] = in.strides[p]
		}
	default: // Reshape
		strides, ok := restride(in.dims, in.strides, dims)
		if !ok {
			return view{}, false
		}
		out.strides = strides
	}
	return out, true
}

// restride returns the strides under which an array of the given dims and strides has the dimensions to.
func restride(dims, strides, to []int) ([]int, bool) {
	// Join neighbours that lie one after the other, then cut the pieces at the borders of to.
	var n, s []int
	for i, d := range dims {
		if d == 1 {
			continue
		}
		if k := len(n) - 1; k >= 0 && s[k] == strides[i]*d {
			n[k] *= d
			s[k] = strides[i]
			continue
		}
		n, s = append(n, d), append(s, strides[i])
	}
	result := make([]int, len(to))
	k := len(n) - 1
	left, step := 1, 0
	if k >= 0 {
		left, step = n[k], s[k]
	}
	for i := len(to) - 1; i >= 0; i-- {
		if to[i] == 1 {
			continue
		}
		if left == 1 {
			if k--; k < 0 {
				return nil, false
			}
			left, step = n[k], s[k]
		}
		if left%to[i] != 0 {
			return nil, false
		}
		result[i] = step
		step *= to[i]
		left /= to[i]
	}
	return result, true
}

// refine returns the coarsest dimensions of which both a and b, of the same size, are made by joining
// neighbours.
func refine(a, b []int) ([]int, bool) {
	borders := func(dims []int) []int {
		list := []int{1}
		for i := len(dims) - 1; i >= 0; i-- {
			if dims[i] != 1 {
				list = append(list, list[len(list)-1]*dims[i])
			}
		}
		return list
	}
	all := append(borders(a), borders(b)...)
	slices.Sort(all)
	all = slices.Compact(all)
	dims := make([]int, len(all)-1)
	for i := range dims {
		if all[i+1]%all[i] != 0 {
			return nil, false
		}
		dims[len(dims)-1-i] = all[i+1] / all[i]
	}
	return dims, true
}
