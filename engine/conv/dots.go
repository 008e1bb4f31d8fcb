package conv

import (
	"galen.dev/engine/tile"
	"galen.dev/internal/cpu"
)

// dots computes problems with very few output channels, of which a tile's columns would be almost empty: each output
// is a product of two vectors, the line of taps and channels that it sees, and the weights of its channel.
type dots struct {
	bands
	segs    [][]tile.Seg // for each phase
	starts  []int        // where the weights of each phase begin
	lengths []int        // of the inner dimension of each phase
	floats  []float32    // for each phase and output channel, the weights in the order of the inner dimension
	w       []float32    // being packed
	pack    func(worker, item int)
}

// Up to so many channels, and from so long vectors on, products of vectors are faster than tiles.
const (
	dotChannels = 4
	dotLength   = 12
)

// dotted says whether products of vectors suit s.
func (s Shape) dotted() bool {
	return s.Groups == 1 && s.Cout <= dotChannels && s.Cin*min(s.Kernel[2], s.In[2]) >= dotLength
}

func newDots(s Shape) *dots {
	d := &dots{bands: newBands(s)}
	at := 0
	for i := range d.phases {
		d.segs = append(d.segs, d.inner(&d.phases[i]))
		n := d.phases[i].taps() * s.Cin
		d.starts, d.lengths = append(d.starts, at), append(d.lengths, n)
		at += n * s.Cout
	}
	d.floats = make([]float32, at)
	d.work, d.cover, d.pack = d.item, d.multiply, d.packPhase
	return d
}

func (d *dots) prepare(w []float32) {
	d.w = w
	cpu.Do(len(d.phases), d.pack)
	d.w = nil
}

func (d *dots) packPhase(_, i int) {
	s, l, ph := d.shape, d.shape.layout(), &d.phases[i]
	h, w := ph.axis[1].taps, ph.axis[2].taps
	for t := range ph.taps() {
		base := s.tapBase(ph.kernelTap([3]int{t / (h * w), t / w % h, t % w}), 0)
		for co := range s.Cout {
			to := d.floats[d.starts[i]+co*d.lengths[i]+t*s.Cin:][:s.Cin]
			for ci := range to {
				to[ci] = d.w[base+ci*l.ci+co*l.co]
			}
		}
	}
}

// multiply computes the outputs of a walk.
func (d *dots) multiply(phase, _ int, image, y []float32, w walk) {
	for i := range w.count[0] {
		for h := range w.count[1] {
			from, to := w.a+i*w.aStep[0]+h*w.aStep[1], w.c+i*w.cStep[0]+h*w.cStep[1]
			k := d.starts[phase]
			for n, seg := range d.segs[phase] {
				tile.Dot(&y[to], w.cStep[2], &image[from+seg.Off], w.aStep[2], &d.floats[k], d.lengths[phase],
					seg.K, w.count[2], d.shape.Cout, n > 0)
				k += seg.K
			}
		}
	}
}
