package descriptor

import (
	"math"

	"galen.dev/chem"
)

// electronegativity holds the coefficients a, b, c of χ(q) = a + b·q + c·q² in eV.
type electronegativity struct{ a, b, c float64 }

// The electronegativity of hydrogen, and that of its cation, in eV.
var (
	hydrogenEN = electronegativity{7.17, 6.24, -0.56}
	protonEN   = 20.02
)

// orbitalEN are the parameters by element, for sp, sp2 and sp3. Gasteiger and Marsili give those of H, C, N, O, F,
// Cl, Br, I, S; the others come from the PyBabel program.
var orbitalEN = map[uint8][3]electronegativity{
	4:  {{}, {4.005, 6.725, 3.035}, {3.845, 6.755, 3.165}},
	5:  {{}, {6.420, 6.807, 1.322}, {5.980, 6.820, 1.605}},
	6:  {{10.39, 9.45, 0.73}, {8.79, 9.32, 1.51}, {7.98, 9.18, 1.88}},
	7:  {{15.68, 11.7, -0.27}, {12.87, 11.15, 0.85}, {11.54, 10.82, 1.36}},
	8:  {{}, {17.07, 13.79, 0.47}, {14.18, 12.92, 1.39}},
	9:  {{}, {}, {14.66, 13.85, 2.31}},
	12: {{4.040, 5.472, 1.823}, {3.565, 5.572, 2.197}, {3.300, 5.587, 2.447}},
	13: {{}, {5.795, 5.020, 0.695}, {5.375, 4.953, 0.867}},
	14: {{9.065, 7.027, -0.002}, {7.905, 6.748, 0.443}, {7.300, 6.567, 0.657}},
	15: {{}, {9.665, 8.530, 0.735}, {8.90, 8.24, 0.96}},
	16: {{}, {10.88, 9.49, 1.33}, {10.14, 9.13, 1.38}},
	17: {{}, {}, {11.00, 9.69, 1.35}},
	35: {{}, {}, {10.08, 8.47, 1.16}},
	53: {{}, {}, {9.9, 7.96, 0.96}},
}

// sulfoneEN is for sulfur of unknown hybridisation with two oxygens.
var sulfoneEN = electronegativity{12.00, 10.81, 1.20}

// GasteigerCharges are partial charges of the atoms by iterative equalisation of orbital electronegativity, in 12
// rounds (J. Gasteiger, M. Marsili, Tetrahedron 36 (1980) 3219). Atoms without parameters, metals for example,
// spoil the charges around them: these may be NaN or infinite.
func GasteigerCharges(m *chem.Mol) []float64 {
	var d Describer
	d.load(m)
	d.gasteiger()
	return d.charges
}

func (d *Describer) parameters(i int32) (p electronegativity, known bool) {
	a := &d.m.Atoms[i]
	if a.Element == 1 && a.Hybrid != chem.HybridSP && a.Hybrid != chem.HybridSP2 && a.Hybrid != chem.HybridSP3 {
		return hydrogenEN, true
	}
	set := orbitalEN[a.Element]
	switch a.Hybrid {
	case chem.HybridSP:
		p = set[0]
	case chem.HybridSP2:
		p = set[1]
	case chem.HybridSP3:
		p = set[2]
	default:
		if a.Element != 16 {
			return p, false
		}
		p = set[2]
		oxygens := 0
		for _, n := range d.m.Neighbors(i) {
			if d.m.Atoms[n.Atom].Element == 8 {
				oxygens++
			}
		}
		if oxygens == 2 {
			p = sulfoneEN
		}
	}
	return p, p != electronegativity{}
}

