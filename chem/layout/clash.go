package layout

import (
	"math"
	"math/cmplx"
	"slices"

	"galen.dev/chem"
)

// Bounds of the work on collisions: molecules beyond maxRelief vertices are left as they grew, and others get this
// many comparisons of vertices.
const (
	maxRelief   = 3000
	reliefLimit = 6_000_000
)

// relieve takes collisions out of one part: it mirrors branches at bonds, then bends and stretches bonds.
func (g *graph) relieve(part []int32) {
	if len(part) > maxRelief || len(part) < 5 {
		return
	}
	g.budget = reliefLimit
	tried := map[[2]int32]bool{}
	for range 60 {
		i, j, ok := g.worst(part, tried)
		if !ok || g.budget < 0 {
			return
		}
		if !g.improve(i, j) {
			tried[[2]int32{i, j}] = true
			if len(tried) > 12 {
				return
			}
		}
	}
}

// clashLimit is the cost from which a pair of vertices is worth moving apart.
const clashLimit = 0.04

// worst finds the vertices in the worst collision, or on bonds that cross.
func (g *graph) worst(part []int32, tried map[[2]int32]bool) (bi, bj int32, found bool) {
	most := clashLimit
	cells := newCells(g, part)
	for _, v := range part {
		cells.around(v, func(u int32) {
			if u >= v {
				return
			}
			c := g.pair(u, v)
			for _, x := range g.edges(v) {
				for _, y := range g.edges(u) {
					if x.to != u && y.to != v && x.to != y.to && v > x.to && u > y.to && crosses(g.at[v], g.at[x.to], g.at[u], g.at[y.to]) {
						c += 2
					}
				}
			}
			if c > most+1e-9 && !tried[[2]int32{v, u}] {
				bi, bj, most, found = v, u, c, true
			}
		})
	}
	g.budget -= 20 * len(part)
	return bi, bj, found
}

// pair is the cost of two vertices.
func (g *graph) pair(u, v int32) float64 {
	d := g.at[u] - g.at[v]
	x, y := real(d), imag(d)
	if x > 1.3 || x < -1.3 || y > 1.3 || y < -1.3 {
		return 0
	}
	r := x*x + y*y
	if r > 1.69 || g.between(u, v) >= 0 {
		return 0
	}
	c := crowd(math.Sqrt(r))
	if g.system[u] >= 0 && g.system[u] == g.system[v] && r > 0.25 {
		return 0 // rings are as they are
	}
	return c
}

// cells is a grid that finds near vertices.
type cells struct {
	g    *graph
	side float64
	at   map[[2]int32][]int32
	all  []int32
}

func newCells(g *graph, part []int32) *cells {
	c := &cells{g: g, side: 2}
	if len(part) < 120 {
		c.all = part
		return c
	}
	c.at = make(map[[2]int32][]int32, len(part))
	for _, v := range part {
		k := c.key(g.at[v])
		c.at[k] = append(c.at[k], v)
	}
	return c
}

func (c *cells) key(p complex128) [2]int32 {
	return [2]int32{int32(math.Floor(real(p) / c.side)), int32(math.Floor(imag(p) / c.side))}
}

func (c *cells) around(v int32, f func(u int32)) {
	p := c.g.at[v]
	if c.all != nil {
		for _, u := range c.all {
			if d := c.g.at[u] - p; real(d) < 2 && real(d) > -2 && imag(d) < 2 && imag(d) > -2 {
				f(u)
			}
		}
		return
	}
	k := c.key(p)
	for dx := int32(-1); dx <= 1; dx++ {
		for dy := int32(-1); dy <= 1; dy++ {
			for _, u := range c.at[[2]int32{k[0] + dx, k[1] + dy}] {
				f(u)
			}
		}
	}
}

// path lists the tree bonds, by their lower ends, between two vertices that can turn.
func (g *graph) path(i, j int32) []int32 {
	var out []int32
	for i != j {
		if g.in[i] < g.in[j] {
			i, j = j, i
		}
		if b := g.up[i]; b >= 0 && !g.bonds[b].ring {
			out = append(out, i)
		}
		i = g.parent[i]
	}
	return out
}

// improve makes the one move that takes most off the cost of the collision of two vertices. It reports whether there was one.
func (g *graph) improve(i, j int32) bool {
	path := g.path(i, j)
	best, gain := move{}, 0.02
	try := func(m move) {
		if g.budget < 0 {
			return
		}
		if c := g.gain(m); c > gain+1e-9 {
			best, gain = m, c
		}
	}
	for _, v := range path {
		if g.frozen(v) {
			continue
		}
		if g.bonds[g.up[v]].stereo <= chem.AnyStereo {
			try(move{v: v, mirror: true})
		}
	}
	if gain == 0.02 {
		for _, v := range path {
			if g.frozen(v) {
				continue
			}
			for _, a := range [6]float64{15, -15, 30, -30, 45, -45} {
				try(move{v: v, angle: a})
			}
			for _, l := range [3]float64{1.2, 1.4, 1.7} {
				try(move{v: v, length: l})
			}
		}
	}
	if best == (move{}) {
		return false
	}
	g.apply(best)
	return true
}

