package transform

import (
	"slices"
	"strings"

	"galen.dev/chem"
	"galen.dev/chem/smarts"
)

// Rule changes the places of a molecule that fit a pattern. It does not change and may be used by many goroutines.
type Rule struct {
	source  string
	pattern *smarts.Pattern
	atoms   int        // of the pattern
	edits   []atomEdit // of atoms that stay
	deleted []int      // places of the pattern whose atoms are deleted
	made    []edit     // new atoms: their places follow those of the pattern
	bonds   []bondEdit // bonds that the result writes
	cut     [][2]int   // bonds that the result leaves out
}

type atomEdit struct {
	place int
	edit
}

type bondEdit struct {
	a, b  int
	order chem.Order // Any = single, or aromatic as before
}

// Parse reads a rule. The error of a bad one is fault.Data.
func Parse(s string) (*Rule, error) {
	left, right, ok := strings.Cut(s, ">>")
	if !ok || len(s) > maxRule || strings.Contains(right, ">") {
		return nil, failure("bad-rule", "a rule is pattern>>result, of at most %d characters", maxRule)
	}
	pattern, err := smarts.Parse(left)
	if err != nil {
		return nil, err
	}
	before, err := draw(left)
	if err != nil {
		return nil, err
	}
	after, err := draw(right)
	if err != nil {
		return nil, err
	}
	if len(before.atoms) != pattern.Len() {
		return nil, failure("bad-rule", "the pattern groups its parts, which rules cannot do")
	}
	r := &Rule{source: s, pattern: pattern, atoms: len(before.atoms)}
	return r, r.plan(before, after)
}

// MustParse is Parse for rules in source code: it panics where the rule is bad.
func MustParse(s string) *Rule {
	r, err := Parse(s)
	if err != nil {
		panic("transform: " + s + ": " + err.Error())
	}
	return r
}

func (r *Rule) String() string { return r.source }

// plan turns both shapes into edits.
func (r *Rule) plan(before, after *sketch) error {
	places := map[int]int{}
	for i, a := range before.atoms {
		if a.num > 0 {
			if _, twice := places[a.num]; twice {
				return failure("bad-rule", "number %d is there twice", a.num)
			}
			places[a.num] = i
		}
	}
	at := make([]int, len(after.atoms)) // place of each atom of the result
	used := make([]bool, len(before.atoms))
	for i, a := range after.atoms {
		e, err := readEdit(a.text)
		if err != nil {
			return err
		}
		place, known := places[a.num]
		switch {
		case known && used[place]:
			return failure("bad-rule", "number %d is there twice in the result", a.num)
		case known:
			used[place] = true
			r.edits = append(r.edits, atomEdit{place, e})
			at[i] = place
		case e.element == 0:
			return failure("bad-result", "a new atom needs an element")
		default:
			at[i] = r.atoms + len(r.made)
			r.made = append(r.made, e)
		}
	}
	for i, u := range used {
		if !u {
			r.deleted = append(r.deleted, i)
		}
	}
	for _, b := range after.bonds {
		order, ok := orders[b.sign]
		if !ok {
			return failure("bad-result", "the bond %q of the result has no order", b.sign)
		}
		r.bonds = append(r.bonds, bondEdit{at[b.a], at[b.b], order})
	}
	for _, b := range before.bonds {
		kept := slices.ContainsFunc(r.bonds, func(e bondEdit) bool { return e.a == b.a && e.b == b.b || e.a == b.b && e.b == b.a })
		if used[b.a] && used[b.b] && !kept {
			r.cut = append(r.cut, [2]int{b.a, b.b})
		}
	}
	return nil
}

// Result is a molecule that a rule changed.
type Result struct {
	Mol   *chem.Mol
	Atoms []int // of the molecule before, in the order of the pattern
}

// Apply changes the first place that fits and leaves a molecule that can be sanitized; m stays as it is. Result.Mol
// is nil if none does.
func (r *Rule) Apply(m *chem.Mol) (Result, error) {
	all, err := r.results(m, 1)
	if err != nil || len(all) == 0 {
		return Result{}, err
	}
	return all[0], nil
}

