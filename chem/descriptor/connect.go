package descriptor

import (
	"math"

	"galen.dev/chem"
)

// paths holds what the paths of up to four bonds add up to. Hydrogens that are atoms take no part.
type paths struct {
	count2, count3 int
	n, v           [5]float64 // chi 0 to 4, by valence electrons (n) and corrected for the shell (v)
	plain0, plain1 float64    // chi 0 and 1 by degree
}

// connectivity sums the Kier–Hall indices over all paths. A ring of three counts as a path of three bonds, a ring
// of four as one of four bonds, and so does a ring of three with a tail: all trails whose last bond closes a ring.
func (d *Describer) connectivity() *paths {
	if d.have.set(havePaths) {
		return &d.paths
	}
	m, p := d.m, &d.paths
	*p = paths{}
	d.deltas()
	for i := range m.Atoms {
		p.n[0] += d.deltaN[i]
		p.v[0] += d.deltaV[i]
		if deg := m.Degree(int32(i)); deg > 0 {
			p.plain0 += 1 / math.Sqrt(float64(deg))
		}
	}
	for i := range m.Bonds {
		b := &m.Bonds[i]
		p.n[1] += d.deltaN[b.Begin] * d.deltaN[b.End]
		p.v[1] += d.deltaV[b.Begin] * d.deltaV[b.End]
		p.plain1 += 1 / math.Sqrt(float64(m.Degree(b.Begin)*m.Degree(b.End)))
	}
	for i := range m.Atoms {
		if m.Atoms[i].Element != 1 {
			d.walks(int32(i))
		}
	}
	return p
}

// deltas computes 1/√δ of each atom.
func (d *Describer) deltas() {
	m := d.m
	d.deltaN, d.deltaV = zeroed(d.deltaN, len(m.Atoms)), zeroed(d.deltaV, len(m.Atoms))
	for i := range m.Atoms {
		a := &m.Atoms[i]
		outer := int(chem.ElementOf(a.Element).Outer)
		n := float64(outer - a.Hydrogens())
		v := n
		switch {
		case a.Element <= 1:
			v = 0
		case a.Element > 10:
			v = n / float64(int(a.Element)-outer-1)
		}
		if n != 0 {
			d.deltaN[i] = 1 / math.Sqrt(n)
		}
		if v != 0 {
			d.deltaV[i] = 1 / math.Sqrt(v)
		}
	}
}

// walks visits every walk of two to four bonds from atom a that does not turn back, and adds each path once: from
// its lower end.
func (d *Describer) walks(a int32) {
	m, p := d.m, &d.paths
	for _, nb := range m.Neighbors(a) {
		b := nb.Atom
		if m.Atoms[b].Element == 1 {
			continue
		}
		for _, nc := range m.Neighbors(b) {
			c := nc.Atom
			if c == a || m.Atoms[c].Element == 1 {
				continue
			}
			n, v := d.deltaN[a]*d.deltaN[b]*d.deltaN[c], d.deltaV[a]*d.deltaV[b]*d.deltaV[c]
			if a < c {
				p.count2++
				p.n[2] += n
				p.v[2] += v
			}
			d.third(a, b, c, n, v)
		}
	}
}

// third goes on from the walk a–b–c.
func (d *Describer) third(a, b, c int32, n, v float64) {
	m, p := d.m, &d.paths
	for _, nd := range m.Neighbors(c) {
		e := nd.Atom
		switch {
		case e == b || m.Atoms[e].Element == 1:
		case e == a: // a ring of three, met six times
			if a < b && b < c {
				p.count3++
				p.n[3] += n
				p.v[3] += v
			}
		default:
			n, v := n*d.deltaN[e], v*d.deltaV[e]
			if a < e {
				p.count3++
				p.n[3] += n
				p.v[3] += v
			}
			d.fourth([4]int32{a, b, c, e}, n, v)
		}
	}
}

// fourth goes on from a walk of three bonds.
func (d *Describer) fourth(w [4]int32, n, v float64) {
	m, p := d.m, &d.paths
	for _, ne := range m.Neighbors(w[3]) {
		e := ne.Atom
		if e == w[2] || m.Atoms[e].Element == 1 {
			continue
		}
		var once bool
		fn, fv := 1.0, 1.0
		switch e {
		case w[0]: // a ring of four, met eight times
			once = w[0] == min(w[0], w[1], w[2], w[3]) && w[1] < w[3]
		case w[1]: // a ring of three with a tail, met twice
			once = w[2] < w[3]
			fn, fv = d.deltaN[e], d.deltaV[e]
		default:
			once = w[0] < e
			fn, fv = d.deltaN[e], d.deltaV[e]
		}
		if once {
			p.n[4] += n * fn
			p.v[4] += v * fv
		}
	}
}

// HallKierAlpha is the sum of the atoms' sizes relative to sp³ carbon (L. H. Hall, L. B. Kier, Rev. Comput. Chem. 2
// (1991) 367, equation 58).
func HallKierAlpha(m *chem.Mol) float64 {
	sum := 0.0
	for i := range m.Atoms {
		if a := &m.Atoms[i]; a.Element != 0 {
			sum += alpha(a)
		}
	}
	return sum
}

func alpha(a *chem.Atom) float64 {
	by := func(sp, sp2, other float64) float64 {
		switch a.Hybrid {
		case chem.HybridSP:
			return sp
		case chem.HybridSP2:
			return sp2
		}
		return other
	}
	switch a.Element {
	case 1:
		return 0
	case 6:
		return by(-0.22, -0.13, 0)
	case 7:
		return by(-0.29, -0.20, -0.04)
	case 8:
		return by(-0.04, -0.20, -0.04)
	case 9:
		return -0.07
	case 15:
		return by(0.43, 0.30, 0.43)
	case 16:
		return by(0.35, 0.22, 0.35)
	case 17:
		return 0.29
	case 35:
		return 0.48
	case 53:
		return 0.73
	}
	return bondRadii[a.Element]/bondRadii[6] - 1
}

// kappas writes the shape indices kappa 1, 2, 3 and the flexibility phi (same review, equations 59 to 62).
func (d *Describer) kappas(out []float64) {
	m, p := d.m, d.connectivity()
	a, size := HallKierAlpha(m), HeavyAtoms(m)
	n := float64(size)
	ratio := func(num, den float64) float64 {
		if den == 0 {
			return 0
		}
		return num / (den * den)
	}
	out[0] = ratio((n+a)*(n+a-1)*(n+a-1), float64(len(m.Bonds))+a)
	out[1] = ratio((n+a-1)*(n+a-2)*(n+a-2), float64(p.count2)+a)
	first := n + a - 2
	if size%2 == 1 {
		first = n + a - 1
	}
	out[2] = ratio(first*(n+a-3)*(n+a-3), float64(p.count3)+a)
	out[3] = 0
	if size > 0 {
		out[3] = out[0] * out[1] / n
	}
}

// chis writes chi 0 and 1, then chi 0 to 4 by valence electrons (n), then those corrected for the shell (v).
func (d *Describer) chis(out []float64) {
	p := d.connectivity()
	out[0], out[1] = p.plain0, p.plain1
	copy(out[2:], p.n[:])
	copy(out[7:], p.v[:])
}
