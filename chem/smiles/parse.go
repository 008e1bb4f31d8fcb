// Package smiles reads and writes SMILES, the line notation of molecules.
//
// [Parse] reads the graph and lets package chem derive the rest; [Write] and [Canonical] write it. [Read] and
// [WriteTo] stream .smi files: a SMILES, a blank, a name on each line.
//
// The notation is OpenSMILES 1.0 with the extensions that RDKit reads: %(n) ring numbers up to 99999, dative bonds
// -> and <-, the bond ~ of unknown order, [#6] for an element by number, aromatic si and te. Of a CXSMILES extension
// (a SMILES, a blank, |...|) the coordinates are read and the whole is kept as a property; see ExtensionProp. Read
// parse.go first.
//
// Sources: D. Weininger, J. Chem. Inf. Comput. Sci. 28 (1988) 31; the OpenSMILES specification 1.0 (opensmiles.org).
package smiles

import (
	"slices"
	"strings"
	"sync"

	"galen.dev/chem"
	"galen.dev/fault"
)

// Options change how a SMILES is read. The zero value reads as most programs expect.
type Options struct {
	Raw    bool // leave the graph as written: no hydrogens removed, nothing derived
	KeepHs bool // keep hydrogens that are written as atoms
}

// Parse reads a SMILES: hydrogens that are plain substituents leave the graph, the molecule is sanitized, and its
// stereo elements are assigned. Blanks around it are ignored. The error of a bad SMILES is fault.Data; its finding names
// the class of the mistake ("unclosed-ring") and the character.
func Parse(s string) (*chem.Mol, error) { return ParseWith(s, Options{}) }

// ParseWith is Parse with options.
func ParseWith(s string, o Options) (*chem.Mol, error) {
	extension := ""
	if strings.IndexByte(s, '|') >= 0 {
		s, extension = splitExtension(s)
	}
	m, err := parseGraph(s)
	if err != nil {
		return m, err
	}
	if extension != "" {
		extend(m, extension)
	}
	if o.Raw {
		return m, nil
	}
	if o.KeepHs {
		if err := finish(m); err != nil {
			return nil, err
		}
		return m, nil
	}
	gone := m.RemoveHs()
	if err := finish(m); err != nil {
		return nil, err
	}
	if idle := idleHs(m); idle != nil {
		return withoutMarks(s, extension, idle, gone)
	}
	return m, nil
}

// finish derives what the graph does not say.
func finish(m *chem.Mol) error {
	if err := m.Sanitize(); err != nil {
		return err
	}
	m.AssignStereo()
	return nil
}

// idleHs lists the hydrogens that stayed atoms for the mark of their bond, where the double bond beside it turned out
// to have no arrangement: [H]/N=C(C)C.
func idleHs(m *chem.Mol) (idle []int32) {
	for i := range m.Atoms {
		a := &m.Atoms[i]
		if a.Element != 1 || m.Degree(int32(i)) != 1 || a.Isotope != 0 || a.Map != 0 || a.Charge == -1 {
			continue
		}
		n := m.Neighbors(int32(i))[0]
		if m.Degree(n.Atom) != 2 || m.Atoms[n.Atom].Element <= 1 {
			continue
		}
		for _, k := range m.Neighbors(n.Atom) {
			if b := &m.Bonds[k.Bond]; b.Order == chem.Double && b.Stereo <= chem.AnyStereo {
				idle = append(idle, int32(i))
			}
		}
	}
	return idle
}

// withoutMarks reads a SMILES again without the marks at idle hydrogens, which then count as any other hydrogen. With
// them, the canonical SMILES, which has no marks there, would be read as another graph. gone tells which atoms had left
// when they were found.
func withoutMarks(s, extension string, idle []int32, gone []bool) (*chem.Mol, error) {
	m, err := parseGraph(s)
	if err != nil {
		return m, err
	}
	if extension != "" {
		extend(m, extension)
	}
	m.Connect()
	at := int32(0)
	for i := range m.Atoms {
		if gone != nil && gone[i] {
			continue
		}
		if slices.Contains(idle, at) {
			m.Bonds[m.Neighbors(int32(i))[0].Bond].Dir = chem.NoDir
		}
		at++
	}
	m.RemoveHs()
	if err := finish(m); err != nil {
		return nil, err
	}
	return m, nil
}

