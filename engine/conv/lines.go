package conv

import (
	"galen.dev/engine/tile"
	"galen.dev/internal/cpu"
)

// lines computes y line by line: the rows of a tile are neighbours along the width, and the inner dimension runs
// over the taps and channels that each of them sees. Neighbouring taps and channels lie one behind the other in x,
// so that a segment of the inner dimension is a whole line of the kernel, read in place.
type lines struct {
	bands
	weights *packed
	chunks  [][]chunk // for each phase
}

// bands cuts y into bands of lines, each an item of work, and leads each phase of a band to what covers it.
type bands struct {
	shape   Shape // images folded into the depth where that is unused
	out     [3]int
	phases  []phase
	window  window
	scratch perWorker

	band   [3]int // outputs of an item along each axis
	pieces [3]int
	parts  parts
	work   func(worker, item int)
	cover  func(phase, part int, image, y []float32, w walk)

	x, y []float32 // of the run under way
	done Epilogue
}

// A walk says where the outputs of an item that belong to one phase lie, and what they see: offsets of the first one
// in y and in the image, how many there are along each axis, and the distances between them.
type walk struct {
	c, a                int
	count, cStep, aStep [3]int
}

// A chunk is a part of the inner dimension, so long that its share of a panel stays in the nearest cache but one.
type chunk struct {
	segs  []tile.Seg
	panel int // where its weights begin in the panel
}

// The inner dimension is cut into chunks of about this length: 128 kB of a panel.
const chunkLen = 1024

// fold makes the images of s positions along the depth, where the depth is unused.
func (s Shape) fold() Shape {
	if s.In[0] == 1 && s.Kernel[0] == 1 && s.PadLow[0] == 0 && s.PadHigh[0] == 0 {
		s.In[0], s.N = s.N, 1
		s.Stride[0], s.InputDilation[0] = 1, 1
	}
	return s
}

func newLines(s Shape) *lines {
	l := &lines{bands: newBands(s)}
	l.weights = newPacked(l.shape, l.phases)
	l.work, l.cover = l.item, l.multiply
	l.cutChannels()
	for i := range l.phases { // after the bands are final: where inputs lie depends on the window over them
		l.chunks = append(l.chunks, cut(l.inner(&l.phases[i]), chunkLen))
	}
	return l
}

func newBands(s Shape) bands {
	s = s.fold()
	l := bands{shape: s, out: s.Out(), phases: s.phases()}
	l.band = bandOf(s, l.out)
	l.setBand(l.band)
	return l
}

// setBand cuts y into bands of the given size.
func (l *bands) setBand(band [3]int) {
	l.band = band
	for i := range 3 {
		l.pieces[i] = (l.out[i] + l.band[i] - 1) / l.band[i]
	}
	l.window = newWindow(l.shape, l.phases, l.out, l.band)
	l.scratch.n = l.window.len()
	l.parts.set(l.shape.N*volume(l.pieces), 1)
}

// cutChannels makes few large bands of outputs and cuts the channels instead, where the weights outweigh all else.
func (l *lines) cutChannels() {
	p := channelParts(l.shape, len(l.weights.floats))
	if p == 1 {
		return
	}
	if l.window.copied {
		p = min(p, 4) // every part copies anew
	}
	if l.shape.N == 1 && l.phases[0].axis[0].step == 1 {
		band, n := l.out, (partItems+p-1)/p
		band[0] = (band[0] + n - 1) / n
		l.setBand(band)
	}
	l.parts.set(l.shape.N*volume(l.pieces), p)
}

// An item's outputs and what they see should fit the second-level cache beside a chunk of weights, and there should
// be enough items to share.
const (
	bandFloats = 48 << 10
	bandItems  = 16
)

