package pool

import (
	"math"
	"unsafe"

	"galen.dev/internal/cpu"
)

// Reduce reduces windows.
type Reduce[T Number] struct {
	op            Op
	empty         T
	g             *geometry
	running       *running[T] // instead of windows
	in, out       int
	tiles, tile   int // of channels
	pieces, batch int // a unit is one tile of channels of one row
	workers       []reduceWorker[T]
	dst, src      []T
	body          func(worker, piece int)
	assembly      func(op Op) windowKernel
}

// reduceWorker is what one thread needs. visit is made once, since a function made per row would be allocated.
type reduceWorker[T Number] struct {
	taps              taps
	kernel            windowKernel
	dstAt, srcAt, cut int
	visit             func(at int, r *run, offsets []int)
}

// NewReduce plans reducing the windows of a tensor of shape dims; axes may be shorter than dims.
func NewReduce[T Number](op Op, dims []int, axes []Axis) *Reduce[T] {
	must(op <= Min, "reduction %d", op)
	p := &Reduce[T]{op: op, empty: neutral[T](op), in: product(dims), out: product(Result(dims, axes))}
	p.running = newRunning[T](op, dims, axes)
	if p.running != nil || p.out == 0 {
		return p
	}
	p.g = newGeometry(dims, axes)
	if _, ok := any(p.empty).(float32); ok && p.g.channels >= 8 {
		p.assembly = windowKernelFor
	}
	rows := p.g.images * p.g.rows
	p.tiles, p.tile = 1, p.g.channels
	if rows < 16 && p.tile >= 128 {
		p.tile = 64
		p.tiles = (p.g.channels + 63) / 64
	}
	work := p.g.axes[len(p.g.axes)-1].out * max(1, p.g.most) * p.tile
	p.pieces, p.batch = cpu.Chunks(rows*p.tiles, max(1, grain/max(1, work)), mostPieces)
	p.body = p.piece
	return p
}

// NewSpread plans the gradient of summed windows, of which that of average pooling is a multiple: a tensor of shape
// dims, each element the sum of the gradients of the windows it is in. axes are those of the sum, without
// InputDilation.
func NewSpread[T Number](dims []int, axes []Axis) *Reduce[T] {
	windows := Result(dims, axes)
	turned := make([]Axis, len(axes))
	for i, a := range axes {
		a = a.filled()
		must(a.InputDilation == 1, "the gradient of windows over a spread tensor")
		t := Axis{Size: a.Size, Stride: 1, Dilation: a.Dilation, InputDilation: a.Stride, Before: a.reach() - 1 - a.Before}
		spread := 0
		if windows[i] > 0 {
			spread = (windows[i]-1)*a.Stride + 1
		}
		t.After = dims[i] - 1 + t.reach() - spread - t.Before
		turned[i] = t
	}
	return NewReduce[T](Sum, windows, turned)
}

// Run reduces src into dst.
func (p *Reduce[T]) Run(dst, src []T) {
	sameLength("the result", len(dst), p.out)
	sameLength("the operand", len(src), p.in)
	switch {
	case p.out == 0:
		return
	case p.running != nil:
		p.running.run(dst, src)
		return
	case p.in == 0:
		for i := range dst {
			dst[i] = p.empty
		}
		return
	}
	for len(p.workers) < max(1, min(cpu.Threads(), p.pieces)) {
		p.workers = append(p.workers, reduceWorker[T]{taps: p.g.newTaps()})
	}
	for i := range p.workers {
		w := &p.workers[i]
		w.kernel = nil
		if p.assembly != nil {
			w.kernel = p.assembly(p.op)
		}
		if w.visit == nil {
			number := i
			w.visit = func(at int, r *run, offsets []int) { p.windows(&p.workers[number], at, r, offsets) }
		}
	}
	p.dst, p.src = dst, src
	if p.pieces == 1 {
		p.piece(0, 0)
	} else {
		cpu.Do(p.pieces, p.body)
	}
	p.dst, p.src = nil, nil
}

func (p *Reduce[T]) piece(worker, piece int) {
	w := &p.workers[worker]
	last := &p.g.axes[len(p.g.axes)-1]
	for unit := piece * p.batch; unit < min((piece+1)*p.batch, p.g.images*p.g.rows*p.tiles); unit++ {
		row, from := unit/p.tiles, unit%p.tiles*p.tile
		w.srcAt = row/p.g.rows*p.g.inImage + from
		w.dstAt = row*last.out*p.g.channels + from
		w.cut = min(p.tile, p.g.channels-from)
		p.g.row(&w.taps, row%p.g.rows, w.visit)
	}
}

