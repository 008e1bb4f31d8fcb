package conv

import (
	"galen.dev/engine/tile"
	"galen.dev/internal/cpu"
)

// The estimates of both ways are in the time that a tile takes for one row and a panel of columns. They were fitted to
// measurements in all three families, with 1 to 512 channels.
const (
	winogradInputCost  = 60  // transforming a tile of x, for each winogradLane channels
	winogradOutputCost = 45  // the same for y
	winogradFinishCost = 40  // making the weights of that many columns from their sums
	winogradSlower     = 1.2 // what the products lose to the transforms that share their cache
	gradientCallCost   = 40  // a call of a kernel: entering it, and loading and storing sums
	gradientLineCost   = 15  // a segment of the inner dimension
)

// panelsCost is how many panels' time so many columns take: not all of a panel where the last registers are empty.
func panelsCost(cols int) float64 {
	lanes := 16 // a single register of eight takes as long as two
	if cpu.Level() == cpu.Portable {
		lanes = 4
	}
	return float64((cols+lanes-1)/lanes*lanes) / tile.Width
}

// productCost is what a product of all channels costs for each step of its inner dimension, and how many calls of a
// kernel it takes.
func (g *winogradGradient) productCost() (step, calls float64) {
	for i := range g.rows.blocks {
		for j := range g.cols.blocks {
			rows, cols := g.rows.count(i), g.cols.count(j)
			step += tilesCost(rows) * panelsCost(cols)
			calls += tileCalls(rows, cols)
		}
	}
	return step, calls
}

// tileCalls is how many calls of a kernel a product of so many rows and columns takes.
func tileCalls(rows, cols int) float64 {
	return float64((rows+tile.Rows()-1)/tile.Rows()) * float64(tile.Panels(cols))
}

// winogradGradientCost estimates the time of winogradGradient.
func winogradGradientCost(s Shape) float64 {
	g := winogradGradientOf(s)
	taps, blocks := float64(s.Kernel[0]), float64(g.rows.blocks*g.cols.blocks)
	step, calls := g.productCost()
	product := 16 * (step*winogradSlower + gradientCallCost*calls/float64(g.batch))
	transforms := transformsCost() * blocks * (winogradInputCost*float64(g.x.ld)*taps + winogradOutputCost*float64(g.y.ld)) / winogradLane
	finish := winogradFinishCost * float64(g.pieces*s.WeightsLen()/(9*winogradLane))
	return float64(g.all())*(product*taps+transforms) + finish
}

// transformsCost is how long transforms take beside products, compared with the families of vectors: without vectors
// it is the products that take long.
func transformsCost() float64 {
	if cpu.Level() == cpu.Portable {
		return 0.3
	}
	return 1
}

// gradientCost estimates the time of gradient, for the shapes that the other suits.
func gradientCost(s Shape) float64 {
	g := &gradient{shape: s, out: s.Out(), phases: s.phases()}
	g.arrange()
	g.listUnits()
	g.listBands()
	seen, lines := float64(s.N), float64(s.N)
	for i := range 3 {
		a := &g.phases[0].axis[i]
		if g.merged && i == 2 {
			seen *= 1.1 * float64(a.count) // the copy
			continue
		}
		pairs := 0
		for t := range a.taps {
			lo, hi := a.inside(t, s.In[i])
			pairs += hi - lo
		}
		seen *= float64(pairs)
		if i < 2 {
			lines *= float64(pairs)
		} else {
			lines *= float64(a.taps)
		}
	}
	calls := tileCalls(g.rows, g.cols)
	return seen*tilesCost(g.rows)*panelsCost(g.cols) + lines*calls*gradientLineCost +
		float64(len(g.bands)*len(g.units))*calls*gradientCallCost
}
