package descriptor

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"encoding/binary"
	"io"
	"math"
	"sync"

	"galen.dev/chem"
	"galen.dev/chem/fingerprint"
)

// fragmentScoreData is packed as data/fpscores.py says.
//
//go:embed data/fpscores.bin
var fragmentScoreData []byte

// fragmentTable maps codes of Morgan environments to scores: an open hash table, since a map of 700,000 entries
// takes three times the memory.
type fragmentTable struct {
	codes  []uint32 // 0 = free
	scores []int32  // 10,000 times the score
	mask   uint32
}

// absentScore is the score of fragments that the table lacks.
const absentScore = -4.0

var fragmentScores = sync.OnceValue(func() *fragmentTable {
	data, err := io.ReadAll(flate.NewReader(bytes.NewReader(fragmentScoreData)))
	if err != nil {
		panic(err) // embedded data
	}
	next := func() int {
		v, n := binary.Uvarint(data)
		data = data[n:]
		return int(v)
	}
	const size = 1 << 20
	t := &fragmentTable{make([]uint32, size), make([]int32, size), size - 1}
	score := -100000
	for range next() {
		score += next()
		code := 0
		for range next() {
			code += next()
			t.put(uint32(code), int32(score))
		}
	}
	return t
})

func (t *fragmentTable) slot(code uint32) uint32 {
	at := code * 0x9e3779b1 >> 12
	for t.codes[at&t.mask] != 0 && t.codes[at&t.mask] != code {
		at++
	}
	return at & t.mask
}

func (t *fragmentTable) put(code uint32, score int32) {
	at := t.slot(code)
	t.codes[at], t.scores[at] = code, score
}

func (t *fragmentTable) of(code uint32) float64 {
	if at := t.slot(code); t.codes[at] != 0 {
		return float64(t.scores[at]) / 10000
	}
	return absentScore
}

// SAScore estimates how hard a molecule is to make, from 1 (easy) to 10: fragments that PubChem seldom has, size,
// stereo centres, spiro atoms, bridges and large rings make it hard (P. Ertl, A. Schuffenhauer, J. Cheminform. 1
// (2009) 8). It is NaN for an empty molecule, and for one too large to be fingerprinted.
func SAScore(m *chem.Mol) float64 {
	d := describers.Get().(*Describer)
	defer describers.Put(d)
	d.load(m)
	return d.saScore()
}

// morganScratch is the memory of Morgan fingerprints by radius.
type morganScratch struct {
	generators [4]*fingerprint.Generator
	codes      []fingerprint.Count
}

// morgan returns the codes of a molecule's environments up to a radius; false for one too large.
func (d *Describer) morganCodes(radius int) ([]fingerprint.Count, bool) {
	s := &d.morgan
	if s.generators[radius] == nil {
		g, err := fingerprint.NewMorgan(fingerprint.MorganOptions{Radius: radius})
		if err != nil {
			panic(err) // the options are fixed
		}
		s.generators[radius] = g
	}
	codes, err := s.generators[radius].Codes(d.m, s.codes[:0])
	s.codes = codes
	return codes, err == nil
}

func (d *Describer) saScore() float64 {
	m := d.m
	codes, ok := d.morganCodes(2)
	if !ok || len(m.Atoms) == 0 {
		return math.NaN()
	}
	table := fragmentScores()
	fragments, count := 0.0, 0.0
	for _, c := range codes {
		fragments += table.of(uint32(c.Code)) * float64(c.Count)
		count += float64(c.Count)
	}
	rings := d.ringCounts()
	atoms := float64(len(m.Atoms))
	score := fragments / count
	score -= math.Pow(atoms, 1.005) - atoms
	score -= math.Log10(float64(len(m.StereoCentres()) + 1))
	score -= math.Log10(float64(rings.Spiro + 1))
	score -= math.Log10(float64(rings.Bridgeheads + 1))
	if rings.Macro > 0 {
		score -= math.Log10(2)
	}
	// Repeated environments make a molecule easier. This is not in the paper.
	if kinds := float64(len(codes)); atoms > kinds {
		score += math.Log(atoms/kinds) / 2
	}
	const low, high = -4.0, 2.5
	score = 11 - (score-low+1)/(high-low)*9
	if score > 8 {
		score = 8 + math.Log(score-8)
	}
	return min(max(score, 1), 10)
}

// densities writes the number of different Morgan environments up to radius 1, 2 and 3 per heavy atom.
func (d *Describer) densities(out []float64) {
	heavy := HeavyAtoms(d.m)
	for i := range out {
		codes, ok := d.morganCodes(i + 1)
		switch {
		case !ok:
			out[i] = math.NaN()
		case heavy == 0:
			out[i] = 0
		default:
			out[i] = float64(len(codes)) / float64(heavy)
		}
	}
}

func (d *Describer) ringCounts() *RingCounts {
	if !d.have.set(haveRings) {
		d.rings = CountRings(d.m)
	}
	return &d.rings
}
