package smarts

import (
	"math/bits"
	"slices"

	"galen.dev/chem"
)

// Matcher looks for the patterns of a set in one molecule after another, and uses its memory again. It belongs to
// one goroutine.
type Matcher struct {
	Steps int // limit of Has and Count; 0 = 100 million. See Options.Steps

	set   *Set
	m     *chem.Mol
	n     int
	words int // of a set of atoms
	epoch uint32

	all       []uint64
	sets      []uint64 // atoms of each expression, where its stamp is the epoch
	stamps    []uint32
	values    [props][]int32
	known     [props]uint32
	subKnown  []uint64 // per environment: atoms that were tried, and those that fit
	subValue  []uint64
	subStamps []uint32
	linkSeen  []uint32 // 2 epoch, and 1 if the bond exists
	slab      []uint64 // sets in use by expressions that are being evaluated

	start    []int32 // neighbours of atom a are near[start[a]:start[a+1]]
	near     []neighbor
	laid     bool // start and near are of this molecule
	parts    []int32
	hasParts bool

	place     []int32 // molecule's atom of each of the pattern's
	placed    []step  // those that are placed
	cursor    []int32
	used      []uint64
	chirality bool
	steps     int
	limit     int
	spent     bool // the limit of steps was reached

	small map[uint64]struct{}
	large map[string]struct{}
	key   []byte
}

type neighbor struct {
	atom int32
	kind uint32
}

// Matcher makes a matcher of the set.
func (s *Set) Matcher() *Matcher {
	return &Matcher{
		set: s, stamps: make([]uint32, len(s.exprs)), subStamps: make([]uint32, len(s.subs)), linkSeen: make([]uint32, len(s.links)),
	}
}

// Reset turns to a molecule, which must be sanitized and must not change until the next Reset.
func (k *Matcher) Reset(m *chem.Mol) {
	k.m, k.n = m, len(m.Atoms)
	k.words = (k.n + 63) / 64
	k.sets = resized(k.sets, len(k.set.exprs)*k.words)
	k.subKnown = resized(k.subKnown, len(k.set.subs)*k.words)
	k.subValue = resized(k.subValue, len(k.set.subs)*k.words)
	k.all, k.used = resized(k.all, k.words), resized(k.used, k.words)
	for w := range k.all {
		k.all[w] = ^uint64(0)
	}
	if k.n&63 != 0 {
		k.all[k.words-1] = 1<<(k.n&63) - 1
	}
	clear(k.used)
	k.laid, k.hasParts, k.chirality = false, false, false
	k.forget()
}

// forget makes everything that was learned of the molecule old.
func (k *Matcher) forget() {
	if k.epoch++; k.epoch == 1<<30 {
		k.epoch = 1
		clear(k.stamps)
		clear(k.subStamps)
		clear(k.linkSeen)
		clear(k.known[:])
	}
}

// Has says whether pattern i is in the molecule. A search that is given up counts as none; see Err.
func (k *Matcher) Has(i int) bool {
	p := k.set.programs[i]
	if !k.begin(p, Options{Steps: k.Steps}) {
		return false
	}
	return k.search(p, p.quick, -1, nil)
}

// Err is the error of the last call of Has or Count if its search was given up, or nil.
func (k *Matcher) Err() error {
	if k.spent {
		return tooLong(k.limit)
	}
	return nil
}

// Find returns the matches of pattern i. See Pattern.Find.
func (k *Matcher) Find(i int, o Options) ([][]int, error) {
	p := k.set.programs[i]
	var found [][]int
	k.each(p, o, func(place []int32) bool {
		match := make([]int, len(place))
		for q, a := range place {
			match[q] = int(a)
		}
		found = append(found, match)
		return len(found) == o.Max
	})
	if k.spent {
		return nil, tooLong(k.limit)
	}
	return found, nil
}

// Each calls yield for the matches of pattern i until it returns false. The slice is used again.
func (k *Matcher) Each(i int, o Options, yield func(atoms []int32) bool) error {
	left := o.Max
	k.each(k.set.programs[i], o, func(place []int32) bool {
		left--
		return !yield(place) || left == 0
	})
	return k.Err()
}

// Count is the number of matches of pattern i on different sets of atoms, 0 where the search was given up.
func (k *Matcher) Count(i int) int {
	n := 0
	k.each(k.set.programs[i], Options{Unique: true, Steps: k.Steps}, func([]int32) bool {
		n++
		return false
	})
	if k.spent {
		return 0
	}
	return n
}

