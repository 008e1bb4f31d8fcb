package engine

import (
	"fmt"
	"maps"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
)

// executable implements compute.Executable. Calls from several goroutines wait for each other: the plan's memory
// is shared by all of them, and its loops use every thread anyway.
type executable struct {
	backend *backend
	builder *builder

	mu     sync.Mutex
	plan   *plan             // nil where the parameters have axes without a size
	plans  map[string]*sized // for each set of sizes that came
	closed bool
	in     [][]byte // of the call in progress
	out    [][]byte
	ids    []uint64 // of the inputs' contents
}

// sized is a plan for known sizes.
type sized struct {
	plan    *plan
	outputs []shapes.Shape
}

var _ compute.Executable = (*executable)(nil)

func newExecutable(b *builder) (*executable, error) {
	e := &executable{backend: b.backend, builder: b}
	for _, p := range b.main.params {
		if p.shapes[0].IsDynamic() {
			e.plans = map[string]*sized{}
			return e, nil
		}
	}
	var err error
	if e.plan, err = newPlan(b.main); err != nil {
		return nil, fmt.Errorf("compiling %q: %w", b.name, err)
	}
	return e, nil
}

// Finalize frees the plan's memory. Executing afterwards is an error.
func (e *executable) Finalize() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed, e.plan, e.plans, e.in, e.out = true, nil, nil, nil, nil
}

func (e *executable) Inputs() (names []string, inputs []shapes.Shape) {
	for _, p := range e.builder.main.params {
		names = append(names, p.attr.(paramAttr).name)
		inputs = append(inputs, p.shapes[0])
	}
	return names, inputs
}

func (e *executable) Outputs() []shapes.Shape { return e.builder.main.outputShapes() }

// Execute runs the computation. Every output has memory of its own, and donated inputs give theirs back for the
// outputs of later calls, after an error too.
func (e *executable) Execute(inputs []compute.Buffer, donate []bool, device compute.DeviceNum) ([]compute.Buffer, error) {
	if err := e.backend.checkDevice(device); err != nil {
		return nil, err
	}
	if len(donate) != 0 && len(donate) != len(inputs) {
		return nil, fmt.Errorf("executing %q: %d inputs, but donation is said of %d", e.builder.name, len(inputs), len(donate))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, fmt.Errorf("executing %q: it is finalized", e.builder.name)
	}
	given, err := e.accept(inputs)
	if err != nil {
		return nil, fmt.Errorf("executing %q: %w", e.builder.name, err)
	}
	p, outputs, err := e.planFor(given)
	if err != nil {
		return nil, fmt.Errorf("executing %q: %w", e.builder.name, err)
	}
	results := e.results(p, outputs, given, donate)
	err = e.run(p)
	clear(e.in)
	clear(e.out)
	for i, d := range donate {
		if !d {
			continue
		}
		if mem, gone := given[i].release(errDonated); gone == nil {
			e.backend.give(mem)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("executing %q: %w", e.builder.name, err)
	}
	return results, nil
}

// results makes the buffers of the outputs. Where the plan can write an output over an input that is donated, and
// nobody else reads, the output takes that memory.
func (e *executable) results(p *plan, outputs []shapes.Shape, given []*buffer, donate []bool) []compute.Buffer {
	results := make([]compute.Buffer, len(outputs))
	e.out = e.out[:0]
	for i, s := range outputs {
		var buf *buffer
		if from := p.donors[i]; from >= 0 && len(donate) > 0 && donate[from] && once(given, from) {
			if mem, gone := given[from].release(errDonated); gone == nil {
				buf = &buffer{backend: e.backend, shape: s, mem: mem, id: lastID.Add(1)}
			}
		}
		if buf == nil {
			buf = e.backend.newBuffer(s)
		}
		results[i] = buf
		e.out = append(e.out, buf.mem)
	}
	return results
}

// once reports whether a buffer is given for one input only.
func once(given []*buffer, at int) bool {
	for i, buf := range given {
		if i != at && buf == given[at] {
			return false
		}
	}
	return true
}

// run turns a panic of a kernel into an error.
func (e *executable) run(p *plan) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a kernel failed: %v", r)
		}
	}()
	p.ids = e.ids
	return p.run(e.in, e.out)
}

// accept checks the inputs and notes where their values are.
func (e *executable) accept(inputs []compute.Buffer) ([]*buffer, error) {
	params := e.builder.main.params
	if len(inputs) != len(params) {
		return nil, fmt.Errorf("%d inputs, want %d", len(inputs), len(params))
	}
	given := make([]*buffer, len(inputs))
	e.in, e.ids = e.in[:0], e.ids[:0]
	for i, in := range inputs {
		name, want := params[i].attr.(paramAttr).name, params[i].shapes[0]
		buf, ok := in.(*buffer)
		if !ok || buf == nil {
			return nil, fmt.Errorf("input %d, %q, is a %T of another backend", i, name, in)
		}
		if buf.backend != e.backend {
			return nil, fmt.Errorf("input %d, %q, is a buffer of another instance of the backend %q", i, name, Name)
		}
		if err := buf.alive(); err != nil {
			return nil, fmt.Errorf("input %d, %q: %w", i, name, err)
		}
		if !fits(buf.shape, want) {
			return nil, fmt.Errorf("input %d, %q, is %s, want %s", i, name, buf.shape, want)
		}
		given[i] = buf
		e.in = append(e.in, buf.mem)
		e.ids = append(e.ids, buf.content())
	}
	return given, nil
}

// fits reports whether a value of shape s can be given for a parameter of shape want.
func fits(s, want shapes.Shape) bool {
	if s.DType != want.DType || s.Rank() != want.Rank() {
		return false
	}
	for i, d := range want.Dimensions {
		if d != shapes.DynamicDim && d != s.Dimensions[i] {
			return false
		}
	}
	return true
}

// maxPlans is how many sets of sizes an executable remembers. A plan owns memory for its intermediate values, so
// there must be a limit; what is planned last is what training and serving use.
const maxPlans = 16

// planFor returns the plan for the given inputs and the shapes of its outputs.
func (e *executable) planFor(given []*buffer) (*plan, []shapes.Shape, error) {
	if e.plan != nil {
		return e.plan, e.builder.main.outputShapes(), nil
	}
	sizes := shapes.AxisBindings{}
	for i, p := range e.builder.main.params {
		if err := sizes.Extract(p.shapes[0], given[i].shape); err != nil {
			return nil, nil, fmt.Errorf("input %d, %q: %w", i, p.attr.(paramAttr).name, err)
		}
	}
	key := sizes.Key()
	if known := e.plans[key]; known != nil {
		return known.plan, known.outputs, nil
	}
	b, err := e.builder.specialize(maps.Clone(sizes))
	if err != nil {
		return nil, nil, err
	}
	p, err := newPlan(b.main)
	if err != nil {
		return nil, nil, err
	}
	if len(e.plans) >= maxPlans {
		clear(e.plans)
	}
	made := &sized{p, b.main.outputShapes()}
	e.plans[key] = made
	return made.plan, made.outputs, nil
}
