package fingerprint

import (
	"slices"

	"galen.dev/chem"
	"galen.dev/fault"
)

// MorganOptions says what a Morgan fingerprint takes into account. The zero value is ECFP4 of 2,048 bits.
type MorganOptions struct {
	Folding
	Radius       int  // bonds around each atom, up to 100; 0 = 2 (ECFP4), negative = atoms alone (ECFP0)
	Features     bool // roles of atoms instead of elements: FCFP (GetMorganFeatureAtomInvGen)
	Chirality    bool // R and S, E and Z tell environments apart (includeChirality)
	NoBondTypes  bool // all bonds are alike (useBondTypes=False)
	NoRings      bool // whether an atom is in a ring does not matter (includeRingMembership=False)
	Redundant    bool // environments of the same bonds count each (includeRedundantEnvironments)
	OnlyFeatures bool // atoms without a role give no environments (onlyNonzeroInvariants)
}

const maxRadius = 100

// NewMorgan makes a generator of Morgan fingerprints.
func NewMorgan(o MorganOptions) (*Generator, error) {
	switch {
	case o.Radius == 0:
		o.Radius = 2
	case o.Radius < 0:
		o.Radius = 0
	case o.Radius > maxRadius:
		return nil, fault.Errorf(fault.Usage, "fingerprint: radius %d; at most %d is possible", o.Radius, maxRadius)
	}
	return newGenerator(&morgan{opt: o}, o.Folding)
}

// morgan finds circular environments. Codes grow round by round; an environment counts once, however many atoms
// see the same set of bonds.
type morgan struct {
	opt       MorganOptions
	initial   []uint32 // codes of atoms alone
	code      []uint32 // codes of the last round
	next      []uint32
	bondCode  []uint32
	near      []uint64 // bond code<<32 | code of the neighbours of an atom
	set, last []uint64 // bonds around each atom, words each
	words     int
	dead      []bool // atoms that see nothing new any more
	chiral    []bool
	seen      seen
	roles     roles
}

// maxBondWords bounds the memory for sets of bonds: 128 MiB.
const maxBondWords = 1 << 24

func (s *morgan) again() source { return &morgan{opt: s.opt} }

func (s *morgan) find(g *Generator, m *chem.Mol) error {
	n := len(m.Atoms)
	s.words = (len(m.Bonds) + 63) / 64
	if n*s.words > maxBondWords {
		return tooLarge("%d atoms", n)
	}
	s.initial = resized(s.initial, n)
	if s.opt.Features {
		s.roles.find(m, s.initial)
	} else {
		s.elements(m)
	}
	s.bonds(m)
	s.code, s.next = resized(s.code, n), resized(s.next, n)
	copy(s.code, s.initial)
	for i, c := range s.code {
		if c != 0 || !s.opt.OnlyFeatures {
			g.features = append(g.features, feature{code: uint64(c), hash: c, a: int32(i)})
		}
	}
	if s.opt.Radius == 0 {
		return nil
	}
	s.set, s.last = resized(s.set, n*s.words), resized(s.last, n*s.words)
	clear(s.set)
	s.dead, s.chiral = resized(s.dead, n), resized(s.chiral, n)
	clear(s.dead)
	clear(s.chiral)
	s.seen.reset(s.opt.Radius*n, s.words)
	for r := range s.opt.Radius {
		if !s.round(g, m, r) {
			break
		}
		if err := g.full(); err != nil {
			return err
		}
	}
	return nil
}

// elements gives each atom the code of what it is: element, neighbours, hydrogens, charge, isotope, ring.
func (s *morgan) elements(m *chem.Mol) {
	rings := m.Rings()
	for i := range m.Atoms {
		a := &m.Atoms[i]
		h := a.Hydrogens()
		degree := m.TotalDegree(int32(i))
		for _, n := range m.Neighbors(int32(i)) {
			if m.Atoms[n.Atom].Element == 1 {
				h++
			}
		}
		var c uint32
		combine(&c, uint32(a.Element))
		combine(&c, uint32(degree))
		combine(&c, uint32(h))
		combine(&c, uint32(int32(a.Charge)))
		combine(&c, uint32(massShift(a)))
		if !s.opt.NoRings && rings.AtomCount(int32(i)) > 0 {
			combine(&c, 1)
		}
		s.initial[i] = c
	}
}

// bondCodes are RDKit's numbers of bond types.
var bondCodes = [...]uint32{
	chem.Any: 0, chem.Single: 1, chem.Double: 2, chem.Triple: 3, chem.Quadruple: 4, chem.Aromatic: 12,
	chem.Hydrogen: 14, chem.Dative: 17,
}

// stereoCodes are its numbers of arrangements at double bonds.
var stereoCodes = [...]uint32{chem.AnyStereo: 1, chem.Cis: 2, chem.Trans: 3}

func (s *morgan) bonds(m *chem.Mol) {
	s.bondCode = resized(s.bondCode, len(m.Bonds))
	for i := range m.Bonds {
		b := &m.Bonds[i]
		c := uint32(1)
		switch {
		case s.opt.NoBondTypes:
		case s.opt.Chirality && b.Order == chem.Double && b.Stereo != chem.NoStereo:
			c = 100 + 10*bondCodes[b.Order] + stereoCodes[b.Stereo]
		default:
			c = bondCodes[b.Order]
		}
		s.bondCode[i] = c
	}
}

