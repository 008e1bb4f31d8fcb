package nn

import (
	"slices"
	"strings"

	"github.com/gomlx/compute"

	"galen.dev/fault"
)

// A trainer holds what Train works on. Everything that changes from step to step is in the arrays, on the backend,
// and in the position.
type trainer struct {
	backend   compute.Backend
	net       *Net
	objective Objective
	options   *Options
	data      Source

	specs  []Spec
	index  map[string]int // of specs, by name
	arrays []array
	// Which arrays are what. weightArrays are the first, one for each spec, so a spec's array has its index.
	weightArrays, slotArrays, averageArrays, sumArrays []int

	trained          []int // the specs that are trained and not frozen
	optimiserScalars int

	programs    map[string]*program
	evaluations map[string]*program
	update      *program // with accumulation only

	amid       bool // a step is half done: some arrays are new and some are not
	position   position
	best       *Weights
	checkpoint *checkpoints
	meter      speedometer
	memory     MemoryEstimate
}

// array is one array on the backend. Sums of gradients live within a step only.
type array struct {
	name   string // unique: "weights/…", "optimiser/SLOT/…", "average/…", "sum/…"
	shape  Shape
	buffer compute.Buffer
}

// layOut lists the arrays. Buffers come later.
func (t *trainer) layOut() error {
	t.index = make(map[string]int, len(t.specs))
	add := func(list *[]int, name string, dims []int) {
		*list = append(*list, len(t.arrays))
		t.arrays = append(t.arrays, array{name: name, shape: Float32s(dims...)})
	}
	for i, s := range t.specs {
		t.index[s.Name] = i
		add(&t.weightArrays, "weights/"+s.Name, s.Dims)
		if s.Trained && !t.frozen(s.Name) {
			t.trained = append(t.trained, i)
		}
	}
	if len(t.trained) == 0 {
		return fault.Errorf(fault.Usage, "network %q has nothing to train", t.net.Name)
	}
	for _, f := range t.options.Frozen {
		if !slices.ContainsFunc(t.specs, func(s Spec) bool { return within(s.Name, f) }) {
			return fault.Errorf(fault.Usage, "network %q has no weights %q to freeze", t.net.Name, f)
		}
	}
	for _, p := range t.options.Players {
		if !slices.ContainsFunc(t.specs, func(s Spec) bool { return within(s.Name, p.Scope) }) {
			return fault.Errorf(fault.Usage, "network %q has no weights %q to play", t.net.Name, p.Scope)
		}
	}
	opt := t.options.optimiser()
	t.optimiserScalars = len(opt.scalars(1, 1))
	for _, w := range t.trained {
		for _, slot := range opt.slots() {
			add(&t.slotArrays, "optimiser/"+slot+"/"+t.specs[w].Name, t.specs[w].Dims)
		}
	}
	if t.options.Average.Decay > 0 {
		for _, s := range t.specs {
			add(&t.averageArrays, "average/"+s.Name, s.Dims)
		}
	}
	if t.options.accumulate() > 1 {
		for _, w := range t.trained {
			add(&t.sumArrays, "sum/"+t.specs[w].Name, t.specs[w].Dims)
		}
	}
	return nil
}

func (t *trainer) frozen(name string) bool {
	return slices.ContainsFunc(t.options.Frozen, func(f string) bool { return within(name, f) })
}

// within says whether a weight is the one named, or in the scope named.
func within(name, scope string) bool {
	return name == scope || strings.HasPrefix(name, scope+".")
}

// kept are the arrays that outlive a step.
func (t *trainer) kept() []int {
	return slices.Concat(t.weightArrays, t.slotArrays, t.averageArrays)
}

// begin fills the arrays for a new training: the average starts as the weights, slots at zero.
func (t *trainer) begin(w *Weights) error {
	for _, a := range t.kept() {
		values := make([]float32, t.arrays[a].shape.Size())
		if _, name, _ := strings.Cut(t.arrays[a].name, "/"); !strings.HasPrefix(t.arrays[a].name, "optimiser/") {
			values = w.Lookup(name).Data
		}
		if err := t.fill(a, values); err != nil {
			return err
		}
	}
	return nil
}

func (t *trainer) fill(a int, values []float32) (err error) {
	t.arrays[a].buffer, err = t.put(values, t.arrays[a].shape)
	return err
}

// weights copies the weights that count: the average where there is one.
func (t *trainer) weights() (*Weights, error) {
	from := t.weightArrays
	if len(t.averageArrays) > 0 {
		from = t.averageArrays
	}
	list := make([]*Tensor, len(from))
	for i, a := range from {
		s := t.specs[i]
		list[i] = &Tensor{Name: s.Name, Dims: slices.Clone(s.Dims), Data: make([]float32, product(s.Dims)), Trained: s.Trained}
		if err := read(t.arrays[a].buffer, list[i].Data); err != nil {
			return nil, err
		}
	}
	return NewWeights(list...)
}

// close frees what the training holds on the backend.
func (t *trainer) close() {
	for _, list := range []map[string]*program{t.programs, t.evaluations, {"": t.update}} {
		for _, p := range list {
			if p != nil {
				p.graph.Finalize()
			}
		}
	}
	for i := range t.arrays {
		if t.arrays[i].buffer != nil {
			_ = t.arrays[i].buffer.Finalize() // nothing can be done about memory that a backend will not take back
		}
	}
}
