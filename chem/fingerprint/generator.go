package fingerprint

import (
	"slices"

	"galen.dev/chem"
	"galen.dev/fault"
)

// DefaultSize is the number of bits where an option says 0.
const DefaultSize = 2048

// maxSize bounds what one fingerprint may take; maxFeatures what one molecule may have.
const (
	maxSize     = 1 << 24
	maxFeatures = 1 << 22
)

// Folding says how features become bits. The zero value is 2,048 bits without count simulation.
type Folding struct {
	Size int // bits; 0 = 2,048
	// CountSimulation turns each code into four bits: the code occurs once, twice, four times, eight times or more.
	CountSimulation bool
}

// countBounds are the counts that set the bits of count simulation.
var countBounds = [...]uint32{1, 2, 4, 8}

// feature is one occurrence of a substructure.
type feature struct {
	code uint64 // unfolded
	hash uint32 // what is folded
	// a and b are: centre and radius, or the two ends of a pair.
	a, b   int32
	lo, hi int32 // its atoms or bonds in Generator.flat
}

// source finds the features of a molecule of one kind.
type source interface {
	// find appends to g.features.
	find(g *Generator, m *chem.Mol) error
	// place says where a feature lies.
	place(g *Generator, m *chem.Mol, f feature) Place
	// again is a source with the same options and memory of its own.
	again() source
}

// Generator makes fingerprints of one kind. It keeps memory between calls: use one for each goroutine (Clone).
type Generator struct {
	fold     Folding
	extra    int // further bits of each feature, drawn by its hash
	source   source
	features []feature
	flat     []int32
	ids      []uint64
}

func newGenerator(s source, f Folding) (*Generator, error) {
	if f.Size == 0 {
		f.Size = DefaultSize
	}
	if f.Size < 8 || f.Size > maxSize {
		return nil, fault.Errorf(fault.Usage, "fingerprint: %d bits; 8 to %d are possible", f.Size, maxSize)
	}
	return &Generator{fold: f, source: s}, nil
}

// Clone is a generator of the same kind with memory of its own.
func (g *Generator) Clone() *Generator {
	return &Generator{fold: g.fold, extra: g.extra, source: g.source.again()}
}

// Size is the number of bits.
func (g *Generator) Size() int { return g.fold.Size }

// Words is the number of 64-bit words that hold the bits: bit i is bit i%64 of word i/64.
func (g *Generator) Words() int { return (g.fold.Size + 63) / 64 }

// find lists the features of m.
func (g *Generator) find(m *chem.Mol) error {
	if !m.Sanitized() {
		panic("fingerprint: the molecule is not sanitized")
	}
	g.features, g.flat = g.features[:0], g.flat[:0]
	return g.source.find(g, m)
}

// full says that a molecule has more features than a generator takes.
func (g *Generator) full() error {
	if len(g.features) > maxFeatures || len(g.flat) > 8*maxFeatures {
		return tooLarge("more than %d substructures", maxFeatures)
	}
	return nil
}

func tooLarge(format string, args ...any) error {
	return fault.WithHint(fault.Errorf(fault.Data, "fingerprint: the molecule is too large: "+format, args...),
		"fingerprints are made for molecules of up to some thousand atoms")
}

// each calls f with the place of each feature within 0 to size-1, its extra bits included.
func (g *Generator) each(size uint32, f func(bit uint32)) {
	for i := range g.features {
		h := g.features[i].hash
		f(h % size)
		if g.extra > 0 {
			r := newTwister(h)
			for range g.extra {
				f(r.next() % size)
			}
		}
	}
}

// Bits sets the fingerprint's bits in a slice of Words words, which is cleared first. Molecules of many thousand
// atoms are refused with a Data error.
func (g *Generator) Bits(m *chem.Mol, into []uint64) error {
	if len(into) != g.Words() {
		panic("fingerprint: the slice does not have Words words")
	}
	clear(into)
	if err := g.find(m); err != nil {
		return err
	}
	size := uint32(g.fold.Size)
	if !g.fold.CountSimulation {
		g.each(size, func(bit uint32) { into[bit>>6] |= 1 << (bit & 63) })
		return nil
	}
	g.collect(size / uint32(len(countBounds)))
	runs(g.ids, func(id uint64, n uint32) {
		for k, bound := range countBounds {
			if n >= bound {
				bit := uint32(id)*uint32(len(countBounds)) + uint32(k)
				into[bit>>6] |= 1 << (bit & 63)
			}
		}
	})
	return nil
}

