package smarts

import (
	"slices"
	"strconv"
	"strings"
)

// addBond adds a bond that touches the substructure, if every molecule then still has it.
func (s *commonSearch) addBond(b int32) bool {
	q := s.mols[s.query]
	s.chosen = append(s.chosen, b)
	s.in[b] = true
	s.degree[q.Bonds[b].Begin]++
	s.degree[q.Bonds[b].End]++
	for i, g := range s.graphs {
		if i == s.query {
			for _, a := range [2]int32{q.Bonds[b].Begin, q.Bonds[b].End} {
				g.to[a], g.used[a] = a, true
			}
			continue
		}
		if !s.extend(i, b) && !s.searchAnew(i) {
			s.drop(1)
			return false
		}
	}
	return true
}

// extend places the last bond on molecule i without moving what is placed.
func (s *commonSearch) extend(i int, b int32) bool {
	bond := &s.mols[s.query].Bonds[b]
	g := s.graphs[i]
	x, y := bond.Begin, bond.End
	if g.to[x] < 0 {
		x, y = y, x
	}
	if g.to[x] < 0 {
		return false // the first bond
	}
	s.steps++
	return s.place(i, x, y, b, func() bool { return true })
}

// place puts atom y, which a bond joins to the placed atom x, on every atom it may lie on, until then says so.
func (s *commonSearch) place(i int, x, y, b int32, then func() bool) bool {
	m, g, q := s.mols[i], s.graphs[i], s.graphs[s.query]
	if g.to[y] >= 0 {
		k := m.BondBetween(g.to[x], g.to[y])
		return k >= 0 && g.bonds[k] == q.bonds[b] && then()
	}
	for _, nb := range m.Neighbors(g.to[x]) {
		s.steps++
		if g.used[nb.Atom] || g.bonds[nb.Bond] != q.bonds[b] || g.atoms[nb.Atom] != q.atoms[y] {
			continue
		}
		g.to[y], g.used[nb.Atom] = nb.Atom, true
		if then() {
			return true
		}
		g.to[y], g.used[nb.Atom] = -1, false
	}
	return false
}

// searchAnew places the whole substructure on molecule i. Where that fails, the placement stays as it was.
func (s *commonSearch) searchAnew(i int) bool {
	g, q := s.graphs[i], s.graphs[s.query]
	before := slices.Clone(g.to)
	g.clear()
	first := &s.mols[s.query].Bonds[s.chosen[0]]
	for a, label := range g.atoms {
		if s.steps++; label != q.atoms[first.Begin] {
			continue
		}
		g.to[first.Begin], g.used[a] = int32(a), true
		if s.placeFrom(i, 0) {
			return true
		}
		g.to[first.Begin], g.used[a] = -1, false
	}
	g.clear()
	copy(g.to, before)
	for _, a := range g.to {
		if a >= 0 {
			g.used[a] = true
		}
	}
	return false
}

func (g *labeled) clear() {
	clear(g.used)
	for a := range g.to {
		g.to[a] = -1
	}
}

// placeFrom places the chosen bonds from number k on.
func (s *commonSearch) placeFrom(i, k int) bool {
	if k == len(s.chosen) {
		return true
	}
	if s.over() {
		return false
	}
	b := s.chosen[k]
	bond := &s.mols[s.query].Bonds[b]
	x, y := bond.Begin, bond.End
	if s.graphs[i].to[x] < 0 {
		x, y = y, x
	}
	return s.place(i, x, y, b, func() bool { return s.placeFrom(i, k+1) })
}

// write writes the best as SMARTS and returns its atoms in the order of the text.
func (s *commonSearch) write(atoms []int32) (order []int32, text string) {
	w := &commonWriter{s: s, near: map[int32][]int32{}, seen: map[int32]bool{}, done: map[int32]bool{}, digits: map[int32][]string{}}
	q := s.mols[s.query]
	for _, b := range s.best {
		w.near[q.Bonds[b].Begin] = append(w.near[q.Bonds[b].Begin], b)
		w.near[q.Bonds[b].End] = append(w.near[q.Bonds[b].End], b)
	}
	for _, bonds := range w.near {
		slices.Sort(bonds)
	}
	w.rings(atoms[0], -1)
	clear(w.seen)
	w.atom(atoms[0], -1)
	return w.order, w.text.String()
}

type commonWriter struct {
	s      *commonSearch
	near   map[int32][]int32
	seen   map[int32]bool
	done   map[int32]bool     // bonds that close rings
	digits map[int32][]string // of each atom, with the bond at the opening
	count  int
	order  []int32
	text   strings.Builder
}

// rings finds the bonds that close rings and numbers them.
func (w *commonWriter) rings(a, from int32) {
	w.seen[a] = true
	for _, b := range w.near[a] {
		bond := &w.s.mols[w.s.query].Bonds[b]
		o := bond.Other(a)
		switch {
		case b == from || w.done[b]:
		case w.seen[o]:
			w.done[b] = true
			w.count++
			n := strconv.Itoa(w.count)
			if w.count > 9 {
				n = "%(" + n + ")"
			}
			w.digits[o] = append(w.digits[o], w.s.bondText(b)+n)
			w.digits[a] = append(w.digits[a], n)
		default:
			w.rings(o, b)
		}
	}
}

func (w *commonWriter) atom(a, from int32) {
	w.seen[a] = true
	w.order = append(w.order, a)
	w.text.WriteString(w.s.atomText(a) + strings.Join(w.digits[a], ""))
	var next []int32
	for _, b := range w.near[a] {
		if b != from && !w.done[b] {
			next = append(next, b)
		}
	}
	for i, b := range next {
		if i+1 < len(next) {
			w.text.WriteByte('(')
		}
		w.text.WriteString(w.s.bondText(b))
		bond := &w.s.mols[w.s.query].Bonds[b]
		w.atom(bond.Other(a), b)
		if i+1 < len(next) {
			w.text.WriteByte(')')
		}
	}
}
