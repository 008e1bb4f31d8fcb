package engine

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"galen.dev/engine/move"
)

// Complex numbers, which the stock backend does not have, and operations on real ones that it lacks.

var complexUnary = map[compute.OpType]func(c complex128) complex128{
	compute.OpTypeAbs:          func(c complex128) complex128 { return complex(cmplx.Abs(c), 0) },
	compute.OpTypeConj:         cmplx.Conj,
	compute.OpTypeConvertDType: func(c complex128) complex128 { return c },
	compute.OpTypeExp:          cmplx.Exp,
	compute.OpTypeExpm1:        expm1,
	compute.OpTypeImag:         func(c complex128) complex128 { return complex(imag(c), 0) },
	compute.OpTypeIsFinite:     func(c complex128) complex128 { return truth(!cmplx.IsNaN(c) && !cmplx.IsInf(c)) },
	compute.OpTypeIsNaN:        func(c complex128) complex128 { return truth(math.IsNaN(real(c)) || math.IsNaN(imag(c))) },
	compute.OpTypeLog:          cmplx.Log,
	compute.OpTypeLog1p:        func(c complex128) complex128 { return cmplx.Log(1 + c) },
	compute.OpTypeNeg:          func(c complex128) complex128 { return -c },
	compute.OpTypeReal:         func(c complex128) complex128 { return complex(real(c), 0) },
	compute.OpTypeRsqrt:        func(c complex128) complex128 { return 1 / cmplx.Sqrt(c) },
	compute.OpTypeSign:         direction,
	compute.OpTypeSqrt:         cmplx.Sqrt,
}

var complexBinary = map[compute.OpType]func(a, b complex128) complex128{
	compute.OpTypeAdd:      func(a, b complex128) complex128 { return a + b },
	compute.OpTypeSub:      func(a, b complex128) complex128 { return a - b },
	compute.OpTypeMul:      func(a, b complex128) complex128 { return a * b },
	compute.OpTypeDiv:      func(a, b complex128) complex128 { return a / b },
	compute.OpTypePow:      cmplx.Pow,
	compute.OpTypeEqual:    func(a, b complex128) complex128 { return truth(a == b) },
	compute.OpTypeNotEqual: func(a, b complex128) complex128 { return truth(a != b) },
	compute.OpTypeComplex:  func(a, b complex128) complex128 { return complex(real(a), real(b)) },
	compute.OpTypeAtan2:    func(a, b complex128) complex128 { return complex(math.Atan2(real(a), real(b)), 0) },
}

// realToo are the operations above that run here for real numbers as well.
var realToo = []compute.OpType{compute.OpTypeComplex, compute.OpTypeAtan2, compute.OpTypeReal, compute.OpTypeImag}

func truth(holds bool) complex128 {
	if holds {
		return 1
	}
	return 0
}

// expm1 keeps the digits of small numbers: e^x·cos y − 1 = expm1(x)·cos y − 2 sin²(y/2).
func expm1(c complex128) complex128 {
	sin, cos := math.Sincos(imag(c))
	half := math.Sin(imag(c) / 2)
	return complex(math.Expm1(real(c))*cos-2*half*half, math.Exp(real(c))*sin)
}

// direction is c of length one, and zero of zero.
func direction(c complex128) complex128 {
	if c == 0 {
		return 0
	}
	return c / complex(cmplx.Abs(c), 0)
}

func init() {
	for op, f := range complexUnary {
		onComplex(op, func(n *node) (kernel, error) { return unaryKernel(n, f), nil })
	}
	for op, f := range complexBinary {
		onComplex(op, func(n *node) (kernel, error) { return binaryKernel(n, f), nil })
	}
	onComplex(compute.OpTypeReduceSum, func(n *node) (kernel, error) { return reduceKernel(n, 0, complexBinary[compute.OpTypeAdd]), nil })
	onComplex(compute.OpTypeReduceProduct, func(n *node) (kernel, error) { return reduceKernel(n, 1, complexBinary[compute.OpTypeMul]), nil })
	onComplex(compute.OpTypeDotGeneral, func(n *node) (kernel, error) { return dotKernel(n), nil })
	onComplex(compute.OpTypeWhere, func(n *node) (kernel, error) { return whereKernel(n), nil })
	for _, op := range []compute.OpType{
		compute.OpTypeConcatenate, compute.OpTypePad, compute.OpTypeReverse, compute.OpTypeGather, compute.OpTypeDynamicSlice,
		compute.OpTypeDynamicUpdateSlice, compute.OpTypeBitcast,
	} {
		onComplex(op, moveComplex)
	}
}

