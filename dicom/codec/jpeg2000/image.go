package jpeg2000

import "galen.dev/dicom/codec"

// workspace is what tiles use one after the other.
type workspace struct {
	coder      coder
	ints       [][]int32
	floats     [][]float32
	intSpare   []int32
	floatSpare []float32
	intLine    []int32
	floatLine  []float32
	row        []uint16
}

func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// decodeTile decodes one tile into the frame.
func (d *decoder) decodeTile(index int) error {
	t := &d.tiles[index]
	px, py := index%d.across, index/d.across
	area := grid{
		max(d.tileX+px*d.tileW, d.x0), max(d.tileY+py*d.tileH, d.y0),
		min(d.tileX+(px+1)*d.tileW, d.x1), min(d.tileY+(py+1)*d.tileH, d.y1),
	}
	data, at := d.gather(t)
	tier := make([][]resolution, len(t.components))
	left := len(data) + len(t.headers)
	for c := range tier {
		if comp := &t.components[c]; comp.quantisation != 1 && comp.steps < 3*comp.levels+1 {
			return at(0).Errorf("%d steps of quantisation for %d levels in component %d", comp.steps, comp.levels, c)
		}
		var fits bool
		if tier[c], fits = d.cut(t, c, area, &left); !fits {
			return at(0).Errorf("tile %d has more packets than bytes", index)
		}
	}
	p := &packets{
		t: t, data: data, tier: tier, at: at, chunks: make([]chunk, 1),
		budget: 16*area.width()*area.height()*len(tier) + 64*(len(data)+len(t.headers)) + 1<<16,
	}
	if err := p.walk(); err != nil {
		return err
	}
	if err := d.missing(tier, t.layers, at(len(data)), index); err != nil {
		return err
	}
	for c := range tier {
		if err := d.coefficients(t, c, tier[c], p.chunks, area, at(len(data))); err != nil {
			return err
		}
	}
	if err := d.colours(t, area, at(len(data))); err != nil {
		return err
	}
	d.store(t, area)
	t.data, t.headers = nil, nil
	return nil
}

// gather joins the data of a tile's parts; at tells where in the frame a byte of them lies.
func (d *decoder) gather(t *tile) (data []byte, at func(int) codec.Place) {
	data = t.data[0]
	if len(t.data) > 1 {
		data = nil
		for _, part := range t.data {
			data = append(data, part...)
		}
	}
	base := cap(d.src) - cap(t.data[0]) // parts are slices of src
	return data, func(pos int) codec.Place {
		p := codec.Place{Codec: name, Offset: base + pos, Marker: "packets"}
		return p
	}
}

// missing refuses a tile whose progressions left packets out.
func (d *decoder) missing(tier [][]resolution, layers int, at codec.Place, index int) error {
	for _, comp := range tier {
		for r := range comp {
			for k := range comp[r].precincts {
				if comp[r].precincts[k].layers != layers {
					return at.Errorf("the progressions of tile %d leave packets out", index)
				}
			}
		}
	}
	return nil
}

// coefficients decodes the code-blocks of one component and inverts its wavelet.
func (d *decoder) coefficients(t *tile, c int, levels []resolution, chunks []chunk, area grid, at codec.Place) error {
	w, h := area.width(), area.height()
	comp := &t.components[c]
	work := &d.work
	for len(work.ints) <= c {
		work.ints, work.floats = append(work.ints, nil), append(work.floats, nil)
	}
	if comp.reversible {
		work.ints[c] = cleared(work.ints[c], w*h)
		work.intSpare, work.intLine = grown(work.intSpare, w*h), grown(work.intLine, w)
	} else {
		work.floats[c] = cleared(work.floats[c], w*h)
		work.floatSpare, work.floatLine = grown(work.floatSpare, w*h), grown(work.floatLine, w)
	}
	for r := range levels {
		for k := range levels[r].precincts {
			for i := range levels[r].precincts[k].parts {
				s, b := &levels[r].precincts[k].parts[i], &levels[r].bands[i]
				for j := range s.blocks {
					block := &s.blocks[j]
					if block.first == 0 {
						continue
					}
					if !work.coder.decode(block, chunks, b.orient, comp.style) {
						return at.Errorf("a segmentation symbol is wrong: the code-blocks are damaged")
					}
					if comp.shift > 0 {
						work.coder.unshift(uint(comp.shift))
					}
					at := int(block.y)*w + int(block.x)
					if comp.reversible {
						work.coder.whole(work.ints[c][at:], w)
					} else {
						work.coder.scaled(work.floats[c][at:], w, b.step/2)
					}
				}
			}
		}
	}
	if comp.reversible {
		synthesize53(plane[int32]{work.ints[c], w}, plane[int32]{work.intSpare, w}, levels, work.intLine)
	} else {
		synthesize97(plane[float32]{work.floats[c], w}, plane[float32]{work.floatSpare, w}, levels, work.floatLine)
	}
	return nil
}

