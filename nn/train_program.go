package nn

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/fault"
)

// A program is a compiled graph that works on the arrays of a training. It takes some of them, and a few further
// inputs; its first outputs replace arrays, the others are results.
type program struct {
	graph   *graph.Graph
	takes   []int // the arrays it takes, in order of its parameters
	gives   []int // the arrays that its first outputs replace
	drops   []int // arrays that it uses up
	donate  []bool
	buffers []compute.Buffer
	results []Shape
	outputs []*Node // all, for the memory estimate
}

// building a program: parameters are made in the order in which they are fed.
type drafting struct {
	*program
	t     *trainer
	nodes map[int]*Node // by array
	news  []*Node       // of the arrays it gives
}

func (t *trainer) draft(name string) *drafting {
	return &drafting{program: &program{graph: graph.NewGraph(t.backend, name)}, t: t, nodes: map[int]*Node{}}
}

// take makes the parameters of arrays.
func (d *drafting) take(arrays []int) []*Node {
	nodes := make([]*Node, len(arrays))
	for i, a := range arrays {
		d.nodes[a] = graph.Parameter(d.graph, d.t.arrays[a].name, d.t.arrays[a].shape)
		d.takes = append(d.takes, a)
		nodes[i] = d.nodes[a]
	}
	return nodes
}

// give makes a node the new value of an array.
func (d *drafting) give(array int, value *Node) {
	d.gives = append(d.gives, array)
	d.news = append(d.news, value)
}

func (d *drafting) scalars(prefix string, n int) []*Node {
	nodes := make([]*Node, n)
	for i := range nodes {
		nodes[i] = graph.Parameter(d.graph, fmt.Sprintf("%s %d", prefix, i), Float32s())
	}
	return nodes
}

// batch makes the parameters of a batch.
func (d *drafting) batch(b *Batch) (inputs, targets []*Node, weights *Node) {
	for i, a := range b.Inputs {
		inputs = append(inputs, graph.Parameter(d.graph, fmt.Sprintf("input %d", i), a.Shape()))
	}
	for i, a := range b.Targets {
		targets = append(targets, graph.Parameter(d.graph, fmt.Sprintf("target %d", i), a.Shape()))
	}
	if b.Weights != nil {
		weights = graph.Parameter(d.graph, "sample weights", Float32s(len(b.Weights)))
	}
	return inputs, targets, weights
}

// forward builds network and objective on the arrays from base on, which the program has taken.
func (d *drafting) forward(b *Batch, base int, training bool, rng *Node, inputs, targets []*Node, weights *Node) (s *Scope, outputs []*Node, loss *Node) {
	t := d.t
	s = NewScope(d.graph, ScopeOptions{Training: training, RNG: rng, Bind: func(spec Spec) *Node {
		i, ok := t.index[spec.Name]
		if !ok {
			refuse("network %q has the weight %q for this batch (%s), and not for the first one", t.net.Name, spec.Name, b.key())
		}
		return d.nodes[base+i]
	}})
	outputs, err := t.net.Build(s, inputs...)
	if err != nil {
		panic(err)
	}
	return s, outputs, oneNumber(t.objective(outputs, targets, weights))
}

// oneNumber refuses an objective that is not one number.
func oneNumber(loss *Node) *Node {
	if !loss.IsScalar() || !loss.DType().IsFloat() {
		refuse("the objective gives %s: want one number", loss.Shape())
	}
	return graph.ConvertDType(loss, dtypes.Float32)
}

// compile finishes a draft: results are the outputs behind the new arrays.
func (d *drafting) compile(results ...*Node) *program {
	p := d.program
	for _, r := range results {
		p.results = append(p.results, r.Shape())
	}
	p.outputs = slices.Concat(d.news, results)
	if err := p.graph.Compile(p.outputs...); err != nil {
		panic(err)
	}
	used := slices.Concat(p.gives, p.drops)
	p.buffers = make([]compute.Buffer, p.graph.NumParameters())
	p.donate = make([]bool, len(p.buffers))
	for i := range p.donate {
		p.donate[i] = i >= len(p.takes) || slices.Contains(used, p.takes[i])
	}
	return p
}

// made builds a program, turning what building panics with into an error.
func (t *trainer) made(what string, build func() *program) (p *program, err error) {
	err = Catch(func() { p = build() })
	if err != nil {
		return nil, fmt.Errorf("compiling %s of network %q: %w", what, t.net.Name, err)
	}
	return p, nil
}

// run executes a program on the arrays and the further inputs, which it uses up.
func (t *trainer) run(p *program, further []compute.Buffer) (results []compute.Buffer, err error) {
	for i, a := range p.takes {
		p.buffers[i] = t.arrays[a].buffer
	}
	copy(p.buffers[len(p.takes):], further)
	for i, a := range p.takes {
		if p.donate[i] {
			t.arrays[a].buffer = nil
		}
	}
	var outputs []compute.Buffer
	err = Catch(func() {
		var failed error
		if outputs, failed = p.graph.Executable().Execute(p.buffers, p.donate, 0); failed != nil {
			panic(fault.Errorf(fault.Internal, "%w", failed))
		}
	})
	clear(p.buffers)
	if err != nil {
		return nil, fmt.Errorf("running network %q on backend %q: %w", t.net.Name, t.backend.Name(), err)
	}
	for i, a := range p.gives {
		t.arrays[a].buffer = outputs[i]
	}
	return outputs[len(p.gives):], nil
}

// put copies values to the backend.
func (t *trainer) put(flat any, shape Shape) (compute.Buffer, error) {
	b, err := t.backend.BufferFromFlatData(0, flat, shape)
	if err != nil {
		return nil, fault.Errorf(fault.Internal, "putting %s on backend %q: %w", shape, t.backend.Name(), err)
	}
	return b, nil
}

// feed lists the further inputs of a step: scalars, the state of random numbers where wanted, and the batch.
func (t *trainer) feed(scalars []float64, rng *[3]uint64, b *Batch) ([]compute.Buffer, error) {
	var list []compute.Buffer
	var err error
	add := func(flat any, shape Shape) {
		if err == nil {
			var buffer compute.Buffer
			buffer, err = t.put(flat, shape)
			list = append(list, buffer)
		}
	}
	for _, s := range scalars {
		add([]float32{float32(s)}, Float32s())
	}
	if rng != nil {
		add(rng[:], RandomStateShape)
	}
	if b == nil {
		return list, err
	}
	for _, a := range b.Inputs {
		add(a.flat(), a.Shape())
	}
	for _, a := range b.Targets {
		add(a.flat(), a.Shape())
	}
	if b.Weights != nil {
		add(b.Weights, Float32s(len(b.Weights)))
	}
	return list, err
}

// number reads a result that is one number and frees it.
func number(b compute.Buffer) (float64, error) {
	var v [1]float32
	if err := read(b, v[:]); err != nil {
		return 0, err
	}
	return float64(v[0]), b.Finalize()
}

func read(b compute.Buffer, to []float32) error {
	if err := b.ToFlatData(to); err != nil {
		return fault.Errorf(fault.Internal, "reading an array from backend %q: %w", b.Backend().Name(), err)
	}
	return nil
}
