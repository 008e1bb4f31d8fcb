package conv

import "galen.dev/engine/tile"

// The estimates below count the multiply-adds of whole registers, which is what all but the smallest problems spend
// their time on, and this much for each call of a kernel: entering it, and loading and storing sums.
const callCost = 60

// rowsCost is the cost of a step of the inner dimension for so many rows, for one panel. Reading a panel from the
// second-level cache takes as long as multiplying four rows.
func rowsCost(rows int) float64 {
	height := tile.Height(rows)
	return max(2*float64(rows), 8*float64((rows+height-1)/height))
}

// linesCost estimates the time of lines, for one panel of one group.
func linesCost(s Shape) float64 {
	in := float64(s.Cin / s.Groups)
	cost := 0.0
	for _, ph := range s.phases() {
		d, h, w := &ph.axis[0], &ph.axis[1], &ph.axis[2]
		runs, rows := d.count*h.count, w.count
		if w.count == 1 || ph.taps() == 1 {
			runs, rows = 1, d.count*h.count*w.count // lines can be merged
		}
		calls := (rows + tile.Rows() - 1) / tile.Rows()
		cost += float64(runs) * (rowsCost(rows)*float64(ph.taps())*in + callCost*float64(calls))
	}
	return cost * float64(s.N)
}

// imagesCost is the same for images. Some of what it saves is lost to the second-level cache, because its rows are
// far apart.
func imagesCost(s Shape) float64 {
	in := float64(s.Cin / s.Groups)
	height := imageHeight(s.N)
	blocks := float64((s.N + height - 1) / height)
	cost, far := 0.0, 1.03
	for _, ph := range s.phases() {
		if ph.taps()*(s.Cin/s.Groups) < 256 {
			far = 1.3 // too little to do on what is fetched
		}
		taps, lines := 1.0, 1.0
		for i := range ph.axis {
			seen := 0
			for t := range ph.axis[i].count {
				lo, hi := ph.axis[i].seen(t, s.In[i])
				seen += hi - lo
			}
			taps *= float64(seen)
			if i < 2 {
				lines *= float64(seen)
			}
		}
		cost += taps*in*rowsCost(s.N)*far + callCost*lines*float64(ph.axis[2].count)*blocks
	}
	return cost
}
