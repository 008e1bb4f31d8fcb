package nn

import (
	"fmt"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/fault"
)

// Array is a batch of values on the host, row-major: Floats or Ints holds them, the other is nil.
type Array struct {
	Dims   []int
	Floats []float32
	Ints   []int32
}

// Shape is the array's shape. It panics where the number of values does not match the dimensions.
func (a Array) Shape() Shape {
	n, t := len(a.Floats), dtypes.Float32
	if a.Ints != nil {
		n, t = len(a.Ints), dtypes.Int32
	}
	if n != product(a.Dims) {
		panic("nn: length mismatch")
	}
	return shapes.Make(t, a.Dims...)
}

func (a Array) flat() any {
	if a.Ints != nil {
		return a.Ints
	}
	return a.Floats
}

// describer is the backend on which Specs builds graphs that never run.
var describer = sync.OnceValues(func() (compute.Backend, error) { return gobackend.New("ops_sequential") })

// Specs lists the weights of a network for inputs of these shapes, in order of first use.
func Specs(net *Net, inputs ...Shape) ([]Spec, error) {
	backend, err := describer()
	if err != nil {
		return nil, fmt.Errorf("starting the stock backend: %w", err)
	}
	g := graph.NewGraph(backend, "")
	defer g.Finalize()
	s := NewScope(g, ScopeOptions{})
	if err := addInputs(net, s, inputs, nil); err != nil {
		return nil, err
	}
	var specs []Spec
	for _, b := range s.Bound() {
		specs = append(specs, b.Spec)
	}
	return specs, nil
}

// addInputs builds the network on parameters of these shapes and hands its outputs to done.
func addInputs(net *Net, s *Scope, inputs []Shape, done func([]*Node)) error {
	if err := net.CheckInputs(inputs...); err != nil {
		return err
	}
	return Catch(func() {
		nodes := make([]*Node, len(inputs))
		for i, shape := range inputs {
			nodes[i] = graph.Parameter(s.Graph(), "input:"+net.Inputs[i].Name, shape)
		}
		outputs, err := net.Build(s, nodes...)
		if err != nil {
			panic(err)
		}
		if done != nil {
			done(outputs)
		}
	})
}

// Init draws the first weights of a network for inputs of these shapes; the batch size does not matter. Same network
// and seed give the same weights everywhere.
func Init(net *Net, seed uint64, inputs ...Shape) (*Weights, error) {
	specs, err := Specs(net, inputs...)
	if err != nil {
		return nil, fmt.Errorf("initialising network %q: %w", net.Name, err)
	}
	return draw(specs, seed), nil
}

// Predictor runs a network in inference. Each set of input shapes is compiled when it is first met and kept. It
// belongs to one goroutine at a time; Close frees what it holds.
type Predictor struct {
	backend  compute.Backend
	net      *Net
	weights  *Weights
	held     map[string]compute.Buffer // the weights, on the backend
	compiled map[string]*compiled
}

type compiled struct {
	graph   *graph.Graph
	names   []string // of the weights, in order of the parameters behind the inputs
	outputs []Array  // reused from run to run
	buffers []compute.Buffer
	donate  []bool
}

// NewPredictor puts the weights on the backend. Later changes of weights do not reach it. inputs, which may be
// left out, are the shapes to compile now.
func NewPredictor(backend compute.Backend, net *Net, weights *Weights, inputs ...Shape) (*Predictor, error) {
	p := &Predictor{backend: backend, net: net, weights: weights, held: map[string]compute.Buffer{}, compiled: map[string]*compiled{}}
	for _, t := range weights.Tensors() {
		b, err := backend.BufferFromFlatData(0, t.Data, shapes.Make(dtypes.Float32, t.Dims...))
		if err != nil {
			p.Close()
			return nil, fmt.Errorf("putting weight %q on backend %q: %w", t.Name, backend.Name(), err)
		}
		p.held[t.Name] = b
	}
	if len(inputs) > 0 {
		if _, err := p.compile(inputs); err != nil {
			p.Close()
			return nil, err
		}
	}
	return p, nil
}

// Close frees the compiled graphs and the weights on the backend.
func (p *Predictor) Close() {
	for _, c := range p.compiled {
		c.graph.Finalize()
	}
	for _, b := range p.held {
		// Freeing memory of the host process cannot fail in a way that a caller could cure.
		_ = b.Finalize()
	}
	clear(p.compiled)
	clear(p.held)
}

func (p *Predictor) compile(inputs []Shape) (*compiled, error) {
	key := fmt.Sprint(inputs)
	if c := p.compiled[key]; c != nil {
		return c, nil
	}
	c := &compiled{graph: graph.NewGraph(p.backend, p.net.Name)}
	s := NewScope(c.graph, ScopeOptions{})
	err := addInputs(p.net, s, inputs, func(outputs []*Node) {
		for i, o := range outputs {
			outputs[i] = graph.ConvertDType(o, dtypes.Float32)
			c.outputs = append(c.outputs, Array{Dims: o.Shape().Dimensions, Floats: make([]float32, o.Shape().Size())})
		}
		if err := c.graph.Compile(outputs...); err != nil {
			panic(err)
		}
	})
	var specs []Spec
	for _, b := range s.Bound() {
		specs, c.names = append(specs, b.Spec), append(c.names, b.Name)
	}
	if err == nil {
		err = p.weights.Match(specs)
	}
	if err != nil {
		c.graph.Finalize()
		return nil, fmt.Errorf("compiling network %q: %w", p.net.Name, err)
	}
	c.buffers = make([]compute.Buffer, len(inputs)+len(c.names))
	c.donate = make([]bool, len(c.buffers))
	for i := range inputs {
		c.donate[i] = true
	}
	for i, name := range c.names {
		c.buffers[len(inputs)+i] = p.held[name]
	}
	p.compiled[key] = c
	return c, nil
}

// Run computes the outputs, as float32. The arrays returned are valid until the next Run.
func (p *Predictor) Run(inputs ...Array) ([]Array, error) {
	given := make([]Shape, len(inputs))
	for i, a := range inputs {
		given[i] = a.Shape()
	}
	c, err := p.compile(given)
	if err != nil {
		return nil, err
	}
	for i, a := range inputs {
		if c.buffers[i], err = p.backend.BufferFromFlatData(0, a.flat(), given[i]); err != nil {
			return nil, fmt.Errorf("putting input %q on backend %q: %w", p.net.Inputs[i].Name, p.backend.Name(), err)
		}
	}
	results, err := c.graph.Executable().Execute(c.buffers, c.donate, 0)
	if err != nil {
		return nil, fmt.Errorf("running network %q: %w", p.net.Name, err)
	}
	for i, r := range results {
		if err := r.ToFlatData(c.outputs[i].Floats); err != nil {
			return nil, fmt.Errorf("reading output %d of network %q: %w", i, p.net.Name, err)
		}
		if err := r.Finalize(); err != nil {
			return nil, fault.Errorf(fault.Internal, "freeing output %d of network %q: %w", i, p.net.Name, err)
		}
	}
	return c.outputs, nil
}
