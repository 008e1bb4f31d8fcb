package scaffold

import "galen.dev/chem"

// editor makes a molecule from parts of another one.
type editor struct {
	old   *chem.Mol
	atoms []chem.Atom // changed copies; derived properties do not matter
	gone  []bool
	cuts  []cut
}

// cut is a bond that is replaced by a bond to a dummy atom at each end that stays.
type cut struct {
	bond       int32
	begin, end uint16 // isotopes of the dummies at the bond's ends
	order      chem.Order
}

func edit(m *chem.Mol) *editor {
	e := &editor{old: m, atoms: make([]chem.Atom, len(m.Atoms)), gone: make([]bool, len(m.Atoms))}
	copy(e.atoms, m.Atoms)
	return e
}

// finish makes the molecule of what stays and derives its properties anew. Dummies take the places of the bonds
// that were cut, so that centres keep their arrangement.
func (e *editor) finish() (*chem.Mol, error) {
	m := &chem.Mol{Name: e.old.Name}
	to := make([]int32, len(e.atoms))
	for i, a := range e.atoms {
		to[i] = -1
		if !e.gone[i] {
			to[i] = m.AddAtom(a)
		}
	}
	cutAt := make(map[int32]cut, len(e.cuts))
	for _, c := range e.cuts {
		cutAt[c.bond] = c
	}
	bondTo := make([]int32, len(e.old.Bonds))
	dummy := map[[2]int32]int32{} // by atom and bond, as they were
	for i := range e.old.Bonds {
		b := e.old.Bonds[i]
		bondTo[i] = -1
		if c, ok := cutAt[int32(i)]; ok {
			e.dummies(m, to, b, c, dummy)
			continue
		}
		if to[b.Begin] < 0 || to[b.End] < 0 {
			continue
		}
		b.Begin, b.End, b.Dir = to[b.Begin], to[b.End], chem.NoDir
		bondTo[i] = m.AddBond(b)
	}
	for i, k := range bondTo {
		if k >= 0 && m.Bonds[k].Stereo > chem.AnyStereo {
			e.arrange(&m.Bonds[k], int32(i), to, dummy)
		}
	}
	m.Connect()
	if err := m.Sanitize(); err != nil {
		return nil, err
	}
	m.AssignStereo()
	return m, nil
}

// arrange gives a double bond the neighbours that its arrangement speaks of: a dummy in place of one that was cut
// off, and in place of one that is gone the other neighbour of the same end, on the other side. Without any the
// arrangement is lost.
func (e *editor) arrange(b *chem.Bond, was int32, to []int32, dummy map[[2]int32]int32) {
	old := &e.old.Bonds[was]
	ends := [2]struct{ atom, ref int32 }{{old.Begin, old.RefBegin}, {old.End, old.RefEnd}}
	var refs [2]int32
	for k, end := range ends {
		refs[k] = -1
		for _, n := range e.old.Neighbors(end.atom) {
			now, isDummy := dummy[[2]int32{end.atom, n.Bond}]
			if !isDummy {
				now = to[n.Atom]
			}
			if n.Bond == was || now < 0 || refs[k] >= 0 && n.Atom != end.ref {
				continue
			}
			if refs[k] >= 0 || n.Atom != end.ref {
				b.Stereo = chem.Cis + chem.Trans - b.Stereo
			}
			refs[k] = now
		}
	}
	b.RefBegin, b.RefEnd = refs[0], refs[1]
	if refs[0] < 0 || refs[1] < 0 {
		b.Stereo, b.RefBegin, b.RefEnd = chem.NoStereo, 0, 0
	}
}

func (e *editor) dummies(m *chem.Mol, to []int32, b chem.Bond, c cut, dummy map[[2]int32]int32) {
	for _, end := range [2]struct {
		atom    int32
		isotope uint16
	}{{b.Begin, c.begin}, {b.End, c.end}} {
		if to[end.atom] < 0 {
			continue
		}
		d := m.AddAtom(chem.Atom{Isotope: end.isotope, Flags: chem.NoImplicit})
		dummy[[2]int32{end.atom, c.bond}] = d
		m.AddBond(chem.Bond{Begin: to[end.atom], End: d, Order: c.order})
	}
}
