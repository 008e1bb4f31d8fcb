package calibrate

import "slices"

// fitIsotonic pools adjacent violators over the distinct risks: patients with equal risk count as one point
// with their share of events. Only the ends of each flat piece are kept. Between them the map is linear, so that it
// is continuous; outside the risks seen it is constant. Ends of the map are often exactly 0 or 1, for which
// log loss punishes it.
func fitIsotonic(g grouped) *Calibrator {
	fit := pool(g)
	c := &Calibrator{Method: Isotonic}
	for i, y := range fit {
		inner := i > 0 && i < len(fit)-1 && fit[i-1] == y && fit[i+1] == y
		if !inner {
			c.X, c.Y = append(c.X, g.x[i]), append(c.Y, y)
		}
	}
	return c
}

// pool is the non-decreasing least-squares fit at each distinct risk.
func pool(g grouped) []float64 {
	type block struct {
		events, n float64
		last      int
	}
	blocks := make([]block, 0, len(g.x))
	for i := range g.x {
		b := block{g.pos[i], g.pos[i] + g.neg[i], i}
		// Cross-multiplied counts are exact, so equal shares are found equal.
		for k := len(blocks) - 1; k >= 0 && blocks[k].events*b.n >= b.events*blocks[k].n; k-- {
			b.events += blocks[k].events
			b.n += blocks[k].n
			blocks = blocks[:k]
		}
		blocks = append(blocks, b)
	}
	fit := make([]float64, 0, len(g.x))
	for _, b := range blocks {
		for len(fit) <= b.last {
			fit = append(fit, b.events/b.n)
		}
	}
	return fit
}

func interpolate(x, y []float64, p float64) float64 {
	i, exact := slices.BinarySearch(x, p)
	switch {
	case exact:
		return y[i]
	case i == 0:
		return y[0]
	case i == len(x):
		return y[i-1]
	}
	u := (p - x[i-1]) / (x[i] - x[i-1])
	return y[i-1] + u*(y[i]-y[i-1])
}
