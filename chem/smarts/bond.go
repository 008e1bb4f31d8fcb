package smarts

import "galen.dev/chem"

// A bond is of one of 16 kinds: its order, in a ring or not. A bond expression is the mask of the kinds that fit.
const (
	inRing   = 8 // added to an order
	allKinds = 1<<16 - 1
	ringMask = 0xff00
)

// either is the mask of an order, in rings and outside.
func either(o chem.Order) uint32 { return 1<<o | 1<<(o+inRing) }

// bond reads a bond expression into pending.
func (p *parser) bond(l *level) error {
	at := p.at
	b, err := p.bondOr(true)
	if err != nil {
		return err
	}
	switch {
	case l.last < 0:
		return failure("bond-without-atom", at, "a bond follows an atom", "a bond has no atom before it")
	case l.pending.set:
		return failure("doubled-bond", at, "join bond expressions with & , or ;", "a bond follows a bond")
	}
	b.set, b.at = true, at
	l.pending = b
	return nil
}

// bondOr reads what is joined by ";" (low) or by ",".
func (p *parser) bondOr(low bool) (bondSign, error) {
	read := p.bondAnd
	if low {
		read = func() (bondSign, error) { return p.bondOr(false) }
	}
	b, err := read()
	for err == nil {
		c := p.peek()
		if low && c != ';' || !low && c != ',' {
			break
		}
		p.at++
		var next bondSign
		if next, err = read(); low {
			b.mask &= next.mask
		} else {
			b.mask |= next.mask
		}
	}
	return b, err
}

// bondAnd reads primitives that stand together or are joined by "&".
func (p *parser) bondAnd() (bondSign, error) {
	b, err := p.bondPrimitive()
	for err == nil && p.at < len(p.s) {
		if p.peek() == '&' {
			p.at++
		} else if !beginsBond(p.peek(), p.ahead(1)) {
			break
		}
		var next bondSign
		next, err = p.bondPrimitive()
		b.mask &= next.mask
	}
	return b, err
}

func beginsBond(c, next byte) bool {
	switch c {
	case '-', '=', '#', '$', ':', '~', '@', '/', '\\', '!':
		return true
	}
	return c == '<' && next == '-'
}

// bondPrimitive reads one sign and the "!" before it.
func (p *parser) bondPrimitive() (bondSign, error) {
	negated := false
	for p.peek() == '!' {
		negated = !negated
		p.at++
	}
	var b bondSign
	size := 1
	order := func(o chem.Order) { b.order, b.mask = o, either(o) }
	switch c := p.peek(); c {
	case '-':
		order(chem.Single)
		if p.ahead(1) == '>' {
			order(chem.Dative)
			size, b.dative = 2, true
		}
	case '<':
		if p.ahead(1) != '-' {
			return b, failure("unknown-character", p.at, "a dative bond is <-", "%q is no bond", c)
		}
		order(chem.Dative)
		size, b.dative, b.back = 2, true, true
	case '=':
		order(chem.Double)
	case '#':
		order(chem.Triple)
	case '$':
		order(chem.Quadruple)
	case ':':
		order(chem.Aromatic)
	case '~':
		b.mask = allKinds
	case '@':
		b.mask = ringMask
	case '/', '\\':
		b.queryBond = unstated()
		b.dir = chem.Up
		if c == '\\' {
			b.dir = chem.Down
			if p.ahead(1) == '\\' {
				size = 2 // escaped twice on its way
			}
		}
	default:
		return b, p.unknown(c)
	}
	p.at += size
	if negated {
		b.mask = allKinds &^ b.mask
	}
	return b, nil
}

// unknown explains a character that begins nothing between atoms.
func (p *parser) unknown(c byte) error {
	switch {
	case p.at >= len(p.s):
		return failure("dangling-bond", p.at-1, "write the bond", "a bond expression ends too early")
	case c == ']':
		return failure("extra-bracket", p.at, "remove it, or add the missing [", "a bracket closes no atom")
	case c <= ' ':
		return failure("blank", p.at, "a pattern has no blanks", "a blank stands inside the SMARTS")
	case c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z':
		return failure("needs-bracket", p.at, "only * a A B C N O P S F Cl Br I and b c n o p s stand without brackets: write it like [Na]", "%q is no atom that stands by itself", c)
	}
	return failure("unknown-character", p.at, "see the Daylight manual, chapter 4, for what may stand here", "%q is not part of SMARTS", c)
}
