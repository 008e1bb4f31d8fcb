package fingerprint

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash"
	"os"
	"slices"
	"testing"

	"galen.dev/chem"
	"galen.dev/chem/smiles"
)

// vector is what RDKit 2026.09.1 makes of a molecule: digests for each kind of fingerprint, the MACCS keys, and for
// some the codes of ECFP4. testdata/vectors.py writes them.
type vector struct {
	SMILES string
	MACCS  []int
	Kinds  map[string]string
	ECFP4  [][2]uint64
}

func vectors(t testing.TB) []vector {
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vs []vector
	if err := json.Unmarshal(data, &vs); err != nil {
		t.Fatal(err)
	}
	return vs
}

// kinds are the generators of testdata/vectors.py.
func kinds(t testing.TB) map[string]*Generator {
	simulated := Folding{CountSimulation: true}
	out := map[string]*Generator{}
	add := func(name string) func(g *Generator, err error) {
		return func(g *Generator, err error) {
			if err != nil {
				t.Fatal(err)
			}
			out[name] = g
		}
	}
	add("ecfp4")(NewMorgan(MorganOptions{}))
	add("ecfp8")(NewMorgan(MorganOptions{Radius: 4, Folding: Folding{Size: 1024}}))
	add("chiral")(NewMorgan(MorganOptions{Radius: 3, Chirality: true}))
	add("plain")(NewMorgan(MorganOptions{NoBondTypes: true, NoRings: true}))
	add("redundant")(NewMorgan(MorganOptions{Radius: 3, Redundant: true}))
	add("fcfp4")(NewMorgan(MorganOptions{Features: true}))
	add("fcfp6nonzero")(NewMorgan(MorganOptions{Radius: 3, Features: true, OnlyFeatures: true}))
	add("ecfp4sim")(NewMorgan(MorganOptions{Folding: simulated}))
	add("pairs")(NewPairs(PairOptions{Folding: simulated}))
	add("pairschiral")(NewPairs(PairOptions{Folding: simulated, Max: 7, Chirality: true}))
	add("torsions")(NewTorsions(TorsionOptions{Folding: simulated}))
	add("torsionschiral")(NewTorsions(TorsionOptions{Folding: simulated, Atoms: 5, Chirality: true}))
	add("paths")(NewPaths(PathOptions{}))
	add("paths5")(NewPaths(PathOptions{Min: 2, Max: 5, NoBondTypes: true, NoHydrogens: true, BitsEach: 3}))
	out["maccs"] = NewMACCS()
	return out
}

func parse(t testing.TB, s string) *chem.Mol {
	m, err := smiles.Parse(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return m
}

// digests of lists, as vectors.py makes them.
type digest struct{ hash.Hash }

func (d digest) list(l []uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint32(b[:4], uint32(len(l)))
	d.Write(b[:4])
	for _, v := range l {
		binary.LittleEndian.PutUint64(b[:], v)
		d.Write(b[:])
	}
}

func (d digest) counts(l []Count) {
	var flat []uint64
	for _, c := range l {
		flat = append(flat, c.Code, uint64(c.Count))
	}
	d.list(flat)
}

func (d digest) short() string { return hex.EncodeToString(d.Sum(nil))[:16] }

func onBits(t testing.TB, g *Generator, m *chem.Mol) []uint64 {
	words := make([]uint64, g.Words())
	if err := g.Bits(m, words); err != nil {
		t.Fatal(err)
	}
	var on []uint64
	for i := range uint64(g.Size()) {
		if words[i>>6]>>(i&63)&1 != 0 {
			on = append(on, i)
		}
	}
	return on
}

func sparse(t testing.TB, list func(*chem.Mol, []Count) ([]Count, error), m *chem.Mol) []Count {
	out, err := list(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Bits, counts and unfolded codes equal RDKit's.
func TestVectors(t *testing.T) {
	ks := kinds(t)
	for _, v := range vectors(t) {
		m := parse(t, v.SMILES)
		var keys []int
		for _, b := range onBits(t, ks["maccs"], m) {
			keys = append(keys, int(b))
		}
		if !slices.Equal(keys, v.MACCS) {
			t.Errorf("%s: MACCS keys %v, want %v", v.SMILES, keys, v.MACCS)
		}
		if len(v.Kinds)+1 != len(ks) {
			t.Fatalf("%d kinds in the vectors, %d here", len(v.Kinds), len(ks))
		}
		for name, want := range v.Kinds {
			d := digest{sha256.New()}
			d.list(onBits(t, ks[name], m))
			d.counts(sparse(t, ks[name].Folded, m))
			d.counts(sparse(t, ks[name].Codes, m))
			if got := d.short(); got != want {
				t.Errorf("%s: %s differs", v.SMILES, name)
			}
		}
		if v.ECFP4 == nil {
			continue
		}
		var got [][2]uint64
		for _, c := range sparse(t, ks["ecfp4"].Codes, m) {
			got = append(got, [2]uint64{c.Code, uint64(c.Count)})
		}
		if !slices.Equal(got, v.ECFP4) {
			t.Errorf("%s: codes %v, want %v", v.SMILES, got, v.ECFP4)
		}
	}
}
