package descriptor

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"galen.dev/chem"
)

const (
	bonchev = "D. Bonchev, N. Trinajstić, J. Chem. Phys. 67 (1977) 4517"
	burden  = "R. S. Pearlman, K. M. Smith, Perspect. Drug Discov. Des. 9 (1998) 339"
)

// maxMatrix is the most atoms for which characteristic polynomials and eigenvalues are computed; their time grows
// with the third power at least.
const maxMatrix = 256

// ipc writes the information content of the coefficients of the adjacency matrix's characteristic polynomial:
// summed, and per unit. The polynomial is multiplied out from the eigenvalues, which keeps ten digits and more; the
// recursion of Le Verrier, which is common, loses all of them beyond 40 atoms or so.
func (d *Describer) ipc(out []float64) {
	m, n := d.m, len(d.m.Atoms)
	missing(out)
	if n > maxMatrix || n == 0 {
		return
	}
	matrix := mat.NewSymDense(n, nil)
	for i := range m.Bonds {
		matrix.SetSym(int(m.Bonds[i].Begin), int(m.Bonds[i].End), 1)
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(matrix, false) {
		return
	}
	coefficients := make([]float64, n+1)
	coefficients[0] = 1
	for k, root := range eigen.Values(nil) {
		for i := k + 1; i > 0; i-- {
			coefficients[i] -= root * coefficients[i-1]
		}
	}
	total, information := 0.0, 0.0
	for _, c := range coefficients {
		total += math.Abs(math.Round(c)) // they are whole numbers
	}
	for _, c := range coefficients {
		if p := math.Abs(math.Round(c)) / total; p > 0 {
			information -= p * math.Log2(p)
		}
	}
	out[0], out[1] = total*information, information
}

// burdenGroup are the extreme eigenvalues of Burden's matrix: a property of the atoms on the diagonal, 1/√order for
// bonds, 0.001 elsewhere.
func burdenGroup() group {
	g := group{fill: (*Describer).burden}
	for _, p := range [...]struct{ high, low, what string }{
		{"MWHI", "MWLOW", "mass"},
		{"CHGHI", "CHGLO", "partial charge"},
		{"LOGPHI", "LOGPLOW", "share of logP"},
		{"MRHI", "MRLOW", "share of molar refractivity"},
	} {
		g.infos = append(g.infos,
			Info{"BCUT2D_" + p.high, "largest eigenvalue of Burden's matrix by " + p.what, "", -inf, inf, burden},
			Info{"BCUT2D_" + p.low, "smallest eigenvalue of Burden's matrix by " + p.what, "", -inf, inf, burden})
	}
	return g
}

// burden leaves out hydrogens that are atoms; without other atoms all values are 0.
func (d *Describer) burden(out []float64) {
	m := d.m
	missing(out)
	at, n := make([]int32, len(m.Atoms)), 0
	for i := range m.Atoms {
		at[i] = -1
		if m.Atoms[i].Element != 1 {
			at[i] = int32(n)
			n++
		}
	}
	if n == 0 {
		clear(out)
		return
	}
	if n > maxMatrix || !d.gasteiger() {
		return
	}
	matrix := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i {
			matrix.SetSym(i, j, 0.001)
		}
	}
	for i := range m.Bonds {
		b := &m.Bonds[i]
		if at[b.Begin] < 0 || at[b.End] < 0 {
			continue
		}
		order := 0.0
		switch b.Order {
		case chem.Single:
			order = 1
		case chem.Aromatic:
			order = 1.5
		case chem.Double:
			order = 2
		case chem.Triple:
			order = 3
		default:
			return
		}
		matrix.SetSym(int(at[b.Begin]), int(at[b.End]), 1/math.Sqrt(order))
	}
	d.crippen()
	for k, property := range [4]func(i int) float64{
		func(i int) float64 { return m.Atoms[i].Mass() },
		func(i int) float64 { return d.charges[i] },
		func(i int) float64 { return crippenTypes[d.types[i]].logP },
		func(i int) float64 { return crippenTypes[d.types[i]].mr },
	} {
		for i := range m.Atoms {
			if at[i] >= 0 {
				matrix.SetSym(int(at[i]), int(at[i]), property(i))
			}
		}
		var eigen mat.EigenSym
		if eigen.Factorize(matrix, false) {
			values := eigen.Values(nil)
			out[2*k], out[2*k+1] = values[n-1], values[0]
		}
	}
}
