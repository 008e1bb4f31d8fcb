package sdf

import (
	"strconv"
	"strings"

	"galen.dev/chem"
)

// v30 returns the next V3000 line without its prefix, joined with its continuations. It reports false at the end of
// the record.
func (b *block) v30() (string, bool) {
	var joined string
	for {
		s, ok := b.line()
		if !ok || strings.HasPrefix(s, "M  END") || strings.HasPrefix(s, ">") {
			if ok {
				b.at--
			}
			return joined, joined != ""
		}
		rest, is := strings.CutPrefix(s, "M  V30 ")
		if !is {
			continue
		}
		more, continues := strings.CutSuffix(rest, "-")
		if !continues {
			return joined + rest, true
		}
		joined += more
	}
}

func (b *block) readV3000() error {
	index := map[int]int{} // of atoms by their number
	for {
		s, ok := b.v30()
		if !ok {
			return b.fail("unclosed-ctab", "add M  V30 END CTAB", "the record ends inside its CTAB")
		}
		switch {
		case s == "END CTAB":
			return nil
		case s == "BEGIN ATOM":
			if err := b.section("END ATOM", func(f []string) error { return b.atomV3000(f, index) }); err != nil {
				return err
			}
		case s == "BEGIN BOND":
			if err := b.section("END BOND", func(f []string) error { return b.bondV3000(f, index) }); err != nil {
				return err
			}
		}
	}
}

// section calls line for each line up to the end of a section.
func (b *block) section(end string, line func([]string) error) error {
	for {
		s, ok := b.v30()
		if !ok {
			return b.fail("unclosed-section", "add M  V30 "+end, "the record ends inside a section")
		}
		if s == end {
			return nil
		}
		if err := line(strings.Fields(s)); err != nil {
			return err
		}
	}
}

func (b *block) atomV3000(f []string, index map[int]int) error {
	bad := func() error {
		return b.fail("bad-atom-line", "it reads: number, symbol, x, y, z, map", "atom %d has no readable line", len(b.m.Atoms)+1)
	}
	if len(f) < 6 {
		return bad()
	}
	no, err := strconv.Atoi(f[0])
	if err != nil {
		return bad()
	}
	a := chem.Atom{}
	if err := b.symbol(&a, strings.Trim(f[1], `"`)); err != nil {
		return err
	}
	var p chem.Point
	for i, v := range [3]*float64{&p.X, &p.Y, &p.Z} {
		if *v, err = number(f[2+i]); err != nil {
			return bad()
		}
	}
	mapped, err := strconv.Atoi(f[5])
	if err != nil {
		return bad()
	}
	a.Map = int32(max(mapped, 0))
	parity, valence := 0, 0
	for _, t := range f[6:] {
		key, value, _ := strings.Cut(t, "=")
		v, err := strconv.Atoi(value)
		switch key {
		case "CHG", "RAD", "CFG", "VAL":
			if err != nil {
				return bad()
			}
		case "MASS":
			m, err := strconv.ParseFloat(value, 64)
			if err != nil || !(m >= 0 && m < 65535) {
				return bad()
			}
			a.Isotope = uint16(m + 0.5)
			continue
		}
		switch key {
		case "CHG", "RAD":
			if err := b.set(&a, key, v); err != nil {
				return err
			}
		case "CFG":
			parity = v
		case "VAL":
			valence = v
		}
	}
	if _, twice := index[no]; twice {
		return b.fail("doubled-atom", "numbers must differ", "two atoms have the number %d", no)
	}
	index[no] = len(b.m.Atoms)
	b.add(a, p, parity, valence)
	return nil
}

func (b *block) bondV3000(f []string, index map[int]int) error {
	bad := func() error {
		return b.fail("bad-bond-line", "it reads: number, type, atom, atom", "bond %d has no readable line", len(b.m.Bonds)+1)
	}
	if len(f) < 4 {
		return bad()
	}
	var v [4]int
	for i := range v {
		n, err := strconv.Atoi(f[i])
		if err != nil {
			return bad()
		}
		v[i] = n
	}
	from, ok1 := index[v[2]]
	to, ok2 := index[v[3]]
	if !ok1 || !ok2 {
		return b.fail("bad-bond", "check the numbers of its atoms", "bond %d leads to an atom that is not listed", len(b.m.Bonds)+1)
	}
	dir := chem.NoDir
	for _, t := range f[4:] {
		switch t {
		case "CFG=1":
			dir = chem.WedgeUp
		case "CFG=3":
			dir = chem.WedgeDown
		case "CFG=2":
			dir = chem.Wavy
			if v[1] == 2 {
				dir = chem.Crossed
			}
		}
	}
	return b.bond(from+1, to+1, v[1], dir)
}
