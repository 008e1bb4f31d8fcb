package rnn

import (
	"unsafe"

	"galen.dev/engine/tile"
	"galen.dev/internal/cpu"
)

// Arriving is the gradient of a loss with respect to the outputs of a recurrence. Each may be nil, which means
// zero; CN is for LSTM alone.
type Arriving struct{ Y, HN, CN []float32 }

// Gradients is the gradient of the loss with respect to the inputs. X, H0 and C0 may be nil where nobody asks for
// them.
type Gradients struct {
	X, H0, C0              []float32
	IH, HH, BiasIH, BiasHH []float32
}

// Backward is a plan for the gradient of a recurrence of one shape. It owns its scratch: once it has run, it
// allocates nothing. It may be used by one goroutine at a time.
type Backward struct {
	shape    Shape
	toH, toX way
	weights  []weightTile
	workers  []backwardWorker

	// What all steps leave for the weights' gradients, block by block, and in a block step by step in the order
	// of processing: the gradients of the sums, in rows of padded(sums); x and the former state side by side, in rows
	// of lineLen; and, of each block, the gradients of the biases.
	d, xh, db []float32
	lent      bool

	load     Weights // while packing
	in       Inputs  // while running
	out      Outputs
	arriving Arriving
	grad     Gradients

	packBody, runBody, weightBody func(worker, item int)
}

// A way is a product of the sums' gradients with packed weights: cols columns from the elements that segs names.
type way struct {
	panels []float32
	cols   int
	segs   []tile.Seg
}

// A weightTile is a piece of a weights' gradient that one thread sums over all steps: rows rows from row on,
// which belong to the sums from sum on, and columns firstCol to endCol-1.
type weightTile struct {
	ofX              bool
	row, sum, rows   int
	firstCol, endCol int
}

type backwardWorker struct {
	dh, dc []float32
	zero   []float32
	segs   [1]tile.ColSeg
}

// The most rows and panels of a weights' gradient in one piece, and the most steps times rows that are summed
// before the next: what these touch stays in the second-level cache.
const (
	pieceRows   = 128
	piecePanels = 4
	pieceDepth  = 192
)

// NewBackward makes a plan for the shape.
func NewBackward(s Shape) *Backward {
	s.check()
	u, gates := s.Hidden, s.Cell.Gates()*s.Hidden
	b := &Backward{shape: s}
	all := []tile.Seg{{Off: 0, K: gates}}
	b.toX = way{make([]float32, tile.PackedLen(gates, s.Input)), s.Input, all}
	b.toH = way{make([]float32, tile.PackedLen(gates, u)), u, all}
	b.addWeights(true, s.Input, 0, 0, gates)
	if s.Cell == GRU { // the state's share of n has a gradient of its own
		b.toH.segs = []tile.Seg{{Off: 0, K: 2 * u}, {Off: 3 * u, K: u}}
		b.addWeights(false, u, 0, 0, 2*u)
		b.addWeights(false, u, 2*u, 3*u, u)
	} else {
		b.addWeights(false, u, 0, 0, gates)
	}
	b.packBody, b.runBody, b.weightBody = b.pack, b.block, b.weight
	return b
}

// ScratchLen is how many floats Run needs to work in: about as many as Kept and the inputs hold.
func (b *Backward) ScratchLen() int {
	d, xh, db := b.parts()
	return d + xh + db
}

func (b *Backward) parts() (d, xh, db int) {
	s := b.shape
	blocks, rows := s.blocks()
	sums, lines := s.Cell.sums()*s.Hidden, blocks*rows*s.Steps
	return lines * padded(sums), lines * b.lineLen(), blocks * sums
}

// Lend gives the plan ScratchLen floats to work in instead of its own. Between runs they may serve other plans:
// what one layer leaves in the caches is where the next one works.
func (b *Backward) Lend(scratch []float32) {
	must("scratch", len(scratch), b.ScratchLen())
	d, xh, db := b.parts()
	b.d, scratch = scratch[:d], scratch[d:]
	b.xh, b.db = scratch[:xh], scratch[xh:][:db]
	b.lent = true
}

// lineLen is the length of x and the former state side by side, and stateAt where the state begins: both at whole
// cache lines.
func (b *Backward) lineLen() int { return padded(b.stateAt() + b.shape.Hidden) }

func (b *Backward) stateAt() int { return (b.shape.Input + 15) / 16 * 16 }

// addWeights cuts rows × cols of a weights' gradient into pieces, as even as can be.
func (b *Backward) addWeights(ofX bool, cols, row, sum, rows int) {
	bands := (rows + pieceRows - 1) / pieceRows
	band := (rows + bands - 1) / bands
	for r := 0; r < rows; r += band {
		for j := 0; j < cols; j += piecePanels * tile.Width {
			b.weights = append(b.weights, weightTile{
				ofX: ofX, row: row + r, sum: sum + r, rows: min(band, rows-r),
				firstCol: j, endCol: min(j+piecePanels*tile.Width, cols),
			})
		}
	}
}

