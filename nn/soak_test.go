//go:build long

package nn

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
)

// Ten thousand steps of a small recurrent network, on every number of threads: nothing hangs, and all end with the
// same bits. Under -race it also shows that no two threads meet.
func TestSoak(t *testing.T) {
	const batch, steps, channels, updates = 6, 5, 3, 10_000
	net, err := LSTM(RecurrentOptions{Out: 2, Hidden: 8})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	x, y := make([]float32, 4*batch*steps*channels), make([]float32, 4*batch*2)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for i := range y {
		y[i] = float32(rng.NormFloat64())
	}
	all := &Batch{
		Inputs:  []Array{{Dims: []int{4 * batch, steps, channels}, Floats: x}},
		Targets: []Array{{Dims: []int{4 * batch, 2}, Floats: y}},
	}
	var want [sha256.Size]byte
	for i, threads := range []int{1, 2, 8} {
		func() {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
			backend, err := Backend("cpu")
			if err != nil {
				t.Fatal(err)
			}
			source, err := FromArrays(all, Order{Size: batch, Shuffle: true, Seed: 3}, nil)
			if err != nil {
				t.Fatal(err)
			}
			objective := func(outputs, targets []*Node, _ *Node) *Node {
				return graph.ReduceAllMean(graph.Square(graph.Sub(outputs[0], targets[0])))
			}
			result, err := Train(context.Background(), backend, net, objective, source, Options{
				Seed: 1, Epochs: updates / 4, Optimiser: SGD{}, Schedule: Schedule{Rate: 0.01},
			})
			if err != nil {
				t.Fatal(err)
			}
			h := sha256.New()
			for _, w := range result.Weights.Tensors() {
				binary.Write(h, binary.LittleEndian, w.Data)
			}
			got := [sha256.Size]byte(h.Sum(nil))
			if i == 0 {
				want = got
			} else if got != want {
				t.Errorf("%d threads end with other weights than one", threads)
			}
		}()
	}
}
