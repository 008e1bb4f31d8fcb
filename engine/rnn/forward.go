package rnn

import (
	"galen.dev/engine/tile"
	"galen.dev/internal/cpu"
)

// Forward is a plan that runs a recurrence of one shape. It owns its scratch: once it has run, it allocates
// nothing. It may be used by one goroutine at a time.
type Forward struct {
	shape    Shape
	products []product
	panels   []float32
	packs    []pack
	bias     []float32
	workers  []forwardWorker

	weights  Weights // while packing
	in       Inputs  // while running
	out      Outputs
	packBody func(worker, item int)
	runBody  func(worker, item int)
}

// A product fills columns of the sums: those at out, cols of them, from the elements of [x, h] that segs names,
// with weights at panels.
type product struct {
	out, cols, k, panels int
	segs                 []tile.Seg
}

// A pack fills one panel at dst with wide rows of the weights from row on: the input's if x, the state's if h.
type pack struct {
	dst, row, wide int
	x, h           bool
}

type forwardWorker struct {
	xh   []float32 // [x, h] of each row
	c    []float32
	pre  []float32
	kept []float32 // one row's, where nobody asks for them
}

// NewForward makes a plan for the shape.
func NewForward(s Shape) *Forward {
	s.check()
	f := &Forward{shape: s, bias: make([]float32, s.Cell.sums()*s.Hidden)}
	h := s.Hidden
	if s.Cell == GRU {
		f.add(0, 0, 2*h, true, true)
		f.add(2*h, 2*h, h, true, false)
		f.add(3*h, 2*h, h, false, true)
	} else {
		f.add(0, 0, s.Cell.Gates()*h, true, true)
	}
	last := f.products[len(f.products)-1]
	f.panels = make([]float32, last.panels+tile.PackedLen(last.k, last.cols))
	f.packBody, f.runBody = f.pack, f.block
	return f
}

// add appends the product that fills cols sums at out, with the weights' rows from row on.
func (f *Forward) add(out, row, cols int, x, h bool) {
	p := product{out: out, cols: cols}
	if n := len(f.products); n > 0 {
		last := f.products[n-1]
		p.panels = last.panels + tile.PackedLen(last.k, last.cols)
	}
	first := 0
	if x {
		p.k = f.shape.Input
	} else {
		first = f.shape.Input
	}
	if h {
		p.k += f.shape.Hidden
	}
	p.segs = []tile.Seg{{Off: first, K: p.k}}
	for j := 0; j < cols; j += tile.Width {
		f.packs = append(f.packs, pack{
			dst: p.panels + j*p.k, row: row + j, wide: min(tile.Width, cols-j), x: x, h: h,
		})
	}
	f.products = append(f.products, p)
}

// Load takes the weights in. They may change afterwards without effect on Run; where they stay the same from
// run to run, loading them once is enough.
func (f *Forward) Load(w Weights) {
	w.check(f.shape)
	f.weights = w
	cpu.Do(len(f.packs), f.packBody)
	f.weights = Weights{}
	copy(f.bias, w.BiasIH)
	shared := len(w.BiasHH)
	if f.shape.Cell == GRU { // the state's share of n has a bias of its own
		shared = 2 * f.shape.Hidden
		copy(f.bias[3*f.shape.Hidden:], w.BiasHH[shared:])
	}
	for i, b := range w.BiasHH[:shared] {
		f.bias[i] += b
	}
}

func (f *Forward) pack(_, item int) {
	p, i, h := f.packs[item], f.shape.Input, f.shape.Hidden
	dst := f.panels[p.dst:]
	if p.x {
		tile.PackBT(dst, f.weights.IH[p.row*i:], i, i, p.wide)
		dst = dst[i*tile.Width:]
	}
	if p.h {
		tile.PackBT(dst, f.weights.HH[p.row*h:], h, h, p.wide)
	}
}

