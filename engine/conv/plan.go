package conv

import "galen.dev/internal/cpu"

// Epilogue is called when all channels of the output rows row0 <= row < row1 are final, and most of them are still
// in the cache of the thread that calls it. Rows count the positions of y over all images: row r is
// y[r·Cout : (r+1)·Cout]. worker is below cpu.Threads(), and no two calls at the same time share it. Every row is
// passed exactly once.
type Epilogue func(worker, row0, row1 int)

// Plan holds what a convolution of one shape needs: the order of its loops, room for packed weights, and scratch
// space for every thread. A run after the first allocates nothing. One goroutine at a time may use a plan.
type Plan struct {
	shape Shape
	done  Epilogue

	forward  forward // nil until the first use
	gradient backward
}

// A forward is a way to compute y; the ways are lines, images, dots, depthwise and winograd. prepare packs weights, and run
// computes y with those that were packed last.
type forward interface {
	prepare(w []float32)
	run(x, y []float32, done Epilogue)
}

// A backward is a way to compute the gradient of the weights; the ways are gradient and winogradGradient.
type backward interface {
	run(x, dy, dw []float32)
}

// New returns a plan for s. done, if not nil, is called for the rows that Forward finishes. It panics where s is no
// convolution, such as one with a negative size.
func New(s Shape, done Epilogue) *Plan {
	return &Plan{shape: s.normal(), done: done}
}

// Shape returns the problem, with its defaults filled in.
func (p *Plan) Shape() Shape { return p.shape }

// Forward computes y from x and the weights w. The slices must have exactly the lengths that the shape gives them,
// and y must not overlap the others. The result does not depend on the number of threads.
func (p *Plan) Forward(x, w, y []float32) {
	p.Hold(w)
	p.ForwardHeld(x, y)
}

// Hold packs the weights w for calls of ForwardHeld: a model that only predicts does it once, and w must not change
// before the last of these calls.
func (p *Plan) Hold(w []float32) {
	s := p.shape
	s.fit(s.XLen(), len(w), s.YLen())
	if s.XLen() == 0 || len(w) == 0 || s.YLen() == 0 {
		return
	}
	if p.forward == nil {
		p.forward = choose(s)
	}
	p.forward.prepare(w)
}

// ForwardHeld is Forward with the weights that were given to Hold last. It panics where there are none.
func (p *Plan) ForwardHeld(x, y []float32) {
	s := p.shape
	s.fit(len(x), s.WeightsLen(), len(y))
	switch {
	case len(y) == 0:
	case len(x) == 0 || s.WeightsLen() == 0:
		clear(y)
		if p.done != nil {
			p.done(0, 0, len(y)/s.Cout)
		}
	case p.forward == nil:
		panic("conv: no weights are held")
	default:
		p.forward.run(x, y, p.done)
	}
}

// WeightGradient computes dw, the gradient of the weights and laid out like them, from x and the gradient dy of y.
// The slices must have exactly the lengths that the shape gives them, and dw must not overlap the others. The result
// does not depend on the number of threads.
func (p *Plan) WeightGradient(x, dy, dw []float32) {
	s := p.shape
	s.fit(len(x), len(dw), len(dy))
	if len(x) == 0 || len(dy) == 0 || len(dw) == 0 {
		clear(dw)
		return
	}
	if p.gradient == nil {
		p.gradient = chooseGradient(s)
	}
	p.gradient.run(x, dy, dw)
}

// choose picks the way to compute s that an estimate of its time prefers. The choice depends on the shape and the
// kernel family alone.
func choose(s Shape) forward {
	if s.depthwise() {
		return newDepthwise(s)
	}
	if s.dotted() {
		return newDots(s)
	}
	lines, images := linesCost(s), imagesCost(s)
	switch {
	case s.winogradSuits() && winogradMargin*winogradCost(s) < min(lines, images):
		return newWinograd(s)
	case images < lines:
		return newImages(s)
	default:
		return newLines(s)
	}
}

// chooseGradient does the same for the gradient of the weights.
func chooseGradient(s Shape) backward {
	if s.winogradSuits() && winogradGradientCost(s) < gradientCost(s) {
		return newWinogradGradient(s)
	}
	return newGradient(s)
}

// perWorker is scratch space of n floats for each worker, made when a worker first needs it.
type perWorker struct {
	n    int
	each [][]float32
}

// ready makes room for as many workers as the next loop may have.
func (p *perWorker) ready() {
	for len(p.each) < cpu.Threads() {
		p.each = append(p.each, nil)
	}
}

func (p *perWorker) get(worker int) []float32 {
	if p.each[worker] == nil {
		p.each[worker] = make([]float32, p.n)
	}
	return p.each[worker]
}
