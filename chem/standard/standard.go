package standard

import (
	"fmt"

	"galen.dev/chem"
)

// Options say what is done after the clean-up. The zero value does nothing more.
type Options struct {
	StripSalts    bool // remove known ions, acids and solvents; the last part stays
	Fragment      bool // keep the largest part
	PreferOrganic bool // a part with carbon beats a larger one without; matters to Fragment
	Uncharge      bool // neutralise charges by moving protons
	NoIsotopes    bool // forget isotopes
	NoStereo      bool // forget stereo
	Tautomer      bool // choose one tautomer
	// MaxTautomers bounds how many tautomers are looked at; 0 = 1,000. MaxTransforms bounds the rules that fit; 0 =
	// 1,000. Where a bound is met, the choice is among those found, and Changes says so.
	MaxTautomers, MaxTransforms int
}

// Change is something that was done to a molecule.
type Change struct {
	Step string // "metal", "normalise", "reionise", "salt", "fragment", "uncharge", "isotope", "stereo", "tautomer"
	Rule string // which rule, or what was removed
	// Atoms are the atoms that took part, by their index in the molecule that was given.
	Atoms []int32
}

// Result is a standardised molecule and what was done, in order.
type Result struct {
	Mol     *chem.Mol
	Changes []Change
}

// Standardize returns the standard form of a sanitized molecule, which itself stays as it is. The error is
// fault.Data where a step leaves a molecule that breaks the valence rules.
func Standardize(m *chem.Mol, o Options) (Result, error) {
	w := &work{m: m.Clone(), origin: make([]int32, len(m.Atoms))}
	for i := range w.origin {
		w.origin[i] = int32(i)
	}
	w.m.Coords = nil
	if err := w.run(o); err != nil {
		return Result{}, fmt.Errorf("standardising: %w", err)
	}
	return Result{w.m, w.changes}, nil
}

// work is a molecule on its way.
type work struct {
	m       *chem.Mol
	origin  []int32 // index of each atom in the molecule that was given
	changes []Change
}

func (w *work) run(o Options) error {
	steps := []struct {
		wanted bool
		do     func() error
	}{
		{true, w.cleanUp},
		{o.StripSalts, w.stripSalts},
		{o.Fragment, func() error { return w.largest(o.PreferOrganic) }},
		{o.Uncharge, w.uncharge},
		{o.Uncharge, w.cleanUp},
		{o.NoIsotopes, w.dropIsotopes},
		{o.NoStereo, w.dropStereo},
		{o.Tautomer, func() error { return w.tautomer(o) }},
		{o.Tautomer, w.cleanUp},
	}
	for _, s := range steps {
		if s.wanted {
			if err := s.do(); err != nil {
				return err
			}
		}
	}
	return nil
}

// note records a change of atoms of the present molecule.
func (w *work) note(step, rule string, atoms ...int32) {
	c := Change{Step: step, Rule: rule}
	for _, a := range atoms {
		c.Atoms = append(c.Atoms, w.origin[a])
	}
	w.changes = append(w.changes, c)
}

// settle derives everything anew after atoms or bonds were changed.
func (w *work) settle() error {
	w.m.Connect()
	if err := w.m.Sanitize(); err != nil {
		return err
	}
	w.m.AssignStereo()
	return nil
}

// keep leaves out parts of the molecule.
func (w *work) keep(marks []bool) error {
	var origin []int32
	for i, k := range marks {
		if k {
			origin = append(origin, w.origin[i])
		}
	}
	w.m.Keep(marks)
	w.origin = origin
	return w.settle()
}

// cleanUp is what every molecule goes through.
func (w *work) cleanUp() error {
	if err := w.removeHs(); err != nil {
		return err
	}
	if err := w.disconnectMetals(); err != nil {
		return err
	}
	if err := w.normalise(); err != nil {
		return err
	}
	return w.reionise()
}

// removeHs takes hydrogens that are plain substituents out of the graph.
func (w *work) removeHs() error {
	gone := w.m.RemoveHs()
	if gone == nil {
		return nil
	}
	var origin []int32
	for i, g := range gone {
		if !g {
			origin = append(origin, w.origin[i])
		}
	}
	w.origin = origin
	return w.settle()
}

func (w *work) dropIsotopes() error {
	var atoms []int32
	for i := range w.m.Atoms {
		if a := &w.m.Atoms[i]; a.Isotope != 0 {
			a.Isotope = 0
			atoms = append(atoms, int32(i))
		}
	}
	if atoms == nil {
		return nil
	}
	w.note("isotope", "", atoms...)
	if err := w.removeHs(); err != nil {
		return err
	}
	return w.settle()
}

func (w *work) dropStereo() error {
	var atoms []int32
	for i := range w.m.Atoms {
		if a := &w.m.Atoms[i]; a.Chirality != chem.Achiral {
			a.Chirality, a.Order, a.CIP = chem.Achiral, 0, chem.NoCIP
			atoms = append(atoms, int32(i))
		}
	}
	for i := range w.m.Bonds {
		if b := &w.m.Bonds[i]; b.Stereo != chem.NoStereo {
			b.Stereo, b.Dir = chem.NoStereo, chem.NoDir
			atoms = append(atoms, b.Begin, b.End)
		}
	}
	if atoms == nil {
		return nil
	}
	w.note("stereo", "", atoms...)
	return w.settle()
}
