package descriptor

import (
	"cmp"
	"math"
	"slices"

	"galen.dev/chem"
)

// MaxTopology is the most atoms for which descriptors that compare all atoms with all others are computed; their
// time grows with the square.
const MaxTopology = 4096

// steps fills dist with the number of bonds from an atom to every atom, -1 where there is no way.
func (d *Describer) steps(from int32) {
	m := d.m
	d.dist = resized(d.dist, len(m.Atoms))
	for i := range d.dist {
		d.dist[i] = -1
	}
	d.dist[from] = 0
	queue := append(d.list[:0], from)
	for k := 0; k < len(queue); k++ {
		for _, n := range m.Neighbors(queue[k]) {
			if d.dist[n.Atom] < 0 {
				d.dist[n.Atom] = d.dist[queue[k]] + 1
				queue = append(queue, n.Atom)
			}
		}
	}
	d.list = queue
}

// unit is the length of a single bond in distances that count bonds by the inverse of their order.
const unit = 12

// inverseOrder is the length of a bond in twelfths of a single bond.
func inverseOrder(b *chem.Bond) int32 {
	switch {
	case b.Aromatic():
		return unit * 2 / 3
	case b.Order == chem.Double:
		return unit / 2
	case b.Order == chem.Triple:
		return unit / 3
	case b.Order == chem.Quadruple:
		return unit / 4
	}
	return unit
}

// lengths fills dist with the distances in twelfths, by Dijkstra's method with a bucket for each distance.
func (d *Describer) lengths(from int32) {
	m := d.m
	d.dist = resized(d.dist, len(m.Atoms))
	for i := range d.dist {
		d.dist[i] = -1
	}
	// Bonds are at most unit long: a ring of unit+1 buckets holds all distances that are under way.
	const ring = unit + 1
	for i := range d.buckets {
		d.buckets[i] = d.buckets[i][:0]
	}
	d.buckets[0] = append(d.buckets[0], from)
	for at, open := int32(0), 1; open > 0; at++ {
		bucket := &d.buckets[at%ring]
		for k := 0; k < len(*bucket); k++ {
			i := (*bucket)[k]
			open--
			if d.dist[i] >= 0 {
				continue
			}
			d.dist[i] = at
			for _, n := range m.Neighbors(i) {
				if d.dist[n.Atom] < 0 {
					to := (at + d.bondLength[n.Bond]) % ring
					d.buckets[to] = append(d.buckets[to], n.Atom)
					open++
				}
			}
		}
		*bucket = (*bucket)[:0]
	}
}

// noWay stands for the distance between parts that are not connected, in single bonds.
const noWay = 1e8

// cutoff is how many of the smallest distances of an atom decide its class in BertzCT.
const cutoff = 100

// distances computes what BalabanJ and BertzCT need: the sum of the distances of each atom, and its class: atoms
// with equal distances are of one class. It is false if the molecule is too large.
func (d *Describer) distances() bool {
	m, n := d.m, len(d.m.Atoms)
	if n > MaxTopology {
		return false
	}
	if d.have.set(haveDistances) {
		return true
	}
	d.bondLength = resized(d.bondLength, len(m.Bonds))
	for i := range m.Bonds {
		d.bondLength[i] = inverseOrder(&m.Bonds[i])
	}
	d.total, d.class = zeroed(d.total, n), resized(d.class, n)
	width := min(n, cutoff)
	d.rows = resized(d.rows, n*width)
	for i := range m.Atoms {
		d.lengths(int32(i))
		sum, apart := 0, 0
		for k, v := range d.dist {
			if v < 0 {
				d.dist[k] = math.MaxInt32
				apart++
			} else {
				sum += int(v)
			}
		}
		d.total[i] = float64(sum)/unit + noWay*float64(apart)
		slices.Sort(d.dist)
		copy(d.rows[i*width:(i+1)*width], d.dist)
	}
	d.classify(width)
	return true
}

