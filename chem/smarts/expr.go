package smarts

import (
	"cmp"
	"encoding/binary"
	"slices"

	"galen.dev/chem"
)

// op is the kind of an atom expression.
type op uint8

const (
	opTrue op = iota
	opRange
	opAnd
	opOr
	opNot
	opRecursive
)

// prop is a property of atoms that is a number.
type prop uint8

const (
	propElement         prop = iota // atomic number
	propType                        // twice the atomic number, and 1 if aromatic
	propAromatic                    // 0 or 1
	propIsotope                     // mass number, 0 = as in nature
	propCharge                      // formal
	propNegative                    // charge with the opposite sign
	propDegree                      // neighbours that are atoms
	propHeavyDegree                 // of them those that are not hydrogen (deuterium is)
	propTotalDegree                 // neighbours and hydrogens
	propHydrogens                   // hydrogens of either kind
	propImplicitH                   // hydrogens that are no atoms
	propValence                     // bond orders and hydrogens
	propRings                       // rings through the atom
	propSmallestRing                // size of the smallest, 0 = in none
	propRingSizes                   // sizes of all: fits if one of them does
	propRingBonds                   // bonds in rings
	propHetero                      // neighbours other than C and H
	propAliphaticHetero             // of them those that are not aromatic
	propHybrid                      // chem.Hybrid
	propRadicals                    // unpaired electrons
	props
)

// node is an atom expression as read.
type node struct {
	op     op
	prop   prop
	lo, hi int
	kids   []*node
	sub    *graph
}

func is(what prop, value int) *node { return &node{op: opRange, prop: what, lo: value, hi: value} }

func and(a, b *node) *node { return &node{op: opAnd, kids: []*node{a, b}} }

// expr is an expression of a set: equal ones of all patterns are one.
type expr struct {
	op     op
	prop   prop
	pure   bool // no environment in it
	lo, hi int32
	kids   []int32
	sub    int32
}

// compiler builds a set.
type compiler struct {
	set       *Set
	byKey     map[string]int32
	subByKey  map[string]int32
	linkByKey map[link]int32
}

// expr returns the index of an expression, adding it if it is new.
func (c *compiler) expr(n *node) int32 {
	e := expr{op: n.op, prop: n.prop, lo: clamp(n.lo), hi: clamp(n.hi), pure: true}
	switch n.op {
	case opAnd, opOr:
		e.kids = c.flatten(n.op, n, nil)
		slices.Sort(e.kids)
		e.kids = slices.Compact(e.kids)
		if len(e.kids) == 1 {
			return e.kids[0]
		}
	case opNot:
		e.kids = []int32{c.expr(n.kids[0])}
	case opRecursive:
		e.sub, e.pure = c.environment(n.sub), false
	}
	for _, k := range e.kids {
		e.pure = e.pure && c.set.exprs[k].pure
	}
	return c.intern(e)
}

func clamp(v int) int32 { return int32(max(min(v, anyMore), -anyMore)) }

// flatten lists the parts of nested expressions of one kind.
func (c *compiler) flatten(o op, n *node, kids []int32) []int32 {
	for _, k := range n.kids {
		if k.op == o {
			kids = c.flatten(o, k, kids)
			continue
		}
		if o == opAnd && k.op == opTrue && len(n.kids) > 1 {
			continue
		}
		kids = append(kids, c.expr(k))
	}
	if len(kids) == 0 {
		kids = append(kids, c.expr(&node{op: opTrue}))
	}
	return kids
}

func (c *compiler) intern(e expr) int32 {
	key := []byte{byte(e.op), byte(e.prop)}
	for _, v := range append([]int32{e.lo, e.hi, e.sub}, e.kids...) {
		key = binary.LittleEndian.AppendUint32(key, uint32(v))
	}
	if id, ok := c.byKey[string(key)]; ok {
		return id
	}
	id := int32(len(c.set.exprs))
	c.byKey[string(key)] = id
	c.set.exprs = append(c.set.exprs, e)
	return id
}

// environment returns the index of a recursive pattern.
func (c *compiler) environment(g *graph) int32 {
	p := c.program(g)
	key := p.key()
	if id, ok := c.subByKey[key]; ok {
		return id
	}
	id := int32(len(c.set.subs))
	c.subByKey[key] = id
	c.set.subs = append(c.set.subs, p)
	return id
}

// key tells environments apart: their atoms' expressions, bonds, and arrangements.
func (p *program) key() string {
	var key []byte
	add := func(vs ...int32) {
		for _, v := range vs {
			key = binary.LittleEndian.AppendUint32(key, uint32(v))
		}
	}
	add(int32(len(p.exprs)))
	add(p.exprs...)
	for i := range p.graph.atoms {
		a := &p.graph.atoms[i]
		add(int32(a.chirality), int32(a.group))
	}
	for i := range p.graph.bonds {
		b := &p.graph.bonds[i]
		dative := int32(0)
		if b.dative {
			dative = 1
		}
		add(b.begin, b.end, int32(b.mask), dative, int32(b.stereo), b.refs[0], b.refs[1])
	}
	return string(key)
}

