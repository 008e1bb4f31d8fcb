package conv

import (
	"galen.dev/engine/tile"
	"galen.dev/internal/cpu"
)

// images computes y position by position: the rows of a tile are the same output of several images. It suits many
// small images: lines of few outputs fill no tile, and here no tap that sees padding is computed at all. x is read in
// place, unless the distance between images is one at which they would push each other out of the cache.
type images struct {
	shape   Shape
	out     [3]int
	phases  []phase
	weights *packed
	plans   []imagePlan

	height int // images of a tile
	blocks int
	band   [3]int
	pieces [3]int
	parts  parts

	pitch  int       // between images
	spread []float32 // the images at that distance, where it is not their own
	copies func(worker, item int)
	work   func(worker, item int)

	x, y []float32 // of the run under way
	done Epilogue
}

// An imagePlan holds tables for one phase.
type imagePlan struct {
	segs [][]tile.Seg // for a number of neighbouring taps along the width, where they lie
	seen [][2]int     // for each output along the width, the taps that see x
}

func newImages(s Shape) *images {
	m := &images{shape: s, out: s.Out(), phases: s.phases()}
	m.weights = newPacked(s, m.phases)
	m.height = imageHeight(s.N)
	m.blocks = (s.N + m.height - 1) / m.height
	m.parts.each = channelParts(s, len(m.weights.floats))
	m.cutOutputs()
	m.parts.set(m.blocks*volume(m.pieces), m.parts.each)
	m.pitch = volume(s.In) * s.Cin
	if m.pitch%512 == 0 && m.height > 4 {
		m.pitch += 48
		m.spread = make([]float32, s.N*m.pitch)
	}
	for i := range m.phases {
		w := &m.phases[i].axis[2]
		var p imagePlan
		for n := range w.taps + 1 {
			p.segs = append(p.segs, lineSegs(n, w.dilation*s.Cin, s.Cin/s.Groups))
		}
		for t := range w.count {
			lo, hi := w.seen(t, s.In[2])
			p.seen = append(p.seen, [2]int{lo, hi})
		}
		m.plans = append(m.plans, p)
	}
	m.copies, m.work = m.copyImage, m.item
	return m
}

// imageHeight is how many images share a tile: an even number of tiles, so that two threads have the same to do.
func imageHeight(n int) int {
	tiles := (n + tile.Rows() - 1) / tile.Rows()
	if tiles > 1 {
		tiles += tiles % 2
	}
	return (n + tiles - 1) / tiles
}

// lineSegs is n runs of k floats, step apart, as few segments.
func lineSegs(n, step, k int) []tile.Seg {
	if n == 0 {
		return nil
	}
	if step == k {
		return []tile.Seg{{K: n * k}}
	}
	var segs []tile.Seg
	for j := range n {
		segs = append(segs, tile.Seg{Off: j * step, K: k})
	}
	return segs
}

// cutOutputs cuts the outputs of a block of images into items, where there are too few blocks to share and the
// weights are read often enough by each item.
func (m *images) cutOutputs() {
	m.band = m.out
	axis := 0
	for axis < 2 && m.out[axis] == 1 {
		axis++
	}
	a := &m.phases[0].axis[axis]
	pieces := min((bandItems+m.blocks-1)/m.blocks, max(1, volume(m.out)/8))
	if m.parts.each > 1 {
		pieces = (partItems + m.blocks*m.parts.each - 1) / (m.blocks * m.parts.each)
	}
	n := (m.out[axis] + pieces - 1) / pieces
	m.band[axis] = min(m.out[axis], (n+a.step-1)/a.step*a.step)
	for i := range 3 {
		m.pieces[i] = (m.out[i] + m.band[i] - 1) / m.band[i]
	}
}

func (m *images) prepare(w []float32) { m.weights.pack(w) }

func (m *images) run(x, y []float32, done Epilogue) {
	m.x, m.y, m.done = x, y, done
	if m.spread != nil {
		cpu.Do(m.shape.N, m.copies)
		m.x = m.spread
	}
	cpu.Do(m.parts.items(), m.work)
	m.x, m.y, m.done = nil, nil, nil
}

func (m *images) copyImage(_, n int) {
	size := volume(m.shape.In) * m.shape.Cin
	copy(m.spread[n*m.pitch:][:size], m.x[n*size:])
}

// item computes one band of outputs of one block of images.
func (m *images) item(worker, item int) {
	s := m.shape
	item, part := m.parts.split(item)
	// The bands of a block lie on one axis.
	band, n := item%volume(m.pieces), item/volume(m.pieces)*m.height
	var lo, hi [3]int
	for i := range 3 {
		b := 0
		if m.pieces[i] > 1 {
			b = band
		}
		lo[i], hi[i] = b*m.band[i], min(m.out[i], (b+1)*m.band[i])
	}
	count := min(m.height, s.N-n)
	b := imageBlock{images: m, x: m.x[n*m.pitch:], y: m.y[n*volume(m.out)*s.Cout:], count: count}
	for i := range m.phases {
		b.phase(i, part, lo, hi)
	}
	if !m.parts.last(item) || m.done == nil {
		return
	}
	for i := range count {
		finish(m.done, worker, n+i, m.out, lo, hi)
	}
}

