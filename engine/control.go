package engine

import (
	"fmt"
	"slices"
	"sort"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"galen.dev/engine/move"
)

// Kernels of operations that run functions. Each function is planned once, when its user is compiled; a plan runs
// on one goroutine at a time, and so do these kernels.

func init() {
	nativeKernels[compute.OpTypeWhile] = whileKernel
	nativeKernels[compute.OpTypeIf] = ifKernel
	nativeKernels[compute.OpTypeSort] = sortKernel
	nativeKernels[compute.OpTypeCall] = callKernel
}

// callKernel runs a function that was not inlined.
func callKernel(n *node) (kernel, error) {
	p, err := newPlan(n.attr.(callAttr).fn)
	if err != nil {
		return nil, err
	}
	return p.run, nil
}

// whileKernel keeps the state in two sets of memory in turn: the body reads one and writes the other.
func whileKernel(n *node) (kernel, error) {
	a := n.attr.(whileAttr)
	cond, err := newPlan(a.cond)
	if err != nil {
		return nil, fmt.Errorf("the condition: %w", err)
	}
	body, err := newPlan(a.body)
	if err != nil {
		return nil, fmt.Errorf("the body: %w", err)
	}
	size, condSize := len(n.shapes), len(a.cond.captures)
	var states [2][][]byte
	for i := range states {
		for _, s := range n.shapes {
			states[i] = append(states[i], newBytes(bytesOf(s)))
		}
	}
	holds := newBytes(1)
	decision := [][]byte{holds}
	condIn := make([][]byte, size+condSize)
	bodyIn := make([][]byte, size+len(a.body.captures))
	return func(in, out [][]byte) error {
		copy(condIn[size:], in[size:size+condSize])
		copy(bodyIn[size:], in[size+condSize:])
		defer func() { clear(condIn); clear(bodyIn) }()
		state := in[:size]
		for next := 0; ; next = 1 - next {
			copy(condIn, state)
			if err := cond.run(condIn, decision); err != nil {
				return fmt.Errorf("the condition of a loop: %w", err)
			}
			if holds[0] == 0 {
				break
			}
			copy(bodyIn, state)
			if err := body.run(bodyIn, states[next]); err != nil {
				return fmt.Errorf("the body of a loop: %w", err)
			}
			state = states[next]
		}
		for i, mem := range state {
			copy(out[i], mem)
		}
		return nil
	}, nil
}

func ifKernel(n *node) (kernel, error) {
	a := n.attr.(ifAttr)
	yes, err := newPlan(a.yes)
	if err != nil {
		return nil, fmt.Errorf("the branch for true: %w", err)
	}
	no, err := newPlan(a.no)
	if err != nil {
		return nil, fmt.Errorf("the branch for false: %w", err)
	}
	split := 1 + len(a.yes.captures)
	return func(in, out [][]byte) error {
		if in[0][0] != 0 {
			return yes.run(in[1:split], out)
		}
		return no.run(in[split:], out)
	}, nil
}

// sorter orders the places of one row by a planned comparator. It implements sort.Interface over places.
type sorter struct {
	less    *plan
	places  []int
	tensors [][]byte // the row's tensors
	sizes   []int    // bytes of a value of each tensor
	base    int      // of the row's first value, counted in values
	step    int      // between values of the row
	in      [][]byte
	out     [][]byte
	err     error
}

func (s *sorter) Len() int      { return len(s.places) }
func (s *sorter) Swap(i, j int) { s.places[i], s.places[j] = s.places[j], s.places[i] }

func (s *sorter) Less(i, j int) bool {
	if s.err != nil {
		return false
	}
	for k, mem := range s.tensors {
		size := s.sizes[k]
		for side, place := range [2]int{s.places[i], s.places[j]} {
			at := (s.base + place*s.step) * size
			copy(s.in[2*k+side], mem[at:at+size])
		}
	}
	s.err = s.less.run(s.in, s.out)
	return s.out[0][0] != 0
}

