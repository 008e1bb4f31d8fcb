package nn

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// TestLayersAgainstDifferences compares the first and the second derivatives of every layer and loss, along one
// direction through all inputs and weights at once, with central differences in float64. The arrays are those of
// testdata/layers.py, moved away from kinks.
func TestLayersAgainstDifferences(t *testing.T) {
	var cases []layerCase
	readJSON(t, "layers.json.gz", &cases)
	for _, c := range cases {
		for name, backend := range backends(t) {
			t.Run(c.Name+"/"+name, func(t *testing.T) { c.checkDifferences(t, backend, layersOf[c.Name]) })
		}
	}
}

func (c layerCase) checkDifferences(t *testing.T, backend compute.Backend, build func(*Scope, []*Node) []*Node) {
	g := graph.NewGraph(backend, "")
	defer g.Finalize()
	var feed []vector
	var moving []int // which of the feed are differentiated
	err := Catch(func() {
		var in, wanted []*Node
		parameter := func(name string, v vector, moves bool) *Node {
			n := graph.Parameter(g, name, v.tensor().Shape())
			if moves {
				v.Data = slices.Clone(v.Data)
				for i := range v.Data {
					v.Data[i] = 0.99*v.Data[i] + 0.003
				}
				moving, wanted = append(moving, len(feed)), append(wanted, n)
			}
			feed = append(feed, v)
			return n
		}
		for i, v := range c.Inputs {
			in = append(in, parameter("in"+string(rune('0'+i)), v, c.DInputs[i] != nil))
		}
		s := NewScope(g, ScopeOptions{DType: dtypes.Float64, Training: len(c.After) > 0 && c.Name != "batch norm inference", Bind: func(spec Spec) *Node {
			if spec.Trained {
				return parameter(spec.Name, c.Weights[spec.Name], true)
			}
			return parameter(spec.Name, c.States[spec.Name], false)
		}})
		first := weigh(build(s, in))
		gradients := graph.Gradient(first, wanted...)
		second := weigh(gradients)
		results := append([]*Node{first, second}, gradients...)
		if err := g.Compile(append(results, graph.Gradient(second, wanted...)...)...); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatalf("%+v", err)
	}
	run := func(step float64) []*tensors.Tensor {
		args := make([]any, len(feed))
		for i, v := range feed {
			args[i] = v.tensor()
		}
		for _, i := range moving {
			moved := vector{Dims: feed[i].Dims, Data: make([]float64, len(feed[i].Data))}
			for j, x := range feed[i].Data {
				moved.Data[j] = x + step*direction(i, j)
			}
			args[i] = moved.tensor()
		}
		return g.Run(args...)
	}
	exact := run(0)
	const h = 1e-6
	up, down := run(h), run(-h)
	for order := range 2 {
		difference := (tensors.ToScalar[float64](up[order]) - tensors.ToScalar[float64](down[order])) / (2 * h)
		sum, size := 0.0, 0.0
		for k, i := range moving {
			for j, d := range tensors.MustCopyFlatData[float64](exact[2+order*len(moving)+k]) {
				sum += d * direction(i, j)
				size += math.Abs(d * direction(i, j))
			}
		}
		// The difference errs by h² times the third derivative and by rounding over h, together below 1e-8 of the
		// sizes met here; a few losses are steep.
		if !(math.Abs(sum-difference) <= 1e-6*(1+size)) {
			t.Errorf("derivative %d is %.10g, the difference %.10g", order+1, sum, difference)
		}
	}
}

// direction is an arbitrary fixed direction.
func direction(i, j int) float64 { return math.Sin(1 + 3*float64(i) + 7*float64(j)) }
