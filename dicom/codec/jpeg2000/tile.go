package jpeg2000

// tile is one tile: what its headers said and, while it is decoded, what it is cut into (T.800 annex B).
type tile struct {
	parameters
	seen    bool
	parts   int
	data    [][]byte // of the tile-parts, in order
	packed  bool     // packet headers lie apart, in headers
	headers []byte
}

// grid is a rectangle; the ends are excluded.
type grid struct{ x0, y0, x1, y1 int }

func (g grid) width() int  { return g.x1 - g.x0 }
func (g grid) height() int { return g.y1 - g.y0 }
func (g grid) empty() bool { return g.x1 <= g.x0 || g.y1 <= g.y0 }

// shrink divides by 2^n, rounding up.
func (g grid) shrink(n int) grid {
	return grid{up(g.x0, n), up(g.y0, n), up(g.x1, n), up(g.y1, n)}
}

func up(v, n int) int { return (v + 1<<n - 1) >> n }

// resolution is one resolution of a tile's component.
type resolution struct {
	grid
	bands            []band
	across, down     int // precincts
	precinctW        uint
	precinctH        uint // exponents
	precincts        []precinct
	component, level int // of which component, which resolution
	decomposition    int // levels above it
}

// band is one sub-band.
type band struct {
	grid
	orient int // 0 LL, 1 HL, 2 LH, 3 HH
	planes int // magnitude bits: Mb of equation E-2
	step   float32
	x, y   int // where its samples lie in the tile's coefficients
}

// precinct is one precinct of a resolution, with its part of each sub-band.
type precinct struct {
	parts  []part
	layers int // already read
}

// part is the code-blocks of one sub-band within a precinct.
type part struct {
	across, down     int
	blocks           []block
	inclusion, zeros tagTree
}

// block is one code-block.
type block struct {
	x, y        int32 // in the tile's coefficients
	w, h        int16
	included    bool
	lengthBits  uint8
	planes      uint8 // bit planes that are coded
	passes      uint8 // read so far
	first, last int32 // of its chunks; 0 = none
}

// chunk is what one packet adds to a code-block. Chunks never cross a codeword segment.
type chunk struct {
	data   []byte
	passes uint8
	next   int32
}

// cut makes the resolutions of one component. It refuses a cut that the data cannot fill: every precinct
// needs a byte in each layer.
func (d *decoder) cut(t *tile, c int, area grid, left *int) ([]resolution, bool) {
	comp := &t.components[c]
	out := make([]resolution, comp.levels+1)
	for r := range out {
		n := comp.levels - r
		res := resolution{
			grid: area.shrink(n), component: c, level: r, decomposition: n,
			precinctW: uint(comp.precinctW[r]), precinctH: uint(comp.precinctH[r]),
		}
		if !res.empty() {
			res.across = up(res.x1, int(res.precinctW)) - res.x0>>res.precinctW
			res.down = up(res.y1, int(res.precinctH)) - res.y0>>res.precinctH
			need := res.across * res.down * t.layers
			if need > *left {
				return nil, false
			}
			*left -= need
		}
		out[r] = res
	}
	for r := range out {
		d.cutBands(comp, &out[r], area)
		d.cutPrecincts(comp, &out[r])
	}
	return out, true
}

// cutBands makes the sub-bands of a resolution and gives each its place beside the lower resolution.
func (d *decoder) cutBands(comp *component, res *resolution, area grid) {
	if res.level == 0 {
		b := band{grid: res.grid, orient: 0}
		comp.quantise(&b, 0, d.precision, comp.levels)
		res.bands = []band{b}
		return
	}
	n := res.decomposition + 1
	half := 1 << (n - 1)
	low := area.shrink(n)
	for orient := 1; orient <= 3; orient++ {
		dx, dy := half*(orient&1), half*(orient>>1)
		b := band{grid: grid{up(area.x0-dx, n), up(area.y0-dy, n), up(area.x1-dx, n), up(area.y1-dy, n)}, orient: orient}
		if orient&1 == 1 {
			b.x = low.width()
		}
		if orient&2 == 2 {
			b.y = low.height()
		}
		comp.quantise(&b, 3*(res.level-1)+orient, d.precision, n)
		res.bands = append(res.bands, b)
	}
}

