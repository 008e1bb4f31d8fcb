package filter

import "galen.dev/chem"

// Moses judges molecules as the benchmark MOSES does: no ring of eight atoms or more, no charged atom, only C, N,
// S, O, F, Cl, Br and H, and no alert of "mcf" or "pains". It belongs to one goroutine.
type Moses struct{ alerts *Checker }

// NewMoses makes such a judge.
func NewMoses() *Moses {
	var both []*List
	for _, name := range [2]string{"mcf", "pains"} {
		l, err := Catalogue(name)
		if err != nil {
			panic(err) // both are built in
		}
		both = append(both, l)
	}
	return &Moses{NewChecker(both...)}
}

// Passes says whether a sanitized molecule passes. Its error is as that of Checker.Check.
func (f *Moses) Passes(m *chem.Mol) (bool, error) {
	for i := range m.Atoms {
		a := &m.Atoms[i]
		if a.Charge != 0 {
			return false, nil
		}
		switch a.Element {
		case 1, 6, 7, 8, 9, 16, 17, 35:
		default:
			return false, nil
		}
	}
	for r := range m.Rings().Len() {
		if len(m.Rings().Atoms(r)) >= 8 {
			return false, nil
		}
	}
	any, err := f.alerts.Any(m)
	return !any && err == nil, err
}
