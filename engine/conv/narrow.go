package conv

import "galen.dev/engine/tile"

// narrow computes problems with few output channels, of which a tile's columns would be mostly empty: neighbouring
// outputs of a line become channels of one output. That makes a wider problem whose kernel covers all positions that
// any of them sees, with zeros where one sees nothing; the memory of y is the same. It also joins the phases of input
// dilation along the width.
type narrow struct {
	shape   Shape
	joined  int // outputs that make one
	wide    Shape
	from    int // the position that the first tap of the first wide output sees
	weights []float32
	lines   *lines

	done     Epilogue
	finished Epilogue
}

// narrowest returns the best number of outputs to join; 1 where nothing is gained.
func narrowest(s Shape) int {
	best, cost := 1, columnCost(s.Cout)*linesCost(s)
	width := s.Out()[2]
	for t := 2; t*s.Cout <= tile.Width; t++ {
		step := s.InputDilation[2] / gcd(s.Stride[2], s.InputDilation[2])
		if s.Groups > 1 || width%t != 0 || t%step != 0 {
			continue
		}
		wide, _ := s.join(t)
		if c := columnCost(wide.Cout) * linesCost(wide); c < cost {
			best, cost = t, c
		}
	}
	return best
}

// columnCost is what columns cost relative to a full panel.
func columnCost(cols int) float64 {
	unit := max(1, tile.Cols()/2)
	return float64((cols+unit-1)/unit*unit) / tile.Width
}

// join returns the wide problem, and the position that its first output sees first.
func (s Shape) join(t int) (wide Shape, from int) {
	u := s.InputDilation[2]
	to, found := 0, false
	for c := range t {
		for k := range s.Kernel[2] {
			at := c*s.Stride[2] + k*s.Dilation[2] - s.PadLow[2]
			if at%u != 0 {
				continue
			}
			at /= u
			if !found {
				from, to, found = at, at, true
			}
			from, to = min(from, at), max(to, at)
		}
	}
	wide = s
	wide.Cout = t * s.Cout
	wide.Kernel[2] = to - from + 1
	wide.Stride[2], wide.InputDilation[2], wide.Dilation[2] = t*s.Stride[2]/u, 1, 1
	outputs := s.Out()[2] / t
	wide.PadLow[2] = -from
	wide.PadHigh[2] = (outputs-1)*wide.Stride[2] + wide.Kernel[2] - s.In[2] + from
	wide.Flip, wide.SwapChannels = false, false
	return wide, from
}

func newNarrow(s Shape, joined int) *narrow {
	n := &narrow{shape: s, joined: joined}
	n.wide, n.from = s.join(joined)
	n.weights = make([]float32, n.wide.WeightsLen())
	n.lines = newLines(n.wide)
	n.finished = func(worker, row0, row1 int) { n.done(worker, row0*joined, row1*joined) }
	return n
}

func (n *narrow) run(x, w, y []float32, done Epilogue) {
	n.widen(w)
	finished := n.finished
	if n.done = done; done == nil {
		finished = nil
	}
	n.lines.run(x, n.weights, y, finished)
	n.done = nil
}

// widen fills in the weights of the wide problem. Where no tap lies they stay zero.
func (n *narrow) widen(w []float32) {
	s, l := n.shape, n.shape.layout()
	for kd := range s.Kernel[0] {
		for kh := range s.Kernel[1] {
			for kw := range s.Kernel[2] {
				base := s.tapBase([3]int{kd, kh, kw}, 0)
				for c := range n.joined {
					at := c*s.Stride[2] + kw*s.Dilation[2] - s.PadLow[2]
					if at%s.InputDilation[2] != 0 {
						continue
					}
					tap := (kd*s.Kernel[1]+kh)*n.wide.Kernel[2] + at/s.InputDilation[2] - n.from
					for ci := range s.Cin {
						to := n.weights[(tap*s.Cin+ci)*n.wide.Cout+c*s.Cout:][:s.Cout]
						for co := range to {
							to[co] = w[base+ci*l.ci+co*l.co]
						}
					}
				}
			}
		}
	}
}
