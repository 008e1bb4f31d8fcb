package filter

import (
	"slices"

	"galen.dev/chem"
	"galen.dev/chem/smarts"
)

// Alert is an entry of a catalogue that a molecule has.
type Alert struct {
	Name   string
	Source string // the list it is of, such as "pains_a"
	// Atoms of the molecule, in the order of the pattern: of the first match, or of all where some matches are
	// allowed. Hydrogens that are not atoms of the molecule are left out.
	Atoms []int
}

// maxSteps bounds the search for one pattern in one molecule. Real molecules need some hundreds.
const maxSteps = 20_000_000

// Checker checks molecules against catalogues. It belongs to one goroutine.
type Checker struct {
	plain, withHs part
}

// part holds the entries that are looked for in the same graph.
type part struct {
	entries []entry
	matcher *smarts.Matcher
}

// NewChecker makes a checker of all entries of some catalogues.
func NewChecker(lists ...*List) *Checker {
	c := &Checker{}
	for _, l := range lists {
		for _, e := range l.entries {
			if e.withHs {
				c.withHs.entries = append(c.withHs.entries, e)
			} else {
				c.plain.entries = append(c.plain.entries, e)
			}
		}
	}
	c.plain.prepare()
	c.withHs.prepare()
	return c
}

func (p *part) prepare() {
	patterns := make([]*smarts.Pattern, len(p.entries))
	for i, e := range p.entries {
		patterns[i] = e.pattern
	}
	p.matcher = smarts.NewSet(patterns).Matcher()
	p.matcher.Steps = maxSteps
}

// Check returns the alerts of a sanitized molecule: first those of lists that look at it as it is, then those of
// lists that look at it with all hydrogens (mcf), in the order of the lists. The error is fault.Data, for a molecule
// made to keep a search busy.
func (c *Checker) Check(m *chem.Mol) ([]Alert, error) {
	out, err := c.plain.check(m, len(m.Atoms), nil)
	if err == nil && len(c.withHs.entries) > 0 {
		out, err = c.withHs.check(m.AddHs(), len(m.Atoms), out)
	}
	return out, err
}

// Any says whether a molecule has an alert. It is faster than Check. Its error is as that of Check.
func (c *Checker) Any(m *chem.Mol) (bool, error) {
	found, err := c.plain.any(m)
	if err == nil && !found && len(c.withHs.entries) > 0 {
		return c.withHs.any(m.AddHs())
	}
	return found, err
}

func (p *part) any(m *chem.Mol) (bool, error) {
	p.matcher.Reset(m)
	for i := range p.entries {
		if has, err := p.has(i); has || err != nil {
			return has, err
		}
	}
	return false, nil
}

// has says whether the matcher's molecule has entry i.
func (p *part) has(i int) (bool, error) {
	has := p.matcher.Has(i)
	if most := p.entries[i].max; has && most > 0 {
		has = p.matcher.Count(i) > most
	}
	return has, p.matcher.Err()
}

// check appends alerts; atoms from n on are hydrogens that the caller's molecule does not have.
func (p *part) check(m *chem.Mol, n int, out []Alert) ([]Alert, error) {
	p.matcher.Reset(m)
	for i := range p.entries {
		e := &p.entries[i]
		has, err := p.has(i)
		if err != nil {
			return out, err
		}
		if !has {
			continue
		}
		a := Alert{Name: e.name, Source: e.source}
		o := smarts.Options{Max: 1, Steps: maxSteps}
		if e.max > 0 {
			o.Max, o.Unique = 0, true
		}
		if err := p.matcher.Each(i, o, func(atoms []int32) bool {
			for _, at := range atoms {
				if int(at) < n && !slices.Contains(a.Atoms, int(at)) {
					a.Atoms = append(a.Atoms, int(at))
				}
			}
			return true
		}); err != nil {
			return out, err
		}
		out = append(out, a)
	}
	return out, nil
}

func (l *List) borrow() *Checker {
	if c, ok := l.pool.Get().(*Checker); ok {
		return c
	}
	return NewChecker(l)
}

// Check returns the alerts of a sanitized molecule. See Checker.Check.
func (l *List) Check(m *chem.Mol) ([]Alert, error) {
	c := l.borrow()
	defer l.pool.Put(c)
	return c.Check(m)
}

// Any says whether a molecule has an alert. See Checker.Any.
func (l *List) Any(m *chem.Mol) (bool, error) {
	c := l.borrow()
	defer l.pool.Put(c)
	return c.Any(m)
}
