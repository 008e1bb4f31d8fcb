package nn

import (
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/fault"
)

// Options that do not fit are errors with a message of this package, not of the graph library.
func TestLayersRefuse(t *testing.T) {
	for name, build := range map[string]func(s *Scope, f func(dims ...int) *Node, i func(dims ...int) *Node){
		"dense of a vector":      func(s *Scope, f, _ func(...int) *Node) { s.Dense(f(3), 2, Dense{}) },
		"conv of a matrix":       func(s *Scope, f, _ func(...int) *Node) { s.Conv(f(3, 2), 2, []int{3}, Conv{}) },
		"kernel of 2 for 1 axis": func(s *Scope, f, _ func(...int) *Node) { s.Conv(f(1, 5, 2), 2, []int{3, 3}, Conv{}) },
		"kernel too large":       func(s *Scope, f, _ func(...int) *Node) { s.Conv(f(1, 2, 2), 2, []int{3}, Conv{}) },
		"kernel of 0":            func(s *Scope, f, _ func(...int) *Node) { s.Conv(f(1, 2, 2), 2, []int{0}, Conv{}) },
		"stride of 0":            func(s *Scope, f, _ func(...int) *Node) { s.Conv(f(1, 4, 2), 2, []int{3}, Conv{Stride: []int{0}}) },
		"padding below 0":        func(s *Scope, f, _ func(...int) *Node) { s.Conv(f(1, 4, 2), 2, []int{3}, Conv{Padding: Pad(-1)}) },
		"groups":                 func(s *Scope, f, _ func(...int) *Node) { s.Conv(f(1, 4, 3), 4, []int{3}, Conv{Groups: 2}) },
		"no channels":            func(s *Scope, f, _ func(...int) *Node) { s.Conv(f(1, 4, 3), 0, []int{3}, Conv{}) },
		"transposed of a matrix": func(s *Scope, f, _ func(...int) *Node) { s.ConvTranspose(f(3, 2), 2, []int{3}, ConvTranspose{}) },
		"transposed groups": func(s *Scope, f, _ func(...int) *Node) {
			s.ConvTranspose(f(1, 3, 3), 2, []int{3}, ConvTranspose{Groups: 2})
		},
		"output padding": func(s *Scope, f, _ func(...int) *Node) {
			s.ConvTranspose(f(1, 3, 2), 2, []int{3}, ConvTranspose{OutputPadding: []int{1}})
		},
		"transposed to nothing": func(s *Scope, f, _ func(...int) *Node) {
			s.ConvTranspose(f(1, 1, 2), 2, []int{3}, ConvTranspose{Padding: []int{2}})
		},
		"pool of a matrix":          func(_ *Scope, f, _ func(...int) *Node) { MaxPool(f(3, 2), Pool{}) },
		"pool too large":            func(_ *Scope, f, _ func(...int) *Node) { AveragePool(f(1, 1, 2), Pool{}) },
		"pool of padding":           func(_ *Scope, f, _ func(...int) *Node) { MaxPool(f(1, 4, 2), Pool{Padding: Pad(2)}) },
		"global pool of a matrix":   func(_ *Scope, f, _ func(...int) *Node) { GlobalAveragePool(f(1, 4)) },
		"upsample by 0":             func(_ *Scope, f, _ func(...int) *Node) { Upsample(f(1, 4, 2), 0) },
		"batch norm of one":         func(s *Scope, f, _ func(...int) *Node) { s.BatchNorm(f(1, 4), Norm{}) },
		"instance norm of a matrix": func(s *Scope, f, _ func(...int) *Node) { s.InstanceNorm(f(1, 4), Norm{}) },
		"group norm":                func(s *Scope, f, _ func(...int) *Node) { s.GroupNorm(f(1, 4), 3, Norm{}) },
		"norm's name":               func(s *Scope, f, _ func(...int) *Node) { s.Norm(f(2, 4), "bach") },
		"activation's name":         func(_ *Scope, f, _ func(...int) *Node) { mustActivation("rely", "")(f(2)) },
		"slope":                     func(_ *Scope, f, _ func(...int) *Node) { LeakyReLU(f(2), -1) },
		"dropout":                   func(s *Scope, f, _ func(...int) *Node) { s.Dropout(f(2), 1) },
		"embedding of numbers":      func(s *Scope, f, _ func(...int) *Node) { s.Embedding(f(2), 3, 4, Embedding{}) },
		"heads": func(s *Scope, f, _ func(...int) *Node) {
			x := f(1, 2, 3)
			s.Attention(x, x, x, nil, Attention{Heads: 2})
		},
		"attention of a matrix":   func(s *Scope, f, _ func(...int) *Node) { x := f(2, 3); s.Attention(x, x, x, nil, Attention{}) },
		"attention's mask":        func(s *Scope, f, i func(...int) *Node) { x := f(1, 2, 3); s.Attention(x, x, x, i(1, 2), Attention{}) },
		"encoder of a matrix":     func(s *Scope, f, _ func(...int) *Node) { s.EncoderLayer(f(2, 3), nil, EncoderLayer{}) },
		"temporal of an image":    func(s *Scope, f, _ func(...int) *Node) { s.Temporal(f(1, 2, 3, 1), 2, 3, 1, 0) },
		"labels are numbers":      func(_ *Scope, f, _ func(...int) *Node) { CrossEntropy{}.Loss(f(2, 3), f(2)) },
		"labels of another batch": func(_ *Scope, f, i func(...int) *Node) { CrossEntropy{}.Loss(f(2, 3), i(3)) },
		"class weights":           func(_ *Scope, f, i func(...int) *Node) { CrossEntropy{Weights: []float64{1}}.Loss(f(2, 3), i(2)) },
		"smoothing":               func(_ *Scope, f, i func(...int) *Node) { CrossEntropy{Smoothing: 1}.Loss(f(2, 3), i(2)) },
		"binary shapes":           func(_ *Scope, f, _ func(...int) *Node) { Binary{}.Loss(f(2, 3), f(2)) },
		"binary weights":          func(_ *Scope, f, _ func(...int) *Node) { Binary{PosWeight: []float64{1, 2}}.Loss(f(2, 3), f(2, 3)) },
		"mask of another shape":   func(_ *Scope, f, _ func(...int) *Node) { Binary{Keep: f(2)}.Loss(f(2, 3), f(2, 3)) },
		"gamma":                   func(_ *Scope, f, _ func(...int) *Node) { Focal{Gamma: 0.5}.Loss(f(2, 3), f(2, 3)) },
		"delta":                   func(_ *Scope, f, _ func(...int) *Node) { Huber(f(2), f(2), nil, 0) },
		"dice of one class":       func(_ *Scope, f, i func(...int) *Node) { DiceCrossEntropy{}.Loss(f(2, 4, 1), i(2, 4)) },
		"cox shapes":              func(_ *Scope, f, _ func(...int) *Node) { Cox(f(2), f(3), f(2), Efron) },
		"intervals":               func(_ *Scope, f, _ func(...int) *Node) { DiscreteHazard(f(2, 3), f(2), f(2)) },
		"temperature":             func(_ *Scope, f, i func(...int) *Node) { Contrast(f(2, 3), i(2), -1) },
		"penalty's mix":           func(_ *Scope, f, _ func(...int) *Node) { GradientPenalty(ReLU, f(2, 3), f(2, 3), f(3)) },
		"message passing": func(s *Scope, f, i func(...int) *Node) {
			s.MessagePassing(Molecules{Atoms: f(2), Bonds: f(2, 3)}, MessagePassing{})
		},
	} {
		g := graph.NewGraph(stock(t), "")
		n := 0
		parameter := func(shape Shape) *Node {
			n++
			return graph.Parameter(g, string(rune('a'+n)), shape)
		}
		err := Catch(func() {
			build(NewScope(g, ScopeOptions{Training: true}), func(dims ...int) *Node { return parameter(Float32s(dims...)) }, func(dims ...int) *Node { return parameter(Int32s(dims...)) })
		})
		if fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCatchLetsDefectsThrough(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an index out of range became an error")
		}
	}()
	var none []int
	_ = Catch(func() { none[len(none)]++ })
}
