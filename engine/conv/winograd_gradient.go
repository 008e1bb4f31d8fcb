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

// first is the first channel of a block, count how many it has.
func (s *winogradSide) first(block int) int { return block * s.width }
func (s *winogradSide) count(block int) int { return min(s.width, s.channels-block*s.width) }

// winogradWorker is what a worker needs besides floats.
type winogradWorker struct {
	x, y winogradPointers
	segs []tile.ColSeg
}

// winogradPointers says where the tiles of a batch lie: runs of neighbours, and pointers to their positions.
type winogradPointers struct {
	runs     []winogradRun
	pointers []*float32
}

// A winogradRun is count tiles from the tile t of the batch on. Its pointers begin at the place at.
type winogradRun struct{ t, count, at int }

const (
	winogradLane   = 16        // channels in scratch are rounded up to a multiple of this
	winogradHigh   = 128       // rows of a block of the weights, at most
	winogradWide   = 64        // columns of it
	winogradFloats = 280 << 10 // of scratch for a worker: about what the second-level cache holds
	winogradBatch  = 128       // tiles of a batch, at most

	winogradItems      = 16 // items to share, at least, where there are so many tiles
	winogradPieceTiles = 32 // tiles of a piece, at least
)

func newWinogradGradient(s Shape) *winogradGradient {
	g := winogradGradientOf(s)
	g.zeros = make([]float32, max(g.x.width, g.y.width))
	if g.pieces > 1 {
		g.sums = make([]float32, g.pieces*s.WeightsLen())
	}
	g.work, g.add = g.item, g.addItem
	return g
}

// winogradGradientOf cuts the work.
func winogradGradientOf(s Shape) *winogradGradient {
	g := &winogradGradient{shape: s, out: s.Out()}
	g.tiles = [2]int{(g.out[1] + 1) / 2, (g.out[2] + 1) / 2}
	g.x, g.y = winogradSide{channels: s.Cin}, winogradSide{channels: s.Cout}
	g.rows, g.cols = &g.x, &g.y
	if s.SwapChannels {
		g.rows, g.cols = &g.y, &g.x
	}
	high, wide := winogradHigh, winogradWide
	if 2*s.WeightsLen() > gradientSums {
		high /= 2 // there is one piece, and there should be enough blocks to share
	}
	// The sums of all taps along the depth are kept at the same time.
	for s.Kernel[0]*high*wide > winogradHigh*winogradWide && high > tile.Width/2 {
		if wide > tile.Width {
			wide /= 2
		} else {
			high /= 2
		}
	}
	g.rows.cut(high, 1)
	g.cols.cut(wide, tile.Width)
	blocks := g.rows.blocks * g.cols.blocks
	g.pieces = max(1, min((winogradItems+blocks-1)/blocks, g.all()/winogradPieceTiles, gradientSums/s.WeightsLen()))
	sums := 16 * s.Kernel[0] * g.rows.width * g.cols.ld
	piece := (g.all() + g.pieces - 1) / g.pieces
	most := min(winogradBatch, max(winogradLane, (winogradFloats-sums)/(16*(g.rows.ld+g.cols.ld))))
	batches := (piece + most - 1) / most
	g.batch = (piece + batches - 1) / batches
	at := 0
	for _, side := range []*winogradSide{g.rows, g.cols} {
		// Without the few floats between them, equal places of the planes would share a set of the cache.
		side.at, side.plane = at, g.batch*side.ld+winogradLane
		at += 16 * side.plane
	}
	g.sumPlane = g.rows.width*g.cols.ld + winogradLane
	g.scratch.n = at + 16*s.Kernel[0]*g.sumPlane
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
	w := g.worker(worker)
	scratch := g.scratch.get(worker)
	sums := scratch[g.scratch.n-16*g.shape.Kernel[0]*g.sumPlane:]
	t0, t1 := g.all()*piece/g.pieces, g.all()*(piece+1)/g.pieces
	taps := g.shape.Kernel[0]
	steps := (t1 - t0 + g.batch - 1) / g.batch * taps
	locate := func(step int) {
		t, tap := t0+step/taps*g.batch, step%taps
		end := min(t1, t+g.batch)
		w.y.clear()
		if tap == 0 {
			g.locateOutput(&w.y, yBlock, t, end)
		}
		w.x.clear()
		g.locateInput(&w.x, xBlock, tap, t, end)
	}
	locate(0)
	for step := range steps {
		for _, r := range w.y.runs {
			gradientOutput(&scratch[g.y.at+r.t*g.y.ld], g.y.plane, g.y.ld, &w.y.pointers[r.at], r.count, g.y.count(yBlock))
		}
		for _, r := range w.x.runs {
			gradientInput(&scratch[g.x.at+r.t*g.x.ld], g.x.plane, g.x.ld, &w.x.pointers[r.at], r.count, g.x.count(xBlock))
		}
		g.listSegs(w)
		if step+1 < steps {
			locate(step + 1)
		}
		g.multiply(w, scratch, sums[step%taps*16*g.sumPlane:], row, col, step >= taps)
	}
	w.x.forget()
	w.y.forget()
	g.finish(piece, row, col, sums)
}

