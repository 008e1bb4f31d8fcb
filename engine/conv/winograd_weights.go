package conv

import (
	"galen.dev/engine/tile"
	"galen.dev/internal/cpu"
)

// winogradPacked holds transformed weights in the order in which the products read them: for every panel of
// tile.Width output channels the 16 numbers of the transform, each a matrix of inner dimension × panel.
type winogradPacked struct {
	shape  Shape
	k      int // inner dimension: taps along the depth times input channels
	plane  int // between the 16 numbers
	floats []float32

	pieces  int // of the input channels
	scratch perWorker
	work    func(worker, item int)
	w       []float32 // of the run under way
}

// winogradPiece is how many input channels are packed and transformed at a time, in the nearest cache.
const winogradPiece = 16

func newWinogradPacked(s Shape) *winogradPacked {
	p := &winogradPacked{shape: s, k: s.Kernel[0] * s.Cin, pieces: (s.Cin + winogradPiece - 1) / winogradPiece}
	p.plane = oddLines(p.k * tile.Width)
	p.floats = make([]float32, tile.Panels(s.Cout)*16*p.plane)
	p.scratch.n = 9 * winogradPiece * tile.Width
	p.work = p.item
	return p
}

// panel is the matrix of the number i of a panel.
func (p *winogradPacked) panel(panel, i int) *float32 { return &p.floats[(panel*16+i)*p.plane] }

func (p *winogradPacked) pack(w []float32) {
	p.w = w
	p.scratch.ready()
	cpu.Do(tile.Panels(p.shape.Cout)*p.pieces*p.shape.Kernel[0], p.work)
	p.w = nil
}

// item packs and transforms one piece of the input channels of one panel and tap along the depth.
func (p *winogradPacked) item(worker, item int) {
	s, l := p.shape, p.shape.layout()
	ci, item := item%p.pieces*winogradPiece, item/p.pieces
	depth, panel := item%s.Kernel[0], item/s.Kernel[0]
	channels, wide := min(winogradPiece, s.Cin-ci), min(tile.Width, s.Cout-panel*tile.Width)
	scratch := p.scratch.get(worker)
	for tap := range 9 {
		from := p.w[s.tapBase([3]int{depth, tap / 3, tap % 3}, 0)+ci*l.ci+panel*tile.Width*l.co:]
		to := scratch[tap*winogradPiece*tile.Width:]
		if l.co == 1 {
			tile.PackB(to, from, l.ci, channels, wide)
		} else {
			tile.PackBT(to, from, l.co, channels, wide)
		}
	}
	to := p.floats[panel*16*p.plane+(depth*s.Cin+ci)*tile.Width:]
	winogradWeights(&to[0], p.plane, &scratch[0], winogradPiece*tile.Width, channels*tile.Width)
}
