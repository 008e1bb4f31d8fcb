package chem

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
)

// isotopeText has a line for each run of isotopes: atomic number, first mass number, masses.
//
//go:embed isotopes.txt
var isotopeText string

var isotopeMasses = sync.OnceValue(func() map[uint32]float64 {
	masses := map[uint32]float64{}
	for line := range strings.Lines(isotopeText) {
		fields := strings.Fields(line)
		z, _ := strconv.Atoi(fields[0])
		number, _ := strconv.Atoi(fields[1])
		for i, f := range fields[2:] {
			masses[uint32(z)<<16|uint32(number+i)], _ = strconv.ParseFloat(f, 64)
		}
	}
	return masses
})

// IsotopeMass is the mass in daltons of the isotope of an element with a mass number; false where none is known.
func IsotopeMass(z uint8, number uint16) (mass float64, ok bool) {
	mass, ok = isotopeMasses()[uint32(z)<<16|uint32(number)]
	return mass, ok
}

// Mass is the mass of an atom in daltons: of its isotope if one is stated, else the mean on Earth. An isotope that
// is not known weighs its mass number.
func (a *Atom) Mass() float64 {
	switch {
	case a.Isotope == 0:
		return elements[a.Element].Mass
	case a.Element == 0:
		return 0
	}
	if mass, ok := IsotopeMass(a.Element, a.Isotope); ok {
		return mass
	}
	return float64(a.Isotope)
}
