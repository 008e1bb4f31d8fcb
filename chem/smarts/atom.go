package smarts

import "galen.dev/chem"

// Largest numbers in brackets.
const (
	maxNumber = 1<<31 - 1
	anyMore   = 1 << 30 // upper end of an open range
)

// simpleAtom reads an atom that needs no bracket.
func simpleAtom(s string) (n *node, size int) {
	if s == "" {
		return nil, 0
	}
	switch s[0] {
	case '*':
		return &node{op: opTrue}, 1
	case 'a':
		return is(propAromatic, 1), 1
	case 'A':
		return is(propAromatic, 0), 1
	case 'C':
		if len(s) > 1 && s[1] == 'l' {
			return typed(17, 0), 2
		}
	case 'B':
		if len(s) > 1 && s[1] == 'r' {
			return typed(35, 0), 2
		}
	}
	if z := organic[s[0]]; z > 0 {
		if s[0] >= 'a' {
			return typed(z, 1), 1
		}
		return typed(z, 0), 1
	}
	return nil, 0
}

var organic = [256]int{
	'B': 5, 'C': 6, 'N': 7, 'O': 8, 'F': 9, 'P': 15, 'S': 16, 'I': 53,
	'b': 5, 'c': 6, 'n': 7, 'o': 8, 'p': 15, 's': 16,
}

// typed is an element that is aromatic (1) or not (0).
func typed(z, aromatic int) *node {
	return is(propType, 2*z+aromatic)
}

// bracket reads an atom in brackets.
func (p *parser) bracket() (queryAtom, error) {
	open := p.at
	p.at++
	a := queryAtom{stated: -1}
	n, err := p.hydrogen()
	if n == nil && err == nil {
		if p.at >= len(p.s) {
			return a, failure("unclosed-bracket", open, "add the missing ]", "a bracket is not closed")
		}
		n, err = p.atomLow(&a)
	}
	if err != nil {
		return a, err
	}
	a.expr = n
	if p.peek() == ':' {
		p.at++
		if a.mapNumber = p.number(maxNumber); a.mapNumber < 0 || a.mapNumber > maxNumber {
			return a, failure("bad-map", p.at-1, "write a number after the colon", "an atom map has no number, or too large a one")
		}
	}
	switch {
	case p.at >= len(p.s):
		return a, failure("unclosed-bracket", open, "add the missing ]", "a bracket is not closed")
	case p.peek() != ']':
		return a, failure("bad-bracket", p.at, "join primitives with & , or ; and end with ]", "%q does not belong there in a bracket", p.peek())
	}
	p.at++
	return a, nil
}

// hydrogen reads what is a hydrogen atom, not a count: H with at most an isotope, a charge and a map.
func (p *parser) hydrogen() (*node, error) {
	from := p.at
	back := func() (*node, error) {
		p.at = from
		return nil, nil
	}
	iso := p.number(maxNumber)
	if p.peek() != 'H' {
		return back()
	}
	p.at++
	n := is(propElement, 1)
	if iso >= 0 {
		n = and(n, is(propIsotope, iso))
	}
	if c := p.peek(); c == '+' || c == '-' {
		charge, err := p.charge()
		if err != nil {
			return back()
		}
		n = and(n, is(propCharge, charge))
	}
	if c := p.peek(); c != ']' && c != ':' {
		return back()
	}
	return n, nil
}

// atomLow reads what is joined by ";", and below it by ",".
func (p *parser) atomLow(a *queryAtom) (*node, error) {
	n, err := p.atomOr(a)
	for err == nil && p.peek() == ';' {
		p.at++
		var next *node
		next, err = p.atomOr(a)
		n = and(n, next)
		a.stated = -1 // as RDKit: only what stands together says how many hydrogens the centre has
	}
	return n, err
}

func (p *parser) atomOr(a *queryAtom) (*node, error) {
	n, err := p.atomAnd(a)
	for err == nil && p.peek() == ',' {
		p.at++
		var next *node
		next, err = p.atomAnd(a)
		n = &node{op: opOr, kids: []*node{n, next}}
		a.stated = -1
	}
	return n, err
}

func (p *parser) atomAnd(a *queryAtom) (*node, error) {
	n, err := p.atomNot(a)
	for err == nil && p.at < len(p.s) {
		c := p.peek()
		if c == '&' {
			p.at++
		} else if c == ',' || c == ';' || c == ']' || c == ':' {
			break
		}
		var next *node
		next, err = p.atomNot(a)
		n = and(n, next)
	}
	return n, err
}