// parser holds the state of one reading. There is no recursion: branches are a stack. Parsers are used again.
type parser struct {
	s       string
	at      int
	m       *chem.Mol
	last    int32 // atom that the next one is bonded to, -1 = none
	pending bond  // bond sign seen before the next atom or ring number
	stack   []branch
	parent  []int32 // atom that each atom was bonded to when it was read, -1 = none
	slots   [100]ring
	more    map[int]ring // open rings of higher numbers
	opened  int          // rings that are open
	closed  [][2]int32   // ends of ring bonds
	pairs   map[[2]int32]bool
	stereo  []arrangement   // chiral atoms, in order
	chiral  map[int32]int32 // where in stereo, filled where there are many
}

var parsers = sync.Pool{New: func() any { return new(parser) }}

func (p *parser) reset(s string, lo int) {
	p.s, p.at, p.last, p.pending, p.m = s, lo, -1, bond{}, &chem.Mol{}
	if p.opened > 0 { // only a reading that failed leaves rings open
		p.slots = [100]ring{}
	}
	p.stack, p.parent, p.closed, p.stereo = p.stack[:0], p.parent[:0], p.closed[:0], p.stereo[:0]
	p.more, p.pairs, p.chiral, p.opened = nil, nil, nil, 0
}

// bond is a bond sign.
type bond struct {
	set   bool
	order chem.Order
	dir   chem.Dir
	back  bool // dative towards the atom on the left
	plain bool // no order was given, only a direction
	at    int
}

type branch struct {
	atom  int32
	at    int
	empty bool // nothing follows the parenthesis yet
}

type ring struct {
	open  bool
	bond  bond
	atom  int32
	place int32 // in the list of the arrangement, -1 = the atom is not chiral
	at    int
}

// arrangement is a chiral atom with its neighbours in written order: bond indices, or hydrogen.
type arrangement struct {
	atom     int32
	first    bool // no atom comes before it
	closures int
	order    []int32
}

// hydrogen stands for a hydrogen in the bracket of a chiral atom.
const hydrogen = -2

// failure makes the error of a mistake at a place, counted from 0.
func failure(name string, at int, hint, format string, args ...any) error {
	f := fault.Finding{Name: name, Severity: fault.Severe, Message: sprintfAt(at, format, args), Hint: hint}
	return fault.Refuse("SMILES", []fault.Finding{f})
}

// parseGraph reads the graph.
func parseGraph(s string) (*chem.Mol, error) {
	lo, hi := 0, len(s)
	for lo < hi && s[lo] <= ' ' {
		lo++
	}
	for hi > lo && s[hi-1] <= ' ' {
		hi--
	}
	p := parsers.Get().(*parser)
	defer parsers.Put(p)
	p.reset(s[:hi], lo)
	guess := (hi-lo)*2/3 + 4
	p.m.Atoms, p.m.Bonds = make([]chem.Atom, 0, guess), make([]chem.Bond, 0, guess)
	m := p.m
	err := p.run()
	p.m, p.s = nil, "" // nothing of this reading is kept alive
	if err != nil {
		return nil, err
	}
	m.Connect()
	settleChirality(m, p.stereo)
	return m, nil
}

func (p *parser) run() error {
	for p.at < len(p.s) {
		if err := p.step(); err != nil {
			return err
		}
	}
	switch {
	case p.pending.set:
		return failure("dangling-bond", p.pending.at, "write the atom that the bond leads to", "a bond leads nowhere")
	case len(p.stack) > 0:
		return failure("unclosed-branch", p.stack[len(p.stack)-1].at, "add the missing )", "a branch is not closed")
	case p.opened > 0:
		return p.unclosed()
	case p.last < 0 && len(p.m.Atoms) > 0:
		return failure("empty-part", len(p.s)-1, "remove the dot", "nothing follows the dot")
	}
	return nil
}

