package depict

import (
	"math"
	"math/cmplx"

	"galen.dev/chem"
)

const (
	gap        = 0.17 // between the lines of a double bond, in bond lengths
	wedgeWidth = 0.19
)

func (k *sketch) line(p, q complex128) { k.lines = append(k.lines, p, q) }

// clip shortens a line at the labels of its ends; ok is false where nothing is left.
func (k *sketch) clip(i, j int32, p, q complex128) (a, b complex128, ok bool) {
	from, to := 0.0, 1.0
	pad := 0.075 * k.unit
	for _, r := range k.labels[i].boxes() {
		if _, out, hit := cut(r, pad, p, q); hit {
			from = max(from, out)
		}
	}
	for _, r := range k.labels[j].boxes() {
		if in, _, hit := cut(r, pad, p, q); hit {
			to = min(to, in)
		}
	}
	if to-from < 0.08 {
		return p, q, false
	}
	d := q - p
	return p + d*complex(from, 0), p + d*complex(to, 0), true
}

// cut says between which fractions a line lies in a padded rectangle.
func cut(r frame, pad float64, p, q complex128) (in, out float64, hit bool) {
	in, out = 0, 1
	for _, s := range [2][4]float64{
		{real(p), real(q - p), r.x0 - pad, r.x1 + pad}, {imag(p), imag(q - p), r.y0 - pad, r.y1 + pad},
	} {
		if math.Abs(s[1]) < 1e-9 {
			if s[0] < s[2] || s[0] > s[3] {
				return 0, 0, false
			}
			continue
		}
		a, b := (s[2]-s[0])/s[1], (s[3]-s[0])/s[1]
		if a > b {
			a, b = b, a
		}
		in, out = max(in, a), min(out, b)
	}
	return in, out, in < out
}

func (k *sketch) drawBond(i int32) {
	b := &k.m.Bonds[i]
	lo, hi := k.ends(b)
	p, q := k.at[lo], k.at[hi]
	if cmplx.Abs(q-p) < 1e-6 {
		return
	}
	unit := (q - p) / complex(cmplx.Abs(q-p), 0)
	off := unit * 1i * complex(gap*k.unit, 0)
	if w, ok := k.wedge[i]; ok && b.Order == chem.Single {
		k.drawWedge(w.From, b.Other(w.From), w.Dir)
		return
	}
	switch b.Order {
	case chem.Double:
		k.drawDouble(i, off)
	case chem.Triple:
		k.parallel(b, 0)
		k.parallel(b, off)
		k.parallel(b, -off)
	case chem.Quadruple:
		for _, f := range [4]complex128{-1.2, -0.4, 0.4, 1.2} {
			k.parallel(b, f*off)
		}
	case chem.Dative:
		k.drawArrow(b)
	case chem.Any, chem.Hydrogen:
		k.drawDashes(b, 0)
	case chem.Aromatic:
		k.parallel(b, 0)
		k.drawDashes(b, off)
	default:
		k.parallel(b, 0)
	}
}

func (k *sketch) parallel(b *chem.Bond, off complex128) {
	lo, hi := k.ends(b)
	if x, y, ok := k.clip(lo, hi, k.at[lo]+off, k.at[hi]+off); ok {
		k.line(x, y)
	}
}

// drawDouble draws the second line inside the ring, or inside the bend of a chain; at ends like C=O both lines lie
// symmetric.
func (k *sketch) drawDouble(i int32, off complex128) {
	m := k.m
	b := &m.Bonds[i]
	lo, hi := k.ends(b)
	if b.Stereo == chem.AnyStereo { // crossed: unknown
		for _, s := range [2]complex128{off / 2, -off / 2} {
			if x, y, ok := k.clip(lo, hi, k.at[lo]+s, k.at[hi]-s); ok {
				k.line(x, y)
			}
		}
		return
	}
	side := k.ringSide(i)
	if side == 0 {
		side = k.chainSide(b)
	}
	if side == 0 {
		k.parallel(b, off/2)
		k.parallel(b, -off/2)
		return
	}
	k.parallel(b, 0)
	if side < 0 {
		off = -off
	}
	p, q := k.at[lo], k.at[hi]
	d := (q - p) / complex(cmplx.Abs(q-p), 0)
	if k.trimmed(lo, hi, off) {
		p += d * complex(0.11*k.unit, 0)
	}
	if k.trimmed(hi, lo, off) {
		q -= d * complex(0.11*k.unit, 0)
	}
	if x, y, ok := k.clip(lo, hi, p+off, q+off); ok {
		k.line(x, y)
	}
}

// trimmed says whether the second line of a double bond ends short of an atom: where another bond leaves on its side.
func (k *sketch) trimmed(a, other int32, off complex128) bool {
	for _, n := range k.m.Neighbors(a) {
		if n.Atom != other && real((k.at[n.Atom]-k.at[a])*cmplx.Conj(off)) > 0.05*k.unit*k.unit*gap {
			return true
		}
	}
	return false
}