// bandOf chooses how many outputs along each axis make an item: whole planes where they are small, else lines of
// one plane, else a part of one line. Cuts are multiples of the phases' period.
func bandOf(s Shape, out [3]int) [3]int {
	band := out
	position := s.Cout + s.Cin*volume(s.Stride)/volume(s.InputDilation)
	items := s.N
	for i := range 3 {
		rest := position
		for _, n := range band[i+1:] {
			rest *= n
		}
		step := s.InputDilation[i] / gcd(s.Stride[i], s.InputDilation[i])
		// A line shorter than this is not worth cutting.
		least := step
		if i == 2 {
			least = 8 * tile.MaxRows * step
		}
		n := min(bandFloats/max(rest, 1), out[i]*items/bandItems)
		n = min(out[i], max(least, n/step*step))
		pieces := (out[i] + n - 1) / n
		n = (out[i] + pieces - 1) / pieces
		band[i] = min(out[i], (n+step-1)/step*step)
		items *= (out[i] + band[i] - 1) / band[i]
		if band[i] > step {
			break
		}
	}
	return band
}

// inner lists the inner dimension of a phase.
func (l *bands) inner(ph *phase) []tile.Seg {
	s, pitch := l.shape, l.window.pitch()
	in := s.Cin / s.Groups
	d, h, w := &ph.axis[0], &ph.axis[1], &ph.axis[2]
	var all []tile.Seg
	for jd := range d.taps {
		for jh := range h.taps {
			for jw := range w.taps {
				off := jd*d.dilation*pitch[0] + jh*h.dilation*pitch[1] + jw*w.dilation*pitch[2]
				if n := len(all); n > 0 && all[n-1].Off+all[n-1].K == off {
					all[n-1].K += in
				} else {
					all = append(all, tile.Seg{Off: off, K: in})
				}
			}
		}
	}
	return all
}

// cut shares segments out to chunks of about most, all of about the same length.
func cut(segs []tile.Seg, most int) []chunk {
	total := 0
	for _, s := range segs {
		total += s.K
	}
	pieces := max(1, (total+most/2)/most)
	var chunks []chunk
	var now chunk
	begin, k := 0, 0
	for _, s := range segs {
		for s.K > 0 {
			end := total * (len(chunks) + 1) / pieces
			n := min(s.K, end-k)
			now.segs = append(now.segs, tile.Seg{Off: s.Off, K: n})
			s.Off, s.K, k = s.Off+n, s.K-n, k+n
			if k == end {
				now.panel = begin * tile.Width
				chunks, now, begin = append(chunks, now), chunk{}, k
			}
		}
	}
	return chunks
}

func (l *lines) prepare(w []float32) { l.weights.pack(w) }

func (l *bands) run(x, y []float32, done Epilogue) {
	l.x, l.y, l.done = x, y, done
	l.scratch.ready()
	cpu.Do(l.parts.items(), l.work)
	l.x, l.y, l.done = nil, nil, nil
}

// item computes one band of outputs.
func (l *bands) item(worker, item int) {
	item, part := l.parts.split(item)
	b := [3]int{item / (l.pieces[1] * l.pieces[2]) % l.pieces[0], item / l.pieces[2] % l.pieces[1], item % l.pieces[2]}
	n := item / volume(l.pieces)
	var lo, hi, from, to [3]int
	for i := range 3 {
		lo[i], hi[i] = b[i]*l.band[i], min(l.out[i], (b[i]+1)*l.band[i])
		from[i], to[i] = reach(l.phases, i, lo[i], hi[i])
	}
	image := l.x[n*volume(l.shape.In)*l.shape.Cin:][:volume(l.shape.In)*l.shape.Cin]
	if l.window.copied {
		scratch := l.scratch.get(worker)
		l.window.fill(scratch, image, from, to)
		image = scratch
	} else {
		from = [3]int{}
	}
	y := l.y[n*volume(l.out)*l.shape.Cout:]
	for i := range l.phases {
		w := l.walk(&l.phases[i], lo, hi, from)
		switch {
		case volume(w.count) == 0:
		case l.phases[i].taps() == 0:
			zero(y[w.c:], w.count, w.cStep, l.shape.Cout)
		default:
			w.merge()
			l.cover(i, part, image, y, w)
		}
	}
	if l.parts.last(item) && l.done != nil {
		finish(l.done, worker, n, l.out, lo, hi)
	}
}

