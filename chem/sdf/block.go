package sdf

import (
	"fmt"
	"strconv"
	"strings"

	"galen.dev/chem"
	"galen.dev/fault"
)

// block reads a MOL block and the data fields behind it.
type block struct {
	lines  []string
	at     int
	m      *chem.Mol
	parity []uint8 // of the atoms, 0 where none is stated
	hCount []int8  // the valence field: -1 = not stated
}

func (b *block) fail(name, hint, format string, args ...any) error {
	return fault.Refuse("MOL block", []fault.Finding{{
		Name: name, Severity: fault.Severe, Line: b.at, Message: fmt.Sprintf(format, args...), Hint: hint,
	}})
}

// line returns the next line.
func (b *block) line() (string, bool) {
	if b.at >= len(b.lines) {
		return "", false
	}
	s := strings.TrimRight(b.lines[b.at], " \t\r")
	b.at++
	return s, true
}

// field is a fixed part of a line without its blanks; it may lie beyond the end.
func field(s string, from, to int) string {
	if from >= len(s) {
		return ""
	}
	return strings.TrimSpace(s[from:min(to, len(s))])
}

func (b *block) read() (*chem.Mol, error) {
	b.m = &chem.Mol{}
	name, _ := b.line()
	program, _ := b.line()
	b.line()
	counts, ok := b.line()
	if !ok {
		return nil, b.fail("no-counts-line", "the fourth line of a record tells the number of atoms and bonds", "the record ends before its counts line")
	}
	b.m.Name = strings.TrimSpace(name)
	var err error
	if field(counts, 33, 39) == "V3000" || strings.HasSuffix(counts, "V3000") {
		err = b.readV3000()
	} else {
		err = b.readV2000(counts)
	}
	if err != nil {
		return nil, err
	}
	b.props()
	b.m.Connect()
	b.m.Flat = true
	for _, p := range b.m.Coords {
		b.m.Flat = b.m.Flat && p.Z == 0
	}
	if field(program, 20, 22) == "3D" {
		b.m.Flat = false
	}
	b.perceive()
	return b.m, nil
}

// readV2000 reads the atoms, bonds and properties that the counts line announces.
func (b *block) readV2000(counts string) error {
	atoms, err1 := strconv.Atoi(field(counts, 0, 3))
	bonds, err2 := strconv.Atoi(field(counts, 3, 6))
	if err1 != nil || err2 != nil || atoms < 0 || bonds < 0 {
		return b.fail("bad-counts-line", "it begins with two numbers of three digits each", "the counts line is not readable")
	}
	for range atoms {
		if err := b.atomV2000(); err != nil {
			return err
		}
	}
	for range bonds {
		if err := b.bondV2000(); err != nil {
			return err
		}
	}
	return b.propertiesV2000()
}

func (b *block) atomV2000() error {
	s, ok := b.line()
	if !ok || len(s) < 32 {
		return b.fail("bad-atom-line", "check the number of atoms in the counts line", "atom %d has no complete line", len(b.m.Atoms)+1)
	}
	var p chem.Point
	for i, v := range [3]*float64{&p.X, &p.Y, &p.Z} {
		f, err := number(field(s, 10*i, 10*i+10))
		if err != nil {
			return b.fail("bad-coordinate", "coordinates take ten characters each", "atom %d has a coordinate that is no number", len(b.m.Atoms)+1)
		}
		*v = f
	}
	a := chem.Atom{}
	if err := b.symbol(&a, field(s, 31, 34)); err != nil {
		return err
	}
	// Difference of mass, charge, parity, valence, map. A count of hydrogens (42) belongs to queries and says nothing.
	ints := [5]int{}
	for i, at := range [5][2]int{{34, 36}, {36, 39}, {39, 42}, {48, 51}, {60, 63}} {
		if t := field(s, at[0], at[1]); t != "" {
			v, err := strconv.Atoi(t)
			if err != nil {
				return b.fail("bad-atom-line", "its fields are numbers of three characters", "atom %d has a field that is no number", len(b.m.Atoms)+1)
			}
			ints[i] = v
		}
	}
	if d := ints[0]; d != 0 && a.Element != 0 && a.Isotope == 0 {
		a.Isotope = uint16(max(int(chem.ElementOf(a.Element).Mass+0.5)+d, 0))
	}
	if c := ints[1]; c > 0 && c != 4 && c < 8 {
		a.Charge = int8(4 - c)
	} else if c == 4 {
		a.Radicals = 1
	}
	a.Map = int32(max(ints[4], 0))
	b.add(a, p, ints[2], ints[3])
	return nil
}

// add adds an atom with its parity (1 odd, 2 even) and valence field (0 none, 15 zero).
func (b *block) add(a chem.Atom, p chem.Point, parity, valence int) {
	b.m.AddAtom(a)
	b.m.Coords = append(b.m.Coords, p)
	if parity != 1 && parity != 2 {
		parity = 0
	}
	b.parity = append(b.parity, uint8(parity))
	v := int8(-1)
	switch {
	case valence == 15 || valence == -1:
		v = 0
	case valence > 0 && valence < 15:
		v = int8(valence)
	}
	b.hCount = append(b.hCount, v)
}

// symbol reads an element.
func (b *block) symbol(a *chem.Atom, s string) error {
	switch s {
	case "D":
		a.Element, a.Isotope = 1, 2
		return nil
	case "T":
		a.Element, a.Isotope = 1, 3
		return nil
	case "*", "A", "Q", "X", "M", "R", "R#", "LP", "L", "AH", "QH", "XH", "MH", "Du":
		return nil // an atom of any kind
	}
	if len(s) > 1 && s[0] == 'R' && s[1] >= '0' && s[1] <= '9' {
		return nil
	}
	z, ok := chem.ElementByName(s)
	if !ok && len(s) == 2 {
		z, ok = chem.ElementByName(s[:1] + strings.ToLower(s[1:]))
	}
	if !ok {
		return b.fail("unknown-element", "see the periodic table", "atom %d has a symbol that is no element", len(b.m.Atoms)+1)
	}
	a.Element = z
	return nil
}

