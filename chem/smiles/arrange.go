package smiles

import "galen.dev/chem"

// arrange turns the number of a square planar, trigonal bipyramidal or octahedral arrangement from the written
// order into the order of the bonds; missing neighbours (hydrogens, lone pairs) come last.
func arrange(m *chem.Mol, s *arrangement) {
	a := &m.Atoms[s.atom]
	size := chem.Places(a.Chirality)
	if size == 0 || a.Order == 0 || len(s.order) > size {
		return
	}
	a.Order = chem.Rearrange(a.Chirality, a.Order, writtenOrder(s.order, size, s.first))
}
