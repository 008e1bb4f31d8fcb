package sdf

import (
	"fmt"
	"strings"

	"galen.dev/chem"
	"galen.dev/fault"
)

// Append appends a molecule as a record: MOL block, data fields, "$$$$". It is V2000 where that can hold it, else
// V3000 (1,000 atoms or bonds and more, dative bonds, charges beyond 15).
//
// Aromatic bonds are written as single and double ones. A drawing gets wedges at its stereo centres. A molecule without coordinates gets the parity field; an arrangement
// at a double bond cannot be written without coordinates, and is refused rather than lost, as are centres that are
// not tetrahedral.
func Append(buf []byte, m *chem.Mol) ([]byte, error) {
	buf, err := AppendMol(buf, m)
	if err != nil {
		return buf, err
	}
	for _, p := range m.Props {
		buf = fmt.Appendf(buf, ">  <%s>\n%s\n\n", p.Name, strings.ReplaceAll(p.Value, "\n\n", "\n \n"))
	}
	return append(buf, "$$$$\n"...), nil
}

// AppendMol appends the MOL block alone.
func AppendMol(buf []byte, m *chem.Mol) ([]byte, error) {
	w := writer{m: m.Kekulized(nil)}
	if err := w.stereo(); err != nil {
		return buf, err
	}
	return w.append(buf), nil
}

type writer struct {
	m      *chem.Mol
	dirs   []chem.Dir // of the bonds
	first  []int32    // the atom written first of each bond: where its wedge begins
	parity []uint8
}

// stereo chooses wedges or parities.
func (w *writer) stereo() error {
	m := w.m
	w.dirs, w.first = make([]chem.Dir, len(m.Bonds)), make([]int32, len(m.Bonds))
	w.parity = make([]uint8, len(m.Atoms))
	var found []fault.Finding
	lost := func(name, format string, i int, hint string) {
		found = append(found, fault.Finding{Name: name, Severity: fault.Severe, Message: fmt.Sprintf(format, i+1), Hint: hint})
	}
	for i := range m.Bonds {
		b := &m.Bonds[i]
		w.first[i] = b.Begin
		if b.Stereo > chem.AnyStereo && m.Coords == nil {
			lost("stereo-without-coordinates", "bond %d has an arrangement that only coordinates can tell", i, "lay the molecule out first")
		}
		if b.Order == chem.Quadruple {
			lost("quadruple-bond", "bond %d is quadruple, which MOL blocks have no type for", i, "write SMILES")
		}
		if b.Stereo == chem.AnyStereo {
			w.dirs[i] = chem.Crossed
		}
	}
	for i := range m.Atoms {
		switch c := m.Atoms[i].Chirality; {
		case c == chem.Achiral:
		case !c.Tetrahedral():
			lost("stereo-class", "atom %d has an arrangement that MOL blocks have no words for", i, "write SMILES")
		case m.Coords == nil:
			w.parity[i] = 1
			if (c == chem.Counterclockwise) != oddByIndex(m, int32(i)) {
				w.parity[i] = 2
			}
		case m.Flat && !w.wedge(int32(i)):
			lost("no-wedge", "no bond of atom %d can carry a wedge that tells its chirality", i, "lay the molecule out anew")
		}
	}
	return fault.Refuse("writing a MOL block", found)
}

// wedge finds a bond of a centre that can carry a wedge, outer bonds first.
func (w *writer) wedge(a int32) bool {
	m := w.m
	for pass := range 3 {
		for _, n := range m.Neighbors(a) {
			b := &m.Bonds[n.Bond]
			ring, centre := m.Rings().BondCount(n.Bond) > 0, m.Atoms[n.Atom].Chirality != chem.Achiral
			if b.Order != chem.Single || w.dirs[n.Bond] != chem.NoDir || pass == 0 && (ring || centre) || pass == 1 && centre {
				continue
			}
			got := handed(m, a, func(o chem.Neighbor) float64 {
				if o.Bond == n.Bond {
					return 1
				}
				return 0
			})
			if got == chem.Achiral {
				continue
			}
			w.first[n.Bond] = a
			w.dirs[n.Bond] = chem.WedgeUp
			if got != m.Atoms[a].Chirality {
				w.dirs[n.Bond] = chem.WedgeDown
			}
			return true
		}
	}
	return false
}

func (w *writer) point(i int) chem.Point {
	if w.m.Coords == nil {
		return chem.Point{}
	}
	return w.m.Coords[i]
}

// needsV3000 says whether V2000 cannot hold the molecule.
func (w *writer) needsV3000() bool {
	m := w.m
	if len(m.Atoms) > 999 || len(m.Bonds) > 999 {
		return true
	}
	for i := range m.Bonds {
		if o := m.Bonds[i].Order; o == chem.Dative || o == chem.Hydrogen {
			return true
		}
	}
	for i := range m.Atoms {
		a, p := &m.Atoms[i], w.point(i)
		if a.Charge > 15 || a.Charge < -15 || a.Isotope > 999 || a.Map > 999 {
			return true
		}
		for _, c := range [3]float64{p.X, p.Y, p.Z} {
			if c >= 99999 || c <= -9999 {
				return true
			}
		}
	}
	return false
}