func (p *parser) atomNot(a *queryAtom) (*node, error) {
	negated := false
	for p.peek() == '!' {
		negated = !negated
		p.at++
	}
	n, err := p.primitive(a)
	if err == nil && negated {
		n = &node{op: opNot, kids: []*node{n}}
		a.stated = -1
	}
	return n, err
}

// primitive reads one primitive, with the isotope before an element.
func (p *parser) primitive(a *queryAtom) (*node, error) {
	at := p.at
	iso := p.number(maxNumber)
	if iso > maxNumber {
		return nil, failure("number-out-of-range", at, "", "a number is above %d", maxNumber)
	}
	n, err := p.element()
	if err != nil {
		return nil, err
	}
	switch {
	case n != nil && iso >= 0:
		return and(n, is(propIsotope, iso)), nil
	case n != nil:
		return n, nil
	case p.peek() == 'H':
		p.at++
		h := p.number(maxNumber)
		if h < 0 {
			h = 1
		}
		if a.stated < 0 || a.stated == h {
			a.stated = h
		} else {
			a.stated = 0
		}
		n = is(propHydrogens, h)
		if iso >= 0 {
			n = and(is(propIsotope, iso), n)
		}
		return n, nil
	case iso >= 0:
		return is(propIsotope, iso), nil
	}
	return p.property(a)
}

// element reads a symbol, or # and a number; nil where none begins here.
func (p *parser) element() (*node, error) {
	s := p.s[p.at:]
	if s == "" {
		return nil, nil
	}
	if s[0] == '#' {
		p.at++
		z := p.number(maxNumber)
		if z < 0 || z > maxNumber {
			return nil, failure("unknown-element", p.at-1, "write an atomic number after #", "an atomic number is missing, or too large")
		}
		return is(propElement, z), nil
	}
	if len(s) > 1 {
		switch s[:2] {
		case "si":
			p.at += 2
			return typed(14, 1), nil
		case "as":
			p.at += 2
			return typed(33, 1), nil
		case "se":
			p.at += 2
			return typed(34, 1), nil
		case "te":
			p.at += 2
			return typed(52, 1), nil
		}
	}
	if s[0] >= 'A' && s[0] <= 'Z' {
		for size := min(3, len(s)); size > 0; size-- {
			z, ok := chem.ElementByName(s[:size])
			if !ok || z == 1 || organicSymbol(s[:size]) {
				continue
			}
			p.at += size
			return is(propElement, int(z)), nil
		}
	}
	n, size := simpleAtom(s)
	p.at += size
	return n, nil
}

func organicSymbol(s string) bool {
	return s == "Cl" || s == "Br" || len(s) == 1 && organic[s[0]] > 0
}

// counted are the letters that a number or a range may follow.
var counted = map[byte]struct {
	prop   prop
	lo, hi int // without a number
}{
	'D': {propDegree, 1, 1},
	'd': {propHeavyDegree, 1, 1},
	'X': {propTotalDegree, 1, 1},
	'x': {propRingBonds, 1, anyMore},
	'v': {propValence, 1, 1},
	'z': {propHetero, 1, anyMore},
	'Z': {propAliphaticHetero, 1, anyMore},
	'h': {propImplicitH, 1, anyMore},
	'R': {propRings, 1, anyMore},
	'r': {propSmallestRing, 1, anyMore},
	'k': {propRingSizes, 1, anyMore},
}

// property reads a primitive that is no element.
func (p *parser) property(a *queryAtom) (*node, error) {
	at, c := p.at, p.peek()
	if what, ok := counted[c]; ok {
		p.at++
		if p.peek() == '{' {
			return p.span(what.prop)
		}
		n := p.number(maxNumber)
		switch {
		case n > maxNumber:
			return nil, failure("number-out-of-range", at, "", "a number is above %d", maxNumber)
		case n >= 0:
			return is(what.prop, n), nil
		}
		return &node{op: opRange, prop: what.prop, lo: what.lo, hi: what.hi}, nil
	}
	switch c {
	case '$':
		return p.environment()
	case '+', '-':
		if p.ahead(1) == '{' {
			p.at++
			if c == '-' {
				return p.span(propNegative)
			}
			return p.span(propCharge)
		}
		charge, err := p.charge()
		return is(propCharge, charge), err
	case '^':
		if d := p.ahead(1); d >= '0' && d <= '5' {
			p.at += 2
			return is(propHybrid, int(hybrids[d-'0'])), nil
		}
		return nil, failure("bad-hybridisation", at, "write ^0 to ^5", "a hybridisation is not complete")
	case '@':
		return p.chirality(a)
	}
	return nil, p.badPrimitive(c)
}

