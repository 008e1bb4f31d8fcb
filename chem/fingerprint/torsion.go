package fingerprint

import (
	"slices"

	"galen.dev/chem"
	"galen.dev/fault"
)

// TorsionOptions says which chains count. The zero value is RDKit's default but for count simulation, which is off
// unless asked for.
type TorsionOptions struct {
	Folding
	Atoms     int  // in a chain, 3 to 7; 0 = 4. With chirality at most 5.
	Chirality bool // R and S tell atoms apart
}

// NewTorsions makes a generator of topological torsions: chains of bonded atoms, with their element, neighbours and pi
// electrons. A chain may close a ring with its last bond. Hydrogens that are atoms take no part.
func NewTorsions(o TorsionOptions) (*Generator, error) {
	if o.Atoms == 0 {
		o.Atoms = 4
	}
	most := 7
	if o.Chirality {
		most = 5
	}
	if o.Atoms < 3 || o.Atoms > most {
		return nil, fault.Errorf(fault.Usage, "fingerprint: chains of %d atoms; 3 to %d are possible", o.Atoms, most)
	}
	return newGenerator(&torsions{opt: o}, o.Folding)
}

type torsions struct {
	opt  TorsionOptions
	code []uint32
	path []int32
	on   []bool // atoms of the path
}

func (s *torsions) again() source { return &torsions{opt: s.opt} }

func (s *torsions) find(g *Generator, m *chem.Mol) error {
	n := len(m.Atoms)
	s.code, s.on = resized(s.code, n), resized(s.on, n)
	clear(s.on)
	for i := range s.code {
		// The terms are RDKit's: unsigned, modulo the largest code even with chirality.
		s.code[i] = (atomCode(m, int32(i), s.opt.Chirality)-2)%(1<<codeBits-1) + 1
	}
	for i := range int32(n) {
		if m.Atoms[i].Element == 1 {
			continue
		}
		s.path = append(s.path[:0], i)
		s.extend(g, m)
		if err := g.full(); err != nil {
			return err
		}
	}
	return nil
}

// extend goes on from the last atom of the path. Each chain is taken from its lower end, each ring from its lowest
// atom towards the lower neighbour.
func (s *torsions) extend(g *Generator, m *chem.Mol) {
	last := s.path[len(s.path)-1]
	s.on[last] = true
	defer func() { s.on[last] = false }()
	for _, n := range m.Neighbors(last) {
		if len(g.features) > maxFeatures {
			return
		}
		if m.Atoms[n.Atom].Element == 1 {
			continue
		}
		if s.on[n.Atom] {
			if len(s.path) == s.opt.Atoms-1 && len(s.path) > 2 && n.Atom == s.path[0] &&
				slices.Min(s.path) == n.Atom && s.path[1] < last {
				s.add(g, n.Atom)
			}
			continue
		}
		if len(s.path) == s.opt.Atoms-1 {
			if s.path[0] < n.Atom {
				s.add(g, n.Atom)
			}
			continue
		}
		s.path = append(s.path, n.Atom)
		s.extend(g, m)
		s.path = s.path[:len(s.path)-1]
	}
}

// add appends the chain of the path and one more atom.
func (s *torsions) add(g *Generator, last int32) {
	lo := len(g.flat)
	g.flat = append(append(g.flat, s.path...), last)
	var buf [8]uint32
	codes := buf[:s.opt.Atoms]
	for k, a := range g.flat[lo:] {
		codes[k] = s.code[a]
		if k > 0 && k+1 < len(codes) {
			codes[k]-- // the bonds of the chain are no branches
		}
	}
	for i, j := 0, len(codes)-1; i < j; i, j = i+1, j-1 {
		if codes[i] != codes[j] {
			if codes[i] > codes[j] {
				slices.Reverse(codes)
			}
			break
		}
	}
	width := codeBits
	if s.opt.Chirality {
		width += chiralBits
	}
	f := feature{lo: int32(lo), hi: int32(len(g.flat))}
	for k, c := range codes {
		f.code |= uint64(c) << (width * k)
		combine(&f.hash, c)
	}
	g.features = append(g.features, f)
}

func (s *torsions) place(g *Generator, m *chem.Mol, f feature) Place {
	p := Place{Code: f.code, Atoms: slices.Clone(g.flat[f.lo:f.hi])}
	for k, a := range p.Atoms[1:] {
		p.Bonds = append(p.Bonds, m.BondBetween(p.Atoms[k], a))
	}
	slices.Sort(p.Bonds)
	if last := len(p.Atoms) - 1; p.Atoms[0] == p.Atoms[last] {
		p.Atoms = p.Atoms[:last]
	}
	return p
}