// windows reduces one run of windows.
func (p *Reduce[T]) windows(w *reduceWorker[T], at int, r *run, offsets []int) {
	dstAt, srcAt := w.dstAt+r.at*p.g.channels, w.srcAt+at
	dstStep, srcStep := r.outStep*p.g.channels, r.inStep*p.g.inRow
	switch {
	case len(offsets) == 0:
		for range r.n {
			fill(p.dst[dstAt:dstAt+w.cut], p.empty)
			dstAt += dstStep
		}
	case w.kernel != nil:
		w.kernel((*float32)(unsafe.Pointer(&p.dst[dstAt])), (*float32)(unsafe.Pointer(&p.src[srcAt])), &offsets[0],
			len(offsets), r.n, dstStep*4, srcStep*4, w.cut)
	case w.cut < 8:
		p.narrow(w.cut, dstAt, srcAt, dstStep, srcStep, r.n, offsets)
	default:
		for range r.n {
			row := p.dst[dstAt : dstAt+w.cut]
			copy(row, p.src[srcAt+offsets[0]:])
			for _, o := range offsets[1:] {
				combine(p.op, row, p.src[srcAt+o:])
			}
			dstAt += dstStep
			srcAt += srcStep
		}
	}
}

// narrow reduces n windows of few channels, one channel after the other.
func (p *Reduce[T]) narrow(channels, dstAt, srcAt, dstStep, srcStep, n int, offsets []int) {
	src, ok := any(p.src).([]float32)
	if ok && p.op >= Max {
		dst := any(p.dst).([]float32)
		for range n {
			for c := range channels {
				dst[dstAt+c] = extreme(p.op, src[srcAt+c:], offsets)
			}
			dstAt += dstStep
			srcAt += srcStep
		}
		return
	}
	for range n {
		for c := range channels {
			p.dst[dstAt+c] = reduceOne(p.op, p.src[srcAt+c:], offsets)
		}
		dstAt += dstStep
		srcAt += srcStep
	}
}

// reduceOne reduces the elements at the offsets.
func reduceOne[T Number](op Op, src []T, offsets []int) T {
	r := src[offsets[0]]
	for _, o := range offsets[1:] {
		switch v := src[o]; op {
		case Sum:
			r += v
		case Product:
			r *= v
		case Max:
			if v > r || v != v {
				r = v
			}
		case Min:
			if v < r || v != v {
				r = v
			}
		}
	}
	return r
}

// combine reduces each element of dst with that of src.
func combine[T Number](op Op, dst, src []T) {
	src = src[:len(dst)]
	if f, ok := any(dst).([]float32); ok && op == Max {
		maxFloats(f, any(src).([]float32))
		return
	} else if ok && op == Min {
		minFloats(f, any(src).([]float32))
		return
	}
	switch op {
	case Sum:
		for i, v := range src {
			dst[i] += v
		}
	case Product:
		for i, v := range src {
			dst[i] *= v
		}
	case Max:
		for i, v := range src {
			if v > dst[i] || v != v {
				dst[i] = v
			}
		}
	case Min:
		for i, v := range src {
			if v < dst[i] || v != v {
				dst[i] = v
			}
		}
	}
}

func fill[T Number](dst []T, v T) {
	for i := range dst {
		dst[i] = v
	}
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// neutral is what a window without elements gives.
func neutral[T Number](op Op) T {
	switch op {
	case Sum:
		return 0
	case Product:
		return 1
	}
	var low, high any
	switch any(T(0)).(type) {
	case int8:
		low, high = int8(math.MinInt8), int8(math.MaxInt8)
	case int16:
		low, high = int16(math.MinInt16), int16(math.MaxInt16)
	case int32:
		low, high = int32(math.MinInt32), int32(math.MaxInt32)
	case int64:
		low, high = int64(math.MinInt64), int64(math.MaxInt64)
	case uint8:
		low, high = uint8(0), uint8(math.MaxUint8)
	case uint16:
		low, high = uint16(0), uint16(math.MaxUint16)
	case uint32:
		low, high = uint32(0), uint32(math.MaxUint32)
	case uint64:
		low, high = uint64(0), uint64(math.MaxUint64)
	case float32:
		low, high = float32(math.Inf(-1)), float32(math.Inf(1))
	case float64:
		low, high = math.Inf(-1), math.Inf(1)
	}
	if op == Max {
		return low.(T)
	}
	return high.(T)
}