// onComplex makes build the maker of kernels of op for complex numbers, and for real ones where the stock backend
// has none.
func onComplex(op compute.OpType, build func(n *node) (kernel, error)) {
	always := slices.Contains(realToo, op)
	nativeKernels[op] = func(n *node) (kernel, error) {
		if always || isComplex(n) {
			return build(n)
		}
		return fallback(n)
	}
}

func unaryKernel(n *node, f func(c complex128) complex128) kernel {
	from, to, size := n.in[0].dtype(), n.shapes[0].DType, n.shapes[0].Size()
	return func(in, out [][]byte) error {
		x, y := reader(from, in[0]), writer(to, out[0])
		for i := range size {
			y(i, f(x(i)))
		}
		return nil
	}
}

func binaryKernel(n *node, f func(a, b complex128) complex128) kernel {
	from, to := n.in[0].dtype(), n.shapes[0].DType
	a, b := repeated(n.in[0].shape(), n.shapes[0]), repeated(n.in[1].shape(), n.shapes[0])
	return func(in, out [][]byte) error {
		lhs, rhs, y := reader(from, in[0]), reader(from, in[1]), writer(to, out[0])
		walk(n.shapes[0].Dimensions, func(i int, at []int) { y(i, f(lhs(at[0]), rhs(at[1]))) }, a, b)
		return nil
	}
}

func whereKernel(n *node) kernel {
	d, s := n.shapes[0].DType, n.shapes[0]
	c, a, b := repeated(n.in[0].shape(), s), repeated(n.in[1].shape(), s), repeated(n.in[2].shape(), s)
	return func(in, out [][]byte) error {
		yes, no, y := reader(d, in[1]), reader(d, in[2]), writer(d, out[0])
		walk(s.Dimensions, func(i int, at []int) {
			if in[0][at[0]] != 0 {
				y(i, yes(at[1]))
			} else {
				y(i, no(at[2]))
			}
		}, c, a, b)
		return nil
	}
}

// reduceKernel combines in row-major order, in full precision.
func reduceKernel(n *node, start complex128, f func(a, b complex128) complex128) kernel {
	s, d, axes := n.in[0].shape(), n.shapes[0].DType, n.attr.(axesAttr).axes
	strides, to := make([]int, s.Rank()), rowMajor(n.shapes[0].Dimensions)
	for axis, k := 0, 0; axis < s.Rank(); axis++ {
		if !slices.Contains(axes, axis) {
			strides[axis] = to[k]
			k++
		}
	}
	totals := make([]complex128, n.shapes[0].Size())
	return func(in, out [][]byte) error {
		for i := range totals {
			totals[i] = start
		}
		x, y := reader(d, in[0]), writer(d, out[0])
		walk(s.Dimensions, func(i int, at []int) { totals[at[0]] = f(totals[at[0]], x(i)) }, strides)
		for i, c := range totals {
			y(i, c)
		}
		return nil
	}
}

// dotKernel multiplies place by place: batch, then what is left of lhs, then of rhs.
func dotKernel(n *node) kernel {
	a := n.attr.(dotAttr)
	lhs, rhs, d := n.in[0].shape(), n.in[1].shape(), n.in[0].dtype()
	left, right := rowMajor(lhs.Dimensions), rowMajor(rhs.Dimensions)
	var dims, fromLeft, fromRight []int
	add := func(list *[]int, by int) { *list = append(*list, by) }
	for i, axis := range a.lhsBatch {
		add(&dims, lhs.Dimensions[axis])
		add(&fromLeft, left[axis])
		add(&fromRight, right[a.rhsBatch[i]])
	}
	for axis, size := range lhs.Dimensions {
		if !slices.Contains(a.lhsBatch, axis) && !slices.Contains(a.lhsContract, axis) {
			add(&dims, size)
			add(&fromLeft, left[axis])
			add(&fromRight, 0)
		}
	}
	for axis, size := range rhs.Dimensions {
		if !slices.Contains(a.rhsBatch, axis) && !slices.Contains(a.rhsContract, axis) {
			add(&dims, size)
			add(&fromLeft, 0)
			add(&fromRight, right[axis])
		}
	}
	var inner, innerLeft, innerRight []int
	for i, axis := range a.lhsContract {
		add(&inner, lhs.Dimensions[axis])
		add(&innerLeft, left[axis])
		add(&innerRight, right[a.rhsContract[i]])
	}
	var stepsLeft, stepsRight []int
	walk(inner, func(_ int, at []int) {
		add(&stepsLeft, at[0])
		add(&stepsRight, at[1])
	}, innerLeft, innerRight)
	return func(in, out [][]byte) error {
		x, w, y := reader(d, in[0]), reader(d, in[1]), writer(n.shapes[0].DType, out[0])
		walk(dims, func(i int, at []int) {
			var sum complex128
			for k := range stepsLeft {
				sum += x(at[0]+stepsLeft[k]) * w(at[1]+stepsRight[k])
			}
			y(i, sum)
		}, fromLeft, fromRight)
		return nil
	}
}