// gasteiger computes the charges. complete is false where an atom has no parameters.
func (d *Describer) gasteiger() (complete bool) {
	if d.have.set(haveCharges) {
		return d.chargesComplete
	}
	m, n := d.m, len(d.m.Atoms)
	d.charges, d.onH, d.energy = zeroed(d.charges, n), zeroed(d.onH, n), zeroed(d.energy, n)
	d.cation = zeroed(d.cation, n)
	if cap(d.en) < n {
		d.en = make([]electronegativity, n, n+n/2)
	}
	d.en = d.en[:n]
	d.spreadFormal()
	complete = true
	for i := range m.Atoms {
		p, known := d.parameters(int32(i))
		complete = complete && known
		d.en[i], d.cation[i] = p, p.a+p.b+p.c
		if m.Atoms[i].Element == 1 {
			d.cation[i] = protonEN
		}
	}
	// Each round moves half as much charge as the one before.
	for damp := 0.5; damp > 1.0/(1<<13); damp /= 2 {
		d.equalise(damp)
	}
	d.chargesComplete = complete
	return complete
}

func (d *Describer) equalise(damp float64) {
	m := d.m
	for i := range m.Atoms {
		q, p := d.charges[i], &d.en[i]
		d.energy[i] = p.a + q*(p.b+p.c*q)
	}
	for i := range m.Atoms {
		moved := 0.0
		for _, n := range m.Neighbors(int32(i)) {
			by := d.energy[n.Atom] - d.energy[i]
			scale := d.cation[n.Atom]
			if !(by < 0) { //nolint:staticcheck // NaN counts as rising
				scale = d.cation[i] - d.cation[n.Atom] + d.cation[n.Atom]
			}
			moved += by / scale
		}
		if h := float64(m.Atoms[i].Hydrogens()); h > 0 {
			q := d.onH[i] / h
			by := hydrogenEN.a + q*(hydrogenEN.b+hydrogenEN.c*q) - d.energy[i]
			scale := protonEN
			if !(by < 0) { //nolint:staticcheck // as above
				scale = d.cation[i] - protonEN + protonEN
			}
			moved += h * (by / scale)
			d.onH[i] -= h * (by / scale) * damp
		}
		d.charges[i] += damp * moved
	}
}

// spreadFormal starts from the formal charges, shared between equal atoms at both ends of a conjugated pair of
// bonds: the oxygens of a carboxylate.
func (d *Describer) spreadFormal() {
	m := d.m
	conjugated := func(b int32) bool { return m.Bonds[b].Flags&chem.Conjugated != 0 }
	for i := range m.Atoms {
		a := &m.Atoms[i]
		if a.Charge == 0 || math.Abs(d.charges[i]) >= 1e-10 {
			continue
		}
		sum, share := int(a.Charge), append(d.list[:0], int32(i))
		for _, n := range m.Neighbors(int32(i)) {
			if !conjugated(n.Bond) {
				continue
			}
			for _, o := range m.Neighbors(n.Atom) {
				if o.Bond != n.Bond && conjugated(o.Bond) && m.Atoms[o.Atom].Element == a.Element {
					sum += int(m.Atoms[o.Atom].Charge)
					share = append(share, o.Atom)
				}
			}
		}
		for _, k := range share {
			d.charges[k] = float64(sum) / float64(len(share))
		}
		d.list = share
	}
}

// partialCharges writes the largest, the smallest, the largest absolute and the smallest absolute charge. A charge
// that is no number counts only where it comes last.
func (d *Describer) partialCharges(out []float64) {
	if len(d.m.Atoms) == 0 {
		missing(out)
		return
	}
	d.gasteiger()
	low, high := d.charges[0], d.charges[0]
	for _, q := range d.charges[1:] {
		if !(low < q) { //nolint:staticcheck // NaN gives way
			low = q
		}
		if !(high > q) { //nolint:staticcheck // NaN gives way
			high = q
		}
	}
	out[0], out[1] = high, low
	out[2], out[3] = math.Abs(low), math.Abs(low)
	if b := math.Abs(high); b > out[2] {
		out[2] = b
	} else if b < out[3] {
		out[3] = b
	}
}
