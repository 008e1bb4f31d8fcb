// Package ucum reads units of measure as UCUM writes them, and converts values between them. UCUM, the Unified Code for
// Units of Measure, is what FHIR, LOINC and laboratory messages use; it is case sensitive and free of the doubt
// whether "mg" is milli or mega.
//
// Parse gives a Unit: a factor, and the dimensions that it is in. Two units convert where these are equal, or with a
// molar mass between mass and amount of substance. Arbitrary units such as [IU] are dimensions of their own: one
// international unit of heparin is not one of insulin, and neither is a mass. Spell turns what people write ("mcg",
// "mmHg", "K/uL") into UCUM where only one reading makes sense.
//
// Start with Parse, then Convert. Source: Schadow and McDonald, The Unified Code for Units of Measure, version 2.2,
// regenstrief.org. The table in table.go is compared with the reference implementation of the US National Library of
// Medicine.
package ucum

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"galen.dev/fault"
)

// Dimensions are exponents of UCUM's base units.
type Dimensions struct {
	Length, Time, Mass, Angle, Temperature, Charge, Luminosity int8 // m, s, g, rad, K, C, cd
	Amount                                                     int8 // mol: UCUM counts it as a number; apart, so that moles and counts are not mixed
	// Arbitrary names the arbitrary units with their exponents, such as "[IU]1"; "" = none.
	Arbitrary string
}

// Unit is a unit that was understood.
type Unit struct {
	Code   string // as it was parsed
	Factor float64
	Dimensions
	special *special // nil = a ratio scale
}

// special is a scale that is no multiple of its base: degrees, logarithms. toBase takes a value on the scale.
type special struct {
	name     string
	toBase   func(float64) float64
	fromBase func(float64) float64
}

const maxLength = 200 // of a code; the longest in use have some forty characters

// Parse reads a unit. "" and "1" are the unity. Errors are of kind fault.Data and name the place.
func Parse(code string) (Unit, error) {
	if len(code) > maxLength {
		return Unit{}, fault.Errorf(fault.Data, "a unit of %d characters is none", len(code))
	}
	p := parser{text: code, atoms: known()}
	u, err := p.main()
	u.Code = code
	if err != nil {
		return Unit{}, fault.Errorf(fault.Data, "unit %q: %w", code, err)
	}
	return u, nil
}

type parser struct {
	atoms *atoms
	text  string
	at    int
	deep  int
}

func (p *parser) wrong(format string, args ...any) error {
	return fmt.Errorf("at character %d: %s", p.at+1, fmt.Sprintf(format, args...))
}

func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) main() (Unit, error) {
	if p.text == "" {
		return Unit{Factor: 1}, nil
	}
	u, err := p.term()
	if err == nil && p.at < len(p.text) {
		err = p.wrong("%q was not expected", string(p.peek()))
	}
	if err == nil && (math.IsInf(u.Factor, 0) || u.Factor == 0) {
		err = fmt.Errorf("it is beyond what can be computed")
	}
	return u, err
}

// term is components joined by "." and "/", from the left; a "/" in front divides one by what follows.
func (p *parser) term() (Unit, error) {
	u := Unit{Factor: 1}
	sign := int8(1)
	if p.peek() == '/' {
		p.at++
		sign = -1
	}
	for first := true; ; first = false {
		c, err := p.component()
		if err != nil {
			return u, err
		}
		alone := first && sign > 0 && (p.at == len(p.text) || p.peek() == ')')
		if c.special != nil && !alone {
			return u, p.wrong("%s is no ratio scale and stands alone", c.special.name)
		}
		if alone {
			return c, nil
		}
		if u, err = u.times(c, sign); err != nil {
			return u, err
		}
		switch p.peek() {
		case '.':
			sign = 1
		case '/':
			sign = -1
		default:
			return u, nil
		}
		p.at++
	}
}

func (p *parser) component() (Unit, error) {
	if p.peek() == '{' {
		return Unit{Factor: 1}, p.annotation()
	}
	if p.peek() == '(' {
		if p.deep++; p.deep > 20 {
			return Unit{}, p.wrong("parentheses are nested too deeply")
		}
		p.at++
		u, err := p.term()
		if err != nil {
			return u, err
		}
		if p.peek() != ')' {
			return u, p.wrong("a parenthesis is not closed")
		}
		p.at++
		p.deep--
		return u, nil
	}
	return p.simple()
}

// simple is a number, or an atom with its prefix, exponent and annotation.
func (p *parser) simple() (Unit, error) {
	begin := p.at
	word := p.word()
	if word == "" {
		return Unit{}, p.wrong("a unit is missing")
	}
	var u Unit
	digits, err := strconv.ParseUint(word, 10, 53)
	if err == nil {
		if digits == 0 {
			p.at = begin
			return u, p.wrong("zero is no unit")
		}
		u = Unit{Factor: float64(digits)}
	} else {
		var ok bool
		if u, ok = p.atoms.find(word); !ok {
			p.at = begin
			return u, p.wrong("no unit is called %q", word)
		}
		exp, err := p.exponent()
		if err != nil {
			return u, err
		}
		if exp != 1 && u.special != nil {
			return u, p.wrong("%s is no ratio scale and takes no exponent", u.special.name)
		}
		if exp != 1 {
			if u, err = u.power(exp); err != nil {
				return u, err
			}
		}
	}
	if p.peek() == '{' {
		err = p.annotation()
	} else {
		err = nil
	}
	return u, err
}

// word takes the characters of an atom or a number: up to an operator, an annotation or an exponent. Square
// brackets may hold anything.
func (p *parser) word() string {
	begin := p.at
	if rest := p.text[begin:]; strings.HasPrefix(rest, "10*") || strings.HasPrefix(rest, "10^") {
		p.at += 3
		return rest[:3]
	}
	open := false
	for ; p.at < len(p.text); p.at++ {
		c := p.text[p.at]
		switch {
		case c == '[':
			open = true
		case c == ']':
			open = false
		case open:
		case strings.IndexByte("./(){}+-", c) >= 0:
			return p.text[begin:p.at]
		case c >= '0' && c <= '9' && p.at > begin && !isDigit(p.text[begin]):
			return p.text[begin:p.at] // an exponent follows
		case c <= ' ' || c > '~':
			return p.text[begin:p.at]
		}
	}
	return p.text[begin:p.at]
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (p *parser) exponent() (int8, error) {
	begin := p.at
	if c := p.peek(); c == '+' || c == '-' {
		p.at++
	}
	for isDigit(p.peek()) {
		p.at++
	}
	text := p.text[begin:p.at]
	if text == "" {
		return 1, nil
	}
	n, err := strconv.ParseInt(text, 10, 8)
	if err != nil || n == 0 || n > 60 || n < -60 {
		return 0, p.wrong("%q is no exponent of a unit", text)
	}
	return int8(n), nil
}

func (p *parser) annotation() error {
	end := strings.IndexByte(p.text[p.at:], '}')
	if end < 0 {
		return p.wrong("an annotation is not closed")
	}
	p.at += end + 1
	return nil
}