// rarity guesses the part of a molecule's atoms that fit, to begin a search where there are few.
func (s *Set) rarity(id int32) float64 {
	e := &s.exprs[id]
	r := 0.3
	switch e.op {
	case opTrue:
		r = 1
	case opRange:
		r = e.rarity()
	case opAnd:
		r = 1
		for _, k := range e.kids {
			r *= s.rarity(k)
		}
	case opOr:
		r = 0
		for _, k := range e.kids {
			r += s.rarity(k)
		}
		r = min(r, 1)
	case opNot:
		r = 1 - s.rarity(e.kids[0])
	case opRecursive:
		p := s.subs[e.sub]
		r = 0.5 * s.rarity(p.exprs[0])
	}
	return r
}

func (e *expr) rarity() float64 {
	z := e.lo
	switch e.prop {
	case propType:
		z /= 2
	case propElement:
	case propAromatic:
		return 0.5
	default:
		return 0.4
	}
	switch z {
	case 6:
		return 0.6
	case 1:
		return 0.4
	case 7, 8:
		return 0.1
	}
	return 0.02
}

// property returns what a property is for each atom. The slice belongs to the matcher.
func (k *Matcher) property(what prop) []int32 {
	k.values[what] = resized(k.values[what], k.n)
	v := k.values[what]
	if k.known[what] == k.epoch {
		return v
	}
	k.known[what] = k.epoch
	m := k.m
	for i := range v {
		a := &m.Atoms[i]
		switch what {
		case propElement:
			v[i] = int32(a.Element)
		case propType:
			v[i] = 2 * int32(a.Element)
			if a.Aromatic() {
				v[i]++
			}
		case propAromatic:
			v[i] = 0
			if a.Aromatic() {
				v[i] = 1
			}
		case propIsotope:
			v[i] = int32(a.Isotope)
		case propCharge:
			v[i] = int32(a.Charge)
		case propNegative:
			v[i] = -int32(a.Charge)
		case propDegree:
			v[i] = int32(m.Degree(int32(i)))
		case propTotalDegree:
			v[i] = int32(m.TotalDegree(int32(i)))
		case propImplicitH:
			v[i] = int32(a.Hydrogens())
		case propValence:
			v[i] = int32(a.TotalValence())
		case propRings:
			v[i] = int32(m.Rings().AtomCount(int32(i)))
		case propHybrid:
			v[i] = int32(a.Hybrid)
		case propRadicals:
			v[i] = int32(a.Radicals)
		default:
			v[i] = k.around(what, int32(i))
		}
	}
	if what == propSmallestRing {
		k.smallestRings(v)
	}
	return v
}

// around counts what a property counts among the neighbours of an atom.
func (k *Matcher) around(what prop, i int32) int32 {
	sum := int32(0)
	if what == propHydrogens {
		sum = int32(k.m.Atoms[i].Hydrogens())
	}
	for _, nb := range k.m.Neighbors(i) {
		a := &k.m.Atoms[nb.Atom]
		hetero := a.Element != 6 && a.Element != 1
		yes := false
		switch what {
		case propHydrogens:
			yes = a.Element == 1
		case propHeavyDegree:
			yes = a.Element != 1 || a.Isotope > 1
		case propRingBonds:
			yes = k.m.Rings().BondCount(nb.Bond) > 0
		case propHetero:
			yes = hetero
		case propAliphaticHetero:
			yes = hetero && !a.Aromatic()
		}
		if yes {
			sum++
		}
	}
	return sum
}

func (k *Matcher) smallestRings(v []int32) {
	clear(v)
	r := k.m.Rings()
	for i := range r.Len() {
		atoms := r.Atoms(i)
		for _, a := range atoms {
			if v[a] == 0 || int(v[a]) > len(atoms) {
				v[a] = int32(len(atoms))
			}
		}
	}
}

// bits returns the atoms that fit an expression. The slice belongs to the matcher.
func (k *Matcher) bits(id int32) []uint64 {
	out := k.sets[int(id)*k.words : (int(id)+1)*k.words]
	if k.stamps[id] == k.epoch {
		return out
	}
	e := &k.set.exprs[id]
	switch {
	case e.op == opRange && e.prop == propRingSizes:
		k.ringSizes(e, out)
	case e.op == opRange:
		k.fill(e, out)
	default:
		k.within(id, k.all, out)
	}
	if !k.spent {
		k.stamps[id] = k.epoch
	}
	return out
}