// ringSide is the side, +1 or -1, of the ring that a ring bond's second line belongs in; 0 = no ring.
func (k *sketch) ringSide(i int32) float64 {
	m := k.m
	rings := m.Rings()
	if rings.BondCount(i) == 0 {
		return 0
	}
	lo, hi := k.ends(&m.Bonds[i])
	best, most := 0.0, math.Inf(-1)
	var chosen complex128
	for r := range rings.Len() {
		atoms := rings.Atoms(r)
		has, double, aromatic := false, 0, 0
		for _, x := range rings.Bonds(r) {
			has = has || x == i
			if m.Bonds[x].Order == chem.Double {
				double++
			}
			if m.Bonds[x].Aromatic() {
				aromatic++
			}
		}
		if !has {
			continue
		}
		score := float64(double)
		if aromatic == len(atoms) {
			score += 10
		}
		if len(atoms) == 6 {
			score += 3
		}
		if len(atoms) > 8 {
			score -= 20
		}
		if score < most {
			continue
		}
		var centre complex128
		for _, a := range atoms {
			centre += k.at[a]
		}
		centre /= complex(float64(len(atoms)), 0)
		if score == most && !before(centre, chosen) {
			continue
		}
		d := k.at[hi] - k.at[lo]
		s := real((centre - k.at[lo]) * cmplx.Conj(d*1i))
		best, most, chosen = math.Copysign(1, s), score, centre
	}
	return best
}

// before orders the centres of rings that are equally good, whatever the order of atoms.
func before(p, q complex128) bool {
	if math.Abs(imag(p)-imag(q)) > 1e-3 {
		return imag(p) < imag(q)
	}
	return real(p) < real(q)-1e-3
}

// chainSide is the side on which most substituents of a double bond lie; 0 = none, or a symmetric end.
func (k *sketch) chainSide(b *chem.Bond) float64 {
	m := k.m
	db, de := m.Degree(b.Begin), m.Degree(b.End)
	if db == 1 && de != 2 || de == 1 && db != 2 || db == 1 && de == 1 {
		return 0
	}
	lo, hi := k.ends(b)
	d := k.at[hi] - k.at[lo]
	sum := 0.0
	for _, a := range [2]int32{lo, hi} {
		for _, n := range m.Neighbors(a) {
			if n.Atom != b.Other(a) {
				s := real((k.at[n.Atom] - k.at[a]) * cmplx.Conj(d*1i))
				if math.Abs(s) > 1e-3*k.unit*k.unit {
					sum += math.Copysign(1, s)
				}
			}
		}
	}
	switch {
	case sum == 0 && len(m.Neighbors(b.Begin))+len(m.Neighbors(b.End)) == 4 && !k.inLine(b):
		return 1 // trans: either side is as good
	case sum == 0:
		return 0
	}
	return math.Copysign(1, sum)
}

// inLine says whether a double bond lies in line with a neighbouring one.
func (k *sketch) inLine(b *chem.Bond) bool {
	for _, a := range [2]int32{b.Begin, b.End} {
		for _, n := range k.m.Neighbors(a) {
			if o := b.Other(a); n.Atom != o && math.Abs(imag((k.at[n.Atom]-k.at[a])*cmplx.Conj(k.at[o]-k.at[a]))) < 0.1*k.unit*k.unit {
				return true
			}
		}
	}
	return false
}

func (k *sketch) drawWedge(from, to int32, dir chem.Dir) {
	p, q, ok := k.clip(from, to, k.at[from], k.at[to])
	if !ok {
		return
	}
	d := q - p
	length := cmplx.Abs(d)
	n := d / complex(length, 0) * 1i
	half := n * complex(wedgeWidth*k.unit/2, 0)
	switch dir {
	case chem.WedgeUp:
		k.scene.shapes = append(k.scene.shapes, shape{kind: area, pts: []complex128{p, q + half, q - half}})
	case chem.WedgeDown:
		steps := max(int(length/(0.105*k.unit)+0.5), 3)
		var pts []complex128
		for s := range steps {
			t := complex((float64(s)+0.75)/(float64(steps)-0.25), 0)
			pts = append(pts, p+d*t+half*t, p+d*t-half*t)
		}
		k.scene.shapes = append(k.scene.shapes, shape{kind: strokes, width: k.lineWidth(), pts: pts})
	default: // wavy
		waves := max(int(length/(0.16*k.unit)+0.5), 3)
		var pts []complex128
		for s := range waves*4 + 1 {
			t := float64(s) / float64(waves*4)
			pts = append(pts, p+d*complex(t, 0)+n*complex(0.07*k.unit*math.Sin(2*math.Pi*t*float64(waves)), 0))
		}
		k.scene.shapes = append(k.scene.shapes, shape{kind: curve, width: k.lineWidth(), pts: pts, round: true})
	}
}

func (k *sketch) drawArrow(b *chem.Bond) {
	p, q, ok := k.clip(b.Begin, b.End, k.at[b.Begin], k.at[b.End])
	if !ok {
		return
	}
	d := (q - p) / complex(cmplx.Abs(q-p), 0) * complex(k.unit, 0)
	base := q - d*0.26
	k.line(p, base)
	k.scene.shapes = append(k.scene.shapes, shape{kind: area, pts: []complex128{q, base + d*0.1i, base - d*0.1i}})
}

func (k *sketch) drawDashes(b *chem.Bond, off complex128) {
	lo, hi := k.ends(b)
	p, q, ok := k.clip(lo, hi, k.at[lo]+off, k.at[hi]+off)
	if !ok {
		return
	}
	n := max(int(cmplx.Abs(q-p)/(0.2*k.unit)+0.5), 2)
	step := (q - p) / complex(float64(2*n-1), 0)
	for i := range n {
		s := p + step*complex(float64(2*i), 0)
		k.line(s, s+step)
	}
}
