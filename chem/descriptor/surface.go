package descriptor

import (
	"math"

	"galen.dev/chem"
)

// bondRadii are the radii in Å from which Labute's approximate surface area is computed, by atomic number.
var bondRadii = [chem.MaxElement + 1]float64{
	0, 0.33, 0.7, 1.23, 0.9, 0.82, 0.77, 0.7, 0.66, 0.611, 0.7, 1.54, 1.36, 1.18, 0.937, 0.89, 1.04, 0.997, 1.74,
	2.03, 1.74, 1.44, 1.32, 1.22, 1.18, 1.17, 1.17, 1.16, 1.15, 1.17, 1.25, 1.26, 1.188, 1.2, 1.17, 1.167, 1.91,
	2.16, 1.91, 1.62, 1.45, 1.34, 1.3, 1.27, 1.25, 1.25, 1.28, 1.34, 1.48, 1.44, 1.385, 1.4, 1.378, 1.387, 1.98,
	2.35, 1.98, 1.69, 1.83, 1.82, 1.81, 1.8, 1.8, 1.99, 1.79, 1.76, 1.75, 1.74, 1.73, 1.72, 1.94, 1.72, 1.44,
	1.34, 1.3, 1.28, 1.26, 1.27, 1.3, 1.34, 1.49, 1.48, 1.48, 1.45, 1.46, 1.45, 2.4, 2.0, 1.9, 1.88, 1.79, 1.61,
	1.58, 1.55, 1.53, 1.07,
}

// LabuteASA is the approximate surface area in Å² (P. Labute, J. Mol. Graph. Model. 18 (2000) 464).
func LabuteASA(m *chem.Mol) float64 {
	var d Describer
	d.load(m)
	return d.labute()
}

// labute computes the surface of each atom, and returns the sum with the hydrogens.
func (d *Describer) labute() float64 {
	if d.have.set(haveSurface) {
		return d.area
	}
	m := d.m
	d.surface = zeroed(d.surface, len(m.Atoms))
	overlap := func(ri, rj, bond float64) float64 {
		dist := min(max(math.Abs(ri-rj), bond), ri+rj)
		return rj*rj - (ri-dist)*(ri-dist)/dist
	}
	for i := range m.Bonds {
		b := &m.Bonds[i]
		ri, rj := bondRadii[m.Atoms[b.Begin].Element], bondRadii[m.Atoms[b.End].Element]
		bond := ri + rj
		switch {
		case b.Aromatic() || b.Order == chem.Any:
			bond -= 0.1
		case b.Order == chem.Double:
			bond -= 0.2
		case b.Order == chem.Triple:
			bond -= 0.3
		}
		d.surface[b.Begin] += overlap(ri, rj, bond)
		d.surface[b.End] += overlap(rj, ri, bond)
	}
	rh, hydrogen, sum := bondRadii[1], 0.0, 0.0
	for i := range m.Atoms {
		r := bondRadii[m.Atoms[i].Element]
		// Each atom overlaps one hydrogen, however many it has: so the method is commonly implemented.
		hydrogen += overlap(rh, r, r+rh)
		d.surface[i] = math.Pi * r * (4*r - d.surface[i] - overlap(r, rh, r+rh))
		sum += d.surface[i]
	}
	if math.Abs(hydrogen) > 1e-4 {
		sum += math.Pi * rh * (4*rh - hydrogen)
	}
	d.area = sum
	return sum
}

// The limits between the bins of the descriptors that share the surface out by a property of its atoms.
var (
	logPBins    = []float64{-0.4, -0.2, 0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6}
	mrBins      = []float64{1.29, 1.82, 2.24, 2.45, 2.75, 3.05, 3.63, 3.8, 4.0}
	chargeBins  = []float64{-0.3, -0.25, -0.20, -0.15, -0.10, -0.05, 0, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30}
	estateBins  = []float64{-0.390, 0.290, 0.717, 1.165, 1.540, 1.807, 2.05, 4.69, 9.17, 15.0}
	surfaceBins = []float64{4.78, 5.00, 5.410, 5.740, 6.00, 6.07, 6.45, 7.00, 11.0}
)

// binned adds what each atom has to the bin of its key. A key that is no number falls into the last bin.
func binned(out, bins []float64, amount, key func(i int) float64, n int) {
	clear(out)
	for i := range n {
		k := key(i)
		at := 0
		for at < len(bins) && !(k < bins[at]) { //nolint:staticcheck // NaN goes to the last bin
			at++
		}
		out[at] += amount(i)
	}
}

func (d *Describer) atomSurface(i int) float64 { return d.surface[i] }

func (d *Describer) slogpVSA(out []float64) {
	d.labute()
	d.crippen()
	binned(out, logPBins, d.atomSurface, func(i int) float64 { return crippenTypes[d.types[i]].logP }, len(d.m.Atoms))
}

func (d *Describer) smrVSA(out []float64) {
	d.labute()
	d.crippen()
	binned(out, mrBins, d.atomSurface, func(i int) float64 { return crippenTypes[d.types[i]].mr }, len(d.m.Atoms))
}

func (d *Describer) peoeVSA(out []float64) {
	d.labute()
	d.gasteiger()
	binned(out, chargeBins, d.atomSurface, func(i int) float64 { return d.charges[i] }, len(d.m.Atoms))
}

func (d *Describer) estateVSA(out []float64) {
	if !d.estate() {
		missing(out)
		return
	}
	d.labute()
	binned(out, estateBins, d.atomSurface, func(i int) float64 { return d.states[i] }, len(d.m.Atoms))
}

func (d *Describer) vsaEState(out []float64) {
	if !d.estate() {
		missing(out)
		return
	}
	d.labute()
	binned(out, surfaceBins, func(i int) float64 { return d.states[i] }, d.atomSurface, len(d.m.Atoms))
}