// fill tests a property against a range.
func (k *Matcher) fill(e *expr, out []uint64) {
	v := k.property(e.prop)
	for w := range out {
		var word uint64
		for i, x := range v[w*64 : min(w*64+64, len(v))] {
			if x >= e.lo && x <= e.hi {
				word |= 1 << i
			}
		}
		out[w] = word
	}
}

func (k *Matcher) ringSizes(e *expr, out []uint64) {
	clear(out)
	r := k.m.Rings()
	for i := range r.Len() {
		if atoms := r.Atoms(i); int32(len(atoms)) >= e.lo && int32(len(atoms)) <= e.hi {
			for _, a := range atoms {
				out[a>>6] |= 1 << (a & 63)
			}
		}
	}
}

// fitting writes those of the atoms in mask that fit an expression.
func (k *Matcher) fitting(id int32, mask, out []uint64) {
	if k.set.exprs[id].pure {
		meet(out, mask, k.bits(id))
		return
	}
	k.within(id, mask, out)
}

// within is fitting, but keeps nothing of what it finds, except in environments.
func (k *Matcher) within(id int32, mask, out []uint64) {
	e := &k.set.exprs[id]
	switch e.op {
	case opTrue:
		copy(out, mask)
	case opAnd:
		copy(out, mask)
		for _, pure := range [2]bool{true, false} { // environments last, for the atoms that are left
			for _, kid := range e.kids {
				if k.set.exprs[kid].pure == pure && !empty(out) {
					k.narrow(kid, out)
				}
			}
		}
	case opOr:
		k.union(e, mask, out)
	case opNot:
		k.fitting(e.kids[0], mask, out)
		for w := range out {
			out[w] = mask[w] &^ out[w]
		}
	case opRecursive:
		k.environments(e.sub, mask, out)
	}
}

// narrow keeps of out what fits an expression.
func (k *Matcher) narrow(id int32, out []uint64) {
	if k.set.exprs[id].pure {
		meet(out, out, k.bits(id))
		return
	}
	from := len(k.slab)
	k.slab = append(k.slab, out...)
	k.within(id, k.slab[from:from+len(out):from+len(out)], out)
	k.slab = k.slab[:from]
}

func (k *Matcher) union(e *expr, mask, out []uint64) {
	clear(out)
	from := len(k.slab)
	k.slab = append(k.slab, mask...)
	k.slab = append(k.slab, mask...)
	rest := k.slab[from : from+len(out) : from+len(out)]
	got := k.slab[from+len(out) : from+2*len(out) : from+2*len(out)]
	for _, kid := range e.kids {
		if empty(rest) {
			break
		}
		k.fitting(kid, rest, got)
		for w := range out {
			out[w] |= got[w]
			rest[w] &^= got[w]
		}
	}
	k.slab = k.slab[:from]
}

// environments writes those of the atoms in mask where an environment begins. What is found is kept.
func (k *Matcher) environments(sub int32, mask, out []uint64) {
	at := int(sub) * k.words
	known, value := k.subKnown[at:at+k.words], k.subValue[at:at+k.words]
	if k.subStamps[sub] != k.epoch {
		k.subStamps[sub] = k.epoch
		clear(known)
		clear(value)
	}
	p := k.set.subs[sub]
	if k.possible(p) {
		first := k.bits(p.exprs[0])
		for w := range mask {
			todo := mask[w] & first[w] &^ known[w]
			for ; todo != 0 && !k.spent; todo &= todo - 1 {
				bit := todo & -todo
				if k.search(p, p.ordered, int32(w<<6+trailing(todo)), nil) {
					value[w] |= bit
				}
				if !k.spent {
					known[w] |= bit
				}
			}
		}
	}
	meet(out, mask, value)
}

func meet(out, a, b []uint64) {
	for w := range out {
		out[w] = a[w] & b[w]
	}
}

func empty(a []uint64) bool {
	for _, w := range a {
		if w != 0 {
			return false
		}
	}
	return true
}

// resized returns a slice of n elements, which need not be zero, on the memory of s if it is large enough.
func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4)
	}
	return s[:n]
}

// byRarity sorts atoms of a program, the rare ones first.
func byRarity(rare []float64) func(a, b int32) int {
	return func(a, b int32) int { return cmp.Or(cmp.Compare(rare[a], rare[b]), cmp.Compare(a, b)) }
}

// kindOf is the kind of a bond of a molecule; see inRing.
func kindOf(m *chem.Mol, b int32) uint32 {
	kind := uint32(m.Bonds[b].Order)
	if m.Rings().BondCount(b) > 0 {
		kind += inRing
	}
	return 1 << kind
}
