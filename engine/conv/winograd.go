package conv

import (
	"galen.dev/engine/tile"
	"galen.dev/internal/cpu"
)

// winograd computes y by the minimal filtering F(2×2, 3×3) of Winograd, with 16 multiplications for each 2 × 2 tile of
// y and pair of channels instead of 36. For a tile d of 4 × 4 positions of x, the weights g and the outputs y
//
//	y = Aᵀ·[(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]·A
//
// and for all pairs of channels together, ⊙ is 16 products of matrices, tiles × input channels by input × output
// channels. The transforms but for that of the weights are additions alone. A kernel with depth has an inner dimension
// of taps along the depth times input channels.
//
// Only tiles of 2 × 2 are used: the errors are then of the size that a direct sum has, while larger tiles multiply them.
//
// An item of work is a band of tile rows, two rows of outputs each. It takes a block of tiles after the other through
// the transform, the products and the transform back, all in scratch that stays in the second-level cache.
//
// The method is that of Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016).
type winograd struct {
	tiling
	weights *winogradPacked

	block   int // tiles
	band    int // tile rows of an item
	lda     int // between the transforms of neighbouring tiles
	plane   int // between the 16 numbers of the transform of an input tile
	product int // between the 16 numbers of a product
	scratch perWorker
	segs    [1]tile.Seg
	work    func(worker, item int)

	x, y []float32 // of the run under way
	done Epilogue
}

const (
	winogradInputFloats = 128 << 10 // of transformed input in a block: half of the second-level cache
	winogradBlockTiles  = 56        // of a block, at most
)

// winogradMargin is by how much the estimate must be better than that of a direct sum.
const winogradMargin = 1.05

// winogradSuits says whether the method can compute s, and the gradient of its weights.
func (s Shape) winogradSuits() bool {
	for i := range 3 {
		if s.InputDilation[i] != 1 || i > 0 && (s.Kernel[i] != 3 || s.Stride[i] != 1 || s.Dilation[i] != 1) {
			return false
		}
	}
	return s.Groups == 1
}

func newWinograd(s Shape) *winograd {
	w := &winograd{tiling: newTiling(s), weights: newWinogradPacked(s)}
	k := s.Kernel[0] * s.Cin
	w.segs[0].K = k
	// Rows of a tile whose distance is a large power of two would push each other out of the nearest cache.
	w.lda = k
	if k%256 == 0 {
		w.lda += 16
	}
	w.block = winogradBlockOf(w.lda)
	w.band = w.bandOf(w.block, len(w.weights.floats))
	w.plane, w.product = oddLines(w.block*w.lda), oddLines(w.block*tile.Width)
	w.scratch.n = 16 * (w.plane + w.product)
	w.work = w.item
	return w
}

// winogradBlockOf is how many tiles make a block: whole register tiles, at least one.
func winogradBlockOf(lda int) int {
	n := min(winogradBlockTiles, winogradInputFloats/(16*lda))
	return max(1, n/tile.Rows()) * tile.Rows()
}

// bandOf is how many tile rows to make an item: so many that blocks are full, but few enough to share.
func (t *tiling) bandOf(block, weights int) int {
	c := winogradCostsNow()
	read := 2 * c.read(weights) // in low blocks it does not hide behind the products
	best, band := 0.0, 1
	for n := 1; n <= t.all && (n-1)*t.cols < 4*block; n++ {
		tiles := n * t.cols
		blocks := (tiles + block - 1) / block
		size := (tiles + blocks - 1) / blocks
		cost := float64(blocks-1)*(rowsCost(size)+read) + rowsCost(tiles-(blocks-1)*size) + read
		// The threads wait for the last item.
		items := (t.all + n - 1) / n
		cost *= float64(items) + 0.75
		if n == 1 || cost < best {
			best, band = cost, n
		}
	}
	return band
}

// oddLines is n or a little more: an odd number of cache lines, so that places at this distance lie in different sets.
func oddLines(n int) int { return ((n+15)/16 | 1) * 16 }

func (w *winograd) prepare(weights []float32) { w.weights.pack(weights) }

func (w *winograd) run(x, y []float32, done Epilogue) {
	w.x, w.y, w.done = x, y, done
	w.scratch.ready()
	cpu.Do((w.all+w.band-1)/w.band, w.work)
	w.x, w.y, w.done = nil, nil, nil
}

// item computes one band.
func (w *winograd) item(worker, item int) {
	scratch := w.scratch.get(worker)
	input, product := scratch[:16*w.plane], scratch[16*w.plane:]
	row := item * w.band
	first, end := row*w.cols, min(w.all, row+w.band)*w.cols
	blocks := (end - first + w.block - 1) / w.block
	size := (end - first + blocks - 1) / blocks
	for t := first; t < end; t += size {
		n := min(size, end-t)
		w.input(input, w.plane, w.lda, w.x, t, n)
		for co := 0; co < w.shape.Cout; co += tile.Width {
			cols := min(tile.Width, w.shape.Cout-co)
			w.multiply(product, input, co/tile.Width, n, cols)
			w.output(product, w.product, w.y, t, n, co, cols)
		}
		if last := (t + n) / w.cols; w.done != nil && last > row {
			w.done(worker, w.position(row), w.position(last))
			row = last
		}
	}
}

// multiply computes the 16 products of a block of n tiles with one panel of the weights.
func (w *winograd) multiply(product, input []float32, panel, n, cols int) {
	height := tile.Height(n)
	for p := range 16 {
		weights := w.weights.panel(panel, p)
		for t := 0; t < n; t += height {
			tile.Row(&product[p*w.product+t*tile.Width], tile.Width, &input[p*w.plane+t*w.lda], w.lda, w.segs[:],
				weights, min(height, n-t), cols, false)
		}
	}
}
