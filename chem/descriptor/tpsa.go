package descriptor

import "galen.dev/chem"

// polar is a row of Ertl's table: the surface of a nitrogen or oxygen with these neighbours.
type polar struct {
	near, h, charge                  int8
	single, double, triple, aromatic int8 // bonds to atoms other than hydrogen; any number where below 0
	threeRing                        int8 // 1 = in a ring of three, 0 = not
	area                             float64
}

// free stands for a number that does not matter.
const free int8 = -1

var polarNitrogen = []polar{
	{1, 0, 0, free, free, 1, free, free, 23.79},
	{1, 1, 0, free, 1, free, free, free, 23.85},
	{1, 2, 0, 1, free, free, free, free, 26.02},
	{1, 2, 1, free, 1, free, free, free, 25.59},
	{1, 3, 1, 1, free, free, free, free, 27.64},
	{2, 0, 0, 1, 1, free, free, free, 12.36},
	{2, 0, 0, free, 1, 1, free, free, 13.60},
	{2, 1, 0, 2, free, free, free, 1, 21.94},
	{2, 1, 0, 2, free, free, free, 0, 12.03},
	{2, 0, 1, 1, free, 1, free, free, 4.36},
	{2, 1, 1, 1, 1, free, free, free, 13.97},
	{2, 2, 1, 2, free, free, free, free, 16.61},
	{2, 0, 0, free, free, free, 2, free, 12.89},
	{2, 1, 0, free, free, free, 2, free, 15.79},
	{2, 1, 1, free, free, free, 2, free, 14.14},
	{3, 0, 0, 3, free, free, free, 1, 3.01},
	{3, 0, 0, 3, free, free, free, 0, 3.24},
	{3, 0, 0, 1, 2, free, free, free, 11.68},
	{3, 0, 1, 2, 1, free, free, free, 3.01},
	{3, 1, 1, 3, free, free, free, free, 4.44},
	{3, 0, 0, free, free, free, 3, free, 4.41},
	{3, 0, 0, 1, free, free, 2, free, 4.93},
	{3, 0, 0, free, 1, free, 2, free, 8.39},
	{3, 0, 1, free, free, free, 3, free, 4.10},
	{3, 0, 1, 1, free, free, 2, free, 3.88},
	{4, 0, 1, 4, free, free, free, free, 0},
}

var polarOxygen = []polar{
	{1, 0, 0, free, 1, free, free, free, 17.07},
	{1, 1, 0, 1, free, free, free, free, 20.23},
	{1, 0, -1, 1, free, free, free, free, 23.06},
	{2, 0, 0, 2, free, free, free, 1, 12.53},
	{2, 0, 0, 2, free, free, free, 0, 9.23},
	{2, 0, 0, free, free, free, 2, free, 13.14},
}

// TPSA is the topological polar surface area in Å²: the sum of contributions of nitrogen and oxygen by their
// neighbours (P. Ertl, B. Rohde, P. Selzer, J. Med. Chem. 43 (2000) 3714). Sulfur and phosphorus do not count.
func TPSA(m *chem.Mol) float64 {
	sum := 0.0
	for i := range m.Atoms {
		if z := m.Atoms[i].Element; z == 7 || z == 8 {
			sum += polarArea(m, int32(i), z)
		}
	}
	return sum
}

func polarArea(m *chem.Mol, i int32, z uint8) float64 {
	a := &m.Atoms[i]
	p := polar{near: int8(m.Degree(i)), h: int8(a.Hydrogens()), charge: a.Charge}
	for _, n := range m.Neighbors(i) {
		b := &m.Bonds[n.Bond]
		switch {
		case m.Atoms[n.Atom].Element == 1:
			p.near--
			p.h++
		case b.Aromatic():
			p.aromatic++
		case b.Order == chem.Single:
			p.single++
		case b.Order == chem.Double:
			p.double++
		case b.Order == chem.Triple:
			p.triple++
		}
	}
	table, start, step := polarNitrogen, 30.5, 8.2
	if z == 8 {
		table, start, step = polarOxygen, 28.5, 8.6
	}
	fits := func(want, have int8) bool { return want == free || want == have }
	for k := range table {
		r := &table[k]
		if r.near != p.near || r.h != p.h || r.charge != p.charge || !fits(r.single, p.single) ||
			!fits(r.double, p.double) || !fits(r.triple, p.triple) || !fits(r.aromatic, p.aromatic) {
			continue
		}
		if r.threeRing == free || (r.threeRing == 1) == m.Rings().AtomInSize(i, 3) {
			return r.area
		}
	}
	return max(0, start-step*float64(p.near)+1.5*float64(p.h))
}
