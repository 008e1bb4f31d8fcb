package conv

import (
	"galen.dev/engine/tile"
	"galen.dev/internal/cpu"
)

// gradient computes the gradient of the weights: for every tap, the product of the positions of x that it sees,
// transposed, with the gradient of the outputs that see them. Both are read in place; the inner dimension runs over
// positions, and each line of outputs is a segment of it. Where a line is short, a position of all images is one.
//
// Work is cut twice: positions into pieces, each with sums of its own that are added up in order at the end, and
// the products into shares. Large weights take few pieces, small ones many.
type gradient struct {
	shape  Shape
	out    [3]int
	phases []phase

	merged bool // the taps of a line of the kernel are one product, over a copy of x with its padding
	turned bool // rows of the products are channels of y, not of x
	across bool // segments run over images
	direct bool // the sums lie as in dw
	rows   int
	cols   int // of a product
	units  []unit
	unseen bool // some taps see nothing but padding

	bands   []gradientBand
	window  window
	scratch perWorker
	segs    [][]tile.ColSeg // for each worker

	pieces, shares int
	sums           []float32 // pieces · sumLen
	sumLen         int

	work, add, scatters func(worker, item int)

	groups    []depthGroup // of a depthwise convolution, instead of units
	depthSegs [][]depthSeg // for each worker

	x, dy, dw []float32 // of the run under way
}

// A unit is one product: a tap, or a line of taps, of one group.
type unit struct {
	phase, group int
	tap          [3]int // of the phase
	at, ld       int    // where its sums lie, and the distance between their rows
}

// A gradientBand is a part of the positions: images n0 <= n < n1, outputs lo <= o < hi of each.
type gradientBand struct {
	n0, n1 int
	lo, hi [3]int
}

const (
	gradientFloats = 96 << 10 // of x and dy in a band: what the second-level cache holds
	gradientSums   = 1 << 20  // of sums in all pieces
	gradientItems  = 24       // items to share, at least, where there are so many products
	gradientPieces = 16       // pieces at most
)

func newGradient(s Shape) *gradient {
	g := &gradient{shape: s, out: s.Out(), phases: s.phases()}
	if s.depthwise() {
		g.listGroups()
	} else {
		g.arrange()
		g.listUnits()
		g.listBands()
	}
	g.pieces = max(1, min(gradientPieces, len(g.bands), gradientSums/max(1, g.sumLen)))
	g.shares = max(1, min((gradientItems+g.pieces-1)/g.pieces, len(g.units)*tile.Panels(g.cols)))
	if g.merged {
		g.shares = 1 // each share would copy x anew
	}
	if !g.direct || g.pieces > 1 {
		g.sums = make([]float32, g.pieces*g.sumLen)
	}
	g.work, g.add, g.scatters = g.item, g.addItem, g.scatter
	return g
}

// arrange chooses what the rows and columns of the products are.
func (g *gradient) arrange() {
	s := g.shape
	in, out := s.Cin/s.Groups, s.Cout/s.Groups
	taps, mergeable := 1, s.Groups == 1
	for i := range g.phases {
		w := &g.phases[i].axis[2]
		taps = max(taps, w.taps)
		mergeable = mergeable && w.dilation == 1
	}
	mergeable = mergeable && taps > 1 && s.Cin < 32 && len(g.phases) == 1
	best := 0.0
	for _, merged := range []bool{false, true} {
		for _, turned := range []bool{false, true} {
			rows, cols, times := in, out, float64(taps)
			if merged {
				rows, times = in*taps, 1.1 // the copy
			}
			if turned {
				rows, cols = cols, rows
			}
			cost := times * tilesCost(rows) * float64(cols+tile.Width-1) / tile.Width
			if cols > tile.Width/2 || tile.Cols() > tile.Width/2 {
				cost = times * tilesCost(rows) * float64(tile.Panels(cols))
			}
			if turned != s.SwapChannels {
				// The sums must be transposed, one by one.
				cost *= 1.02 + 100/float64(s.N*min(volume(g.out), volume(s.In)))
			}
			if (!merged || mergeable) && (best == 0 || cost < best) {
				best, g.merged, g.turned, g.rows, g.cols = cost, merged, turned, rows, cols
			}
		}
	}
	g.direct = !g.merged && g.turned == s.SwapChannels
}

