package smarts

import (
	"fmt"
	"slices"

	"galen.dev/chem"
	"galen.dev/fault"
)

// Limits of what a pattern may be.
const (
	maxLength = 1 << 14 // characters
	maxNested = 64      // recursive environments in each other
)

// graph is a pattern as it was read.
type graph struct {
	atoms []queryAtom
	bonds []queryBond
}

type queryAtom struct {
	expr      *node
	mapNumber int
	chirality chem.Chirality
	stated    int  // hydrogens stated by H in the bracket, -1 = none stated
	group     int  // component group, 0 = none
	first     bool // nothing comes before it in its component
	written   []int32
	closures  int
}

type queryBond struct {
	begin, end int32
	mask       uint32     // kinds of bonds that fit: bit Order, and Order+8 for bonds in rings
	order      chem.Order // the order named first, for stereo
	dir        chem.Dir
	dative     bool // named first: the direction counts
	stereo     chem.Stereo
	refs       [2]int32 // the neighbours of begin and end that stereo speaks of
}

func (b *queryBond) other(a int32) int32 { return b.begin + b.end - a }

// parser holds the state of one reading; nested environments are read by calls.
type parser struct {
	s     string
	at    int
	depth int
}

// bondSign is a bond expression as read.
type bondSign struct {
	set  bool
	back bool
	at   int
	queryBond
}

// level is the state of one graph: the pattern's, or that of an environment.
type level struct {
	g       *graph
	last    int32
	pending bondSign
	stack   []branch
	rings   map[int]openRing
	closing []queryBond // ring bonds, which come after all others
	group   int         // present component group, 0 = none
	groups  int
	groupAt int // of the open group's parenthesis
}

type branch struct {
	atom  int32
	at    int
	empty bool
}

type openRing struct {
	atom  int32
	sign  bondSign
	place int // in the written order of the atom
	at    int
}

// closure stands in a written order for ring bond number i as closure-i.
const closure = -2

// failure makes the error of a mistake at a place, counted from 0.
func failure(name string, at int, hint, format string, args ...any) error {
	f := fault.Finding{
		Name: name, Severity: fault.Severe, Hint: hint,
		Message: fmt.Sprintf("character %d: ", at+1) + fmt.Sprintf(format, args...),
	}
	return fault.Refuse("SMARTS", []fault.Finding{f})
}

func parse(s string) (*graph, error) {
	lo, hi := 0, len(s)
	for lo < hi && s[lo] <= ' ' {
		lo++
	}
	for hi > lo && s[hi-1] <= ' ' {
		hi--
	}
	if hi-lo > maxLength {
		return nil, failure("too-long", maxLength, "", "a pattern has more than %d characters", maxLength)
	}
	p := &parser{s: s[:hi], at: lo}
	return p.graph()
}

func (p *parser) peek() byte { return p.ahead(0) }

func (p *parser) ahead(n int) byte {
	if p.at+n < len(p.s) {
		return p.s[p.at+n]
	}
	return 0
}

// graph reads atoms and bonds up to the end, or up to the parenthesis that ends an environment.
func (p *parser) graph() (*graph, error) {
	l := &level{g: &graph{}, last: -1, rings: map[int]openRing{}}
	start := p.at
	for p.at < len(p.s) {
		if p.peek() == ')' && p.depth > 0 && len(l.stack) == 0 && l.group == 0 {
			break
		}
		if err := p.step(l); err != nil {
			return nil, err
		}
	}
	switch {
	case l.pending.set:
		return nil, failure("dangling-bond", l.pending.at, "write the atom that the bond leads to", "a bond leads nowhere")
	case len(l.stack) > 0:
		return nil, failure("unclosed-branch", l.stack[len(l.stack)-1].at, "add the missing )", "a branch is not closed")
	case l.group > 0:
		return nil, failure("unclosed-group", l.groupAt, "add the missing )", "a component group is not closed")
	case len(l.rings) > 0:
		at, number := len(p.s), 0
		for n, r := range l.rings {
			if r.at < at {
				at, number = r.at, n
			}
		}
		return nil, failure("unclosed-ring", at, "write the number at the atom that closes the ring", "ring %d is not closed", number)
	case l.last < 0 && len(l.g.atoms) > 0:
		return nil, failure("empty-part", p.at-1, "remove the dot", "nothing follows the dot")
	case l.last < 0 && p.depth > 0:
		return nil, failure("empty-environment", start, "write the atoms of the environment", "an environment is empty")
	}
	l.finish()
	return l.g, nil
}

