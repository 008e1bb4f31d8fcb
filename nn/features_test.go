package nn

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
)

// The features of image networks can be read, with their gradient, and replaced.
func TestFeatures(t *testing.T) {
	for name, c := range map[string]struct {
		config   string
		x        []int
		features []int
	}{
		"basic-cnn": {`{"out": 3}`, []int{2, 12, 8, 1}, []int{2, 3, 2, 64}},
		"resnet18":  {`{"out": 3, "width": 4}`, []int{2, 16, 16, 1}, []int{2, 2, 2, 32}},
		"resnet1d":  {`{"out": 3}`, []int{2, 64, 2}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			net, err := Named(name, []byte(c.config))
			if err != nil {
				t.Fatal(err)
			}
			for backendName, backend := range backends(t) {
				w, err := Init(net, 1, Float32s(c.x...))
				if err != nil {
					t.Fatal(err)
				}
				run := func(replace bool) []Array {
					watched := *net
					watched.Forward = func(s *Scope, in ...*Node) []*Node {
						var seen *Node
						out := net.Forward(s.Watch(func(f *Node) *Node {
							seen = f
							if replace {
								return graph.ZerosLike(f)
							}
							return f
						}), in...)
						d := graph.Gradient(graph.ReduceAllSum(out[0]), seen)[0]
						return []*Node{out[0], seen, d}
					}
					p, err := NewPredictor(backend, &watched, w)
					if err != nil {
						t.Fatal(err)
					}
					defer p.Close()
					x := make([]float32, product(c.x))
					for i := range x {
						x[i] = float32(math.Sin(float64(3 * i)))
					}
					out, err := p.Run(Array{Dims: c.x, Floats: x})
					if err != nil {
						t.Fatal(err)
					}
					for i := range out {
						out[i].Floats = slices.Clone(out[i].Floats)
					}
					return out
				}
				own := run(false)
				if c.features != nil && !slices.Equal(own[1].Dims, c.features) {
					t.Errorf("%s: features %v, want %v", backendName, own[1].Dims, c.features)
				}
				if largest(own[2].Floats) == 0 {
					t.Errorf("%s: no gradient reaches the features", backendName)
				}
				// With features replaced, samples are alike.
				zero := run(true)
				if a, b := zero[0].Floats[:3], zero[0].Floats[3:]; !slices.Equal(a, b) || slices.Equal(own[0].Floats, zero[0].Floats) {
					t.Errorf("%s: outputs without features %v and %v", backendName, a, b)
				}
			}
		})
	}
}

func largest(values []float32) (most float64) {
	for _, v := range values {
		most = max(most, math.Abs(float64(v)))
	}
	return most
}

func TestFeaturesOfAnotherShapeAreRefused(t *testing.T) {
	net, err := BasicCNN(BasicCNNOptions{})
	if err != nil {
		t.Fatal(err)
	}
	watched := *net
	watched.Forward = func(s *Scope, in ...*Node) []*Node {
		return net.Forward(s.Watch(func(f *Node) *Node { return GlobalAveragePool(f) }), in...)
	}
	if _, err := Init(&watched, 1, Float32s(1, 8, 8, 1)); err == nil {
		t.Error("features of another shape are taken")
	}
}
