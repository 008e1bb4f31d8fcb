package conv

import (
	"galen.dev/engine/tile"
	"galen.dev/internal/cpu"
)

// lines computes y line by line: the rows of a tile are neighbours along the width, and the inner dimension runs
// over the taps and channels that each of them sees. Neighbouring taps and channels lie one behind the other in x,
// so that a segment of the inner dimension is a whole line of the kernel, read in place.
type lines struct {
	shape   Shape // images folded into the depth where that is unused
	out     [3]int
	phases  []phase
	weights *packed
	plans   []linePlan // one for each phase
	window  window
	scratch perWorker

	band  [3]int // outputs of an item along each axis
	bands [3]int
	work  func(worker, item int)

	x, y []float32 // of the run under way
	done Epilogue
}

// A linePlan says how one phase is computed.
type linePlan struct {
	chunks []chunk
	mergeH bool // the next line of outputs follows at the distance that its neighbours have
	mergeD bool // so does the next plane
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
	s = s.fold()
	l := &lines{shape: s, out: s.Out(), phases: s.phases()}
	l.weights = newPacked(s, l.phases)
	l.band = bandOf(s, l.out)
	for i := range 3 {
		l.bands[i] = (l.out[i] + l.band[i] - 1) / l.band[i]
	}
	l.window = newWindow(s, l.phases, l.out, l.band)
	l.scratch.n = l.window.len()
	for i := range l.phases {
		l.plans = append(l.plans, l.plan(&l.phases[i]))
	}
	l.work = l.item
	return l
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

func (l *lines) plan(ph *phase) linePlan {
	var p linePlan
	if ph.taps() == 0 {
		return p
	}
	s, pitch := l.shape, l.window.pitch()
	in := s.Cin / s.Groups
	d, h, w := &ph.axis[0], &ph.axis[1], &ph.axis[2]
	p.mergeH = w.count*w.stride == h.stride*l.window.size[2] && w.count*w.step == h.step*l.out[2]
	p.mergeD = p.mergeH && h.count*h.stride == d.stride*l.window.size[1] && h.count*h.step == d.step*l.out[1]

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
	p.chunks = cut(all, chunkLen)
	return p
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

func (l *lines) run(x, w, y []float32, done Epilogue) {
	l.x, l.y, l.done = x, y, done
	l.weights.pack(w)
	l.scratch.ready()
	cpu.Do(l.shape.N*volume(l.bands), l.work)
	l.x, l.y, l.done = nil, nil, nil
}

// item computes one band of outputs.
func (l *lines) item(worker, item int) {
	b := [3]int{item / (l.bands[1] * l.bands[2]) % l.bands[0], item / l.bands[2] % l.bands[1], item % l.bands[2]}
	n := item / volume(l.bands)
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
		l.phase(i, image, y, lo, hi, from)
	}
	if l.done != nil {
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

// phase computes the outputs lo <= o < hi that belong to one phase. origin is the position at which image begins.
func (l *lines) phase(i int, image, y []float32, lo, hi, origin [3]int) {
	s, ph, plan := l.shape, &l.phases[i], &l.plans[i]
	var t0, count, first, aStep, cStep [3]int
	pitch := l.window.pitch()
	cPitch := [3]int{l.out[1] * l.out[2] * s.Cout, l.out[2] * s.Cout, s.Cout}
	a0, c0 := 0, 0
	for i := range 3 {
		axis := &ph.axis[i]
		t0[i] = axis.below(lo[i])
		count[i] = axis.below(hi[i]) - t0[i]
		first[i] = t0[i]*axis.stride + axis.from - origin[i]
		aStep[i], cStep[i] = axis.stride*pitch[i], axis.step*cPitch[i]
		a0 += first[i] * pitch[i]
		c0 += (axis.first + t0[i]*axis.step) * cPitch[i]
	}
	if volume(count) == 0 {
		return
	}
	if len(plan.chunks) == 0 {
		zero(y[c0:], count, cStep, s.Cout)
		return
	}
	if plan.mergeH {
		count[1], count[2] = 1, count[1]*count[2]
		if plan.mergeD {
			count[0], count[2] = 1, count[0]*count[2]
		}
	}
	height := tile.Height(count[2])
	out := s.Cout / s.Groups
	for g := range s.Groups {
		for co := 0; co < out; co += tile.Width {
			panel := l.weights.floats[l.weights.panel(i, g, co/tile.Width):]
			a, c, cols := image[a0+g*(s.Cin/s.Groups):], y[c0+g*out+co:], min(tile.Width, out-co)
			for ci := range plan.chunks {
				ch := &plan.chunks[ci]
				for d := range count[0] {
					for h := range count[1] {
						ao, cOff := d*aStep[0]+h*aStep[1], d*cStep[0]+h*cStep[1]
						for w := 0; w < count[2]; w += height {
							tile.Row(&c[cOff+w*cStep[2]], cStep[2], &a[ao+w*aStep[2]], aStep[2], ch.segs,
								&panel[ch.panel], min(height, count[2]-w), cols, ci > 0)
						}
					}
				}
			}
		}
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
