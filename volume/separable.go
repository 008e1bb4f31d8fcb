package volume

import (
	"context"
	"slices"

	"galen.dev/internal/cpu"
)

// An axisPlan says how lines along one axis become lines of another length.
type axisPlan struct {
	in, out int
	pad     int  // voxels repeated at both ends before filtering
	filter  bool // whether the lines are turned into spline coefficients
	mirror  bool
	taps    int
	index   []int32   // out*taps rows of the padded line
	weight  []float64 // out*taps
}

// planAxis resamples lines of in voxels at the places at.
func planAxis(in int, at []float64, o Order, e Edge) axisPlan {
	p := coefficients(in, o, e)
	p.out, p.taps = len(at), o.taps()
	n := in + 2*p.pad
	p.index, p.weight = make([]int32, p.out*p.taps), make([]float64, p.out*p.taps)
	for i, x := range at {
		start, w := weights(e.clampTo(x+float64(p.pad), n), o)
		for k := range p.taps {
			p.index[i*p.taps+k], p.weight[i*p.taps+k] = int32(mirrorIndex(start+k, n)), w[k]
		}
	}
	return p
}

// coefficients keeps the places, and filters and pads the lines as the order needs.
func coefficients(in int, o Order, e Edge) axisPlan {
	p := axisPlan{in: in, out: in, taps: 1, mirror: e == Mirror}
	if o == Cubic {
		p.filter = true
		if e == Extend {
			p.pad = padding
		}
	}
	p.out = in + 2*p.pad
	p.index, p.weight = make([]int32, p.out), make([]float64, p.out)
	for i := range p.index {
		p.index[i], p.weight[i] = int32(i), 1
	}
	return p
}

// isNothing says whether lines come out as they went in.
func (p *axisPlan) isNothing() bool {
	if p.in != p.out || p.filter && p.taps == 1 {
		return false
	}
	// A spline goes through its samples, so whole places return them whatever the order.
	for i := range p.out {
		w := p.weight[i*p.taps : (i+1)*p.taps]
		for k, x := range w {
			hit := int(p.index[i*p.taps+k]) == i+p.pad
			if p.taps == 4 {
				if k == 1 && !hit || k == 0 && x != 1.0/6 {
					return false
				}
			} else if x != 0 && (!hit || x != 1) {
				return false
			}
		}
	}
	return true
}

// tile is how many lines are worked on together: their coefficients stay in the cache.
const tile = 32

// separable resamples a frame axis after axis into out, the axis that shrinks most first.
func separable(ctx context.Context, frame, out []float32, dims [3]int, axes [3]axisPlan) error {
	order := []int{0, 1, 2}
	slices.SortStableFunc(order, func(a, b int) int {
		// out/in of a against out/in of b, without dividing
		return axes[a].out*axes[b].in - axes[b].out*axes[a].in
	})
	work := slices.DeleteFunc(order, func(a int) bool { return axes[a].isNothing() })
	if len(work) == 0 {
		copy(out, frame)
		return ctx.Err()
	}
	src := frame
	for i, axis := range work {
		next := dims
		next[axis] = axes[axis].out
		dst := out
		if i < len(work)-1 {
			dst = make([]float32, next[0]*next[1]*next[2])
		}
		if err := alongAxis(ctx, src, dst, dims, axis, &axes[axis]); err != nil {
			return err
		}
		src, dims = dst, next
	}
	return nil
}

// alongAxis applies a plan to every line of a frame along an axis.
func alongAxis(ctx context.Context, src, dst []float32, dims [3]int, axis int, p *axisPlan) error {
	// The lines are lines of inner, side by side, repeated outer times.
	outer, inner := 1, dims[0]*dims[1]
	step, side, block := dims[0]*dims[1], 1, 0
	outStep, outSide, outBlock := step, 1, 0
	switch axis {
	case 0:
		inner, step, side = dims[1]*dims[2], 1, dims[0]
		outStep, outSide = 1, p.out
	case 1:
		outer, inner, step, block = dims[2], dims[0], dims[0], dims[0]*dims[1]
		outStep, outBlock = dims[0], dims[0]*p.out
	}
	tiles := (inner + tile - 1) / tile
	rows := p.in + 2*p.pad
	scratch := make([][]float64, cpu.Threads())
	cpu.Do(outer*tiles, func(worker, item int) {
		if ctx.Err() != nil {
			return
		}
		if scratch[worker] == nil {
			scratch[worker] = make([]float64, rows*tile)
		}
		o, first := item/tiles, item%tiles*tile
		width := min(tile, inner-first)
		c := scratch[worker][:rows*width]
		p.load(c, src[o*block+first*side:], width, step, side)
		if p.filter {
			prefilter(c, rows, width, p.mirror)
		}
		p.gather(c, dst[o*outBlock+first*outSide:], width, outStep, outSide)
	})
	return ctx.Err()
}

// load copies width lines into the rows of c, and repeats their ends.
func (p *axisPlan) load(c []float64, src []float32, width, step, side int) {
	if side == 1 {
		for k := range p.in {
			row, from := c[(p.pad+k)*width:][:width], src[k*step:][:width]
			for j, x := range from {
				row[j] = float64(x)
			}
		}
	} else {
		for j := range width {
			line := src[j*side:][:p.in]
			for k, x := range line {
				c[(p.pad+k)*width+j] = float64(x)
			}
		}
	}
	for k := range p.pad {
		copy(c[k*width:][:width], c[p.pad*width:])
		copy(c[(p.pad+p.in+k)*width:][:width], c[(p.pad+p.in-1)*width:])
	}
}

// gather weighs rows of c into the lines of dst.
func (p *axisPlan) gather(c []float64, dst []float32, width, step, side int) {
	var sums [tile]float64
	sum := sums[:width]
	for i := range p.out {
		index, weight := p.index[i*p.taps:][:p.taps], p.weight[i*p.taps:][:p.taps]
		switch p.taps {
		case 1:
			copy(sum, c[int(index[0])*width:][:width])
		case 2:
			a, b := c[int(index[0])*width:][:width], c[int(index[1])*width:][:width]
			wa, wb := weight[0], weight[1]
			for j := range sum {
				sum[j] = wa*a[j] + wb*b[j]
			}
		default:
			a, b := c[int(index[0])*width:][:width], c[int(index[1])*width:][:width]
			d, e := c[int(index[2])*width:][:width], c[int(index[3])*width:][:width]
			wa, wb, wd, we := weight[0], weight[1], weight[2], weight[3]
			for j := range sum {
				sum[j] = wa*a[j] + wb*b[j] + wd*d[j] + we*e[j]
			}
		}
		if side == 1 {
			out := dst[i*step:][:width]
			for j, x := range sum {
				out[j] = float32(x)
			}
			continue
		}
		for j, x := range sum {
			dst[i*step+j*side] = float32(x)
		}
	}
}
