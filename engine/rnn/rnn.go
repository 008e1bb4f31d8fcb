// Package rnn runs whole recurrences in one kernel: the simple recurrent network with tanh (Elman, "Finding
// structure in time", Cognitive Science 14, 1990), the gated recurrent unit (Cho et al., arXiv:1406.1078, in the
// variant of cuDNN and PyTorch, whose reset gate acts on the state's product and its bias) and long short-term
// memory (Hochreiter and Schmidhuber, Neural Computation 9, 1997, with the forget gate of Gers et al., 2000).
//
// One step of a recurrence is too small a product to be worth sharing between threads, and one operation at a
// time spends more on moving gates through memory than on arithmetic. But the rows of a batch never meet inside
// a recurrence: here each thread takes a block of rows through all steps by itself. The weights, packed once,
// stay in its second-level cache, the state and the gates in its first, and nothing is waited for until the end.
// Going backward the same way leaves the gates' gradients of all steps, of which the weights' gradients are then
// two large products.
//
// Arrays are row-major. x is (batch, steps, input), states are (batch, hidden), outputs (batch, steps, hidden).
// Weights are those of PyTorch: w_ih (gates·hidden, input), w_hh (gates·hidden, hidden), two biases
// (gates·hidden), with the gates in the order r, z, n (GRU) and i, f, g, o (LSTM).
//
// Rows may have lengths: beyond its length a row's state stays what it is, its outputs are zero, and its inputs
// have no part in anything, not even where they are no numbers. In reverse a row begins at its last step, which
// is what PyTorch does with packed sequences.
//
// The blocks depend on the shape alone and every sum has a fixed order: results do not depend on the number of
// threads. Start with Shape, then Forward and Backward; gates.go has one step of each cell in plain Go,
// and asm writes the same in assembly.
package rnn

import "fmt"

//go:generate go run -tags avo ./asm -out gates_amd64.s -stubs gates_amd64.go -pkg rnn

// Cell is a kind of recurrence.
type Cell int

// The cells.
const (
	RNN Cell = iota // h' = tanh(W_ih·x + b_ih + W_hh·h + b_hh)
	GRU
	LSTM
)

// Gates is how many blocks of hidden rows the cell's weights have.
func (c Cell) Gates() int { return [...]int{1, 3, 4}[c] }

// kept is how many numbers a unit keeps of each step for the way back: r, z, n and the state's share of n for
// GRU, i, f, g, o and the cell for LSTM.
func (c Cell) kept() int { return [...]int{0, 4, 5}[c] }

// sums is how many sums a unit has before its nonlinearities: GRU's n has one of the input and one of the state.
func (c Cell) sums() int { return [...]int{1, 4, 4}[c] }

// Shape is what a plan is made for. Input and Hidden are positive; Batch and Steps may be zero.
type Shape struct {
	Cell                        Cell
	Batch, Steps, Input, Hidden int
	Reverse                     bool // from the last step to the first
}

// Kept is the width of what Forward keeps of every row and step for Backward: 0 for RNN, 4·Hidden for GRU,
// 5·Hidden for LSTM.
func (s Shape) Kept() int { return s.Cell.kept() * s.Hidden }

// Weights of a recurrence, in PyTorch's layout; see the package comment.
type Weights struct{ IH, HH, BiasIH, BiasHH []float32 }

// Inputs of a recurrence. H0 and C0 may be nil, which means zero; C0 is for LSTM alone. Lengths may be nil, which
// means all steps; lengths below zero count as zero, and lengths above Steps as Steps.
type Inputs struct {
	X, H0, C0 []float32
	Lengths   []int32
}

// Outputs of a recurrence: the state after every step, the last state, the last cell (LSTM alone) and what
// Backward needs. HN, CN and Kept may be nil where nobody asks for them.
type Outputs struct{ Y, HN, CN, Kept []float32 }

func (s Shape) check() {
	if s.Cell < RNN || s.Cell > LSTM || s.Batch < 0 || s.Steps < 0 || s.Input < 1 || s.Hidden < 1 {
		panic(fmt.Sprintf("rnn: no recurrence has the shape %+v", s))
	}
}

func (w Weights) check(s Shape) {
	g := s.Cell.Gates() * s.Hidden
	must("w_ih", len(w.IH), g*s.Input)
	must("w_hh", len(w.HH), g*s.Hidden)
	must("b_ih", len(w.BiasIH), g)
	must("b_hh", len(w.BiasHH), g)
}

func (in Inputs) check(s Shape) {
	must("x", len(in.X), s.Batch*s.Steps*s.Input)
	may("h0", in.H0, s.Batch*s.Hidden)
	may("c0", in.C0, s.Batch*s.Hidden)
	may("lengths", in.Lengths, s.Batch)
}

func must(name string, got, want int) {
	if got != want {
		panic(fmt.Sprintf("rnn: %s: length mismatch: %d, want %d", name, got, want))
	}
}

func may[T any](name string, x []T, want int) {
	if x != nil {
		must(name, len(x), want)
	}
}

// blockRows is the most rows of the batch that one thread takes through all steps: enough to use each packed weight
// often, few enough for many threads.
const blockRows = 16

// blocks is the number of blocks, and rows how many each but the last has.
func (s Shape) blocks() (blocks, rows int) {
	if s.Batch == 0 {
		return 0, 0
	}
	// At least two, so that a small batch is shared too.
	blocks = max((s.Batch+blockRows-1)/blockRows, min(s.Batch, 2))
	rows = (s.Batch + blocks - 1) / blocks
	return (s.Batch + rows - 1) / rows, rows
}

// step is the n-th step in the order of processing.
func (s Shape) step(n int) int {
	if s.Reverse {
		return s.Steps - 1 - n
	}
	return n
}

// after is the row and step processed after at = row·Steps + step, or at itself where there is none in memory.
func (s Shape) after(at int) int {
	if s.Reverse {
		return max(at-1, 0)
	}
	return min(at+1, s.Batch*s.Steps-1)
}

// before is the row and step processed before at, likewise.
func (s Shape) before(at int) int {
	if s.Reverse {
		return min(at+1, s.Batch*s.Steps-1)
	}
	return max(at-1, 0)
}

// length of row b.
func (s Shape) length(lengths []int32, b int) int {
	if lengths == nil {
		return s.Steps
	}
	return min(max(int(lengths[b]), 0), s.Steps)
}

// padded is the distance at which rows of n floats are laid out: whole cache lines, and one more, so that rows do
// not fall on the same places of the cache where n is a power of two.
func padded(n int) int { return (n+15)/16*16 + 16 }