// All returns a molecule for each place that fits, in the order of the places. Those that cannot be sanitized are
// left out; a place that gives no other atoms than an earlier one is passed over. At most is the most places; 0
// stands for 1,000.
func (r *Rule) All(m *chem.Mol, most int) ([]Result, error) {
	if most == 0 {
		most = 1000
	}
	return r.results(m, most)
}

func (r *Rule) results(m *chem.Mol, most int) ([]Result, error) {
	places, err := r.pattern.Find(m, smarts.Options{Unique: true, Max: 1000})
	if err != nil {
		return nil, err
	}
	var all []Result
	for _, p := range places {
		if len(all) == most {
			break
		}
		c := r.change(m, p)
		if c.Sanitize() != nil {
			continue
		}
		c.AssignStereo()
		all = append(all, Result{c, p})
	}
	return all, nil
}

// change edits one place of a copy, which is not sanitized yet.
func (r *Rule) change(m *chem.Mol, place []int) *chem.Mol {
	c := m.Clone()
	at := make([]int32, r.atoms, r.atoms+len(r.made))
	for i, a := range place {
		at[i] = int32(a)
	}
	for _, e := range r.made {
		a := chem.Atom{Element: e.element, Charge: e.charge}
		if e.counted {
			a.ExplicitH, a.Flags = e.hydrogen, chem.NoImplicit
		}
		at = append(at, c.AddAtom(a))
		if c.Coords != nil {
			c.Coords = append(c.Coords, chem.Point{})
		}
	}
	for _, e := range r.edits {
		e.apply(&c.Atoms[at[e.place]])
	}
	gone := make([]bool, len(c.Bonds))
	for _, pair := range r.cut {
		if b := m.BondBetween(at[pair[0]], at[pair[1]]); b >= 0 {
			gone[b] = true
			c.Atoms[at[pair[0]]].Chirality, c.Atoms[at[pair[1]]].Chirality = chem.Achiral, chem.Achiral
		}
	}
	for _, e := range r.bonds {
		r.bond(m, c, at[e.a], at[e.b], e.order)
	}
	c.Bonds = dropped(c.Bonds, gone)
	if len(r.deleted) > 0 {
		c = withoutAtoms(c, r.deleted, at)
	}
	c.Connect()
	return c
}

func (e *atomEdit) apply(a *chem.Atom) {
	if e.element != 0 && e.element != a.Element {
		a.Element, a.Isotope, a.Chirality = e.element, 0, chem.Achiral
	}
	if e.charged {
		a.Charge = e.charge
	}
	if e.counted {
		a.ExplicitH = e.hydrogen
		a.Flags |= chem.NoImplicit
	}
}

// bond gives two atoms a bond of an order.
func (r *Rule) bond(m, c *chem.Mol, x, y int32, order chem.Order) {
	known := int32(-1)
	if int(max(x, y)) < len(m.Atoms) {
		known = m.BondBetween(x, y)
	}
	if order == chem.Any {
		order = chem.Single
		if known >= 0 && c.Bonds[known].Order == chem.Aromatic {
			order = chem.Aromatic
		}
	}
	switch {
	case known < 0:
		c.AddBond(chem.Bond{Begin: x, End: y, Order: order})
		c.Atoms[x].Chirality, c.Atoms[y].Chirality = chem.Achiral, chem.Achiral
	case order != c.Bonds[known].Order:
		b := &c.Bonds[known]
		b.Order, b.Stereo, b.Dir = order, chem.NoStereo, chem.NoDir
		if order == chem.Aromatic {
			b.Flags |= chem.AromaticBond
		} else {
			b.Flags &^= chem.AromaticBond
		}
	}
}

func dropped(bonds []chem.Bond, gone []bool) []chem.Bond {
	kept := bonds[:0]
	for i := range bonds {
		if i >= len(gone) || !gone[i] {
			kept = append(kept, bonds[i])
		}
	}
	return kept
}

// withoutAtoms leaves out the atoms at the given places of the pattern.
func withoutAtoms(m *chem.Mol, places []int, at []int32) *chem.Mol {
	keep := make([]bool, len(m.Atoms))
	for i := range keep {
		keep[i] = true
	}
	for _, p := range places {
		keep[at[p]] = false
	}
	m.Keep(keep)
	return m
}