// sortKernel orders by keys where the comparator only compares the values of one tensor, and else by calling the
// comparator's plan.
func sortKernel(n *node) (kernel, error) {
	a := n.attr.(sortAttr)
	if k, ok := keySort(n); ok {
		return k, nil
	}
	less, err := newPlan(a.less)
	if err != nil {
		return nil, fmt.Errorf("the comparator: %w", err)
	}
	shape := n.shapes[0]
	length, inner := shape.Dimensions[a.axis], 1
	for _, d := range shape.Dimensions[a.axis+1:] {
		inner *= d
	}
	s := &sorter{less: less, places: make([]int, length), step: inner, out: [][]byte{newBytes(1)}}
	for i := range a.count {
		size := n.shapes[i].DType.Size()
		s.sizes = append(s.sizes, size)
		s.in = append(s.in, newBytes(size), newBytes(size))
	}
	fixed := len(s.in)
	s.in = append(s.in, make([][]byte, len(a.less.captures))...)
	return func(in, out [][]byte) error {
		copy(s.in[fixed:], in[a.count:])
		s.tensors = in[:a.count]
		defer func() { clear(s.in[fixed:]); s.tensors, s.err = nil, nil }()
		if length == 0 {
			return nil
		}
		for row := range shape.Size() / length {
			s.base = row/inner*inner*length + row%inner
			for i := range s.places {
				s.places[i] = i
			}
			if a.stable {
				sort.Stable(s)
			} else {
				sort.Sort(s)
			}
			if s.err != nil {
				return fmt.Errorf("comparing: %w", s.err)
			}
			s.store(out)
		}
		return nil
	}, nil
}

// keySort is the kernel for comparators that say "less than" or "greater than" of the values of one tensor. Sorts
// by key are stable, so they serve every caller.
func keySort(n *node) (k kernel, ok bool) {
	a := n.attr.(sortAttr)
	key, descending, ok := keyOf(a.less)
	if !ok {
		return nil, false
	}
	dims := n.shapes[0].Dimensions
	takes := make([]*move.Take, a.count)
	for i, s := range n.shapes {
		if moveTypes[s.DType] == 0 {
			return nil, false
		}
		if i != key {
			takes[i] = move.NewTake(s.DType.Size(), dims, a.axis, dims[a.axis])
		}
	}
	if n.shapes[key].DType == dtypes.Bool {
		return nil, false
	}
	keys := move.NewSortKeys(moveType(n.shapes[key].DType), dims, a.axis, descending)
	order := make([]int32, n.shapes[0].Size())
	return func(in, out [][]byte) error {
		keys.Run(out[key], in[key], order)
		for i, t := range takes {
			if t != nil {
				t.Run(out[i], in[i], order)
			}
		}
		return nil
	}, true
}

// keyOf finds which tensor a comparator compares, and whether larger values come first.
func keyOf(less *function) (key int, descending, ok bool) {
	n := less.outputs[0].node
	if n.op != compute.OpTypeLessThan && n.op != compute.OpTypeGreaterThan {
		return 0, false, false
	}
	lhs, rhs := parameterOf(less, n.in[0]), parameterOf(less, n.in[1])
	if lhs < 0 || rhs < 0 || lhs/2 != rhs/2 || lhs == rhs {
		return 0, false, false
	}
	return lhs / 2, (n.op == compute.OpTypeGreaterThan) == (lhs < rhs), true
}

// parameterOf is which parameter a value is, before it was made wider for comparing; -1 if none.
func parameterOf(f *function, v value) int {
	for v.op == compute.OpTypeConvertDType && v.in[0].dtype().IsHalfPrecision() && v.dtype() == dtypes.Float32 {
		v = v.in[0]
	}
	return slices.Index(f.params, v.node)
}

// store writes the row's values in their new order.
func (s *sorter) store(out [][]byte) {
	for k, mem := range s.tensors {
		size := s.sizes[k]
		for i, place := range s.places {
			from, to := (s.base+place*s.step)*size, (s.base+i*s.step)*size
			copy(out[k][to:to+size], mem[from:from+size])
		}
	}
}
