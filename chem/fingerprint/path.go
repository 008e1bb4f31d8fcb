package fingerprint

import (
	"slices"

	"galen.dev/chem"
	"galen.dev/fault"
)

// PathOptions says which subgraphs count. The zero value is RDKit's default.
type PathOptions struct {
	Folding
	Min, Max    int  // bonds of a subgraph, 1 to 10; 0 = 1 and 7
	NoBondTypes bool // all bonds are alike (useBondOrder=False)
	NoHydrogens bool // bonds to hydrogens that are atoms do not count (useHs=False)
	BitsEach    int  // bits that each subgraph sets; 0 = 2
}

const maxPath = 10

// NewPaths makes a generator of RDKit's own fingerprint: all connected subgraphs of a few bonds, branched ones
// included.
func NewPaths(o PathOptions) (*Generator, error) {
	if o.Min == 0 {
		o.Min = 1
	}
	if o.Max == 0 {
		o.Max = 7
	}
	if o.BitsEach == 0 {
		o.BitsEach = 2
	}
	if o.Min < 1 || o.Max > maxPath || o.Min > o.Max {
		return nil, fault.Errorf(fault.Usage, "fingerprint: subgraphs of %d to %d bonds; 1 to %d are possible", o.Min, o.Max, maxPath)
	}
	if o.BitsEach < 1 || o.BitsEach > 16 {
		return nil, fault.Errorf(fault.Usage, "fingerprint: %d bits for each subgraph; 1 to 16 are possible", o.BitsEach)
	}
	g, err := newGenerator(&paths{opt: o}, o.Folding)
	if err == nil {
		g.extra = o.BitsEach - 1
	}
	return g, err
}

type paths struct {
	opt    PathOptions
	atom   []uint32 // element and aromaticity
	bond   []uint32
	taken  []bool // bonds that may not be added any more
	undo   []int32
	todo   []int32 // bonds that may be added, level by level
	path   []int32 // bonds of the subgraph
	degree []uint32
}

func (s *paths) again() source { return &paths{opt: s.opt} }

func (s *paths) find(g *Generator, m *chem.Mol) error {
	n := len(m.Atoms)
	s.atom, s.degree = resized(s.atom, n), resized(s.degree, n)
	s.bond, s.taken = resized(s.bond, len(m.Bonds)), resized(s.taken, len(m.Bonds))
	clear(s.degree)
	for i := range m.Atoms {
		s.atom[i] = uint32(m.Atoms[i].Element) % 128 << 1
		if m.Atoms[i].Aromatic() {
			s.atom[i] |= 1
		}
	}
	for i := range m.Bonds {
		b := &m.Bonds[i]
		s.bond[i] = bondCodes[b.Order]
		if b.Aromatic() {
			s.bond[i] = bondCodes[chem.Aromatic]
		}
		if s.opt.NoBondTypes {
			s.bond[i] = 1
		}
		// Bonds of unknown order count as queries, which have no part in a fingerprint.
		s.taken[i] = b.Order == chem.Any || s.opt.NoHydrogens && (m.Atoms[b.Begin].Element == 1 || m.Atoms[b.End].Element == 1)
	}
	s.path, s.todo, s.undo = s.path[:0], s.todo[:0], s.undo[:0]
	for i := range m.Bonds {
		if s.taken[i] {
			continue
		}
		s.taken[i] = true // later subgraphs come without this bond: each is found once
		s.grow(g, m, int32(i), 0)
		if err := g.full(); err != nil {
			return err
		}
	}
	return nil
}

// grow adds a bond to the subgraph and goes on with every set of bonds beside it. The candidates of the level
// above are todo[from:].
func (s *paths) grow(g *Generator, m *chem.Mol, bond int32, from int) {
	b := &m.Bonds[bond]
	s.path = append(s.path, bond)
	s.degree[b.Begin]++
	s.degree[b.End]++
	if len(s.path) >= s.opt.Min {
		s.add(g, m)
	}
	if len(s.path) < s.opt.Max && len(g.features) <= maxFeatures {
		lo := len(s.todo)
		s.todo = append(s.todo, s.todo[from:lo]...)
		for _, a := range [2]int32{b.Begin, b.End} {
			for _, n := range m.Neighbors(a) {
				if !s.taken[n.Bond] {
					s.todo = append(s.todo, n.Bond)
				}
			}
		}
		mark := len(s.undo)
		for len(s.todo) > lo {
			next := s.todo[len(s.todo)-1]
			s.todo = s.todo[:len(s.todo)-1]
			if !s.taken[next] {
				s.taken[next] = true
				s.undo = append(s.undo, next)
				s.grow(g, m, next, lo)
			}
		}
		for _, u := range s.undo[mark:] {
			s.taken[u] = false
		}
		s.undo = s.undo[:mark]
	}
	s.degree[b.Begin]--
	s.degree[b.End]--
	s.path = s.path[:len(s.path)-1]
}

// add appends the subgraph of the path.
func (s *paths) add(g *Generator, m *chem.Mol) {
	var buf [maxPath]uint32
	hashes := buf[:len(s.path)]
	ends := uint32(0)
	for k, i := range s.path {
		b := &m.Bonds[i]
		a1, a2 := s.atom[b.Begin], s.atom[b.End]
		d1, d2 := s.degree[b.Begin], s.degree[b.End]
		ends += shares(d1) + shares(d2)
		// Bonds beside this one: each of the others at either end.
		beside := d1 + d2 - 2
		if a1 < a2 || a1 == a2 && d1 < d2 {
			a1, a2, d1, d2 = a2, a1, d2, d1
		}
		h := beside
		for _, v := range [...]uint32{s.bond[i], a1, d1, a2, d2} {
			combine(&h, v)
		}
		hashes[k] = h
	}
	h := hashes[0]
	if len(hashes) > 1 {
		sortShort(hashes)
		h = 0
		for _, v := range hashes {
			combine(&h, v)
		}
		combine(&h, ends/shareUnit)
	}
	lo := len(g.flat)
	g.flat = append(g.flat, s.path...)
	g.features = append(g.features, feature{code: uint64(h), hash: h, lo: int32(lo), hi: int32(len(g.flat))})
}

// shareUnit is divisible by every degree up to the longest path, so that each atom adds one unit through its bonds.
const shareUnit = 2520

func shares(degree uint32) uint32 { return shareUnit / degree }

func sortShort(l []uint32) {
	for i := 1; i < len(l); i++ {
		for k := i; k > 0 && l[k] < l[k-1]; k-- {
			l[k], l[k-1] = l[k-1], l[k]
		}
	}
}

func (s *paths) place(g *Generator, m *chem.Mol, f feature) Place {
	p := Place{Code: f.code, Bonds: slices.Clone(g.flat[f.lo:f.hi])}
	slices.Sort(p.Bonds)
	for _, b := range p.Bonds {
		p.Atoms = append(p.Atoms, m.Bonds[b].Begin, m.Bonds[b].End)
	}
	slices.Sort(p.Atoms)
	p.Atoms = slices.Compact(p.Atoms)
	return p
}
