package standard

import (
	"slices"
	"sync"

	"galen.dev/chem"
	"galen.dev/chem/smarts"
)

// acidPatterns hold the acid of pair i at 2i and its base at 2i+1.
var acidPatterns = sync.OnceValue(func() *smarts.Set {
	var patterns []*smarts.Pattern
	for _, a := range acids {
		patterns = append(patterns, smarts.MustParse(a.acid), smarts.MustParse(a.base))
	}
	return smarts.NewSet(patterns)
})

// reionise corrects the charges of lone ions and moves protons until the strongest acids are the charged ones.
func (w *work) reionise() error {
	m := w.m
	before := netCharge(m)
	for i := range m.Atoms {
		a := &m.Atoms[i]
		charge := int8(0)
		switch a.Element {
		case 3, 11, 19:
			charge = 1
		case 12, 20:
			charge = 2
		case 17:
			charge = -1
		}
		if charge != 0 && a.Charge == 0 && m.TotalDegree(int32(i)) == 0 {
			a.Charge = charge
			w.note("reionise", "charge of a lone "+chem.ElementOf(a.Element).Symbol, int32(i))
		}
	}
	charge := netCharge(m)
	k := acidPatterns().Matcher()
	k.Reset(m)
	for surplus := charge - before; charge != 0 && surplus > 0; surplus-- {
		pair, atom := firstPair(k, 0)
		if pair < 0 {
			break
		}
		w.takeProton(atom, true)
		w.note("reionise", acids[pair].name+" balances the charge of ions", atom)
		k.Reset(m)
	}
	moved := map[[2]int32]bool{}
	for {
		acid, donor := firstPair(k, 0)
		base, acceptor := firstPair(k, 1)
		if acid < 0 || base < 0 || acid >= base || donor == acceptor {
			break
		}
		key := [2]int32{min(donor, acceptor), max(donor, acceptor)}
		if moved[key] {
			break // a proton that would go to and fro
		}
		moved[key] = true
		w.takeProton(donor, false)
		w.giveProton(acceptor, m.Atoms[donor].Aromatic() && (m.Atoms[donor].Element == 7 || m.Atoms[donor].Element == 15))
		w.note("reionise", "proton from "+acids[acid].name+" to "+acids[base].name, donor, acceptor)
		k.Reset(m)
	}
	return w.settle()
}

// firstPair finds the strongest acid (side 0), or the weakest acid that lost its proton (side 1), and the atom that
// has the proton or the charge.
func firstPair(k *smarts.Matcher, side int) (pair int, atom int32) {
	for i := range acids {
		if side == 1 {
			i = len(acids) - 1 - i
		}
		found := int32(-1)
		_ = k.Each(2*i+side, smarts.Options{Max: 1}, func(atoms []int32) bool {
			found = atoms[len(atoms)-1]
			return false
		})
		if found >= 0 {
			return i, found
		}
	}
	return -1, -1
}

func (w *work) takeProton(i int32, always bool) {
	a := &w.m.Atoms[i]
	a.Charge--
	if a.ExplicitH > 0 && (always || a.ImplicitH == 0) {
		a.ExplicitH--
	}
	w.m.RecountHydrogens(i)
}

func (w *work) giveProton(i int32, stated bool) {
	a := &w.m.Atoms[i]
	a.Charge++
	usual := slices.Contains(chem.ElementOf(a.Element).Valences, int8(a.TotalValence()))
	if a.Flags&chem.NoImplicit != 0 || stated || !usual {
		a.ExplicitH++
	}
	w.m.RecountHydrogens(i)
}

func netCharge(m *chem.Mol) int {
	sum := 0
	for i := range m.Atoms {
		sum += int(m.Atoms[i].Charge)
	}
	return sum
}

