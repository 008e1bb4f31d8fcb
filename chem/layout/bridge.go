package layout

import (
	"math"
	"math/cmplx"
	"slices"
)

// layCluster lays rings that share more than one bond with each other.
func (g *graph) layCluster(rings []int) *body {
	c := cluster{g: g}
	for _, r := range rings {
		for _, b := range g.rings[r].bonds {
			if !slices.Contains(c.bonds, b) {
				c.bonds = append(c.bonds, b)
			}
		}
		for _, v := range g.rings[r].atoms {
			if !slices.Contains(c.atoms, v) {
				c.atoms = append(c.atoms, v)
			}
		}
		if len(c.atoms) > maxRelaxed {
			break
		}
	}
	slices.Sort(c.atoms)
	if b := c.theta(); b != nil {
		return b
	}
	return c.spread()
}

type cluster struct {
	g     *graph
	atoms []int32
	bonds []int32
}

func (c *cluster) inside(v int32) []int32 {
	var out []int32
	for _, e := range c.g.edges(v) {
		if slices.Contains(c.bonds, e.bond) {
			out = append(out, e.to)
		}
	}
	return out
}

// theta lays a bicycle: two heads joined by three paths. Two paths make the outer ring, the third runs inside. A
// path without substituents is best inside.
func (c *cluster) theta() *body {
	if len(c.bonds) != len(c.atoms)+1 {
		return nil
	}
	var heads []int32
	for _, v := range c.atoms {
		if len(c.inside(v)) == 3 {
			heads = append(heads, v)
		}
	}
	if len(heads) != 2 {
		return nil
	}
	var paths [3][]int32
	for i, v := range c.inside(heads[0]) {
		last := heads[0]
		for v != heads[1] {
			paths[i] = append(paths[i], v)
			two := c.inside(v)
			k := two[0]
			if k == last {
				k = two[1]
			}
			last, v = v, k
		}
	}
	inner, least := 0, math.Inf(1)
	for i, p := range paths {
		cost := 1.1 * float64(len(p))
		for _, v := range p {
			cost += float64(c.g.degree(v)-2) * (1.6 + 0.1*float64(len(p)))
		}
		if cost < least-1e-9 {
			inner, least = i, cost
		}
	}
	left, right, mid := paths[(inner+1)%3], paths[(inner+2)%3], paths[inner]
	if len(left) < len(right) {
		left, right = right, left
	}
	b := newBody(len(c.atoms))
	outer := polygon(len(left) + len(right) + 2)
	k := 0
	put := func(v int32) {
		b.put(v, outer[k])
		k++
	}
	put(heads[0])
	for _, v := range left {
		put(v)
	}
	put(heads[1])
	for i := len(right) - 1; i >= 0; i-- {
		put(right[i])
	}
	// The inner path bows towards the longer side, where there is more room.
	p, q := b.pos(heads[0]), b.pos(heads[1])
	middle := (p + q) / 2
	away := -middle
	if cmplx.Abs(away) < 0.2 {
		away = (q - p) * 1i
		if len(left) > 0 {
			if d := b.pos(left[len(left)/2]) - middle; real(d*cmplx.Conj(away)) < 0 {
				away = -away
			}
		}
		away *= complex(0.28/cmplx.Abs(away), 0)
		if len(mid) > 1 {
			away /= 2
		}
	} else {
		away *= complex(min(1, 0.55/cmplx.Abs(away)), 0)
	}
	for i, v := range mid {
		t := float64(i+1) / float64(len(mid)+1)
		zig := complex(1, 0)
		if len(mid) > 1 && len(mid)%2 == 0 && i%2 == 1 && len(left) == len(right) {
			zig = -1
		}
		b.put(v, p+(q-p)*complex(t, 0)+away*zig)
	}
	return b
}

// spread lays any cluster by stress: distances in the drawing follow those in the graph (Kamada and Kawai 1989, in
// the form of Gansner, Koren and North 2004). Several starts are tried and the one with fewest crossings is kept.
func (c *cluster) spread() *body {
	n := len(c.atoms)
	dist := c.distances()
	best, least := []complex128(nil), math.Inf(1)
	for start := range 6 {
		at := make([]complex128, n)
		for i := range at {
			k := float64(i * (start + 1) % n)
			at[i] = cmplx.Rect(1+0.25*float64(n)/6+0.1*float64((i*7+start)%5), 2*math.Pi*k/float64(n)+float64(i)*0.01)
		}
		for range 60 {
			stressStep(at, dist)
		}
		b := &body{atoms: c.atoms, at: at}
		b.index()
		cost := c.cost(b)
		if cost < least-1e-9 {
			best, least = at, cost
		}
	}
	b := &body{atoms: slices.Clone(c.atoms), at: best}
	b.index()
	return b
}

func (b *body) index() {
	b.slot = make(map[int32]int, len(b.atoms))
	for i, v := range b.atoms {
		b.slot[v] = i
	}
}