// finish appends the ring bonds, and settles what depends on the order of bonds.
func (l *level) finish() {
	offset := int32(len(l.g.bonds))
	l.g.bonds = append(l.g.bonds, l.closing...)
	for i := range l.g.atoms {
		a := &l.g.atoms[i]
		for k, b := range a.written {
			if b <= closure {
				a.written[k] = offset + closure - b
			}
		}
	}
	l.g.settleCentres()
	l.g.settleDoubleBonds()
}

// step reads one token between atoms.
func (p *parser) step(l *level) error {
	c := p.peek()
	switch {
	case c == '[':
		a, err := p.bracket()
		if err != nil {
			return err
		}
		return l.atom(a)
	case c >= '0' && c <= '9', c == '%':
		at := p.at
		n, err := p.ringNumber()
		if err != nil {
			return err
		}
		return l.ring(n, at)
	case c == '(':
		return p.open(l)
	case c == ')':
		return p.close(l)
	case c == '.':
		switch {
		case l.pending.set:
			return failure("dangling-bond", l.pending.at, "write the atom that the bond leads to", "a bond leads nowhere")
		case l.last < 0 || len(l.stack) > 0 && l.stack[len(l.stack)-1].empty:
			return failure("empty-part", p.at, "remove the dot", "nothing comes before the dot")
		}
		l.last = -1
		p.at++
		return nil
	}
	if n, size := simpleAtom(p.s[p.at:]); size > 0 {
		p.at += size
		return l.atom(queryAtom{expr: n, stated: -1})
	}
	return p.bond(l)
}

func (p *parser) open(l *level) error {
	switch {
	case l.pending.set:
		return failure("misplaced-bond", l.pending.at, "put the bond after the parenthesis", "a bond comes before a branch")
	case l.last < 0 && l.group == 0 && len(l.stack) == 0:
		l.groups++
		l.group, l.groupAt = l.groups, p.at
		p.at++
		return nil
	case l.last < 0:
		return failure("branch-without-atom", p.at, "a branch follows an atom", "a branch has no atom before it")
	case len(l.stack) > 0 && l.stack[len(l.stack)-1].empty:
		return failure("empty-branch", p.at, "remove the doubled parenthesis", "a branch opens directly in another")
	}
	l.stack = append(l.stack, branch{l.last, p.at, true})
	p.at++
	return nil
}

func (p *parser) close(l *level) error {
	n := len(l.stack)
	switch {
	case l.pending.set:
		return failure("dangling-bond", l.pending.at, "write the atom that the bond leads to", "a bond leads nowhere")
	case n == 0 && l.group == 0:
		return failure("extra-close", p.at, "remove it, or add the missing (", "a parenthesis closes nothing")
	case n == 0 && l.last < 0:
		return failure("empty-part", p.at, "write an atom before the parenthesis", "a component group ends without an atom")
	case n == 0:
		l.group = 0
		if next := p.ahead(1); next != 0 && next != '.' && next != ')' {
			return failure("joined-group", p.at+1, "separate component groups with a dot", "something is bonded to a component group")
		}
	case l.stack[n-1].empty:
		return failure("empty-branch", p.at, "remove the empty parentheses", "a branch is empty")
	default:
		l.last = l.stack[n-1].atom
		l.stack = l.stack[:n-1]
	}
	p.at++
	return nil
}

