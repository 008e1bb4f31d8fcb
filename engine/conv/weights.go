package conv

import (
	"galen.dev/engine/tile"
	"galen.dev/internal/cpu"
)

// packed holds the weights in the order in which the kernels read them: for every phase and group, panels of
// tile.Width output channels, in each the phase's taps in order, in each tap the input channels of the group.
type packed struct {
	shape  Shape
	phases []phase
	starts []int // where each phase begins
	floats []float32

	jobs  []packJob
	items int
	work  func(worker, item int)
	w     []float32 // of the run under way
}

// A packJob packs one tap of one panel.
type packJob struct{ to, from, wide int }

// Weights are packed in pieces of about this many floats, so that threads can share the work.
const packGrain = 1 << 14

func newPacked(s Shape, phases []phase) *packed {
	p := &packed{shape: s, phases: phases}
	in, out, l := s.Cin/s.Groups, s.Cout/s.Groups, s.layout()
	at := 0
	for i := range phases {
		ph := &phases[i]
		p.starts = append(p.starts, at)
		for g := range s.Groups {
			for co := 0; co < out; co += tile.Width {
				for t := range ph.taps() {
					w := ph.axis[2].taps
					h := ph.axis[1].taps
					tap := ph.kernelTap([3]int{t / (h * w), t / w % h, t % w})
					p.jobs = append(p.jobs, packJob{at, s.tapBase(tap, g) + co*l.co, min(tile.Width, out-co)})
					at += in * tile.Width
				}
			}
		}
	}
	p.floats = make([]float32, at)
	p.items = (at + packGrain - 1) / packGrain
	p.work = p.item
	return p
}

// panel returns where the panel of the phase begins, for the group g and its output channels from 32·j.
func (p *packed) panel(phase, g, j int) int {
	panels := tile.Panels(p.shape.Cout / p.shape.Groups)
	return p.starts[phase] + (g*panels+j)*p.panelLen(phase)
}

func (p *packed) panelLen(phase int) int {
	return p.phases[phase].taps() * p.shape.Cin / p.shape.Groups * tile.Width
}

func (p *packed) pack(w []float32) {
	p.w = w
	cpu.Do(p.items, p.work)
	p.w = nil
}

func (p *packed) item(_, item int) {
	l, in := p.shape.layout(), p.shape.Cin/p.shape.Groups
	lo, hi := len(p.jobs)*item/p.items, len(p.jobs)*(item+1)/p.items
	for _, j := range p.jobs[lo:hi] {
		to := p.floats[j.to:]
		if l.co == 1 {
			tile.PackB(to, p.w[j.from:], l.ci, in, j.wide)
		} else {
			tile.PackBT(to, p.w[j.from:], l.co, in, j.wide)
		}
	}
}