// tilesCost is the time, in about the time of a row, that tiles of so many rows take for a step of the inner
// dimension: reading the columns costs as much as some rows.
func tilesCost(rows int) float64 {
	height := tile.Height(rows)
	return float64(rows) + 2.5*float64((rows+height-1)/height)
}

func (g *gradient) listUnits() {
	s := g.shape
	at, seen := 0, 0
	for i := range g.phases {
		ph := &g.phases[i]
		wide := ph.axis[2].taps
		seen += ph.taps()
		if g.merged {
			wide = min(wide, 1)
		}
		for group := range s.Groups {
			for jd := range ph.axis[0].taps {
				for jh := range ph.axis[1].taps {
					for jw := range wide {
						u := unit{phase: i, group: group, tap: [3]int{jd, jh, jw}, at: at, ld: g.cols}
						if g.direct {
							u.at, u.ld = s.tapBase(ph.kernelTap(u.tap), group), g.distance()
						}
						g.units = append(g.units, u)
						at += g.rows * g.cols
					}
				}
			}
		}
	}
	g.unseen = seen < volume(s.Kernel)
	g.sumLen = at
	if g.direct {
		g.sumLen = s.WeightsLen()
	}
}

// distance is the distance between the rows of a product in dw.
func (g *gradient) distance() int {
	if l := g.shape.layout(); g.turned {
		return l.co
	} else {
		return l.ci
	}
}

func (g *gradient) listBands() {
	s := g.shape
	position := s.Cout + s.Cin*volume(s.Stride)/volume(s.InputDilation)
	image := max(1, volume(g.out)*position)
	g.across = !g.merged && g.out[2] <= 3*s.N && min(g.out[2], s.In[2]) <= 3
	images := max(1, min(s.N, gradientFloats/image, (s.N+gradientPieces-1)/gradientPieces))
	if g.across {
		images = min(s.N, 64)
	}
	if g.merged {
		images = 1
	}
	size := g.out
	if images == 1 && !g.across {
		size = bandOf(Shape{
			N: s.N, Cin: s.Cin, Cout: s.Cout, Stride: s.Stride, InputDilation: s.InputDilation,
		}, g.out)
	}
	for n := 0; n < s.N; n += images {
		for d := 0; d < g.out[0]; d += size[0] {
			for h := 0; h < g.out[1]; h += size[1] {
				for w := 0; w < g.out[2]; w += size[2] {
					b := gradientBand{n0: n, n1: min(s.N, n+images), lo: [3]int{d, h, w}}
					for i := range 3 {
						b.hi[i] = min(g.out[i], b.lo[i]+size[i])
					}
					g.bands = append(g.bands, b)
				}
			}
		}
	}
	if g.merged {
		g.window = newWindow(s, g.phases, g.out, size)
		g.scratch.n = g.window.len()
	}
}

func (g *gradient) run(x, dy, dw []float32) {
	g.x, g.dy, g.dw = x, dy, dw
	g.scratch.ready()
	for len(g.segs) < cpu.Threads() {
		g.segs, g.depthSegs = append(g.segs, nil), append(g.depthSegs, nil)
	}
	if g.unseen {
		clear(dw)
	}
	cpu.Do(g.pieces*g.shares, g.work)
	if g.sums != nil {
		cpu.Do((g.sumLen+addGrain-1)/addGrain, g.add)
		if !g.direct {
			cpu.Do(len(g.units), g.scatters)
		}
	}
	g.x, g.dy, g.dw = nil, nil, nil
}

