package filter

import (
	"fmt"
	"math"
)

// Values are the numbers that rules judge. Compute them with package chem/descriptor, or measure them.
type Values struct {
	Weight       float64 // g/mol
	LogP         float64 // of octanol and water
	TPSA         float64 // topological polar surface in Å²
	Refractivity float64 // molar, in cm³/mol
	Donors       int     // of hydrogen bonds
	Acceptors    int
	Rotatable    int // bonds
	Rings        int
	Atoms        int // with hydrogens
	Carbons      int
	HeteroAtoms  int // neither C nor H
}

// Rule is a set of ranges that a molecule's values should lie in.
type Rule struct {
	Name      string
	Reference string
	Allowed   int // ranges that may be missed
	ranges    []bound
}

type bound struct {
	name   string
	lo, hi float64
	value  func(*Values) float64
}

func weight(lo, hi float64) bound {
	return bound{"weight", lo, hi, func(v *Values) float64 { return v.Weight }}
}

func logP(lo, hi float64) bound {
	return bound{"logP", lo, hi, func(v *Values) float64 { return v.LogP }}
}

func tpsa(hi float64) bound {
	return bound{"TPSA", math.Inf(-1), hi, func(v *Values) float64 { return v.TPSA }}
}

func refractivity(lo, hi float64) bound {
	return bound{"molar refractivity", lo, hi, func(v *Values) float64 { return v.Refractivity }}
}

func donors(hi int) bound { return counts("donors", 0, hi, func(v *Values) int { return v.Donors }) }

func acceptors(hi int) bound {
	return counts("acceptors", 0, hi, func(v *Values) int { return v.Acceptors })
}

func rotatable(hi int) bound {
	return counts("rotatable bonds", 0, hi, func(v *Values) int { return v.Rotatable })
}

func counts(name string, lo, hi int, value func(*Values) int) bound {
	return bound{name, float64(lo), float64(hi), func(v *Values) float64 { return float64(value(v)) }}
}

// many is more than any molecule has.
const many = math.MaxInt32

// Rules are the published rules, in a fixed order. Each takes only the values that it names.
func Rules() []Rule {
	inf := math.Inf(1)
	return []Rule{
		{"lipinski", "C. A. Lipinski et al., Adv. Drug Deliv. Rev. 23 (1997) 3", 1, []bound{
			weight(-inf, 500), logP(-inf, 5), donors(5), acceptors(10),
		}},
		{"veber", "D. F. Veber et al., J. Med. Chem. 45 (2002) 2615", 0, []bound{rotatable(10), tpsa(140)}},
		{"ghose", "A. K. Ghose et al., J. Comb. Chem. 1 (1999) 55", 0, []bound{
			weight(160, 480), logP(-0.4, 5.6), refractivity(40, 130),
			counts("atoms", 20, 70, func(v *Values) int { return v.Atoms }),
		}},
		{"egan", "W. J. Egan et al., J. Med. Chem. 43 (2000) 3867", 0, []bound{tpsa(131.6), logP(-inf, 5.88)}},
		{"muegge", "I. Muegge et al., J. Med. Chem. 44 (2001) 1841", 0, []bound{
			weight(200, 600), logP(-2, 5), tpsa(150), donors(5), acceptors(10), rotatable(15),
			counts("rings", 0, 7, func(v *Values) int { return v.Rings }),
			counts("carbons", 5, many, func(v *Values) int { return v.Carbons }),
			counts("hetero atoms", 2, many, func(v *Values) int { return v.HeteroAtoms }),
		}},
		{"rule-of-three", "M. Congreve et al., Drug Discov. Today 8 (2003) 876", 0, []bound{
			weight(-inf, 300), logP(-inf, 3), donors(3), acceptors(3), rotatable(3), tpsa(60),
		}},
	}
}

// Broken lists the ranges that the values miss, such as "weight 531.2 above 500". A value that is not a number
// misses its range.
func (r *Rule) Broken(v Values) []string {
	var out []string
	for _, b := range r.ranges {
		x := b.value(&v)
		switch {
		case math.IsNaN(x):
			out = append(out, b.name+" not a number")
		case x < b.lo:
			out = append(out, fmt.Sprintf("%s %.4g below %.4g", b.name, x, b.lo))
		case x > b.hi:
			out = append(out, fmt.Sprintf("%s %.4g above %.4g", b.name, x, b.hi))
		}
	}
	return out
}

// Passes says whether the values miss no more ranges than the rule allows.
func (r *Rule) Passes(v Values) bool { return len(r.Broken(v)) <= r.Allowed }
