package pool

import (
	"unsafe"

	"galen.dev/internal/cpu"
)

// Select is the gradient of max or min pooling: each window sends its gradient to the element that it selected, and
// an element that several windows selected gets their sum, in row-major order of the windows.
type Select[T Number] struct {
	op            Op
	g             *geometry
	in, out       int
	apart         bool // no two windows share an element: rows are independent
	whole         bool // and together they cover the operand: nothing to clear
	tiles, tile   int  // of channels
	pieces, batch int  // a unit is one tile of channels of one row (apart) or of one image
	clearing      int  // pieces in which the result is cleared
	workers       []selectWorker[T]
	dst, x, grad  []T
	body, zero    func(worker, piece int)
	assembly      func(op Op, add bool) selectKernel
}

type selectWorker[T Number] struct {
	taps              taps
	kernel            selectKernel
	best              []T
	chosen            []int
	at, gradAt, width int
	visit             func(at int, r *run, offsets []int)
}

// clearPiece is how many elements of the result are cleared at a time.
const clearPiece = 1 << 16

// NewSelect plans the gradient of windows reduced by op, Max or Min, over a tensor of shape dims. axes have no
// Dilation and no InputDilation, and may be shorter than dims.
func NewSelect[T Number](op Op, dims []int, axes []Axis) *Select[T] {
	must(op == Max || op == Min, "selection by reduction %d", op)
	p := &Select[T]{op: op, in: product(dims), out: product(Result(dims, axes)), apart: true, whole: true}
	for i, a := range axes {
		a = a.filled()
		must(a.Dilation == 1 && a.InputDilation == 1, "selection from windows with holes")
		p.apart = p.apart && a.Stride >= a.Size
		p.whole = p.whole && a.Stride == a.Size && a.Before == 0 && a.windows(dims[i])*a.Size == dims[i]
	}
	p.clearing = (p.in + clearPiece - 1) / clearPiece
	p.zero = func(_, piece int) { clear(p.dst[piece*clearPiece : min((piece+1)*clearPiece, p.in)]) }
	if p.in == 0 || p.out == 0 {
		p.apart, p.whole = true, false
		return p
	}
	p.g = newGeometry(dims, axes)
	if _, ok := any(T(0)).(float32); ok && p.g.channels >= 8 {
		p.assembly = selectKernelFor
	}
	units, work := p.g.images, p.g.rows*p.g.axes[len(p.g.axes)-1].out*p.g.most
	if p.apart {
		units, work = p.g.images*p.g.rows, work/p.g.rows
	}
	p.tiles, p.tile = 1, p.g.channels
	if units < 16 && p.tile >= 32 {
		p.tile = 16
		p.tiles = (p.g.channels + 15) / 16
	}
	p.pieces, p.batch = cpu.Chunks(units*p.tiles, max(1, grain/max(1, work*p.tile)), mostPieces)
	p.body = p.piece
	return p
}

// Run sets dst, of the operand's shape, to the gradient: x is the operand, grad the gradient of the windows.
func (p *Select[T]) Run(dst, x, grad []T) {
	sameLength("the result", len(dst), p.in)
	sameLength("the operand", len(x), p.in)
	sameLength("the gradient", len(grad), p.out)
	p.dst, p.x, p.grad = dst, x, grad
	if !p.whole {
		cpu.Do(p.clearing, p.zero)
	}
	if p.g != nil {
		p.prepare()
		if p.pieces == 1 {
			p.piece(0, 0)
		} else {
			cpu.Do(p.pieces, p.body)
		}
	}
	p.dst, p.x, p.grad = nil, nil, nil
}

func (p *Select[T]) prepare() {
	for len(p.workers) < max(1, min(cpu.Threads(), p.pieces)) {
		p.workers = append(p.workers, selectWorker[T]{taps: p.g.newTaps(), best: make([]T, p.tile), chosen: make([]int, p.tile)})
	}
	for i := range p.workers {
		w := &p.workers[i]
		w.kernel = nil
		if p.assembly != nil {
			w.kernel = p.assembly(p.op, !p.apart)
		}
		if w.visit == nil {
			number := i
			w.visit = func(at int, r *run, offsets []int) { p.windows(&p.workers[number], at, r, offsets) }
		}
	}
}

func (p *Select[T]) piece(worker, piece int) {
	w := &p.workers[worker]
	rowsEach, units := p.g.rows, p.g.images*p.tiles
	if p.apart {
		rowsEach, units = 1, units*p.g.rows
	}
	out := p.g.axes[len(p.g.axes)-1].out * p.g.channels
	for unit := piece * p.batch; unit < min((piece+1)*p.batch, units); unit++ {
		from := unit % p.tiles * p.tile
		w.width = min(p.tile, p.g.channels-from)
		first := unit / p.tiles * rowsEach
		for row := first; row < first+rowsEach; row++ {
			w.at = row/p.g.rows*p.g.inImage + from
			w.gradAt = row*out + from
			p.g.row(&w.taps, row%p.g.rows, w.visit)
		}
	}
}

// windows handles one run of windows.
func (p *Select[T]) windows(w *selectWorker[T], at int, r *run, offsets []int) {
	if len(offsets) == 0 {
		return
	}
	at += w.at
	gradAt := w.gradAt + r.at*p.g.channels
	step, gradStep := r.inStep*p.g.inRow, r.outStep*p.g.channels
	if w.kernel != nil {
		w.kernel((*float32)(unsafe.Pointer(&p.dst[at])), (*float32)(unsafe.Pointer(&p.x[at])),
			(*float32)(unsafe.Pointer(&p.grad[gradAt])), &offsets[0], len(offsets), r.n, step*4, gradStep*4, w.width)
		return
	}
	for range r.n {
		p.window(w, p.dst[at:], p.x[at:], p.grad[gradAt:gradAt+w.width], offsets)
		at += step
		gradAt += gradStep
	}
}

// window selects for each channel.
func (p *Select[T]) window(w *selectWorker[T], dst, x, grad []T, offsets []int) {
	best, chosen := w.best[:len(grad)], w.chosen[:len(grad)]
	copy(best, x[offsets[0]:])
	for c := range chosen {
		chosen[c] = offsets[0]
	}
	floats, isFloat := any(best).([]float32)
	for _, o := range offsets[1:] {
		if isFloat {
			choose(p.op, floats, chosen, any(x).([]float32)[o:], o)
			continue
		}
		for c, v := range x[o : o+len(best)] {
			if p.op == Max && v > best[c] || p.op == Min && v < best[c] || v != v {
				best[c], chosen[c] = v, o
			}
		}
	}
	if p.whole {
		for _, o := range offsets {
			clear(dst[o : o+len(grad)])
		}
	}
	for c, v := range grad {
		if p.apart {
			dst[chosen[c]+c] = v
		} else {
			dst[chosen[c]+c] += v
		}
	}
}