// moveComplex moves elements of 8 or 16 bytes, whatever they mean.
func moveComplex(n *node) (kernel, error) {
	size := n.shapes[0].DType.Size()
	s := n.in[0].shape()
	switch a := n.attr.(type) {
	case padAttr:
		padding := make([]move.Padding, s.Rank())
		for i, p := range a.axes {
			padding[i] = move.Padding{Start: p.Start, End: p.End, Interior: p.Interior}
		}
		p := move.NewPad(size, s.Dimensions, padding...)
		return func(in, out [][]byte) error { p.Run(out[0], in[0], in[1]); return nil }, nil
	case axesAttr:
		p := move.NewReverse(size, s.Dimensions, a.axes...)
		return func(in, out [][]byte) error { p.Run(out[0], in[0]); return nil }, nil
	case axisAttr:
		dims := make([][]int, len(n.in))
		for i, v := range n.in {
			dims[i] = v.shape().Dimensions
		}
		p := move.NewConcatenate(size, a.axis, dims...)
		return func(in, out [][]byte) error { p.Run(out[0], in...); return nil }, nil
	case gatherAttr:
		return gatherComplex(n, a, size)
	case dynamicSliceAttr:
		return sliceComplex(n, a, size)
	}
	if n.op == compute.OpTypeBitcast {
		return func(in, out [][]byte) error { copy(out[0], in[0]); return nil }, nil
	}
	return nil, fmt.Errorf("%s of %s: %w", n.op, s, errNoKernel)
}

func sliceComplex(n *node, a dynamicSliceAttr, size int) (kernel, error) {
	first := 1 // of the start indices among the inputs
	dims, sizes := n.in[0].shape().Dimensions, a.sizes
	if sizes == nil {
		first, sizes = 2, n.in[1].shape().Dimensions
	}
	starts := make([]int, len(dims))
	locate := func(in [][]byte) error {
		for i := range starts {
			var err error
			if starts[i], err = readInt(in[first+i], n.in[first+i].dtype()); err != nil {
				return err
			}
		}
		return nil
	}
	if a.sizes == nil {
		p := move.NewDynamicUpdate(size, dims, sizes)
		return func(in, out [][]byte) error {
			if err := locate(in); err != nil {
				return err
			}
			p.Run(out[0], in[0], in[1], starts)
			return nil
		}, nil
	}
	p := move.NewDynamicSlice(size, dims, sizes)
	return func(in, out [][]byte) error {
		if err := locate(in); err != nil {
			return err
		}
		p.Run(out[0], in[0], starts)
		return nil
	}, nil
}

// gatherComplex gathers pairs of real numbers: an axis of size two more, taken whole.
func gatherComplex(n *node, a gatherAttr, size int) (kernel, error) {
	d := dtypes.Uint32
	if size == 16 {
		d = dtypes.Uint64
	}
	paired := *n
	paired.in = slices.Clone(n.in)
	operand := n.in[0].shape().Clone()
	operand.DType, operand.Dimensions = d, append(operand.Dimensions, 2)
	paired.in[0] = value{&node{shapes: []shapes.Shape{operand}}, 0}
	result := n.shapes[0].Clone()
	result.DType, result.Dimensions = d, append(result.Dimensions, 2)
	paired.shapes = []shapes.Shape{result}
	a.offsetOutputAxes = append(slices.Clone(a.offsetOutputAxes), result.Rank()-1)
	a.sliceSizes = append(slices.Clone(a.sliceSizes), 2)
	paired.attr = a
	k, ok, err := lowerMove(&paired)
	if !ok && err == nil {
		err = fmt.Errorf("%s: %w", n.op, errNoKernel)
	}
	return k, err
}
