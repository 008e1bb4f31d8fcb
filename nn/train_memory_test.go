package nn

import (
	"context"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/fault"
)

// TestLiveBytes counts by hand: arrays of 100 numbers, 400 bytes each.
func TestLiveBytes(t *testing.T) {
	for name, c := range map[string]struct {
		want  int64
		build func(x *Node) []*Node
	}{
		"chain":    {800, func(x *Node) []*Node { return []*Node{graph.Exp(graph.Sin(graph.Cos(graph.Neg(x))))} }},
		"kept":     {1200, func(x *Node) []*Node { a := graph.Neg(x); return []*Node{graph.Exp(graph.Sin(a)), a} }},
		"dead":     {400, func(x *Node) []*Node { graph.Sin(graph.Cos(x)); return []*Node{graph.Neg(x)} }},
		"reshaped": {800, func(x *Node) []*Node { return []*Node{graph.Neg(graph.Reshape(graph.Neg(x), 10, 10))} }},
		"reused":   {1200, func(x *Node) []*Node { a := graph.Neg(x); return []*Node{graph.Add(graph.Sin(graph.Cos(a)), a)} }},
		"view": {1200, func(x *Node) []*Node {
			a := graph.Neg(x)
			v := graph.Reshape(a, 10, 10)
			return []*Node{graph.Sin(graph.Cos(x)), v}
		}},
		"input": {0, func(x *Node) []*Node { return []*Node{x} }},
	} {
		g := graph.NewGraph(stock(t), "")
		out := c.build(graph.Parameter(g, "x", Float32s(100)))
		if got := liveBytes(g, out); got != c.want {
			t.Errorf("%s: %d bytes, want %d", name, got, c.want)
		}
		g.Finalize()
	}
}

func TestMemoryIsEstimatedAndLimited(t *testing.T) {
	var m *MemoryEstimate
	o := Options{Epochs: 1, Schedule: Schedule{Rate: 0.1}, Optimiser: Adam{}, Average: Average{Decay: 0.5}, Memory: 1 << 30}
	o.Validation = source(t, planted(6, 3), Order{})
	o.Prefetch.Ahead = 3
	o.Progress = func(p Progress) {
		if p.Memory != nil {
			m = p.Memory
		}
	}
	data := source(t, planted(20, 3), Order{Size: 10})
	fit(t, straight(3), data, o)
	// 4 weights of 4 bytes: held, averaged, the best; two slots of Adam; 4 batches of 10 × (3 + 1) numbers and 10
	// places, and 4 of 6.
	if m.Weights != 3*16 || m.Optimiser != 2*16 || m.Batches != 4*(10*(16+8)+6*(16+8)) || m.Copies != 0 || m.Activations < 80 || m.Available != 1<<30 {
		t.Errorf("%+v", m)
	}
	if m.Total != m.Weights+m.Optimiser+m.Batches+m.Activations {
		t.Errorf("the total of %+v", m)
	}
	steps := 0
	o.Memory = m.Total - 1
	o.Progress = func(p Progress) { steps = p.Step }
	_, err := Train(context.Background(), stock(t), straight(3), squares, data, o)
	if fault.KindOf(err) != fault.Usage || steps != 0 || !strings.Contains(err.Error(), "KiB") || fault.HintOf(err) == "" {
		t.Errorf("a byte too few: %v after %d steps", err, steps)
	}
	o.Memory = m.Total
	fit(t, straight(3), data, o)
}

func TestAvailableMemory(t *testing.T) {
	if free := availableMemory(); free < 0 || free > 1<<50 {
		t.Errorf("%d bytes are available", free)
	}
	for bytes, want := range map[int64]string{1536: "1.5 KiB", 5 << 20: "5.0 MiB", 3 << 30: "3.0 GiB"} {
		if got := size(bytes); got != want {
			t.Errorf("%d is %s", bytes, got)
		}
	}
}
