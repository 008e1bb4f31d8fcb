package conv

import (
	"galen.dev/engine/tile"
	"galen.dev/internal/cpu"
)

// winogradGradient computes the gradient of 3 × 3 weights by the minimal filtering F(2×2, 3×3) of Winograd, in 16
// multiplications for each 2 × 2 tile of y and pair of channels instead of 36. y = Aᵀ·[(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]·A holds for a
// tile d of 4 × 4 positions of x and the weights g; its derivative by g is
//
//	dg = Gᵀ·u·G with u = Σ over tiles of (Bᵀ·d·B) ⊙ (A·e·Aᵀ)
//
// for the gradient e of the tile. For all pairs of channels together, u is 16 products of matrices, whose inner
// dimension are the tiles. A kernel with depth has a u for each tap along the depth.
//
// The two matrices of channels are cut into blocks, and the tiles into pieces. An item of work is one block over one
// piece. It takes a batch of tiles after the other through the transforms and the products, and all that it makes
// stays in the second-level cache; that other blocks transform the same tiles again costs less than sharing would.
// At the end it writes the gradient of its weights; those of all pieces are added up in their order.
//
// The method is that of Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016).
type winogradGradient struct {
	shape Shape
	out   [3]int
	tiles [2]int // of a plane of y, along the height and the width

	x, y       winogradSide
	rows, cols *winogradSide // the channels along the rows of the weights as they are stored, and along the columns
	batch      int           // tiles
	pieces     int
	sumPlane   int // distance between the numbers of u
	scratch    perWorker
	workers    []winogradWorker

	zeros     []float32 // what positions outside an image point to
	sums      []float32 // the gradients of all pieces, where there are several
	work, add func(worker, item int)

	xs, dys, dw []float32 // of the run under way
}

// A winogradSide is one of the matrices that are multiplied: transformed tiles of x or of y.
type winogradSide struct {
	channels, width, blocks int // channels of the tensor, of a block, and how many blocks there are
	ld, plane               int // distances between tiles and between the 16 numbers
	at                      int // where it begins in the scratch space
}

// first and end are the channels of a block.
func (s *winogradSide) first(block int) int { return block * s.width }
func (s *winogradSide) count(block int) int { return min(s.width, s.channels-block*s.width) }

// winogradWorker is what a worker needs besides floats.
type winogradWorker struct {
	pointers []*float32
	segs     []tile.ColSeg
}

const (
	winogradLane   = 16        // channels in scratch are rounded up to a multiple of this
	winogradBlock  = 64        // channels of a block, at most
	winogradFloats = 160 << 10 // of scratch for a worker: what the second-level cache holds
	winogradTiles  = 128       // of a batch, at most
)

// winogradGradientSuits says whether the method works for s.
func (s Shape) winogradGradientSuits() bool {
	for i := range 3 {
		if s.InputDilation[i] != 1 || i > 0 && (s.Kernel[i] != 3 || s.Stride[i] != 1 || s.Dilation[i] != 1) {
			return false
		}
	}
	return s.Groups == 1
}

func newWinogradGradient(s Shape) *winogradGradient {
	g := &winogradGradient{shape: s, out: s.Out()}
	g.tiles = [2]int{(g.out[1] + 1) / 2, (g.out[2] + 1) / 2}
	g.x, g.y = winogradSide{channels: s.Cin}, winogradSide{channels: s.Cout}
	g.rows, g.cols = &g.x, &g.y
	if s.SwapChannels {
		g.rows, g.cols = &g.y, &g.x
	}
	// The sums of all taps along the depth are kept at the same time.
	high, wide := winogradBlock, winogradBlock
	for s.Kernel[0]*high*wide > winogradBlock*winogradBlock && high > tile.Width/2 {
		if wide > tile.Width {
			wide /= 2
		} else {
			high /= 2
		}
	}
	g.rows.cut(high, 1)
	g.cols.cut(wide, tile.Width)
	sums := 16 * s.Kernel[0] * g.rows.width * g.cols.ld
	g.batch = (winogradFloats - sums) / (16 * (g.rows.ld + g.cols.ld))
	g.batch = min(g.all(), winogradTiles, max(winogradLane, g.batch))
	at := 0
	for _, side := range []*winogradSide{g.rows, g.cols} {
		// Without the few floats between them, equal places of the planes would share a set of the cache.
		side.at, side.plane = at, g.batch*side.ld+winogradLane
		at += 16 * side.plane
	}
	g.sumPlane = g.rows.width*g.cols.ld + winogradLane
	g.scratch.n = at + 16*s.Kernel[0]*g.sumPlane
	g.zeros = make([]float32, max(g.x.width, g.y.width))
	blocks := g.rows.blocks * g.cols.blocks
	g.pieces = max(1, min((gradientItems+blocks-1)/blocks, g.all()/(2*g.batch), gradientSums/s.WeightsLen()))
	if g.pieces > 1 {
		g.sums = make([]float32, g.pieces*s.WeightsLen())
	}
	g.work, g.add = g.item, g.addItem
	return g
}