func (w *writer) append(buf []byte) []byte {
	m := w.m
	dimension := "3D"
	if m.Flat || m.Coords == nil {
		dimension = "2D"
	}
	name, _, _ := strings.Cut(m.Name, "\n")
	buf = fmt.Appendf(buf, "%s\n  Galen             %s\n\n", name, dimension)
	if w.needsV3000() {
		return w.appendV3000(buf)
	}
	return w.appendV2000(buf)
}

// kinds are the bond types by order.
var kinds = [...]int{chem.Any: 8, chem.Single: 1, chem.Double: 2, chem.Triple: 3, chem.Aromatic: 4, chem.Dative: 9, chem.Hydrogen: 10}

// valenceField states the valence of atoms whose hydrogens a reader would not derive.
func (w *writer) valenceField(i int, none int) int {
	a := &w.m.Atoms[i]
	if a.Flags&chem.NoImplicit == 0 || a.Element == 0 {
		return 0
	}
	twice := 0
	for _, n := range w.m.Neighbors(int32(i)) {
		twice += w.m.Bonds[n.Bond].Twice(int32(i))
	}
	if v := (twice+1)/2 + a.Hydrogens(); v > 0 && v < 15 {
		return v
	}
	return none
}

func symbolOf(a *chem.Atom) string { return chem.ElementOf(a.Element).Symbol }

// radicals is the code of unpaired electrons.
func radicals(n uint8) int { return [3]int{0, 2, 3}[min(n, 2)] }

func (w *writer) appendV2000(buf []byte) []byte {
	m := w.m
	buf = fmt.Appendf(buf, "%3d%3d  0  0  0  0  0  0  0  0999 V2000\n", len(m.Atoms), len(m.Bonds))
	for i := range m.Atoms {
		a, p := &m.Atoms[i], w.point(i)
		buf = fmt.Appendf(buf, "%10.4f%10.4f%10.4f %-3s 0  0%3d  0  0%3d  0  0  0%3d  0  0\n",
			p.X, p.Y, p.Z, symbolOf(a), w.parity[i], w.valenceField(i, 15), a.Map)
	}
	for i := range m.Bonds {
		b := &m.Bonds[i]
		stereo := map[chem.Dir]int{chem.WedgeUp: 1, chem.WedgeDown: 6, chem.Crossed: 3}[w.dirs[i]]
		buf = fmt.Appendf(buf, "%3d%3d%3d%3d\n", w.first[i]+1, b.Other(w.first[i])+1, kinds[b.Order], stereo)
	}
	buf = w.list(buf, "CHG", func(a *chem.Atom) int { return int(a.Charge) })
	buf = w.list(buf, "ISO", func(a *chem.Atom) int { return int(a.Isotope) })
	buf = w.list(buf, "RAD", func(a *chem.Atom) int { return radicals(a.Radicals) })
	return append(buf, "M  END\n"...)
}

// list writes one property, eight atoms to a line.
func (w *writer) list(buf []byte, kind string, value func(*chem.Atom) int) []byte {
	var atoms []int
	for i := range w.m.Atoms {
		if value(&w.m.Atoms[i]) != 0 {
			atoms = append(atoms, i)
		}
	}
	for len(atoms) > 0 {
		n := min(8, len(atoms))
		buf = fmt.Appendf(buf, "M  %s%3d", kind, n)
		for _, i := range atoms[:n] {
			buf = fmt.Appendf(buf, "%4d%4d", i+1, value(&w.m.Atoms[i]))
		}
		buf = append(buf, '\n')
		atoms = atoms[n:]
	}
	return buf
}

func (w *writer) appendV3000(buf []byte) []byte {
	m := w.m
	buf = append(buf, "  0  0  0     0  0            999 V3000\nM  V30 BEGIN CTAB\n"...)
	buf = fmt.Appendf(buf, "M  V30 COUNTS %d %d 0 0 0\nM  V30 BEGIN ATOM\n", len(m.Atoms), len(m.Bonds))
	for i := range m.Atoms {
		a, p := &m.Atoms[i], w.point(i)
		buf = fmt.Appendf(buf, "M  V30 %d %s %.4f %.4f %.4f %d", i+1, symbolOf(a), p.X, p.Y, p.Z, a.Map)
		for _, f := range [5]struct {
			key string
			v   int
		}{{"CHG", int(a.Charge)}, {"RAD", radicals(a.Radicals)}, {"MASS", int(a.Isotope)}, {"CFG", int(w.parity[i])}, {"VAL", w.valenceField(i, -1)}} {
			if f.v != 0 {
				buf = fmt.Appendf(buf, " %s=%d", f.key, f.v)
			}
		}
		buf = append(buf, '\n')
	}
	buf = append(buf, "M  V30 END ATOM\nM  V30 BEGIN BOND\n"...)
	for i := range m.Bonds {
		b := &m.Bonds[i]
		buf = fmt.Appendf(buf, "M  V30 %d %d %d %d", i+1, kinds[b.Order], w.first[i]+1, b.Other(w.first[i])+1)
		if c := map[chem.Dir]int{chem.WedgeUp: 1, chem.WedgeDown: 3, chem.Crossed: 2}[w.dirs[i]]; c != 0 {
			buf = fmt.Appendf(buf, " CFG=%d", c)
		}
		buf = append(buf, '\n')
	}
	return append(buf, "M  V30 END BOND\nM  V30 END CTAB\nM  END\n"...)
}