// Run runs the recurrence with the weights that were loaded last.
func (f *Forward) Run(in Inputs, out Outputs) {
	s := f.shape
	in.check(s)
	must("y", len(out.Y), s.Batch*s.Steps*s.Hidden)
	may("hN", out.HN, s.Batch*s.Hidden)
	may("cN", out.CN, s.Batch*s.Hidden)
	may("kept", out.Kept, s.Batch*s.Steps*s.Kept())
	blocks, rows := s.blocks()
	for len(f.workers) < cpu.Threads() {
		f.workers = append(f.workers, forwardWorker{
			xh:   make([]float32, rows*padded(s.Input+s.Hidden)),
			c:    make([]float32, rows*s.Hidden),
			pre:  make([]float32, rows*padded(len(f.bias))),
			kept: make([]float32, s.Kept()),
		})
	}
	f.in, f.out = in, out
	cpu.Do(blocks, f.runBody)
	f.in, f.out = Inputs{}, Outputs{}
}

// block takes one block of rows through all steps.
func (f *Forward) block(worker, item int) {
	s, w := f.shape, &f.workers[worker]
	_, size := s.blocks()
	first := item * size
	rows := min(size, s.Batch-first)
	ld, hidden := padded(s.Input+s.Hidden), s.Hidden
	longest := 0
	for r := range rows {
		fill(w.xh[r*ld+s.Input:][:hidden], f.in.H0, first+r)
		fill(w.c[r*hidden:][:hidden], f.in.C0, first+r)
		longest = max(longest, s.length(f.in.Lengths, first+r))
	}
	for n := range s.Steps {
		t := s.step(n)
		if t < longest {
			for r := range rows {
				copy(w.xh[r*ld:], f.in.X[((first+r)*s.Steps+t)*s.Input:][:s.Input])
			}
			f.multiply(w, rows)
		}
		for r := range rows {
			f.advance(w, r, first+r, t)
		}
	}
	for r := range rows {
		if f.out.HN != nil {
			copy(f.out.HN[(first+r)*hidden:], w.xh[r*ld+s.Input:][:hidden])
		}
		if f.out.CN != nil {
			copy(f.out.CN[(first+r)*hidden:], w.c[r*hidden:][:hidden])
		}
	}
}

// multiply computes the sums of all gates for the rows of a block.
func (f *Forward) multiply(w *forwardWorker, rows int) {
	lda, ldc := padded(f.shape.Input+f.shape.Hidden), padded(len(f.bias))
	height := tile.Height(rows)
	for i := range f.products {
		p := &f.products[i]
		for j := 0; j < p.cols; j += tile.Width {
			panel, cols := &f.panels[p.panels+j*p.k], min(tile.Width, p.cols-j)
			for r := 0; r < rows; r += height {
				tile.Row(&w.pre[r*ldc+p.out+j], ldc, &w.xh[r*lda], lda, p.segs, panel, min(height, rows-r), cols, false)
			}
		}
	}
}

// advance makes step t of row b, which is row r of the block.
func (f *Forward) advance(w *forwardWorker, r, b, t int) {
	s := f.shape
	at := b*s.Steps + t
	kept, next := w.kept, w.kept
	y := f.out.Y[at*s.Hidden:][:s.Hidden]
	if f.out.Kept != nil {
		kept = f.out.Kept[at*s.Kept():][:s.Kept()]
		next = f.out.Kept[s.after(at)*s.Kept():]
	}
	if t >= s.length(f.in.Lengths, b) {
		clear(y)
		clear(kept)
		return
	}
	h := w.xh[r*padded(s.Input+s.Hidden)+s.Input:][:s.Hidden]
	pre := w.pre[r*padded(len(f.bias)):][:len(f.bias)]
	switch s.Cell {
	case RNN:
		rnnForward(pre, f.bias, h, y)
	case GRU:
		gruForward(pre, f.bias, h, y, kept, next)
	case LSTM:
		lstmForward(pre, f.bias, w.c[r*s.Hidden:][:s.Hidden], h, y, kept, next)
	}
}

// fill copies row b of src to dst, or zeros where src is nil.
func fill(dst, src []float32, b int) {
	if src == nil {
		clear(dst)
		return
	}
	copy(dst, src[b*len(dst):])
}
