package fingerprint

import (
	"strconv"
	"strings"

	"galen.dev/chem"
)

// shifted holds the isotopes of isotopes.go: element<<16 | mass number, and the correction.
var shifted = func() map[uint32]int32 {
	m := map[uint32]int32{}
	for line := range strings.Lines(strings.TrimSpace(shiftedIsotopes)) {
		f := strings.Fields(line)
		z, _ := strconv.Atoi(f[0])
		for _, s := range f[1:] {
			a, _ := strconv.Atoi(s[:len(s)-1])
			d := int32(1)
			if s[len(s)-1] == '-' {
				d = -1
			}
			m[uint32(z)<<16|uint32(a)] = d
		}
	}
	return m
}()

// massShift is the whole part of an atom's mass less the mean mass of its element. Isotopes that nobody knows
// weigh their mass number.
func massShift(a *chem.Atom) int32 {
	if a.Isotope == 0 {
		return 0
	}
	d := int32(float64(a.Isotope) - chem.ElementOf(a.Element).Mass)
	return d + shifted[uint32(a.Element)<<16|uint32(a.Isotope)]
}
