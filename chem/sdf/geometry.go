package sdf

import (
	"math"
	"slices"

	"galen.dev/chem"
)

// perceive turns what was drawn into properties of atoms: aromatic atoms, stated valences, chirality.
func (b *block) perceive() {
	m := b.m
	for i := range m.Bonds {
		if k := &m.Bonds[i]; k.Aromatic() {
			m.Atoms[k.Begin].Flags |= chem.AromaticAtom
			m.Atoms[k.End].Flags |= chem.AromaticAtom
		}
	}
	for i, v := range b.hCount {
		if v < 0 {
			continue
		}
		twice := 0
		for _, n := range m.Neighbors(int32(i)) {
			twice += m.Bonds[n.Bond].Twice(int32(i))
		}
		m.Atoms[i].Flags |= chem.NoImplicit
		m.Atoms[i].ExplicitH = uint8(max(int(v)-(twice+1)/2, 0))
	}
	placed := slices.ContainsFunc(m.Coords, func(p chem.Point) bool { return p != chem.Point{} })
	for i := range m.Atoms {
		a := int32(i)
		if d := m.Degree(a); d != 3 && d != 4 {
			continue
		}
		switch {
		case !placed:
			m.Atoms[i].Chirality = fromParity(m, a, b.parity[i])
		case !m.Flat:
			m.Atoms[i].Chirality = inSpace(m, a)
		default:
			m.Atoms[i].Chirality = fromWedges(m, a)
		}
	}
	if !placed {
		m.Coords = nil
	}
}

// fromParity reads the parity field: with the highest numbered neighbour, or the hydrogen, behind, the others lie
// clockwise (1) or counterclockwise (2) in order of their numbers.
func fromParity(m *chem.Mol, a int32, parity uint8) chem.Chirality {
	if parity == 0 {
		return chem.Achiral
	}
	c := chem.Clockwise
	if parity == 2 {
		c = chem.Counterclockwise
	}
	if oddByIndex(m, a) {
		c = chem.Counterclockwise + chem.Clockwise - c
	}
	return c
}

// oddByIndex says whether it takes an odd number of exchanges from the order of bonds to that of atom numbers.
func oddByIndex(m *chem.Mol, a int32) bool {
	near := m.Neighbors(a)
	odd := false
	for k := range near {
		for _, o := range near[:k] {
			if o.Atom > near[k].Atom {
				odd = !odd
			}
		}
	}
	return odd
}

// fromWedges reads the chirality of an atom at which wedges begin, as if their ends lay above or below the paper.
func fromWedges(m *chem.Mol, a int32) chem.Chirality {
	wedges := 0
	for _, n := range m.Neighbors(a) {
		b := &m.Bonds[n.Bond]
		if b.Begin != a {
			continue
		}
		switch b.Dir {
		case chem.Wavy:
			m.Atoms[a].Flags |= chem.UnknownStereo
			return chem.Achiral
		case chem.WedgeUp, chem.WedgeDown:
			wedges++
		}
	}
	if wedges == 0 {
		return chem.Achiral
	}
	return handed(m, a, func(n chem.Neighbor) float64 {
		b := &m.Bonds[n.Bond]
		switch {
		case b.Begin == a && b.Dir == chem.WedgeUp:
			return 1
		case b.Begin == a && b.Dir == chem.WedgeDown:
			return -1
		}
		return 0
	})
}

type vector struct{ x, y, z float64 }

func (a vector) minus(b vector) vector { return vector{a.x - b.x, a.y - b.y, a.z - b.z} }

func (a vector) cross(b vector) vector {
	return vector{a.y*b.z - a.z*b.y, a.z*b.x - a.x*b.z, a.x*b.y - a.y*b.x}
}

func (a vector) dot(b vector) float64 { return a.x*b.x + a.y*b.y + a.z*b.z }

func between(m *chem.Mol, from, to int32) vector {
	p, q := m.Coords[from], m.Coords[to]
	return vector{q.X - p.X, q.Y - p.Y, q.Z - p.Z}
}

