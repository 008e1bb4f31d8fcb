package descriptor

import (
	"math"
	"sync"

	"galen.dev/chem"
	"galen.dev/chem/smarts"
)

// QEDProperties are the eight properties behind QED.
type QEDProperties struct {
	Weight        float64 // Da
	LogP          float64
	Acceptors     int
	Donors        int
	PolarSurface  float64 // Å²
	Rotatable     int
	AromaticRings int // rings that are left without the aliphatic ring atoms
	Alerts        int // of the unwanted substructures, those that are present
}

// desirability is an asymmetric double sigmoid: how desirable a value of a property is, by its share of oral drugs.
type desirability struct{ a, b, c, d, e, f, highest, weight float64 }

// The functions and the mean weights of Bickerton et al. (2012), supplementary table 1, in the order of
// QEDProperties.
var desirabilities = [8]desirability{
	{2.817065973, 392.5754953, 290.7489764, 2.419764353, 49.22325677, 65.37051707, 104.9805561, 0.66},
	{3.172690585, 137.8624751, 2.534937431, 4.581497897, 0.822739154, 0.576295591, 131.3186604, 0.46},
	{2.948620388, 160.4605972, 3.615294657, 4.435986202, 0.290141953, 1.300669958, 148.7763046, 0.05},
	{1.618662227, 1010.051101, 0.985094388, 0.000000001, 0.713820843, 0.920922555, 258.1632616, 0.61},
	{1.876861559, 125.2232657, 62.90773554, 87.83366614, 12.01999824, 28.51324732, 104.5686167, 0.06},
	{0.010000000, 272.4121427, 2.558379970, 1.565547684, 1.271567166, 2.758063707, 105.4420403, 0.65},
	{3.217788970, 957.7374108, 2.274627939, 0.000000001, 1.317690384, 0.375760881, 312.3372610, 0.48},
	{0.010000000, 1199.094025, -0.09002883, 0.000000001, 0.185904477, 0.875193782, 417.7253140, 0.95},
}

func (p *desirability) of(x float64) float64 {
	rise := 1 + math.Exp(-(x-p.c+p.d/2)/p.e)
	fall := 1 + math.Exp(-(x-p.c-p.d/2)/p.f)
	return (p.a + p.b/rise*(1-1/fall)) / p.highest
}

// QED is the quantitative estimate of drug-likeness, from 0 to 1: the weighted geometric mean of eight
// desirabilities (G. R. Bickerton et al., Nature Chem. 4 (2012) 90).
func QED(m *chem.Mol) float64 {
	d := describers.Get().(*Describer)
	defer describers.Put(d)
	d.load(m)
	return d.qed()
}

// DrugLikeness returns the properties behind QED.
func DrugLikeness(m *chem.Mol) QEDProperties {
	d := describers.Get().(*Describer)
	defer describers.Put(d)
	d.load(m)
	return d.qedProperties()
}

func (d *Describer) qed() float64 {
	p := d.qedProperties()
	values := [8]float64{
		p.Weight, p.LogP, float64(p.Acceptors), float64(p.Donors), p.PolarSurface, float64(p.Rotatable), float64(p.AromaticRings),
		float64(p.Alerts),
	}
	sum, weights := 0.0, 0.0
	for i, v := range values {
		f := &desirabilities[i]
		sum += f.weight * math.Log(f.of(v))
		weights += f.weight
	}
	return math.Exp(sum / weights)
}

// drugLikeness is the memory of QED.
type drugLikeness struct {
	alerts *smarts.Matcher
	parent []int32
}

var alertSet = sync.OnceValue(func() *smarts.Set {
	patterns := make([]*smarts.Pattern, len(alerts))
	for i, a := range alerts {
		patterns[i] = smarts.MustParse(a)
	}
	return smarts.NewSet(patterns)
})

func (d *Describer) qedProperties() QEDProperties {
	m := withoutHs(d.m)
	p := QEDProperties{
		Weight: Weight(m), Donors: Donors(m), PolarSurface: TPSA(m), Rotatable: RotatableBonds(m),
		Acceptors: qedAcceptors(m), AromaticRings: d.aromaticRings(m),
	}
	if m == d.m {
		p.LogP, _ = d.crippen()
	} else {
		p.LogP, _ = Crippen(m)
	}
	if d.drug.alerts == nil {
		d.drug.alerts = alertSet().Matcher()
	}
	d.drug.alerts.Reset(m)
	for i := range alerts {
		if d.drug.alerts.Has(i) {
			p.Alerts++
		}
	}
	return p
}

