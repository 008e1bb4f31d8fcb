package descriptor

import (
	"slices"

	"galen.dev/chem"
)

// RingCounts are the numbers of rings of a molecule by kind. Rings are the relevant cycles: each ring that belongs
// to some smallest set of smallest rings.
type RingCounts struct {
	Rings, Hetero                              int // all; those with an atom other than carbon
	Aromatic, AromaticCarbo, AromaticHetero    int // all bonds aromatic
	Aliphatic, AliphaticCarbo, AliphaticHetero int // not all bonds aromatic
	Saturated, SaturatedCarbo, SaturatedHetero int // all bonds single
	Spiro, Bridgeheads                         int // atoms that alone join two rings; atoms at the ends of a bridge
	Macro                                      int // rings of more than eight atoms
}

// CountRings counts rings by kind.
func CountRings(m *chem.Mol) RingCounts {
	var c RingCounts
	rings := m.Rings()
	c.Rings = rings.Len()
	add := func(yes, hetero bool, all, carbo, het *int) {
		switch {
		case !yes:
			return
		case hetero:
			*het++
		default:
			*carbo++
		}
		*all++
	}
	for r := range rings.Len() {
		hetero := slices.ContainsFunc(rings.Atoms(r), func(a int32) bool { return m.Atoms[a].Element != 6 })
		aromatic, saturated := true, true
		for _, b := range rings.Bonds(r) {
			bond := &m.Bonds[b]
			aromatic = aromatic && bond.Aromatic()
			saturated = saturated && bond.Order == chem.Single && !bond.Aromatic()
		}
		if hetero {
			c.Hetero++
		}
		add(aromatic, hetero, &c.Aromatic, &c.AromaticCarbo, &c.AromaticHetero)
		add(!aromatic, hetero, &c.Aliphatic, &c.AliphaticCarbo, &c.AliphaticHetero)
		add(saturated, hetero, &c.Saturated, &c.SaturatedCarbo, &c.SaturatedHetero)
		if len(rings.Atoms(r)) > 8 {
			c.Macro++
		}
	}
	c.Spiro, c.Bridgeheads = junctions(m)
	return c
}

// junctions counts spiro atoms and bridgeheads. Two rings that share one atom meet in a spiro atom; where they share
// two bonds or more, the ends of the shared path are bridgeheads.
func junctions(m *chem.Mol) (spiro, bridgeheads int) {
	rings := m.Rings()
	if rings.Len() < 2 {
		return 0, 0
	}
	through := make([][]int, len(m.Atoms)) // the rings before the present one, for atoms of several rings
	var spiros, heads []int32
	var met []int
	for x := range rings.Len() {
		met = met[:0]
		for _, a := range rings.Atoms(x) {
			if rings.AtomCount(a) < 2 {
				continue
			}
			for _, y := range through[a] {
				if !slices.Contains(met, y) {
					met = append(met, y)
				}
			}
			through[a] = append(through[a], x)
		}
		for _, y := range met {
			shared, common := 0, int32(-1)
			for _, a := range rings.Atoms(x) {
				if rings.AtomCount(a) > 1 && slices.Contains(rings.Atoms(y), a) {
					shared++
					common = a
				}
			}
			switch {
			case shared == 1 && !slices.Contains(spiros, common):
				spiros = append(spiros, common)
			case shared > 2:
				heads = sharedEnds(m, x, y, heads)
			}
		}
	}
	return len(spiros), len(heads)
}

// sharedEnds adds the ends of the paths of two bonds or more that two rings share.
func sharedEnds(m *chem.Mol, x, y int, heads []int32) []int32 {
	rings := m.Rings()
	var ends []int32
	shared := 0
	for _, b := range rings.Bonds(x) {
		if rings.BondCount(b) > 1 && slices.Contains(rings.Bonds(y), b) {
			shared++
			ends = append(ends, m.Bonds[b].Begin, m.Bonds[b].End)
		}
	}
	if shared < 2 {
		return heads
	}
	for i, a := range ends {
		once := !slices.Contains(ends[:i], a) && !slices.Contains(ends[i+1:], a)
		if once && !slices.Contains(heads, a) {
			heads = append(heads, a)
		}
	}
	return heads
}
