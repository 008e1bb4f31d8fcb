package transform

import (
	"fmt"
	"strconv"
	"strings"

	"galen.dev/chem"
	"galen.dev/fault"
)

// sketch is the shape of one side of a rule: its atoms in written order, and its bonds.
type sketch struct {
	atoms []sketchAtom
	bonds []sketchBond
}

type sketchAtom struct {
	text string // what the brackets hold, or the symbol
	num  int    // map number, 0 = none
}

type sketchBond struct {
	a, b int
	sign string // as written, may be empty
}

// maxRule is the most characters of a rule.
const maxRule = 4096

func failure(name, format string, args ...any) error {
	return fault.Refuse("transform", []fault.Finding{{Name: name, Severity: fault.Severe, Message: fmt.Sprintf(format, args...)}})
}

// draw reads the shape of a pattern. What brackets hold is not looked into but for the map number.
func draw(s string) (*sketch, error) {
	k := &sketch{}
	last, sign := -1, ""
	var stack []int
	rings := map[string]sketchBond{}
	add := func(a sketchAtom) {
		k.atoms = append(k.atoms, a)
		now := len(k.atoms) - 1
		if last >= 0 {
			k.bonds = append(k.bonds, sketchBond{last, now, sign})
		}
		last, sign = now, ""
	}
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '[':
			end := closing(s, i)
			if end < 0 {
				return nil, failure("unclosed-bracket", "character %d: a bracket is not closed", i+1)
			}
			add(bracketed(s[i+1 : end]))
			i = end + 1
		case c == '(':
			stack = append(stack, last)
			i++
		case c == ')':
			if len(stack) == 0 {
				return nil, failure("unopened-branch", "character %d: a branch ends that did not begin", i+1)
			}
			last, stack = stack[len(stack)-1], stack[:len(stack)-1]
			i++
		case c == '.':
			last, sign = -1, ""
			i++
		case c == '%' || c >= '0' && c <= '9':
			n := 1
			if c == '%' {
				n = min(3, len(s)-i)
			}
			if last < 0 {
				return nil, failure("bad-ring", "character %d: a ring number follows no atom", i+1)
			}
			key := strings.TrimPrefix(s[i:i+n], "%")
			i += n
			if open, ok := rings[key]; ok {
				if open.a == last {
					return nil, failure("bad-ring", "character %d: an atom is bonded to itself", i)
				}
				delete(rings, key)
				k.bonds = append(k.bonds, sketchBond{open.a, last, open.sign + sign})
			} else {
				rings[key] = sketchBond{a: last, sign: sign}
			}
			sign = ""
		case strings.IndexByte("-=#:~@!,;&/\\", c) >= 0:
			sign += string(c)
			i++
		default:
			n := 1
			if i+1 < len(s) && (s[i:i+2] == "Cl" || s[i:i+2] == "Br") {
				n = 2
			}
			add(sketchAtom{text: s[i : i+n]})
			i += n
		}
	}
	switch {
	case len(stack) > 0:
		return nil, failure("unclosed-branch", "a branch is not closed")
	case len(rings) > 0:
		return nil, failure("unclosed-ring", "a ring is not closed")
	case sign != "":
		return nil, failure("dangling-bond", "a bond leads nowhere")
	}
	return k, nil
}

// closing is the place of the bracket that closes the one at i, or -1.
func closing(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// bracketed splits the map number off.
func bracketed(text string) sketchAtom {
	if at := strings.LastIndexByte(text, ':'); at >= 0 {
		if n, err := strconv.Atoi(text[at+1:]); err == nil && n > 0 {
			return sketchAtom{text[:at], n}
		}
	}
	return sketchAtom{text: text}
}

// edit is what the result of a rule says of an atom.
type edit struct {
	element  uint8 // 0 = as it is
	charge   int8
	hydrogen uint8
	charged  bool // charge is stated
	counted  bool // hydrogens are stated
	aromatic bool
}

// readEdit reads an atom of a result: an element or *, hydrogens, a charge, in this order; other demands are
// refused but for D, X and v, which only repeat what follows from the rest.
func readEdit(text string) (edit, error) {
	var e edit
	bad := func() (edit, error) { return e, failure("bad-result", "%q does not say what an atom becomes", text) }
	rest := text
	switch {
	case strings.HasPrefix(rest, "*"):
		rest = rest[1:]
	case strings.HasPrefix(rest, "#"):
		n := digits(rest[1:])
		z, err := strconv.Atoi(rest[1 : 1+n])
		if err != nil || z < 1 || z > chem.MaxElement {
			return bad()
		}
		e.element, rest = uint8(z), rest[1+n:]
	default:
		ok := false
		for n := min(2, len(rest)); n > 0 && !ok; n-- {
			symbol := strings.ToUpper(rest[:1]) + rest[1:n]
			if e.element, ok = chem.ElementByName(symbol); ok {
				e.aromatic = rest[:1] != symbol[:1]
				rest = rest[n:]
			}
		}
		if !ok {
			return bad()
		}
	}
	for rest != "" {
		switch c := rest[0]; c {
		case ';', '&':
			rest = rest[1:]
		case 'H', 'D', 'X', 'v':
			n := digits(rest[1:])
			count := 1
			if n > 0 {
				count, _ = strconv.Atoi(rest[1 : 1+n])
			}
			if count > 8 {
				return bad()
			}
			if c == 'H' {
				e.hydrogen, e.counted = uint8(count), true
			}
			rest = rest[1+n:]
		case '+', '-':
			n := digits(rest[1:])
			size := 1
			if n > 0 {
				size, _ = strconv.Atoi(rest[1 : 1+n])
			}
			for n == 0 && len(rest) > 1 && rest[1] == c {
				size++
				rest = rest[1:]
			}
			if size > 15 {
				return bad()
			}
			if c == '-' {
				size = -size
			}
			e.charge, e.charged = int8(size), true
			rest = rest[1+n:]
		default:
			return bad()
		}
	}
	return e, nil
}

// digits is how many digits s begins with, at most four.
func digits(s string) int {
	n := 0
	for n < len(s) && n < 4 && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

var orders = map[string]chem.Order{"": chem.Any, "-": chem.Single, "=": chem.Double, "#": chem.Triple, ":": chem.Aromatic}
