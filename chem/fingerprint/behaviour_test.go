package fingerprint

import (
	"slices"
	"strings"
	"testing"

	"galen.dev/fault"
)

// Molecules of one size after the other need no new memory.
func TestNoAllocations(t *testing.T) {
	g, err := NewMorgan(MorganOptions{Chirality: true})
	if err != nil {
		t.Fatal(err)
	}
	m, words := parse(t, "CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)NCCc1c[nH]c2ccc(F)cc12"), make([]uint64, g.Words())
	counts := make([]uint32, g.Size())
	if n := testing.AllocsPerRun(100, func() {
		if g.Bits(m, words) != nil || g.Counts(m, counts) != nil {
			t.Error("an error")
		}
	}); n > 0 {
		t.Errorf("%g allocations in each call", n)
	}
}

// Explain names every bit of Counts as often as it counts, with atoms and bonds that belong together.
func TestExplain(t *testing.T) {
	for name, g := range kinds(t) {
		for _, v := range vectors(t)[:60] {
			m := parse(t, v.SMILES)
			counts := make([]uint32, g.Size())
			if err := g.Counts(m, counts); err != nil {
				t.Fatal(err)
			}
			bits, err := g.Explain(m)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range bits {
				if counts[b.Bit] != uint32(len(b.Places)) {
					t.Fatalf("%s: %s: bit %d counts %d, %d places", v.SMILES, name, b.Bit, counts[b.Bit], len(b.Places))
				}
				counts[b.Bit] = 0
				for _, p := range b.Places {
					for _, k := range p.Bonds {
						if !slices.Contains(p.Atoms, m.Bonds[k].Begin) || !slices.Contains(p.Atoms, m.Bonds[k].End) {
							t.Fatalf("%s: %s: bond %d lies outside atoms %v", v.SMILES, name, k, p.Atoms)
						}
					}
				}
			}
			if k := slices.IndexFunc(counts, func(c uint32) bool { return c > 0 }); k >= 0 {
				t.Fatalf("%s: %s: bit %d is not explained", v.SMILES, name, k)
			}
		}
	}
}

// The environment of an amide's carbon, as a chemist would draw it.
func TestPlace(t *testing.T) {
	g, err := NewMorgan(MorganOptions{Radius: 1})
	if err != nil {
		t.Fatal(err)
	}
	bits, err := g.Explain(parse(t, "CC(=O)NC"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bits {
		for _, p := range b.Places {
			if p.Radius != 1 || p.Atoms[0] != 1 {
				continue
			}
			if !slices.Equal(p.Atoms, []int32{1, 0, 2, 3}) || !slices.Equal(p.Bonds, []int32{0, 1, 2}) {
				t.Errorf("atoms %v, bonds %v", p.Atoms, p.Bonds)
			}
			return
		}
	}
	t.Error("no environment of the carbonyl")
}

// A clone and its origin work side by side and agree.
func TestClone(t *testing.T) {
	m := parse(t, "CC(C)Cc1ccc(cc1)C(C)C(=O)O")
	for name, g := range kinds(t) {
		c := g.Clone()
		if a, b := sparse(t, g.Codes, m), sparse(t, c.Codes, m); !slices.Equal(a, b) || len(a) == 0 {
			t.Errorf("%s: %d and %d codes", name, len(a), len(b))
		}
	}
}

func TestBadOptions(t *testing.T) {
	for name, make := range map[string]func() (*Generator, error){
		"size":     func() (*Generator, error) { return NewMorgan(MorganOptions{Folding: Folding{Size: 3}}) },
		"radius":   func() (*Generator, error) { return NewMorgan(MorganOptions{Radius: 101}) },
		"distance": func() (*Generator, error) { return NewPairs(PairOptions{Max: 31}) },
		"range":    func() (*Generator, error) { return NewPairs(PairOptions{Min: 4, Max: 3}) },
		"chain":    func() (*Generator, error) { return NewTorsions(TorsionOptions{Atoms: 6, Chirality: true}) },
		"path":     func() (*Generator, error) { return NewPaths(PathOptions{Max: 11}) },
		"bits":     func() (*Generator, error) { return NewPaths(PathOptions{BitsEach: -1}) },
	} {
		if _, err := make(); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Hostile molecules are refused, not run for hours.
func TestTooLarge(t *testing.T) {
	star := "[U]" + strings.Repeat("(C)", 200) + "C"
	paths, _ := NewPaths(PathOptions{})
	morgan, _ := NewMorgan(MorganOptions{})
	for s, g := range map[string]*Generator{star: paths, strings.Repeat("C", 60_000): morgan} {
		m := parse(t, s)
		if err := g.Bits(m, make([]uint64, g.Words())); fault.KindOf(err) != fault.Data {
			t.Errorf("%d bytes: %v", len(s), err)
		}
	}
}

func BenchmarkMorgan(b *testing.B) {
	g, err := NewMorgan(MorganOptions{})
	if err != nil {
		b.Fatal(err)
	}
	m, words := parse(b, "CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)NCCc1c[nH]c2ccc(F)cc12"), make([]uint64, g.Words())
	b.ReportAllocs()
	for b.Loop() {
		if err := g.Bits(m, words); err != nil {
			b.Fatal(err)
		}
	}
}