// Load takes the weights in; their biases are not looked at. Where they stay the same from run to run, loading
// them once is enough.
func (b *Backward) Load(w Weights) {
	gates := b.shape.Cell.Gates() * b.shape.Hidden
	must("w_ih", len(w.IH), gates*b.shape.Input)
	must("w_hh", len(w.HH), gates*b.shape.Hidden)
	b.load = w
	cpu.Do(tile.Panels(b.toX.cols)+tile.Panels(b.toH.cols), b.packBody)
	b.load = Weights{}
}

// pack packs one panel.
func (b *Backward) pack(_, item int) {
	to, src := b.toX, b.load.IH
	if n := tile.Panels(to.cols); item >= n {
		to, src, item = b.toH, b.load.HH, item-n
	}
	k, j := b.shape.Cell.Gates()*b.shape.Hidden, item*tile.Width
	tile.PackB(to.panels[j*k:], src[j:], to.cols, k, min(tile.Width, to.cols-j))
}

// Run computes the gradients for inputs and outputs of Forward.Run, whose Y and Kept it needs, with the weights
// that were loaded last.
func (b *Backward) Run(in Inputs, out Outputs, arriving Arriving, grad Gradients) {
	b.check(in, out, arriving, grad)
	if !b.lent {
		b.Lend(make([]float32, b.ScratchLen()))
	}
	s := b.shape
	blocks, rows := s.blocks()
	for len(b.workers) < cpu.Threads() {
		b.workers = append(b.workers, backwardWorker{
			dh:   make([]float32, rows*s.Hidden),
			dc:   make([]float32, rows*s.Hidden),
			zero: make([]float32, s.Hidden),
		})
	}
	b.in, b.out, b.arriving, b.grad = in, out, arriving, grad
	cpu.Do(blocks, b.runBody)
	cpu.Do(len(b.weights), b.weightBody)
	b.biases(blocks)
	b.in, b.out, b.arriving, b.grad = Inputs{}, Outputs{}, Arriving{}, Gradients{}
}

func (b *Backward) check(in Inputs, out Outputs, arriving Arriving, grad Gradients) {
	s := b.shape
	in.check(s)
	state, series, gates := s.Batch*s.Hidden, s.Batch*s.Steps*s.Hidden, s.Cell.Gates()*s.Hidden
	must("y", len(out.Y), series)
	must("kept", len(out.Kept), s.Batch*s.Steps*s.Kept())
	may("dy", arriving.Y, series)
	may("dhN", arriving.HN, state)
	may("dcN", arriving.CN, state)
	may("dx", grad.X, len(in.X))
	may("dh0", grad.H0, state)
	may("dc0", grad.C0, state)
	must("dw_ih", len(grad.IH), gates*s.Input)
	must("dw_hh", len(grad.HH), gates*s.Hidden)
	must("db_ih", len(grad.BiasIH), gates)
	must("db_hh", len(grad.BiasHH), gates)
}

// block takes one block of rows back through all steps.
func (b *Backward) block(worker, item int) {
	s, w := b.shape, &b.workers[worker]
	_, size := s.blocks()
	first := item * size
	rows, u := min(size, s.Batch-first), s.Hidden
	for r := range rows {
		fill(w.dh[r*u:][:u], b.arriving.HN, first+r)
		fill(w.dc[r*u:][:u], b.arriving.CN, first+r)
	}
	sums := s.Cell.sums() * u
	ld := padded(sums)
	db := b.db[item*sums:][:sums]
	clear(db)
	for n := s.Steps - 1; n >= 0; n-- {
		t := s.step(n)
		line := item*size*s.Steps + n*rows
		d := b.d[line*ld:][:rows*ld]
		alive := false
		for r := range rows {
			m := moment{
				row: first + r, t: t, dh: w.dh[r*u:][:u], dc: w.dc[r*u:][:u], d: d[r*ld:][:sums], db: db,
				nextD: b.d[max(line-rows+r, 0)*ld:], xh: b.xh[(line+r)*b.lineLen():][:b.lineLen()],
			}
			if b.retreat(&m, w.zero) {
				alive = true
			}
		}
		b.spread(w, first, rows, t, d, alive)
	}
	for r := range rows {
		if b.grad.H0 != nil {
			copy(b.grad.H0[(first+r)*u:], w.dh[r*u:][:u])
		}
		if b.grad.C0 != nil {
			copy(b.grad.C0[(first+r)*u:], w.dc[r*u:][:u])
		}
	}
}

// A moment is one step t of one row of the batch, and where its gradients come and go.
type moment struct {
	row, t           int
	dh, dc           []float32
	d, nextD, db, xh []float32
}

