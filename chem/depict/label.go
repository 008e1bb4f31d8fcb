package depict

import (
	"math"
	"math/cmplx"
	"strconv"

	"galen.dev/chem"
)

// label is what is written at an atom: pieces side by side, or the hydrogens above or below.
type label struct {
	pieces []piece
	tone   tone
}

// piece is a run of letters around a point.
type piece struct {
	text string
	at   complex128 // middle of the run
	size float64
	w    float64
}

const (
	letterSize = 0.56 // of the bond length
	smallSize  = 0.68 // of the letters: indices
	capHeight  = 0.72 // of the size
)

// boxes are the places that the pieces take.
func (l *label) boxes() []frame {
	if len(l.pieces) == 0 {
		return nil
	}
	out := make([]frame, len(l.pieces))
	for i, p := range l.pieces {
		out[i] = noFrame()
		out[i].add(p.at, p.w/2, p.size*capHeight/2)
	}
	return out
}

// advance are the widths of letters of Helvetica in thousandths of their size. Others count as 600.
func advance(r rune) float64 {
	switch {
	case r == 'I' || r == 'i' || r == 'l' || r == '.' || r == ' ':
		return 260
	case r == 'f' || r == 't' || r == 'r':
		return 310
	case r == 'm' || r == 'M' || r == 'W':
		return 840
	case r == 'O' || r == 'Q' || r == 'G':
		return 778
	case r == 'C' || r == 'N' || r == 'H' || r == 'D' || r == 'R' || r == 'U':
		return 722
	case r >= 'A' && r <= 'Z':
		return 640
	case r == 's' || r == 'c' || r == 'k' || r == 'v' || r == 'x' || r == 'y' || r == 'z':
		return 500
	case r == '+' || r == '−':
		return 584
	}
	return 560
}

func textWidth(s string, size float64) float64 {
	w := 0.0
	for _, r := range s {
		w += advance(r)
	}
	return w * size / 1000
}

// labelled says whether an atom is written rather than drawn as a corner.
func (k *sketch) labelled(i int32) bool {
	m := k.m
	a := &m.Atoms[i]
	if a.Element != 6 || a.Charge != 0 || a.Isotope != 0 || a.Radicals != 0 || m.Degree(i) == 0 {
		return true
	}
	near := m.Neighbors(i)
	if len(near) == 2 && m.Bonds[near[0].Bond].Order == chem.Double && m.Bonds[near[1].Bond].Order == chem.Double {
		return true // the middle of an allene would be invisible
	}
	return k.o.Numbers == Maps && a.Map != 0
}

func (k *sketch) makeLabels() {
	if k.labels == nil {
		k.labels = make([]label, len(k.m.Atoms))
	}
	for i := range k.m.Atoms {
		k.labels[i] = label{}
		if k.labelled(int32(i)) {
			k.labels[i] = k.labelOf(int32(i))
		}
	}
}

// side is where the hydrogens of an atom are written: 'e' right, 'w' left, 'n' above, 's' below.
func (k *sketch) side(i int32) byte {
	near := k.m.Neighbors(i)
	if len(near) == 0 {
		switch k.m.Atoms[i].Element {
		case 7, 6, 15, 5: // NH3, CH4; but H2O, HCl
			return 'e'
		}
		return 'w'
	}
	// The free side: how close bonds come to each direction.
	best, least := byte('e'), math.Inf(1)
	for _, s := range [4]struct {
		name byte
		dir  complex128
		cost float64
	}{{'e', 1, 0}, {'w', -1, 0.05}, {'n', -1i, 0.5}, {'s', 1i, 0.5}} {
		cost := s.cost
		for _, n := range near {
			d := k.at[n.Atom] - k.at[i]
			if r := cmplx.Abs(d); r > 0 {
				c := real(d*cmplx.Conj(s.dir)) / r
				if c > 0.3 {
					cost += 3 * (c - 0.3)
				}
			}
		}
		if cost < least-1e-9 {
			best, least = s.name, cost
		}
	}
	return best
}