// quantise sets a band's magnitude bits and step (T.800 E.1).
func (c *component) quantise(b *band, index, precision, decomposition int) {
	var exponent, mantissa int
	if c.quantisation == 1 { // derived from the lowest band: equation E-5
		exponent = c.exponent[0] - max(c.levels-decomposition, 0)
		mantissa = c.mantissa[0]
	} else if index < c.steps {
		exponent, mantissa = c.exponent[index], c.mantissa[index]
	}
	b.planes = c.guard + exponent - 1
	gain := [4]int{0, 1, 1, 2}[b.orient]
	scale := precision + gain - exponent
	b.step = (1 + float32(mantissa)/2048)
	for ; scale > 0; scale-- {
		b.step *= 2
	}
	for ; scale < 0; scale++ {
		b.step /= 2
	}
}

// cutPrecincts makes the precincts of a resolution with their code-blocks.
func (d *decoder) cutPrecincts(comp *component, res *resolution) {
	res.precincts = make([]precinct, res.across*res.down)
	pw, ph := res.precinctW, res.precinctH
	if res.level > 0 { // precincts of the sub-bands are half as wide
		pw, ph = pw-1, ph-1
	}
	bw, bh := min(comp.blockW, pw), min(comp.blockH, ph)
	px0, py0 := res.x0>>res.precinctW, res.y0>>res.precinctH
	for i := range res.precincts {
		px, py := px0+i%res.across, py0+i/res.across
		parts := make([]part, len(res.bands))
		for j := range res.bands {
			b := &res.bands[j]
			g := grid{max(px<<pw, b.x0), max(py<<ph, b.y0), min((px+1)<<pw, b.x1), min((py+1)<<ph, b.y1)}
			if !g.empty() {
				parts[j].cut(g, b, bw, bh)
			}
		}
		res.precincts[i].parts = parts
	}
}

// cut makes the code-blocks of a part.
func (p *part) cut(g grid, b *band, bw, bh uint) {
	cx0, cy0 := g.x0>>bw, g.y0>>bh
	p.across, p.down = up(g.x1, int(bw))-cx0, up(g.y1, int(bh))-cy0
	p.blocks = make([]block, p.across*p.down)
	for y := range p.down {
		for x := range p.across {
			x0, y0 := max((cx0+x)<<bw, g.x0), max((cy0+y)<<bh, g.y0)
			x1, y1 := min((cx0+x+1)<<bw, g.x1), min((cy0+y+1)<<bh, g.y1)
			p.blocks[y*p.across+x] = block{
				x: int32(b.x + x0 - b.x0), y: int32(b.y + y0 - b.y0), w: int16(x1 - x0), h: int16(y1 - y0), lengthBits: 3,
			}
		}
	}
	p.inclusion.make(p.across, p.down)
	p.zeros.make(p.across, p.down)
}

// tagTree codes an array of numbers by the minima of its quarters (T.800 B.10.2).
type tagTree struct {
	nodes  []tagNode
	levels []tagLevel // leaves first
}

type tagNode struct {
	value, low int32 // value is unknown while it is greater than low
}

type tagLevel struct{ start, width int }

const unknown = 1<<31 - 1

func (t *tagTree) make(w, h int) {
	n := 0
	for {
		t.levels = append(t.levels, tagLevel{n, w})
		n += w * h
		if w*h <= 1 {
			break
		}
		w, h = (w+1)/2, (h+1)/2
	}
	t.nodes = make([]tagNode, n)
	for i := range t.nodes {
		t.nodes[i].value = unknown
	}
}

// below reads as many bits as tell whether the number at x, y is less than the threshold.
func (t *tagTree) below(r *headerBits, x, y int, threshold int32) bool {
	low := int32(0)
	for l := len(t.levels) - 1; ; l-- {
		level := t.levels[l]
		n := &t.nodes[level.start+(y>>l)*level.width+x>>l]
		low = max(low, n.low)
		for low < threshold && low < n.value {
			if r.bit() == 1 {
				n.value = low
			} else {
				low++
			}
		}
		n.low = low
		if l == 0 {
			return n.value < threshold
		}
	}
}
