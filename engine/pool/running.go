package pool

import "galen.dev/internal/cpu"

// running is a reduction over everything up to an element along one axis (a cumulative sum), or from it on. GoMLX
// asks for it by windows as long as the axis; taken from its neighbour, each result costs one step. From the end on
// the sum runs backwards, which rounds differently from a sum per window.
type running[T Number] struct {
	op                  Op
	images, n, channels int
	backward            bool
	tiles, tile         int
	pieces, batch       int
	dst, src            []T
	body                func(worker, piece int)
}

func newRunning[T Number](op Op, dims []int, axes []Axis) *running[T] {
	axis := -1
	for i, a := range axes {
		a = a.filled()
		if a.windows(dims[i]) == dims[i] && a.Size == 1 && a.Stride == 1 && a.InputDilation == 1 && a.Before == 0 {
			continue
		}
		n := dims[i]
		if axis >= 0 || n < 2 || a.Size < n || a.Stride != 1 || a.Dilation != 1 || a.InputDilation != 1 ||
			a.Before+a.After != a.Size-1 || a.Before != 0 && a.After != 0 {
			return nil
		}
		axis = i
	}
	if axis < 0 {
		return nil
	}
	p := &running[T]{op: op, images: product(dims[:axis]), n: dims[axis], channels: product(dims[axis+1:]), backward: axes[axis].Before == 0}
	if p.images == 0 || p.channels == 0 {
		return nil
	}
	p.tile = min(p.channels, 256)
	p.tiles = (p.channels + p.tile - 1) / p.tile
	p.pieces, p.batch = cpu.Chunks(p.images*p.tiles, max(1, grain/(p.n*p.tile)), mostPieces)
	p.body = p.piece
	return p
}

func (p *running[T]) run(dst, src []T) {
	p.dst, p.src = dst, src
	if p.pieces == 1 {
		p.piece(0, 0)
	} else {
		cpu.Do(p.pieces, p.body)
	}
	p.dst, p.src = nil, nil
}

func (p *running[T]) piece(_, piece int) {
	for unit := piece * p.batch; unit < min((piece+1)*p.batch, p.images*p.tiles); unit++ {
		at := unit/p.tiles*p.n*p.channels + unit%p.tiles*p.tile
		width := min(p.tile, p.channels-unit%p.tiles*p.tile)
		step := p.channels
		if p.backward {
			at, step = at+(p.n-1)*p.channels, -step
		}
		if width == 1 {
			p.line(at, step)
			continue
		}
		copy(p.dst[at:at+width], p.src[at:])
		for range p.n - 1 {
			before := p.dst[at : at+width]
			at += step
			copy(p.dst[at:at+width], before)
			combine(p.op, p.dst[at:at+width], p.src[at:])
		}
	}
}

// line runs along one element per step.
func (p *running[T]) line(at, step int) {
	var pair [2]T
	pair[0] = p.src[at]
	p.dst[at] = pair[0]
	for range p.n - 1 {
		at += step
		pair[1] = p.src[at]
		pair[0] = reduceOne(p.op, pair[:], both[:])
		p.dst[at] = pair[0]
	}
}

var both = [2]int{0, 1}
