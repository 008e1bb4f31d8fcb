package nn

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"

	"galen.dev/fault"
)

// Tensor is one named array of a network. Data is row-major.
type Tensor struct {
	Name    string
	Dims    []int
	Data    []float32
	Trained bool // false for states such as running means
}

// Weights are the arrays of a network, in the order in which its Forward first uses them. The zero value is empty.
type Weights struct {
	list  []*Tensor
	index map[string]int
}

// NewWeights collects tensors. It is a Data error where a name comes twice or sizes do not match dimensions.
func NewWeights(tensors ...*Tensor) (*Weights, error) {
	w := &Weights{index: make(map[string]int, len(tensors))}
	var findings []fault.Finding
	for _, t := range tensors {
		if _, twice := w.index[t.Name]; twice {
			findings = append(findings, fault.Finding{Name: "duplicate-weight", Severity: fault.Severe, Message: "weight \"" + t.Name + "\" comes twice"})
			continue
		}
		if len(t.Data) != product(t.Dims) {
			findings = append(findings, fault.Finding{Name: "weight-size", Severity: fault.Severe, Message: "the size of weight \"" + t.Name + "\" does not match its dimensions"})
		}
		w.index[t.Name] = len(w.list)
		w.list = append(w.list, t)
	}
	if err := fault.Refuse("collecting weights", findings); err != nil {
		return nil, err
	}
	return w, nil
}

// Tensors are the arrays themselves, in order; changing their Data changes the weights.
func (w *Weights) Tensors() []*Tensor { return w.list }

// Lookup is the array of a name, or nil.
func (w *Weights) Lookup(name string) *Tensor {
	if i, ok := w.index[name]; ok {
		return w.list[i]
	}
	return nil
}

// Clone is a deep copy.
func (w *Weights) Clone() *Weights {
	c := &Weights{index: make(map[string]int, len(w.list))}
	for i, t := range w.list {
		c.list = append(c.list, &Tensor{t.Name, slices.Clone(t.Dims), slices.Clone(t.Data), t.Trained})
		c.index[t.Name] = i
	}
	return c
}

// Count is the number of trained values and of all values.
func (w *Weights) Count() (trained, all int) {
	for _, t := range w.list {
		all += len(t.Data)
		if t.Trained {
			trained += len(t.Data)
		}
	}
	return trained, all
}

// Match returns a Data error that names every array which specs ask for and w lacks or holds with other dimensions,
// and every array that no spec asks for.
func (w *Weights) Match(specs []Spec) error {
	var findings []fault.Finding
	found := func(name, message string) {
		findings = append(findings, fault.Finding{Name: name, Severity: fault.Severe, Message: message})
	}
	wanted := map[string]bool{}
	for _, s := range specs {
		wanted[s.Name] = true
		switch t := w.Lookup(s.Name); {
		case t == nil:
			found("missing-weight", "weight \""+s.Name+"\" is missing")
		case !slices.Equal(t.Dims, s.Dims):
			found("weight-dimensions", "weight \""+s.Name+"\" has other dimensions than the network's")
		}
	}
	for _, t := range w.list {
		if !wanted[t.Name] {
			found("unknown-weight", "the network has no weight \""+t.Name+"\"")
		}
	}
	return fault.Refuse("matching weights with the network", findings)
}

// draw makes the initial weights. Each array has a random stream of its own, from the seed and its name, so that
// adding a layer does not change the others.
func draw(specs []Spec, seed uint64) *Weights {
	w := &Weights{index: make(map[string]int, len(specs))}
	for i, s := range specs {
		h := fnv.New64a()
		h.Write([]byte(s.Name))
		t := &Tensor{Name: s.Name, Dims: slices.Clone(s.Dims), Data: make([]float32, product(s.Dims)), Trained: s.Trained}
		s.Init.fill(rand.New(rand.NewPCG(seed, h.Sum64())), t.Dims, t.Data)
		w.list = append(w.list, t)
		w.index[t.Name] = i
	}
	return w
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}
