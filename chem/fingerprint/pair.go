package fingerprint

import (
	"galen.dev/chem"
	"galen.dev/fault"
)

// PairOptions says which pairs of atoms count. The zero value is RDKit's default but for count simulation, which is
// off unless asked for.
type PairOptions struct {
	Folding
	Min, Max  int  // bonds between the atoms; 0 = 1 and 30
	Chirality bool // R and S tell atoms apart
}

// maxDistance is the longest distance that a code has room for.
const maxDistance = 30

// NewPairs makes a generator of atom pairs: each pair of atoms, with their element, neighbours and pi electrons and the
// number of bonds between them.
func NewPairs(o PairOptions) (*Generator, error) {
	if o.Min == 0 {
		o.Min = 1
	}
	if o.Max == 0 {
		o.Max = maxDistance
	}
	if o.Min < 1 || o.Max > maxDistance || o.Min > o.Max {
		return nil, fault.Errorf(fault.Usage, "fingerprint: pairs at %d to %d bonds; distances are 1 to %d", o.Min, o.Max, maxDistance)
	}
	return newGenerator(&pairs{opt: o}, o.Folding)
}

// Atom codes have three bits for neighbours, two for pi electrons, four for the element, and two for chirality.
const (
	codeBits     = 9
	chiralBits   = 2
	distanceBits = 5
)

// codeElements are the elements that have a number of their own in atom codes.
var codeElements = [...]uint8{5, 6, 7, 8, 9, 14, 15, 16, 17, 33, 34, 35, 51, 52, 53}

// atomCode describes an atom for pairs and torsions.
func atomCode(m *chem.Mol, i int32, chirality bool) uint32 {
	a := &m.Atoms[i]
	kind := uint32(len(codeElements))
	for k, z := range codeElements {
		if z == a.Element {
			kind = uint32(k)
		}
	}
	code := uint32(m.Degree(i))%7 | piElectrons(m, i)%3<<3 | kind<<5
	if chirality {
		code |= uint32(a.CIP) << codeBits
	}
	return code
}

func piElectrons(m *chem.Mol, i int32) uint32 {
	a := &m.Atoms[i]
	switch {
	case a.Aromatic():
		return 1
	case a.Hybrid == chem.HybridSP3:
		return 0
	}
	bonds := 0
	for _, n := range m.Neighbors(i) {
		if m.Bonds[n.Bond].Twice(i) != 0 {
			bonds++
		}
	}
	return uint32(max(a.BondedValence()-int(a.ExplicitH)-bonds, 0))
}

type pairs struct {
	opt   PairOptions
	code  []uint32
	dist  []int32
	queue []int32
}

func (s *pairs) again() source { return &pairs{opt: s.opt} }

func (s *pairs) find(g *Generator, m *chem.Mol) error {
	n := len(m.Atoms)
	s.code, s.dist = resized(s.code, n), resized(s.dist, n)
	width := codeBits
	if s.opt.Chirality {
		width += chiralBits
	}
	limit := uint32(1)<<width - 1
	for i := range s.code {
		s.code[i] = atomCode(m, int32(i), s.opt.Chirality) % limit
		s.dist[i] = -1
	}
	for i := range int32(n) {
		s.near(m, i)
		for _, j := range s.queue {
			d := s.dist[j]
			s.dist[j] = -1
			if j <= i || d < int32(s.opt.Min) {
				continue
			}
			low, high := min(s.code[i], s.code[j]), max(s.code[i], s.code[j])
			var h uint32
			combine(&h, low)
			combine(&h, uint32(d))
			combine(&h, high)
			// 32 bits as RDKit's: with chirality the code of the second atom just fits.
			code := uint32(d) | low<<distanceBits | high<<(distanceBits+width)
			g.features = append(g.features, feature{code: uint64(code), hash: h, a: i, b: j})
		}
		if err := g.full(); err != nil {
			return err
		}
	}
	return nil
}

// near lists in s.queue the atoms within reach of an atom, itself first, and sets their distances.
func (s *pairs) near(m *chem.Mol, i int32) {
	s.queue = append(s.queue[:0], i)
	s.dist[i] = 0
	for k := 0; k < len(s.queue); k++ {
		a := s.queue[k]
		if s.dist[a] == int32(s.opt.Max) {
			return
		}
		for _, n := range m.Neighbors(a) {
			if s.dist[n.Atom] < 0 {
				s.dist[n.Atom] = s.dist[a] + 1
				s.queue = append(s.queue, n.Atom)
			}
		}
	}
}

func (s *pairs) place(_ *Generator, _ *chem.Mol, f feature) Place {
	return Place{Code: f.code, Atoms: []int32{f.a, f.b}}
}
