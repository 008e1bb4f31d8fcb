package calibrate

import "slices"

// fitVennAbers precomputes, for every risk seen, the isotonic fit at it once one more patient with this risk
// had no event (Y) or had one (Y1). A new risk between two seen ones pools with its upper neighbour if it had the
// event and with its lower one if not, so these values are all there are. Algorithms 1 and 2 of Vovk, Petej &
// Fedorova (2015), O(n).
func fitVennAbers(g grouped) *Calibrator {
	n := len(g.x)
	// With reversed order and swapped outcomes, "no event" becomes "event".
	r := grouped{slices.Clone(g.x), slices.Clone(g.neg), slices.Clone(g.pos)}
	slices.Reverse(r.pos)
	slices.Reverse(r.neg)
	c := &Calibrator{Method: VennAbers, X: g.x, Y: make([]float64, n), Y1: withEvent(g)}
	for i, v := range withEvent(r) {
		c.Y[n-1-i] = 1 - v
	}
	return c
}

// point is a corner of the cumulative sum diagram: cases and events so far.
type point struct{ n, events float64 }

// leftTurn tells whether the way a → b → c turns left, strictly.
func leftTurn(a, b, c point) bool {
	return (b.n-a.n)*(c.events-a.events) > (b.events-a.events)*(c.n-a.n)
}

// withEvent is, for each distinct risk, the isotonic fit at it with one more event there. The extra case is a
// step (1, 1) of the diagram that wanders from left to right: passing a risk swaps it with that risk's step and so
// moves one corner, and the lower hull is kept as a stack whose top is its leftmost corner.
func withEvent(g grouped) []float64 {
	k := len(g.x)
	at := make([]point, k+2) // at[0] is before the extra step, at[1] after it
	at[0] = point{-1, -1}
	for i := range k {
		at[i+2] = point{at[i+1].n + g.pos[i] + g.neg[i], at[i+1].events + g.pos[i]}
	}
	hull := make([]point, 0, k+2)
	push := func(p point) {
		for len(hull) > 1 && !leftTurn(p, hull[len(hull)-1], hull[len(hull)-2]) {
			hull = hull[:len(hull)-1]
		}
		hull = append(hull, p)
	}
	for i := k + 1; i >= 0; i-- {
		push(at[i])
	}
	out := make([]float64, k)
	for i := range k {
		top, next := hull[len(hull)-1], hull[len(hull)-2]
		out[i] = (next.events - top.events) / (next.n - top.n)
		moved := point{at[i].n + at[i+2].n - at[i+1].n, at[i].events + at[i+2].events - at[i+1].events}
		at[i+1] = moved
		if above(top, next, moved) {
			continue
		}
		hull = hull[:len(hull)-1]
		push(moved)
	}
	return out
}

// above tells whether p is on or above the line through a and b.
func above(a, b, p point) bool {
	return (p.events-a.events)*(b.n-a.n) >= (b.events-a.events)*(p.n-a.n)
}

// Bounds returns the two risks of a Venn–Abers calibrator, p0 ≤ p1: had patients like this one been one more without, or
// one more with the event. The wider apart, the fewer patients like this one were seen. Of other methods both
// are Apply.
func (c *Calibrator) Bounds(p float64) (p0, p1 float64) {
	if c.Method != VennAbers || p != p {
		v := c.Apply(p)
		return v, v
	}
	i, exact := slices.BinarySearch(c.X, p)
	p1 = 1
	if i < len(c.X) {
		p1 = c.Y1[i]
	}
	if !exact {
		i--
	}
	if i >= 0 {
		p0 = c.Y[i]
	}
	return p0, p1
}