// each runs a search in RDKit's order; stop ends it.
func (k *Matcher) each(p *program, o Options, stop func([]int32) bool) {
	if !k.begin(p, o) {
		return
	}
	if !o.Unique || len(p.exprs) == 1 {
		k.search(p, p.ordered, -1, stop)
		return
	}
	if k.small == nil {
		k.small, k.large = map[uint64]struct{}{}, map[string]struct{}{}
	}
	clear(k.small)
	clear(k.large)
	k.search(p, p.ordered, -1, func(place []int32) bool {
		return k.fresh(place) && stop(place)
	})
}

// fresh says whether a set of atoms is new, and notes it. A search keeps the set in used.
func (k *Matcher) fresh(place []int32) bool {
	if k.words == 1 {
		if _, old := k.small[k.used[0]]; old {
			return false
		}
		k.small[k.used[0]] = struct{}{}
		return true
	}
	k.key = k.key[:0]
	for _, w := range k.used {
		for range 8 {
			k.key = append(k.key, byte(w))
			w >>= 8
		}
	}
	if _, old := k.large[string(k.key)]; old {
		return false
	}
	k.large[string(k.key)] = struct{}{}
	return true
}

// begin sets the limits of a call and says whether a search makes sense.
func (k *Matcher) begin(p *program, o Options) bool {
	k.steps, k.spent, k.limit = 0, false, o.Steps
	if k.limit <= 0 {
		k.limit = defaultSteps
	}
	if o.Chirality != k.chirality {
		k.chirality = o.Chirality
		k.forget()
	}
	return k.possible(p)
}

// possible says whether the molecule has the atoms and bonds that a pattern asks for, each on its own.
func (k *Matcher) possible(p *program) bool {
	if len(p.exprs) > k.n || len(p.exprs) == 0 {
		return false
	}
	for i := range p.need {
		need := &p.need[i]
		count := int32(0)
		for _, w := range k.bits(need.expr) {
			count += int32(bits.OnesCount64(w))
		}
		if count < need.count {
			return false
		}
	}
	if !k.laid {
		k.layOut()
	}
	for _, l := range p.links {
		if !k.linked(l) {
			return false
		}
	}
	if p.groups && !k.hasParts {
		k.parts, _ = k.m.Components()
		k.hasParts = true
	}
	return !k.spent
}

// layOut copies the molecule's adjacency with the kinds of bonds.
func (k *Matcher) layOut() {
	k.laid = true
	k.start = resized(k.start, k.n+1)
	k.near = resized(k.near, 2*len(k.m.Bonds))[:0]
	for a := range int32(k.n) {
		k.start[a] = int32(len(k.near))
		for _, nb := range k.m.Neighbors(a) {
			k.near = append(k.near, neighbor{nb.Atom, kindOf(k.m, nb.Bond)})
		}
	}
	k.start[k.n] = int32(len(k.near))
}

// linked says whether the molecule has a bond of a link.
func (k *Matcher) linked(id int32) bool {
	if seen := k.linkSeen[id]; seen>>1 == k.epoch {
		return seen&1 == 1
	}
	l := &k.set.links[id]
	a, b := k.bits(l.a), k.bits(l.b)
	found := uint32(0)
search:
	for w, word := range a {
		for ; word != 0; word &= word - 1 {
			at := int32(w<<6 + trailing(word))
			for _, nb := range k.near[k.start[at]:k.start[at+1]] {
				if nb.kind&l.mask != 0 && b[nb.atom>>6]>>(nb.atom&63)&1 == 1 {
					found = 1
					break search
				}
			}
		}
	}
	k.linkSeen[id] = k.epoch<<1 | found
	return found == 1
}

func trailing(w uint64) int { return bits.TrailingZeros64(w) }

