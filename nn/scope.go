package nn

import (
	"math/bits"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// A Scope is the place where a layer finds its weights while a graph is built. In gives the scopes within it; all
// scopes of one graph share what NewScope made. A name that is used twice is the same weight, shared.
type Scope struct {
	prefix string
	shared *building
	watch  func(features *Node) *Node
}

// ScopeOptions says how a graph is built. The zero value builds inference in float32.
type ScopeOptions struct {
	// DType of weights and arithmetic; the zero value is Float32. Tests use Float64.
	DType dtypes.DType
	// Training makes dropout drop and batch norms use and record the statistics of the batch.
	Training bool
	// RNG is the state of the random numbers, uint64[3], as RandomState makes it: a parameter of the graph, fed
	// anew each step. nil where nothing random is built; Rand refuses then.
	RNG *Node
	// Bind gives the node that holds a weight, where weights are not plain parameters of the graph. nil makes
	// each one a parameter named after the weight, in order of first use.
	Bind func(Spec) *Node
}

// Spec describes a weight.
type Spec struct {
	Name    string // with dots between scopes: "layer1.conv.weight"
	Dims    []int
	Trained bool // false for what is recorded in passing, such as running means
	Init    Initialiser
}

// Bound is a weight in a graph.
type Bound struct {
	Spec
	Node   *Node // its value as the graph starts
	Update *Node // for a state that SetState changed: its new value; else nil
}

type building struct {
	graph *graph.Graph
	ScopeOptions
	bound []*Bound
	index map[string]*Bound
}

// NewScope starts the building of a network in a graph.
func NewScope(g *graph.Graph, o ScopeOptions) *Scope {
	b := &building{graph: g, ScopeOptions: o, index: map[string]*Bound{}}
	if b.DType == dtypes.InvalidDType {
		b.DType = dtypes.Float32
	}
	if b.Bind == nil {
		b.Bind = func(spec Spec) *Node {
			return graph.Parameter(g, spec.Name, shapes.Make(b.DType, spec.Dims...))
		}
	}
	return &Scope{shared: b}
}

// In is the scope of that name within s.
func (s *Scope) In(name string) *Scope {
	return &Scope{prefix: s.prefix + name + ".", shared: s.shared, watch: s.watch}
}

// Features names x as the last value of a network that has a place for each part of its input: what the layers behind
// it merge into one answer. Explanations read it, and its gradient, or put another value in its place: see Watch. It
// returns x, or what was put in its place.
func (s *Scope) Features(x *Node) *Node {
	if s.watch == nil {
		return x
	}
	y := s.watch(x)
	if !y.Shape().Equal(x.Shape()) {
		refuse("the features are %s, and %s was put in their place", x.Shape(), y.Shape())
	}
	return y
}

// Watch is the same scope in which f sees what networks name with Features, and returns it or puts another value of the
// same shape in its place.
func (s *Scope) Watch(f func(features *Node) *Node) *Scope {
	return &Scope{prefix: s.prefix, shared: s.shared, watch: f}
}

// Graph is the graph under construction.
func (s *Scope) Graph() *graph.Graph { return s.shared.graph }

// DType is the type of weights and arithmetic.
func (s *Scope) DType() dtypes.DType { return s.shared.DType }

// Training says whether the graph is for training.
func (s *Scope) Training() bool { return s.shared.Training }

// Weight is a trained array of that name within the scope. It panics with a Usage error where the name is in use
// for other dimensions.
func (s *Scope) Weight(name string, init Initialiser, dims ...int) *Node {
	return s.bind(Spec{Name: s.prefix + name, Dims: slices.Clone(dims), Trained: true, Init: init}).Node
}

// State is an array that is not trained but recorded in passing, such as a running mean. It starts at value. After
// SetState it is the value set.
func (s *Scope) State(name string, value float64, dims ...int) *Node {
	b := s.bind(Spec{Name: s.prefix + name, Dims: slices.Clone(dims), Init: Constant(value)})
	if b.Update != nil {
		return b.Update
	}
	return b.Node
}

// SetState says what a state is after the step. It panics where State has not been called, or with another shape.
func (s *Scope) SetState(name string, value *Node) {
	b := s.shared.index[s.prefix+name]
	if b == nil || b.Trained {
		refuse("%q is no state of this network", s.prefix+name)
	}
	if !slices.Equal(value.Shape().Dimensions, b.Dims) {
		refuse("state %q has dimensions %v; %s was set", b.Name, b.Dims, value.Shape())
	}
	b.Update = value
}

func (s *Scope) bind(spec Spec) *Bound {
	if old := s.shared.index[spec.Name]; old != nil {
		if !slices.Equal(old.Dims, spec.Dims) || old.Trained != spec.Trained {
			refuse("weight %q is used with dimensions %v and %v: give the layers names of their own", spec.Name, old.Dims, spec.Dims)
		}
		return old
	}
	for _, d := range spec.Dims {
		if d <= 0 {
			refuse("weight %q would have dimensions %v", spec.Name, spec.Dims)
		}
	}
	b := &Bound{Spec: spec}
	s.shared.index[spec.Name] = b
	s.shared.bound = append(s.shared.bound, b)
	b.Node = s.shared.Bind(spec)
	return b
}

// Bound lists the weights and states of the whole graph, in order of first use.
func (s *Scope) Bound() []*Bound { return slices.Clone(s.shared.bound) }

// Rand draws numbers uniform in [0, 1) of the scope's DType, different ones at each call. They depend on the state
// of the random numbers alone, not on the DType's precision beyond rounding.
func (s *Scope) Rand(dims ...int) *Node {
	b := s.shared
	if b.RNG == nil {
		refuse("random numbers are drawn in %q, and the graph was given no random state", s.prefix)
	}
	var values *Node
	b.RNG, values = graph.RandomUniform(b.RNG, Float32s(dims...))
	return graph.ConvertDType(values, b.DType)
}

// RandomStateShape is the shape of the state of random numbers.
var RandomStateShape = graph.RNGStateShape

// RandomState is the state of the random numbers of one step: the words are hashed (splitmix64, Steele et al. 2014),
// so that the streams of neighbouring seeds and steps have nothing in common.
func RandomState(seed, step uint64) [3]uint64 {
	x := mix(seed) ^ bits.RotateLeft64(mix(step+0x632be59bd9b4e019), 32)
	var state [3]uint64
	for i := range state {
		x += 0x9e3779b97f4a7c15
		state[i] = mix(x)
	}
	return state
}

// mix is the finaliser of splitmix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