// retreat goes back through one step of one row, and reports whether the row's length reaches that far. zero is a
// state of zeros.
func (b *Backward) retreat(m *moment, zero []float32) bool {
	s, u := b.shape, b.shape.Hidden
	length := s.length(b.in.Lengths, m.row)
	if m.t >= length {
		clear(m.d)
		clear(m.xh)
		return false
	}
	at := m.row*s.Steps + m.t
	before, begins := s.before(at), m.t == 0
	if s.Reverse {
		begins = m.t == length-1
	}
	dy, h, c := zero, zero, zero
	if b.arriving.Y != nil {
		dy = b.arriving.Y[at*u:][:u]
	}
	if !begins {
		h = b.out.Y[before*u:][:u]
		if s.Cell == LSTM {
			c = b.out.Kept[before*s.Kept()+4*u:][:u]
		}
	}
	if begins && b.in.H0 != nil {
		h = b.in.H0[m.row*u:][:u]
	}
	if begins && b.in.C0 != nil {
		c = b.in.C0[m.row*u:][:u]
	}
	copy(m.xh, b.in.X[at*s.Input:][:s.Input])
	copy(m.xh[b.stateAt():], h)
	kept, next := b.out.Kept[at*s.Kept():][:s.Kept()], b.out.Kept[before*s.Kept():]
	switch s.Cell {
	case RNN:
		rnnBackward(b.out.Y[at*u:][:u], dy, m.dh, m.d, m.db)
	case GRU:
		gruBackward(kept, h, dy, m.dh, m.d, m.db, next, m.nextD)
	case LSTM:
		lstmBackward(kept, c, dy, m.dh, m.dc, m.d, m.db, next, m.nextD)
	}
	return true
}

// spread carries the gradients d of step t's sums on to the states before it and to x.
func (b *Backward) spread(w *backwardWorker, first, rows, t int, d []float32, alive bool) {
	s := b.shape
	if alive {
		b.toH.run(&w.dh[0], s.Hidden, d, rows, true)
	}
	if b.grad.X == nil {
		return
	}
	dx := b.grad.X[(first*s.Steps+t)*s.Input:]
	if alive {
		b.toX.run(&dx[0], s.Steps*s.Input, d, rows, false)
		return
	}
	for r := range rows {
		clear(dx[r*s.Steps*s.Input:][:s.Input])
	}
}

// offset is the address n floats behind p.
func offset(p *float32, n int) *float32 { return (*float32)(unsafe.Add(unsafe.Pointer(p), n*4)) }

func (p *way) run(c *float32, ldc int, d []float32, rows int, add bool) {
	ld, height := len(d)/rows, tile.Height(rows)
	k := 0
	for _, seg := range p.segs {
		k += seg.K
	}
	for j := 0; j < p.cols; j += tile.Width {
		panel, cols := &p.panels[j*k], min(tile.Width, p.cols-j)
		for r := 0; r < rows; r += height {
			tile.Row(offset(c, r*ldc+j), ldc, &d[r*ld], ld, p.segs, panel, min(height, rows-r), cols, add)
		}
	}
}

// weight sums one piece of a weights' gradient over all blocks and steps.
func (b *Backward) weight(worker, item int) {
	s, t := b.shape, b.weights[item]
	width, first, grad := s.Hidden, b.stateAt(), b.grad.HH
	if t.ofX {
		width, first, grad = s.Input, 0, b.grad.IH
	}
	line := b.lineLen()
	ld := padded(s.Cell.sums() * s.Hidden)
	segs := b.workers[worker].segs[:]
	height := tile.Height(t.rows)
	blocks, size := s.blocks()
	if blocks*s.Steps == 0 {
		for r := range t.rows {
			clear(grad[(t.row+r)*width+t.firstCol : (t.row+r)*width+t.endCol])
		}
		return
	}
	add := false
	for block := range blocks {
		depth := min(size, s.Batch-block*size) * s.Steps
		d, xh := b.d[block*size*s.Steps*ld:], b.xh[block*size*s.Steps*line:]
		for k := 0; k < depth; k += pieceDepth {
			segs[0].K = min(pieceDepth, depth-k)
			for j := t.firstCol; j < t.endCol; j += tile.Width {
				from, cols := &xh[k*line+first+j], min(tile.Width, width-j)
				for r := 0; r < t.rows; r += height {
					tile.Col(&grad[(t.row+r)*width+j], width, &d[k*ld+t.sum+r], ld, from, line,
						segs, min(height, t.rows-r), cols, add)
				}
			}
			add = true
		}
	}
}

// biases sums the blocks' gradients of the biases.
func (b *Backward) biases(blocks int) {
	u, sums := b.shape.Hidden, b.shape.Cell.sums()*b.shape.Hidden
	clear(b.grad.BiasIH)
	for block := range blocks {
		for i, d := range b.db[block*sums:][:len(b.grad.BiasIH)] {
			b.grad.BiasIH[i] += d
		}
	}
	copy(b.grad.BiasHH, b.grad.BiasIH)
	if b.shape.Cell != GRU {
		return
	}
	own := b.grad.BiasHH[2*u:]
	clear(own)
	for block := range blocks {
		for i, d := range b.db[block*sums+3*u:][:u] {
			own[i] += d
		}
	}
}