// inSpace computes chirality from a geometry: from the volume that the bonds to three neighbours span. A volume below
// 0.1 Å³ is flat, as for RDKit; a fourth neighbour may then decide.
func inSpace(m *chem.Mol, a int32) chem.Chirality {
	near := m.Neighbors(a)
	v := func(i int) vector { return between(m, a, near[i].Atom) }
	volume := v(0).dot(v(1).cross(v(2)))
	if math.Abs(volume) < 0.1 && len(near) == 4 {
		volume = -v(0).dot(v(1).cross(v(3)))
	}
	switch {
	case volume > 0.1:
		return chem.Counterclockwise
	case volume < -0.1:
		return chem.Clockwise
	}
	return chem.Achiral
}

// flatVolume is the volume, of unit vectors lifted by wedges, below which a drawing counts as flat.
const flatVolume = 0.01

// handed computes chirality from the directions to the neighbours in a drawing; lift is their z. Three neighbours get a fourth
// opposite to their sum, which is where the hydrogen or lone pair is.
func handed(m *chem.Mol, a int32, lift func(chem.Neighbor) float64) chem.Chirality {
	var v [4]vector
	near := m.Neighbors(a)
	for i, n := range near {
		d := between(m, a, n.Atom)
		size := math.Sqrt(d.dot(d))
		if size < 1e-4 {
			return chem.Achiral
		}
		v[i] = vector{d.x / size, d.y / size, d.z/size + lift(n)}
	}
	if len(near) == 3 {
		v[3] = vector{-(v[0].x + v[1].x + v[2].x), -(v[0].y + v[1].y + v[2].y), -(v[0].z + v[1].z + v[2].z)}
	}
	volume := v[1].minus(v[0]).dot(v[2].minus(v[0]).cross(v[3].minus(v[0])))
	switch {
	case volume < -flatVolume:
		return chem.Counterclockwise
	case volume > flatVolume:
		return chem.Clockwise
	}
	return chem.Achiral
}

// doubleBonds reads the arrangement at double bonds from the coordinates. Crossed bonds and those beside a wavy bond
// are stated to be unknown. Small rings and equal substituents are left to chem.AssignStereo.
func doubleBonds(m *chem.Mol) {
	if m.Coords == nil {
		return
	}
	for i := range m.Bonds {
		b := &m.Bonds[i]
		if b.Order != chem.Double || b.Dir == chem.Crossed {
			continue
		}
		if unknownBeside(m, b.Begin) || unknownBeside(m, b.End) {
			b.Stereo = chem.AnyStereo
			continue
		}
		begin, ok1 := substituent(m, b.Begin, int32(i))
		end, ok2 := substituent(m, b.End, int32(i))
		if !ok1 || !ok2 {
			continue
		}
		axis := between(m, b.Begin, b.End)
		p, q := between(m, b.Begin, begin).cross(axis), between(m, b.End, end).cross(axis)
		cos := p.dot(q) / math.Sqrt(p.dot(p)*q.dot(q))
		if math.IsNaN(cos) || math.Abs(cos) < 1e-3 {
			continue
		}
		b.RefBegin, b.RefEnd, b.Stereo = begin, end, chem.Trans
		if cos > 0 {
			b.Stereo = chem.Cis
		}
	}
}

func unknownBeside(m *chem.Mol, a int32) bool {
	for _, n := range m.Neighbors(a) {
		if m.Bonds[n.Bond].Dir == chem.Wavy {
			return true
		}
	}
	return false
}

// substituent picks the first substituent at an end of a double bond that is not in line with it. It reports false
// where the end has none, another double bond, or more than two.
func substituent(m *chem.Mol, a, double int32) (int32, bool) {
	if d := m.Degree(a); d < 2 || d > 3 {
		return 0, false
	}
	axis := between(m, a, m.Bonds[double].Other(a))
	for _, n := range m.Neighbors(a) {
		o := m.Bonds[n.Bond].Order
		if n.Bond == double || o != chem.Single && o != chem.Aromatic {
			continue
		}
		d := between(m, a, n.Atom)
		if d.dot(axis) > -0.99939*math.Sqrt(d.dot(d)*axis.dot(axis)) && d.dot(d) > 1e-8 {
			return n.Atom, true
		}
	}
	return 0, false
}