// collect sorts the places of all features into g.ids.
func (g *Generator) collect(size uint32) {
	g.ids = g.ids[:0]
	g.each(size, func(bit uint32) { g.ids = append(g.ids, uint64(bit)) })
	slices.Sort(g.ids)
}

// runs calls f for each number in a sorted list, with how often it stands there.
func runs(sorted []uint64, f func(id uint64, n uint32)) {
	for i := 0; i < len(sorted); {
		j := i + 1
		for j < len(sorted) && sorted[j] == sorted[i] {
			j++
		}
		f(sorted[i], uint32(j-i))
		i = j
	}
}

// Counts adds up how often each place of the fingerprint is hit, in a slice of Size numbers, which is cleared first.
// Count simulation does not matter here.
func (g *Generator) Counts(m *chem.Mol, into []uint32) error {
	if len(into) != g.fold.Size {
		panic("fingerprint: the slice does not have Size numbers")
	}
	clear(into)
	if err := g.find(m); err != nil {
		return err
	}
	g.each(uint32(g.fold.Size), func(bit uint32) { into[bit]++ })
	return nil
}

// Count is a code, or a place of a folded fingerprint, and how often it occurs.
type Count struct {
	Code  uint64
	Count uint32
}

// Folded appends what Counts adds up, without the zeros, by rising place.
func (g *Generator) Folded(m *chem.Mol, to []Count) ([]Count, error) {
	if err := g.find(m); err != nil {
		return to, err
	}
	g.collect(uint32(g.fold.Size))
	runs(g.ids, func(id uint64, n uint32) { to = append(to, Count{id, n}) })
	return to, nil
}

// Codes appends the unfolded codes, by rising code. They are RDKit's sparse count fingerprint. Codes of Morgan and path
// features have 32 bits; those of pairs and torsions name the atoms in their bits, and are not what is folded.
func (g *Generator) Codes(m *chem.Mol, to []Count) ([]Count, error) {
	if err := g.find(m); err != nil {
		return to, err
	}
	g.ids = g.ids[:0]
	for _, f := range g.features {
		g.ids = append(g.ids, f.code)
		if g.extra > 0 {
			r := newTwister(f.hash)
			for range g.extra {
				g.ids = append(g.ids, uint64(r.next()))
			}
		}
	}
	slices.Sort(g.ids)
	runs(g.ids, func(id uint64, n uint32) { to = append(to, Count{id, n}) })
	return to, nil
}

// Bit is a bit of a fingerprint with everything that sets it.
type Bit struct {
	Bit    int
	Places []Place
}

// Place is an occurrence of a feature in a molecule.
type Place struct {
	Code   uint64  // unfolded
	Atoms  []int32 // the atoms that take part; the centre of a Morgan environment comes first
	Bonds  []int32 // the bonds between them that take part, rising; none for pairs
	Radius int     // of a Morgan environment, in bonds
}

// Explain lists the places that are hit, by rising bit, and for each the features behind it. Several may share a
// bit: by chance, or because they are alike. Count simulation does not matter here: bits are those of Counts.
func (g *Generator) Explain(m *chem.Mol) ([]Bit, error) {
	if err := g.find(m); err != nil {
		return nil, err
	}
	size := uint32(g.fold.Size)
	type hit struct{ bit, feature uint32 }
	var hits []hit
	all := g.features
	for i := range all {
		g.features = all[i : i+1]
		g.each(size, func(bit uint32) { hits = append(hits, hit{bit, uint32(i)}) })
	}
	g.features = all
	slices.SortStableFunc(hits, func(a, b hit) int { return int(a.bit) - int(b.bit) })
	var bits []Bit
	for _, h := range hits {
		if len(bits) == 0 || bits[len(bits)-1].Bit != int(h.bit) {
			bits = append(bits, Bit{Bit: int(h.bit)})
		}
		b := &bits[len(bits)-1]
		b.Places = append(b.Places, g.source.place(g, m, all[h.feature]))
	}
	return bits, nil
}
