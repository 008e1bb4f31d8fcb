package descriptor

import (
	"math"

	"galen.dev/chem"
)

// EStates are the electrotopological state indices of the atoms: what each atom has by itself, changed by all
// others with the square of the distance (L. H. Hall, B. Mohney, L. B. Kier, J. Chem. Inf. Comput. Sci. 31 (1991)
// 76). It returns nil for molecules of more than MaxTopology atoms.
func EStates(m *chem.Mol) []float64 {
	var d Describer
	d.load(m)
	if !d.estate() {
		return nil
	}
	return d.states
}

// principal is the principal quantum number of an element's valence shell.
func principal(z uint8) int {
	for n, last := range [...]uint8{2, 10, 18, 36, 54, 86} {
		if z <= last {
			return n + 1
		}
	}
	return 7
}

// estate computes the indices; false if the molecule is too large.
func (d *Describer) estate() bool {
	m, n := d.m, len(d.m.Atoms)
	if n > MaxTopology {
		return false
	}
	if d.have.set(haveStates) {
		return true
	}
	d.states, d.intrinsic = zeroed(d.states, n), zeroed(d.intrinsic, n)
	for i := range m.Atoms {
		a := &m.Atoms[i]
		if deg := m.Degree(int32(i)); deg > 0 {
			electrons := float64(int(chem.ElementOf(a.Element).Outer) - a.Hydrogens())
			shell := float64(principal(a.Element))
			d.intrinsic[i] = (4/(shell*shell)*electrons + 1) / float64(deg)
		}
	}
	for i := range m.Atoms {
		d.steps(int32(i))
		sum := d.intrinsic[i]
		for j, dist := range d.dist {
			if dist > 0 {
				p := float64(dist + 1)
				sum += (d.intrinsic[i] - d.intrinsic[j]) / (p * p)
			}
		}
		d.states[i] = sum
	}
	return true
}

// extremeStates writes the largest absolute, largest, smallest absolute and smallest index.
func (d *Describer) extremeStates(out []float64) {
	if !d.estate() || len(d.states) == 0 {
		missing(out)
		return
	}
	out[0], out[1], out[2], out[3] = 0, math.Inf(-1), math.Inf(1), math.Inf(1)
	for _, s := range d.states {
		out[0], out[1] = max(out[0], math.Abs(s)), max(out[1], s)
		out[2], out[3] = min(out[2], math.Abs(s)), min(out[3], s)
	}
}