// step reads one token.
func (p *parser) step() error {
	c := p.s[p.at]
	if z, aromatic, size := organic(p.s, p.at); size > 0 {
		a := chem.Atom{Element: z}
		if aromatic {
			a.Flags = chem.AromaticAtom
		}
		at := p.at
		p.at += size
		return p.atom(a, at, 0)
	}
	switch {
	case c >= '0' && c <= '9':
		p.at++
		return p.ringBond(int(c-'0'), p.at-1)
	case c == '[':
		return p.bracket()
	case c == '(':
		if p.last < 0 {
			return failure("branch-without-atom", p.at, "a branch follows an atom", "a branch has no atom before it")
		}
		if p.pending.set {
			return failure("misplaced-bond", p.pending.at, "put the bond sign after the parenthesis", "a bond sign comes before a branch")
		}
		if n := len(p.stack); n > 0 && p.stack[n-1].empty {
			return failure("empty-branch", p.at, "remove the doubled parenthesis", "a branch opens directly in another")
		}
		p.stack = append(p.stack, branch{p.last, p.at, true})
		p.at++
		return nil
	case c == ')':
		return p.closeBranch()
	case c == '.':
		return p.dot()
	case c == '%':
		return p.percent()
	}
	return p.bondSign(c)
}

func (p *parser) closeBranch() error {
	n := len(p.stack)
	switch {
	case n == 0:
		return failure("extra-close", p.at, "remove it, or add the missing (", "a parenthesis closes no branch")
	case p.pending.set:
		return failure("dangling-bond", p.pending.at, "write the atom that the bond leads to", "a bond leads nowhere")
	case p.stack[n-1].empty:
		return failure("empty-branch", p.at, "remove the empty parentheses", "a branch is empty")
	}
	p.last = p.stack[n-1].atom
	p.stack = p.stack[:n-1]
	p.at++
	return nil
}

func (p *parser) dot() error {
	switch {
	case p.pending.set:
		return failure("dangling-bond", p.pending.at, "write the atom that the bond leads to", "a bond leads nowhere")
	case p.last < 0 || len(p.stack) > 0 && p.stack[len(p.stack)-1].empty:
		return failure("empty-part", p.at, "remove the dot", "nothing comes before the dot")
	}
	p.last = -1
	p.at++
	return nil
}

// bondSign reads a bond.
func (p *parser) bondSign(c byte) error {
	b := bond{set: true, order: chem.Single, at: p.at}
	size := 1
	next := byte(0)
	if p.at+1 < len(p.s) {
		next = p.s[p.at+1]
	}
	switch c {
	case '-':
		if next == '>' {
			b.order, size = chem.Dative, 2
		}
	case '<':
		if next != '-' {
			return failure("unknown-character", p.at, "a dative bond is <-", "%q is no bond", c)
		}
		b.order, b.back, size = chem.Dative, true, 2
	case '=':
		b.order = chem.Double
	case '#':
		b.order = chem.Triple
	case '$':
		b.order = chem.Quadruple
	case ':':
		b.order = chem.Aromatic
	case '~':
		b.order = chem.Any
	case '/':
		b.dir, b.plain = chem.Up, true
	case '\\':
		b.dir, b.plain = chem.Down, true
		if next == '\\' {
			size = 2 // escaped twice on its way
		}
	default:
		return p.unknown(c)
	}
	switch {
	case p.last < 0:
		return failure("bond-without-atom", p.at, "a bond follows an atom", "a bond has no atom before it")
	case p.pending.set:
		return failure("doubled-bond", p.at, "keep one of the two", "a bond follows a bond")
	}
	p.pending = b
	p.at += size
	return nil
}

