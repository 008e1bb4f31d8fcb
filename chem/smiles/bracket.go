package smiles

import "galen.dev/chem"

// Limits of what stands in brackets.
const (
	maxCharge  = 100
	maxIsotope = 65535
	maxHs      = 100
	maxMap     = 1<<31 - 1
)

// number reads digits. It returns -1 where there are none, and top+1 where the number is larger than top.
func (p *parser) number(top int) int {
	if p.at >= len(p.s) || p.s[p.at] < '0' || p.s[p.at] > '9' {
		return -1
	}
	n := 0
	for ; p.at < len(p.s) && p.s[p.at] >= '0' && p.s[p.at] <= '9'; p.at++ {
		if n = 10*n + int(p.s[p.at]-'0'); n > top {
			n = top + 1
			for p.at < len(p.s) && p.s[p.at] >= '0' && p.s[p.at] <= '9' {
				p.at++
			}
			return n
		}
	}
	return n
}

func (p *parser) peek() byte {
	if p.at < len(p.s) {
		return p.s[p.at]
	}
	return 0
}

// bracket reads an atom in brackets: isotope, element, chirality, hydrogens, charge, map.
func (p *parser) bracket() error {
	at := p.at
	p.at++
	a := chem.Atom{Flags: chem.NoImplicit}
	iso := p.number(maxIsotope)
	if iso > maxIsotope {
		return failure("isotope-out-of-range", at, "mass numbers end below 300", "an isotope is above %d", maxIsotope)
	}
	a.Isotope = uint16(max(iso, 0))
	if err := p.element(&a, at); err != nil {
		return err
	}
	if err := p.chirality(&a); err != nil {
		return err
	}
	if p.peek() == 'H' {
		p.at++
		h := p.number(maxHs)
		if h > maxHs {
			return failure("hydrogens-out-of-range", at, "", "an atom has more than %d hydrogens", maxHs)
		}
		if h < 0 {
			h = 1
		}
		a.ExplicitH = uint8(h)
	}
	if err := p.charge(&a); err != nil {
		return err
	}
	if p.peek() == ':' {
		p.at++
		n := p.number(maxMap)
		switch {
		case n < 0:
			return failure("bad-map", p.at, "write a number after the colon", "an atom map has no number")
		case n > maxMap:
			return failure("map-out-of-range", p.at-1, "", "an atom map is above %d", maxMap)
		}
		a.Map = int32(n)
	}
	if p.at >= len(p.s) {
		return failure("unclosed-bracket", at, "add the missing ]", "a bracket is not closed")
	}
	if p.s[p.at] != ']' {
		return failure("bad-bracket", p.at, "the order is isotope, element, chirality, hydrogens, charge, map: [13C@H+:1]",
			"%q does not belong there in a bracket", p.s[p.at])
	}
	p.at++
	return p.atom(a, at, int(a.ExplicitH))
}

// element reads the symbol, or # and the atomic number.
func (p *parser) element(a *chem.Atom, open int) error {
	s := p.s[p.at:]
	if s == "" {
		return failure("unclosed-bracket", open, "add the missing ]", "a bracket is not closed")
	}
	switch c := s[0]; {
	case c == '*':
		p.at++
		return nil
	case c == '#':
		p.at++
		z := p.number(chem.MaxElement)
		if z < 0 || z > chem.MaxElement {
			return failure("unknown-element", open+1, "atomic numbers run from 0 to 118", "no element has this number")
		}
		a.Element = uint8(z)
		return nil
	case c == '\'': // 'Rf' and its like, as some programs write the heaviest elements
		if len(s) >= 4 && s[3] == '\'' {
			if z, ok := chem.ElementByName(s[1:3]); ok && z >= 104 {
				a.Element = z
				p.at += 4
				return nil
			}
		}
	case c >= 'A' && c <= 'Z':
		for size := min(3, len(s)); size > 0; size-- {
			if z, ok := chem.ElementByName(s[:size]); ok {
				a.Element = z
				p.at += size
				return nil
			}
		}
	case c >= 'a' && c <= 'z':
		if len(s) > 1 {
			if z, ok := aromaticPairs[s[:2]]; ok {
				a.Element, a.Flags = z, a.Flags|chem.AromaticAtom
				p.at += 2
				return nil
			}
		}
		if z, aromatic, _ := organic(s, 0); aromatic {
			a.Element, a.Flags = z, a.Flags|chem.AromaticAtom
			p.at++
			return nil
		}
	case c == ']':
		return failure("empty-bracket", open, "write an element, or * for any atom", "a bracket holds no atom")
	}
	return failure("unknown-element", p.at, "symbols are written like Na; aromatic ones are b c n o p s se te si as", "no element begins with %q here", s[0])
}

var aromaticPairs = map[string]uint8{"si": 14, "as": 33, "se": 34, "te": 52}

// classes are the named arrangements, with the highest number each has.
var classes = []struct {
	name  string
	class chem.Chirality
	top   int
}{
	{"TH", chem.Counterclockwise, 2},
	{"AL", chem.Allene, 2},
	{"SP", chem.SquarePlanar, 3},
	{"TB", chem.TrigonalBipyramidal, 20},
	{"OH", chem.Octahedral, 30},
}

func (p *parser) chirality(a *chem.Atom) error {
	if p.peek() != '@' {
		return nil
	}
	at := p.at
	p.at++
	if p.peek() == '@' {
		p.at++
		a.Chirality = chem.Clockwise
		return nil
	}
	a.Chirality = chem.Counterclockwise
	if p.at+2 > len(p.s) {
		return nil
	}
	for _, c := range classes {
		if p.s[p.at:p.at+2] != c.name {
			continue
		}
		p.at += 2
		n := p.number(c.top)
		if n == 0 || n > c.top {
			return failure("bad-chirality", at, "the numbers are TH 1-2, AL 1-2, SP 1-3, TB 1-20, OH 1-30", "@%s has no such arrangement", c.name)
		}
		a.Chirality, a.Order = c.class, uint8(max(n, 0))
		if c.name == "TH" {
			a.Order = 0
			if n == 2 {
				a.Chirality = chem.Clockwise
			}
		}
		return nil
	}
	return nil
}

func (p *parser) charge(a *chem.Atom) error {
	sign := p.peek()
	if sign != '+' && sign != '-' {
		return nil
	}
	at := p.at
	p.at++
	n := p.number(maxCharge)
	if n < 0 {
		n = 1
		if p.peek() == sign {
			n = 2
			p.at++
		}
		if p.peek() == sign {
			return failure("bad-charge", at, "write the number: +3", "a charge has more than two signs")
		}
	}
	if n > maxCharge {
		return failure("charge-out-of-range", at, "no atom carries such a charge", "a charge is beyond %d", maxCharge)
	}
	if sign == '-' {
		n = -n
	}
	a.Charge = int8(n)
	return nil
}