// unshift moves the region of interest down to the background (T.800 H.1).
func (b *coder) unshift(shift uint) {
	for i, v := range b.values {
		m := max(v, -v)
		if shift < 31 && m>>1 >= 1<<shift {
			m >>= shift
			if v < 0 {
				m = -m
			}
			b.values[i] = m
		}
	}
}

// whole stores a block's values as integers.
func (b *coder) whole(dst []int32, stride int) {
	for y := range b.h {
		values := b.values[y/4*4*b.w+y&3:]
		row := dst[y*stride:][:b.w]
		for x := range row {
			v := values[4*x]
			row[x] = (v + int32(uint32(v)>>31)) >> 1 // towards zero
		}
	}
}

// scaled stores a block's values times a step.
func (b *coder) scaled(dst []float32, stride int, step float32) {
	for y := range b.h {
		values := b.values[y/4*4*b.w+y&3:]
		row := dst[y*stride:][:b.w]
		for x := range row {
			row[x] = float32(values[4*x]) * step
		}
	}
}

// colours inverts the component transform (T.800 annex G) and rounds.
func (d *decoder) colours(t *tile, area grid, at codec.Place) error {
	n := area.width() * area.height()
	work := &d.work
	if t.mct {
		if len(t.components) < 3 || t.components[0].reversible != t.components[1].reversible || t.components[0].reversible != t.components[2].reversible {
			return at.Errorf("a component transform needs three components with the same wavelet")
		}
		d.transformed = true
		if t.components[0].reversible {
			reversibleColours(work.ints[0][:n], work.ints[1][:n], work.ints[2][:n])
		} else {
			irreversibleColours(work.floats[0][:n], work.floats[1][:n], work.floats[2][:n])
		}
	}
	for c := range t.components {
		if !t.components[c].reversible {
			work.ints[c] = grown(work.ints[c], n)
			round(work.ints[c], work.floats[c])
		}
	}
	return nil
}

func reversibleColours(a, b, c []int32) {
	b, c = b[:len(a)], c[:len(a)]
	for i, y := range a {
		u, v := b[i], c[i]
		g := y - (u+v)>>2
		a[i], b[i], c[i] = v+g, g, u+g
	}
}

func irreversibleColours(a, b, c []float32) {
	b, c = b[:len(a)], c[:len(a)]
	for i, y := range a {
		u, v := b[i], c[i]
		a[i], b[i], c[i] = y+1.402*v, y-0.344136*u-0.714136*v, y+1.772*u
	}
}

// round rounds to the nearest integer, within what samples of 16 bits and their margins need.
func round(dst []int32, src []float32) {
	const far = 1 << 20
	src = src[:len(dst)]
	for i, v := range src {
		dst[i] = int32(float64(min(max(v, -far), far))+(far+.5)) - far
	}
}

// store limits the samples of a tile and writes them into the frame.
func (d *decoder) store(t *tile, area grid) {
	m := len(t.components)
	w := area.width()
	low, high, shift := int32(0), int32(1)<<d.precision-1, int32(1)<<(d.precision-1)
	if d.signed {
		low, high, shift = -shift, shift-1, 0
	}
	mask := uint16(1<<d.precision - 1)
	width := d.want.BitsAllocated / 8
	d.work.row = grown(d.work.row, w*m)
	row := d.work.row
	for y := range area.height() {
		for c := range m {
			in := d.work.ints[c][y*w:][:w]
			for x, at := 0, c; x < len(in); x, at = x+1, at+m {
				row[at] = uint16(min(max(in[x]+shift, low), high)) & mask
			}
		}
		at := ((area.y0-d.y0+y)*d.want.Columns + area.x0 - d.x0) * m * width
		d.want.Store(d.dst[at:], row, d.precision)
	}
}