// classify numbers the atoms' rows of distances: equal rows, equal numbers.
func (d *Describer) classify(width int) {
	row := func(i int32) []int32 { return d.rows[int(i)*width : (int(i)+1)*width] }
	order := resized(d.list, len(d.class))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Or(slices.Compare(row(a), row(b)), int(a-b)) })
	class := int32(0)
	for k, i := range order {
		if k > 0 && !slices.Equal(row(order[k-1]), row(i)) {
			class++
		}
		d.class[i] = class
	}
	d.list = order
}

// balabanJ is Balaban's index of averaged distance sums, with bonds as long as the inverse of their order (A. T.
// Balaban, Chem. Phys. Lett. 89 (1982) 399).
func (d *Describer) balabanJ(out []float64) {
	if !d.distances() {
		missing(out)
		return
	}
	m := d.m
	sum := 0.0
	for i := range m.Bonds {
		b := &m.Bonds[i]
		sum += 1 / math.Sqrt(d.total[b.Begin]*d.total[b.End])
	}
	rings := len(m.Bonds) - len(m.Atoms) + 1
	out[0] = 0
	if rings+1 != 0 {
		out[0] = float64(len(m.Bonds)) / float64(rings+1) * sum
	}
}

// connection is a pair of neighbouring bonds, or a multiple bond, by the classes of its atoms.
type connection struct {
	ends   [3]int32
	weight float64
}

// bertzCT is Bertz's complexity: the information in the kinds of connections plus that in the kinds of atoms (S. H.
// Bertz, J. Am. Chem. Soc. 103 (1981) 3599), with aromatic bonds of order 1.5.
func (d *Describer) bertzCT(out []float64) {
	m, n := d.m, len(d.m.Atoms)
	if !d.distances() {
		missing(out)
		return
	}
	out[0] = 0
	if n < 2 {
		return
	}
	d.connections()
	slices.SortFunc(d.links, func(a, b connection) int { return slices.Compare(a.ends[:], b.ends[:]) })
	total, sum := 0.0, 0.0
	for i := 0; i < len(d.links); {
		weight, j := 0.0, i
		for ; j < len(d.links) && d.links[j].ends == d.links[i].ends; j++ {
			weight += d.links[j].weight
		}
		total += weight
		sum += weight * math.Log2(weight)
		i = j
	}
	if total > 0 {
		// total·(entropy + log₂ total), where entropy = log₂ total - sum/total
		out[0] = 2*total*math.Log2(total) - sum
	}
	var kinds [chem.MaxElement + 1]int
	for i := range m.Atoms {
		kinds[m.Atoms[i].Element]++
	}
	for _, k := range kinds {
		if k > 0 {
			out[0] -= float64(k) * math.Log2(float64(k)/float64(n))
		}
	}
}

func (d *Describer) connections() {
	m := d.m
	d.links = d.links[:0]
	order := func(b int32) float64 {
		bond := &m.Bonds[b]
		switch {
		case bond.Aromatic():
			return 1.5
		case bond.Order == chem.Double:
			return 2
		case bond.Order == chem.Triple:
			return 3
		case bond.Order == chem.Quadruple:
			return 4
		case bond.Order == chem.Any || bond.Order == chem.Hydrogen:
			return 0
		}
		return 1
	}
	for i := range m.Atoms {
		near := m.Neighbors(int32(i))
		for k, n := range near {
			first, class := order(n.Bond), d.class[n.Atom]
			if first > 1 && n.Atom > int32(i) {
				own := d.class[i]
				d.links = append(d.links, connection{[3]int32{min(own, class), -1, max(own, class)}, first * (first - 1) / 2})
			}
			for _, o := range near[k+1:] {
				other := d.class[o.Atom]
				d.links = append(d.links, connection{[3]int32{min(class, other), d.class[i], max(class, other)}, first * order(o.Bond)})
			}
		}
	}
}