// cut makes blocks of at most most channels, all about equally wide and but for the last a multiple of step.
func (s *winogradSide) cut(most, step int) {
	s.blocks = (s.channels + most - 1) / most
	s.width = (s.channels + s.blocks - 1) / s.blocks
	s.width = (s.width + step - 1) / step * step
	s.width = min(s.width, s.channels)
	s.blocks = (s.channels + s.width - 1) / s.width
	s.ld = (s.width + winogradLane - 1) / winogradLane * winogradLane
}

// all is how many tiles there are.
func (g *winogradGradient) all() int { return g.shape.N * g.out[0] * g.tiles[0] * g.tiles[1] }

func (g *winogradGradient) run(x, dy, dw []float32) {
	g.xs, g.dys, g.dw = x, dy, dw
	g.scratch.ready()
	for len(g.workers) < cpu.Threads() {
		g.workers = append(g.workers, winogradWorker{})
	}
	cpu.Do(g.pieces*g.rows.blocks*g.cols.blocks, g.work)
	if g.pieces > 1 {
		cpu.Do((len(dw)+addGrain-1)/addGrain, g.add)
	}
	for i := range g.workers {
		clear(g.workers[i].pointers)
	}
	g.xs, g.dys, g.dw = nil, nil, nil
}

// item computes one block of the weights over one piece of the tiles.
func (g *winogradGradient) item(worker, item int) {
	piece, block := item%g.pieces, item/g.pieces
	row, col := block%g.rows.blocks, block/g.rows.blocks
	xBlock, yBlock := row, col
	if g.rows == &g.y {
		xBlock, yBlock = col, row
	}
	w := &g.workers[worker]
	if w.pointers == nil {
		w.pointers = make([]*float32, 4*(2*min(g.batch, g.tiles[1])+2))
		w.segs = make([]tile.ColSeg, 0, g.batch)
	}
	scratch := g.scratch.get(worker)
	sums := scratch[g.scratch.n-16*g.shape.Kernel[0]*g.sumPlane:]
	t0, t1 := g.all()*piece/g.pieces, g.all()*(piece+1)/g.pieces
	for t := t0; t < t1; t += g.batch {
		end := min(t1, t+g.batch)
		g.output(w, scratch[g.y.at:], yBlock, t, end)
		for tap := range g.shape.Kernel[0] {
			g.input(w, scratch[g.x.at:], xBlock, tap, t, end)
			g.multiply(w, scratch, sums[16*tap*g.sumPlane:], row, col, t > t0)
		}
	}
	g.finish(piece, row, col, sums)
}

// output transforms the tiles t0 <= t < t1 of a block of dy.
func (g *winogradGradient) output(w *winogradWorker, dst []float32, block, t0, t1 int) {
	channels, first := g.y.channels, g.y.first(block)
	for t := t0; t < t1; {
		line, left := t/g.tiles[1], t%g.tiles[1]
		count := min(g.tiles[1]-left, t1-t)
		plane, h := line/g.tiles[0], 2*(line%g.tiles[0])
		at := (plane*g.out[1]+h)*g.out[2]*channels + first
		for j := range 2 * count {
			p := w.pointers[2*j : 2*j+2]
			p[0], p[1] = &g.zeros[0], &g.zeros[0]
			if ow := 2*left + j; ow < g.out[2] {
				p[0] = &g.dys[at+ow*channels]
				if h+1 < g.out[1] {
					p[1] = &g.dys[at+(g.out[2]+ow)*channels]
				}
			}
		}
		gradientOutput(&dst[(t-t0)*g.y.ld], g.y.plane, g.y.ld, &w.pointers[0], count, g.y.count(block))
		t += count
	}
}

