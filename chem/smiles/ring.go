package smiles

import (
	"fmt"
	"slices"

	"galen.dev/chem"
)

func sprintfAt(at int, format string, args []any) string {
	return fmt.Sprintf("character %d: ", at+1) + fmt.Sprintf(format, args...)
}

// percent reads a ring number of two digits, or of up to five in parentheses.
func (p *parser) percent() error {
	at, s := p.at, p.s
	digit := func(i int) bool { return i < len(s) && s[i] >= '0' && s[i] <= '9' }
	if at+1 < len(s) && s[at+1] == '(' {
		n, i := 0, at+2
		for ; digit(i) && i-at-2 < 5; i++ {
			n = 10*n + int(s[i]-'0')
		}
		if i == at+2 || i >= len(s) || s[i] != ')' {
			return failure("bad-ring-number", at, "write %(n) with one to five digits", "a ring number is not complete")
		}
		p.at = i + 1
		return p.ringBond(n, at)
	}
	if !digit(at+1) || !digit(at+2) || s[at+1] == '0' {
		return failure("bad-ring-number", at, "write % with two digits, from %10 to %99", "a ring number is not complete")
	}
	p.at += 3
	return p.ringBond(10*int(s[at+1]-'0')+int(s[at+2]-'0'), at)
}

// ringBond opens or closes a ring.
func (p *parser) ringBond(number, at int) error {
	if p.last < 0 || len(p.stack) > 0 && p.stack[len(p.stack)-1].empty {
		return failure("ring-without-atom", at, "a ring number follows an atom", "a ring number has no atom before it")
	}
	b := p.pending
	p.pending = bond{}
	open := p.ringAt(number)
	if !open.open {
		p.setRing(number, ring{true, b, p.last, p.note(p.last, -1), at})
		p.opened++
		return nil
	}
	if number < len(p.slots) {
		p.slots[number].open = false
	} else {
		delete(p.more, number)
	}
	p.opened--
	return p.closeRing(number, open, b, at)
}

// closeRing adds the bond between the two ends. The order given first counts; a direction given at either end
// counts as seen from there.
func (p *parser) closeRing(number int, open ring, b bond, at int) error {
	from, to := open.atom, p.last
	if from == to {
		return failure("self-ring", at, "use another number for one of the rings", "ring %d bonds an atom to itself", number)
	}
	if p.bonded(from, to) {
		return failure("doubled-ring-bond", at, "remove the ring number at both atoms", "ring %d bonds two atoms that are bonded already", number)
	}
	out := chem.Bond{Begin: from, End: to}
	chosen, other := open.bond, b
	if !open.bond.set || open.bond.plain {
		chosen, other = b, open.bond
		out.Begin, out.End = to, from
	}
	out.Dir = chosen.dir
	if out.Dir == chem.NoDir && other.dir != chem.NoDir {
		out.Dir = flip(other.dir)
	}
	switch {
	case !chosen.set || chosen.plain:
		out.Order = p.implied(from, to)
	default:
		out.Order = chosen.order
		if chosen.back {
			out.Begin, out.End = out.End, out.Begin
		}
	}
	if out.Order == chem.Aromatic {
		out.Flags = chem.AromaticBond
	}
	k := p.m.AddBond(out)
	p.note(to, k)
	if open.place >= 0 {
		p.stereo[p.find(from)].order[open.place] = k
	}
	for _, a := range [2]int32{from, to} {
		if p.m.Atoms[a].Chirality != chem.Achiral {
			p.stereo[p.find(a)].closures++
		}
	}
	return nil
}

func flip(d chem.Dir) chem.Dir {
	switch d {
	case chem.Up:
		return chem.Down
	case chem.Down:
		return chem.Up
	}
	return d
}

// bonded says whether two atoms are bonded, and if not, notes that a ring bond comes between them.
func (p *parser) bonded(a, b int32) bool {
	if p.parent[a] == b || p.parent[b] == a {
		return true
	}
	pair := [2]int32{min(a, b), max(a, b)}
	if p.pairs == nil {
		if slices.Contains(p.closed, pair) {
			return true
		}
		p.closed = append(p.closed, pair)
		if len(p.closed) == 64 {
			p.pairs = make(map[[2]int32]bool, 256)
			for _, c := range p.closed {
				p.pairs[c] = true
			}
		}
		return false
	}
	if p.pairs[pair] {
		return true
	}
	p.pairs[pair] = true
	return false
}

func (p *parser) ringAt(n int) ring {
	if n < len(p.slots) {
		return p.slots[n]
	}
	return p.more[n]
}

func (p *parser) setRing(n int, r ring) {
	if n < len(p.slots) {
		p.slots[n] = r
		return
	}
	if p.more == nil {
		p.more = map[int]ring{}
	}
	p.more[n] = r
}

// unclosed names the first ring that was not closed.
func (p *parser) unclosed() error {
	number, first := -1, len(p.s)
	look := func(n int, r ring) {
		if r.open && r.at < first {
			number, first = n, r.at
		}
	}
	for n, r := range p.slots {
		look(n, r)
	}
	for n, r := range p.more {
		look(n, r)
	}
	return failure("unclosed-ring", first, "write the number again at the atom that closes the ring", "ring %d is not closed", number)
}

// settleChirality turns the written order of the neighbours of chiral atoms into the order of their bonds.
func settleChirality(m *chem.Mol, stereo []arrangement) {
	for i := range stereo {
		s := &stereo[i]
		a := &m.Atoms[s.atom]
		if !a.Chirality.Tetrahedral() {
			arrange(m, s)
			continue
		}
		// A hydrogen goes to the end, and the bonds in order of their indices.
		odd := false
		for k, x := range s.order {
			for _, y := range s.order[:k] {
				if y == hydrogen || x != hydrogen && y > x {
					odd = !odd
				}
			}
		}
		if loneRing(m, s.atom, s.closures) {
			odd = !odd
		}
		if odd {
			a.Chirality = chem.Counterclockwise + chem.Clockwise - a.Chirality
		}
	}
}

// loneRing is a custom of reading and writing that RDKit has set: where an atom has three neighbours, a lone pair
// and no double bond, and one ring number, as in C[S@+]1CCO1, the sign counts as if the ring number came last.
func loneRing(m *chem.Mol, a int32, closures int) bool {
	if closures != 1 || m.Degree(a) != 3 || m.Atoms[a].Hydrogens() == 1 {
		return false
	}
	for _, n := range m.Neighbors(a) {
		if m.Bonds[n.Bond].Order != chem.Dative && m.Bonds[n.Bond].Twice(a) > 2 {
			return false
		}
	}
	return true
}