// finish passes the outputs lo <= o < hi of the image n to done, in as few runs of rows as they form.
func finish(done Epilogue, worker, n int, out, lo, hi [3]int) {
	run := hi[2] - lo[2]
	lines, planes := hi[1]-lo[1], hi[0]-lo[0]
	if run == out[2] {
		run, lines = run*lines, 1
		if hi[1]-lo[1] == out[1] {
			run, planes = run*planes, 1
		}
	}
	for d := range planes {
		for h := range lines {
			row := ((n*out[0]+lo[0]+d)*out[1]+lo[1]+h)*out[2] + lo[2]
			done(worker, row, row+run)
		}
	}
}

// walk finds the outputs lo <= o < hi of one phase, in an image that begins at the position origin.
func (l *bands) walk(ph *phase, lo, hi, origin [3]int) walk {
	var w walk
	aPitch := l.window.pitch()
	cPitch := [3]int{l.out[1] * l.out[2] * l.shape.Cout, l.out[2] * l.shape.Cout, l.shape.Cout}
	for i := range 3 {
		axis := &ph.axis[i]
		t := axis.below(lo[i])
		w.count[i] = axis.below(hi[i]) - t
		w.aStep[i], w.cStep[i] = axis.stride*aPitch[i], axis.step*cPitch[i]
		w.a += (t*axis.stride + axis.from - origin[i]) * aPitch[i]
		w.c += (axis.first + t*axis.step) * cPitch[i]
	}
	return w
}

// multiply computes the outputs of a walk as tiles of a product.
func (l *lines) multiply(phase, part int, image, y []float32, w walk) {
	s := l.shape
	out, chunks := s.Cout/s.Groups, l.chunks[phase]
	height := tile.Height(w.count[2])
	first, end := l.parts.channels(part, out)
	for g := range s.Groups {
		for co := first; co < end; co += tile.Width {
			panel := l.weights.floats[l.weights.panel(phase, g, co/tile.Width):]
			a, c, cols := image[w.a+g*(s.Cin/s.Groups):], y[w.c+g*out+co:], min(tile.Width, out-co)
			for i := range chunks {
				chunk := &chunks[i]
				for d := range w.count[0] {
					for h := range w.count[1] {
						from, to := d*w.aStep[0]+h*w.aStep[1], d*w.cStep[0]+h*w.cStep[1]
						for r := 0; r < w.count[2]; r += height {
							tile.Row(&c[to+r*w.cStep[2]], w.cStep[2], &a[from+r*w.aStep[2]], w.aStep[2],
								chunk.segs, &panel[chunk.panel], min(height, w.count[2]-r), cols, i > 0)
						}
					}
				}
			}
		}
	}
}

// merge makes the rows of tiles run over more than a line: over lines or planes where a line has one output, and on
// into the next lines and planes where these follow at the distance that rows have.
func (w *walk) merge() {
	for i := 1; i >= 0; i-- {
		switch {
		case w.count[2] == 1:
			w.aStep[2], w.cStep[2] = w.aStep[i], w.cStep[i]
		case w.count[i] > 1 && (w.count[2]*w.aStep[2] != w.aStep[i] || w.count[2]*w.cStep[2] != w.cStep[i]):
			return
		}
		w.count[i], w.count[2] = 1, w.count[2]*w.count[i]
	}
}

// zero clears count outputs of the given number of channels.
func zero(y []float32, count, step [3]int, channels int) {
	for d := range count[0] {
		for h := range count[1] {
			for w := range count[2] {
				clear(y[d*step[0]+h*step[1]+w*step[2]:][:channels])
			}
		}
	}
}
