package fingerprint

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"

	"galen.dev/chem"
	"galen.dev/chem/smarts"
)

// MACCSSize is the number of bits of the MACCS keys: bit i is key i, bit 0 is never set.
const MACCSSize = 167

// NewMACCS makes a generator of the public MACCS keys, in RDKit's definitions: each answers a question about the
// molecule. Key 1, isotopes, is never set. Counts are 0 and 1.
func NewMACCS() *Generator {
	return &Generator{fold: Folding{Size: MACCSSize}, source: &maccs{}}
}

// maccsKey is a key that is set from a number of matches on.
type maccsKey struct{ bit, count int }

// The patterns are read when they are needed first.
var maccsTable = sync.OnceValues(func() (*smarts.Set, [][]maccsKey) {
	var patterns []*smarts.Pattern
	var keys [][]maccsKey
	for line := range strings.Lines(strings.TrimSpace(maccsPatterns)) {
		f := strings.Fields(line)
		patterns = append(patterns, smarts.MustParse(f[0]))
		var list []maccsKey
		for _, k := range f[1:] {
			bit, count, many := strings.Cut(k, ":")
			b, err := strconv.Atoi(bit)
			c, err2 := 1, error(nil)
			if many {
				c, err2 = strconv.Atoi(count)
			}
			if err := errors.Join(err, err2); err != nil {
				panic(err)
			}
			list = append(list, maccsKey{b, c})
		}
		keys = append(keys, list)
	}
	return smarts.NewSet(patterns), keys
})

// maccsElements are the keys that single elements set.
var maccsElements = func() (keys [chem.MaxElement + 1][]int) {
	set := func(key int, elements ...int) {
		for _, z := range elements {
			keys[z] = append(keys[z], key)
		}
	}
	set(2, 104)
	set(3, 32, 33, 34, 50, 51, 52, 82, 83, 84)
	for z := 89; z <= 103; z++ {
		set(4, z)
	}
	set(5, 21, 22, 39, 40, 72)
	for z := 57; z <= 71; z++ {
		set(6, z)
	}
	set(7, 23, 24, 25, 41, 42, 43, 73, 74, 75)
	set(9, 26, 27, 28, 44, 45, 46, 76, 77, 78)
	set(10, 4, 12, 20, 38, 56, 88)
	set(12, 29, 30, 47, 48, 79, 80)
	set(18, 5, 13, 31, 49, 81)
	set(27, 53)
	set(29, 15)
	set(35, 3, 11, 19, 37, 55, 87)
	set(42, 9)
	set(46, 35)
	set(88, 16)
	set(103, 17)
	set(134, 9, 17, 35, 53)
	return keys
}()

type maccs struct {
	matcher *smarts.Matcher
	keys    [][]maccsKey
	atoms   [MACCSSize][]int32 // of each element key
}

func (s *maccs) again() source { return &maccs{} }

func (s *maccs) find(g *Generator, m *chem.Mol) error {
	if s.matcher == nil {
		set, keys := maccsTable()
		s.matcher, s.keys = set.Matcher(), keys
	}
	s.elements(g, m)
	s.matcher.Reset(m)
	for i, keys := range s.keys {
		lo, n := len(g.flat), 0
		most := keys[len(keys)-1].count
		err := s.matcher.Each(i, smarts.Options{Unique: most > 1, Max: most}, func(atoms []int32) bool {
			g.flat = append(g.flat, atoms...)
			n++
			for _, k := range keys {
				if k.count == n {
					s.set(g, k.bit, lo)
				}
			}
			return n < most
		})
		if err != nil {
			return err
		}
	}
	s.rings(g, m)
	if of, n := m.Components(); n > 1 {
		lo := len(g.flat)
		g.flat = append(g.flat, int32(slices.Index(of, 0)), int32(slices.Index(of, 1)))
		s.set(g, 166, lo)
	}
	return nil
}

// set appends a key whose atoms are g.flat[lo:].
func (s *maccs) set(g *Generator, bit, lo int) {
	g.features = append(g.features, feature{code: uint64(bit), hash: uint32(bit), lo: int32(lo), hi: int32(len(g.flat))})
}

func (s *maccs) elements(g *Generator, m *chem.Mol) {
	for i := range s.atoms {
		s.atoms[i] = s.atoms[i][:0]
	}
	for i := range m.Atoms {
		for _, k := range maccsElements[m.Atoms[i].Element] {
			s.atoms[k] = append(s.atoms[k], int32(i))
		}
	}
	for k, atoms := range s.atoms {
		if len(atoms) > 0 {
			lo := len(g.flat)
			g.flat = append(g.flat, atoms...)
			s.set(g, k, lo)
		}
	}
}

// rings sets key 125: two rings of aromatic bonds.
func (s *maccs) rings(g *Generator, m *chem.Mol) {
	rings, lo, n := m.Rings(), len(g.flat), 0
	for r := range rings.Len() {
		if slices.ContainsFunc(rings.Bonds(r), func(b int32) bool { return !m.Bonds[b].Aromatic() }) {
			continue
		}
		g.flat = append(g.flat, rings.Atoms(r)...)
		if n++; n == 2 {
			s.set(g, 125, lo)
			return
		}
	}
}

// place lists the atoms of the matches that set a key, and the bonds between them.
func (s *maccs) place(g *Generator, m *chem.Mol, f feature) Place {
	p := Place{Code: f.code, Atoms: slices.Clone(g.flat[f.lo:f.hi])}
	slices.Sort(p.Atoms)
	p.Atoms = slices.Compact(p.Atoms)
	for i := range m.Bonds {
		_, begin := slices.BinarySearch(p.Atoms, m.Bonds[i].Begin)
		_, end := slices.BinarySearch(p.Atoms, m.Bonds[i].End)
		if begin && end {
			p.Bonds = append(p.Bonds, int32(i))
		}
	}
	return p
}
