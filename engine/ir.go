package engine

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// A node is one recorded operation. Nodes are immutable once recorded; passes make new ones.
type node struct {
	op     compute.OpType
	in     []value
	attr   any // one of the attr structs below, or nil
	shapes []shapes.Shape
	// replay records the same operation in another backend's function, over other inputs: the fallback and
	// the tests run it on the stock backend.
	replay func(f compute.Function, in []compute.Value) ([]compute.Value, error)
	fn     *function // the function it was recorded in
	id     int       // its place in fn.nodes
}

// A value is one output of a node.
type value struct {
	*node
	out int
}

func (v value) shape() shapes.Shape { return v.shapes[v.out] }
func (v value) dtype() dtypes.DType { return v.shapes[v.out].DType }

// A function is a list of nodes in which inputs come before their users.
type function struct {
	name     string
	parent   *function // nil unless a closure
	params   []*node   // OpTypeParameter
	captures []*node   // OpTypeCapturedValue, attr capture: values of the parent that a closure uses
	nodes    []*node
	outputs  []value
	builder  *builder // the computation it is recorded for; nil in functions that passes make
	returned bool     // Return was called: it is complete
}

// What operations carry besides their inputs. Axes are never negative. Lists that the caller may leave out
// (strides, dilations, paddings) are filled in, one entry for each axis.
type (
	paramAttr   struct{ name string }
	constAttr   struct{ mem []byte } // the values, in row-major order
	captureAttr struct{ of value }
	axesAttr    struct{ axes []int } // ReduceX: the axes reduced, sorted, all of them where none was given; Reverse; BroadcastInDim: the output axis of each input axis
	axisAttr    struct{ axis int }   // Concatenate, Iota, FusedSoftmax
	permAttr    struct{ perm []int } // Transpose: output axis i is input axis perm[i]
	sliceAttr   struct{ starts, limits, strides []int }
	padAttr     struct{ axes []compute.PadAxis } // inputs x, fill value
	argAttr     struct {
		axis int
		min  bool
	}
	dotAttr struct {
		lhsContract, lhsBatch, rhsContract, rhsBatch []int
		config                                       compute.DotGeneralConfig
	}
	convAttr struct {
		axes                            compute.ConvolveAxesConfig
		strides                         []int
		paddings                        [][2]int
		inputDilations, kernelDilations []int
		channelGroups, batchGroups      int // at least 1
	}
	windowAttr struct { // ReduceWindow
		reduction                                  compute.ReduceOpType
		window, strides, inputDilations, dilations []int
		paddings                                   [][2]int
	}
	selectAttr struct { // SelectAndScatterMax, Min, Sum: inputs operand, source
		window, strides []int
		paddings        [][2]int
	}
	gatherAttr struct {
		indexVectorAxis                                                 int
		offsetOutputAxes, collapsedSliceAxes, startIndexMap, sliceSizes []int
		sorted                                                          bool
	}
	scatterAttr struct {
		indexVectorAxis                                                int
		updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes []int
		sorted, unique                                                 bool
	}
	dynamicSliceAttr struct{ sizes []int } // inputs operand, then one start index for each axis; DynamicUpdateSlice (sizes nil): operand, update, starts
	normAttr         struct {
		epsilon float64
		axis    int   // BatchNormX: the feature axis
		axes    []int // FusedLayerNorm
	}
	fftAttr struct { // the last len(lengths) axes; lengths are those of the whole signal
		kind    compute.FFTType
		lengths []int
	}
	geluAttr  struct{ exact bool }
	denseAttr struct{ config compute.DenseConfig }
	callAttr  struct{ fn *function }
	whileAttr struct{ cond, body *function } // inputs: the initial state, then the values that cond captures, then those of body
	ifAttr    struct{ yes, no *function }    // inputs: the predicate, then the values that yes captures, then those of no
	sortAttr  struct {                       // inputs: the tensors, then the values that less captures
		less   *function
		axis   int
		stable bool
		count  int // how many tensors
	}
	otherAttr struct{ args []any } // operations that only the fallback runs: their arguments, for telling equal ones apart
)