// distances are the graph's, stretched by what a drawing in a plane needs.
func (c *cluster) distances() [][]float64 {
	n := len(c.atoms)
	slot := make(map[int32]int, n)
	for i, v := range c.atoms {
		slot[v] = i
	}
	out := make([][]float64, n)
	queue := make([]int32, 0, n)
	for i, v := range c.atoms {
		out[i] = make([]float64, n)
		seen := map[int32]bool{v: true}
		queue = append(queue[:0], v)
		for k := 0; k < len(queue); k++ {
			x := queue[k]
			for _, y := range c.inside(x) {
				if !seen[y] {
					seen[y] = true
					out[i][slot[y]] = out[i][slot[x]] + 1
					queue = append(queue, y)
				}
			}
		}
	}
	for i := range out {
		for k := range out[i] {
			if out[i][k] > 1 {
				out[i][k] = math.Pow(out[i][k], 0.9)
			}
		}
	}
	return out
}

// stressStep moves every point to where its distances to the others ask it to be.
func stressStep(at []complex128, dist [][]float64) {
	for i := range at {
		var sum complex128
		total := 0.0
		for k := range at {
			if i == k {
				continue
			}
			d := dist[i][k]
			if d == 0 {
				continue
			}
			w := 1 / (d * d)
			delta := at[i] - at[k]
			r := cmplx.Abs(delta)
			if r < 1e-9 {
				delta, r = complex(1e-3, 1e-3*float64(i-k)), 1e-3*math.Hypot(1, float64(i-k))
			}
			sum += complex(w, 0) * (at[k] + delta*complex(d/r, 0))
			total += w
		}
		if total > 0 {
			at[i] = sum / complex(total, 0)
		}
	}
}

// cost judges a drawing of the cluster: crossings, crowded vertices, unequal bonds.
func (c *cluster) cost(b *body) float64 {
	cost := 0.0
	for i, x := range c.bonds {
		p := &c.g.bonds[x]
		d := cmplx.Abs(b.pos(p.a) - b.pos(p.b))
		cost += 4 * (d - 1) * (d - 1)
		for _, y := range c.bonds[:i] {
			q := &c.g.bonds[y]
			if p.a != q.a && p.a != q.b && p.b != q.a && p.b != q.b &&
				crosses(b.pos(p.a), b.pos(p.b), b.pos(q.a), b.pos(q.b)) {
				cost++
			}
		}
	}
	for i, p := range b.at {
		for _, q := range b.at[:i] {
			if d := cmplx.Abs(p - q); d < 0.7 {
				cost += 4 * (0.7 - d)
			}
		}
	}
	return cost
}

// crosses says whether two segments cross.
func crosses(a, b, c, d complex128) bool {
	turn := func(p, q, r complex128) float64 { return cross(q-p, r-p) }
	return turn(a, b, c)*turn(a, b, d) < -1e-9 && turn(c, d, a)*turn(c, d, b) < -1e-9
}

func cross(a, b complex128) float64 { return real(a)*imag(b) - imag(a)*real(b) }

// relax evens out the bonds of a ring system with springs: bonds want length 1, next neighbours in a ring the
// distance they have in a regular polygon, and all others some room.
func (s *system) relax() {
	g, b := s.g, s.b
	type spring struct {
		i, k    int
		want, w float64
	}
	var springs []spring
	bonded := map[[2]int]bool{}
	add := func(u, v int32, want, w float64) {
		i, k := b.slot[u], b.slot[v]
		i, k = min(i, k), max(i, k)
		if !bonded[[2]int{i, k}] {
			bonded[[2]int{i, k}] = true
			springs = append(springs, spring{i, k, want, w})
		}
	}
	for _, x := range s.bonds {
		add(g.bonds[x].a, g.bonds[x].b, 1, 1)
	}
	for _, r := range s.rings {
		atoms := g.rings[r].atoms
		n := len(atoms)
		if g.large(r) {
			continue
		}
		for i := range atoms {
			if u, v := atoms[i], atoms[(i+2)%n]; n > 3 {
				w := 0.3
				if g.degree(atoms[(i+1)%n]) > 3 || len(s.clusters) > 0 {
					w = 0.1
				}
				add(u, v, 2*math.Cos(math.Pi/float64(n)), w)
			}
		}
	}
	n := len(b.at)
	move := make([]complex128, n)
	for step := range 200 {
		clear(move)
		for _, sp := range springs {
			d := b.at[sp.k] - b.at[sp.i]
			r := cmplx.Abs(d)
			if r < 1e-6 {
				continue
			}
			f := d * complex(sp.w*(r-sp.want)/r/4, 0)
			move[sp.i] += f
			move[sp.k] -= f
		}
		for i := range n {
			for k := range i {
				d := b.at[k] - b.at[i]
				if math.Abs(real(d)) > 0.8 || math.Abs(imag(d)) > 0.8 {
					continue
				}
				r := cmplx.Abs(d)
				if r >= 0.8 || bonded[[2]int{k, i}] {
					continue
				}
				if r < 1e-6 {
					d, r = complex(1e-3, 1e-3*float64(k+1)), 1e-3
				}
				f := d * complex((r-0.8)/r/4, 0)
				move[i] += f
				move[k] -= f
			}
		}
		most := 0.0
		for i := range move {
			if a := cmplx.Abs(move[i]); a > 0.2 {
				move[i] *= complex(0.2/a, 0)
			}
			most = max(most, cmplx.Abs(move[i]))
			b.at[i] += move[i]
		}
		if step > 20 && most < 1e-3 {
			break
		}
	}
}
