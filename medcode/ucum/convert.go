package ucum

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"

	"galen.dev/fault"
)

// add adds exponents, refusing those that leave the range that units use.
func add(a, b int8, sign int) (int8, error) {
	n := int(a) + sign*int(b)
	if n > 100 || n < -100 {
		return 0, fmt.Errorf("an exponent is beyond 100")
	}
	return int8(n), nil
}

// times multiplies by v, or divides where sign is -1.
func (u Unit) times(v Unit, sign int8) (Unit, error) {
	var err error
	sum := func(a, b int8) int8 {
		n, e := add(a, b, int(sign))
		if e != nil {
			err = e
		}
		return n
	}
	a, b := u.Dimensions, v.Dimensions
	out := Unit{Factor: u.Factor * math.Pow(v.Factor, float64(sign)), Dimensions: Dimensions{
		Length: sum(a.Length, b.Length), Time: sum(a.Time, b.Time), Mass: sum(a.Mass, b.Mass), Angle: sum(a.Angle, b.Angle),
		Temperature: sum(a.Temperature, b.Temperature), Charge: sum(a.Charge, b.Charge), Luminosity: sum(a.Luminosity, b.Luminosity), Amount: sum(a.Amount, b.Amount),
	}}
	out.Arbitrary = joinArbitrary(a.Arbitrary, b.Arbitrary, int(sign))
	return out, err
}

func (u Unit) power(n int8) (Unit, error) {
	out, sign := Unit{Factor: 1}, int8(1)
	if n < 0 {
		n, sign = -n, -1
	}
	factor := u.Factor
	u.Factor = 1
	var err error
	for range n {
		if out, err = out.times(u, sign); err != nil {
			return out, err
		}
	}
	out.Factor = math.Pow(factor, float64(n)*float64(sign))
	return out, nil
}

// joinArbitrary adds the exponents of arbitrary units: "[IU]1" and "[IU]-1" cancel.
func joinArbitrary(a, b string, sign int) string {
	if a == "" && b == "" {
		return ""
	}
	count := map[string]int{}
	for k, list := range []string{a, b} {
		for _, part := range strings.Fields(list) {
			end := strings.LastIndexByte(part, ']') + 1
			n, _ := strconv.Atoi(part[end:])
			if k == 1 {
				n *= sign
			}
			count[part[:end]] += n
		}
	}
	var parts []string
	for name, n := range count {
		if n != 0 {
			parts = append(parts, name+strconv.Itoa(n))
		}
	}
	sort.Strings(parts)
	return strings.Join(parts, " ")
}

// Converter turns values of one unit into another.
type Converter struct {
	from, to Unit
	scale    float64
}

// Substance is what conversions between mass, amount and charge need to know. Zero values are not known.
type Substance struct {
	MolarMass float64 // g/mol
	Valence   int     // charges of an ion, for equivalents; without sign
}

// NewConverter refuses units that do not measure the same thing.
func NewConverter(from, to Unit, s Substance) (Converter, error) {
	c := Converter{from: from, to: to, scale: 1}
	a, b := from.Dimensions, to.Dimensions
	var hint string
	if n := equivalents(a) - equivalents(b); n != 0 {
		if s.Valence > 0 { // this many equivalents become moles
			a.Arbitrary, a.Amount = joinArbitrary(a.Arbitrary, "[eq]"+strconv.Itoa(n), -1), a.Amount+int8(n)
			c.scale *= math.Pow(float64(s.Valence), -float64(n))
		} else {
			hint = "one counts equivalents: the valence of the ion is needed"
		}
	}
	if n := a.Amount - b.Amount; n != 0 && a.Mass+n == b.Mass {
		if s.MolarMass > 0 { // this many moles become grams
			a.Amount, a.Mass = a.Amount-n, a.Mass+n
			c.scale *= math.Pow(s.MolarMass, float64(n))
		} else {
			hint = "one is an amount of substance and the other a mass: a molar mass is needed"
		}
	}
	if a != b || (from.special != nil || to.special != nil) && c.scale != 1 {
		err := fault.Errorf(fault.Data, "the units %q and %q do not measure the same thing", from.Code, to.Code)
		if hint != "" {
			return c, fault.WithHint(err, "%s", hint)
		}
		return c, err
	}
	return c, nil
}

// equivalents is the exponent of the equivalent.
func equivalents(d Dimensions) int {
	for _, part := range strings.Fields(d.Arbitrary) {
		if n, ok := strings.CutPrefix(part, "[eq]"); ok {
			exp, _ := strconv.Atoi(n)
			return exp
		}
	}
	return 0
}

// Convert turns one value. Logarithms of values that are not positive give NaN.
func (c Converter) Convert(v float64) float64 {
	base := v * c.from.Factor
	if s := c.from.special; s != nil {
		base = s.toBase(v * c.from.Factor)
	}
	if s := c.to.special; s != nil {
		return s.fromBase(base) / c.to.Factor
	}
	return base * c.scale / c.to.Factor
}

// Convert turns a value of one unit into another, given by their codes.
func Convert(v float64, from, to string) (float64, error) {
	a, err := Parse(from)
	if err != nil {
		return 0, err
	}
	b, err := Parse(to)
	if err != nil {
		return 0, err
	}
	c, err := NewConverter(a, b, Substance{})
	if err != nil {
		return 0, err
	}
	return c.Convert(v), nil
}
