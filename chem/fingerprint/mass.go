package fingerprint

import "galen.dev/chem"

// massShift is the whole part of an atom's mass less the mean mass of its element. Isotopes that nobody knows
// weigh their mass number.
func massShift(a *chem.Atom) int32 {
	if a.Isotope == 0 {
		return 0
	}
	mass, ok := chem.IsotopeMass(a.Element, a.Isotope)
	if !ok {
		mass = float64(a.Isotope)
	}
	return int32(mass - chem.ElementOf(a.Element).Mass)
}