// search places the atoms of a pattern one after another, the first one on root unless that is -1. It calls stop
// for each match and ends when that says so, or at the first match where stop is nil; it returns whether it ended
// so. All expressions of the pattern have been evaluated by possible.
func (k *Matcher) search(p *program, plan []step, root int32, stop func([]int32) bool) bool {
	n := len(plan)
	k.place, k.cursor = resized(k.place, n), resized(k.cursor, n)
	place, cursor, used := k.place[:n], k.cursor[:n], k.used
	ended := false
	d := 0
	cursor[0] = 0
	for d >= 0 {
		s := &plan[d]
		first := int32(-1)
		if d == 0 {
			first = root
		}
		k.placed = plan[:d]
		c := k.next(p, s, &cursor[d], first)
		if c < 0 {
			if d--; d >= 0 {
				last := place[plan[d].atom]
				used[last>>6] &^= 1 << (last & 63)
			}
			continue
		}
		place[s.atom] = c
		used[c>>6] |= 1 << (c & 63)
		if d+1 < n {
			d++
			cursor[d] = 0
			continue
		}
		if k.accepts(p) && (stop == nil || stop(place)) {
			ended = true
			break
		}
		used[c>>6] &^= 1 << (c & 63)
	}
	if ended {
		clear(used)
	}
	return ended
}

// next returns the next atom of the molecule on which a step may place its atom, or -1.
func (k *Matcher) next(p *program, s *step, cursor *int32, root int32) int32 {
	fit := k.bits(p.exprs[s.atom])
	if s.parent < 0 {
		return k.nextRoot(p, s, fit, cursor, root)
	}
	at := k.place[s.parent]
	near := k.near[k.start[at]:k.start[at+1]]
	for int(*cursor) < len(near) {
		nb := near[*cursor]
		*cursor++
		if k.steps++; k.steps > k.limit {
			k.spent = true
			return -1
		}
		c := nb.atom
		if nb.kind&s.mask == 0 || fit[c>>6]>>(c&63)&1 == 0 || k.used[c>>6]>>(c&63)&1 == 1 {
			continue
		}
		if len(s.closures) > 0 && !k.closes(s, c) {
			continue
		}
		if p.dative && !k.directed(p, s, c) {
			continue
		}
		return c
	}
	return -1
}

// nextRoot is next for an atom without a placed neighbour.
func (k *Matcher) nextRoot(p *program, s *step, fit []uint64, cursor *int32, root int32) int32 {
	if root >= 0 {
		if *cursor > 0 || fit[root>>6]>>(root&63)&1 == 0 {
			return -1
		}
		*cursor = 1
		return root
	}
	for int(*cursor) < k.n {
		if k.steps++; k.steps > k.limit {
			k.spent = true
			return -1
		}
		w := *cursor >> 6
		word := fit[w] &^ k.used[w] >> (*cursor & 63)
		if word == 0 {
			*cursor = (w + 1) << 6
			continue
		}
		c := *cursor + int32(trailing(word))
		*cursor = c + 1
		if p.groups && !k.grouped(p, s, c) {
			continue
		}
		return c
	}
	return -1
}

// closes checks the bonds of an atom to atoms that were placed before, but for its parent.
func (k *Matcher) closes(s *step, c int32) bool {
	for i := range s.closures {
		to := k.place[s.closures[i].atom]
		j := slices.IndexFunc(k.near[k.start[c]:k.start[c+1]], func(nb neighbor) bool { return nb.atom == to })
		if j < 0 || k.near[int(k.start[c])+j].kind&s.closures[i].mask == 0 {
			return false
		}
	}
	return true
}

// directed checks that dative bonds between an atom and those placed before run the way the pattern says: both
// ends must fit the atoms of their side.
func (k *Matcher) directed(p *program, s *step, c int32) bool {
	for i := range p.graph.bonds {
		b := &p.graph.bonds[i]
		if !b.dative || b.begin != s.atom && b.end != s.atom {
			continue
		}
		o := b.other(s.atom)
		if o != s.parent && !slices.ContainsFunc(s.closures, func(c closing) bool { return c.atom == o }) {
			continue
		}
		bond := &k.m.Bonds[k.m.BondBetween(c, k.place[o])]
		if bond.Order == chem.Dative && (!k.fits(p, b.begin, bond.Begin) || !k.fits(p, b.end, bond.End)) {
			return false
		}
	}
	return true
}

func (k *Matcher) fits(p *program, q, a int32) bool {
	return k.bits(p.exprs[q])[a>>6]>>(a&63)&1 == 1
}

// grouped checks component groups: components of one group lie in one part of the molecule, those of different
// groups in different parts. The components' first atoms are compared.
func (k *Matcher) grouped(p *program, s *step, c int32) bool {
	g := p.graph.atoms[s.atom].group
	if g == 0 {
		return true
	}
	for i := range k.placed {
		q := k.placed[i].atom
		other := p.graph.atoms[q].group
		if other > 0 && (k.parts[k.place[q]] == k.parts[c]) != (other == g) {
			return false
		}
	}
	return true
}
