package scaffold

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"galen.dev/chem"
	"galen.dev/chem/smarts"
	"galen.dev/chem/smiles"
)

// rule is a kind of bond that is cut, with the numbers of the environments at its ends.
type rule struct {
	a, b   uint16
	double bool
}

// rules are all kinds in order; steps are where the steps of the decomposition end.
type rules struct {
	set   *smarts.Set
	list  []rule
	steps []int
}

// The patterns are read when they are needed first.
var bricsRules = sync.OnceValue(func() *rules {
	environment := map[string]string{}
	for line := range strings.Lines(strings.TrimSpace(bricsEnvironments)) {
		name, pattern, _ := strings.Cut(strings.TrimSpace(line), " ")
		environment[name] = pattern
	}
	r := &rules{}
	var patterns []*smarts.Pattern
	for line := range strings.Lines(strings.TrimSpace(bricsPairs)) {
		for _, pair := range strings.Fields(line) {
			bond := pair[strings.IndexAny(pair, "-="):][:1]
			a, b, _ := strings.Cut(pair, bond)
			patterns = append(patterns, smarts.MustParse("[$("+environment[a]+")]"+bond+";!@[$("+environment[b]+")]"))
			r.list = append(r.list, rule{number(a), number(b), bond == "="})
		}
		r.steps = append(r.steps, len(r.list))
	}
	r.set = smarts.NewSet(patterns)
	return r
})

// number is the number of an environment, without its letter.
func number(name string) uint16 {
	n, err := strconv.ParseUint(strings.TrimRight(name, "ab"), 10, 16)
	if err != nil {
		panic(err)
	}
	return uint16(n)
}

// BRICSBond is a bond that a synthesis would make, and the environments at its ends.
type BRICSBond struct {
	Bond         int32
	A, B         int32 // its atoms
	TypeA, TypeB int   // numbers of the environments, 1 to 16
}

// BRICSBonds lists the bonds that BRICS cuts, in the order of its rules. A bond that several rules fit is listed with
// the first (FindBRICSBonds).
func BRICSBonds(m *chem.Mol) ([]BRICSBond, error) { return bricsBonds(m, false) }