// unknown explains a character that begins nothing.
func (p *parser) unknown(c byte) error {
	switch {
	case c == ']':
		return failure("extra-bracket", p.at, "remove it, or add the missing [", "a bracket closes no atom")
	case c <= ' ':
		return failure("blank", p.at, "a name after the SMILES belongs to the line, not to the SMILES", "a blank stands inside the SMILES")
	case c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z':
		return failure("needs-bracket", p.at, "only B C N O P S F Cl Br I and b c n o p s stand without brackets: write it like [Na]", "%q is no atom that stands by itself", c)
	}
	return failure("unknown-character", p.at, "see opensmiles.org for what may stand here", "%q is not part of SMILES", c)
}

// organic reads an atom that needs no bracket.
func organic(s string, at int) (z uint8, aromatic bool, size int) {
	switch s[at] {
	case 'C':
		if at+1 < len(s) && s[at+1] == 'l' {
			return 17, false, 2
		}
		return 6, false, 1
	case 'c':
		return 6, true, 1
	case 'N':
		return 7, false, 1
	case 'n':
		return 7, true, 1
	case 'O':
		return 8, false, 1
	case 'o':
		return 8, true, 1
	case 'S':
		return 16, false, 1
	case 's':
		return 16, true, 1
	case 'F':
		return 9, false, 1
	case 'B':
		if at+1 < len(s) && s[at+1] == 'r' {
			return 35, false, 2
		}
		return 5, false, 1
	case 'b':
		return 5, true, 1
	case 'P':
		return 15, false, 1
	case 'p':
		return 15, true, 1
	case 'I':
		return 53, false, 1
	case '*':
		return 0, false, 1
	}
	return 0, false, 0
}

// atom adds an atom and its bond to the one before. hs are the hydrogens in its bracket.
func (p *parser) atom(a chem.Atom, at, hs int) error {
	i := p.m.AddAtom(a)
	p.parent = append(p.parent, p.last)
	if a.Chirality != chem.Achiral {
		p.stereo = append(p.stereo, arrangement{atom: i, first: p.last < 0})
		if len(p.stereo) == 9 {
			p.chiral = map[int32]int32{}
			for k := range p.stereo[:8] {
				p.chiral[p.stereo[k].atom] = int32(k)
			}
		}
		if p.chiral != nil {
			p.chiral[i] = int32(len(p.stereo) - 1)
		}
	}
	if p.last >= 0 {
		b := chem.Bond{Begin: p.last, End: i, Order: p.pending.order, Dir: p.pending.dir}
		switch {
		case !p.pending.set || p.pending.plain:
			b.Order = p.implied(p.last, i)
		case p.pending.back:
			b.Begin, b.End = i, p.last
		}
		if b.Order == chem.Aromatic {
			b.Flags = chem.AromaticBond
		}
		k := p.m.AddBond(b)
		p.note(p.last, k)
		p.note(i, k)
		p.pending = bond{}
	}
	if a.Chirality.Tetrahedral() && hs == 1 {
		p.note(i, hydrogen)
	}
	if n := len(p.stack); n > 0 {
		p.stack[n-1].empty = false
	}
	p.last = i
	return nil
}

// implied is the order of a bond without a sign.
func (p *parser) implied(a, b int32) chem.Order {
	if p.m.Atoms[a].Aromatic() && p.m.Atoms[b].Aromatic() {
		return chem.Aromatic
	}
	return chem.Single
}

// find returns the arrangement of a chiral atom, or -1.
func (p *parser) find(atom int32) int32 {
	if p.chiral != nil {
		if k, ok := p.chiral[atom]; ok {
			return k
		}
		return -1
	}
	for k := range p.stereo {
		if p.stereo[k].atom == atom {
			return int32(k)
		}
	}
	return -1
}

// note adds a neighbour to the written order of an atom, if it is chiral, and returns its place, or -1.
func (p *parser) note(atom, entry int32) int32 {
	if p.m.Atoms[atom].Chirality == chem.Achiral {
		return -1
	}
	a := &p.stereo[p.find(atom)]
	a.order = append(a.order, entry)
	return int32(len(a.order) - 1)
}