// An imageBlock is an item under way.
type imageBlock struct {
	*images
	x, y  []float32 // from the first image of the block
	count int

	// The phase, group and panel under way.
	ph     *phase
	plan   *imagePlan
	panel  []float32
	ci, co int
	cols   int
}

func (b *imageBlock) phase(i, part int, lo, hi [3]int) {
	s := b.shape
	b.ph, b.plan = &b.phases[i], &b.plans[i]
	var t0, t1 [3]int
	for k := range 3 {
		t0[k], t1[k] = b.ph.axis[k].below(lo[k]), b.ph.axis[k].below(hi[k])
	}
	if part == 0 {
		b.blind(t0, t1)
	}
	if b.ph.taps() == 0 {
		return
	}
	d, h := &b.ph.axis[0], &b.ph.axis[1]
	out := s.Cout / s.Groups
	first, end := b.parts.channels(part, out)
	for g := range s.Groups {
		for co := first; co < end; co += tile.Width {
			b.panel = b.weights.floats[b.weights.panel(i, g, co/tile.Width):]
			b.ci, b.co, b.cols = g*(s.Cin/s.Groups), g*out+co, min(tile.Width, out-co)
			if b.weights.panelLen(i) > chunkLen*tile.Width {
				b.byLine(d, h, t0, t1)
			} else {
				b.byOutput(d, h, t0, t1)
			}
		}
	}
}

// byLine takes a line of the kernel, with its share of the panel, through all outputs.
func (b *imageBlock) byLine(d, h *axisPhase, t0, t1 [3]int) {
	for jd := range d.taps {
		d0, d1 := d.inside(jd, b.shape.In[0])
		for jh := range h.taps {
			h0, h1 := h.inside(jh, b.shape.In[1])
			for td := max(d0, t0[0]); td < min(d1, t1[0]); td++ {
				for th := max(h0, t0[1]); th < min(h1, t1[1]); th++ {
					firstD, _ := d.seen(td, b.shape.In[0])
					firstH, _ := h.seen(th, b.shape.In[1])
					b.line(td, th, jd, jh, t0[2], t1[2], jd > firstD || jh > firstH)
				}
			}
		}
	}
}

// byOutput takes the outputs of a line through all lines of the kernel.
func (b *imageBlock) byOutput(d, h *axisPhase, t0, t1 [3]int) {
	for td := t0[0]; td < t1[0]; td++ {
		d0, d1 := d.seen(td, b.shape.In[0])
		for th := t0[1]; th < t1[1]; th++ {
			h0, h1 := h.seen(th, b.shape.In[1])
			for jd := d0; jd < d1; jd++ {
				for jh := h0; jh < h1; jh++ {
					b.line(td, th, jd, jh, t0[2], t1[2], jd > d0 || jh > h0)
				}
			}
		}
	}
}

// line computes what a line of the kernel gives to the outputs w0 <= tw < w1 of a line.
func (b *imageBlock) line(td, th, jd, jh, w0, w1 int, add bool) {
	s := b.shape
	d, h, w := &b.ph.axis[0], &b.ph.axis[1], &b.ph.axis[2]
	in := ((td*d.stride+d.from+jd*d.dilation)*s.In[1] + th*h.stride + h.from + jh*h.dilation) * s.In[2]
	out := ((d.first+td*d.step)*b.out[1]+h.first+th*h.step)*b.out[2] + w.first
	tap := (jd*h.taps + jh) * w.taps
	for tw := w0; tw < w1; tw++ {
		lo, hi := b.plan.seen[tw][0], b.plan.seen[tw][1]
		if lo == hi {
			continue
		}
		a := (in+tw*w.stride+w.from+lo*w.dilation)*s.Cin + b.ci
		c := (out+tw*w.step)*s.Cout + b.co
		tile.Row(&b.y[c], volume(b.out)*s.Cout, &b.x[a], b.pitch, b.plan.segs[hi-lo],
			&b.panel[(tap+lo)*(s.Cin/s.Groups)*tile.Width], b.count, b.cols, add)
	}
}

// blind clears the outputs that see nothing but padding.
func (b *imageBlock) blind(t0, t1 [3]int) {
	s := b.shape
	d, h, w := &b.ph.axis[0], &b.ph.axis[1], &b.ph.axis[2]
	for td := t0[0]; td < t1[0]; td++ {
		d0, d1 := d.seen(td, s.In[0])
		for th := t0[1]; th < t1[1]; th++ {
			h0, h1 := h.seen(th, s.In[1])
			for tw := t0[2]; tw < t1[2]; tw++ {
				seen := b.plan.seen[tw]
				if d0 < d1 && h0 < h1 && seen[0] < seen[1] {
					continue
				}
				o := ((d.first+td*d.step)*b.out[1]+h.first+th*h.step)*b.out[2] + w.first + tw*w.step
				for n := range b.count {
					clear(b.y[(n*volume(b.out)+o)*s.Cout:][:s.Cout])
				}
			}
		}
	}
}
