package smiles

import "galen.dev/chem"

// Rooted writes a molecule beginning at an atom, which suits attachment points and the enumeration of SMILES; the rest
// follows the canonical order. The part of the atom comes first.
func Rooted(m *chem.Mol, root int32, f Format) string {
	rank := m.RanksWith(chem.RankOptions{Flat: f.Flat, NoMaps: f.NoMaps})
	old := rank[root]
	for a, r := range rank {
		if r < old {
			rank[a]++
		}
	}
	rank[root] = 0
	f.Ranks = rank
	return Write(m, f)
}
