package layout

import (
	"math"
	"slices"

	"galen.dev/chem"
)

// Wedge is a bond that shows a stereo centre: its narrow end lies at the atom From.
type Wedge struct {
	Bond, From int32
	Dir        chem.Dir // WedgeUp, WedgeDown, or Wavy for a centre that is stated to be unknown
}

// Wedges chooses wedges for the stereo centres of a drawing, one for each, no bond twice. Bonds outside rings and
// bonds that lead to no other centre are preferred. A centre whose drawing no wedge could make clear has none and is
// listed in missing. The choice depends on the molecule alone, as the coordinates of Place do.
func Wedges(m *chem.Mol) (wedges []Wedge, missing []int32) {
	if !slices.ContainsFunc(m.Atoms, func(a chem.Atom) bool {
		return a.Chirality.Tetrahedral() || a.Flags&chem.UnknownStereo != 0
	}) || m.Coords == nil {
		return nil, nil
	}
	p := picker{m: m, rank: Order(m), of: map[int32]int32{}, bond: map[int32]choice{}}
	centres := make([]int32, 0, 8)
	for i := range m.Atoms {
		if a := &m.Atoms[i]; a.Chirality.Tetrahedral() || a.Flags&chem.UnknownStereo != 0 {
			centres = append(centres, int32(i))
		}
	}
	slices.SortFunc(centres, func(a, b int32) int { return int(p.rank[a] - p.rank[b]) })
	p.options = make(map[int32][]choice, len(centres))
	for _, c := range centres {
		p.options[c] = p.choices(c)
	}
	for _, c := range centres {
		if !p.assign(c, map[int32]bool{}) {
			missing = append(missing, c)
		}
	}
	for _, c := range centres {
		if k, ok := p.bond[c]; ok {
			wedges = append(wedges, Wedge{k.bond, c, k.dir})
		}
	}
	return wedges, missing
}

// picker matches centres with bonds, by augmenting paths: a centre may push another one to its next choice.
type picker struct {
	m       *chem.Mol
	rank    []int32
	options map[int32][]choice
	of      map[int32]int32 // centre that has a bond
	bond    map[int32]choice
}

type choice struct {
	bond int32
	dir  chem.Dir
	cost float64
	rank int32
}

func (p *picker) assign(c int32, seen map[int32]bool) bool {
	for _, k := range p.options[c] {
		if _, taken := p.of[k.bond]; !taken {
			p.of[k.bond], p.bond[c] = c, k
			return true
		}
	}
	for _, k := range p.options[c] {
		if seen[k.bond] {
			continue
		}
		seen[k.bond] = true
		if p.assign(p.of[k.bond], seen) {
			p.of[k.bond], p.bond[c] = c, k
			return true
		}
	}
	return false
}

// choices lists the bonds that can show a centre, the best first.
func (p *picker) choices(c int32) []choice {
	m := p.m
	var out []choice
	crowded := p.reentrant(c)
	for _, n := range m.Neighbors(c) {
		b := &m.Bonds[n.Bond]
		if b.Order != chem.Single {
			continue
		}
		k := choice{bond: n.Bond, dir: chem.Wavy, rank: p.rank[n.Atom]}
		if m.Atoms[c].Chirality.Tetrahedral() {
			v := p.volume(c, n.Bond)
			if math.Abs(v) < 0.1 {
				continue
			}
			k.dir = chem.WedgeUp
			if (v < 0) != (m.Atoms[c].Chirality == chem.Counterclockwise) {
				k.dir = chem.WedgeDown
			}
			if math.Abs(v) < 0.5 {
				k.cost += 20
			}
		}
		if n.Bond == crowded {
			k.cost += 50
		}
		k.cost += p.cost(n)
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b choice) int {
		switch {
		case a.cost < b.cost:
			return -1
		case a.cost > b.cost:
			return 1
		}
		return int(a.rank - b.rank)
	})
	return out
}

// cost is how little a bond is suited for a wedge.
func (p *picker) cost(n chem.Neighbor) float64 {
	m := p.m
	c := 2 * float64(m.Degree(n.Atom))
	if m.Rings().BondCount(n.Bond) > 0 {
		c += 30
	}
	if a := &m.Atoms[n.Atom]; a.Chirality != chem.Achiral {
		c += 40
	} else if a.Element == 1 {
		c -= 10
	}
	for _, o := range m.Neighbors(n.Atom) {
		if m.Bonds[o.Bond].Order != chem.Single {
			c += 4
			if m.Bonds[o.Bond].Stereo > chem.NoStereo {
				c += 15
			}
		}
	}
	return c
}

// reentrant is the middle bond where three bonds lie within half a circle. A wedge there is read in two ways (IUPAC
// 2006, ST-1.1.3). It is -1 where there is none.
func (p *picker) reentrant(c int32) int32 {
	m := p.m
	near := m.Neighbors(c)
	if len(near) != 3 {
		return -1
	}
	for i, n := range near {
		a, b := near[(i+1)%3], near[(i+2)%3]
		d, x, y := p.dir(c, n.Atom), p.dir(c, a.Atom), p.dir(c, b.Atom)
		if cross(x, d)*cross(d, y) > 0 && cross(x, d)*cross(x, y) >= -1e-3 {
			return n.Bond
		}
	}
	return -1
}

func (p *picker) dir(from, to int32) complex128 {
	a, b := p.m.Coords[from], p.m.Coords[to]
	d := complex(b.X-a.X, b.Y-a.Y)
	if r := math.Hypot(real(d), imag(d)); r > 1e-9 {
		d /= complex(r, 0)
	}
	return d
}

// volume is the signed volume that the neighbours of a centre span if one bond rises from the paper: negative if the
// neighbours, in order, turn counterclockwise. A missing fourth neighbour lies opposite the others.
func (p *picker) volume(c, up int32) float64 {
	near := p.m.Neighbors(c)
	if len(near) < 3 || len(near) > 4 {
		return 0
	}
	var v [4][3]float64
	for i, n := range near {
		d := p.dir(c, n.Atom)
		v[i] = [3]float64{real(d), imag(d), 0}
		if n.Bond == up {
			v[i][2] = 1
		}
	}
	if len(near) == 3 {
		for k := range 3 {
			v[3][k] = -(v[0][k] + v[1][k] + v[2][k])
		}
	}
	for i := 1; i < 4; i++ {
		for k := range 3 {
			v[i][k] -= v[0][k]
		}
	}
	a, b, d := v[1], v[2], v[3]
	return a[0]*(b[1]*d[2]-b[2]*d[1]) + a[1]*(b[2]*d[0]-b[0]*d[2]) + a[2]*(b[0]*d[1]-b[1]*d[0])
}