// item computes one share of the products over one piece of the positions.
func (g *gradient) item(worker, item int) {
	piece, share := item/g.shares, item%g.shares
	sums := g.dw
	if g.sums != nil {
		sums = g.sums[piece*g.sumLen:][:g.sumLen]
	}
	// Products in the order of their columns: neighbours share the columns that they read.
	all := len(g.units) * tile.Panels(g.cols)
	first, end := all*share/g.shares, all*(share+1)/g.shares
	b0, b1 := len(g.bands)*piece/g.pieces, len(g.bands)*(piece+1)/g.pieces
	for b := b0; b < b1; b++ {
		band := &g.bands[b]
		x, origin := g.x, [3]int{}
		if g.merged {
			x, origin = g.box(worker, band)
		}
		for i := range g.groups {
			g.depthProduct(worker, &g.groups[i], band, x, origin, sums, b > b0)
		}
		for p := first; p < end; p++ {
			u := &g.units[p%len(g.units)]
			g.product(worker, u, p/len(g.units), band, x, origin, sums, b > b0)
		}
	}
}

// box returns the positions of x that a band of merged products sees, and where the box begins.
func (g *gradient) box(worker int, b *gradientBand) (x []float32, origin [3]int) {
	image := g.x[b.n0*volume(g.shape.In)*g.shape.Cin:]
	if !g.window.copied {
		return image, origin
	}
	var to [3]int
	for i := range 3 {
		origin[i], to[i] = reach(g.phases, i, b.lo[i], b.hi[i])
	}
	scratch := g.scratch.get(worker)
	g.window.fill(scratch, image, origin, to)
	return scratch, origin
}

// product adds what a band gives to a panel of columns of a unit's product.
func (g *gradient) product(worker int, u *unit, panel int, b *gradientBand, x []float32, origin [3]int, sums []float32, add bool) {
	s, w := g.shape, &g.phases[u.phase].axis[2]
	segs := g.segs[worker][:0]
	if g.merged {
		g.boxLines(&g.phases[u.phase], u.tap, b, origin, func(xi, yi, k int) { segs = append(segs, g.seg(xi, yi, k)) })
	} else {
		segs = g.tapSegs(segs, u, b)
	}
	g.segs[worker] = segs
	ldx, ldy := w.stride*s.Cin, w.step*s.Cout
	if g.across {
		ldx, ldy = volume(s.In)*s.Cin, volume(g.out)*s.Cout
	}
	xAt, yAt := u.group*(s.Cin/s.Groups), u.group*(s.Cout/s.Groups)
	col := panel * tile.Width
	height, cols := tile.Height(g.rows), min(tile.Width, g.cols-col)
	for row := 0; row < g.rows; row += height {
		rows := min(height, g.rows-row)
		c := &sums[u.at+row*u.ld+col]
		if g.turned {
			tile.Col(c, u.ld, &g.dy[yAt+row], ldy, &x[xAt+col], ldx, segs, rows, cols, add)
		} else {
			tile.Col(c, u.ld, &x[xAt+row], ldx, &g.dy[yAt+col], ldy, segs, rows, cols, add)
		}
	}
}

// seg is a segment that begins at the given positions of x and dy.
func (g *gradient) seg(xi, yi, k int) tile.ColSeg {
	if xi, yi = xi*g.shape.Cin, yi*g.shape.Cout; g.turned {
		return tile.ColSeg{A: yi, B: xi, K: k}
	}
	return tile.ColSeg{A: xi, B: yi, K: k}
}

// tapSegs lists the positions of a band that a tap connects.
func (g *gradient) tapSegs(segs []tile.ColSeg, u *unit, b *gradientBand) []tile.ColSeg {
	s, ph := g.shape, &g.phases[u.phase]
	d, h, w := &ph.axis[0], &ph.axis[1], &ph.axis[2]
	var t0, t1 [3]int
	for i := range 3 {
		a := &ph.axis[i]
		lo, hi := a.inside(u.tap[i], s.In[i])
		t0[i], t1[i] = max(lo, a.below(b.lo[i])), min(hi, a.below(b.hi[i]))
	}
	if t1[2] <= t0[2] {
		return segs
	}
	images, one := b.n1-b.n0, 1
	if g.across {
		images, one = 1, images
	}
	for n := range images {
		for td := t0[0]; td < t1[0]; td++ {
			for th := t0[1]; th < t1[1]; th++ {
				xi := (((b.n0+n)*s.In[0]+td*d.stride+d.from+u.tap[0]*d.dilation)*s.In[1] +
					th*h.stride + h.from + u.tap[1]*h.dilation) * s.In[2]
				xi += t0[2]*w.stride + w.from + u.tap[2]*w.dilation
				yi := (((b.n0+n)*g.out[0]+d.first+td*d.step)*g.out[1]+h.first+th*h.step)*g.out[2] + w.first + t0[2]*w.step
				if !g.across {
					segs = append(segs, g.seg(xi, yi, t1[2]-t0[2]))
					continue
				}
				for t := range t1[2] - t0[2] {
					segs = append(segs, g.seg(xi+t*w.stride, yi+t*w.step, one))
				}
			}
		}
	}
	return segs
}