// round widens all environments by one bond and reports whether any atom is alive.
func (s *morgan) round(g *Generator, m *chem.Mol, r int) bool {
	w := s.words
	copy(s.last, s.set)
	alive := false
	for i := range s.code {
		s.next[i] = 0
		if s.dead[i] {
			continue
		}
		near := m.Neighbors(int32(i))
		if len(near) == 0 {
			s.dead[i] = true
			continue
		}
		alive = true
		s.near = s.near[:0]
		mine := s.set[i*w : i*w+w]
		for _, n := range near {
			mine[n.Bond>>6] |= 1 << (n.Bond & 63)
			for k, bits := range s.last[int(n.Atom)*w : int(n.Atom)*w+w] {
				mine[k] |= bits
			}
			s.near = append(s.near, uint64(s.bondCode[n.Bond])<<32|uint64(s.code[n.Atom]))
		}
		sortSmall(s.near)
		s.next[i] = s.widen(m, int32(i), r)
	}
	s.emit(g, r)
	s.code, s.next = s.next, s.code
	return alive
}

// widen is the code of an atom with its neighbours, which s.near lists in order.
func (s *morgan) widen(m *chem.Mol, i int32, r int) uint32 {
	c := uint32(r)
	combine(&c, s.code[i])
	a := &m.Atoms[i]
	// Once an atom was told to be a centre, it stays one: only before does it need to see different neighbours.
	centre := s.opt.Chirality && a.Chirality != chem.Achiral
	for k, n := range s.near {
		var pair uint32
		combine(&pair, uint32(n>>32))
		combine(&pair, uint32(n))
		combine(&c, pair)
		centre = centre && (s.chiral[i] || n>>32 == 1 && (k == 0 || uint32(n) != uint32(s.near[k-1])))
	}
	if centre {
		s.chiral[i] = true
		switch a.CIP {
		case chem.R:
			combine(&c, 3)
		case chem.S:
			combine(&c, 2)
		default:
			combine(&c, 1)
		}
	}
	return c
}

// emit appends the environments whose bonds were not seen before. Of several with the same bonds the smallest code
// wins; atoms that lose are dead.
func (s *morgan) emit(g *Generator, r int) {
	w := s.words
	if s.opt.Redundant {
		for i, c := range s.next {
			if !s.dead[i] && s.allowed(i) {
				g.features = append(g.features, feature{code: uint64(c), hash: c, a: int32(i), b: int32(r + 1)})
			}
		}
		return
	}
	// First the atoms that may win, then those that cannot: they are dead only behind a winner.
	for _, may := range [2]bool{true, false} {
		for i, c := range s.next {
			if s.dead[i] || s.allowed(i) != may {
				continue
			}
			e, isNew := s.seen.find(s.set[i*w:i*w+w], may)
			switch {
			case e == nil:
			case isNew:
				*e = winner{atom: int32(i), round: int32(r), code: c}
			case e.round < int32(r):
				s.dead[i] = true
			case c >= e.code && (c > e.code || int32(i) > e.atom):
				s.dead[i] = true
			case may:
				s.dead[e.atom] = true
				e.atom, e.code = int32(i), c
			}
		}
		if !s.opt.OnlyFeatures {
			break
		}
	}
	for k := range s.seen.entries {
		if e := &s.seen.entries[k]; e.round == int32(r) {
			g.features = append(g.features, feature{code: uint64(e.code), hash: e.code, a: e.atom, b: int32(r + 1)})
		}
	}
}

// allowed says whether an atom's environments count.
func (s *morgan) allowed(i int) bool { return !s.opt.OnlyFeatures || s.initial[i] != 0 }

// place lists atoms within the radius, nearest first, and the bonds within the environment.
func (s *morgan) place(_ *Generator, m *chem.Mol, f feature) Place {
	p := Place{Code: f.code, Atoms: []int32{f.a}, Radius: int(f.b)}
	from := 0
	for range f.b {
		to := len(p.Atoms)
		for _, a := range p.Atoms[from:to] {
			for _, n := range m.Neighbors(a) {
				if !slices.Contains(p.Atoms, n.Atom) {
					p.Atoms = append(p.Atoms, n.Atom)
				}
				if !slices.Contains(p.Bonds, n.Bond) {
					p.Bonds = append(p.Bonds, n.Bond)
				}
			}
		}
		from = to
	}
	slices.Sort(p.Bonds)
	return p
}

// sortSmall sorts a short list in place.
func sortSmall(l []uint64) {
	if len(l) > 16 {
		slices.Sort(l)
		return
	}
	for i := 1; i < len(l); i++ {
		v := l[i]
		k := i
		for ; k > 0 && l[k-1] > v; k-- {
			l[k] = l[k-1]
		}
		l[k] = v
	}
}

// resized returns a slice of a length, on the old memory where that suffices. Its contents are undefined.
func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/2)
	}
	return s[:n]
}