// labelOf composes the label of an atom.
func (k *sketch) labelOf(i int32) label {
	a := &k.m.Atoms[i]
	size := letterSize * k.unit
	small := smallSize * size
	l := label{tone: toneOf(a.Element)}
	symbol := chem.ElementOf(a.Element).Symbol
	if a.Element == 1 && a.Isotope == 2 {
		symbol = "D"
	} else if a.Element == 1 && a.Isotope == 3 {
		symbol = "T"
	}
	p := k.at[i]
	w := textWidth(symbol, size)
	l.pieces = append(l.pieces, piece{symbol, p, size, w})
	right, left := real(p)+w/2, real(p)-w/2
	add := func(text string, size, dy float64) {
		w := textWidth(text, size)
		l.pieces = append(l.pieces, piece{text, complex(right+w/2, imag(p)+dy), size, w})
		right += w
	}
	before := func(text string, size, dy float64) {
		w := textWidth(text, size)
		l.pieces = append(l.pieces, piece{text, complex(left-w/2, imag(p)+dy), size, w})
		left -= w
	}
	h, side := a.Hydrogens(), byte('e')
	if h > 0 {
		side = k.side(i)
	}
	if h > 0 && side == 'e' {
		add("H", size, 0)
		if h > 1 {
			add(strconv.Itoa(h), small, 0.3*size)
		}
	}
	if c := charge(a); c != "" {
		add(c, small, -0.36*size)
	}
	if a.Isotope != 0 && symbol != "D" && symbol != "T" {
		before(strconv.Itoa(int(a.Isotope)), small, -0.36*size)
	}
	if h > 0 && side == 'w' {
		if h > 1 {
			before(strconv.Itoa(h), small, 0.3*size)
		}
		before("H", size, 0)
	}
	if h > 0 && (side == 'n' || side == 's') {
		dy := 0.95 * size
		if side == 'n' {
			dy = -dy
		}
		hw := textWidth("H", size)
		l.pieces = append(l.pieces, piece{"H", p + complex(0, dy), size, hw})
		if h > 1 {
			t := strconv.Itoa(h)
			tw := textWidth(t, small)
			l.pieces = append(l.pieces, piece{t, p + complex(hw/2+tw/2, dy+0.3*size), small, tw})
		}
	}
	return l
}

// charge writes the charge and the unpaired electrons of an atom.
func charge(a *chem.Atom) string {
	s := ""
	for range min(a.Radicals, 4) {
		s += "•"
	}
	c := int(a.Charge)
	sign := "+"
	if c < 0 {
		c, sign = -c, "−"
	}
	switch {
	case c == 1:
		s += sign
	case c > 1:
		s += strconv.Itoa(c) + sign
	}
	return s
}

func (k *sketch) drawLabel(l *label) {
	for _, p := range l.pieces {
		k.scene.shapes = append(k.scene.shapes, shape{
			kind: letters, tone: l.tone, pts: []complex128{p.at}, text: p.text, size: p.size, anchor: 'm',
		})
	}
}

// drawNumbers writes atom numbers or maps beside the atoms, on their free side.
func (k *sketch) drawNumbers() {
	if k.o.Numbers == None {
		return
	}
	size := 0.36 * k.unit
	for i := range k.m.Atoms {
		n := i + 1
		if k.o.Numbers == Maps {
			if n = int(k.m.Atoms[i].Map); n == 0 {
				continue
			}
		}
		text := strconv.Itoa(n)
		k.scene.shapes = append(k.scene.shapes, shape{
			kind: letters, tone: muted, pts: []complex128{k.beside(int32(i), text, size)}, text: text, size: size, anchor: 'm',
		})
	}
}

// beside finds a free place for a note at an atom.
func (k *sketch) beside(i int32, text string, size float64) complex128 {
	best, least := k.at[i], math.Inf(1)
	reach := 0.3 * k.unit
	if len(k.labels[i].pieces) > 0 {
		reach = 0.5 * k.unit
	}
	w := textWidth(text, size)
	for d := range 12 {
		dir := cmplx.Rect(1, 2*math.Pi*float64(d)/12+0.4)
		p := k.at[i] + dir*complex(reach+0.3*math.Abs(real(dir))*w, 0)
		cost := 0.0
		for _, n := range k.m.Neighbors(i) {
			e := k.at[n.Atom] - k.at[i]
			if r := cmplx.Abs(e); r > 0 {
				cost += math.Pow(1+real(e*cmplx.Conj(dir))/r, 2)
			}
		}
		for _, b := range k.labels[i].boxes() {
			if real(p)+w/2 > b.x0 && real(p)-w/2 < b.x1 && imag(p)+size/2 > b.y0 && imag(p)-size/2 < b.y1 {
				cost += 4
			}
		}
		if cost < least-1e-9 {
			best, least = p, cost
		}
	}
	return best
}