// input transforms the tiles of a block of x that the tiles t0 <= t < t1 of y see through a tap along the depth, and
// lists those that do see any.
func (g *winogradGradient) input(w *winogradWorker, dst []float32, block, tap, t0, t1 int) {
	s, first := g.shape, g.x.first(block)
	w.segs = w.segs[:0]
	for t := t0; t < t1; {
		line, left := t/g.tiles[1], t%g.tiles[1]
		count := min(g.tiles[1]-left, t1-t)
		plane := line / g.tiles[0]
		d := plane%g.out[0]*s.Stride[0] + tap*s.Dilation[0] - s.PadLow[0]
		if d >= 0 && d < s.In[0] {
			h := 2*(line%g.tiles[0]) - s.PadLow[1]
			var from [4]int
			for i := range from {
				from[i] = -1
				if h+i >= 0 && h+i < s.In[1] {
					from[i] = ((plane/g.out[0]*s.In[0]+d)*s.In[1]+h+i)*s.In[2]*s.Cin + first
				}
			}
			g.point(w.pointers[:4*(2*count+2)], &from, 2*left-s.PadLow[2])
			gradientInput(&dst[(t-t0)*g.x.ld], g.x.plane, g.x.ld, &w.pointers[0], count, g.x.count(block))
			w.see(t-t0, count)
		}
		t += count
	}
	for i := range w.segs {
		k := w.segs[i].A
		w.segs[i].A, w.segs[i].B = k*g.rows.ld, k*g.cols.ld
	}
}

// point makes pointers to four lines of x that begin at the given offsets, from the position at on.
func (g *winogradGradient) point(pointers []*float32, from *[4]int, at int) {
	for len(pointers) > 0 {
		for i, f := range from {
			if pointers[i] = &g.zeros[0]; f >= 0 && at >= 0 && at < g.shape.In[2] {
				pointers[i] = &g.xs[f+at*g.shape.Cin]
			}
		}
		pointers, at = pointers[4:], at+1
	}
}

// see adds count tiles from the tile t of the batch on to those that see any of x.
func (w *winogradWorker) see(t, count int) {
	if n := len(w.segs); n > 0 && w.segs[n-1].A+w.segs[n-1].K == t {
		w.segs[n-1].K += count
		return
	}
	w.segs = append(w.segs, tile.ColSeg{A: t, K: count})
}

// multiply adds what a batch gives to the 16 products of a tap.
func (g *winogradGradient) multiply(w *winogradWorker, scratch, sums []float32, rowBlock, colBlock int, add bool) {
	rows, cols := g.rows.count(rowBlock), g.cols.count(colBlock)
	height := tile.Height(rows)
	for i := range 16 {
		a, b, c := scratch[g.rows.at+i*g.rows.plane:], scratch[g.cols.at+i*g.cols.plane:], sums[i*g.sumPlane:]
		for col := 0; col < cols; col += tile.Width {
			for row := 0; row < rows; row += height {
				tile.Col(&c[row*g.cols.ld+col], g.cols.ld, &a[row], g.rows.ld, &b[col], g.cols.ld, w.segs,
					min(height, rows-row), min(tile.Width, cols-col), add)
			}
		}
	}
}

// finish makes the gradient of the weights of a block from the sums.
func (g *winogradGradient) finish(piece, rowBlock, colBlock int, sums []float32) {
	s, l := g.shape, g.shape.layout()
	dst, tap, ld := g.dw, l.tap, l.ci
	if g.pieces > 1 {
		dst = g.sums[piece*s.WeightsLen():]
	}
	if s.Flip {
		tap = -tap
	}
	if s.SwapChannels {
		ld = l.co
	}
	at := g.rows.first(rowBlock)*ld + g.cols.first(colBlock)
	for d := range s.Kernel[0] {
		gradientWeights(&dst[s.tapBase([3]int{d, 0, 0}, 0)+at], tap, ld, &sums[16*d*g.sumPlane], g.sumPlane, g.cols.ld,
			g.rows.count(rowBlock), g.cols.count(colBlock))
	}
}

// addItem adds up one run of the gradients of all pieces.
func (g *winogradGradient) addItem(_, item int) {
	end := min(len(g.dw), (item+1)*addGrain)
	addPieces(g.dw, g.sums, len(g.dw), g.pieces, item*addGrain, end, false)
}