// atom adds an atom and its bond to the one before.
func (l *level) atom(a queryAtom) error {
	i := int32(len(l.g.atoms))
	a.group, a.first = l.group, l.last < 0
	l.g.atoms = append(l.g.atoms, a)
	if l.last >= 0 {
		b := l.pending.queryBond
		if !l.pending.set {
			b = unstated()
		}
		b.begin, b.end = l.last, i
		if l.pending.back {
			b.begin, b.end = i, l.last
		}
		k := int32(len(l.g.bonds))
		l.g.bonds = append(l.g.bonds, b)
		for _, end := range [2]int32{l.last, i} {
			l.g.atoms[end].written = append(l.g.atoms[end].written, k)
		}
		l.pending = bondSign{}
	}
	if n := len(l.stack); n > 0 {
		l.stack[n-1].empty = false
	}
	l.last = i
	return nil
}

// unstated is the bond between two atoms without a sign: single or aromatic.
func unstated() queryBond {
	return queryBond{mask: either(chem.Single) | either(chem.Aromatic), order: chem.Single}
}

// ring opens or closes a ring.
func (l *level) ring(number, at int) error {
	if l.last < 0 || len(l.stack) > 0 && l.stack[len(l.stack)-1].empty {
		return failure("ring-without-atom", at, "a ring number follows an atom", "a ring number has no atom before it")
	}
	sign := l.pending
	l.pending = bondSign{}
	a := &l.g.atoms[l.last]
	open, ok := l.rings[number]
	if !ok {
		l.rings[number] = openRing{l.last, sign, len(a.written), at}
		a.written = append(a.written, 0)
		a.closures++
		return nil
	}
	delete(l.rings, number)
	from, to := open.atom, l.last
	if from == to {
		return failure("self-ring", at, "use another number for one of the rings", "ring %d bonds an atom to itself", number)
	}
	for _, bonds := range [2][]queryBond{l.g.bonds, l.closing} {
		if slices.ContainsFunc(bonds, func(b queryBond) bool {
			return b.begin == from && b.end == to || b.begin == to && b.end == from
		}) {
			return failure("doubled-ring-bond", at, "remove the ring number at both atoms", "ring %d bonds two atoms that are bonded already", number)
		}
	}
	b := closingBond(open.sign, sign, from, to)
	entry := int32(closure - len(l.closing))
	l.closing = append(l.closing, b)
	l.g.atoms[from].written[open.place] = entry
	a.written = append(a.written, entry)
	a.closures++
	return nil
}

// closingBond is the bond of a ring: the expression at the opening counts before the one at the end.
func closingBond(open, end bondSign, from, to int32) queryBond {
	b, other := open, end
	b.begin, b.end = from, to
	if !open.set {
		b, other = end, open
		b.begin, b.end = to, from
	}
	if !b.set {
		u := unstated()
		u.begin, u.end = to, from
		return u
	}
	if b.dir == chem.NoDir && other.dir != chem.NoDir {
		b.dir = flip(other.dir)
	}
	if b.back {
		b.begin, b.end = b.end, b.begin
	}
	return b.queryBond
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

// ringNumber reads one digit, % and two digits, or up to five digits in %().
func (p *parser) ringNumber() (int, error) {
	at := p.at
	if c := p.peek(); c != '%' {
		p.at++
		return int(c - '0'), nil
	}
	p.at++
	if p.peek() == '(' {
		p.at++
		from := p.at
		n := p.number(99999)
		if n < 0 || p.at-from > 5 || p.peek() != ')' {
			return 0, failure("bad-ring-number", at, "write %(n) with one to five digits", "a ring number is not complete")
		}
		p.at++
		return n, nil
	}
	if c, d := p.peek(), p.ahead(1); c >= '1' && c <= '9' && d >= '0' && d <= '9' {
		p.at += 2
		return 10*int(c-'0') + int(d-'0'), nil
	}
	return 0, failure("bad-ring-number", at, "write % with two digits, from %10 to %99", "a ring number is not complete")
}

// number reads digits. It returns -1 where there are none, and top+1 where the number is larger than top.
func (p *parser) number(top int) int {
	n := -1
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		if n = 10*max(n, 0) + int(c-'0'); n > top {
			n = top + 1
		}
		p.at++
	}
	return n
}