var hybrids = [...]chem.Hybrid{chem.HybridS, chem.HybridSP, chem.HybridSP2, chem.HybridSP3, chem.HybridSP3D, chem.HybridSP3D2}

func (p *parser) badPrimitive(c byte) error {
	switch {
	case p.at >= len(p.s):
		return failure("unclosed-bracket", p.at, "add the missing ]", "a bracket is not closed")
	case c == ']' || c == ',' || c == ';' || c == '&':
		return failure("empty-expression", p.at, "write a primitive on both sides of an operator", "an atom expression is not complete")
	}
	return failure("unknown-primitive", p.at, "see the Daylight manual, chapter 4, for the primitives of atoms", "%q begins no primitive of an atom", c)
}

// span reads a range {2-4}, {-4} or {2-}.
func (p *parser) span(what prop) (*node, error) {
	at := p.at
	p.at++
	lo := p.number(maxNumber)
	if p.peek() != '-' {
		return nil, failure("bad-range", at, "write {2-4}, {-4} or {2-}", "a range is not complete")
	}
	p.at++
	hi := p.number(maxNumber)
	if p.peek() != '}' || lo < 0 && hi < 0 || lo > maxNumber || hi > maxNumber {
		return nil, failure("bad-range", at, "write {2-4}, {-4} or {2-}", "a range is not complete")
	}
	p.at++
	if hi < 0 {
		hi = anyMore
	}
	if lo < 0 {
		lo = -anyMore
	}
	return &node{op: opRange, prop: what, lo: lo, hi: hi}, nil
}

// charge reads + ++ +2 and their negatives.
func (p *parser) charge() (int, error) {
	at, c := p.at, p.peek()
	p.at++
	n := 1
	if p.peek() == c {
		p.at++
		n = 2
	} else if d := p.number(maxNumber); d > maxNumber {
		return 0, failure("number-out-of-range", at, "", "a charge is above %d", maxNumber)
	} else if d >= 0 {
		n = d
	}
	if c == '-' {
		n = -n
	}
	return n, nil
}

// chirality reads @, @@ and the named classes. An arrangement fits every atom; it is compared after the search.
func (p *parser) chirality(a *queryAtom) (*node, error) {
	at := p.at
	p.at++
	c := chem.Counterclockwise
	switch {
	case p.peek() == '@':
		p.at++
		c = chem.Clockwise
	case p.at+1 < len(p.s) && classes[p.s[p.at:p.at+2]] > 0:
		c = classes[p.s[p.at:p.at+2]]
		p.at += 2
		switch n := p.number(maxNumber); {
		case n == 0:
			return nil, failure("bad-arrangement", at, "arrangements are counted from 1", "an arrangement has the number 0")
		case c == chem.Clockwise && n < 0, c == chem.Clockwise && n == 1:
			c = chem.Counterclockwise
		}
	}
	if a.chirality == chem.Achiral {
		a.chirality = c
	}
	return &node{op: opTrue}, nil
}

// classes are the named arrangements. TH stands for clockwise until its number is known.
var classes = map[string]chem.Chirality{
	"TH": chem.Clockwise, "AL": chem.Allene, "SP": chem.SquarePlanar, "TB": chem.TrigonalBipyramidal, "OH": chem.Octahedral,
}

// environment reads a recursive pattern.
func (p *parser) environment() (*node, error) {
	at := p.at
	if p.ahead(1) != '(' {
		return nil, failure("bad-environment", at, "an environment is $(…)", "a $ stands without parentheses")
	}
	if p.depth >= maxNested {
		return nil, failure("too-deep", at, "", "environments are nested more than %d times", maxNested)
	}
	p.at += 2
	p.depth++
	g, err := p.graph()
	p.depth--
	if err != nil {
		return nil, err
	}
	if p.peek() != ')' {
		return nil, failure("unclosed-environment", at, "add the missing )", "an environment is not closed")
	}
	p.at++
	if p.peek() == '_' { // RDKit numbers equal environments; it means nothing
		p.at++
		if p.number(maxNumber) <= 0 {
			return nil, failure("bad-environment", p.at, "write a number after the underscore", "the number of an environment is missing")
		}
	}
	return &node{op: opRecursive, sub: g}, nil
}
