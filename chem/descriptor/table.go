package descriptor

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"galen.dev/chem"
	"galen.dev/chem/smarts"
	"galen.dev/fault"
)

// Info says what a descriptor is.
type Info struct {
	Name   string // RDKit's name
	Doc    string // what it measures, in a sentence
	Unit   string // empty for a pure number
	Low    float64
	High   float64 // the range of possible values; ±Inf where open
	Source string  // paper or standard
}

// group is a set of descriptors that are computed together.
type group struct {
	infos []Info
	fill  func(d *Describer, out []float64)
}

var allGroups = sync.OnceValue(func() []group {
	groups := slices.Concat(weightGroups(), countGroups(), surfaceGroups(), topologyGroups(), scoreGroups())
	return append(groups, fragmentGroup())
})

// Table lists all descriptors in the order of All.
func Table() []Info {
	var list []Info
	for _, g := range allGroups() {
		list = append(list, g.infos...)
	}
	return list
}

// Names are the names of all descriptors in the order of All.
func Names() []string {
	table := Table()
	names := make([]string, len(table))
	for i := range table {
		names[i] = table[i].Name
	}
	return names
}

// Standard are the names of the descriptors that are asked for most.
func Standard() []string {
	return []string{
		"MolWt", "ExactMolWt", "HeavyAtomCount", "MolLogP", "MolMR", "TPSA", "NumHDonors", "NumHAcceptors", "NHOHCount", "NOCount",
		"NumRotatableBonds", "RingCount", "NumAromaticRings", "NumAliphaticRings", "NumSaturatedRings", "NumHeterocycles",
		"NumSpiroAtoms", "NumBridgeheadAtoms", "NumAtomStereoCenters", "FractionCSP3", "NumHeteroatoms", "FormalCharge",
		"qed", "SAscore",
	}
}

// All appends every descriptor of a molecule to dst, in the order of Names.
func All(m *chem.Mol, dst []float64) []float64 {
	d := describers.Get().(*Describer)
	defer describers.Put(d)
	return d.Describe(m, dst)
}

var describers = sync.Pool{New: func() any { return new(Describer) }}

// Describer computes a choice of descriptors, molecule after molecule, with one piece of memory. The zero value
// computes all of them. It is not safe for concurrent use; each goroutine has its own.
type Describer struct {
	plan  []step
	width int
	m     *chem.Mol
	have  haves
	out   []float64

	types                             []uint8 // Crippen's
	logP, mr                          float64
	surface, charges, onH             []float64
	area                              float64
	energy, cation, states, intrinsic []float64
	chargesComplete                   bool
	en                                []electronegativity
	deltaN, deltaV, total             []float64
	paths                             paths
	rings                             RingCounts
	dist, list, class, rows           []int32
	bondLength                        []int32
	buckets                           [unit + 1][]int32
	links                             []connection
	drug                              drugLikeness
	morgan                            morganScratch
	groups                            *smarts.Matcher
}

// step fills one group and picks values from it.
type step struct {
	group *group
	picks []pick
}

type pick struct{ from, to int }

// haves remembers which intermediate results of the present molecule were computed.
type haves uint16

const (
	haveTypes haves = 1 << iota
	haveSurface
	haveCharges
	haveStates
	havePaths
	haveDistances
	haveRings
)

// set marks a result as computed and says whether it was so before.
func (h *haves) set(what haves) bool {
	before := *h&what != 0
	*h |= what
	return before
}

// NewDescriber prepares the computation of descriptors in the given order; without names, of all. Names that do not
// exist are refused with what they may have meant.
func NewDescriber(names ...string) (*Describer, error) {
	d := &Describer{}
	var unknown []fault.Finding
	known := Names()
	for to, name := range names {
		if !d.choose(name, to) {
			f := fault.Finding{Name: "unknown-descriptor", Severity: fault.Severe, Message: fmt.Sprintf("%q is no descriptor", name)}
			f.Hint = fault.DidYouMean(name, known)
			unknown = append(unknown, f)
		}
	}
	if unknown != nil {
		return nil, fault.Refuse("descriptors", unknown)
	}
	d.width = len(names)
	return d, nil
}

// choose plans a descriptor, in the step of its group.
func (d *Describer) choose(name string, to int) bool {
	groups := allGroups()
	for g := range groups {
		from := slices.IndexFunc(groups[g].infos, func(i Info) bool { return i.Name == name })
		if from < 0 {
			continue
		}
		for k := range d.plan {
			if d.plan[k].group == &groups[g] {
				d.plan[k].picks = append(d.plan[k].picks, pick{from, to})
				return true
			}
		}
		d.plan = append(d.plan, step{&groups[g], []pick{{from, to}}})
		return true
	}
	return false
}

// planAll plans every descriptor.
func (d *Describer) planAll() {
	groups := allGroups()
	for g := range groups {
		s := step{group: &groups[g]}
		for from := range groups[g].infos {
			s.picks = append(s.picks, pick{from, d.width})
			d.width++
		}
		d.plan = append(d.plan, s)
	}
}

// Describe appends the descriptors of a molecule to dst.
func (d *Describer) Describe(m *chem.Mol, dst []float64) []float64 {
	if d.width == 0 {
		d.planAll()
	}
	d.load(m)
	at := len(dst)
	dst = slices.Grow(dst, d.width)[:at+d.width]
	for i := range d.plan {
		s := &d.plan[i]
		d.out = resized(d.out, len(s.group.infos))
		s.group.fill(d, d.out)
		for _, p := range s.picks {
			dst[at+p.to] = d.out[p.from]
		}
	}
	d.m = nil
	return dst
}

// load begins a molecule.
func (d *Describer) load(m *chem.Mol) { d.m, d.have = m, 0 }

// resized returns a slice of a length on the old memory where that suffices. Its contents are undefined.
func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/2)
	}
	return s[:n]
}

// zeroed is resized with all elements 0.
func zeroed(s []float64, n int) []float64 {
	s = resized(s, n)
	clear(s)
	return s
}

// missing says that values do not exist.
func missing(out []float64) {
	for i := range out {
		out[i] = math.NaN()
	}
}