func (b *block) bondV2000() error {
	s, ok := b.line()
	v := [4]int{}
	if ok {
		for i := range v {
			t := field(s, 3*i, 3*i+3)
			if t == "" && i == 3 {
				break
			}
			n, err := strconv.Atoi(t)
			if err != nil {
				ok = false
				break
			}
			v[i] = n
		}
	}
	if !ok {
		return b.fail("bad-bond-line", "check the number of bonds in the counts line", "bond %d has no readable line", len(b.m.Bonds)+1)
	}
	dir := chem.NoDir
	switch {
	case v[3] == 1:
		dir = chem.WedgeUp
	case v[3] == 6:
		dir = chem.WedgeDown
	case v[3] == 4:
		dir = chem.Wavy
	case v[3] == 3:
		dir = chem.Crossed
	}
	return b.bond(v[0], v[1], v[2], dir)
}

// orders are the bond types of the format.
var orders = map[int]chem.Order{
	0: chem.Any, 1: chem.Single, 2: chem.Double, 3: chem.Triple, 4: chem.Aromatic, 5: chem.Any, 6: chem.Any, 7: chem.Any,
	8: chem.Any, 9: chem.Dative, 10: chem.Hydrogen,
}

func (b *block) bond(from, to, kind int, dir chem.Dir) error {
	n := len(b.m.Atoms)
	if from < 1 || to < 1 || from > n || to > n || from == to {
		return b.fail("bad-bond", "atoms are numbered from 1", "bond %d joins atoms %d and %d of %d", len(b.m.Bonds)+1, from, to, n)
	}
	order, ok := orders[kind]
	if !ok {
		return b.fail("bad-bond-type", "types run from 1 to 10", "bond %d has the type %d", len(b.m.Bonds)+1, kind)
	}
	k := chem.Bond{Begin: int32(from - 1), End: int32(to - 1), Order: order, Dir: dir}
	if order == chem.Aromatic {
		k.Flags = chem.AromaticBond
	}
	b.m.AddBond(k)
	return nil
}

// propertiesV2000 reads the lines "M  XXX" up to "M  END". A list of charges or radicals replaces all those of the
// atom lines.
func (b *block) propertiesV2000() error {
	cleared := false
	for {
		s, ok := b.line()
		if !ok || s == "M  END" || strings.HasPrefix(s, "M  END") {
			return nil
		}
		if strings.HasPrefix(s, ">") {
			b.at--
			return nil
		}
		if len(s) < 9 || s[:3] != "M  " {
			continue
		}
		kind := s[3:6]
		if kind != "CHG" && kind != "RAD" && kind != "ISO" {
			continue
		}
		if kind != "ISO" && !cleared {
			cleared = true
			for i := range b.m.Atoms {
				b.m.Atoms[i].Charge, b.m.Atoms[i].Radicals = 0, 0
			}
		}
		count, err := strconv.Atoi(field(s, 6, 9))
		if err != nil || count < 0 || count > 8 {
			return b.fail("bad-property", "a line lists at most 8 atoms", "the count of a property line is not readable")
		}
		for i := range count {
			at, err1 := strconv.Atoi(field(s, 9+8*i, 13+8*i))
			v, err2 := strconv.Atoi(field(s, 13+8*i, 17+8*i))
			if err1 != nil || err2 != nil || at < 1 || at > len(b.m.Atoms) {
				return b.fail("bad-property", "entries are pairs of an atom and a value", "entry %d of a property line is not readable", i+1)
			}
			if err := b.set(&b.m.Atoms[at-1], kind, v); err != nil {
				return err
			}
		}
	}
}

// set sets a charge, radical or isotope.
func (b *block) set(a *chem.Atom, kind string, v int) error {
	switch kind {
	case "CHG":
		if v < -100 || v > 100 {
			return b.fail("charge-out-of-range", "no atom carries such a charge", "a charge is beyond 100")
		}
		a.Charge = int8(v)
	case "RAD": // 1 singlet, 2 doublet, 3 triplet
		if v < 0 || v > 3 {
			return b.fail("bad-radical", "radicals are 0 to 3", "a radical is %d", v)
		}
		a.Radicals = [4]uint8{0, 2, 1, 2}[v]
	case "ISO":
		if v < 0 || v > 65535 {
			return b.fail("isotope-out-of-range", "mass numbers end below 300", "an isotope is out of range")
		}
		a.Isotope = uint16(v)
	}
	return nil
}

// props reads the data fields.
func (b *block) props() {
	for {
		s, ok := b.line()
		if !ok {
			return
		}
		if !strings.HasPrefix(s, ">") {
			continue
		}
		name := ""
		if i := strings.IndexByte(s, '<'); i >= 0 {
			if j := strings.LastIndexByte(s, '>'); j > i {
				name = s[i+1 : j]
			}
		}
		var value []string
		for {
			v, ok := b.line()
			if !ok || v == "" {
				break
			}
			value = append(value, v)
		}
		b.m.Props = append(b.m.Props, chem.Prop{Name: name, Value: strings.Join(value, "\n")})
	}
}

func number(s string) (float64, error) {
	if s == "" {
		return 0, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err == nil && (f != f || f > 1e9 || f < -1e9) {
		err = strconv.ErrRange
	}
	return f, err
}
