package chem

import "testing"

func TestIsotopeMass(t *testing.T) {
	for _, c := range []struct {
		z      uint8
		number uint16
		mass   float64
	}{{1, 2, 2.014101778}, {6, 13, 13.00335484}, {92, 235, 235.0439299}} {
		if mass, ok := IsotopeMass(c.z, c.number); !ok || mass != c.mass {
			t.Errorf("isotope %d of element %d: %v, %v; want %v", c.number, c.z, mass, ok, c.mass)
		}
	}
	if mass := (&Atom{Element: 6, Isotope: 200}).Mass(); mass != 200 {
		t.Errorf("unknown isotope: %v, want its mass number", mass)
	}
}
