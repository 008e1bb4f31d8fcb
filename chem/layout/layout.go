// Package layout gives molecules the two-dimensional coordinates of a structural formula.
//
// [Place] lays a molecule out as chemists draw it: rings as regular polygons, fused side by side; bridged rings and
// cages by patterns; large rings along the edges of a honeycomb; chains in zigzag with angles of 120 degrees; double
// bonds cis or trans as stated; the longest axis flat. Branches that collide are mirrored, bent or stretched. The
// steps run in canonical order of atoms, so a molecule has one drawing, whatever the order its atoms came in.
// [Like] gives a molecule the orientation of a scaffold, so that a series of compounds looks alike. [Wedges]
// chooses the bonds that show the stereo centres.
//
// Read layout.go first, then system.go (ring systems), grow.go (all else) and clash.go (collisions).
//
// Sources: H. E. Helson, Structure diagram generation, Rev. Comput. Chem. 13 (1999) 313; J. Brecher, Graphical
// representation standards for chemical structure diagrams (IUPAC), Pure Appl. Chem. 80 (2008) 277, and of
// stereochemical configuration, 78 (2006) 1897.
package layout

import (
	"math"

	"galen.dev/chem"
)

// BondLength is the length of a bond in the coordinates, in Å.
const BondLength = 1.5

// Place sets the coordinates of a molecule to a drawing of it. The molecule must come from a reader or a call of
// Connect; stereo and rings are used where they have been perceived.
// In a few cages and large rings (about one molecule in ten thousand) a double bond or centre cannot be shown as stated. Any size is laid out; beyond 3,000
// atoms collisions are no longer looked for, and beyond 10,000 the drawing follows the order of the atoms.
func Place(m *chem.Mol) { place(m, nil, nil) }

func place(m *chem.Mol, from *chem.Mol, match []int32) {
	m.Flat = true
	m.Coords = make([]chem.Point, len(m.Atoms))
	if len(m.Atoms) == 0 {
		return
	}
	g := newGraph(m)
	g.layBodies()
	if match != nil {
		g.fix(from, match)
	}
	var parts [][]int32
	for v := range g.atom {
		if g.size != nil && g.size[v] > 0 {
			continue
		}
		parts = append(parts, g.part(int32(v)))
	}
	g.pack(parts)
	for v, a := range g.atom {
		m.Coords[a] = chem.Point{X: rounded(real(g.at[v])), Y: rounded(imag(g.at[v]))}
	}
}

// rounded scales to Å and rounds to what files keep, so that a drawing is the same after it was written and read.
func rounded(x float64) float64 {
	r := math.Round(x*BondLength*1e4) / 1e4
	if r == 0 {
		return 0 // no negative zero
	}
	return r
}

// part lays the part of a vertex out and returns its vertices.
func (g *graph) part(v int32) []int32 {
	root, seeds := g.root(v)
	from := len(g.order)
	g.tree(root)
	part := g.order[from:]
	g.growPart(root, seeds)
	g.mend(part)
	g.relieve(part)
	if s := g.system[root]; seeds == nil && (s < 0 || !g.bodies[s].upright) {
		g.orient(part)
	}
	return part
}

// root chooses where a part is begun: at vertices that a template placed, at the largest ring system, or at the end of a
// longest chain.
func (g *graph) root(v int32) (root int32, seeds []int32) {
	seen, last := g.sweep(v)
	best := int32(-1)
	for _, u := range seen {
		if g.fixed != nil && g.fixed[u] {
			seeds = append(seeds, u)
		}
		if s := g.system[u]; s >= 0 && (best < 0 || len(g.bodies[s].atoms) > len(g.bodies[g.system[best]].atoms)) {
			best = u
		}
	}
	switch {
	case seeds != nil:
		return seeds[0], seeds
	case best >= 0:
		return best, nil
	}
	return last, nil
}

// sweep lists the vertices of a part, nearest first; the last is the farthest.
func (g *graph) sweep(v int32) (all []int32, last int32) {
	seen := map[int32]bool{v: true}
	all = []int32{v}
	for k := 0; k < len(all); k++ {
		for _, e := range g.edges(all[k]) {
			if !seen[e.to] {
				seen[e.to] = true
				all = append(all, e.to)
			}
		}
	}
	return all, all[len(all)-1]
}

// mend mirrors branches at double bonds that came out the wrong way.
func (g *graph) mend(part []int32) {
	for _, v := range part {
		b := g.up[v]
		if b < 0 {
			continue
		}
		k := &g.bonds[b]
		if k.stereo > chem.AnyStereo && !k.ring && !g.drawnAs(k) && !g.frozen(v) {
			g.apply(move{v: v, mirror: true})
		}
	}
}

// pack sets parts side by side, the largest first, in rows.
func (g *graph) pack(parts [][]int32) {
	if len(parts) < 2 || g.fixed != nil && len(parts) == 1 {
		return
	}
	boxes := make([]box, len(parts))
	area, widest := 0.0, 0.0
	const margin = 1.2
	for i, p := range parts {
		boxes[i] = newBox()
		for _, v := range p {
			boxes[i].add(g.at[v])
			if g.of(v).Element != 6 { // room for letters
				boxes[i].add(g.at[v] + 0.45)
				boxes[i].add(g.at[v] - 0.45)
			}
		}
		w, h := boxes[i].x1-boxes[i].x0+margin, boxes[i].y1-boxes[i].y0+margin
		area += w * h
		widest = max(widest, w)
	}
	order := make([]int, len(parts))
	for i := range order {
		order[i] = i
	}
	sortBySize(order, parts, g)
	limit := max(widest+4, 2.2*math.Sqrt(area))
	x, y, row := 0.0, 0.0, 0.0
	first := true
	for _, i := range order {
		b := boxes[i]
		w, h := b.x1-b.x0, b.y1-b.y0
		if g.holds(parts[i]) { // a part that a template placed stays, the rest goes to its right
			x, y, row, first = b.x1+margin, (b.y0+b.y1)/2, h/2, false
			continue
		}
		if !first && x+w > limit && len(parts) > 2 {
			x, y = 0, y-row-margin-h/2
			row = h / 2
		}
		first = false
		row = max(row, h/2)
		shift := complex(x-b.x0, y-(b.y0+b.y1)/2)
		for _, v := range parts[i] {
			g.at[v] += shift
		}
		x += w + margin
	}
}

func (g *graph) holds(part []int32) bool {
	if g.fixed == nil {
		return false
	}
	for _, v := range part {
		if g.fixed[v] {
			return true
		}
	}
	return false
}