// boxLines calls f for the lines of a band: where the positions that the given tap sees begin in its box, where its
// outputs begin, and how many there are.
func (g *gradient) boxLines(ph *phase, tap [3]int, b *gradientBand, origin [3]int, f func(xi, yi, k int)) {
	d, h, w := &ph.axis[0], &ph.axis[1], &ph.axis[2]
	var t0, t1 [3]int
	for i := range 3 {
		t0[i], t1[i] = ph.axis[i].below(b.lo[i]), ph.axis[i].below(b.hi[i])
	}
	if t0[2] == t1[2] {
		return
	}
	for td := t0[0]; td < t1[0]; td++ {
		for th := t0[1]; th < t1[1]; th++ {
			xi := ((td*d.stride+d.from+tap[0]*d.dilation-origin[0])*g.window.size[1] +
				th*h.stride + h.from + tap[1]*h.dilation - origin[1]) * g.window.size[2]
			xi += t0[2]*w.stride + w.from + tap[2]*w.dilation - origin[2]
			yi := ((b.n0*g.out[0]+d.first+td*d.step)*g.out[1]+h.first+th*h.step)*g.out[2] + w.first + t0[2]*w.step
			f(xi, yi, t1[2]-t0[2])
		}
	}
}

// Sums of pieces are added up in runs of this many floats.
const addGrain = 1 << 12

var ones = [1]float32{1}

// addItem adds up one run of all pieces' sums, in the order of the pieces: into dw, or into the first piece where
// the sums lie otherwise.
func (g *gradient) addItem(_, item int) {
	lo, hi := item*addGrain, min(g.sumLen, (item+1)*addGrain)
	switch {
	case g.pieces == 1:
	case g.direct:
		addPieces(g.dw, g.sums, g.sumLen, g.pieces, lo, hi, false)
	default:
		addPieces(g.sums, g.sums[g.sumLen:], g.sumLen, g.pieces-1, lo, hi, true)
	}
}

// addPieces adds up the elements lo <= i < hi of all pieces of n sums, in the order of the pieces, into to or, where
// add is set, to what is there.
func addPieces(to, sums []float32, n, pieces, lo, hi int, add bool) {
	// A product of ones with the pieces as rows is their sum.
	segs := [1]tile.ColSeg{{K: pieces}}
	for i := lo; i < hi; i += tile.Width {
		tile.Col(&to[i], 0, &ones[0], 0, &sums[i], n, segs[:], 1, min(tile.Width, hi-i), add)
	}
}

// scatter copies the first piece's sums of a unit to where dw has them.
func (g *gradient) scatter(_, item int) {
	s := g.shape
	l, u := s.layout(), &g.units[item]
	ph, wide := &g.phases[u.phase], 1
	if g.merged {
		wide = ph.axis[2].taps
	}
	for jw := range wide {
		base := s.tapBase(ph.kernelTap([3]int{u.tap[0], u.tap[1], u.tap[2] + jw}), u.group)
		for ci := range s.Cin / s.Groups {
			for co := range s.Cout / s.Groups {
				row, col := jw*(s.Cin/s.Groups)+ci, co
				if g.turned {
					row, col = col, row
				}
				g.dw[base+ci*l.ci+co*l.co] = g.sums[u.at+row*u.ld+col]
			}
		}
	}
}
