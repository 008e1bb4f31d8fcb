package depict

import (
	"cmp"
	"math"
	"slices"

	"galen.dev/chem"
	"galen.dev/chem/layout"
)

// scene is a drawing as a list of shapes, in pixels, y down. It is written as SVG or painted into a figure.
type scene struct {
	w, h   float64
	shapes []shape
}

type kind uint8

const (
	strokes kind = iota // pairs of points
	curve               // one line through all points
	area                // filled
	disc                // filled circle around pts[0]
	letters             // text at pts[0], its middle on the point in height
)

type shape struct {
	kind    kind
	tone    tone
	opacity float64 // 0 stands for 1
	width   float64 // of lines, and the radius of discs
	pts     []complex128
	text    string
	size    float64
	anchor  byte // 's', 'm' or 'e'
	round   bool
	bold    bool
}

// sketch draws one molecule into a scene.
type sketch struct {
	m      *chem.Mol
	o      *Options
	at     []complex128 // of the atoms, in pixels
	unit   float64      // pixels per bond length
	labels []label      // of the atoms; empty = drawn as a corner
	scene  *scene
	lines  []complex128 // plain bonds, collected for one shape
	wedge  map[int32]layout.Wedge
	order  []int32 // atoms in canonical order, in which they are drawn
	bonds  []int32 // bonds likewise
	rank   []int32
}

// newSketch prepares a molecule: coordinates, Kekulé structure, labels.
func newSketch(m *chem.Mol, o *Options, s *scene) *sketch {
	if m.Coords == nil || !m.Flat {
		m = m.Clone()
		layout.Place(m)
	}
	rank := layout.Order(m)
	if m.Sanitized() {
		m = m.Kekulized(rank)
	}
	k := &sketch{m: m, o: o, scene: s, rank: rank}
	k.sort()
	k.at = make([]complex128, len(m.Atoms))
	length := bondLength(m)
	for i, p := range m.Coords {
		k.at[i] = complex(p.X, -p.Y) / complex(length, 0)
	}
	wedges, _ := layout.Wedges(m)
	if len(wedges) > 0 {
		k.wedge = make(map[int32]layout.Wedge, len(wedges))
		for _, w := range wedges {
			k.wedge[w.Bond] = w
		}
	}
	return k
}

// sort puts atoms and bonds in canonical order, so that a molecule is written in the same bytes whatever its order.
func (k *sketch) sort() {
	m := k.m
	k.order = make([]int32, len(m.Atoms))
	for a, r := range k.rank {
		k.order[r] = int32(a)
	}
	k.bonds = make([]int32, len(m.Bonds))
	for i := range k.bonds {
		k.bonds[i] = int32(i)
	}
	key := func(i int32) (int32, int32) {
		a, b := k.rank[m.Bonds[i].Begin], k.rank[m.Bonds[i].End]
		return min(a, b), max(a, b)
	}
	slices.SortFunc(k.bonds, func(x, y int32) int {
		a, b := key(x)
		c, d := key(y)
		return cmp.Or(cmp.Compare(a, c), cmp.Compare(b, d))
	})
}

// ends are the ends of a bond, the lower one first; a dative bond keeps its direction.
func (k *sketch) ends(b *chem.Bond) (lo, hi int32) {
	if k.rank[b.Begin] > k.rank[b.End] && b.Order != chem.Dative {
		return b.End, b.Begin
	}
	return b.Begin, b.End
}

// bondLength is the median length of the bonds.
func bondLength(m *chem.Mol) float64 {
	if len(m.Bonds) == 0 {
		return layout.BondLength
	}
	ds := make([]float64, len(m.Bonds))
	for i := range m.Bonds {
		p, q := m.Coords[m.Bonds[i].Begin], m.Coords[m.Bonds[i].End]
		ds[i] = math.Hypot(p.X-q.X, p.Y-q.Y)
	}
	if d := median(ds); d > 1e-6 {
		return d
	}
	return layout.BondLength
}

// frame is a rectangle.
type frame struct{ x0, y0, x1, y1 float64 }

func noFrame() frame { return frame{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)} }

func (f *frame) add(p complex128, rx, ry float64) {
	f.x0, f.x1 = min(f.x0, real(p)-rx), max(f.x1, real(p)+rx)
	f.y0, f.y1 = min(f.y0, imag(p)-ry), max(f.y1, imag(p)+ry)
}

func (f *frame) join(o frame) {
	f.x0, f.x1 = min(f.x0, o.x0), max(f.x1, o.x1)
	f.y0, f.y1 = min(f.y0, o.y0), max(f.y1, o.y1)
}

// scaleTo sets the size: unit pixels per bond length. Labels are made anew.
func (k *sketch) scaleTo(unit float64) frame {
	if k.unit > 0 {
		for i := range k.at {
			k.at[i] *= complex(unit/k.unit, 0)
		}
	} else {
		for i := range k.at {
			k.at[i] *= complex(unit, 0)
		}
	}
	k.unit = unit
	k.makeLabels()
	f := noFrame()
	pad := 0.12 * unit
	if len(k.o.Heat) > 0 || len(k.o.Highlights) > 0 {
		pad = 0.45 * unit
	}
	for i, p := range k.at {
		f.add(p, pad, pad)
		for _, r := range k.labels[i].boxes() {
			f.join(r)
		}
	}
	if len(k.at) == 0 {
		f = frame{}
	}
	return f
}

// place fits the molecule into a room and draws it there. A room without size grows to the molecule.
func (k *sketch) place(x, y, w, h float64) (width, height float64) {
	unit := k.o.Scale
	if unit <= 0 {
		unit = 26
	}
	f := k.scaleTo(unit)
	margin := 0.35 * unit
	if w <= 0 {
		w = f.x1 - f.x0 + 2*margin
	}
	if h <= 0 {
		h = f.y1 - f.y0 + 2*margin
	}
	for range 3 { // labels do not scale exactly
		if z := min((w-2*margin)/(f.x1-f.x0), (h-2*margin)/(f.y1-f.y0)); z < 0.999 && z > 0 {
			f = k.scaleTo(k.unit * z)
		}
	}
	shift := complex(x+w/2-(f.x0+f.x1)/2, y+h/2-(f.y0+f.y1)/2)
	for i := range k.at {
		k.at[i] += shift
	}
	k.makeLabels()
	k.draw()
	return w, h
}

// draw adds everything to the scene, from back to front.
func (k *sketch) draw() {
	k.drawHeat()
	k.drawHighlights()
	for _, i := range k.bonds {
		k.drawBond(i)
	}
	if len(k.lines) > 0 {
		k.scene.shapes = append(k.scene.shapes, shape{kind: strokes, width: k.lineWidth(), pts: k.lines, round: true})
	}
	for _, i := range k.order {
		k.drawLabel(&k.labels[i])
	}
	k.drawNumbers()
}

func (k *sketch) lineWidth() float64 { return max(0.055*k.unit, 0.6) }