// bricsBonds lists the bonds by the rules in their order, or from the last rule to the first.
func bricsBonds(m *chem.Mol, backwards bool) ([]BRICSBond, error) {
	r := bricsRules()
	k := r.set.Matcher()
	k.Reset(m)
	var out []BRICSBond
	done := make([]bool, len(m.Bonds))
	for i := range r.list {
		if backwards {
			i = len(r.list) - 1 - i
		}
		rule := r.list[i]
		err := k.Each(i, smarts.Options{Unique: true}, func(atoms []int32) bool {
			b := m.BondBetween(atoms[0], atoms[1])
			if !done[b] {
				done[b] = true
				out = append(out, BRICSBond{b, atoms[0], atoms[1], int(rule.a), int(rule.b)})
			}
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// BRICSBreak cuts bonds. At each end comes a dummy atom whose isotope is the number of the environment there. The
// result is one molecule of several parts. Where bonds is nil, all of BRICSBonds are cut, but with the last rule that
// fits, which is the most special one (FragmentOnBRICSBonds).
func BRICSBreak(m *chem.Mol, bonds []BRICSBond) (*chem.Mol, error) {
	if bonds == nil {
		var err error
		if bonds, err = bricsBonds(m, true); err != nil {
			return nil, err
		}
	}
	e := edit(m)
	for _, b := range bonds {
		e.cuts = append(e.cuts, cutOf(m, b, m.Bonds[b.Bond].Order))
	}
	return e.finish()
}

func cutOf(m *chem.Mol, b BRICSBond, order chem.Order) cut {
	c := cut{bond: b.Bond, begin: uint16(b.TypeA), end: uint16(b.TypeB), order: order}
	if m.Bonds[b.Bond].Begin != b.A {
		c.begin, c.end = c.end, c.begin
	}
	return c
}

// BRICSOptions change the decomposition. The zero value is RDKit's default.
type BRICSOptions struct {
	MinSize    int  // least number of atoms of a fragment, dummies aside; 0 = 1
	KeepAll    bool // keep what was cut further too, the molecule itself included (keepNonLeafNodes)
	SinglePass bool // cut each bond of the molecule once, and no fragment again; keeps all
}

// BRICSDecompose cuts a molecule rule by rule, and the fragments again, until no rule fits. It returns the fragments,
// each once, by rising canonical SMILES. Molecules with very many bonds to cut have very many fragments on the way: the
// context ends that.
func BRICSDecompose(ctx context.Context, m *chem.Mol, o BRICSOptions) ([]*chem.Mol, error) {
	d := decomposition{opt: o, rules: bricsRules(), known: map[string]bool{}}
	d.opt.MinSize = max(o.MinSize, 1)
	d.matcher = d.rules.set.Matcher()
	pool := []fragment{{m, smiles.Canonical(m)}}
	d.known[pool[0].key] = true
	all := slices.Clone(pool)
	first := 0
	for _, last := range d.rules.steps {
		var next []fragment
		for at := 0; at < len(pool); at++ {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			found, matched, err := d.cut(pool[at].mol, first, last)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
			if !o.SinglePass {
				pool = append(pool, found...)
			}
			if o.SinglePass || o.KeepAll || !matched {
				next = append(next, pool[at])
			}
		}
		pool, first = next, last
	}
	if o.SinglePass || o.KeepAll {
		pool = all
	}
	slices.SortFunc(pool, func(a, b fragment) int { return strings.Compare(a.key, b.key) })
	out := make([]*chem.Mol, len(pool))
	for i, f := range pool {
		out[i] = f.mol
	}
	return out, nil
}

type fragment struct {
	mol *chem.Mol
	key string
}

type decomposition struct {
	opt     BRICSOptions
	rules   *rules
	matcher *smarts.Matcher
	known   map[string]bool
}

// cut applies the rules of one step to a molecule, one bond at a time. It returns fragments that were not known, and
// whether any rule fits.
func (d *decomposition) cut(m *chem.Mol, first, last int) (found []fragment, matched bool, err error) {
	d.matcher.Reset(m)
	for i := first; i < last; i++ {
		r := d.rules.list[i]
		places, err := d.matcher.Find(i, smarts.Options{})
		if err != nil {
			return nil, false, err
		}
		for _, p := range places {
			b := BRICSBond{A: int32(p[0]), B: int32(p[1]), TypeA: int(r.a), TypeB: int(r.b)}
			b.Bond = m.BondBetween(b.A, b.B)
			halves, ok := d.halves(m, b)
			if !ok {
				continue
			}
			matched = true
			for _, h := range halves {
				if !d.known[h.key] {
					d.known[h.key] = true
					found = append(found, h)
				}
			}
		}
	}
	return found, matched, nil
}

// halves are the two parts of a molecule beside a bond, the smaller first. Other parts of a molecule in pieces
// are left out. It reports false where one is too small, or stands for no molecule.
func (d *decomposition) halves(m *chem.Mol, b BRICSBond) ([2]fragment, bool) {
	var out [2]fragment
	for k, root := range [2]int32{b.A, b.B} {
		e := edit(m)
		// Dummies are bound by single bonds, also where a double bond is cut.
		e.cuts = []cut{cutOf(m, b, chem.Single)}
		side := beyond(m, root, b.Bond)
		size := 0
		for i := range e.gone {
			e.gone[i] = !side[i]
			if side[i] && m.Atoms[i].Element != 0 {
				size++
			}
		}
		if size < d.opt.MinSize {
			return out, false
		}
		part, err := e.finish()
		if err != nil {
			return out, false
		}
		out[k] = fragment{part, smiles.Canonical(part)}
	}
	if len(out[1].mol.Atoms) < len(out[0].mol.Atoms) {
		out[0], out[1] = out[1], out[0]
	}
	return out, true
}

// beyond marks what hangs together with an atom without a bond.
func beyond(m *chem.Mol, root, bond int32) []bool {
	in := make([]bool, len(m.Atoms))
	in[root] = true
	stack := []int32{root}
	for len(stack) > 0 {
		a := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, n := range m.Neighbors(a) {
			if n.Bond != bond && !in[n.Atom] {
				in[n.Atom] = true
				stack = append(stack, n.Atom)
			}
		}
	}
	return in
}