// The charges that can be neutralised: cations with hydrogen, those without, anions, and anions of acids.
var chargePatterns = sync.OnceValue(func() *smarts.Set {
	var patterns []*smarts.Pattern
	for _, s := range []string{
		"[+,+2,+3,+4;!h0;!$(*~[-]),$(*(~[-])~[-])]", "[+,+2,+3,+4;h0;!$(*~[-])]", "[-!$(*~[+,+2,+3,+4])]",
		"[$([O,S;-][C,S;+0]=[O,S]),$([O,S;-][N,P;+](=[O,S])[O,S;-]),$([O-][Cl,Br,I;+,+2,+3][O-]),$([n-]1nnnc1),$([n-]1ncnn1)]",
	} {
		patterns = append(patterns, smarts.MustParse(s))
	}
	return smarts.NewSet(patterns)
})

// uncharge neutralises charges by adding and removing protons. Where cations without protons stay, as many anions
// stay with them: first those of acids.
func (w *work) uncharge() error {
	m := w.m
	k := chargePatterns().Matcher()
	k.Reset(m)
	rank := m.CanonicalRanks()
	find := func(pattern int, sorted bool) ([]int32, error) {
		var atoms []int32
		err := k.Each(pattern, smarts.Options{Unique: true}, func(at []int32) bool {
			atoms = append(atoms, at[0])
			return true
		})
		if sorted {
			slices.SortFunc(atoms, func(a, b int32) int { return int(rank[a] - rank[b]) })
		}
		return atoms, err
	}
	var found [4][]int32
	for i := range found {
		var err error
		if found[i], err = find(i, i >= 2); err != nil {
			return err
		}
	}
	fixed := 0
	for _, a := range found[1] {
		fixed += int(m.Atoms[a].Charge)
	}
	for _, a := range found[0] {
		if changeByCation(m, a) == 0 {
			fixed += int(m.Atoms[a].Charge)
		}
	}
	anions := slices.DeleteFunc(found[2], func(a int32) bool { return slices.Contains(found[3], a) })
	anions = append(anions, freeAcids(m, found[3])...)
	if surplus := len(anions) - fixed; surplus != 0 {
		for _, a := range anions {
			if by := changeByAnion(m, a); by != 0 {
				w.neutralise(a, +1, by)
				if surplus--; surplus == 0 {
					break
				}
			}
		}
	}
	w.neutraliseCations(found[0])
	return w.settle()
}

// neutraliseCations takes protons off cations while the molecule is positive.
func (w *work) neutraliseCations(cations []int32) {
	m := w.m
	net := netCharge(m)
	for _, a := range cations {
		for m.Atoms[a].Charge > 0 && net > 0 {
			by := changeByCation(m, a)
			if by == 0 {
				break
			}
			w.neutralise(a, -1, by)
			net--
		}
		if net == 0 {
			return
		}
	}
}

// freeAcids leaves out anions that balance a positive atom next to them.
func freeAcids(m *chem.Mol, acids []int32) []int32 {
	taken := map[int32]int8{}
	var free []int32
	for _, a := range acids {
		bound := false
		for _, n := range m.Neighbors(a) {
			if charge := m.Atoms[n.Atom].Charge; charge > 0 {
				if taken[n.Atom] < charge {
					taken[n.Atom]++
					bound = true
				}
				break
			}
		}
		if !bound {
			free = append(free, a)
		}
	}
	return free
}

// changeByAnion is how many hydrogens an anion gains when it is neutralised; 0 where it cannot be.
func changeByAnion(m *chem.Mol, i int32) int {
	a := &m.Atoms[i]
	switch {
	case !chem.IsEarly(a.Element):
		return 1
	case a.Hydrogens() == 0:
		return 0
	}
	return -1
}

// changeByCation is the same for a cation.
func changeByCation(m *chem.Mol, i int32) int {
	a := &m.Atoms[i]
	switch {
	case a.Element == 6 || chem.IsEarly(a.Element):
		return 1
	case a.Hydrogens() == 0:
		return 0
	}
	return -1
}

// neutralise moves a charge towards 0 by one, and the hydrogens by some.
func (w *work) neutralise(i int32, charge int8, hydrogens int) {
	a := &w.m.Atoms[i]
	a.ExplicitH = uint8(max(a.Hydrogens()+hydrogens, 0))
	a.Flags |= chem.NoImplicit
	a.Charge += charge
	w.m.RecountHydrogens(i)
	name := "anion"
	if charge < 0 {
		name = "cation"
	}
	w.note("uncharge", name, i)
}
