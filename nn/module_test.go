package nn

import (
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/fault"
)

// stock is the backend that the tests compare against: the stock Go backend, one operation at a time.
func stock(t testing.TB) compute.Backend {
	t.Helper()
	b, err := gobackend.New("ops_sequential")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// counter is a network with a trained weight, a state and an integer input.
func counter() *Net {
	return &Net{
		Name:   "counter",
		Inputs: []Input{{"x", dtypes.Float32, []int{0, 3}}, {"n", dtypes.Int32, []int{0}}},
		Forward: func(s *Scope, in ...*Node) []*Node {
			y := s.In("a").Dense(in[0], 2, Dense{})
			seen := s.State("seen", 5)
			s.SetState("seen", graph.AddScalar(seen, 1))
			n := graph.ConvertDType(graph.InsertAxes(in[1], -1), s.DType())
			return []*Node{graph.Add(graph.Mul(y, graph.BroadcastToShape(n, y.Shape())), seen)}
		},
	}
}

func TestPredictor(t *testing.T) {
	for name, backend := range backends(t) {
		t.Run(name, func(t *testing.T) { checkPredictor(t, backend) })
	}
}

func checkPredictor(t *testing.T, backend compute.Backend) {
	net := counter()
	w, err := Init(net, 1, Float32s(1, 3), Int32s(1))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range w.Tensors() {
		names = append(names, p.Name)
	}
	if want := []string{"a.weight", "a.bias", "seen"}; !slices.Equal(names, want) {
		t.Fatalf("weights %v, want %v", names, want)
	}
	if trained, all := w.Count(); trained != 8 || all != 9 {
		t.Fatalf("counted %d trained of %d", trained, all)
	}
	copy(w.Lookup("a.weight").Data, []float32{1, 2, 3, 4, 5, 6})
	copy(w.Lookup("a.bias").Data, []float32{0.5, -0.5})
	p, err := NewPredictor(backend, net, w)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for round := range 3 {
		for batch := 1; batch <= 2; batch++ {
			x, n := make([]float32, 3*batch), make([]int32, batch)
			for i := range n {
				x[3*i], x[3*i+2], n[i] = 1, float32(round), int32(i+1)
			}
			out, err := p.Run(Array{Dims: []int{batch, 3}, Floats: x}, Array{Dims: []int{batch}, Ints: n})
			if err != nil {
				t.Fatal(err)
			}
			for i := range n {
				r, k := float32(round), float32(i+1)
				if got, want := out[0].Floats[2*i:2*i+2], []float32{(1.5+5*r)*k + 5, (1.5+6*r)*k + 5}; !slices.Equal(got, want) {
					t.Fatalf("round %d batch %d: got %v, want %v", round, batch, got, want)
				}
			}
		}
	}
}

func TestPredictorRefuses(t *testing.T) {
	net := counter()
	w, err := Init(net, 1, Float32s(1, 3), Int32s(1))
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPredictor(stock(t), net, w)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Run(Array{Dims: []int{1, 3}, Floats: make([]float32, 3)}); fault.KindOf(err) != fault.Usage {
		t.Errorf("one input of two: %v", err)
	}
	if _, err := p.Run(Array{Dims: []int{1, 4}, Floats: make([]float32, 4)}, Array{Dims: []int{1}, Ints: make([]int32, 1)}); fault.KindOf(err) != fault.Usage {
		t.Errorf("four columns of three: %v", err)
	}
	if _, err := p.Run(Array{Dims: []int{2, 3}, Floats: make([]float32, 6)}, Array{Dims: []int{3}, Ints: make([]int32, 3)}); fault.KindOf(err) != fault.Usage {
		t.Errorf("batches of two and three: %v", err)
	}
	other, err := NewWeights(&Tensor{Name: "a.weight", Dims: []int{3, 1}, Data: make([]float32, 3)}, &Tensor{Name: "b", Data: make([]float32, 1)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewPredictor(stock(t), net, other, Float32s(1, 3), Int32s(1))
	if got := len(fault.FindingsOf(err)); got != 4 || fault.KindOf(err) != fault.Data {
		t.Errorf("weights of another network: %d findings: %v", got, err)
	}
	if _, err := NewWeights(&Tensor{Name: "a", Dims: []int{2}, Data: make([]float32, 3)}, &Tensor{Name: "a", Data: make([]float32, 1)}); len(fault.FindingsOf(err)) != 2 {
		t.Errorf("bad tensors: %v", err)
	}
}

func TestInitIsReproducible(t *testing.T) {
	net := counter()
	var before *Weights
	for _, seed := range []uint64{1, 1, 2} {
		w, err := Init(net, seed, Float32s(1, 3), Int32s(1))
		if err != nil {
			t.Fatal(err)
		}
		if before != nil {
			if same := slices.Equal(w.Lookup("a.weight").Data, before.Lookup("a.weight").Data); same != (seed == 1) {
				t.Errorf("seed %d: same weights %v", seed, same)
			}
		}
		before = w.Clone()
		clear(w.Lookup("a.weight").Data)
		if before.Lookup("a.weight").Data[0] == 0 {
			t.Error("a clone shares memory")
		}
	}
}

func TestScopeRefuses(t *testing.T) {
	for name, build := range map[string]func(s *Scope){
		"other dimensions":  func(s *Scope) { s.Weight("w", Zeros, 2); s.Weight("w", Zeros, 3) },
		"weight as state":   func(s *Scope) { s.Weight("w", Zeros, 2); s.State("w", 0, 2) },
		"unknown state":     func(s *Scope) { s.SetState("w", graph.Const(s.Graph(), float32(1))) },
		"state's shape":     func(s *Scope) { s.State("w", 0, 2); s.SetState("w", graph.Const(s.Graph(), float32(1))) },
		"empty weight":      func(s *Scope) { s.Weight("w", Zeros, 0) },
		"no random numbers": func(s *Scope) { s.Rand(3) },
	} {
		err := Catch(func() { build(NewScope(graph.NewGraph(stock(t), ""), ScopeOptions{})) })
		if fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}