// withoutHs is the molecule, or a copy without hydrogens that need not be atoms.
func withoutHs(m *chem.Mol) *chem.Mol {
	for i := range m.Atoms {
		a := &m.Atoms[i]
		if a.Element != 1 || a.Isotope != 0 || m.Degree(int32(i)) != 1 || m.Atoms[m.Neighbors(int32(i))[0].Atom].Element == 1 {
			continue
		}
		c := m.Clone()
		c.RemoveHs()
		if len(c.Atoms) == len(m.Atoms) || c.Sanitize() != nil {
			return m
		}
		c.AssignStereo()
		return c
	}
	return m
}

// qedAcceptors counts hydrogen-bond acceptors by QED's own rules: [oH0;X2], O and S with two bonds to one or two
// neighbours (S without hydrogen), [O-;X1], [S-;X1], [nH0;X2], [NH0;X1;v3], and amines that are not beside C=O or
// S=O.
func qedAcceptors(m *chem.Mol) int {
	n := 0
	for i := range m.Atoms {
		a := &m.Atoms[i]
		switch a.Element {
		case 7, 8, 16:
		default:
			continue
		}
		x, h := m.TotalDegree(int32(i)), hydrogens(m, int32(i))
		v := a.TotalValence()
		accepts := false
		switch {
		case a.Element == 7 && a.Aromatic(), a.Element == 8 && a.Aromatic():
			accepts = x == 2 && h == 0
		case a.Element == 7:
			accepts = v == 3 && (x == 1 && h == 0 || x == 3 && a.Charge == 0 && !besideCarbonyl(m, int32(i)))
		case a.Aromatic():
		case x == 1 && a.Charge == -1:
			accepts = true
		case a.Element == 8:
			accepts = v == 2 && (x == 2 && h <= 1 || x == 1 && h == 0)
		default:
			accepts = v == 2 && h == 0 && (x == 1 || x == 2)
		}
		if accepts {
			n++
		}
	}
	return n
}

// besideCarbonyl says whether an atom has a single bond to aliphatic C or S that is doubly bound to oxygen.
func besideCarbonyl(m *chem.Mol, i int32) bool {
	for _, n := range m.Neighbors(i) {
		c := &m.Atoms[n.Atom]
		if m.Bonds[n.Bond].Order != chem.Single || c.Aromatic() || c.Element != 6 && c.Element != 16 {
			continue
		}
		for _, o := range m.Neighbors(n.Atom) {
			if b := &m.Atoms[o.Atom]; b.Element == 8 && !b.Aromatic() && m.Bonds[o.Bond].Order == chem.Double {
				return true
			}
		}
	}
	return false
}

// aromaticRings counts the rings that are left when aliphatic ring atoms with a neighbour that is not aromatic are
// deleted.
func (d *Describer) aromaticRings(m *chem.Mol) int {
	if m.Rings().Len() == 0 {
		return 0
	}
	// Rings are counted as bonds that join atoms which are connected already.
	parent := resized(d.drug.parent, len(m.Atoms))
	for i := range parent {
		parent[i] = int32(i)
		if deletedByQED(m, int32(i)) {
			parent[i] = -1
		}
	}
	d.drug.parent = parent
	rings := 0
	for i := range m.Bonds {
		b := &m.Bonds[i]
		if m.Rings().BondCount(int32(i)) == 0 || parent[b.Begin] < 0 || parent[b.End] < 0 {
			continue
		}
		x, y := root(parent, b.Begin), root(parent, b.End)
		if x == y {
			rings++
		}
		parent[x] = y
	}
	return rings
}

func root(parent []int32, i int32) int32 {
	for parent[i] != i {
		parent[i] = parent[parent[i]]
		i = parent[i]
	}
	return i
}

func deletedByQED(m *chem.Mol, i int32) bool {
	if m.Atoms[i].Aromatic() || m.Rings().AtomCount(i) == 0 {
		return false
	}
	for _, n := range m.Neighbors(i) {
		if !m.Atoms[n.Atom].Aromatic() && bondTraits(&m.Bonds[n.Bond])&simple != 0 {
			return true
		}
	}
	return false
}