func (g *winogradGradient) worker(i int) *winogradWorker {
	w := &g.workers[i]
	if w.segs == nil {
		w.segs = make([]tile.ColSeg, 0, g.batch)
		w.x = winogradPointers{make([]winogradRun, 0, g.batch), make([]*float32, 0, 16*g.batch)}
		w.y = winogradPointers{make([]winogradRun, 0, g.batch), make([]*float32, 0, 4*g.batch)}
	}
	return w
}

func (p *winogradPointers) clear() { p.runs, p.pointers = p.runs[:0], p.pointers[:0] }

// forget lets go of the tensors.
func (p *winogradPointers) forget() {
	clear(p.pointers[:cap(p.pointers)])
	p.clear()
}

// locateOutput points to the tiles t0 <= t < t1 of a block of dy.
func (g *winogradGradient) locateOutput(p *winogradPointers, block, t0, t1 int) {
	channels := g.y.channels
	for t := t0; t < t1; {
		line, left := t/g.tiles[1], t%g.tiles[1]
		r := winogradRun{t - t0, min(g.tiles[1]-left, t1-t), len(p.pointers)}
		plane, h := line/g.tiles[0], 2*(line%g.tiles[0])
		at := (plane*g.out[1]+h)*g.out[2]*channels + g.y.first(block)
		for w := 2 * left; w < 2*(left+r.count); w++ {
			up, down := &g.zeros[0], &g.zeros[0]
			if w < g.out[2] {
				up = &g.dys[at+w*channels]
				if h+1 < g.out[1] {
					down = &g.dys[at+(g.out[2]+w)*channels]
				}
			}
			p.pointers = append(p.pointers, up, down)
		}
		p.runs = append(p.runs, r)
		t += r.count
	}
}

// locateInput points to what the tiles t0 <= t < t1 of y see of a block of x through a tap along the depth. Tiles that
// see nothing but padding are left out.
func (g *winogradGradient) locateInput(p *winogradPointers, block, tap, t0, t1 int) {
	s := &g.shape
	for t := t0; t < t1; {
		line, left := t/g.tiles[1], t%g.tiles[1]
		r := winogradRun{t - t0, min(g.tiles[1]-left, t1-t), len(p.pointers)}
		t += r.count
		plane := line / g.tiles[0]
		d := plane%g.out[0]*s.Stride[0] + tap*s.Dilation[0] - s.PadLow[0]
		if d < 0 || d >= s.In[0] {
			continue
		}
		h := 2*(line%g.tiles[0]) - s.PadLow[1]
		var from [4]int
		for i := range from {
			from[i] = -1
			if h+i >= 0 && h+i < s.In[1] {
				from[i] = ((plane/g.out[0]*s.In[0]+d)*s.In[1]+h+i)*s.In[2]*s.Cin + g.x.first(block)
			}
		}
		for w := 2*left - s.PadLow[2]; w < 2*(left+r.count+1)-s.PadLow[2]; w++ {
			for _, f := range from {
				q := &g.zeros[0]
				if f >= 0 && w >= 0 && w < s.In[2] {
					q = &g.xs[f+w*s.Cin]
				}
				p.pointers = append(p.pointers, q)
			}
		}
		p.runs = append(p.runs, r)
	}
}

// listSegs lists the tiles of x that the batch has.
func (g *winogradGradient) listSegs(w *winogradWorker) {
	w.segs = w.segs[:0]
	end := -1
	for _, r := range w.x.runs {
		if r.t == end {
			w.segs[len(w.segs)-1].K += r.count
		} else {
			w.segs = append(w.segs, tile.ColSeg{A: r.t * g.rows.ld, B: r.t * g.cols.ld, K: r.count})
		}
		end = r.t + r.count
	}
}

// multiply adds what a batch gives to the 16 products of a tap. Meanwhile the tiles of the next one are fetched.
func (g *winogradGradient) multiply(w *winogradWorker, scratch, sums []float32, rowBlock, colBlock int, add bool) {
	rows, cols := g.rows.count(rowBlock), g.cols.count(colBlock)
	height := tile.Height(rows)
	calls := 16 * tile.Panels(cols)
	for i := range 16 {
		a, b, c := scratch[g.rows.at+i*g.rows.plane:], scratch[g.cols.at+i*g.cols.plane:], sums[i*g.sumPlane:]
		for col := 0; col < cols; col += tile.Width {
			call := i*tile.Panels(cols) + col/tile.Width
			w.x.fetch(call, calls, g.x.width)
			w.y.fetch(call, calls, g.y.width)
			for row := 0; row < rows; row += height {
				tile.Col(&c[row*g.cols.ld+col], g.cols.ld, &a[row], g.rows.ld, &b[col], g.cols.ld, w.segs,
					min(height, rows-row), min(tile.Width, cols-col), add)
			}
		}
	}
}

// fetch prefetches one of several parts of the positions, of which the given number of channels is wanted.
func (p *winogradPointers) fetch(part, parts, channels int) {
	from, to := len(p.pointers)*part/parts, len(p.pointers)*(part+1)/parts
	if from < to {
		fetchLines(&p.pointers[from], to-from, channels)
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
