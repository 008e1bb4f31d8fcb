package nn

import (
	"fmt"
	"strings"

	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/fault"
)

// MemoryEstimate is what a training takes at its peak, in bytes. Activations are an upper bound: a backend that
// joins operations keeps fewer of them.
type MemoryEstimate struct {
	Weights     int64 // weights and states, their average and the best of them
	Optimiser   int64 // its state, and sums of gradients
	Activations int64 // the greatest sum of arrays that are alive at once within a step, gradients among them
	Batches     int64 // in use and made ahead
	Copies      int64 // made while a checkpoint is written
	Total       int64
	Available   int64 // what the machine has free, or the limit that was set; 0 where it is not known
}

func (m MemoryEstimate) String() string {
	text := fmt.Sprintf("%s: activations %s, weights %s, optimiser %s, batches %s", size(m.Total), size(m.Activations),
		size(m.Weights), size(m.Optimiser), size(m.Batches))
	if m.Copies > 0 {
		text += ", copies for checkpoints " + size(m.Copies)
	}
	if m.Available > 0 {
		text += "; " + size(m.Available) + " available"
	}
	return text
}

func size(bytes int64) string {
	const unit = 1 << 20
	switch {
	case bytes < unit:
		return fmt.Sprintf("%.1f KiB", float64(bytes)/1024)
	case bytes < 1024*unit:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/unit)
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1024*unit))
}

// estimate sums up what the training takes. training are the graphs of a step, evaluation the one of validation or
// nil.
func (t *trainer) estimate(first, validation *Batch, training []*program, evaluation *program) MemoryEstimate {
	var m MemoryEstimate
	for i, a := range t.arrays {
		bytes := a.shape.ByteSize()
		if i < len(t.weightArrays) || strings.HasPrefix(a.name, "average/") {
			m.Weights += bytes
		} else {
			m.Optimiser += bytes
		}
		if i < len(t.weightArrays) && t.options.Validation != nil {
			m.Weights += bytes
		}
	}
	for _, p := range append(training, evaluation) {
		if p != nil {
			m.Activations = max(m.Activations, liveBytes(p.graph, p.outputs))
		}
	}
	made := int64(t.options.Prefetch.ahead() + 1)
	m.Batches = made * first.bytes()
	if validation != nil {
		m.Batches += made * validation.bytes()
	}
	if t.checkpoint != nil {
		m.Copies = m.Weights + m.Optimiser
	}
	m.Total = m.Weights + m.Optimiser + m.Activations + m.Batches + m.Copies
	m.Available = t.options.Memory
	if m.Available == 0 {
		m.Available = availableMemory()
	}
	return m
}

// check refuses a training that does not fit.
func (m MemoryEstimate) check(limited bool) error {
	if m.Available == 0 || m.Total <= m.Available {
		return nil
	}
	where := "the machine has free"
	if limited {
		where = "the limit allows"
	}
	return fault.WithHint(fault.Errorf(fault.Usage, "the training would take %s, and %s %s (%s)", size(m.Total), where, size(m.Available), m),
		"make batches smaller, and accumulate gradients over several of them; or allow more memory")
}

// liveBytes walks through a graph in the order in which its nodes were made, which is the order in which they can
// run, and returns the greatest sum of arrays that are alive at once: each from its making to its last use.
// Parameters are counted by who holds them; a new shape of the same values takes no memory of its own. Nodes inside
// functions are left out: a backend runs those in place or in memory of its own.
func liveBytes(g *graph.Graph, outputs []*Node) int64 {
	nodes := g.Nodes()
	last := make(map[*Node]int, len(nodes)) // index of the last use; absent where nothing needs the node
	owner := make(map[*Node]*Node)          // of the memory
	for _, o := range outputs {
		last[o] = len(nodes)
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		n := nodes[i]
		if _, needed := last[n]; !needed {
			continue
		}
		for _, in := range n.Inputs() {
			if _, seen := last[in]; !seen {
				last[in] = i
			}
		}
	}
	// The memory lives as long as the last of the nodes that share it.
	end := make(map[*Node]int, len(last))
	for i, n := range nodes {
		until, needed := last[n]
		if !needed {
			continue
		}
		owner[n] = n
		if in := n.Inputs(); len(in) > 0 && shares(n) {
			owner[n] = owner[in[0]]
		}
		end[owner[n]] = max(end[owner[n]], until, i)
	}
	var live, peak int64
	ending := make(map[int]int64)
	for i, n := range nodes {
		if owner[n] == n {
			bytes := ownBytes(n)
			live += bytes
			ending[end[n]] += bytes
			peak = max(peak, live)
		}
		live -= ending[i]
	}
	return peak
}

// shares says whether a node is another view of its input.
func shares(n *Node) bool {
	return n.Type() == graph.NodeTypeReshape || n.Type() == graph.NodeTypeIdentity
}

// ownBytes is the memory of a node's output. Where an operation has several, each is a node of its own behind it.
func ownBytes(n *Node) int64 {
	if n.Type() == graph.NodeTypeParameter || n.NumOutputs() != 1 {
		return 0
	}
	return n.Shape().ByteSize()
}