// frozen says whether a branch holds vertices that a template placed.
func (g *graph) frozen(v int32) bool {
	return g.fixed != nil && slices.ContainsFunc(g.below(v), func(u int32) bool { return g.fixed[u] })
}

// move changes the branch below v: mirrored at the bond above it, or turned around the upper end, or pushed out.
type move struct {
	v      int32
	mirror bool
	angle  float64 // degrees
	length float64 // of the bond
}

// price is what a move costs by itself: angles and lengths should stay as they are.
func (m move) price() float64 {
	switch {
	case m.mirror:
		return 0
	case m.angle != 0:
		return math.Abs(m.angle) / 600
	}
	return 0.12 * m.length
}

func (g *graph) motion(m move) func(complex128) complex128 {
	p, q := g.at[g.parent[m.v]], g.at[m.v]
	switch {
	case m.mirror:
		axis := q - p
		u := axis / complex(cmplx.Abs(axis), 0)
		return func(z complex128) complex128 { return p + cmplx.Conj((z-p)*cmplx.Conj(u))*u }
	case m.angle != 0:
		turn := cmplx.Rect(1, m.angle*math.Pi/180)
		return func(z complex128) complex128 { return p + (z-p)*turn }
	}
	shift := (q - p) * complex(m.length/cmplx.Abs(q-p)-1, 0)
	return func(z complex128) complex128 { return z + shift }
}

// gain is how much a move takes off the cost between its branch and the rest.
func (g *graph) gain(m move) float64 {
	branch := g.below(m.v)
	before := g.against(branch)
	saved := make([]complex128, len(branch))
	f := g.motion(m)
	for i, v := range branch {
		saved[i] = g.at[v]
		g.at[v] = f(g.at[v])
	}
	bad := g.twisted(m)
	after := g.against(branch)
	for i, v := range branch {
		g.at[v] = saved[i]
	}
	if bad {
		return 0
	}
	return before - after - m.price()
}

// twisted says whether a double bond beside the moved bond lost its arrangement.
func (g *graph) twisted(m move) bool {
	if m.mirror {
		return false
	}
	for _, v := range [2]int32{m.v, g.parent[m.v]} {
		for _, e := range g.edges(v) {
			if b := &g.bonds[e.bond]; b.stereo > chem.AnyStereo && !g.drawnAs(b) {
				return true
			}
		}
	}
	return false
}

// drawnAs says whether a stereo double bond is drawn as stated.
func (g *graph) drawnAs(b *bond) bool {
	axis := g.at[b.b] - g.at[b.a]
	c := cross(axis, g.at[b.ra]-g.at[b.a]) * cross(axis, g.at[b.rb]-g.at[b.b])
	return math.Abs(c) > 1e-3 && (c > 0) == (b.stereo == chem.Cis)
}

func (g *graph) apply(m move) {
	f := g.motion(m)
	for _, v := range g.below(m.v) {
		g.at[v] = f(g.at[v])
	}
}

// against is the cost between a branch and the rest of its part.
func (g *graph) against(branch []int32) float64 {
	lo, hi := g.in[branch[0]], g.in[branch[0]]+int32(len(branch))
	// The part is a range of the order: from its root to the end of the root's branch.
	root := branch[0]
	for g.parent[root] >= 0 {
		root = g.parent[root]
	}
	all := g.below(root)
	box := newBox()
	for _, v := range branch {
		box.add(g.at[v])
	}
	cost := 0.0
	rest := make([]int32, 0, len(all))
	for _, u := range all {
		if i := g.in[u]; i >= lo && i < hi {
			continue
		}
		if box.near(g.at[u], 1.8) {
			rest = append(rest, u)
		}
	}
	g.budget -= len(all) + len(rest)*len(branch)
	for _, v := range branch {
		p := g.at[v]
		for _, u := range rest {
			d := g.at[u] - p
			if x, y := real(d), imag(d); x > 1.9 || x < -1.9 || y > 1.9 || y < -1.9 {
				continue
			}
			cost += g.pair(u, v)
			if pv, pu := g.parent[v], g.parent[u]; pv >= 0 && pu >= 0 && pv != u && pu != v && pv != pu &&
				crosses(p, g.at[pv], g.at[u], g.at[pu]) {
				cost += 1.5
			}
		}
	}
	return cost
}

// box is a rectangle.
type box struct{ x0, y0, x1, y1 float64 }

func newBox() box { return box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)} }

func (b *box) add(p complex128) {
	b.x0, b.x1 = min(b.x0, real(p)), max(b.x1, real(p))
	b.y0, b.y1 = min(b.y0, imag(p)), max(b.y1, imag(p))
}

func (b *box) near(p complex128, d float64) bool {
	return real(p) > b.x0-d && real(p) < b.x1+d && imag(p) > b.y0-d && imag(p) < b.y1+d
}
