package engine

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"galen.dev/engine/move"
)

// moveTypes are the element types of package move, plus one.
var moveTypes = map[dtypes.DType]move.Type{
	dtypes.Bool: move.Bool + 1, dtypes.Int8: move.Int8 + 1, dtypes.Int16: move.Int16 + 1, dtypes.Int32: move.Int32 + 1,
	dtypes.Int64: move.Int64 + 1, dtypes.Uint8: move.Uint8 + 1, dtypes.Uint16: move.Uint16 + 1,
	dtypes.Uint32: move.Uint32 + 1, dtypes.Uint64: move.Uint64 + 1, dtypes.Float16: move.Float16 + 1,
	dtypes.BFloat16: move.BFloat16 + 1, dtypes.Float32: move.Float32 + 1, dtypes.Float64: move.Float64 + 1,
}

func moveType(t dtypes.DType) move.Type { return moveTypes[t] - 1 }

// lowerMove returns the kernel of an operation that only moves elements; ok is false where it is none, or of a
// type that package move does not know.
func lowerMove(n *node) (k kernel, ok bool, err error) {
	t := n.shapes[0].DType
	for _, v := range n.in {
		if moveTypes[v.dtype()] == 0 {
			return nil, false, nil
		}
	}
	if moveTypes[t] == 0 {
		return nil, false, nil
	}
	size, dims := t.Size(), n.shapes[0].Dimensions
	dimsOf := func(i int) []int { return n.in[i].shape().Dimensions }
	switch n.op {
	case compute.OpTypeConcatenate:
		list := make([][]int, len(n.in))
		for i := range list {
			list[i] = dimsOf(i)
		}
		p := move.NewConcatenate(size, n.attr.(axisAttr).axis, list...)
		k = func(in, out [][]byte) error { p.Run(out[0], in...); return nil }
	case compute.OpTypePad:
		a := n.attr.(padAttr)
		padding := make([]move.Padding, len(a.axes))
		for i, x := range a.axes {
			padding[i] = move.Padding(x)
		}
		p := move.NewPad(size, dimsOf(0), padding...)
		k = func(in, out [][]byte) error { p.Run(out[0], in[0], in[1]); return nil }
	case compute.OpTypeReverse:
		p := move.NewReverse(size, dims, n.attr.(axesAttr).axes...)
		k = func(in, out [][]byte) error { p.Run(out[0], in[0]); return nil }
	case compute.OpTypeIota:
		if t == dtypes.Bool {
			return nil, false, nil
		}
		p := move.NewIota(moveType(t), dims, n.attr.(axisAttr).axis)
		k = func(_, out [][]byte) error { p.Run(out[0]); return nil }
	case compute.OpTypeConvertDType:
		p := move.NewConvert(moveType(t), moveType(n.in[0].dtype()), n.shapes[0].Size())
		k = func(in, out [][]byte) error { p.Run(out[0], in[0]); return nil }
	case compute.OpTypeBitcast:
		k = func(in, out [][]byte) error { copy(out[0], in[0]); return nil }
	case compute.OpTypeArgMinMax:
		if n.in[0].dtype() == dtypes.Bool || !t.IsInt() {
			return nil, false, nil
		}
		a := n.attr.(argAttr)
		p := move.NewArgMinMax(moveType(n.in[0].dtype()), moveType(t), dimsOf(0), a.axis, a.min)
		k = func(in, out [][]byte) error { p.Run(out[0], in[0]); return nil }
	case compute.OpTypeGather:
		a := n.attr.(gatherAttr)
		p := move.NewGather(size, move.GatherShape{
			Operand: dimsOf(0), Indices: dimsOf(1), Index: moveType(n.in[1].dtype()), VectorAxis: a.indexVectorAxis,
			OffsetAxes: a.offsetOutputAxes, Collapsed: a.collapsedSliceAxes, StartMap: a.startIndexMap, Sizes: a.sliceSizes,
		})
		k = func(in, out [][]byte) error { p.Run(out[0], in[0], in[1]); return nil }
	case compute.OpTypeScatterSum, compute.OpTypeScatterMax, compute.OpTypeScatterMin:
		if t == dtypes.Bool {
			return nil, false, nil
		}
		a := n.attr.(scatterAttr)
		how := map[compute.OpType]move.Combine{
			compute.OpTypeScatterSum: move.Sum, compute.OpTypeScatterMax: move.Max, compute.OpTypeScatterMin: move.Min,
		}[n.op]
		p := move.NewScatter(how, moveType(t), move.ScatterShape{
			Operand: dimsOf(0), Indices: dimsOf(1), Updates: dimsOf(2), Index: moveType(n.in[1].dtype()),
			VectorAxis: a.indexVectorAxis, WindowAxes: a.updateWindowAxes, Inserted: a.insertedWindowAxes,
			StartMap: a.scatterAxesToOperandAxes,
		})
		k = func(in, out [][]byte) error { p.Run(out[0], in[0], in[1], in[2]); return nil }
	case compute.OpTypeRNGBitGenerator:
		if n.in[0].dtype() != dtypes.Uint64 || len(n.shapes) != 2 || moveTypes[n.shapes[1].DType] == 0 || n.shapes[1].DType == dtypes.Bool {
			return nil, false, nil
		}
		p := move.NewRandomBits(bytesOf(n.shapes[1]))
		k = func(in, out [][]byte) error {
			state := p.Run(out[1], move.RandomState(viewAs[uint64](in[0])))
			copy(viewAs[uint64](out[0]), state[:])
			return nil
		}
	case compute.OpTypeDynamicSlice:
		sizes := n.attr.(dynamicSliceAttr).sizes
		p := move.NewDynamicSlice(size, dimsOf(0), sizes)
		starts := newStarts(n.in[1:])
		k = func(in, out [][]byte) error { p.Run(out[0], in[0], starts.read(in[1:])); return nil }
	case compute.OpTypeDynamicUpdateSlice:
		p := move.NewDynamicUpdate(size, dimsOf(0), dimsOf(1))
		starts := newStarts(n.in[2:])
		k = func(in, out [][]byte) error { p.Run(out[0], in[0], in[1], starts.read(in[2:])); return nil }
	default:
		return nil, false, nil
	}
	return k, true, nil
}

// starts reads index scalars of any whole type.
type starts struct {
	convert []*move.Convert
	wide    []int64
	list    []int
}

func newStarts(in []value) *starts {
	s := &starts{wide: make([]int64, len(in)), list: make([]int, len(in))}
	for _, v := range in {
		s.convert = append(s.convert, move.NewConvert(move.Int64, moveType(v.dtype()), 1))
	}
	return s
}

func (s *starts) read(in [][]byte) []int {
	for i, c := range s.convert {
		c.Run(move.Bytes(s.wide[i:i+1]), in[i])
		s.list[i] = int(s.wide[i])
	}
	return s.list
}
