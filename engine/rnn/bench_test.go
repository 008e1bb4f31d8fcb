package rnn

import "testing"

// benchStack trains two layers on 64 sequences of 48 steps of 76 numbers, 128 units each, the loss at the last step:
// forward and backward of both, weights packed anew, without the rest of a training step. bench/rnn_peer.py is the
// same in PyTorch.
func benchStack(b *testing.B, cell Cell) {
	first := newProblem(Shape{Cell: cell, Batch: 64, Steps: 48, Input: 76, Hidden: 128}, false, 1)
	second := newProblem(Shape{Cell: cell, Batch: 64, Steps: 48, Input: 128, Hidden: 128}, false, 2)
	for _, p := range []*problem{first, second} {
		p.in.H0, p.in.C0, p.out.HN, p.out.CN = nil, nil, nil, nil
		p.arriving.HN, p.arriving.CN, p.grad.H0, p.grad.C0 = nil, nil, nil, nil
	}
	first.grad.X = nil
	second.in.X, second.grad.X = first.out.Y, first.arriving.Y
	for i := range second.arriving.Y {
		if i/128%48 != 47 {
			second.arriving.Y[i] = 0
		}
	}
	f1, b1 := NewForward(first.shape), NewBackward(first.shape)
	f2, b2 := NewForward(second.shape), NewBackward(second.shape)
	scratch := make([]float32, max(b1.ScratchLen(), b2.ScratchLen()))
	b1.Lend(scratch[:b1.ScratchLen()])
	b2.Lend(scratch[:b2.ScratchLen()])
	for b.Loop() {
		f1.Load(first.weights)
		f1.Run(first.in, first.out)
		f2.Load(second.weights)
		f2.Run(second.in, second.out)
		b2.Load(second.weights)
		b2.Run(second.in, second.out, second.arriving, second.grad)
		b1.Load(first.weights)
		b1.Run(first.in, first.out, first.arriving, first.grad)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1e3/float64(b.N), "ms/step")
}

func BenchmarkStackRNN(b *testing.B)  { benchStack(b, RNN) }
func BenchmarkStackGRU(b *testing.B)  { benchStack(b, GRU) }
func BenchmarkStackLSTM(b *testing.B) { benchStack(b, LSTM) }

// One sequence, forward alone: what serving one patient costs.
func BenchmarkOneSequenceLSTM(b *testing.B) {
	p := newProblem(Shape{Cell: LSTM, Batch: 1, Steps: 48, Input: 128, Hidden: 128}, false, 1)
	f := NewForward(p.shape)
	f.Load(p.weights)
	for b.Loop() {
		f.Run(p.in, Outputs{Y: p.out.Y})
	}
}
