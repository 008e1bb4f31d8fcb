package smiles

import "galen.dev/chem"

// markBonds chooses the marks / and \ that say how double bonds are arranged. Each end of a double bond needs one
// marked bond beside it. A bond between two double bonds serves both, so double bonds are taken along their chains,
// each following from the one before.
func (w *writer) markBonds() {
	m := w.m
	var todo []int32
	for _, a := range w.seq {
		for _, n := range w.sorted(a) {
			if m.Bonds[n.Bond].Stereo > chem.AnyStereo && w.order[n.Atom] > w.order[a] {
				todo = append(todo, n.Bond)
			}
		}
	}
	if todo == nil {
		return
	}
	w.mark = make([]chem.Dir, len(m.Bonds))
	done := make([]bool, len(m.Bonds))
	var chain []int32
	for _, first := range todo {
		if done[first] {
			continue
		}
		done[first] = true
		chain = append(chain[:0], first)
		for k := 0; k < len(chain); k++ {
			b := &m.Bonds[chain[k]]
			w.arrange(chain[k], done)
			for _, a := range w.ends(b) {
				for _, n := range w.sorted(a) {
					if w.mark[n.Bond] == chem.NoDir {
						continue
					}
					for _, o := range w.sorted(n.Atom) {
						if !done[o.Bond] && m.Bonds[o.Bond].Stereo > chem.AnyStereo {
							done[o.Bond] = true
							chain = append(chain, o.Bond)
						}
					}
				}
			}
		}
	}
}

// ends are the ends of a bond in the order of writing.
func (w *writer) ends(b *chem.Bond) [2]int32 {
	if w.order[b.Begin] < w.order[b.End] {
		return [2]int32{b.Begin, b.End}
	}
	return [2]int32{b.End, b.Begin}
}

// arrange marks a bond at each end of a double bond. done tells which double bonds have their marks.
func (w *writer) arrange(double int32, done []bool) {
	b := &w.m.Bonds[double]
	ends := w.ends(b)
	x, dx := w.choose(ends[0], double, done)
	y, dy := w.choose(ends[1], double, done)
	if x.Bond < 0 || y.Bond < 0 {
		return
	}
	same := b.Stereo == chem.Cis
	if b.RefBegin != x.Atom && b.RefEnd != x.Atom {
		same = !same
	}
	if b.RefBegin != y.Atom && b.RefEnd != y.Atom {
		same = !same
	}
	switch {
	case dx == chem.NoDir && dy == chem.NoDir:
		dx = w.seen(x.Bond, ends[0], chem.Up)
		dy = dx
		if !same {
			dy = flip(dx)
		}
	case dx == chem.NoDir:
		dx = dy
		if !same {
			dx = flip(dy)
		}
	case dy == chem.NoDir:
		dy = dx
		if !same {
			dy = flip(dx)
		}
	case (dx == dy) != same:
		return // a ring of double bonds whose marks cannot agree: SMILES has no words for it
	}
	w.mark[x.Bond], w.mark[y.Bond] = w.seen(x.Bond, ends[0], dx), w.seen(y.Bond, ends[1], dy)
}

// seen turns a mark seen from an atom into one seen from the end that is written first, and back.
func (w *writer) seen(bond, a int32, d chem.Dir) chem.Dir {
	if w.ends(&w.m.Bonds[bond])[0] != a {
		return flip(d)
	}
	return d
}

// choose picks the bond to mark at one end of a double bond, and returns its mark as seen from there, if that
// follows already. Bonds are avoided that lead to a double bond without arrangement, which a mark could give one, and
// those that would read as aromatic.
func (w *writer) choose(a, double int32, done []bool) (best chem.Neighbor, dir chem.Dir) {
	m := w.m
	best.Bond = -1
	score := 0
	for _, n := range w.sorted(a) {
		b := &m.Bonds[n.Bond]
		if n.Bond == double || b.Order != chem.Single && b.Order != chem.Aromatic {
			continue
		}
		if w.mark[n.Bond] != chem.NoDir {
			return n, w.seen(n.Bond, a, w.mark[n.Bond])
		}
		s, implied := 0, chem.NoDir
		if b.Order == chem.Single && m.Atoms[a].Aromatic() && m.Atoms[n.Atom].Aromatic() {
			s += 8
		}
		for _, o := range w.sorted(n.Atom) {
			switch d := &m.Bonds[o.Bond]; {
			case d.Order != chem.Double || !m.CanTwist(o.Bond):
			case d.Stereo <= chem.AnyStereo:
				s |= 4
			default:
				s |= 1
				if done[o.Bond] {
					if e := w.sibling(n.Atom, n.Bond); e != chem.NoDir {
						s |= 2
						implied = w.seen(n.Bond, a, w.seen(n.Bond, n.Atom, flip(e)))
					}
				}
			}
		}
		if best.Bond < 0 || s < score {
			best, dir, score = n, implied, s
		}
	}
	return best, dir
}

// sibling is the mark, seen from an atom, of a marked bond other than the given one.
func (w *writer) sibling(a, except int32) chem.Dir {
	for _, n := range w.sorted(a) {
		if n.Bond != except && w.mark[n.Bond] != chem.NoDir {
			return w.seen(n.Bond, a, w.mark[n.Bond])
		}
	}
	return chem.NoDir
}
