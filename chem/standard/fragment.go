package standard

import (
	"cmp"
	"sync"

	"galen.dev/chem"
	"galen.dev/chem/smarts"
	"galen.dev/chem/smiles"
)

// part is a connected part of a molecule.
type part struct {
	atoms, bonds int
	marks        []bool
	mol          *chem.Mol
	gone         bool
}

// parts splits a molecule.
func (w *work) parts() ([]part, error) {
	of, n := w.m.Components()
	list := make([]part, n)
	for i := range list {
		p := &list[i]
		p.marks = make([]bool, len(of))
		for a, c := range of {
			if int(c) == i {
				p.marks[a] = true
				p.atoms++
			}
		}
		p.mol = w.m.Clone()
		p.mol.Keep(p.marks)
		p.bonds = len(p.mol.Bonds)
		if err := p.mol.Sanitize(); err != nil {
			return nil, err
		}
		p.mol.AssignStereo()
	}
	return list, nil
}

var saltPatterns = sync.OnceValue(func() []*smarts.Pattern {
	var patterns []*smarts.Pattern
	for _, s := range salts {
		patterns = append(patterns, smarts.MustParse(s.pattern))
	}
	return patterns
})

// bondsOf is the number of bonds of a salt's pattern, whose ring numbers are digits outside brackets.
func bondsOf(p *smarts.Pattern) int {
	digits, depth := 0, 0
	for _, c := range p.String() {
		switch {
		case c == '[':
			depth++
		case c == ']':
			depth--
		case depth == 0 && c >= '0' && c <= '9':
			digits++
		}
	}
	return p.Len() - 1 + digits/2
}

// stripSalts removes the parts that are a known ion, acid or solvent as a whole. Where all that is left would go
// at once, it stays.
func (w *work) stripSalts() error {
	list, err := w.parts()
	if err != nil || len(list) < 2 {
		return err
	}
	left := len(list)
	for i, s := range saltPatterns() {
		var hits []int
		for k := range list {
			p := &list[k]
			if !p.gone && p.atoms == s.Len() && p.bonds == bondsOf(s) && s.Matches(p.mol) {
				hits = append(hits, k)
			}
		}
		if len(hits) == left {
			break
		}
		for _, k := range hits {
			list[k].gone = true
			w.note("salt", salts[i].name, marked(list[k].marks)...)
		}
		left -= len(hits)
	}
	keep := make([]bool, len(w.m.Atoms))
	for i := range list {
		for a, in := range list[i].marks {
			keep[a] = keep[a] || in && !list[i].gone
		}
	}
	if left == len(list) {
		return nil
	}
	return w.keep(keep)
}

func marked(marks []bool) []int32 {
	var atoms []int32
	for i, m := range marks {
		if m {
			atoms = append(atoms, int32(i))
		}
	}
	return atoms
}

// largest keeps the part with the most atoms, hydrogens too; among equals the heaviest, and then the first by its
// canonical SMILES.
func (w *work) largest(preferOrganic bool) error {
	list, err := w.parts()
	if err != nil || len(list) < 2 {
		return err
	}
	best := 0
	for i := range list {
		if better(&list[i], &list[best], preferOrganic) {
			best = i
		}
	}
	for i := range list {
		if i != best {
			w.note("fragment", smiles.Canonical(list[i].mol), marked(list[i].marks)...)
		}
	}
	return w.keep(list[best].marks)
}

func better(p, q *part, preferOrganic bool) bool {
	organic := func(m *chem.Mol) int {
		for i := range m.Atoms {
			if m.Atoms[i].Element == 6 {
				return 1
			}
		}
		return 0
	}
	size := func(m *chem.Mol) int {
		n := len(m.Atoms)
		for i := range m.Atoms {
			n += m.Atoms[i].Hydrogens()
		}
		return n
	}
	// weight is ten times 100·Z + isotope - charge/10 + hydrogens.
	weight := func(m *chem.Mol) int {
		sum := 0
		for i := range m.Atoms {
			a := &m.Atoms[i]
			sum += 10*(100*int(a.Element)+int(a.Isotope)+a.Hydrogens()) - int(a.Charge)
		}
		return sum
	}
	order := 0
	if preferOrganic {
		order = cmp.Compare(organic(p.mol), organic(q.mol))
	}
	if order = cmp.Or(order, cmp.Compare(size(p.mol), size(q.mol)), cmp.Compare(weight(p.mol), weight(q.mol))); order != 0 {
		return order > 0
	}
	return smiles.Canonical(p.mol) < smiles.Canonical(q.mol)
}
