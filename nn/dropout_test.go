package nn

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// dropped runs dropout on ones and returns the results of two layers.
func dropped(t *testing.T, step uint64, training bool, drop func(s *Scope, x *Node) *Node, dims ...int) (a, b []float32) {
	t.Helper()
	exec, err := graph.NewExec(stock(t), func(in []*graph.Node) []*graph.Node {
		s := NewScope(in[0].Graph(), ScopeOptions{Training: training, RNG: in[0]})
		x := graph.Ones(in[0].Graph(), Float32s(dims...))
		return []*Node{drop(s, x), drop(s, x)}
	})
	if err != nil {
		t.Fatal(err)
	}
	state := RandomState(7, step)
	out, err := exec.Call(tensors.FromFlatDataAndDimensions(state[:], 3))
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float32](out[0]), tensors.MustCopyFlatData[float32](out[1])
}

func TestDropout(t *testing.T) {
	quarter := func(s *Scope, x *Node) *Node { return s.Dropout(x, 0.25) }
	a, b := dropped(t, 1, true, quarter, 100, 100)
	again, _ := dropped(t, 1, true, quarter, 100, 100)
	next, _ := dropped(t, 2, true, quarter, 100, 100)
	if !slices.Equal(a, again) {
		t.Error("the same seed and step drop differently")
	}
	if slices.Equal(a, b) || slices.Equal(a, next) {
		t.Error("two layers or two steps drop the same")
	}
	zeros := 0
	for _, x := range a {
		if x == 0 {
			zeros++
		} else if x != float32(1)/0.75 {
			t.Fatalf("what is kept is scaled to %g", x)
		}
	}
	// Binomial with 10,000 draws: standard deviation 43.
	if math.Abs(float64(zeros)-2500) > 4*43 {
		t.Errorf("%d of 10000 are dropped at a rate of 0.25", zeros)
	}
	if off, _ := dropped(t, 1, false, quarter, 4); !slices.Equal(off, []float32{1, 1, 1, 1}) {
		t.Errorf("in inference dropout gives %v", off)
	}
	if off, _ := dropped(t, 1, true, func(s *Scope, x *Node) *Node { return s.Dropout(x, 0) }, 4); !slices.Equal(off, []float32{1, 1, 1, 1}) {
		t.Errorf("at rate 0 dropout gives %v", off)
	}
}

func TestDropoutOfChannels(t *testing.T) {
	a, _ := dropped(t, 1, true, func(s *Scope, x *Node) *Node { return s.DropoutChannels(x, 0.5) }, 4, 5, 8)
	seen := map[float32]int{}
	for n := range 4 {
		for c := range 8 {
			first := a[n*40+c]
			seen[first]++
			for p := range 5 {
				if a[n*40+p*8+c] != first {
					t.Fatalf("channel %d of sample %d is dropped in part", c, n)
				}
			}
		}
	}
	if seen[0] == 0 || seen[2] == 0 || len(seen) != 2 {
		t.Errorf("values %v", seen)
	}
}

func TestRandomStatesDiffer(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := range uint64(30) {
		for step := range uint64(30) {
			for _, word := range RandomState(seed, step) {
				if seen[word] {
					t.Fatalf("seed %d, step %d repeats a word", seed, step)
				}
				seen[word] = true
			}
		}
	}
}
