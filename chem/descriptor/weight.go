package descriptor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"galen.dev/chem"
)

// electronMass is the mass of an electron in daltons.
const electronMass = 5.48579909070e-4

// Weight is the mean molecular weight in daltons.
func Weight(m *chem.Mol) float64 {
	sum := 0.0
	for i := range m.Atoms {
		a := &m.Atoms[i]
		sum += a.Mass()
		sum += float64(a.Hydrogens()) * chem.ElementOf(1).Mass
	}
	return sum
}

// HeavyWeight is the mean molecular weight without hydrogens, in daltons.
func HeavyWeight(m *chem.Mol) float64 {
	sum := 0.0
	for i := range m.Atoms {
		if a := &m.Atoms[i]; a.Element != 1 {
			sum += a.Mass()
		}
	}
	return sum
}

// ExactWeight is the mass of the molecule made of the most abundant isotopes, in daltons, with the mass of the
// electrons that a charge adds or removes.
func ExactWeight(m *chem.Mol) float64 {
	sum, hydrogens := 0.0, 0
	for i := range m.Atoms {
		a := &m.Atoms[i]
		if a.Isotope == 0 {
			sum += chem.ElementOf(a.Element).IsotopeMass
		} else {
			sum += a.Mass()
		}
		sum -= electronMass * float64(a.Charge)
		hydrogens += a.Hydrogens()
	}
	return sum + float64(hydrogens)*chem.ElementOf(1).IsotopeMass
}

// Formula is the molecular formula in Hill's order: carbon, hydrogen, then the others by symbol, then the charge.
// Isotopes are not told apart.
func Formula(m *chem.Mol) string {
	var count [chem.MaxElement + 1]int
	charge := 0
	for i := range m.Atoms {
		a := &m.Atoms[i]
		count[a.Element]++
		count[1] += a.Hydrogens()
		charge += int(a.Charge)
	}
	var present []uint8
	for z, n := range count {
		if n > 0 {
			present = append(present, uint8(z))
		}
	}
	hill := func(z uint8) int {
		switch z {
		case 6:
			return 0
		case 1:
			return 1
		}
		return 2
	}
	slices.SortFunc(present, func(a, b uint8) int {
		return cmp.Or(cmp.Compare(hill(a), hill(b)), cmp.Compare(chem.ElementOf(a).Symbol, chem.ElementOf(b).Symbol))
	})
	var text strings.Builder
	for _, z := range present {
		text.WriteString(chem.ElementOf(z).Symbol)
		if count[z] > 1 {
			fmt.Fprint(&text, count[z])
		}
	}
	switch {
	case charge == 1:
		text.WriteByte('+')
	case charge == -1:
		text.WriteByte('-')
	case charge > 0:
		fmt.Fprintf(&text, "+%d", charge)
	case charge < 0:
		fmt.Fprint(&text, charge)
	}
	return text.String()
}

// Charge is the sum of the formal charges.
func Charge(m *chem.Mol) int {
	sum := 0
	for i := range m.Atoms {
		sum += int(m.Atoms[i].Charge)
	}
	return sum
}

// HeavyAtoms counts the atoms heavier than hydrogen.
func HeavyAtoms(m *chem.Mol) int {
	n := 0
	for i := range m.Atoms {
		if m.Atoms[i].Element > 1 {
			n++
		}
	}
	return n
}

func valenceElectrons(m *chem.Mol) int {
	n := 0
	for i := range m.Atoms {
		a := &m.Atoms[i]
		n += int(chem.ElementOf(a.Element).Outer) - int(a.Charge) + a.Hydrogens()
	}
	return n
}

func radicalElectrons(m *chem.Mol) int {
	n := 0
	for i := range m.Atoms {
		n += int(m.Atoms[i].Radicals)
	}
	return n
}
