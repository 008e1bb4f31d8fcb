package smiles

import (
	"strconv"

	"galen.dev/chem"
)

// atom writes an atom: bare where a reader derives the same hydrogens, else in brackets.
func (w *writer) atom(i int32, children []int32, rings int) {
	a := &w.m.Atoms[i]
	symbol := chem.ElementOf(a.Element).Symbol
	chiral := !w.f.Flat && a.Chirality != chem.Achiral && a.Chirality != chem.Allene
	bracket := chiral || w.needsBracket(i, a)
	if bracket {
		w.out = append(w.out, '[')
		if a.Isotope != 0 && !w.f.Flat {
			w.out = strconv.AppendUint(w.out, uint64(a.Isotope), 10)
		}
	}
	at := len(w.out)
	w.out = append(w.out, symbol...)
	if a.Aromatic() && lowers(a.Element) {
		w.out[at] |= 0x20
	}
	if !bracket {
		return
	}
	if chiral {
		w.chirality(i, a, children, rings)
	}
	if h := a.Hydrogens(); h > 0 {
		w.out = append(w.out, 'H')
		if h > 1 {
			w.out = strconv.AppendInt(w.out, int64(h), 10)
		}
	}
	if a.Charge != 0 {
		c := int64(a.Charge)
		if c > 0 {
			w.out = append(w.out, '+')
		} else {
			w.out = append(w.out, '-')
			c = -c
		}
		if c > 1 {
			w.out = strconv.AppendInt(w.out, c, 10)
		}
	}
	if a.Map != 0 && !w.f.NoMaps {
		w.out = append(w.out, ':')
		w.out = strconv.AppendInt(w.out, int64(a.Map), 10)
	}
	w.out = append(w.out, ']')
}

// lowers says whether an aromatic element is written in lower case.
func lowers(z uint8) bool {
	switch z {
	case 5, 6, 7, 8, 14, 15, 16, 33, 34, 52:
		return true
	}
	return false
}

func (w *writer) needsBracket(i int32, a *chem.Atom) bool {
	switch a.Element {
	case 0, 5, 6, 7, 8, 9, 15, 16, 17, 35, 53:
	default:
		return true
	}
	if a.Charge != 0 || a.Isotope != 0 && !w.f.Flat || a.Map != 0 && !w.f.NoMaps || a.Radicals != 0 {
		return true
	}
	if (a.Element == 7 || a.Element == 15) && a.Aromatic() && a.ExplicitH > 0 {
		return true
	}
	if a.Hydrogens() > 0 && a.TotalValence() != int(chem.ElementOf(a.Element).Valences[0]) {
		return true
	}
	for _, n := range w.m.Neighbors(i) {
		if chem.IsMetal(w.m.Atoms[n.Atom].Element) {
			return true
		}
	}
	return false
}

// chirality writes the arrangement as seen in the order in which the neighbours are written.
func (w *writer) chirality(i int32, a *chem.Atom, children []int32, rings int) {
	order := w.orders[:0]
	first := w.parent[i] < 0
	if !first {
		order = append(order, w.parent[i])
	}
	hydrogens := a.Hydrogens()
	if a.Chirality.Tetrahedral() && hydrogens == 1 {
		order = append(order, hydrogen)
	}
	near := w.sorted(i)
	for _, closing := range [2]bool{true, false} {
		for _, n := range near {
			if ring, closes := w.isRing(i, n); ring && closes == closing {
				order = append(order, n.Bond)
			}
		}
	}
	for _, c := range children {
		order = append(order, w.parent[c])
	}
	if !a.Chirality.Tetrahedral() {
		w.class(a, first, order)
		return
	}
	odd := false
	for k, x := range order {
		for _, y := range order[:k] {
			if y == hydrogen || x != hydrogen && y > x {
				odd = !odd
			}
		}
	}
	if loneRing(w.m, i, rings) {
		odd = !odd
	}
	w.out = append(w.out, '@')
	if (a.Chirality == chem.Clockwise) != odd {
		w.out = append(w.out, '@')
	}
}

// class writes an arrangement that is not tetrahedral.
func (w *writer) class(a *chem.Atom, first bool, order []int32) {
	name := ""
	for _, c := range classes {
		if c.class == a.Chirality {
			name = c.name
		}
	}
	w.out = append(append(w.out, '@'), name...)
	number := a.Order
	if size := chem.Places(a.Chirality); size > 0 && number > 0 && len(order) <= size {
		// list[k] is the place in the order of writing of the k-th neighbour in the order of the bonds.
		written := writtenOrder(order, size, first)
		list := make([]int, size)
		for k, x := range written {
			list[x] = k
		}
		number = chem.Rearrange(a.Chirality, number, list)
	}
	if number > 0 {
		w.out = strconv.AppendUint(w.out, uint64(number), 10)
	}
}

// writtenOrder numbers the bonds of a written order by their indices; missing neighbours, which are written first or
// after the first bond, come last.
func writtenOrder(order []int32, size int, first bool) []int {
	written := make([]int, 0, size)
	fill := func() {
		for k := len(order); k < size; k++ {
			written = append(written, k)
		}
	}
	if first || len(order) == 0 {
		fill()
	}
	for i, b := range order {
		rank := 0
		for _, o := range order {
			if o < b {
				rank++
			}
		}
		written = append(written, rank)
		if i == 0 && !first {
			fill()
		}
	}
	return written
}
