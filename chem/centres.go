package chem

import "slices"

// StereoCentres lists the atoms that are tetrahedral stereo centres or could be: those whose neighbours topology
// tells apart, marked or not. Marks that are known, and arrangements of double bonds, tell further atoms apart.
// AssignStereo comes first.
func (m *Mol) StereoCentres() []int32 {
	var legal []int32
	for i := range m.Atoms {
		if m.legalCentre(int32(i)) {
			legal = append(legal, int32(i))
		}
	}
	if legal == nil {
		return nil
	}
	// Descriptors are given round by round, on a copy, as in AssignStereo: what a later round knows does not count
	// earlier.
	c := *m
	marked := slices.ContainsFunc(m.Atoms, func(a Atom) bool { return a.CIP != NoCIP }) ||
		slices.ContainsFunc(m.Bonds, func(b Bond) bool { return b.Stereo > AnyStereo })
	if marked {
		c.Atoms, c.Bonds = slices.Clone(m.Atoms), slices.Clone(m.Bonds)
		for i := range c.Atoms {
			c.Atoms[i].CIP = NoCIP
		}
		for i := range c.Bonds {
			c.Bonds[i].Stereo = NoStereo
		}
	}
	s := stereo{m: &c}
	enough := func(rank []int32) bool {
		return !marked && !slices.ContainsFunc(legal, func(i int32) bool { return s.tied(i, rank) })
	}
	s.ranks = newCIP(&c, enough)
	defer s.ranks.free()
	var centres []int32
	for {
		changed := false
		legal = slices.DeleteFunc(legal, func(i int32) bool {
			if s.tied(i, s.ranks.rank) {
				return false
			}
			centres = append(centres, i)
			c.Atoms[i].CIP = m.Atoms[i].CIP
			changed = changed || m.Atoms[i].CIP != NoCIP
			return true
		})
		if marked {
			changed = s.revealBonds(m) || changed
		}
		if !changed || len(legal) == 0 {
			break
		}
		s.ranks.rerank(enough)
	}
	slices.Sort(centres)
	return centres
}

// revealBonds copies the arrangements of double bonds whose ends the present ranks tell apart.
func (s *stereo) revealBonds(from *Mol) bool {
	changed := false
	for i := range from.Bonds {
		b := &from.Bonds[i]
		if b.Stereo <= AnyStereo || s.m.Bonds[i].Stereo == b.Stereo {
			continue
		}
		if !s.equalEnds(b.Begin, int32(i), s.ranks.rank) && !s.equalEnds(b.End, int32(i), s.ranks.rank) {
			s.m.Bonds[i].Stereo = b.Stereo
			changed = true
		}
	}
	return changed
}
