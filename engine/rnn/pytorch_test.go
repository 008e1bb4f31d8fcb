package rnn

import (
	"encoding/json"
	"os"
	"testing"

	"galen.dev/internal/cpu"
)

type torchDirection struct {
	H0      []float32 `json:"h0"`
	C0      []float32 `json:"c0"`
	Y       []float64 `json:"y"`
	HN      []float64 `json:"hN"`
	CN      []float64 `json:"cN"`
	DY      []float32 `json:"dy"`
	DHN     []float32 `json:"dhN"`
	DCN     []float32 `json:"dcN"`
	DH0     []float64 `json:"dh0"`
	DC0     []float64 `json:"dc0"`
	IH      []float32 `json:"weight_ih"`
	HH      []float32 `json:"weight_hh"`
	BiasIH  []float32 `json:"bias_ih"`
	BiasHH  []float32 `json:"bias_hh"`
	DIH     []float64 `json:"dweight_ih"`
	DHH     []float64 `json:"dweight_hh"`
	DBiasIH []float64 `json:"dbias_ih"`
	DBiasHH []float64 `json:"dbias_hh"`
}

type torchFile struct {
	Shape []int
	Cases []struct {
		Cell       string
		Lengths    []int32
		X          []float32
		DX         []float64 `json:"dx"`
		Directions []torchDirection
	}
}

// TestAgainstPyTorch runs both directions of PyTorch's bidirectional recurrences over packed sequences.
// PyTorch computed in float64; 1e-5 is a hundred roundings of float32, for weights' gradients that are sums of
// twenty terms of either sign and up to ten in size, themselves five steps deep.
func TestAgainstPyTorch(t *testing.T) {
	data, err := os.ReadFile("testdata/pytorch.json")
	if err != nil {
		t.Fatal(err)
	}
	var file torchFile
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	const tolerance = 1e-5
	cells := map[string]Cell{"rnn": RNN, "gru": GRU, "lstm": LSTM}
	for _, family := range families {
		restore := cpu.Use(family)
		for _, c := range file.Cases {
			dx := make([]float32, len(c.X))
			for i, d := range c.Directions {
				s := Shape{cells[c.Cell], file.Shape[0], file.Shape[1], file.Shape[2], file.Shape[3], i == 1}
				p := newProblem(s, false, 0)
				p.weights = Weights{d.IH, d.HH, d.BiasIH, d.BiasHH}
				p.in = Inputs{X: c.X, H0: d.H0, C0: d.C0, Lengths: c.Lengths}
				p.arriving = Arriving{d.DY, d.DHN, d.DCN}
				p.solve()
				for j, v := range p.grad.X {
					dx[j] += v
				}
				close32(t, "y", p.out.Y, d.Y, tolerance)
				close32(t, "hN", p.out.HN, d.HN, tolerance)
				close32(t, "cN", p.out.CN, d.CN, tolerance)
				close32(t, "dh0", p.grad.H0, d.DH0, tolerance)
				close32(t, "dc0", p.grad.C0, d.DC0, tolerance)
				close32(t, "dw_ih", p.grad.IH, d.DIH, tolerance)
				close32(t, "dw_hh", p.grad.HH, d.DHH, tolerance)
				close32(t, "db_ih", p.grad.BiasIH, d.DBiasIH, tolerance)
				close32(t, "db_hh", p.grad.BiasHH, d.DBiasHH, tolerance)
			}
			close32(t, "dx", dx, c.DX, tolerance)
		}
		restore()
	}
}
