package rnn

import "math"

// reference is a recurrence in float64, written from the formulas of PyTorch's documentation.
type reference struct {
	shape            Shape
	x, h0, c0        []float64
	ih, hh, bih, bhh []float64
	lengths          []int32
}

func (p *reference) run() (y, hn, cn []float64) {
	s := p.shape
	u := s.Hidden
	y = make([]float64, s.Batch*s.Steps*u)
	hn, cn = append(hn, p.h0...), append(cn, p.c0...)
	for b := range s.Batch {
		h, c := hn[b*u:][:u], cn[b*u:][:u]
		for n := range s.Steps {
			t := s.step(n)
			if t >= s.length(p.lengths, b) {
				continue
			}
			p.step(p.x[(b*s.Steps+t)*s.Input:][:s.Input], h, c)
			copy(y[(b*s.Steps+t)*u:], h)
		}
	}
	return y, hn, cn
}

func (p *reference) step(x, h, c []float64) {
	u := len(h)
	wx := affine(p.ih, p.bih, x)
	wh := affine(p.hh, p.bhh, h)
	σ := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	for i := range h {
		switch p.shape.Cell {
		case RNN:
			h[i] = math.Tanh(wx[i] + wh[i])
		case GRU:
			r, z := σ(wx[i]+wh[i]), σ(wx[u+i]+wh[u+i])
			n := math.Tanh(wx[2*u+i] + r*wh[2*u+i])
			h[i] = (1-z)*n + z*h[i]
		case LSTM:
			in, f := σ(wx[i]+wh[i]), σ(wx[u+i]+wh[u+i])
			g, o := math.Tanh(wx[2*u+i]+wh[2*u+i]), σ(wx[3*u+i]+wh[3*u+i])
			c[i] = f*c[i] + in*g
			h[i] = o * math.Tanh(c[i])
		}
	}
}

func affine(w, b, x []float64) []float64 {
	out := make([]float64, len(b))
	for i := range out {
		out[i] = b[i]
		for k, v := range x {
			out[i] += w[i*len(x)+k] * v
		}
	}
	return out
}
